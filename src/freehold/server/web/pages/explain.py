"""Explain a number: what moved it, what happened then, by which definition, from which data; SQL last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.explaining import Explained, Stretch
from freehold.delivery.serving import Happened
from freehold.foundation import FreeholdError
from freehold.foundation.words import percent
from freehold.metrics.estate import owner_of
from freehold.metrics.moving import Movement, Part
from freehold.metrics.query import asked as question
from freehold.metrics.telling import number
from freehold.metrics.timing import Period, instant
from freehold.server.asking import Asks
from freehold.server.questions import Question, question_of
from freehold.server.web.drawing import Happening, Value, effect_bar, line_chart
from freehold.server.web.model import Chart, Crumb, Effect, Empty, Fact, Fault, Heading, Mark, Moment, Tab, Tone
from freehold.server.web.pages.metrics import (
    STATUS,
    catalogue_in,
    instant_of,
    is_number,
    label_of,
    said_since,
    trend_of,
)
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.metrics import Catalogue
    from freehold.metrics.model import Metric

EXPLAINED = {"day": "Day", "week": "Week", "month": "Month"}
STATES = {"ok": Mark("ok", "sound"), "failed": Mark("bad", "failed"), "unknown": Mark("idle", "unknown")}
_AROUND = {"day": 28, "week": 20, "month": 14}  # periods of the chart
_MOST_KEYS, _MOST_PARTS = 4, 6
_TONES: dict[str, Tone] = {"change": "ok", "rollback": "warn", "held": "warn", "restated": "warn", "incident": "bad"}
_SOURCES = (Heading("Asset"), Heading("State"), Heading("Data up to", "num"), Heading("Version", narrow=False))
NO_METRIC = Empty(
    "Which number?",
    "Choose a metric and a point of its chart: that leads here.",
    "freehold explain revenue --month 2026-10",
)
_NOTHING_HAPPENED = Empty(
    "Nothing was changed, taken back or held", "Only new data came: what moved it lies in the rows."
)


@dataclass(frozen=True, slots=True)
class Slices:
    """The slices of one key, the largest effects first."""

    id: str
    title: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What it is computed from, as it is now."""

    asset: str
    href: str
    state: Mark
    reasons: tuple[str, ...]
    data_until: datetime | None
    version: str


@dataclass(frozen=True, slots=True)
class ExplainPage:
    """A number and why it is what it is."""

    id: str
    value: str
    unit: str
    change: str
    before: str
    grains: tuple[Tab, ...]
    against: tuple[Tab, ...]
    earlier: str
    later: str
    rows: str  # the condition on rows, if there is one
    notes: tuple[str, ...]
    chart: Chart | None
    causes: tuple[Effect, ...]
    causes_title: str
    beside: str
    trend: str
    slices: tuple[Slices, ...]
    why_not: str
    happened: tuple[Moment, ...]
    definition: tuple[Fact, ...]
    formula: tuple[str, ...]
    headings: tuple[Heading, ...]
    sources: tuple[SourceRow, ...]
    columns: tuple[str, ...]
    passes: tuple[str, ...]
    sql: str
    explore: str
    command: str
    nothing_happened: Empty = _NOTHING_HAPPENED


@dataclass(frozen=True, slots=True)
class Compared:
    """The period to explain, and the one it is compared with."""

    grain: str
    after: Stretch
    before: Stretch
    against: str


def explain(asked: Asked) -> Shown:
    """Show what moved a metric in a period.

    Raises:
        FreeholdError: FH-N107 there is no such metric; FH-N105 the period is none; as `Asks.explain`.
    """
    name = asked.word("metric").strip()
    crumbs: tuple[Crumb, ...] = (Crumb("Metrics", "/metrics"),)
    if not name:
        return Shown("pages/explain_none.html", "Explain a number", NO_METRIC, crumbs=crumbs, nav="metrics")
    catalogue = catalogue_in(asked)
    one = catalogue.metric(name)
    label = label_of(one)
    crumbs = (*crumbs, Crumb(label, f"/metrics/{one.id}"))
    rows = question_of(asked.request.query_params.multi_items())
    against = asked.one_of("against", ("year",), "")
    period = period_of(asked, catalogue, one, asked.word("by", "week"), asked.word("period").strip(), against)
    if period is None:
        empty = Empty("No value yet", "It can be explained once what it is computed from is published.", "freehold run")
        return Shown("pages/explain_none.html", f"Why {label} is what it is", empty, crumbs=crumbs, nav="metrics")
    asks = Asks(asked.served, asked.snapshot, asked.who)
    found = asks.explain(one, (period.before, period.after), rows.condition)
    model = _page(asked, asks, found, period, rows)
    title = f"{label}, {_spoken(period.after, period.grain)}"
    return Shown("pages/explain.html", title, model, _sentence(found, period, model), crumbs, nav="metrics")


