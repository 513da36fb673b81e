"""What is wrong with documents, as far as it can be known before one is written.

Each is judged by its queries, its names and its columns, and then written once from a ledger in which nothing has
happened: whatever counts on what may not be instrumented fails there, and not on the day it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError, Problems, Where, near
from freehold.insight.documents.declared import DocumentFile, Fact, documents_of
from freehold.insight.documents.facts import computed, expect_of_products
from freehold.insight.documents.listing import OF_ALL
from freehold.insight.documents.querying import columns, question_of
from freehold.insight.documents.template import GIVEN, template_findings
from freehold.insight.documents.writing import Setting, standing_of, written
from freehold.insight.kpi import Asking
from freehold.insight.periods import holding
from freehold.insight.registry import Kpi, builtin_kpis, kpi_named, kpis_of
from freehold.ledger import NoEvidence, Vocabulary

if TYPE_CHECKING:
    from freehold.estate.model import Estate

_A_DAY = date(2011, 3, 7)
_KPI_COLUMNS = (
    "id", "name", "question", "value", "amount", "has_value", "state", "before", "target", "verdict", "period",
    "made_of", "observations", "completeness", "note", "owner", "definition",
)  # fmt: skip
_LIST_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "products": (
        "product", "name", "domain", "tier", "status", "team", "purpose", "usage", "limitations", "outputs",
    ),
    "outputs": ("product", "asset", "contract", "version", "status", "description"),
    "columns": ("product", "asset", "column", "type", "required", "unique", "classification", "description"),
    "promises": ("product", "asset", "promise", "value", "of", "description"),
    "acceptance": ("product", "asset", "of", "must"),
    "metrics": ("product", "metric", "status", "sentence", "formula", "definition"),
    "cases": (
        "case", "name", "description", "owner", "made", "cost", "currency", "decision", "metric", "baseline",
        "promised", "review", "due",
    ),
}  # fmt: skip
_ITEM_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "says": ("field", "value"),
    "moves": ("since", "state", "move", "by", "words"),
    "alike": ("item", "title", "began", "state", "decision"),
    "similar": ("item", "began", "root", "score", "why", "mended"),
    "definitions": ("since", "metric", "status", "sentence", "formula", "definition"),
    "columns": ("column", "type", "becomes", "description"),
    "selects": ("when", "asset", "sql"),
}


def document_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return all that is wrong with the documents of an estate."""
    try:
        kpis = kpis_of(estate)
    except Problems:  # which `kpi_findings` tells
        kpis = builtin_kpis()
    own = {id_ for kind, id_ in estate.resources if kind == "Document"}
    return tuple(e for id_, file in documents_of(estate).items() if id_ in own for e in findings(file, kpis))


def entry_findings(estate: Estate) -> Iterator[FreeholdError]:
    """Yield the documents that workflows have written as an item enters a state, and that there are not: FH-O101."""
    documents = documents_of(estate)
    for workflow in estate.workflows.values():
        for state in workflow.states.values():
            for what, given, where in state.on_enter:
                if what == "document" and given not in documents:
                    fix = near(str(given), documents) or f"There are: {', '.join(sorted(documents))}."
                    yield FreeholdError("FH-O101", f"There is no document `{given}`.", where=where, fix=fix)


def findings(file: DocumentFile, kpis: Mapping[str, Kpi]) -> Iterator[FreeholdError]:
    """Yield what is wrong with one document."""
    nothing = NoEvidence(Vocabulary())
    with nothing:
        setting = Setting(kpis, Asking())
        known: dict[str, tuple[str, ...]] = {}
        wrong = [*_names(file), *_packed(file)]
        for fact in file.facts.values():
            wrong += _of_fact(file, fact, setting, nothing, known)
        wrong += template_findings(file, known)
        yield from wrong or _tried(file, setting, nothing)


def _names(file: DocumentFile) -> Iterator[FreeholdError]:
    taken = {*GIVEN, *file.parameters}
    if "item" in file.subjects and file.is_of_product:
        yield FreeholdError(
            "FH-O104", f"The document `{file.id}` is of a product and of a work item.",
            where=file.document.where("spec", "parameters", "item"), fix="Take one of the two out.",
        )  # fmt: skip
    for fact in file.facts.values():
        if fact.name in taken:
            where = file.document.where_key("spec", "facts", fact.name)
            problem = f"The fact `{fact.name}` has a name that is taken."
            yield FreeholdError("FH-O111", problem, where=where, fix="Give it another one.")


def _packed(file: DocumentFile) -> Iterator[FreeholdError]:
    if file.packed and file.is_of_product:
        yield FreeholdError(
            "FH-O104", f"The document `{file.id}` packs events of the whole ledger, and is of one product.",
            where=file.document.where("spec", "ledger"), fix="Take `ledger` or the parameter `product` out.",
        )  # fmt: skip
    for place, pattern in enumerate(file.packed):
        try:
            Vocabulary().select([pattern])
        except FreeholdError as error:
            where = file.document.where("spec", "ledger", place)
            yield FreeholdError(error.code, error.problem, where=where, fix=error.fix)


