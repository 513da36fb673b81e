"""Facts: what a document stands on, computed before a word of it is written, each with the hash of its rows.

What was never recorded is not instrumented. Such a fact has no rows to count, and a template that counts them anyway
is in error: nothing that is not known is ever printed as none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.foundation.words import percent
from freehold.insight.documents.declared import DocumentFile, Fact
from freehold.insight.documents.items import ItemsThen
from freehold.insight.documents.listing import listed
from freehold.insight.documents.querying import PRODUCT, asked, question_of
from freehold.insight.kpi import Asking, KpiValue, State, trend
from freehold.insight.periods import GRAIN_OF, Period, ending_before, last_periods
from freehold.insight.registry import Kpi, kpi_named
from freehold.insight.telling import judged, made_of, said
from freehold.ledger.canonical import NotCanonical, spell

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Evidence

NOT_INSTRUMENTED = "not instrumented"


class Row:
    """One row of a fact: its cells by name, and nothing else."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, Any]) -> None:
        self._cells = cells

    def __getitem__(self, name: str) -> Any:
        return self._cells[name]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a fact, or why there are none to count.

    Attributes:
        fact: its name.
        query: the hash of what was asked.
        note: what was never received, where it is not instrumented.
    """

    fact: str
    query: str
    cells: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    note: str = ""

    @property
    def is_instrumented(self) -> bool:
        """Whether what it tells of was ever recorded."""
        return not self.note

    @property
    def hash(self) -> str:
        """The SHA-256 of its rows in canonical JSON."""
        try:
            text, _ = spell({"rows": [dict(row) for row in self.cells], "note": self.note})
        except NotCanonical as error:
            problem = f"The fact `{self.fact}` has a cell that cannot be hashed: {error}."
            raise FreeholdError("FH-O105", problem, fix="Cast it to text in its query.") from error
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def __iter__(self) -> Iterator[Row]:
        self._expect_instrumented()
        return (Row(cells) for cells in self.cells)

    def __len__(self) -> int:
        self._expect_instrumented()
        return len(self.cells)

    def __getitem__(self, place: int) -> Row:
        self._expect_instrumented()
        return Row(self.cells[place])

    def _expect_instrumented(self) -> None:
        if not self.is_instrumented:
            raise FreeholdError(
                "FH-O106", f"The fact `{self.fact}` is not instrumented, and the template counts on its rows.",
                fix=f"Print it by `table({self.fact}, …)` or `number({self.fact}, …)`, which say so, or ask "
                f"`{self.fact}.is_instrumented` first.",
            )  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What the facts of a document are computed from.

    Attributes:
        estate: the estate as it was applied by then; None where none was.
        items: the work items as they stood by then; None where none can be told of.
        values: what queries may say: the parameters, `as_of`, `env`, and `starts` and `ends` of the period.
    """

    evidence: Evidence
    kpis: Mapping[str, Kpi]
    asking: Asking
    period: Period | None
    product: str
    values: Mapping[str, Any]
    estate: Estate | None = None
    items: ItemsThen | None = None


def computed(file: DocumentFile, standing: Standing) -> dict[str, Rows]:
    """Compute all facts of a document, in the order of its file.

    Raises:
        FreeholdError: what a fact came to, with its place.
    """
    return {name: _computed(file, fact, standing) for name, fact in file.facts.items()}


def _computed(file: DocumentFile, fact: Fact, standing: Standing) -> Rows:
    try:
        if fact.kpis:
            return _measured(fact, standing)
        if fact.estate:
            return _listed(fact, standing)
        if fact.item:
            return _of_item(fact, standing)
        return _asked(file, fact, standing)
    except FreeholdError as error:
        problem = error.problem if f"`{fact.name}`" in error.problem else f"The fact `{fact.name}`: {error.problem}"
        raise FreeholdError(
            error.code, problem, where=error.where or fact.where, fix=error.fix, exit_code=error.exit_code
        ) from error


def _asked(file: DocumentFile, fact: Fact, standing: Standing) -> Rows:
    question = question_of(file, fact)
    query = hashlib.sha256(question.sql.encode()).hexdigest()
    if unheard := _unheard(fact, question.reads, standing.evidence):
        return Rows(fact.name, query, note=unheard)
    rows = asked(question, standing.evidence, standing.values)
    return Rows(fact.name, query, tuple(_told(fact, row, standing.items) for row in rows))