def address_of(metric: str, grain: str, key: str, rows: Question | None = None, against: str = "") -> str:
    """Return the address that explains the value of a metric in a period."""
    narrowed = Question(filters=rows.filters, where=rows.where) if rows else Question()
    return narrowed.address("/explain", metric=metric, by=grain, period=key[:10], against=against)


def _page(asked: Asked, asks: Asks, found: Explained, period: Compared, rows: Question) -> ExplainPage:
    one, moved = found.made.metric, found.movement
    assert moved is not None
    unit = one.words.get("unit", "")

    def address(grain: str, day: datetime, against: str) -> str:
        return address_of(one.id, grain, f"{day:%Y-%m-%d}", rows, against)

    def tab(grain: str, text: str) -> Tab:
        return Tab(text, address(grain, start, against), grain == period.grain)

    start, against = period.after[0], period.against
    step = catalogue_in(asked).models[one.model].calendar.step(period.grain)
    happened = _happened(found)
    return ExplainPage(
        id=one.id,
        value=_said(moved.after, unit),
        unit=unit,
        change=_change(moved, unit),
        before=_said(moved.before, unit),
        grains=tuple(tab(word, text) for word, text in EXPLAINED.items()),
        against=(
            Tab(f"against the {period.grain} before", address(period.grain, start, ""), against == ""),
            Tab("against the year before", address(period.grain, start, "year"), against == "year"),
        ),
        earlier=address(period.grain, step.before(start), against),
        later=address(period.grain, step.after(start), against),
        rows=rows.condition,
        notes=found.notes,
        chart=_chart(asks, found, period, rows, happened),
        causes=tuple(
            replace(effect, explains=_explains(moved, part, unit))
            for effect, part in zip(
                _effects(moved.causes, unit, lambda p: _href(one, period, rows, p), is_keyed=True), moved.causes,
                strict=True,
            )
        ),
        causes_title="What moved it" if moved.trend == 1 else "What moved otherwise",
        beside=f"Beside them: {'; '.join(f'{what} {signed(part, unit)}' for what, part in moved.beside)}.",
        trend="Beside what moved all of it alike." if moved.trend != 1 else "",
        slices=tuple(_slices(moved, unit, one, period, rows)),
        why_not=moved.why_not,
        happened=happened,
        definition=tuple(_definition(asked, found)),
        formula=tuple(f"{'  ' * s.depth}{s.metric.name} = {s.formula}" for s in found.made.formula),
        headings=_SOURCES,
        sources=tuple(_sources(asked, found)),
        columns=found.made.columns,
        passes=found.made.passes,
        sql=found.made.sql,
        explore=replace(
            rows, metrics=(one.id,), by=("day",), start=f"{period.after[0]:%Y-%m-%d}",
            end=f"{period.after[1] - timedelta(days=1):%Y-%m-%d}",
        ).address(),
        command=_command(one, period, rows),
    )  # fmt: skip


def period_of(asked: Asked, catalogue: Catalogue, one: Metric, grain: str, said: str, against: str) -> Compared | None:
    """Return the period that is meant, and the one it is compared with; None where there is no value yet.

    Args:
        asked: who asks, and of which snapshot.
        catalogue: of the metric.
        one: the metric.
        grain: day, week or month; anything else is a week.
        said: a day in the period, or `2026-03`; empty for the last one that is over.
        against: `year` for the year before; empty for the period before.

    Raises:
        FreeholdError: FH-N105 it is no day.
    """
    grain = "month" if len(said) == 7 else grain if grain in EXPLAINED else "week"
    if said:
        day = instant(said, "The period").date()
    else:
        whole = trend_of(asked, one, grain).whole
        if not whole:
            return None
        day = date.fromisoformat(whole[-1].key)
    calendar = catalogue.models[one.model].calendar
    start = datetime.combine(calendar.start_of(grain, day), datetime.min.time())
    end = calendar.step(grain).after(start)
    begin = calendar.step(grain).before(start)
    if against:  # 52 weeks: the same days of the week
        begin = Period(months=12).before(start) if grain == "month" else start - timedelta(days=364)
    return Compared(grain, (start, end), (begin, calendar.step(grain).after(begin)), against)


