"""Webhooks: who is told of what happened, as files declare it; how it is signed; what comes of an answer. Pure.

Sending, and what is remembered of it, is the server's.
"""

from freehold.connect.webhooks.declared import KIND, Subscription, subscription_findings, subscriptions_of
from freehold.connect.webhooks.judging import GIVEN_UP_AFTER, SCHEDULE, Outcome, attempted
from freehold.connect.webhooks.signing import fresh_secret, key_of, signed, verified

__all__ = [
    "GIVEN_UP_AFTER",
    "KIND",
    "SCHEDULE",
    "Outcome",
    "Subscription",
    "attempted",
    "fresh_secret",
    "key_of",
    "signed",
    "subscription_findings",
    "subscriptions_of",
    "verified",
]
