"""Metrics: which there are, what each means in a sentence, and what it was over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from freehold import opening
from freehold.catalog import Question as Search
from freehold.delivery.graph import default_environment
from freehold.delivery.serving import broken
from freehold.foundation import FreeholdError
from freehold.foundation.words import counted, percent
from freehold.metrics import asked as question
from freehold.metrics.conflicts import conflicts
from freehold.metrics.estate import owner_of
from freehold.metrics.explaining import formula_of
from freehold.metrics.fingerprint import definition_hash, sources_of
from freehold.metrics.telling import in_part, number
from freehold.server.leaving import ending_of, gone_is_told
from freehold.server.questions import Question, as_command, as_curl, as_python, as_yaml
from freehold.server.web.drawing import Happening, Value, line_chart
from freehold.server.web.model import Chart, Crumb, Empty, Fact, Fault, Heading, Mark, Moment, Snippet, Tab
from freehold.server.web.pages.disputes import Dispute, dispute_words, disputes_of
from freehold.server.web.pages.products import MOST_ROWS, moment_of
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.foundation import Caller
    from freehold.metrics import Answer, Catalogue
    from freehold.metrics.model import Metric

STATUS = {
    "certified": Mark("ok", "certified"),
    "draft": Mark("idle", "draft"),
    "deprecated": Mark("warn", "deprecated"),
    "lapsed": Mark("warn", "lapsed"),
}
_LONGEST = 200  # characters that metrics are narrowed by
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

    def has(self, text: str) -> bool:
        """Whether each of some words is in what it is found by."""
        own = (
            f"{self.id} {self.label} {self.sentence} {self.owner} {' '.join(self.synonyms)} {self.status.word}".lower()
        )
        return all(word in own for word in text.lower().split())


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Metrics, the certified first, a page of them where there are more; `text` is what they were narrowed to.

    `is_whole` says that every metric there is stands here, so that the browser can narrow them by itself.
    """

    headings: tuple[Heading, ...]
    metrics: tuple[MetricRow, ...]
    no_metrics: Empty = _NO_METRICS
    is_whole: bool = True
    text: str = ""
    told: str = ""
    next_href: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """The values of a metric by period, and what happened to what it is computed from."""

    values: tuple[Value, ...]
    state: str
    reasons: tuple[str, ...]
    data_until: datetime | None
    is_partial: bool
    answer: Answer | None = None  # it was read off
    sql: str = ""  # of the answer, as a person reads it
    policies: tuple[str, ...] = ()  # those by which its reader sees not all of it
    notes: tuple[str, ...] = ()  # what its readers are to know besides, such as that it is frozen

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
class Alike:
    """A metric that could be taken for another one, and how."""

    id: str
    href: str
    told: str


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
    notes: tuple[str, ...]  # that it is frozen, or a part, where it is
    value_href: str
    explore: str
    chart: Chart | None
    fault: Fault | None
    happened: tuple[Moment, ...]
    facts: tuple[Fact, ...]
    formula: str
    snippets: tuple[Snippet, ...]
    alike: tuple[Alike, ...]
    disputes: tuple[Dispute, ...]
    dispute_href: str
    no_values: Empty = _NO_VALUES
    nothing_happened: Empty = _NOTHING_HAPPENED


def metrics(asked: Asked) -> Shown:
    """Show metrics: all of them, or a page of those that have some words."""
    every = rows_of(asked)
    text, after = asked.word("q").strip()[:_LONGEST], asked.word("after")
    fitting = tuple(row for row in every if row.has(text)) if text else every
    left = _past(fitting, after)
    shown, is_whole = left[:MOST_ROWS], len(every) <= MOST_ROWS and left is every
    page = MetricsPage(
        headings=_HEADINGS,
        metrics=shown,
        no_metrics=_none_with(text) if every else _NO_METRICS,
        is_whole=is_whole,
        text=text,
        told="" if is_whole else f"{len(shown):,} of {counted(len(fitting), 'metrics')}",
        next_href=_href(q=text, after=shown[-1].id) if len(left) > len(shown) else "",
    )
    certified = sum(row.status.word == "certified" for row in every)
    told = f"{certified} of {counted(len(every), 'metrics')} certified; each has one definition." if every else ""
    return Shown("pages/metrics.html", "Metrics", page, told, nav="metrics")