def _chart(
    asks: Asks, found: Explained, period: Compared, rows: Question, happened: tuple[Moment, ...]
) -> Chart | None:
    """Return the metric around the period, with what happened on its axis; None where it has no values by time."""
    one, grain = found.made.metric, period.grain
    step, first = asks.catalogue.models[one.model].calendar.step(grain), period.after[0]
    for _ in range(_AROUND[grain]):
        first = step.before(first)
    first = min(first, period.before[0])
    last = step.after(step.after(step.after(period.after[1])))
    asked = question([one.id], [grain], where=rows.condition or None, start=first, end=last)
    try:
        table = asks.answer(asked).table
    except FreeholdError as error:
        if error.code.startswith("FH-E"):
            raise
        return None
    pairs = zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True)
    values = [Value(instant_of(k), str(k)[:10], float(v)) for k, v in pairs if k is not None and is_number(v)]
    marks = [Happening(m.at, f"{m.at:%d %b %Y}: {m.text}", m.href, m.tone) for m in happened]
    return line_chart(
        label_of(one),
        one.words.get("unit", ""),
        values,
        marks,
        explained=lambda v: address_of(one.id, grain, v.key, rows, period.against),
        focus=f"{period.after[0]:%Y-%m-%d}",
    )


def _happened(found: Explained) -> tuple[Moment, ...]:
    told = sorted(found.happened, key=lambda h: h.at)
    return tuple(
        Moment(
            h.at, h.told[:1].upper() + h.told[1:], "", _TONES[h.kind],
            _place_of(h),
        )
        for h in told
    )  # fmt: skip


def _place_of(one: Happened) -> str:
    if one.deployment:
        return f"/deployments?kind=all#{one.deployment}"
    return f"/products/{one.assets[0].rpartition('.')[0]}" if one.assets else ""


def _effects(
    parts: tuple[Part, ...], unit: str, href: Callable[[Part], str], *, is_keyed: bool = False
) -> tuple[Effect, ...]:
    """Return slices as a table has them; `is_keyed` where they are of several keys, which are named then."""
    largest = max((abs(p.effect) for p in parts), default=0.0)
    return tuple(
        Effect(
            ", ".join(f"{key} = {_shown(value)}" if is_keyed else _shown(value) for key, value in part.values),
            _said(part.before, unit),
            _said(part.after, unit),
            signed(part.effect, unit),
            *effect_bar(part.effect, largest),
            part.effect < 0,
            href(part),
        )
        for part in parts
    )


def _slices(moved: Movement, unit: str, one: Metric, period: Compared, rows: Question) -> Iterator[Slices]:
    for i, (name, parts) in enumerate(moved.keys[:_MOST_KEYS]):
        shown, rest = parts[:_MOST_PARTS], parts[_MOST_PARTS:]
        effects = _effects(shown, unit, lambda p: _href(one, period, rows, p))
        if rest:
            largest = max(abs(p.effect) for p in parts)
            left = sum(p.effect for p in rest)
            bar = effect_bar(left, max(largest, abs(left)))
            effects = (*effects, Effect(f"{len(rest)} others", "", "", signed(left, unit), *bar, left < 0))
        yield Slices(f"by-{i}", name, effects)


def _href(one: Metric, period: Compared, rows: Question, part: Part) -> str:
    narrowed = Question(filters=rows.filters, where=rows.where)
    for key, value in part.values:
        narrowed = narrowed.narrowed(key, None if value is None else _text(value))
    return address_of(one.id, period.grain, f"{period.after[0]:%Y-%m-%d}", narrowed, period.against)


