"""Taking readings: statements over pieces, and what to do when one of the pieces breaks the statement for all.

An error of the engine itself (lock, disk, memory, conflict) is raised: it says nothing about any check. An error of a
statement is traced to the piece that causes it, and only the checks that need that piece become errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from freehold.engines import Session
from freehold.foundation import Exit, FreeholdError, Transient
from freehold.quality import sqltree as sql
from freehold.quality.layout import ALONE, Piece
from freehold.quality.sqltree import REST, ROWS, WHOLE

Fill = Callable[[str], str]  # puts a scope's relations in place of the tokens


@dataclass
class Readings:
    """The values read so far, by key of their piece, and how each was come by."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    statements: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    rule: str = "fused"  # what settled the values that `rules` does not name
    statement: str | None = None
    second: float = 0.0

    def take(self, found: Mapping[str, Any], rule: str, statement: str | None, seconds: float = 0.0) -> None:
        """Record the values of one statement; its seconds are shared evenly."""
        share = seconds / len(found) if found else 0.0
        for key, value in found.items():
            self.values[key] = value
            self.rules[key] = rule
            self.seconds[key] = share
            if statement is not None:
                self.statements[key] = statement

    def lacks(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Return the pieces that nobody has read yet."""
        return [p for p in pieces if p.key not in self.values and p.key not in self.errors]


class Fused:
    """One statement that reads many pieces, its text made once."""

    def __init__(self, pieces: Sequence[Piece], dialect: str) -> None:
        self.pieces = tuple(pieces)
        self.text = fused(self.pieces).sql(dialect, copy=False)  # it is nobody else's
        self.keys = tuple(p.key for p in ordered(self.pieces))


def ordered(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces in the order a fused statement gives their values: source by source."""
    rank = {ROWS: 0, REST: 1, WHOLE: 2, ALONE: 3}
    return sorted(pieces, key=lambda p: rank[p.source])


def fused(pieces: Sequence[Piece]) -> exp.Select:
    """Return one statement for pieces of any sources: a row of each source, side by side."""
    numbered = list(enumerate(ordered(pieces)))
    by_source: dict[str, list[tuple[int, Piece]]] = {}
    for number, piece in numbered:
        by_source.setdefault(piece.source, []).append((number, piece))
    alone = [sql.aliased(piece.tree.copy(), f"m{number}") for number, piece in by_source.pop(ALONE, [])]
    selects = [
        sql.fetch([sql.aliased(piece.tree.copy(), f"m{number}") for number, piece in found], sql.table(source))
        for source, found in by_source.items()
    ]
    if not alone and len(selects) == 1:
        return selects[0]
    names = [exp.column(f"m{number}") for number, piece in numbered if piece.source != ALONE]
    outer = exp.Select(expressions=[*names, *alone])
    for number, select in enumerate(selects):
        derived = exp.Subquery(this=select, alias=exp.TableAlias(this=exp.to_identifier(f"s{number}")))
        if number == 0:
            outer.set("from_", exp.From(this=derived))
        else:
            outer.append("joins", exp.Join(this=derived, kind="CROSS"))
    return outer


def is_about_a_statement(error: FreeholdError) -> bool:
    """Return whether an error blames a statement, and not the engine, its file or another transaction."""
    return not isinstance(error, Transient) and error.exit_code != Exit.ENVIRONMENT


class Reader:
    """Reads pieces through a session, and isolates those that fail."""

    def __init__(self, session: Session, fill: Fill, dialect: str, unbindable: dict[str, str]) -> None:
        self.session = session
        self.fill = fill
        self.dialect = dialect
        self.unbindable = unbindable  # key -> reason: what can never be asked of these columns; kept by the plan
        self.readings = Readings()

    def read(self, pieces: Sequence[Piece], rule: str) -> None:
        """Read pieces in one statement, or as many as it takes to spare the sound ones from the broken."""
        sound = self._sound(pieces)
        if sound:
            self.read_fused(Fused(sound, self.dialect), rule)

    def read_fused(self, statement: Fused, rule: str) -> None:
        """Read a statement whose text is ready."""
        try:
            self._run(statement, rule)
        except FreeholdError as error:
            if not is_about_a_statement(error):
                raise
            self._isolate(statement.pieces, rule, error)

    def rows(self, tree: exp.Expr) -> list[tuple[Any, ...]]:
        """Run a query of relation tokens."""
        return self.session.rows(self.fill(tree.sql(self.dialect)))

    def value(self, tree: exp.Expr, key: str, rule: str) -> Any:
        """Read one value and record it under a key."""
        text = self.fill(tree.sql(self.dialect))
        started = time.perf_counter()
        found = self.session.rows(text)[0][0]
        self.readings.take({key: found}, rule, text, time.perf_counter() - started)
        return found

    def _sound(self, pieces: Sequence[Piece]) -> list[Piece]:
        for piece in pieces:
            if piece.key in self.unbindable:
                self.readings.errors[piece.key] = self.unbindable[piece.key]
        return [p for p in pieces if p.key not in self.unbindable]

    def _run(self, statement: Fused, rule: str) -> None:
        text = self.fill(statement.text)
        started = time.perf_counter()
        row = self.session.rows(text)[0]
        self.readings.take(dict(zip(statement.keys, row, strict=True)), rule, text, time.perf_counter() - started)

    def _isolate(self, pieces: Sequence[Piece], rule: str, error: FreeholdError) -> None:
        """Find who breaks the statement: first by binding each piece, then by halving what is left."""
        self._prove_rows_are_there(pieces, error)
        needed = [p for p in pieces if not p.is_profile]
        sound = [p for p in needed if self._binds(p)]
        if len(sound) < len(pieces) or len(pieces) > 1:
            self._halve(sound, rule)
        else:
            self.readings.errors[pieces[0].key] = error.problem
        self._halve([p for p in pieces if p.is_profile and self._binds(p)], "profile")

    def _prove_rows_are_there(self, pieces: Sequence[Piece], error: FreeholdError) -> None:
        """Raise the error if not even the rows can be counted: then no check is guilty."""
        for source in {p.source for p in pieces} - {ALONE}:
            try:
                self.rows(sql.fetch([sql.count()], sql.table(source)))
            except FreeholdError:
                raise error from None

    def _binds(self, piece: Piece) -> bool:
        try:
            self.session.columns_of(self.fill(fused([piece]).sql(self.dialect, copy=False)))
        except FreeholdError as error:
            if not is_about_a_statement(error):
                raise
            self.readings.errors[piece.key] = error.problem
            if piece.source == ROWS:  # the columns of the plan; what is beside them may be mended meanwhile
                self.unbindable[piece.key] = error.problem
            return False
        return True

    def _halve(self, pieces: Sequence[Piece], rule: str) -> None:
        if not pieces:
            return
        try:
            self._run(Fused(pieces, self.dialect), rule)
        except FreeholdError as error:
            if not is_about_a_statement(error):
                raise
            if len(pieces) == 1:
                self.readings.errors[pieces[0].key] = error.problem
                return
            middle = len(pieces) // 2
            self._halve(pieces[:middle], rule)
            self._halve(pieces[middle:], rule)
