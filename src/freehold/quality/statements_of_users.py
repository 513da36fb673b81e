"""SQL that people wrote in a contract: parsed, its tables found, and recognised where one shared pass can answer it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import Token, TokenType, errors, exp, parse, tokenize

from freehold.foundation import near
from freehold.quality import sqltree as sql
from freehold.quality.patterns import Uniform, matches, understood
from freehold.quality.sqltree import Unsuitable

_PLACEHOLDER = re.compile(r"\$?\{\s*([A-Za-z_]\w*)\s*\}")
_OBJECT = {"object", "table", "model", "dataset", "view"}
_PROPERTY = {"property", "column", "field"}
_OWN = "__freehold_object__"
_PASSABLE = (exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count, exp.Stddev, exp.StddevSamp, exp.StddevPop)
_UNSTABLE = (exp.Rand, exp.CurrentDate, exp.CurrentTimestamp, exp.CurrentTime, exp.CurrentUser, exp.Anonymous)


@dataclass(frozen=True)
class Expression:
    """What a query or condition comes to over one pass of the object's rows."""

    counts: Literal["rows", "violations", "aggregate"]
    tree: exp.Expr
    columns: tuple[str, ...] = ()
    has_regex: bool = False
    is_stable: bool = True  # the same rows give the same answer at any time
    pattern: Uniform | None = None  # the violations are that one column does not match this
    subject: exp.Expr | None = None  # what the violations bound, where they say no more than that


@dataclass(frozen=True)
class Query:
    """A query that must run by itself, with relation tokens for the tables it reads."""

    tree: exp.Expr
    assets: tuple[str, ...]


def parse_expression(text: str, dialect: str) -> Expression:
    """Return the violations of a condition that every row must satisfy; where it is NULL, nothing is violated.

    Raises:
        Unsuitable: it is no condition over single rows.
    """
    tree = _parsed(f"SELECT {text}", dialect)
    if len(tree.expressions) != 1 or not _is_of_single_rows(tree):
        raise Unsuitable(f"`{text}` is no condition over one row")
    return _violations(exp.Not(this=exp.Paren(this=tree.expressions[0].copy())))


def parse_query(
    text: str, name: str, aliases: tuple[str, ...], prop: str | None, references: Mapping[str, str], dialect: str
) -> Expression | Query:
    """Return what a contract's query comes to.

    `name` and `aliases` are what the query may call its object beside the placeholders; `references` maps the other
    tables it names to asset ids.

    Raises:
        Unsuitable: it is no single SELECT, or names a placeholder or table that nobody knows.
    """
    tree = _parsed(_filled(text, prop), dialect)
    own = {a.lower() for a in aliases} | {_OWN}
    assets = _tokenised(tree, own, references, name)
    return _one_pass(tree) or Query(tree, assets)


def _filled(text: str, prop: str | None) -> str:
    def fill(found: re.Match[str]) -> str:
        word = found[1].lower()
        if word in _OBJECT:
            return _OWN
        if word in _PROPERTY and prop is not None:
            return '"' + prop.replace('"', '""') + '"'
        if word in _PROPERTY:
            raise Unsuitable(f"`{found[0]}` stands for a column, and this rule belongs to none")
        known = sorted(_OBJECT | _PROPERTY)
        raise Unsuitable(f"nothing is called `{found[0]}`. {near(word, known) or 'Use {object} or {property}.'}")

    return _PLACEHOLDER.sub(fill, text)


def _parsed(text: str, dialect: str) -> exp.Query:
    if any(token.token_type == TokenType.TILDE for token in _tokens(text, dialect)):
        raise Unsuitable("engines disagree on `~`: write regexp_matches(…) or regexp_full_match(…)")
    try:
        found = [tree for tree in parse(text, read=dialect) if tree is not None]
    except errors.SqlglotError as error:
        first = str(error).splitlines()[0]
        raise Unsuitable(f"its SQL cannot be read: {re.sub(chr(27) + r'.*?m', '', first)}") from error
    if len(found) != 1 or not isinstance(found[0], exp.Query):
        raise Unsuitable("a check is one SELECT and nothing else")
    return found[0]


def _tokens(text: str, dialect: str) -> list[Token]:
    try:
        return list(tokenize(text, read=dialect))
    except errors.SqlglotError as error:
        raise Unsuitable(f"its SQL cannot be read: {str(error).splitlines()[0]}") from error