def rows_of(asked: Asked) -> tuple[MetricRow, ...]:
    """Return every metric that the asker may see as a row, the certified first, then in the order of their ids."""

    def made() -> tuple[MetricRow, ...]:
        catalogue = catalogue_in(asked)
        rows = (metric_row(asked, catalogue, metric) for metric in catalogue.metrics())
        return tuple(sorted(rows, key=lambda row: (row.status.word != "certified", row.id)))

    return asked.snapshot.derived("rows of metrics", made)


def _past(rows: tuple[MetricRow, ...], after: str) -> tuple[MetricRow, ...]:
    """Return the rows behind the one that ended the page before.

    Raises:
        FreeholdError: FH-A112 it is none of them.
    """
    if not after:
        return rows
    at = next((number for number, row in enumerate(rows) if row.id == after), None)
    if at is None:
        raise FreeholdError("FH-A112", f"`{after[:80]}` is no metric of this list.", fix="Begin without `after`.")
    return rows[at + 1 :]


def _none_with(text: str) -> Empty:
    return Empty(f"No metric has {text}", "Its name, sentence, owner, synonyms and status are looked through.")


def _href(**words: str) -> str:
    return f"/metrics?{urlencode({name: word for name, word in words.items() if word})}"


def metric(asked: Asked) -> Shown:
    """Show one metric."""
    catalogue = catalogue_in(asked)
    name = str(asked.request.path_params["id"])
    with gone_is_told(asked, [name]):
        one = catalogue.metric(name)
    grain = asked.one_of("by", GRAINS, "week")
    trend, fault = _trend(asked, one, grain)
    happened = _happened(asked, catalogue, one, trend)
    unit = one.words.get("unit", "")
    last = latest(trend, unit, grain)
    disputes = tuple(disputes_of(asked, one))
    model = MetricPage(
        id=one.id,
        status=STATUS.get(one.status, Mark("idle", one.status)),
        unit=unit,
        grains=tuple(Tab(text, f"/metrics/{one.id}?by={word}", word == grain) for word, (text, _) in GRAINS.items()),
        chart=_chart(one, unit, trend, happened, grain),
        fault=fault,
        happened=happened[:8],
        facts=tuple(_facts(asked, catalogue, one, trend, disputes)),
        disputes=disputes,
        dispute_href=f"/requests?{dispute_words(one)}",
        formula=formula_of(one),
        snippets=_snippets(asked, one, grain, trend),
        alike=tuple(_alike(asked, catalogue, one)),
        value=last.value,
        value_href=f"/explain?metric={one.id}&by={grain}" if last.value else "",
        explore=f"/explore?metric={one.id}&by={grain}",
        value_of=last.value_of,
        change=last.change,
        notes=tuple(filter(None, (*trend.notes, in_part(trend.policies)))) if trend else (),
    )
    title = label_of(one)
    sentence = one.words.get("description", "")
    return Shown(
        *("pages/metric.html", title, model, sentence, (Crumb("Metrics", "/metrics"),), "metrics", "trend"),
        ending=ending_of(asked, f"metric:{one.id}"),
        answers=(trend.answer,) if trend is not None and trend.answer is not None else (),
    )


