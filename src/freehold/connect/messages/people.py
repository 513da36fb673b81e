"""How somebody is reached: a person by mail or in Slack, as a team says; a channel as its own file does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from freehold.connect.messages.declared import PAGERDUTY, Channel, channels_of
from freehold.delivery.gate import handles_of

if TYPE_CHECKING:
    from freehold.estate.model import Estate

CHANNEL = "channel:"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to somebody.

    Attributes:
        receiver: who is reached: `user:…`, or `channel:ID`.
        address: where mail goes; empty where a channel is the way.
        channel: the channel that leads to them; of a person, the conversation that is theirs alone.
        eyes, groups: with whose eyes, and of which groups, what they are told is seen.
    """

    receiver: str
    address: str = ""
    channel: Channel | None = None
    eyes: str = ""
    groups: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """What leads there: `mail`, `slack`, `teams`, `webhook`."""
        return self.channel.to if self.channel else "mail"


def way_to(receiver: str, estate: Estate, *, has_mail: bool) -> Way | None:
    """Return the way to somebody, by mail before Slack; None where no file leads to them.

    Args:
        receiver: `user:…`, or `channel:ID`.
        estate: whose teams and channels are gone by.
        has_mail: whether there is a mail server.
    """
    channels = channels_of(estate)
    if receiver.startswith(CHANNEL):
        found = channels.get(receiver.removeprefix(CHANNEL))
        is_read = found is not None and found.to != PAGERDUTY
        return Way(receiver, channel=found, eyes=found.account) if found is not None and is_read else None
    name, groups = _handle(handles_of(estate, "mail"), receiver) if has_mail else ("", ())
    if name:
        return Way(receiver, name, None, receiver, groups)
    name, groups = _handle(handles_of(estate, "slack"), receiver)
    slack = next((one for one in channels.values() if one.to == "slack" and one.token), None)
    if not name or slack is None:
        return None
    return Way(receiver, channel=replace(slack, conversation=name.upper()), eyes=receiver, groups=groups)


def _handle(handles: Mapping[str, tuple[str, ...]], receiver: str) -> tuple[str, tuple[str, ...]]:
    """Return what somebody is called elsewhere, and what else that name stands for here."""
    return next(
        ((name, tuple(one for one in who if one != receiver)) for name, who in handles.items() if receiver in who),
        ("", ()),
    )
