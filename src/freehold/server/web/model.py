"""View models of the components: what each macro of `components.html` takes. Values, never markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Tone = Literal["ok", "warn", "bad", "idle"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A state: a form and a colour (`tone`), and always a word."""

    tone: Tone
    word: str


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Ending:
    """That something is to be taken away; where to read more, and what to use instead, may be empty."""

    text: str
    href: str = ""
    instead: str = ""
    instead_href: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a table. `kind` is `text`, `num` or `wide`; `sorts` lets readers order by it."""

    title: str
    kind: Literal["text", "num", "wide"] = "text"
    sorts: bool = True
    narrow: bool = True  # whether it stays at phone width


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure with its name. Without a value it says why there is none; `href` leads to what it was made of.

    `mark` says whether it is as it is to be; `unknown` is what stands where there is no value.
    """

    name: str
    value: str = ""
    unit: str = ""
    told: str = ""
    href: str = ""
    spark: Spark | None = None
    mark: Mark | None = None
    unknown: str = "not instrumented"


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes, 96 by 20: a path, the area below it, and what a screen reader is told."""

    line: str
    area: str
    label: str


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a chart, in its own units and as it is said; `key` is what it belongs to, a month for instance."""

    x: float
    y: float
    key: str
    shown: str
    value: float
    label: str  # the key as the axis has it
    href: str = ""  # where it leads: to what explains it
    usual: str = ""  # between what it would have been usual


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened, on the axis of time."""

    x: float
    label: str
    href: str
    tone: Tone = "idle"


@dataclass(frozen=True, slots=True)
class Gridline:
    """A line across a chart, and the value it stands for."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A line over time, ready to be drawn in a box of `width` by `height`; its points are a table, too.

    `partial` is the end of the line whose period is not over; `band` is the room in which values would have been usual.
    """

    title: str
    unit: str
    width: int
    height: int
    top: float
    bottom: float
    line: str
    area: str
    partial: str
    points: tuple[Point, ...]
    gridlines: tuple[Gridline, ...]
    ticks: tuple[Point, ...]
    annotations: tuple[Annotation, ...] = ()
    bound: Gridline | None = None
    focus: Point | None = None  # the one that the page is about
    band: str = ""

    @property
    def embedded(self) -> list[dict[str, object]]:
        """What the cursor in the browser reads."""
        told = [{"x": p.x, "y": p.y, "key": p.key, "shown": p.shown} for p in self.points]
        return [{**one, "href": p.href} if p.href else one for one, p in zip(told, self.points, strict=True)]

    @property
    def headings(self) -> tuple[Heading, ...]:
        """The columns of the same as a table."""
        usual = (Heading("Usual", "num", sorts=False),) if self.band else ()
        return (Heading("Period"), Heading(self.title, "num"), *usual)


@dataclass(frozen=True, slots=True)
class Effect:
    """One slice of a change: what it was, what it is, and its part in the change as a bar from the middle.

    `x` and `width` are of a box 160 wide whose middle stands for nothing; `href` leads to the slice by itself;
    `explains` says how much of the whole change it is, where that is known.
    """

    label: str
    before: str
    after: str
    effect: str
    x: float
    width: float
    is_less: bool
    href: str = ""
    explains: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A term and what it is. `kind` is how it is set: as text, as code, as an instant, or as a link."""

    term: str
    text: str = ""
    href: str = ""
    at: datetime | None = None
    mark: Mark | None = None
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing of a timeline."""

    at: datetime
    text: str
    told: str = ""
    tone: Tone = "idle"
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what happened: how it stands, in a sentence, and where to look closer; `topic` may be left out."""

    topic: str
    mark: Mark
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of the same."""

    text: str
    href: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Empty:
    """What stands where nothing is yet: what it would be, and the command that brings it."""

    title: str
    told: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code to copy, and what it is written in."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that waits for a word: what it is, and whether this reader's would count.

    Attributes:
        item: what it is posted under, at `/approvals/ITEM`.
        what: the decision in a few words; `href` leads to the evidence for it.
        next: the page to come back to.
        why_not: why the reader's approval could not count; empty where it could.
        said: what the reader has said already: `approved`, `rejected`, or nothing yet.
        asked_by, asked_at: who asked for it, and since when it waits; nobody has where `asked_at` is None.
    """

    item: str
    what: str
    href: str
    next: str
    why_not: str = ""
    said: str = ""
    asked_by: str = ""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as data, to be shown."""

    code: str
    problem: str
    fix: str = ""
    where: str = ""


SAFE: dict[str, Mark] = {
    "yes": Mark("ok", "safe to use"),
    "stale": Mark("warn", "last good version"),
    "no": Mark("bad", "not safe"),
    "watched": Mark("idle", "watched only"),
}
VERDICTS: dict[str, Mark] = {
    "pass": Mark("ok", "pass"),
    "warn": Mark("warn", "warn"),
    "fail": Mark("bad", "fail"),
    "error": Mark("bad", "error"),
    "skipped": Mark("idle", "skipped"),
}


def joined(words: Sequence[str], last: str = "and") -> str:
    """Return words as a sentence lists them: `a, b and c`, or with another word before the last."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
