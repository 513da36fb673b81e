"""A fact's query: held to what can be answered again later with the same rows, and to one product where it is of one.

Whatever would let two answers differ is refused or mended: clocks and chance, files beside the ledger, a limit without
an order, aggregates that depend on the order of rows. Rows that are given no order, or tie in it, get one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from freehold.foundation import FreeholdError, near
from freehold.insight.documents.declared import DocumentFile, Fact
from freehold.ledger import Vocabulary
from freehold.sql.kernel import parse, tables_of

if TYPE_CHECKING:
    from freehold.ledger import Evidence

PRODUCT = "product"
_BY_ASSET = ("rule_results", "rule_evaluated")  # they tell of assets, and of products by those
_LISTS = ("assets", "resources")  # which may name assets of several products
_UNTOLD = ("events",)  # its payloads may tell of any product
_CLOCKS = (exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentUser, exp.Rand, exp.Uuid)
_UNREPEATABLE = frozenset(
    [
        "now",
        "today",
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "get_current_timestamp",
        "get_current_time",
        "transaction_timestamp",
        "random",
        "uuid",
        "gen_random_uuid",
        "uuidv7",
        "setseed",
        "nextval",
        "getenv",
        "current_setting",
        "getvariable",
        "any_value",
        "first",
        "last",
        "arbitrary",
        "mode",
    ]
)
_IN_ORDER = (exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last, exp.AnyValue)
_DIGITS = "{:.12g}"


@dataclass(frozen=True)
class Question:
    """A query that may be asked: its SQL, with `$name` for each word it says, and the event types it reads."""

    sql: str
    words: tuple[str, ...]
    reads: tuple[str, ...]


def question_of(file: DocumentFile, fact: Fact) -> Question:
    """Return the query of a fact, ready to be asked.

    Raises:
        FreeholdError: FH-Q001, FH-Q002 it is not one SELECT; FH-O102 it reads what is no view of the ledger, or says a
            word that is no parameter; FH-O103 it could give other rows when asked again; FH-O104 it cannot be held to
            one product.
    """
    tree = parse(fact.sql, "duckdb", fact.where, fact.place)
    _expect_repeatable(tree, fact)
    words = _words(tree, file, fact)
    views = _views(tree, fact)
    if file.is_of_product:
        _confine(tree, fact)
        words = tuple(dict.fromkeys((*words, PRODUCT)))
    for placeholder in list(tree.find_all(exp.Placeholder)):
        placeholder.replace(exp.Parameter(this=exp.var(placeholder.name)))
    return Question(tree.sql("duckdb", comments=False), words, _types(views))


def asked(question: Question, evidence: Evidence, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of a question, each as a mapping, in an order that is always the same.

    Raises:
        FreeholdError: FH-L405 it asks for a column that is withheld, by name or as one of all.
    """
    given = {word: values[word] for word in question.words}
    names = columns(question, evidence, values)
    if evidence.withheld:
        _expect_whole(question, names, evidence, values)
    rows = evidence.query(_ordered(question.sql, len(names)), given)
    return [{name: settled(cell) for name, cell in zip(names, row, strict=True)} for row in rows]


def _expect_whole(question: Question, names: tuple[str, ...], evidence: Evidence, values: Mapping[str, Any]) -> None:
    """Refuse rows that would have fewer columns than for others: they would give the document another hash."""
    from freehold.ledger import NoEvidence

    with NoEvidence(Vocabulary()) as nothing:
        for name in columns(question, nothing, values):
            if name not in names and name in evidence.withheld.columns:
                raise evidence.withheld.refusal(name)