def trend_of(asked: Asked, one: Metric, grain: str) -> Trend:
    """Return the values of a metric as they who ask may see them, computed once for each snapshot of the estate.

    Where the estate has policies, nobody is shown what was computed for somebody else.

    Raises:
        FreeholdError: FH-A113 they may see it and not ask it; FH-N… it has no one right answer by that period, or a
            policy names them not; FH-E… what the warehouse says.
    """
    caller, products = asked.who.caller("read"), asked.snapshot.estate.products
    for product in {source.rpartition(".")[0] for source in sources_of(catalogue_in(asked), one)} & set(products):
        asked.served.rights.expect(asked.who, "ask", product)
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
    pairs = [(key, value) for key, value in zip(*columns, strict=True) if key is not None and is_number(value)]
    values = tuple(Value(instant_of(key), str(key)[:10], float(value)) for key, value in reversed(pairs))
    until = answer.data_until
    reasons = tuple(dict.fromkeys(reason for source in answer.sources for reason in source.reasons))
    is_partial = _is_partial(values, until, grain)
    sql = answer.compiled.pretty()
    return Trend(values, answer.state, reasons, until, is_partial, answer, sql, answer.policies, answer.notes)


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


def _chart(one: Metric, unit: str, trend: Trend | None, happened: tuple[Moment, ...], grain: str) -> Chart | None:
    if trend is None:
        return None
    marks = [Happening(m.at, f"{m.at:%d %b %Y}: {m.text}", m.href, m.tone) for m in happened]
    title = label_of(one)

    def explained(value: Value) -> str:
        return f"/explain?metric={one.id}&by={grain}&period={value.key}"

    return line_chart(title, unit, trend.values, marks, is_partial=trend.is_partial, explained=explained)


def latest(trend: Trend | None, unit: str, grain: str) -> Latest:
    """Return the value of the last whole period, and how it compares with the one before."""
    values = trend.whole if trend else ()
    if not values:
        return Latest("", "", "")
    last, before = values[-1], values[-2] if len(values) > 1 else None
    change = ""
    if before is not None and before.value and unit != "%":
        share = (last.value - before.value) / abs(before.value)
        change = f"{percent(share, 1, signed=True)} against the {grain} before"
    elif before is not None and unit == "%":
        change = f"{(last.value - before.value) * 100:+.1f} points against the {grain} before".replace("-", "−")
    what = "" if grain == "day" else f"{grain} of "
    return Latest(number(last.value, unit), f"{what}{last.at.day} {last.at:%b %Y}", change)


def _happened(asked: Asked, catalogue: Catalogue, one: Metric, trend: Trend | None) -> tuple[Moment, ...]:
    """Return what was changed, taken back, held or broke of what a metric is computed from, the newest first."""
    sources = sources_of(catalogue, one)
    graph = asked.snapshot.graph
    above = graph.upstream([s for s in sources if s in graph.assets])
    changes = [d for d in asked.snapshot.deployments if d.kind != "data" and above.intersection(d.assets)]
    found = [replace(moment_of(d), href=f"/deployments?kind=changes#{d.id}") for d in changes]
    if trend is not None and trend.values:
        first, now = trend.values[0].at, asked.served.snapshots.clock.now()
        found += [
            Moment(
                h.at, h.told[:1].upper() + h.told[1:], "", "bad" if h.kind == "incident" else "warn",
                f"/products/{h.assets[0].rpartition('.')[0]}",
            )
            for h in broken(
                asked.served.snapshots.ledger, asked.snapshot.env, default_environment(asked.snapshot.estate), above,
                first, now,
            )
        ]  # fmt: skip
    return tuple(sorted(found, key=lambda m: m.at, reverse=True))


def _alike(asked: Asked, catalogue: Catalogue, one: Metric) -> Iterator[Alike]:
    """Yield the metrics that share a name or a meaning with one, and how."""
    kept = asked.snapshot._details
    if "conflicts" not in kept:
        kept["conflicts"] = tuple(conflicts(catalogue))
    for found in kept["conflicts"]:
        if any(m.id == one.id for m in found.metrics):
            told = {"same name": "another meaning under the same name", "same meaning": "the same meaning"}
            how = told.get(found.kind, f"another meaning, also called {found.word}")
            yield from (Alike(m.id, f"/metrics/{m.id}", how) for m in found.metrics if m.id != one.id)


