"""Metrics: which there are, what each means in a sentence, and what it was over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from freehold import opening
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted
from freehold.metrics import asked as question
from freehold.metrics import catalogue_of
from freehold.metrics.estate import owner_of
from freehold.metrics.explaining import formula_of
from freehold.metrics.fingerprint import definition_hash, sources_of
from freehold.metrics.telling import number
from freehold.server.web.drawing import Happening, Value, line_chart
from freehold.server.web.model import Chart, Crumb, Empty, Fact, Fault, Heading, Mark, Moment, Snippet, Tab
from freehold.server.web.pages.products import moment_of
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.foundation import Caller
    from freehold.metrics import Catalogue
    from freehold.metrics.model import Metric

STATUS = {
    "certified": Mark("ok", "certified"),
    "draft": Mark("idle", "draft"),
    "deprecated": Mark("warn", "deprecated"),
}
GRAINS = {"day": ("Day", 60), "week": ("Week", 52), "month": ("Month", 36)}
_HEADINGS = (
    Heading("Metric"),
    Heading("Status"),
    Heading("It is", "wide", sorts=False),
    Heading("Unit", narrow=False),
    Heading("Owner", narrow=False),
)
_NO_METRICS = Empty(
    "No metric is defined yet",
    "A metric is a name, a sentence and a formula over contracts: one definition for every number of that name.",
    "freehold metrics list",
)
_NO_VALUES = Empty("No value yet", "It has values once what it is computed from is published.", "freehold run")
_NOTHING_HAPPENED = Empty(
    "Nothing was changed or taken back", "Only new data came; every value above is by one meaning."
)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric in a list."""

    id: str
    label: str
    status: Mark
    sentence: str
    unit: str
    owner: str
    synonyms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """All metrics, the certified first."""

    headings: tuple[Heading, ...]
    metrics: tuple[MetricRow, ...]
    no_metrics: Empty = _NO_METRICS


@dataclass(frozen=True, slots=True)
class Trend:
    """The values of a metric by period, and what happened to what it is computed from."""

    values: tuple[Value, ...]
    state: str
    reasons: tuple[str, ...]
    data_until: datetime | None
    is_partial: bool

    @property
    def whole(self) -> tuple[Value, ...]:
        """The values of the periods that are over."""
        return self.values[:-1] if self.is_partial and len(self.values) > 1 else self.values


@dataclass(frozen=True, slots=True)
class Latest:
    """The value of the last whole period, of which period it is, and how it compares with the one before."""

    value: str
    value_of: str
    change: str


@dataclass(frozen=True, slots=True)
class MetricPage:
    """A metric: its meaning, its value over time with what happened on the axis, how it is computed and used."""

    id: str
    status: Mark
    unit: str
    grains: tuple[Tab, ...]
    value: str
    value_of: str
    change: str
    chart: Chart | None
    fault: Fault | None
    happened: tuple[Moment, ...]
    facts: tuple[Fact, ...]
    formula: str
    snippets: tuple[Snippet, ...]
    no_values: Empty = _NO_VALUES
    nothing_happened: Empty = _NOTHING_HAPPENED


def metrics(asked: Asked) -> Shown:
    """Show all metrics."""
    catalogue = catalogue_in(asked)
    rows = [_row(asked, catalogue, metric) for metric in catalogue.metrics()]
    rows.sort(key=lambda row: (row.status.word != "certified", row.id))
    certified = sum(row.status.word == "certified" for row in rows)
    told = f"{certified} of {counted(len(rows), 'metrics')} certified; each has one definition." if rows else ""
    return Shown("pages/metrics.html", "Metrics", MetricsPage(_HEADINGS, tuple(rows)), told, nav="metrics")


