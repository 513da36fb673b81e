"""A message as it is told, whatever it is told in."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Button:
    """A decision that may be made in a message: its words, what is sent back, and whether a reason is asked for."""

    text: str
    value: str
    is_yes: bool = True
    asks_why: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """That a decision waits: a heading, a few facts, the page where it can be made, and buttons where it can be here.

    `url` is empty where nobody could follow it.
    """

    heading: str
    lines: tuple[str, ...]
    url: str
    buttons: tuple[Button, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Said:
    """What a message is called where it was posted; empty where it cannot be changed any more."""

    conversation: str = ""
    message: str = ""