def _told(fact: Fact, row: dict[str, Any], items: ItemsThen | None) -> dict[str, Any]:
    """Return a row with what the work item in it is about, and with words in the place of their id."""
    item, text = row.get(fact.titles), row.get(fact.words)
    if fact.titles:
        row = {**row, "title": items.title(str(item)) if items is not None and item else ""}
    if fact.words:
        row = {**row, fact.words: items.words(str(text)) if items is not None and text else ""}
    return row


def _unheard(fact: Fact, reads: Sequence[str], evidence: Evidence) -> str:
    """Return what was never received of what a fact stands on, as a sentence; nothing where it can be counted."""
    if fact.needs:
        missing = [name for name in fact.needs if not evidence.has(name)]
    else:
        missing = [] if any(evidence.has(name) for name in reads) else list(reads[:3])
    return f"{', '.join(f'`{name}`' for name in missing)} {_WERE[len(missing) > 1]} never received" if missing else ""


_WERE = {False: "was", True: "were"}


def _listed(fact: Fact, standing: Standing) -> Rows:
    query = hashlib.sha256(f"estate {fact.estate}".encode()).hexdigest()
    if standing.estate is None:
        return Rows(fact.name, query, note="no estate was applied by then whose files are kept")
    case = str(standing.values.get("case", ""))
    return Rows(fact.name, query, tuple(listed(fact.estate, standing.estate, standing.product, case)))


def _of_item(fact: Fact, standing: Standing) -> Rows:
    query = hashlib.sha256(f"item {fact.item}".encode()).hexdigest()
    if standing.items is None:
        return Rows(fact.name, query, note="no estate was applied by then whose files are kept")
    return Rows(fact.name, query, tuple(standing.items.listed(fact.item, str(standing.values["item"]))))


def _measured(fact: Fact, standing: Standing) -> Rows:
    chosen = [kpi_named(standing.kpis, id_) for id_ in fact.kpis]
    query = hashlib.sha256(" ".join(kpi.definition for kpi in chosen).encode()).hexdigest()
    return Rows(fact.name, query, tuple(_cells(kpi, _value(kpi, standing)) for kpi in chosen))


def _value(kpi: Kpi, standing: Standing) -> KpiValue:
    asking, zone = standing.asking, standing.asking.zone
    if standing.product:
        expect_of_products(kpi)
        quoted = standing.product.replace("'", "''")
        asking = Asking(asking.env, zone, f"{PRODUCT} = '{quoted}'", asking.working)
    period = standing.period or ending_before(standing.evidence.instant, GRAIN_OF[kpi.cadence], zone)
    periods = last_periods(period, 2 if period.grain else 1, zone)
    return trend(kpi, standing.evidence, periods, asking=asking)[-1]


def expect_of_products(kpi: Kpi) -> None:
    """Make sure that a KPI can be asked of one product.

    Raises:
        FreeholdError: FH-O104 its evidence names none.
    """
    if PRODUCT not in kpi.slices:
        raise FreeholdError(
            "FH-O104", f"The KPI `{kpi.id}` cannot be held to one product: its evidence names none.",
            fix="Leave it out, or take `product` out of the parameters.",
        )  # fmt: skip


def _cells(kpi: Kpi, value: KpiValue) -> dict[str, Any]:
    """Return a KPI as a row: as it is said, and why where it cannot be."""
    is_heard = value.state is not State.NOT_INSTRUMENTED
    verdicts = {target.text: met for target, met in judged(kpi, value)}
    met = [verdict for verdict in verdicts.values() if verdict is not None]
    return {
        "id": kpi.id,
        "name": kpi.name,
        "question": kpi.question,
        "value": str(value.state) if value.value is None else said(value.value, kpi.unit),
        "amount": value.value,
        "has_value": value.value is not None,
        "state": str(value.state),
        "before": "no value" if value.before is None else said(value.before, kpi.unit),
        "target": ", ".join(verdicts) or "none",
        "verdict": "not judged" if not met else "met" if all(met) else "missed",
        "period": f"{value.period}{'' if value.is_closed else ', so far'}",
        "made_of": made_of(kpi, value.numerator, value.denominator) if is_heard else "none",
        "observations": value.n if is_heard else None,
        "completeness": "none" if value.evidence_completeness is None else percent(value.evidence_completeness),
        "note": value.fix,
        "owner": kpi.owner or "",
        "definition": kpi.definition,
    }
