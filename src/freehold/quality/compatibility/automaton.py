"""Regular expressions as automata: what RE2 understands, short of what no automaton can tell.

Patterns are read as the checks ask them: RE2, found anywhere in the text. Word boundaries, flags, Unicode classes and
whatever else is not read here raise `Unreadable`; nothing is guessed. A published library was weighed and set aside: it
takes `^` for a character and knows no bound, so that one innocent pattern can hold a command for minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Ranges = tuple[tuple[int, int], ...]  # of code points, both ends included, in order

LAST = 0x10FFFF
MOST_STATES = 4_000
START, END = "^", "$"

_DIGIT: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 10), (12, 13), (32, 32))
_NAMED: dict[str, Ranges] = {
    "alpha": ((65, 90), (97, 122)), "digit": _DIGIT, "alnum": ((48, 57), (65, 90), (97, 122)), "upper": ((65, 90),),
    "lower": ((97, 122),), "space": ((9, 13), (32, 32)), "blank": ((9, 9), (32, 32)), "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)), "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
}  # fmt: skip
_CONTROL = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}


class Unreadable(Exception):
    """A pattern holds what no automaton here stands for; the text says what."""


@dataclass
class Automaton:
    """States numbered from 0, where it begins; `accept` is where it ends."""

    steps: list[list[tuple[Ranges, int]]] = field(default_factory=list)
    free: list[list[tuple[str, int]]] = field(default_factory=list)  # "" always, `^` and `$` only there
    accept: int = 0

    def state(self) -> int:
        """Add a state.

        Raises:
            Unreadable: the pattern needs more states than are worth it.
        """
        if len(self.steps) >= MOST_STATES:
            raise Unreadable("it repeats too much")
        self.steps.append([])
        self.free.append([])
        return len(self.steps) - 1

    def reached(self, states: Iterable[int], *, start: bool = False, end: bool = False) -> frozenset[int]:
        """Return all states that can be reached without reading a character."""
        allowed = {"", *([START] if start else []), *([END] if end else [])}
        found, waiting = set(states), list(states)
        while waiting:
            for needs, target in self.free[waiting.pop()]:
                if needs in allowed and target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)

    def after(self, states: Iterable[int], code: int) -> frozenset[int]:
        """Return where one character leads."""
        moved = {t for s in states for ranges, t in self.steps[s] if any(lo <= code <= hi for lo, hi in ranges)}
        return self.reached(moved)


def automaton_of(pattern: str) -> Automaton:
    """Return the automaton of all texts in which a pattern is found.

    Raises:
        Unreadable: the pattern is not understood in full.
    """
    built = Automaton()
    begin = built.state()
    reader = _Reader(pattern, built)
    first, last = reader.alternatives()
    if reader.rest:
        raise Unreadable(f"`{reader.rest[:10]}` is not understood")
    built.accept = built.state()
    everything: Ranges = ((0, LAST),)
    built.steps[begin].append((everything, begin))
    built.steps[built.accept].append((everything, built.accept))
    built.free[begin].append(("", first))
    built.free[last].append(("", built.accept))
    return built


Piece = tuple[int, int]  # the first and last state of a part


@dataclass
class _Reader:
    """Reads a pattern from left to right into an automaton."""

    text: str
    built: Automaton
    place: int = 0

    @property
    def rest(self) -> str:
        return self.text[self.place :]

    def taken(self, wanted: str) -> bool:
        if self.text.startswith(wanted, self.place):
            self.place += len(wanted)
            return True
        return False

    def alternatives(self) -> Piece:
        pieces = [self.sequence()]
        while self.taken("|"):
            pieces.append(self.sequence())
        if len(pieces) == 1:
            return pieces[0]
        first, last = self.built.state(), self.built.state()
        for begin, end in pieces:
            self.join(first, begin)
            self.join(end, last)
        return first, last

    def sequence(self) -> Piece:
        first = last = self.built.state()
        while self.rest and self.rest[0] not in "|)":
            begin, end = self.repeated()
            self.join(last, begin)
            last = end
        return first, last

    def repeated(self) -> Piece:
        start = self.place
        piece = self.atom()
        source = self.text[start : self.place]
        times = self.times()
        while times:
            piece = self.copies(piece, source, *times)
            source = ""
            times = self.times()
        return piece

    def times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.taken(sign):
                self.taken("?")  # lazy or greedy, the same texts match
                return times
        if not self.rest.startswith("{"):
            return None
        inside, closed, _ = self.rest[1:].partition("}")
        low, comma, high = inside.partition(",")
        if not closed or not low.isdigit() or (high and not high.isdigit()):
            raise Unreadable("a brace that counts nothing")
        self.place += len(inside) + 2
        self.taken("?")
        return int(low), (int(high) if high else None) if comma else int(low)

    def copies(self, piece: Piece, source: str, least: int, most: int | None) -> Piece:
        """Return a piece repeated: the first copy is the piece itself, the others are read anew from its source."""
        copies = max(least, most or least, 1)
        if copies > 1 and not source:
            raise Unreadable("a repetition of a repetition")
        first = last = self.built.state()
        exits: list[int] = []
        for count in range(copies):
            begin, end = piece if count == 0 else _Reader(source, self.built).atom()
            if count >= least:
                exits.append(last)
            self.join(last, begin)
            last = end
            if most is None and count == copies - 1:
                self.join(end, begin)
        final = self.built.state()
        for state in (*exits, *([] if most == 0 else [last])):
            self.join(state, final)
        return first, final

    def join(self, source: int, target: int, needs: str = "") -> None:
        self.built.free[source].append((needs, target))

    def atom(self) -> Piece:
        if self.taken("("):
            return self.group()
        for sign, needs in (("^", START), ("$", END), ("\\A", START), ("\\z", END)):
            if self.taken(sign):
                first, last = self.built.state(), self.built.state()
                self.join(first, last, needs)
                return first, last
        return self.single(self.characters())

    def group(self) -> Piece:
        if self.taken("?P<") or self.taken("?<"):
            name, closed, _ = self.rest.partition(">")
            if not closed or not name.isidentifier():
                raise Unreadable("a look around")
            self.place += len(name) + 1
        elif self.rest.startswith("?") and not self.taken("?:"):
            raise Unreadable("a flag or a look around")
        piece = self.alternatives()
        if not self.taken(")"):
            raise Unreadable("a parenthesis that is not closed")
        return piece

    def single(self, ranges: Ranges) -> Piece:
        first, last = self.built.state(), self.built.state()
        self.built.steps[first].append((ranges, last))
        return first, last

    def characters(self) -> Ranges:
        if self.taken("."):
            return ((0, 9), (11, LAST))
        if self.taken("["):
            return self.bracket()
        if self.taken("\\"):
            return self.escape()
        if not self.rest or self.rest[0] in "*+?{)]}":
            raise Unreadable(f"`{self.rest[:1]}` where a character belongs")
        return self.literal()

    def literal(self) -> Ranges:
        code = ord(self.text[self.place])
        self.place += 1
        return ((code, code),)

    def escape(self) -> Ranges:
        sign = self.rest[:1]
        self.place += 1
        if sign.lower() in ("d", "w", "s"):
            found = {"d": _DIGIT, "w": _WORD, "s": _SPACE}[sign.lower()]
            return found if sign.islower() else complement(found)
        if sign in _CONTROL:
            return ((_CONTROL[sign], _CONTROL[sign]),)
        if not sign or sign.isalnum():
            raise Unreadable(f"`\\{sign}`")
        return ((ord(sign), ord(sign)),)

    def bracket(self) -> Ranges:
        negated = self.taken("^")
        members: list[tuple[int, int]] = []
        while not (self.rest.startswith("]") and members):
            if not self.rest:
                raise Unreadable("a bracket that is not closed")
            members += self.member()
        self.place += 1
        return complement(tuple(members)) if negated else joined(members)

    def member(self) -> Ranges:
        if self.taken("[:"):
            name, closed, _ = self.rest.partition(":]")
            self.place += len(name) + 2
            found = _NAMED.get(name.removeprefix("^")) if closed else None
            if found is None:
                raise Unreadable(f"`[:{name[:10]}:]`")
            return complement(found) if name.startswith("^") else found
        low = self.escape() if self.taken("\\") else self.literal()
        if self.rest.startswith("-") and not self.rest.startswith("-]") and len(low) == 1:
            self.place += 1
            high = self.escape() if self.taken("\\") else self.literal()
            if len(high) != 1 or high[0][0] < low[0][0]:
                raise Unreadable("a range that runs backwards")
            return ((low[0][0], high[0][1]),)
        return low


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def complement(ranges: Ranges) -> Ranges:
    """Return every character that is in none of the ranges."""
    edges = [-1, *(edge for pair in joined(ranges) for edge in pair), LAST + 1]
    gaps = ((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2))
    return tuple(gap for gap in gaps if gap[0] <= gap[1])
