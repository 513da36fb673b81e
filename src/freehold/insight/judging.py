"""What is wrong with the KPIs of an estate, as far as it can be known before anything is recorded.

Each query is bound to the views of a ledger in which nothing has happened, and so is each metric over it: a column that
is none, a sum of words or a time that is no time are told where they stand, and not on the day the number is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from freehold.foundation import FreeholdError, Where, near
from freehold.insight.kpi import attempt, columns_of
from freehold.insight.periods import holding
from freehold.insight.registry import Kpi, first_to_blame, read_kpis
from freehold.ledger import NoEvidence, Vocabulary
from freehold.metrics.paths import listed

if TYPE_CHECKING:
    from freehold.estate.document import Document
    from freehold.estate.model import Estate
    from freehold.ledger import Evidence
    from freehold.metrics.model import Dataset

_A_MONTH = holding(date(2011, 3, 7), "month")
_TIME = re.compile("DATE|TIMESTAMP.*")
_NUMBERS = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)\[\]")
_ABSENT = re.compile(r'[Cc]olumn (?:named |with name |name )?"?(\w+)"?')


def kpi_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return all that is wrong with the KPIs of an estate."""
    kpis, errors = read_kpis(estate)
    for kind, id_ in estate.resources:
        document = estate.resources[kind, id_].document if kind == "KPI" else None
        if document is not None and id_ in kpis and "datasets" in document.value["spec"]:
            errors += findings(kpis[id_], document)
    return tuple(errors)


def findings(kpi: Kpi, document: Document) -> Iterator[FreeholdError]:
    """Yield what keeps a KPI from being computed, beside what its file shows by itself."""
    with NoEvidence(Vocabulary()) as nothing:
        wrong = [error for one in kpi.model.datasets.values() for error in _of_dataset(kpi, document, one, nothing)]
        yield from wrong or _of_metrics(kpi, document, nothing)


def _of_dataset(kpi: Kpi, document: Document, dataset: Dataset, nothing: Evidence) -> Iterator[FreeholdError]:
    path = ("spec", "datasets", dataset.name)
    try:
        types = columns_of(kpi, dataset, nothing)
    except FreeholdError as error:
        yield _told(error, f"The evidence `{dataset.name}`", document, (*path, "sql"))
        return
    if dataset not in kpi.facts:
        return
    if not _NUMBERS.fullmatch(types.get("seqs", "")):
        yield FreeholdError(
            "FH-K003", f"`seqs` of `{dataset.name}` is {types['seqs']}, and no list of numbers of events.",
            where=_place(document, (*path, "sql"), "seqs"), fix="Select a list of them: `[seq] AS seqs`.",
        )  # fmt: skip
    times = [name for name, type_ in types.items() if _TIME.fullmatch(type_)]
    if dataset.time is None:
        yield FreeholdError(
            "FH-K003", f"The evidence `{dataset.name}` of `{kpi.id}` has no time: no period has any of it.",
            where=dataset.where, fix=f"Say `time:` with the column that dates a row{_one_of(times)}.",
        )  # fmt: skip
    elif dataset.time in types and dataset.time not in times:
        yield FreeholdError(
            "FH-K003", f"`{dataset.time}` of `{dataset.name}` is {types[dataset.time]}, and dates nothing.",
            where=document.where(*path, "time"), fix=f"Name the column that dates a row{_one_of(times)}.",
        )  # fmt: skip


def _one_of(times: list[str]) -> str:
    return f": {listed(times)}" if times else ""


def _of_metrics(kpi: Kpi, document: Document, nothing: Evidence) -> Iterator[FreeholdError]:
    together = _refused(kpi, tuple(kpi.model.metrics), nothing)
    if together is None:
        return
    refused = {name: why for name in kpi.model.metrics if (why := _refused(kpi, (name,), nothing)) is not None}
    for name, why in (first_to_blame(kpi, refused) or {"value": together}).items():
        yield _told(why, f"The metric `{name}`", document, ("spec", "metrics", name))


def _refused(kpi: Kpi, metrics: tuple[str, ...], nothing: Evidence) -> FreeholdError | None:
    try:
        attempt(kpi, metrics, _A_MONTH, nothing)
    except FreeholdError as error:
        return error
    return None


def _told(error: FreeholdError, what: str, document: Document, path: tuple[str, ...]) -> FreeholdError:
    """Return an error at the word of the file that it is about: what DuckDB adds draws lines of its own."""
    if error.code != "FH-L404":
        return FreeholdError(error.code, error.problem, where=error.where or document.where(*path), fix=error.fix)
    problem, *more = error.problem.splitlines()
    problem = " ".join(re.sub("^Evidence cannot answer: (Binder Error: )?", "", problem).split())
    absent = _ABSENT.search(problem)
    hint = next((line.strip() for line in more if line.strip().startswith("Candidate bindings")), "")
    known = re.findall(r'"(\w+)"', hint)
    fix = (near(absent[1], known) if absent else "") or hint or "See docs/reference/events.md for views and columns."
    where = _place(document, path, absent[1]) if absent else document.where(*path)
    return FreeholdError("FH-K003", f"{what}: {problem}", where=where, fix=fix)


def _place(document: Document, path: tuple[str, ...], word: str) -> Where:
    """Return where a word first stands in the text at a path; of the text, where it does not."""
    node = document.node(*path)
    text = node.value if node is not None and isinstance(node.value, str) else ""
    found = re.search(rf"\b{re.escape(word)}\b", text)
    if found is None:
        return document.where(*path)
    return document.place(*path)(found.start())