def _readers(asked: Asked, one: Metric) -> str:
    """Return how many read a metric in 30 days, as the catalog counts them by now; people are never named."""
    found = asked.served.listing.of(asked.snapshot).search(Search(one.id, ("metric",), limit=5).checked())
    hit = next((hit for hit in found.hits if hit.key.id == one.id), None)
    if hit is None or not (hit.persons or hit.services):
        return "nobody that was counted yet, in 30 days"
    told = [counted(n, what) for n, what in ((hit.persons, "people"), (hit.services, "services")) if n]
    return f"{' and '.join(told)}, in 30 days"


def _facts(
    asked: Asked, catalogue: Catalogue, one: Metric, trend: Trend | None, disputes: tuple[Dispute, ...]
) -> Iterator[Fact]:
    owner = owner_of(asked.snapshot.estate, catalogue, one)
    owner = asked.snapshot.team_name(owner)
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
    yield Fact("Read by", _readers(asked, one))
    if one.replaced_by:
        yield Fact("Use instead", one.replaced_by, href=f"/metrics/{catalogue.metric(one.replaced_by, one.model).id}")
    yield Fact("Definition", definition_hash(catalogue, one)[:12], is_code=True)
    since = said_since(asked, one)
    yield Fact("As it is since", at=since) if since else Fact("As it is since", "never applied here")
    yield Fact("File", str(one.where), is_code=True)
    still = sum(dispute.is_open for dispute in disputes)
    told = f"{still} open, {len(disputes) - still} settled" if disputes else "none yet"
    yield Fact("Disputes", told, href="#disputes" if disputes else f"/requests?{dispute_words(one)}")


def _snippets(asked: Asked, one: Metric, grain: str, trend: Trend | None) -> tuple[Snippet, ...]:
    question = Question((one.id,), (grain,))
    address = f"{asked.served.settings.address}/api/v1/metrics/{one.id}/values?by={grain}"
    sql = (Snippet("SQL", trend.sql),) if trend is not None and trend.sql else ()
    return (
        Snippet("Terminal", as_command(question)),
        Snippet("Python", as_python(question, asked.snapshot.estate.root.name)),
        Snippet("YAML", as_yaml(question)),
        *sql,
        Snippet("Over HTTP", as_curl(address)),
    )


def said_since(asked: Asked, one: Metric) -> datetime | None:
    """Return since when the file of a metric is applied as it is now; None where it is not, or never was."""
    key = ("said since", one.model)
    kept = asked.snapshot._details
    if key not in kept:
        kept[key] = _since(asked, f"SemanticModel:{one.model}")
    found: datetime | None = kept[key]
    return found


def _since(asked: Asked, resource: str) -> datetime | None:
    now, since = asked.snapshot.estate.hashes.get(resource), None
    events = asked.served.snapshots.ledger.read(types=("estate.applied",), env=asked.snapshot.env, newest_first=True)
    for event in events:
        if now is None or event.data["resources"].get(resource) != now:
            break
        since = event.occurred_at
    return since


def label_of(one: Metric) -> str:
    """Return what people call a metric: the label of its file, else its name in words."""
    words = one.name.replace("_", " ")
    return one.words.get("label") or words[:1].upper() + words[1:]


def metric_row(asked: Asked, catalogue: Catalogue, one: Metric) -> MetricRow:
    """Return a metric as lists have it."""
    return MetricRow(
        id=one.id,
        label=label_of(one),
        status=STATUS.get(one.status, Mark("idle", one.status)),
        sentence=one.words.get("description", ""),
        unit=one.words.get("unit", ""),
        owner=owner_of(asked.snapshot.estate, catalogue, one),
        synonyms=one.synonyms,
    )


def catalogue_in(asked: Asked) -> Catalogue:
    """Return the metrics that the asker may see, read once for each snapshot."""
    return asked.snapshot.catalogue


def instant_of(key: object) -> datetime:
    """Return the start of a period as an instant of UTC."""
    if isinstance(key, datetime):
        return key.replace(tzinfo=UTC)
    if isinstance(key, date):
        return datetime(key.year, key.month, key.day, tzinfo=UTC)
    return datetime.fromisoformat(str(key)).replace(tzinfo=UTC)


def is_number(value: object) -> bool:
    """Whether a value of an answer can be drawn."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