def _definition(asked: Asked, found: Explained) -> Iterator[Fact]:
    one, catalogue = found.made.metric, catalogue_in(asked)
    owner = owner_of(asked.snapshot.estate, catalogue, one)
    yield Fact("It is", one.words.get("description", "") or "not described")
    yield Fact("Status", mark=STATUS.get(one.status, Mark("idle", one.status)))
    for word in ("includes", "excludes"):
        if told := one.words.get(word):
            yield Fact(word.capitalize(), told)
    yield Fact("Certified by" if one.status == "certified" else "Owner", asked.snapshot.team_name(owner) or "nobody")
    yield Fact("Hash", found.made.definition, is_code=True)
    since = said_since(asked, one)
    yield Fact("File as it is since", at=since) if since else Fact("File as it is since", "never applied here")
    yield Fact("File", str(one.where), is_code=True)


def _sources(asked: Asked, found: Explained) -> Iterator[SourceRow]:
    known = {p.product.id for p in asked.snapshot.products}
    for s in found.made.sources:
        state = STATES.get(s.state, Mark("warn", s.state))
        href = f"/products/{s.product}" if s.product in known else ""
        until = s.data_until.replace(tzinfo=UTC) if s.data_until else None
        yield SourceRow(s.name, href, state, s.reasons, until, s.version[-12:])


def _sentence(found: Explained, period: Compared, model: ExplainPage) -> str:
    """Return in one sentence how it moved and what is most to blame."""
    than = f"the {period.grain} before" if not period.against else "the year before"
    unit = f" {model.unit}" if model.unit not in ("", "%") else ""
    moved = found.movement
    if moved is not None and moved.after is None:
        was = f"; {than} had {model.before}{unit}" if moved.before is not None else ""
        return f"There is no value of it then{was}."
    if moved is not None and moved.before is None:
        told = f"{model.value}{unit}; nothing is known of {than} to compare it with."
    else:
        told = f"{model.value}{unit}: {model.change} than {than} ({model.before}{unit})."
    if moved is not None and moved.trend != 1:
        return f"{told} Most of it moved by {percent(moved.trend - 1, signed=True)}, across the board."
    if moved is None or not moved.causes:
        return told
    first = moved.causes[0]
    told += f" Most of all: {', '.join(f'{k} is {_shown(v)}' for k, v in first.values)}"
    return f"{told} ({signed(first.effect, model.unit)})."


def _explains(moved: Movement, cause: Part, unit: str) -> str:
    """Return what a cause explains, as it is said: its part of the change, or what lies beside the trend."""
    share = moved.share(cause)
    if moved.trend != 1 and cause.own is not None:
        return f"{signed(cause.own, unit)} beside the trend"
    return "" if share is None else f"{percent(share)} of it" if share > 0 else "against it"


def _change(moved: Movement, unit: str) -> str:
    if not moved.is_comparable:
        return "not comparable"
    if not moved.change:
        return "no different"
    word = "more" if moved.change > 0 else "less"
    if unit == "%":
        return f"{abs(moved.change) * 100:.1f} points {word}"
    return (
        f"{percent(abs(moved.change / moved.before), 1)} {word}"
        if moved.before
        else f"{number(abs(moved.change), unit)} {word}"
    )


def _spoken(stretch: Stretch, grain: str) -> str:
    start = stretch[0]
    if grain == "month":
        return f"{start:%B %Y}"
    return f"{start.day} {start:%B %Y}" if grain == "day" else f"week of {start.day} {start:%B %Y}"


def _command(one: Metric, period: Compared, rows: Question) -> str:
    from shlex import quote

    last = period.after[1] - timedelta(days=1)
    text = f"freehold explain {one.id} --from {period.after[0]:%Y-%m-%d} --to {last:%Y-%m-%d}"
    text += f" --against {period.before[0]:%Y-%m-%d}"
    return f"{text} --where {quote(rows.condition)}" if rows.condition else text


def _said(value: float | None, unit: str) -> str:
    return "nothing" if value is None else number(value, unit)


def signed(amount: float, unit: str) -> str:
    """Return a change as it is said: with its sign, shares in points."""
    sign = "+" if amount >= 0 else "−"
    return f"{sign}{abs(amount) * 100:.2f} points" if unit == "%" else f"{sign}{number(abs(amount), unit or 'x')}"


def _shown(value: Any) -> str:
    return "unknown" if value is None else _text(value)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def fault_of(error: FreeholdError) -> Fault:
    """Return an error as a page shows it where its result would be."""
    return Fault(error.code, error.problem, error.fix, str(error.where) if error.where else "")