def metric(asked: Asked) -> Shown:
    """Show one metric."""
    catalogue = catalogue_in(asked)
    one = catalogue.metric(asked.request.path_params["id"])
    grain = asked.word("by", "week")
    grain = grain if grain in GRAINS else "week"
    happened = _happened(asked, catalogue, one)
    trend, fault = _trend(asked, one, grain)
    unit = one.words.get("unit", "")
    last = latest(trend, unit, grain)
    model = MetricPage(
        id=one.id,
        status=STATUS.get(one.status, Mark("idle", one.status)),
        unit=unit,
        grains=tuple(Tab(text, f"/metrics/{one.id}?by={word}", word == grain) for word, (text, _) in GRAINS.items()),
        chart=_chart(one, unit, trend, happened),
        fault=fault,
        happened=happened[:8],
        facts=tuple(_facts(asked, catalogue, one, trend)),
        formula=formula_of(one),
        snippets=_snippets(asked, one, grain),
        value=last.value,
        value_of=last.value_of,
        change=last.change,
    )
    title = one.words.get("label") or one.name
    sentence = one.words.get("description", "")
    return Shown(
        "pages/metric.html", title, model, sentence, (Crumb("Metrics", "/metrics"),), nav="metrics", part="trend"
    )


def trend_of(asked: Asked, one: Metric, grain: str) -> Trend:
    """Return the values of a metric as they who ask may see them, computed once for each snapshot of the estate.

    Where the estate has policies, nobody is shown what was computed for somebody else.

    Raises:
        FreeholdError: FH-N… it has no one right answer by that period, or a policy names them not; FH-E… what the
            warehouse says.
    """
    caller = asked.who.caller("read")
    return asked.served.snapshots.detail(
        asked.snapshot, trend_key(asked, one.id, grain), lambda d: _computed(d, one.id, grain, caller)
    )


def trend_key(asked: Asked, id_: str, grain: str) -> tuple[str, ...]:
    """Return what the values of a metric are kept under; where the estate has policies, for each reader by itself."""
    eyes = (asked.who.principal, *asked.who.groups) if asked.snapshot.estate.policies else ()
    return ("trend", id_, grain, *eyes)


def _computed(delivery: Delivery, id_: str, grain: str, caller: Caller) -> Trend:
    asks = opening.asking_of(delivery, seen_by=caller)
    most = GRAINS[grain][1]
    answer = asks.answerer.answer(question([id_], [grain], order=[f"-{grain}"], limit=most))
    columns = [answer.table.column(i).to_pylist() for i in range(2)]
    pairs = [(key, value) for key, value in zip(*columns, strict=True) if key is not None and _is_number(value)]
    values = tuple(Value(_instant(key), str(key)[:10], float(value)) for key, value in reversed(pairs))
    until = answer.data_until
    reasons = tuple(dict.fromkeys(reason for source in answer.sources for reason in source.reasons))
    return Trend(values, answer.state, reasons, until, is_partial=_is_partial(values, until, grain))