def columns(question: Question, evidence: Evidence, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns a question gives."""
    return tuple(row[0] for row in evidence.query(f"DESCRIBE {question.sql}", {w: values[w] for w in question.words}))


def settled(value: Any) -> Any:
    """Return a cell as it is told and hashed: instants in UTC, spans in seconds, figures with 12 digits."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, timedelta):
        return float(_DIGITS.format(value.total_seconds()))
    if isinstance(value, float):
        return float(_DIGITS.format(value))
    if isinstance(value, list | tuple):
        return [settled(one) for one in value]
    if isinstance(value, dict):
        return {str(key): settled(one) for key, one in value.items()}
    if value is None or isinstance(value, bool | int | str | date | Decimal):
        return value
    return str(value)


@lru_cache(maxsize=512)
def _ordered(sql: str, width: int) -> str:
    """Add all columns to the order of a query, so that rows which tie in it come in one order, too."""
    tree = parse(sql, "duckdb")
    places = [exp.Ordered(this=exp.Literal.number(place + 1), nulls_first=False) for place in range(width)]
    order = tree.args.get("order")
    tree.set("order", exp.Order(expressions=[*(order.expressions if order else ()), *places]))
    return str(tree.sql("duckdb"))


def _expect_repeatable(tree: exp.Query, fact: Fact) -> None:
    for node in tree.walk():
        name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key.lower()
        if isinstance(node, _CLOCKS) or (isinstance(node, exp.Func) and name in _UNREPEATABLE):
            raise _unrepeatable(fact, f"calls `{node.sql('duckdb')}`", "Say `:as_of` for the moment it is of.")
        if isinstance(node, _IN_ORDER) and not node.find(exp.Order) and not isinstance(node.parent, exp.Order):
            raise _unrepeatable(
                fact, f"gathers rows in no order: `{node.sql('duckdb')}`", "Order them inside: `LIST(x ORDER BY x)`."
            )
        if isinstance(node, exp.Query) and node.args.get("limit") and not node.args.get("order"):
            raise _unrepeatable(fact, "limits rows that have no order", "Say ORDER BY before LIMIT.")
        if isinstance(node, exp.TableSample):
            raise _unrepeatable(fact, "takes a sample", "Read all rows.")


def _unrepeatable(fact: Fact, what: str, fix: str) -> FreeholdError:
    problem = f"The fact `{fact.name}` {what}: asked again, it could say something else."
    return FreeholdError("FH-O103", problem, where=fact.where, fix=fix)


def _words(tree: exp.Query, file: DocumentFile, fact: Fact) -> tuple[str, ...]:
    known = words_of(file)
    found = tuple(dict.fromkeys(p.name for p in tree.find_all(exp.Placeholder)))
    for word in found:
        if word not in known:
            fix = near(word, known) or f"There are: {', '.join(f':{name}' for name in known)}."
            raise FreeholdError(
                "FH-O102", f"The fact `{fact.name}` says `:{word}`, which is no parameter.", where=fact.where, fix=fix
            )
    return found


def words_of(file: DocumentFile) -> tuple[str, ...]:
    """Return the words that queries of a document may say."""
    return ("as_of", "env", *(("starts", "ends") if file.periods else ()), *file.parameters)


def _views(tree: exp.Query, fact: Fact) -> tuple[str, ...]:
    known = Vocabulary().views
    for table in tables_of(tree):
        name = (
            table.name if isinstance(table.this, exp.Identifier) and not table.args.get("db") else table.sql("duckdb")
        )
        if name not in known:
            fix = near(name, known) or "See docs/reference/events.md."
            raise FreeholdError(
                "FH-O102", f"The fact `{fact.name}` reads `{name}`, which is no view of the ledger.", where=fact.where,
                fix=fix,
            )  # fmt: skip
    return tuple(dict.fromkeys(table.name for table in tables_of(tree)))


def _types(views: tuple[str, ...]) -> tuple[str, ...]:
    """Return the event types that views stand on."""
    vocabulary = Vocabulary()
    by_view = {name.replace(".", "_"): name for name in vocabulary.names}
    return tuple(dict.fromkeys(_below(views, vocabulary, by_view)))


def _below(views: tuple[str, ...], vocabulary: Vocabulary, by_view: Mapping[str, str]) -> Iterator[str]:
    for view in views:
        if view in by_view:
            yield by_view[view]
        elif view in vocabulary.derived:
            read = tables_of(parse(vocabulary.derived[view], "duckdb"))
            yield from _below(tuple(t.name for t in read), vocabulary, by_view)
        else:
            yield from (vocabulary.names if view == "events" else vocabulary.families[view.removesuffix("_events")])


def _confine(tree: exp.Query, fact: Fact) -> None:
    """Put rows of one product alone in the place of each view, whatever the query then makes of them."""
    for table in tables_of(tree):
        condition = _within(table.name, fact)
        rows = parse(f"SELECT * FROM {table.name} WHERE {condition}", "duckdb")
        rest = {key: table.args.get(key) for key in ("joins", "pivots", "sample")}
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name))
        table.replace(exp.Subquery(this=rows, alias=alias, **{k: v for k, v in rest.items() if v}))


def _within(view: str, fact: Fact) -> str:
    if view in _BY_ASSET:
        return f"subject IN (SELECT asset FROM asset_facts WHERE product = :{PRODUCT})"
    found = _columns_of(view)
    if PRODUCT not in found or view in _UNTOLD:
        raise FreeholdError(
            "FH-O104", f"The fact `{fact.name}` reads `{view}`, which cannot be held to one product.", where=fact.where,
            fix="Read a view whose rows have a product, or take `product` out of the parameters: then only who sees "
            "the whole estate may read the document.",
        )  # fmt: skip
    own = [f"LEN(LIST_FILTER({name}, one -> NOT STARTS_WITH(one, :{PRODUCT} || '.'))) = 0" for name in _LISTS]
    lists = [f"({name} IS NULL OR {test})" for name, test in zip(_LISTS, own, strict=True) if name in found]
    return " AND ".join((f"{PRODUCT} = :{PRODUCT}", *lists))


@lru_cache
def _columns_of(view: str) -> frozenset[str]:
    from freehold.ledger import NoEvidence

    with NoEvidence(Vocabulary()) as nothing:
        return frozenset(nothing.columns_of(view))
