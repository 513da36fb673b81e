"""Lineage of a whole text: its statements one after the other, and what is left where one cannot be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from freehold.sql.lineage.frames import Columns, Seen
from freehold.sql.lineage.relations import Origins, Use
from freehold.sql.lineage.statements import Written, read_statement

_KINDS = (
    (Use.IDENTITY, ("DIRECT", "IDENTITY")),
    (Use.TRANSFORMATION, ("DIRECT", "TRANSFORMATION")),
    (Use.AGGREGATION, ("DIRECT", "AGGREGATION")),
    (Use.WINDOW, ("INDIRECT", "WINDOW")),
    (Use.CONDITIONAL, ("INDIRECT", "CONDITIONAL")),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A column that another one comes from, and how."""

    table: str
    column: str
    use: Use

    @property
    def is_direct(self) -> bool:
        """Whether its values go in, and do not only decide."""
        return bool(self.use & (Use.IDENTITY | Use.TRANSFORMATION | Use.AGGREGATION))

    @property
    def kinds(self) -> tuple[tuple[str, str], ...]:
        """OpenLineage's type and subtype of every way in which it goes in."""
        return tuple(kind for use, kind in _KINDS if self.use & use)

    @property
    def is_masked(self) -> bool:
        """Whether a hash or a mask stands between."""
        return bool(self.use & Use.MASKED)

    @property
    def is_guessed(self) -> bool:
        """Whether it is the only table that could have the column, though nobody says that it does."""
        return bool(self.use & Use.GUESSED)


