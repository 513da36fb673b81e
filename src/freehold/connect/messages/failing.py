"""What keeps a channel from being told: for now, or for good."""

from __future__ import annotations

from datetime import timedelta

from freehold.connect.messages.declared import Channel
from freehold.foundation import Exit, FreeholdError, Transient


class Busy(Transient):
    """Something that may pass by itself; `wish` is for how long a receiver asks to be left alone, where it does."""

    wish: timedelta | None = None


def passing(channel: Channel, why: str, wish: timedelta | None = None) -> Busy:
    """Return what says that a channel takes nothing now; `why` goes on after what it leads to."""
    busy = Busy(
        "FH-X321", f"What `{channel.id}` leads to {why}.", where=channel.where, exit_code=Exit.ENVIRONMENT,
        fix="It is told again later.",
    )  # fmt: skip
    busy.wish = wish
    return busy


def refused(channel: Channel, why: str) -> FreeholdError:
    """Return what says that a channel refuses for good what it was told."""
    return FreeholdError(
        "FH-X322", f"`{channel.id}` cannot be told: {why}.", where=channel.where, exit_code=Exit.ENVIRONMENT,
        fix="Look at the token and its scopes, and whether the bot is in the conversation.",
    )  # fmt: skip
