"""Messages where people are: that a decision waits, in Slack with buttons, in Teams with a link to the page."""

from freehold.connect.messages.declared import PLAN, Channel, channel_findings, channels_of
from freehold.connect.messages.message import Message, Said
from freehold.connect.messages.signing import slack_signed, slack_verified

__all__ = [
    "PLAN",
    "Channel",
    "Message",
    "Said",
    "channel_findings",
    "channels_of",
    "slack_signed",
    "slack_verified",
]
