"""Messages where people are: that a decision waits, or what a home page says: Slack, Teams, a webhook, mail."""

from freehold.connect.messages.briefs import BriefFile, brief_findings, briefs_of
from freehold.connect.messages.declared import PLAN, Channel, channel_findings, channels_of
from freehold.connect.messages.mail import Mail, MailServer, mail_server_of, send_mail
from freehold.connect.messages.message import Message, Said
from freehold.connect.messages.people import Way, way_to
from freehold.connect.messages.signing import slack_signed, slack_verified

__all__ = [
    "PLAN",
    "BriefFile",
    "Channel",
    "Mail",
    "MailServer",
    "Message",
    "Said",
    "Way",
    "brief_findings",
    "briefs_of",
    "channel_findings",
    "channels_of",
    "mail_server_of",
    "send_mail",
    "slack_signed",
    "slack_verified",
    "way_to",
]
