"""From the text of a condition to a typed function of facts, or to one error with its place in the text."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlglot import errors, exp, parse

from freehold.foundation import near
from freehold.foundation.times import instant_of
from freehold.sql.conditions import logic
from freehold.sql.conditions.logic import Cell
from freehold.sql.conditions.types import FactType
from freehold.sql.unparsed import offset_of, unparsed

DIALECT = "duckdb"
LONGEST = 4_000  # characters; a rule is to be read by people
DEEPEST = 60  # parts within parts
_PREFIX = "SELECT "
_OPENING = re.compile(r"'[^']*'|[()]")


class ConditionError(Exception):
    """What is wrong with a condition: the problem, where in the text (characters from 0), and how to mend it."""

    def __init__(self, problem: str, offset: int = 0, fix: str = "") -> None:
        super().__init__(problem)
        self.problem, self.offset, self.fix = problem, offset, fix


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean expression over facts.

    Attributes:
        facts: the facts it names, in the order of the text.
        evaluate: from facts by name to True, False, or None where it is not known; a missing fact is not known.
    """

    text: str
    facts: tuple[str, ...]
    evaluate: Callable[[Mapping[str, Any]], bool | None] = field(compare=False)  # it follows from the text
    quotients: tuple[tuple[str, Cell], ...] = field(default=(), compare=False)  # each as it is written, and its divisor

    def missing(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the facts it names that are not known."""
        return tuple(name for name in self.facts if facts.get(name) is None)

    def by_zero(self, facts: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the quotients in it, as they are written, that have none for these facts since they divide by zero."""
        return tuple(dict.fromkeys(said for said, divisor in self.quotients if divisor(facts) == 0))


def condition(text: str, facts: Mapping[str, FactType]) -> Condition:
    """Read a condition over facts of the given types.

    Raises:
        ConditionError: it does not parse, names a fact that is not there, compares what cannot be compared, uses what
            is no part of the language, or is no truth value.
    """
    tree = _parsed(text)
    reader = _Reader(facts)
    part = reader.read(tree)
    if part.type is not FactType.BOOLEAN:
        said = part.type.spoken if part.type else "nothing"
        raise ConditionError(f"`{text}` is {said}, and a condition is true or false.", fix="Compare it with something.")
    named = dict.fromkeys(column.name.lower() for column in tree.find_all(exp.Column, bfs=False))
    return Condition(text, tuple(named), part.cell, tuple(reader.quotients))


def _parsed(text: str) -> exp.Expr:
    if len(text) > LONGEST:
        fix = f"Say it in {LONGEST:,}, or in several conditions."
        raise ConditionError(f"The condition has {len(text):,} characters.", fix=fix)
    _shallow(text)
    try:
        trees = parse(_PREFIX + text, read=DIALECT)
    except errors.SqlglotError as error:
        raise _unparsable(error, text) from error
    except RecursionError:
        raise _too_deep() from None
    only = trees[0] if len(trees) == 1 else None
    if not isinstance(only, exp.Select) or [name for name, part in only.args.items() if part] != ["expressions"]:
        raise ConditionError(f"`{text}` is more than one condition.", fix="Write one expression, without a query.")
    if len(only.expressions) != 1:
        raise ConditionError(f"`{text}` is a list.", fix="Join conditions with AND or OR.")
    tree: exp.Expr = only.expressions[0]
    return tree


def _shallow(text: str) -> None:
    depth = 0
    for found in _OPENING.finditer(text):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth > DEEPEST:
            raise _too_deep(found.start())


def _too_deep(offset: int = 0) -> ConditionError:
    return ConditionError(f"The condition nests deeper than {DEEPEST}.", offset, "Split it into several.")


def _unparsable(error: errors.SqlglotError, text: str) -> ConditionError:
    why = unparsed(error, text, prefix=_PREFIX)
    return ConditionError(f"This condition does not parse{why.said}", why.offset)


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a condition: its type (None for NULL, which fits everywhere) and what it comes to."""

    type: FactType | None
    cell: Cell


class _Reader:
    """Types a tree from its leaves, and makes its function on the way."""

    def __init__(self, facts: Mapping[str, FactType]) -> None:
        self._facts = facts
        self._depth = 0
        self.quotients: list[tuple[str, Cell]] = []

    def read(self, tree: exp.Expr) -> _Part:
        """Return the part that a tree stands for."""
        rule = _RULES.get(type(tree))
        if rule is None:
            raise _not_allowed(tree)
        self._depth += 1
        if self._depth > DEEPEST * 2:
            raise _too_deep(_offset(tree))
        part = rule(self, tree)
        self._depth -= 1
        return part

    def cell(self, tree: exp.Expr, wanted: FactType) -> Cell:
        """Return what a tree comes to, which has to be of a type."""
        return self.typed(tree, wanted).cell

    def typed(self, tree: exp.Expr, wanted: FactType) -> _Part:
        """Return the part that a tree stands for, which has to be of a type."""
        part = self.read(tree)
        if part.type is not None and part.type.family != wanted.family:
            said = _said(tree)
            raise ConditionError(f"`{said}` is {part.type.spoken}; {wanted.spoken} belongs here.", _offset(tree))
        return part

    def alike(self, *trees: exp.Expr) -> tuple[FactType | None, list[Cell]]:
        """Return what trees of one family come to, with their type."""
        parts = [self.read(tree) for tree in trees]
        typed = [(tree, part.type) for tree, part in zip(trees, parts, strict=True) if part.type]
        for tree, type_ in typed[1:]:
            if type_.family != typed[0][1].family:
                left = _said(typed[0][0])
                problem = f"`{left}` is {typed[0][1].spoken} and `{_said(tree)}` is {type_.spoken}."
                raise ConditionError(problem, _offset(tree), _mend(typed[0][1], tree))
        families = {type_ for _, type_ in typed}
        widest = FactType.NUMBER if FactType.NUMBER in families else typed[0][1] if typed else None
        return widest, [part.cell for part in parts]

    def _fact(self, tree: exp.Expr) -> _Part:
        name = tree.name.lower()
        if tree.args.get("table") is not None:
            raise ConditionError(
                f"`{_said(tree)}` names a table; facts stand alone.", _offset(tree), f"Write `{name}`."
            )
        if name not in self._facts:
            fix = near(name, self._facts) or f"There are: {', '.join(sorted(self._facts))}."
            raise ConditionError(f"There is no fact `{tree.name}`.", _offset(tree), fix)
        return _Part(self._facts[name], lambda row: row.get(name))

    def _literal(self, tree: exp.Expr) -> _Part:
        text = tree.name
        if tree.args.get("is_string"):
            return _Part(FactType.TEXT, lambda _: text)
        whole = re.fullmatch(r"\d+", text) is not None
        value = int(text) if whole else float(text)
        return _Part(FactType.INTEGER if whole else FactType.NUMBER, lambda _: value)

    def _truth(self, tree: exp.Expr) -> _Part:
        value = bool(tree.this)
        return _Part(FactType.BOOLEAN, lambda _: value)

    def _null(self, _: exp.Expr) -> _Part:
        return _Part(None, lambda _: None)

    def _group(self, tree: exp.Expr) -> _Part:
        return self.read(tree.this)

    def _and(self, tree: exp.Expr) -> _Part:
        return _truth(logic.both, self.cell(tree.this, FactType.BOOLEAN), self._boolean(tree.expression))

    def _or(self, tree: exp.Expr) -> _Part:
        return _truth(logic.either, self.cell(tree.this, FactType.BOOLEAN), self._boolean(tree.expression))

    def _boolean(self, tree: exp.Expr) -> Cell:
        return self.cell(tree, FactType.BOOLEAN)

    def _not(self, tree: exp.Expr) -> _Part:
        return _Part(FactType.BOOLEAN, logic.strict(operator.not_, self._boolean(tree.this)))

    def _compared(self, tree: exp.Expr) -> _Part:
        type_, cells = self.alike(tree.this, tree.expression)
        if type_ is FactType.BOOLEAN and tree.key not in ("eq", "neq"):
            raise ConditionError(f"`{_said(tree)}` orders truth values.", _offset(tree), "Compare them with = or <>.")
        return _Part(FactType.BOOLEAN, logic.strict(logic.COMPARISONS[tree.key], *cells))

    def _same(self, tree: exp.Expr) -> _Part:
        _, cells = self.alike(tree.this, tree.expression)
        same = logic.same(*cells)
        negated = isinstance(tree, exp.NullSafeNEQ)
        return _Part(FactType.BOOLEAN, (lambda row: not same(row)) if negated else same)

    def _is(self, tree: exp.Expr) -> _Part:
        if not isinstance(tree.expression, exp.Null | exp.Boolean):
            raise ConditionError(f"`{_said(tree)}`: IS takes NULL, TRUE or FALSE.", _offset(tree), "Write `=` instead.")
        _, cells = self.alike(tree.this, tree.expression)
        return _Part(FactType.BOOLEAN, logic.same(*cells))

    def _between(self, tree: exp.Expr) -> _Part:
        _, (value, low, high) = self.alike(tree.this, tree.args["low"], tree.args["high"])
        return _truth(logic.both, logic.strict(operator.ge, value, low), logic.strict(operator.le, value, high))

    def _in(self, tree: exp.Expr) -> _Part:
        if tree.args.get("query") or tree.args.get("unnest") or tree.args.get("field"):
            raise _not_allowed(tree)
        _, (value, *choices) = self.alike(tree.this, *tree.expressions)
        return _Part(FactType.BOOLEAN, logic.among(value, choices))

    def _like(self, tree: exp.Expr) -> _Part:
        cells = [self.cell(tree.this, FactType.TEXT), self.cell(tree.expression, FactType.TEXT)]
        return _Part(FactType.BOOLEAN, logic.strict(logic.like(isinstance(tree, exp.ILike)), *cells))

    def _arithmetic(self, tree: exp.Expr) -> _Part:
        parts = [self.typed(part, FactType.NUMBER) for part in (tree.this, tree.expression)]
        is_whole = not isinstance(tree, exp.Div) and all(part.type is FactType.INTEGER for part in parts)
        if isinstance(tree, exp.Div):
            self.quotients.append((_said(tree), parts[1].cell))
        cell = logic.strict(logic.ARITHMETIC[tree.key], *(part.cell for part in parts))
        return _Part(FactType.INTEGER if is_whole else FactType.NUMBER, cell)

    def _negated(self, tree: exp.Expr) -> _Part:
        part = self.typed(tree.this, FactType.NUMBER)
        return _Part(part.type, logic.strict(operator.neg, part.cell))

    def _joined(self, tree: exp.Expr) -> _Part:
        cells = [self.cell(part, FactType.TEXT) for part in (tree.this, tree.expression)]
        return _Part(FactType.TEXT, logic.strict(operator.add, *cells))

    def _cast(self, tree: exp.Expr) -> _Part:
        to, what = tree.args["to"].this, tree.this
        read = _TEMPORAL.get(to)
        if read is None or not (isinstance(what, exp.Literal) and what.is_string):
            raise ConditionError(
                f"`{_said(tree)}` changes a type; facts have theirs.",
                _offset(tree),
                "Only date '2026-01-31' is read so.",
            )
        try:
            value = read[1](what.name)
        except ValueError:
            raise ConditionError(f"`{what.name}` is no {to.value.lower()}.", _offset(tree), "2026-01-31") from None
        return _Part(read[0], lambda _: value)

    def _case(self, tree: exp.Expr) -> _Part:
        if tree.this is not None and isinstance(tree, exp.Case):
            raise ConditionError("CASE takes no subject here.", _offset(tree), "Write CASE WHEN subject = … THEN …")
        ifs = tree.args.get("ifs") or [tree]
        default = tree.args.get("default") or tree.args.get("false") or exp.Null()
        type_, cells = self.alike(*(one.args["true"] for one in ifs), default)
        whens = [self._boolean(one.this) for one in ifs]
        return _Part(type_, logic.chosen(list(zip(whens, cells[:-1], strict=True)), cells[-1]))

    def _coalesce(self, tree: exp.Expr) -> _Part:
        type_, cells = self.alike(tree.this, *tree.expressions)
        return _Part(type_, logic.first_known(*cells))

    def _nullif(self, tree: exp.Expr) -> _Part:
        type_, (value, other) = self.alike(tree.this, tree.expression)
        return _Part(type_, lambda row: None if (v := value(row)) is None or v == other(row) else v)

    def _of_text(self, tree: exp.Expr) -> _Part:
        type_, function = _OF_TEXT[type(tree)]
        taken = ("this", "expression") if isinstance(tree, _OF_TWO_TEXTS) else ("this",)
        if any(value for name, value in tree.args.items() if name not in taken):
            raise ConditionError(f"`{_said(tree)}` has more than conditions take.", _offset(tree), "Leave it out.")
        trees = [tree.args[name] for name in taken]
        return _Part(type_, logic.strict(function, *(self.cell(part, FactType.TEXT) for part in trees)))

    def _absolute(self, tree: exp.Expr) -> _Part:
        part = self.typed(tree.this, FactType.NUMBER)
        return _Part(part.type, logic.strict(abs, part.cell))


def _truth(join: Callable[[Cell, Cell], Cell], left: Cell, right: Cell) -> _Part:
    return _Part(FactType.BOOLEAN, join(left, right))


_TEMPORAL: dict[Any, tuple[FactType, Callable[[str], Any]]] = {
    exp.DataType.Type.DATE: (FactType.DATE, date.fromisoformat),
    exp.DataType.Type.TIMESTAMP: (FactType.INSTANT, instant_of),
    exp.DataType.Type.TIMESTAMPTZ: (FactType.INSTANT, instant_of),
}
_OF_TEXT: dict[type, tuple[FactType, Callable[..., Any]]] = {
    exp.Lower: (FactType.TEXT, str.lower),
    exp.Upper: (FactType.TEXT, str.upper),
    exp.Trim: (FactType.TEXT, lambda text: text.strip(" ")),
    exp.Length: (FactType.INTEGER, len),
    exp.StartsWith: (FactType.BOOLEAN, str.startswith),
    exp.EndsWith: (FactType.BOOLEAN, str.endswith),
    exp.Contains: (FactType.BOOLEAN, lambda text, part: part in text),
}
_OF_TWO_TEXTS = (exp.StartsWith, exp.EndsWith, exp.Contains)
FUNCTIONS = ("abs", "coalesce", "contains", "ends_with", "length", "lower", "nullif", "starts_with", "trim", "upper")
_RULES: dict[type, Callable[[_Reader, exp.Expr], _Part]] = {
    exp.Column: _Reader._fact, exp.Literal: _Reader._literal, exp.Boolean: _Reader._truth, exp.Null: _Reader._null,
    exp.Paren: _Reader._group, exp.And: _Reader._and, exp.Or: _Reader._or, exp.Not: _Reader._not, exp.Is: _Reader._is,
    exp.NullSafeEQ: _Reader._same, exp.NullSafeNEQ: _Reader._same, exp.Between: _Reader._between, exp.In: _Reader._in,
    exp.Like: _Reader._like, exp.ILike: _Reader._like, exp.Neg: _Reader._negated, exp.DPipe: _Reader._joined,
    exp.Cast: _Reader._cast, exp.Case: _Reader._case, exp.If: _Reader._case, exp.Coalesce: _Reader._coalesce,
    exp.Nullif: _Reader._nullif, exp.Abs: _Reader._absolute,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), _Reader._compared),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div), _Reader._arithmetic),
    **dict.fromkeys(_OF_TEXT, _Reader._of_text),
}  # fmt: skip


def _not_allowed(tree: exp.Expr) -> ConditionError:
    if isinstance(tree, exp.Func):
        name = tree.name.lower() if isinstance(tree, exp.Anonymous) else tree.sql_name().lower()
        fix = near(name, FUNCTIONS) or f"There are: {', '.join(FUNCTIONS)}."
        return ConditionError(f"Conditions have no function `{name}`.", _offset(tree), fix)
    if tree.find(exp.Query):
        return ConditionError(
            "A condition holds no query.", _offset(tree), "Use a fact; a fact can hold what it finds."
        )
    return ConditionError(f"`{_said(tree)}` is no part of a condition.", _offset(tree), "See docs/concepts/rules.md.")


def _mend(wanted: FactType, tree: exp.Expr) -> str:
    if wanted is FactType.DATE and isinstance(tree, exp.Literal):
        return f"Write date '{tree.name}'."
    if wanted is FactType.TEXT and isinstance(tree, exp.Literal):
        return f"Write '{tree.name}'."
    return "Compare what is of one type."


def _said(tree: exp.Expr) -> str:
    text = str(tree.sql(DIALECT, comments=False))
    return text if len(text) <= 60 else text[:57] + "…"


def _offset(tree: exp.Expr) -> int:
    return offset_of(tree, prefix=_PREFIX)
