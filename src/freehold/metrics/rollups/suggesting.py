"""Which rollups would have answered most of what was asked: found by asking again, on paper, what was asked.

Whether a rollup would have answered a pass is decided by the function that decides it for a question, so no figure is
better than what would have come true. Time is that of answers that were computed; a question that takes several passes
gives each an equal part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, combinations
from typing import Any

from freehold.foundation import FreeholdError
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.lowering import Branch, lower
from freehold.metrics.query import Query, asked
from freehold.metrics.rollups.content import Content
from freehold.metrics.rollups.declared import contents
from freehold.metrics.rollups.matching import matched
from freehold.metrics.rollups.needs import Need, as_error, content_for, need_of, on_paper
from freehold.metrics.rollups.use import Held, NotUsedError
from freehold.metrics.rows import Scope

_MOST_JOINED = 10  # needs of one fact that are put together with each other
_MOST_COUNTED = 24  # rollups whose rows are counted, of one fact
_WORTH = 0.5  # of the rows of its fact: what has more is no summary
_LEAST = 0.01  # of all recorded time: what saves less is not worth a table


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, how often it was computed, and the seconds that took altogether."""

    question: Mapping[str, Any]
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Suggested:
    """A rollup that would have answered, with its rows and those of its fact.

    `questions` are the answers it would have been read for, `seconds` its part of their time.
    """

    content: Content
    rows: int
    fact_rows: int
    questions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class NotHelped:
    """A question that would still be answered from rows, all or in part, and why."""

    asked: Asked
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What is suggested, the most useful first, and what that leaves; `already` is answered by rollups there are."""

    rollups: tuple[Suggested, ...]
    not_helped: tuple[NotHelped, ...]
    history: tuple[Asked, ...]
    already: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Counting:
    """How rows are counted: of a rollup that is not there, and of a dataset by the names of its model and its own."""

    rollup: Callable[[Content], int]
    dataset: Callable[[str, str], int]


@dataclass(frozen=True, slots=True)
class _Pass:
    """A pass over a fact of a question, with its part of the time."""

    asked: Asked
    query: Query
    branch: Branch
    seconds: float


@dataclass(frozen=True, slots=True)
class _Wish:
    """A pass that no rollup answers yet, and what it would need."""

    made: _Pass
    need: Need


def advice(
    scope: Scope, history: Iterable[Asked], counting: Counting, *, most: int, taken: Collection[str] = ()
) -> Advice:
    """Return which rollups would have answered most of a history: at most so many, by names that are not taken."""
    found = tuple(history)
    passes, why = _passes(scope.catalogue, found)
    declared = [on_paper(content) for content in contents(scope.catalogue)[0]]
    wishes: list[_Wish] = []
    for one in passes:
        if _is_answered(scope, one, declared):
            continue
        try:
            wishes.append(_Wish(one, need_of(scope, one.query, one.branch)))
        except (NotUsedError, FreeholdError) as error:
            why.setdefault(id(one.asked), as_error(error))
    least = _LEAST * sum(one.seconds for one in found)
    suggested = _suggested(scope, wishes, counting, most, least, taken)
    held = [*declared, *(on_paper(one.content) for one in suggested)]
    for one in passes:
        if not _is_answered(scope, one, held):
            why.setdefault(id(one.asked), "no rollup for it would save enough")
    by_need = {id(p.asked) for p in passes if not _is_answered(scope, p, declared)}
    return Advice(
        suggested,
        tuple(NotHelped(one, why[id(one)]) for one in found if id(one) in why),
        found,
        tuple(one for one in found if id(one) not in by_need and id(one) not in why),
    )


def _passes(catalogue: Catalogue, history: Sequence[Asked]) -> tuple[list[_Pass], dict[int, str]]:
    """Return the passes of a history, and of questions that cannot be asked any more why not."""
    passes: list[_Pass] = []
    why: dict[int, str] = {}
    for one in history:
        try:
            query = asked(**one.question)
            branches = list(lower(catalogue, query).branches.values())
        except FreeholdError as error:
            why[id(one)] = as_error(error)
            continue
        passes += [_Pass(one, query, branch, one.seconds / len(branches)) for branch in branches]
    return passes, why


def _is_answered(scope: Scope, one: _Pass, held: Iterable[Held]) -> bool:
    shape = one.branch.shape
    for rollup in held:
        if (rollup.content.model.name, rollup.content.fact) == (shape.model, shape.fact):
            try:
                matched(scope, one.query, one.branch, rollup)
            except (NotUsedError, FreeholdError):
                continue
            return True
    return False


def _suggested(
    scope: Scope, wishes: Sequence[_Wish], counting: Counting, most: int, least: float, taken: Collection[str]
) -> tuple[Suggested, ...]:
    """Return the rollups that save the most time, of all facts."""
    facts = dict.fromkeys((wish.need.model, wish.need.fact) for wish in wishes)
    found: list[Suggested] = []
    for model, fact in facts:
        mine = [wish for wish in wishes if (wish.need.model, wish.need.fact) == (model, fact)]
        found += _of_fact(scope, mine, counting, most, least)
    names = set(taken)
    named = []
    for one in sorted(found, key=lambda s: (-s.seconds, s.rows))[:most]:
        rollup = one.content.rollup
        name = next(n for i in range(1, 1_000) if (n := _name(one.content, i)) not in names)
        names.add(name)
        content = replace(one.content, rollup=replace(rollup, name=name))
        named.append(replace(one, content=content))
    return tuple(named)


def _name(content: Content, number: int) -> str:
    what = content.grain or "_".join(one.column for one in content.dimensions[:2])
    name = f"{content.fact}_by_{what}".lower()
    return name if number == 1 else f"{name}_{number}"


def _of_fact(scope: Scope, wishes: Sequence[_Wish], counting: Counting, most: int, least: float) -> list[Suggested]:
    """Choose rollups over one fact, each time the one that saves most of what is left."""
    model, fact = scope.catalogue.models[wishes[0].need.model], wishes[0].need.fact
    fact_rows = counting.dataset(model.name, fact)
    counted: dict[Need, tuple[Content, int]] = {}
    found: list[Suggested] = []
    left = list(wishes)
    while left and len(found) < most:
        best: tuple[float, Need] | None = None
        for need in _candidates(left, model):
            gain = sum(w.made.seconds for w in left if w.need.is_met_by(need, model))
            if need not in counted and len(counted) >= _MOST_COUNTED:
                continue
            if need not in counted:
                content = content_for(scope.catalogue, need)
                counted[need] = content, counting.rollup(content)
            saved = gain * (1 - counted[need][1] / max(fact_rows, 1))
            if counted[need][1] <= _WORTH * fact_rows and gain >= least and (best is None or saved > best[0]):
                best = saved, need
        if best is None:
            return found
        content, rows = counted[best[1]]
        answered = [w for w in left if _is_answered(scope, w.made, [on_paper(content)])]
        questions = sum(one.count for one in {id(w.made.asked): w.made.asked for w in answered}.values())
        found.append(Suggested(content, rows, fact_rows, questions, sum(w.made.seconds for w in answered)))
        left = [w for w in left if w not in answered]
    return found


def _candidates(left: Sequence[_Wish], model: Any) -> list[Need]:
    """Return what is worth trying: each need, pairs of those that took the most time, and more and more of them."""
    seconds: dict[Need, float] = {}
    for wish in left:
        seconds[wish.need] = seconds.get(wish.need, 0.0) + wish.made.seconds
    first = sorted(seconds, key=lambda need: -seconds[need])
    joined = first[:_MOST_JOINED]
    together = accumulate(joined, lambda a, b: a.joined(b, model))
    pairs = (a.joined(b, model) for a, b in combinations(joined, 2))
    return list(dict.fromkeys((*together, *first, *pairs)))
