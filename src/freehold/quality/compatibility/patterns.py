"""Whether every text that one pattern matches is matched by another: decided exactly, or said to be undecided.

The two automata walk together. A pair of one state of the first and the states the second may be in is visited once; a
text on which the first ends and the second does not is the proof that something new gets through. Work is bounded, as
such questions can cost more than anyone would wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from freehold.quality.compatibility.automaton import LAST, Automaton, Unreadable, automaton_of

_MOST_PAIRS = 20_000
_READABLE = (*range(97, 123), *range(48, 58), *range(65, 91), *range(32, 127))

_Pair = tuple[int, frozenset[int]]


def pattern_change(before: str | None, after: str | None) -> tuple[str, str]:
    """Return the ruling for a pattern that changed, and what its reason adds: an example, or why it is undecided."""
    if before is None or after is None:
        return ("pattern_added" if before is None else "pattern_removed"), ""
    try:
        old, new = automaton_of(str(before)), automaton_of(str(after))
        let_in = matched_only_by(new, old)
        kept_out = matched_only_by(old, new)
    except Unreadable as reason:
        return "pattern_undecided", str(reason)
    if let_in is not None:
        return "pattern_loosened", f"`{_visible(let_in)}`" if let_in else "the empty text"
    return ("pattern_respelled" if kept_out is None else "pattern_tightened"), ""


def matched_only_by(one: Automaton, other: Automaton) -> str | None:
    """Return a shortest text that the first matches and the other does not; None if there is none.

    Raises:
        Unreadable: it would take too long to tell.
    """
    walk = _Walk(one, other)
    if walk.tells_apart(one.reached([0], start=True, end=True), other.reached([0], start=True, end=True)):
        return ""
    beside = other.reached([0], start=True)
    waiting: deque[tuple[_Pair, str]] = deque(((s, beside), "") for s in sorted(one.reached([0], start=True)))
    seen = {pair for pair, _ in waiting}
    while waiting:
        pair, text = waiting.popleft()
        for code, following in walk.onward(pair):
            if following in seen:
                continue
            if walk.tells_apart(one.reached([following[0]], end=True), other.reached(following[1], end=True)):
                return text + chr(code)
            seen.add(following)
            if len(seen) > _MOST_PAIRS:
                raise Unreadable("the two are too entangled to compare in reasonable time")
            waiting.append((following, text + chr(code)))
    return None


class _Walk:
    """Two automata that read the same text; what the second does is remembered, as many paths ask for it."""

    def __init__(self, one: Automaton, other: Automaton) -> None:
        self._one, self._other = one, other
        self._characters = _characters(one, other)
        self._moved: dict[tuple[frozenset[int], int], frozenset[int]] = {}

    def tells_apart(self, states: frozenset[int], others: frozenset[int]) -> bool:
        """Return whether the text so far is matched by the first and not by the second."""
        return self._one.accept in states and self._other.accept not in others

    def onward(self, pair: _Pair) -> Iterator[tuple[int, _Pair]]:
        """Yield each character that leads on, and where to; not where the second has matched, whatever follows."""
        state, others = pair
        for ranges, target in self._one.steps[state]:
            for code in self._characters:
                if not any(low <= code <= high for low, high in ranges):
                    continue
                moved = self._beside(others, code)
                if self._other.accept not in moved:
                    yield from ((code, (reached, moved)) for reached in self._one.reached([target]))

    def _beside(self, others: frozenset[int], code: int) -> frozenset[int]:
        if (others, code) not in self._moved:
            self._moved[others, code] = self._other.after(others, code)
        return self._moved[others, code]


def _visible(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _characters(one: Automaton, other: Automaton) -> list[int]:
    """Return one character for each set of characters that both automata treat alike; a readable one if there is."""
    cuts = {0, LAST + 1}
    for automaton in (one, other):
        for steps in automaton.steps:
            cuts.update(edge for ranges, _ in steps for low, high in ranges for edge in (low, high + 1))
    edges = sorted(cuts)
    pieces = list(pairwise(edges))
    return sorted(
        (next((c for c in _READABLE if low <= c < high), low) for low, high in pieces),
        key=lambda c: _READABLE.index(c) if c in _READABLE else len(_READABLE) + c,
    )