def _tokenised(tree: exp.Expr, own: set[str], references: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Put relation tokens in place of the tables a query reads; return the assets it reads beside its own."""
    local = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    assets: dict[str, None] = {}
    for node in list(tree.find_all(exp.Table)):
        said = ".".join(part.name for part in node.parts)
        if not isinstance(node.this, exp.Identifier) or said.lower() in local:
            continue
        if said.lower() in own:
            token = sql.WHOLE
        elif said in references:
            token = sql.reference_token(references[said])
            assets[references[said]] = None
        else:
            raise Unsuitable(
                f"it reads `{said}`, which is neither {{object}} nor an asset. {near(said, [*references, name])}"
            )
        alias = node.alias or (said if said == _OWN else node.name)
        node.replace(sql.table(token, alias))
    return tuple(assets)


def _one_pass(tree: exp.Expr) -> Expression | None:
    """Return a query as part of one pass over the object's rows, if it is no more than that."""
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        return None
    allowed = {"expressions", "from_", "where", "kind", "hint", "distinct", "operation_modifiers"}
    used = {key for key, value in tree.args.items() if value}
    source = tree.args.get("from_")
    if used - allowed or tree.args.get("distinct") or source is None:
        return None
    if not isinstance(source.this, exp.Table) or source.this.name != sql.WHOLE or source.this.args.get("joins"):
        return None
    return None if tree.find(exp.Window) else _passed(tree)


def _passed(tree: exp.Select) -> Expression | None:
    said = tree.expressions[0].unalias()
    where = tree.args.get("where")
    if sum(1 for _ in tree.find_all(exp.Query)) != 1:
        return None
    if _counts_rows(said):
        return _violations(where.this) if where else Expression("rows", said)
    if where is None:
        return _aggregate(said) if _is_aggregated(said) else None
    return _aggregate_where(said, where.this)


def _counts_rows(tree: exp.Expr) -> bool:
    if not isinstance(tree, exp.Count) or tree.expressions:
        return False
    return tree.this is None or isinstance(tree.this, exp.Star | exp.Literal)


def _violations(condition: exp.Expr) -> Expression:
    bare = _unqualified(condition)
    asked = bare.transform(_cheapest)
    return Expression(
        counts="violations",
        tree=exp.Paren(this=asked),
        columns=_columns(bare),
        has_regex=asked.find(exp.RegexpLike) is not None,
        is_stable=bare.find(*_UNSTABLE) is None,
        pattern=_pattern_of(bare),
        subject=bounded_by(bare),
    )


def _cheapest(node: exp.Expr) -> exp.Expr:
    """Put something cheaper in place of a regular expression that allows it."""
    text = _plain_pattern(node)
    return node if text is None else matches(node.this, text)


def _plain_pattern(node: exp.Expr) -> str | None:
    """Return the pattern of `regexp_matches(column, 'pattern')` without options."""
    if not isinstance(node, exp.RegexpLike) or node.args.get("flag") or not isinstance(node.this, exp.Column):
        return None
    said = node.expression
    return said.this if isinstance(said, exp.Literal) and said.is_string else None


def _pattern_of(condition: exp.Expr) -> Uniform | None:
    inner = condition.unnest()
    text = _plain_pattern(inner.this.unnest()) if isinstance(inner, exp.Not) else None
    return understood(text) if text is not None else None


_ONE_SIDED = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def bounded_by(condition: exp.Expr) -> exp.Expr | None:
    """Return x where a condition is true of what lies outside one interval of x: `x < 1 OR x > 9`, `x <> 5`.

    Then the smallest and the largest x prove that nothing between them violates.
    """
    parts = list(condition.unnest().flatten()) if isinstance(condition.unnest(), exp.Or) else [condition]
    subjects = [_outside_of(part.unnest()) for part in parts]
    first = subjects[0]
    if first is None or any(subject != first for subject in subjects):
        return None
    if len(parts) > 1 and not all(isinstance(part.unnest(), _ONE_SIDED) for part in parts):
        return None
    return first


def _outside_of(part: exp.Expr) -> exp.Expr | None:
    """Return x of `x < 1`, `x <> 1` and `NOT x BETWEEN 1 AND 2`: a column or its length beside constants."""
    if isinstance(part, exp.Not) and isinstance(part.this.unnest(), exp.Between):
        between = part.this.unnest()
        ends = (between.args["low"], between.args["high"])
        return between.this if _is_measurable(between.this) and all(map(_is_constant, ends)) else None
    if not isinstance(part, (*_ONE_SIDED, exp.NEQ)):
        return None
    return part.this if _is_measurable(part.this) and _is_constant(part.expression) else None


def _is_measurable(tree: exp.Expr) -> bool:
    inner = tree.this if isinstance(tree, exp.Length) else tree
    return isinstance(inner, exp.Column)


def _is_constant(tree: exp.Expr) -> bool:
    if isinstance(tree, exp.Neg | exp.Cast | exp.Paren):
        return _is_constant(tree.this)
    return isinstance(tree, exp.Literal)


def _aggregate(said: exp.Expr) -> Expression:
    bare = _unqualified(said)
    return Expression("aggregate", bare, _columns(bare))


def _aggregate_where(said: exp.Expr, condition: exp.Expr) -> Expression | None:
    """Put a WHERE inside the one aggregate: those that skip NULL give the same value."""
    if not isinstance(said, _PASSABLE) or said.expressions or not isinstance(said.this, exp.Expr):
        return None
    if isinstance(said.this, exp.Star | exp.Distinct):
        return None
    bare = _unqualified(said)
    bare.set("this", sql.case(_unqualified(condition), bare.this))
    return Expression("aggregate", bare, _columns(bare))


def _is_aggregated(tree: exp.Expr) -> bool:
    """Return whether every column stands inside an aggregate, and there is one."""
    inside = all(column.find_ancestor(exp.AggFunc) for column in tree.find_all(exp.Column))
    return inside and tree.find(exp.AggFunc) is not None


def _is_of_single_rows(tree: exp.Expr) -> bool:
    if sum(1 for _ in tree.find_all(exp.Query)) != 1 or tree.args.get("from_"):
        return False
    return tree.find(exp.AggFunc, exp.Window) is None


def _unqualified(tree: exp.Expr) -> exp.Expr:
    bare = tree.copy()
    for column in bare.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    return bare


def _columns(tree: exp.Expr) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column.name for column in tree.find_all(exp.Column)))