def _is_partial(values: tuple[Value, ...], until: datetime | None, grain: str) -> bool:
    """Say whether the last period goes on beyond the newest data."""
    if not values or until is None or grain == "day":
        return False
    last, days = values[-1].at, {"week": 7, "month": 28}[grain]
    ends = (last.replace(day=1, month=last.month % 12 + 1, year=last.year + last.month // 12) - last).days
    return (until.replace(tzinfo=UTC) - last).days < (ends if grain == "month" else days)


def _trend(asked: Asked, one: Metric, grain: str) -> tuple[Trend | None, Fault | None]:
    try:
        return trend_of(asked, one, grain), None
    except FreeholdError as error:
        return None, Fault(error.code, error.problem, error.fix)


def _chart(one: Metric, unit: str, trend: Trend | None, happened: tuple[Moment, ...]) -> Chart | None:
    if trend is None:
        return None
    marks = [Happening(m.at, f"{m.at:%d %b %Y}: {m.text}", m.href, m.tone) for m in happened]
    return line_chart(one.words.get("label") or one.name, unit, trend.values, marks, is_partial=trend.is_partial)


def latest(trend: Trend | None, unit: str, grain: str) -> Latest:
    """Return the value of the last whole period, and how it compares with the one before."""
    values = trend.whole if trend else ()
    if not values:
        return Latest("", "", "")
    last, before = values[-1], values[-2] if len(values) > 1 else None
    change = ""
    if before is not None and before.value and unit != "%":
        change = f"{(last.value - before.value) / abs(before.value):+.1%} against the {grain} before".replace("-", "−")
    elif before is not None and unit == "%":
        change = f"{(last.value - before.value) * 100:+.1f} points against the {grain} before".replace("-", "−")
    what = "" if grain == "day" else f"{grain} of "
    return Latest(number(last.value, unit), f"{what}{last.at:%d %b %Y}", change)


def _happened(asked: Asked, catalogue: Catalogue, one: Metric) -> tuple[Moment, ...]:
    sources = sources_of(catalogue, one)
    graph = asked.snapshot.graph
    above = graph.upstream([s for s in sources if s in graph.assets])
    changes = [d for d in asked.snapshot.deployments if d.kind != "data" and above.intersection(d.assets)]
    return tuple(replace(moment_of(d), href=f"/deployments?kind=changes#{d.id}") for d in changes)


def _facts(asked: Asked, catalogue: Catalogue, one: Metric, trend: Trend | None) -> Iterator[Fact]:
    owner = owner_of(asked.snapshot.estate, catalogue, one)
    yield Fact("Status", mark=STATUS.get(one.status, Mark("idle", one.status)))
    yield Fact("Certified by" if one.status == "certified" else "Owner", owner or "nobody")
    for word in ("includes", "excludes"):
        if told := one.words.get(word):
            yield Fact(word.capitalize(), told)
    if one.synonyms:
        yield Fact("Also called", ", ".join(one.synonyms))
    if trend is not None:
        state = {"ok": Mark("ok", "sound"), "failed": Mark("bad", "failed"), "unknown": Mark("idle", "unknown")}
        yield Fact("Data is", mark=state.get(trend.state, Mark("warn", trend.state)))
        if trend.data_until:
            yield Fact("Up to", at=trend.data_until.replace(tzinfo=UTC))
    for source in sources_of(catalogue, one):
        product = source.rpartition(".")[0]
        known = any(p.product.id == product for p in asked.snapshot.products)
        yield Fact("Reads", source, href=f"/products/{product}" if known else "")
    yield Fact("Definition", definition_hash(catalogue, one)[:12], is_code=True)
    yield Fact("File", str(one.where), is_code=True)


def _snippets(asked: Asked, one: Metric, grain: str) -> tuple[Snippet, ...]:
    folder = asked.snapshot.estate.root.name
    address = f"{asked.served.settings.address}/api/v1/metrics/{one.id}/values?by={grain}"
    return (
        Snippet("Terminal", f"freehold query {one.id} --by {grain}"),
        Snippet(
            "Python",
            f'import freehold\n\nwith freehold.open("{folder}") as estate:\n'
            f'    answer = estate.metrics.query("{one.id}", by="{grain}")',
        ),
        Snippet("Over HTTP", f"curl -H 'Authorization: Bearer $TOKEN' \\\n  '{address}'"),
    )


def _row(asked: Asked, catalogue: Catalogue, one: Metric) -> MetricRow:
    return MetricRow(
        id=one.id,
        label=one.words.get("label") or one.name,
        status=STATUS.get(one.status, Mark("idle", one.status)),
        sentence=one.words.get("description", ""),
        unit=one.words.get("unit", ""),
        owner=owner_of(asked.snapshot.estate, catalogue, one),
        synonyms=one.synonyms,
    )


def catalogue_in(asked: Asked) -> Catalogue:
    """Return the metrics of the estate, read once for each snapshot."""
    kept = asked.snapshot._details
    if "catalogue" not in kept:
        kept["catalogue"] = catalogue_of(asked.snapshot.estate)
    found: Catalogue = kept["catalogue"]
    return found


def _instant(key: object) -> datetime:
    if isinstance(key, datetime):
        return key.replace(tzinfo=UTC)
    if isinstance(key, date):
        return datetime(key.year, key.month, key.day, tzinfo=UTC)
    return datetime.fromisoformat(str(key)).replace(tzinfo=UTC)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