@dataclass(frozen=True, slots=True)
class Output:
    """A column that a text gives: of the table it is written to, or of no table for a bare query.

    `line` counts from 1 in the text; 0 where it is not known.
    """

    table: str
    column: str
    sources: tuple[Source, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Influence:
    """A column that decides which rows there are, or in which order: FILTER, JOIN, GROUP_BY or SORT."""

    table: str
    column: str
    subtype: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a text reads and writes, table by table and column by column.

    Attributes:
        reads, writes: tables in the order of their first mention, temporary ones left out.
        ambiguous: names that several tables could mean; their edges are missing from `outputs`.
        failures: what could not be read, one line each; such statements are known by their tables alone.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    outputs: tuple[Output, ...] = ()
    influences: tuple[Influence, ...] = ()
    ambiguous: int = 0
    failures: tuple[str, ...] = field(default=())

    def edges(self, *, indirect: bool = False) -> Iterator[tuple[str, str, str, str]]:
        """Yield (source table, source column, table, column), those that only decide if asked for."""
        for output in self.outputs:
            for source in output.sources:
                if indirect or source.is_direct:
                    yield source.table, source.column, output.table, output.column


def lineage_of(
    sql: str,
    dialect: str | None = None,
    *,
    columns_of: Columns = lambda _: None,
    name_of: Callable[[exp.Table], str] | None = None,
    default: str = "",
) -> Lineage:
    """Return the lineage of a text of one or more statements; what cannot be read is told in it.

    For texts from elsewhere use `Reader`, which no text brings down.

    Args:
        sql: the text.
        dialect: as sqlglot names it; None for the one that accepts most.
        columns_of: table name -> its columns in order, or None where nobody knows.
        name_of: a table in the parsed text -> its name; by default its parts with dots, as the dialect compares them.
        default: `schema` or `catalog.schema`, put before names with fewer parts, where `name_of` is not given.
    """
    kind = Dialect.get_or_raise(dialect)
    seen = Seen(kind, columns_of, name_of or _named(kind, default))
    written: Written = {}
    failures: list[str] = []
    for statement in _statements(sql, kind, seen, failures):
        try:
            read_statement(statement, seen, written)
        except RecursionError:
            failures.append("nested too deeply")
            _tables_of(statement, seen)
        except SqlglotError as error:
            failures.append(_first_line(error))
            _tables_of(statement, seen)
    return Lineage(
        tuple(name for name in seen.reads if name not in seen.made),
        tuple(seen.writes),
        tuple(_output(table, column, origins, seen) for (table, column), origins in written.items()),
        tuple(Influence(table, column, subtype) for (table, column), subtype in seen.influences),
        seen.ambiguous,
        tuple(failures),
    )


def tables_alone(sql: str, dialect: str | None, why: str, *, default: str = "") -> Lineage:
    """Return the tables of a text, found by the words before them; `why` its columns are not read is told in it."""
    kind = Dialect.get_or_raise(dialect)
    seen = Seen(kind, lambda _: None, _named(kind, default))
    _tables_of_text(sql, seen)
    return Lineage(tuple(seen.reads), tuple(seen.writes), failures=(why,))


def _output(table: str, column: str, origins: Origins, seen: Seen) -> Output:
    sources = tuple(Source(source, name, Use(use)) for (source, name), use in origins.items())
    return Output(table, column, sources, seen.lines.get((table, column), 0))


def _named(dialect: Dialect, default: str) -> Callable[[exp.Table], str]:
    before = [part for part in default.split(".") if part]

    def name_of(table: exp.Table) -> str:
        parts = [
            str(dialect.normalize_identifier(part).this) if isinstance(part, exp.Identifier) else part.sql(dialect)
            for part in table.parts
        ]
        missing = len(before) + 1 - len(parts)
        return ".".join([*before[:missing], *parts] if missing > 0 else parts)

    return name_of


# -- statements


def _statements(sql: str, dialect: Dialect, seen: Seen, failures: list[str]) -> Iterator[exp.Expr]:
    """Yield the statements of a text, also of one in which some do not parse."""
    try:
        tokens = dialect.tokenize(sql)
    except (SqlglotError, RecursionError) as error:
        failures.append(_first_line(error))
        _tables_of_text(sql, seen)
        return
    try:
        parsed = dialect.parser().parse(tokens, sql)
    except (SqlglotError, RecursionError):
        parsed = None
    if parsed is not None:
        for statement in parsed:
            yield from _opened(statement, dialect, seen, failures)
        return
    for piece in _pieces(tokens):
        try:
            for statement in dialect.parser().parse(piece, sql):
                yield from _opened(statement, dialect, seen, failures)
        except (SqlglotError, RecursionError) as error:
            failures.append(_first_line(error))
            _tables_of_tokens(piece, seen)


def _opened(statement: exp.Expr | None, dialect: Dialect, seen: Seen, failures: list[str]) -> Iterator[exp.Expr]:
    """Yield a statement, or those of a text it carries: a procedure's body, what EXPLAIN or UNLOAD is about."""
    if statement is None:
        return
    if isinstance(statement, exp.Command):
        text = _carried(statement)
        if text:
            yield from _statements(text, dialect, seen, failures)
        return
    raw = [r.name for r in statement.find_all(exp.RawString)] if isinstance(statement, exp.Create) else []
    if raw and statement.args.get("kind") == "PROCEDURE":
        for text in raw:
            yield from _statements(_unwrapped(text), dialect, seen, failures)
        return
    yield statement


def _carried(command: exp.Command) -> str:
    word, text = str(command.this).upper(), command.expression.name if command.expression is not None else ""
    if word == "EXPLAIN":
        return re.sub(r"(?i)^\s*(analyze|verbose|\([^)]*\))\s+", "", text)
    if word == "REPLACE":  # MySQL's INSERT that overwrites
        return f"INSERT {text}"
    if word == "UNLOAD":
        found = re.match(r"\s*\(\s*'((?:[^']|'')*)'\s*\)", text, re.DOTALL)
        return found[1].replace("''", "'") if found else ""
    if word == "RENAME":
        found = re.match(r"(?i)\s*table\s+(\S+)\s+to\s+(\S+)", text)
        return f"ALTER TABLE {found[1]} RENAME TO {found[2]}" if found else ""
    return ""


def _unwrapped(text: str) -> str:
    """Return the statements of a procedure's body without the words around them."""
    return re.sub(r"(?is)^\s*(declare\b.*?)?\bbegin\b|\bend\s*;?\s*$", " ", text)


_CONTROL = {
    "BEGIN", "END", "THEN", "ELSE", "DO", "LOOP", "AS", "IF", "ELSEIF", "FOR", "WHILE", "RETURN", "LET", "DECLARE",
    "OPEN", "CLOSE", "FETCH", "RAISE", "EXCEPTION", "WHEN", "PRINT", "GO", "LEAVE", "ITERATE", "REPEAT", "UNTIL",
}  # fmt: skip
_BEGINS = {"INSERT", "UPDATE", "MERGE", "DELETE", "CREATE", "WITH", "SELECT", "TRUNCATE", "COPY"}


def _pieces(tokens: list[Token]) -> Iterator[list[Token]]:
    """Cut a text at its semicolons, and the words of a procedure from around each statement.

    A piece of such words alone moves no data and is left out.
    """
    piece: list[Token] = []
    for token in [*tokens, None]:
        if token is not None and token.token_type is not TokenType.SEMICOLON:
            piece.append(token)
            continue
        inner = _without_control(piece)
        if inner:
            yield inner
        piece = []


def _without_control(piece: list[Token]) -> list[Token]:
    if piece and piece[0].text.upper() in _CONTROL:
        start = next((i for i, t in enumerate(piece) if t.text.upper() in _BEGINS), None)
        if start is None:
            return []
        piece = piece[start:]
    words = [t.text.upper() for t in piece]
    while words and words[-1] == "END" and words.count("END") > words.count("CASE"):
        words.pop()
    return piece[: len(words)]


# -- tables alone


def _tables_of(statement: exp.Expr, seen: Seen) -> None:
    """Note the tables of a statement whose columns could not be read."""
    defined = {cte.alias for cte in statement.find_all(exp.CTE)}
    for table in statement.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and (table.args.get("db") or table.name not in defined):
            name = seen.name_of(table)
            if name not in seen.writes:
                seen.reads[name] = None


_READ_AFTER = {TokenType.FROM, TokenType.JOIN, TokenType.USING}
_WRITTEN_AFTER = {TokenType.INTO, TokenType.TABLE, TokenType.VIEW, TokenType.UPDATE}


def _tables_of_tokens(tokens: list[Token], seen: Seen) -> None:
    """Note what stands where tables stand, in a statement that does not parse."""
    ctes = {
        tokens[i].text.lower()
        for i in range(len(tokens) - 2)
        if tokens[i + 1].token_type is TokenType.ALIAS and tokens[i + 2].token_type is TokenType.L_PAREN
    }
    for index, token in enumerate(tokens[:-1]):
        if token.token_type not in _READ_AFTER | _WRITTEN_AFTER:
            continue
        parts, after = _dotted(tokens, index + 1)
        is_call = after < len(tokens) and tokens[after].token_type is TokenType.L_PAREN
        if not parts or (len(parts) == 1 and parts[0].lower() in ctes):
            continue
        name = seen.name_of(_table(parts[-3:]))
        if token.token_type in _WRITTEN_AFTER:
            seen.writes[name] = None
        elif not is_call:
            seen.reads[name] = None


def _dotted(tokens: list[Token], index: int) -> tuple[list[str], int]:
    parts: list[str] = []
    while index < len(tokens) and tokens[index].token_type in (TokenType.VAR, TokenType.IDENTIFIER):
        parts.append(tokens[index].text)
        index += 1
        if index >= len(tokens) or tokens[index].token_type is not TokenType.DOT:
            break
        index += 1
    return parts, index


_TABLE_WORD = re.compile(r"(?i)\b(from|join|into|update|table)\s+([A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*){0,2})")


def _tables_of_text(sql: str, seen: Seen) -> None:
    """Note what stands where tables stand, in a text that cannot even be cut into words."""
    for word, name in _TABLE_WORD.findall(sql):
        place = seen.reads if word.lower() in ("from", "join") else seen.writes
        place[seen.name_of(_table(name.split(".")))] = None


def _first_line(error: BaseException) -> str:
    return (
        re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0].partition(" but got <")[0][:300]
        if str(error)
        else type(error).__name__
    )


def _table(parts: list[str]) -> exp.Table:
    name, db, catalog = [*reversed(parts), None, None][:3]
    return exp.table_(name or "", db, catalog)
