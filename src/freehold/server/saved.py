"""Views: questions that somebody saved under a name for everybody. Kept state, each change with its event.

A view keeps the question and never an answer: whoever opens it sees the numbers of today with their own eyes. It keeps
the hashes of the definitions it was saved by, so that it can say when a number is another one by now. What people write
(name, description, conditions) stands beside the chain, where it can be erased.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Clock, FreeholdError, near
from freehold.ledger import Event
from freehold.server.questions import Question, question_from

if TYPE_CHECKING:
    from freehold.ledger import Ledger
    from freehold.server.identity import Who

_SPACE = "views"
_LONGEST_NAME, _LONGEST_TOLD, _MOST = 80, 400, 1_000


@dataclass(frozen=True, slots=True)
class View:
    """A saved question. `definitions` are the hashes of its metrics, by id, when it was saved."""

    id: str
    name: str
    description: str
    owner: str
    question: Question
    definitions: Mapping[str, str]
    saved_at: datetime

    @property
    def owner_name(self) -> str:
        """The owner without what kind of principal it is."""
        return self.owner.rpartition("/")[2]

    def changed(self, now: Mapping[str, str]) -> tuple[str, ...]:
        """Return the metrics whose definition is another one now, or which are gone."""
        return tuple(id_ for id_, hash_ in self.definitions.items() if now.get(id_) != hash_)


class SavedViews:
    """The views of an estate."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def all(self, seen: Collection[str] | None = None) -> tuple[View, ...]:
        """Return the views by name; with `seen`, those of metrics of these ids alone."""
        kept = (_view(id_, said) for id_, said in self._ledger.state.many(_SPACE).items() if said)
        shown = (view for view in kept if seen is None or view.definitions.keys() <= set(seen))
        return tuple(sorted(shown, key=lambda view: view.name.lower()))

    def get(self, id_: str, seen: Collection[str] | None = None) -> View:
        """Return the view of an id; with `seen`, one of metrics that are not among these is not there.

        Raises:
            FreeholdError: FH-A145 there is none.
        """
        said = self._ledger.state.get(_SPACE, id_)
        view = _view(id_, said) if said else None
        if view is not None and (seen is None or view.definitions.keys() <= set(seen)):
            return view
        known = [one.id for one in self.all(seen)]
        fix = near(id_, known) or "See `/views`; its owner may have deleted it."
        raise FreeholdError("FH-A145", f"There is no view `{id_}`.", fix=fix)

    def save(self, who: Who, name: str, description: str, question: Question, definitions: Mapping[str, str]) -> View:
        """Save a question for everybody.

        Raises:
            FreeholdError: FH-A112 the name or the description is too long, or empty, or nothing is asked.
        """
        if not question.metrics:
            raise FreeholdError("FH-A112", "A view of no metric shows nothing.", fix="Choose a metric first.")
        if len(self.all()) >= _MOST:
            raise FreeholdError("FH-A112", f"There are {_MOST:,} views already.", fix="Delete some that nobody opens.")
        named = _named(name, description)
        view = View(secrets.token_hex(6), *named, who.principal, question, dict(definitions), self._clock.now())
        self._keep(who, view, is_new=True)
        return view

    def rename(self, who: Who, id_: str, name: str, description: str) -> View:
        """Give one's own view another name and description.

        Raises:
            FreeholdError: FH-A145 there is none; FH-A146 it is somebody else's; FH-A112 as `save`.
        """
        old = self._own(who, id_)
        view = View(id_, *_named(name, description), old.owner, old.question, old.definitions, old.saved_at)
        self._keep(who, view, is_new=False)
        return view

    def delete(self, who: Who, id_: str) -> View:
        """Delete one's own view; what was written in it is gone.

        Raises:
            FreeholdError: FH-A145 there is none; FH-A146 it is somebody else's.
        """
        view = self._own(who, id_)
        event = Event("view.deleted", {"view": id_, "owner": view.owner}, subject=id_)
        self._ledger.acting(who.caller("delete a view")).append(event, keep={(_SPACE, id_): None})
        return view

    def _own(self, who: Who, id_: str) -> View:
        view = self.get(id_)
        if view.owner != who.principal:
            raise FreeholdError(
                "FH-A146",
                f"The view `{view.name}` is of {view.owner}.",
                fix="Save one of your own from it, or ask them.",
            )
        return view

    def _keep(self, who: Who, view: View, *, is_new: bool) -> None:
        said = {"view": view.id, "owner": view.owner, "is_new": is_new, "metrics": list(view.definitions)}
        event = Event("view.saved", {**said, "definitions": list(view.definitions.values())}, subject=view.id)
        kept = {
            "name": view.name, "description": view.description, "owner": view.owner,
            "pairs": [list(pair) for pair in view.question.pairs()], "definitions": dict(view.definitions),
            "saved_at": view.saved_at.isoformat(),
        }  # fmt: skip
        self._ledger.acting(who.caller("save a view")).append(event, keep={(_SPACE, view.id): kept})


def _view(id_: str, said: Mapping[str, Any]) -> View:
    question, saved_at = question_from(said), datetime.fromisoformat(said["saved_at"])
    return View(id_, said["name"], said["description"], said["owner"], question, said["definitions"], saved_at)


def _named(name: str, description: str) -> tuple[str, str]:
    told, more = " ".join(name.split()), " ".join(description.split())
    if not 0 < len(told) <= _LONGEST_NAME or not told.isprintable():
        raise FreeholdError(
            "FH-A112", f"A view needs a name of 1 to {_LONGEST_NAME} characters.", fix="Say what it shows."
        )
    if len(more) > _LONGEST_TOLD:
        raise FreeholdError("FH-A112", f"A description has at most {_LONGEST_TOLD} characters.", fix="Shorten it.")
    return told, more
