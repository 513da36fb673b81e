"""What all of the API has in common: strict values, problems, pages of lists, and what a request is answered from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field

from freehold.foundation import FreeholdError
from freehold.server.web.showing import Asked, asked_of

T = TypeVar("T")
TAKES_ANY = "x-further-parameters"  # what says of a route that words of its query have other names, too
MOST = 500  # items of a page of a list
Id = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
After = Annotated[str, Query(max_length=200, description="the cursor of the page before")]


class Strict(BaseModel):
    """A value of the API."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What is wrong, as RFC 9457 has it, with Freehold's code and how to mend it."""

    type: str
    title: str
    status: int
    code: str
    instance: str
    where: str | None = None
    fix: str | None = None
    gone_since: str | None = Field(default=None, description="of what is gone: since when")
    successor: str | None = Field(default=None, description="of what is gone: the id of what takes its place")


class DeprecatedItem(Strict):
    """That something is to be taken away."""

    since: datetime | None = Field(description="when that was told first; null where it is not in force yet")
    sunset: date | None = Field(description="its last day")
    replaced_by: str | None = Field(description="the id of what to use instead")
    item: str | None = Field(description="the work item that announces it")


def deprecated_item(asked: Asked, name: str) -> DeprecatedItem | None:
    """Return what is told of something, as `kind:id`, that is to be taken away; None where it is not."""
    one = asked.snapshot.leaving.get(name)
    if one is None:
        return None
    instead, item = one.instead or None, one.item or None
    return DeprecatedItem(since=one.since, sunset=one.sunset, replaced_by=instead, item=item)


WRONG = {
    400: "not well formed",
    401: "not signed in",
    403: "not allowed",
    404: "not there, or not to be seen",
    405: "not a method of this path",
    406: "asked for in a form that there is not",
    410: "gone: what takes its place is named, where anything does",
    409: "of several, or not possible as things stand",
    413: "too large",
    415: "written in a form that is not taken",
    421: "meant for another host",
    429: "too often",
    500: "a defect",
    503: "cannot be told now",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {code: {"model": Problem} for code in WRONG}


def asked_by(request: Request) -> Asked:
    """Return what a request is answered from: who asks, and what they may see of the estate."""
    return asked_of(request)


def after_in(rows: Sequence[T], id_of: Callable[[T], str], after: str) -> Sequence[T]:
    """Return the rows behind a cursor, in the order that they have; all of them without one.

    They are to be all that there are: what is left out of a list is left out after this, for the row that a cursor
    names may have been closed meanwhile.

    Raises:
        FreeholdError: FH-A112 the cursor is of none of them.
    """
    begin = next((number for number, row in enumerate(rows, start=1) if id_of(row) == after), 0)
    if after and not begin:
        raise FreeholdError("FH-A112", f"`{after[:40]}` is no cursor of this list.", fix="Begin without it.")
    return rows[begin:]


def page_of(rows: Sequence[T], id_of: Callable[[T], str], after: str, limit: int) -> tuple[Sequence[T], str | None]:
    """Return a page of rows that stand in the order of their ids, and the cursor of the next; None at the end."""
    left = [row for row in rows if id_of(row) > after]
    return left[:limit], id_of(left[limit - 1]) if len(left) > limit else None
