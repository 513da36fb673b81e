"""What there is already of what somebody is about to ask for."""

from __future__ import annotations

from collections.abc import Callable

from freehold.catalog.asking import Found, Hit, Question
from freehold.foundation import FreeholdError
from freehold.work.alike import MOST_ALIKE, telling

_LONGEST = 200  # characters that are looked for
_LONG_ENOUGH = 4  # letters of a word that is looked for by itself
_ANSWERS = ("metric", "product", "kpi", "asset")  # kinds of entry that may be what somebody asks for


def answers(text: str, search: Callable[[Question], Found]) -> tuple[Hit, ...]:
    """Return what a catalog has that may be what somebody is about to ask for, the closest first.

    All words of the text are looked for; where nothing has them all, each telling one by itself.
    """
    found = _hits(text, search)
    words = [word for word in telling(text) if len(word) >= _LONG_ENOUGH]
    for word in () if found else sorted(words, key=lambda one: (-len(one), one)):
        found += tuple(one for one in _hits(word, search) if one.key not in {known.key for known in found})
    return found[:MOST_ALIKE]


def _hits(text: str, search: Callable[[Question], Found]) -> tuple[Hit, ...]:
    try:
        question = Question(text[:_LONGEST], _ANSWERS, limit=MOST_ALIKE).checked()
    except FreeholdError:  # no word that could be looked for
        return ()
    return tuple(search(question).hits)