def _of_fact(
    file: DocumentFile, fact: Fact, setting: Setting, nothing: NoEvidence, known: dict[str, tuple[str, ...]]
) -> Iterator[FreeholdError]:
    try:
        if fact.kpis:
            known[fact.name] = _KPI_COLUMNS
            yield from _of_kpis(file, fact, setting.kpis)
        elif fact.estate:
            known[fact.name] = _LIST_COLUMNS[fact.estate]
            yield from _of_list(file, fact)
        elif fact.item:
            known[fact.name] = _ITEM_COLUMNS[fact.item]
            yield from _of_items(file, fact)
        else:
            yield from _needs(file, fact)
            found = columns(question_of(file, fact), nothing, _tried_with(file))
            known[fact.name] = (*found, "title") if fact.titles else found
            yield from _told(file, fact, found)
    except FreeholdError as error:
        problem, *more = error.problem.splitlines()  # what DuckDB adds draws lines of its own
        hint = next((line for line in more if line.startswith("Candidate bindings")), "")
        problem = f"The fact `{fact.name}`: {problem}" if error.code == "FH-L404" else problem
        yield FreeholdError(
            error.code, problem, where=error.where or fact.where, fix=f"{hint}. {error.fix}".lstrip(". ")
        )


def _of_list(file: DocumentFile, fact: Fact) -> Iterator[FreeholdError]:
    if file.is_of_product and fact.estate in OF_ALL:
        problem = f"The fact `{fact.name}` lists `{fact.estate}`, which cannot be held to one product."
        yield FreeholdError("FH-O104", problem, where=fact.where, fix="Leave it out, or take `product` out.")


def _of_items(file: DocumentFile, fact: Fact) -> Iterator[FreeholdError]:
    if not file.items:
        problem = f"The fact `{fact.name}` lists `{fact.item}` of a work item, and the document is of none."
        fix = "Say under `parameters` of which types it is: `item: [metric_dispute]`."
        yield FreeholdError("FH-L701", problem, where=fact.where, fix=fix)


def _told(file: DocumentFile, fact: Fact, found: tuple[str, ...]) -> Iterator[FreeholdError]:
    """Yield what is wrong with where a fact takes words of persons from."""
    for key, column in (("titles", fact.titles), ("words", fact.words)):
        where = file.document.where("spec", "facts", fact.name, key) if column else fact.where
        if column and column not in found:
            problem = f"The fact `{fact.name}` has no column `{column}` to take {key} of."
            fix = near(column, found) or f"It has: {', '.join(found)}."
            yield FreeholdError("FH-L702", problem, where=where, fix=fix)
        if column and file.is_of_product:  # an item of a product may tell of a metric that its readers may not see
            problem = f"The fact `{fact.name}` has {key} of work items, which cannot be held to one product."
            yield FreeholdError("FH-O104", problem, where=where, fix=f"Leave `{key}` out, or take `product` out.")


def _of_kpis(file: DocumentFile, fact: Fact, kpis: Mapping[str, Kpi]) -> Iterator[FreeholdError]:
    for place, id_ in enumerate(fact.kpis):
        try:
            kpi = kpi_named(kpis, id_)
            if file.is_of_product:
                expect_of_products(kpi)
        except FreeholdError as error:
            where = file.document.where("spec", "facts", fact.name, "kpis", place)
            yield FreeholdError(error.code, error.problem, where=where, fix=error.fix)


def _needs(file: DocumentFile, fact: Fact) -> Iterator[FreeholdError]:
    vocabulary = Vocabulary()
    for place, name in enumerate(fact.needs):
        if name not in vocabulary:
            where = file.document.where("spec", "facts", fact.name, "needs", place)
            fix = near(name, vocabulary.names) or "See docs/reference/events.md."
            yield FreeholdError("FH-O102", f"There is no event type `{name}`.", where=where, fix=fix)


def _tried(file: DocumentFile, setting: Setting, nothing: NoEvidence) -> Iterator[FreeholdError]:
    """Write a document from nothing, once for each word of its choices."""
    period = holding(_A_DAY, file.periods[0]) if file.periods else None
    found: dict[tuple[str, Where | None], FreeholdError] = {}
    for parameters in _parameters(file, str(period)):
        standing = standing_of(nothing, setting, parameters, period)
        try:
            written(file, standing, computed(file, standing), parameters, {})
        except FreeholdError as error:
            found.setdefault((error.problem, error.where), error)
    yield from found.values()


def _parameters(file: DocumentFile, period: str) -> Iterator[dict[str, str]]:
    plain = ({"period": period} if file.periods else {}) | {name: f"a.{name}" for name in file.subjects}
    first = {name: words[0] for name, words in file.choices.items()}
    yield plain | first
    for name, words in file.choices.items():
        yield from (plain | first | {name: word} for word in words[1:])


def _tried_with(file: DocumentFile) -> dict[str, Any]:
    moment = datetime(2011, 3, 7)  # noqa: DTZ001 as evidence has it
    words = {name: words[0] for name, words in file.choices.items()}
    return {**words, "as_of": moment, "env": "", "starts": moment, "ends": moment, "period": "",
            "product": "", "item": "", "case": ""}  # fmt: skip
