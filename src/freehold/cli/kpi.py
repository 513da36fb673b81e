"""`freehold kpi`: what the ledger says of how we do, as of any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger, past, state_is_there
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.insight import Asking, Kpi, KpiItem, KpiValue, Period
    from freehold.ledger import Evidence

_STATES = {
    "ok": "[green]ok[/green]",
    "not enough evidence": "[yellow]not enough evidence[/yellow]",
    "not instrumented": "[dim]not instrumented[/dim]",
    "failed": "[red]failed[/red]",
}
_VERDICTS = {
    "on target": "green",
    "off target": "red",
    "failed": "red",
    "on target, as far as told": "yellow",
    "not enough evidence": "yellow",
}
_MOST_ITEMS, _MOST_SEQS = 20, 8
_TICK = timedelta(microseconds=1)

period_ = click.option(
    "--period", metavar="PERIOD",
    help="2011-03, 2011-Q2, 2011-W09, 2011, 2011-03-01..2011-03-14, or `last`; default: the newest with a value.",
)  # fmt: skip
as_of_ = click.option(
    "--as-of", metavar="DATE", help="As was recorded by then: 2011-03-07, or 2011-03-07T06:00; default: now."
)
where_ = click.option("--where", metavar="SQL", help="Which of the evidence: a condition such as `tier = 1`.")
zone_ = click.option("--timezone", "zone", metavar="ZONE", help="Where periods begin; default: that of the estate.")


@dataclass(frozen=True)
class _Opened:
    """The KPIs of an estate and its evidence, as of a moment."""

    kpis: Mapping[str, Kpi]
    evidence: Evidence
    asking: Asking

    def value(self, kpi: Kpi, text: str | None) -> KpiValue:
        """Return a KPI for the period that is asked for; without one, what it is now, as pages say it."""
        from freehold.insight import compute, period_named, trend
        from freehold.insight.telling import newest

        if text is None:  # a trend of the period before compares it with one more
            return newest(trend(kpi, self.evidence, self._last(kpi, 3), asking=self.asking))
        period = self._last(kpi, 2)[0] if text == "last" else period_named(text, self.asking.zone)
        return compute(kpi, self.evidence, period, asking=self.asking)

    def _last(self, kpi: Kpi, count: int) -> tuple[Period, ...]:
        """Return the last periods of a KPI's cadence, of which the last is not over."""
        from freehold.insight import last_periods
        from freehold.insight.periods import GRAIN_OF, holding, zone_of

        moment = self.evidence.instant - _TICK  # at the end of a month, that month is meant
        today = moment.astimezone(zone_of(self.asking.zone)).date()
        return last_periods(holding(today, GRAIN_OF[kpi.cadence], self.asking.zone), count, self.asking.zone)


@contextmanager
def _opened(
    start: str | None, env: str | None, as_of: str | None, zone: str | None, where: str | None = None
) -> Iterator[_Opened]:
    from freehold.insight import Asking, kpis_of
    from freehold.insight.periods import zone_of
    from freehold.work.clocks import working_time

    moment = past(as_of) if as_of else None
    estate = loaded(start)
    kpis = kpis_of(estate)
    zone = zone or str(estate.defaults.get("timezone", "UTC"))
    zone_of(zone)
    asking = Asking(chosen_environment(estate, env).name, zone, where, working_time(estate))
    if not state_is_there(estate):
        raise FreeholdError(
            "FH-K005", "Nothing was recorded here yet.", fix="`freehold run` records the first of it.",
            exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip
    with opened_ledger(estate) as ledger, ledger.evidence(moment) as evidence:
        yield _Opened(kpis, evidence, asking)


@click.group(epilog="Example: freehold kpi show time-to-restore --period 2011-03")
def kpi() -> None:
    """See KPIs: computed from what the ledger recorded, as of any time, down to the events behind each."""


@kpi.command("list", epilog="Example: freehold kpi list --period 2011-03 --as-of 2011-04-10")
@click.argument("words", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Those, too, of which no event was ever received.")
@period_
@as_of_
@zone_
@environment
@as_json
@click.pass_obj
def list_(
    start: str | None, words: tuple[str, ...], everything: bool, period: str | None, as_of: str | None,
    zone: str | None, env: str | None, as_json: bool,
) -> None:  # fmt: skip
    """List KPIs with their values; of WORDS, those whose name, question or tags have all of them."""
    from freehold.insight import State
    from freehold.insight.telling import said, verdict_of

    with _opened(start, env, as_of, zone) as opened:
        chosen = [k for k in opened.kpis.values() if all(word.lower() in _spoken(k) for word in words)]
        found = [(k, opened.value(k, period)) for k in chosen]
    if as_json:
        emit({"kpis": [_as_object(k, value) for k, value in found]})
        return
    shown = [(k, v) for k, v in found if everything or words or v.state is not State.NOT_INSTRUMENTED]
    rows = [
        (
            f"[bold]{k.id}[/bold]",
            said(v.value, k.unit),
            _targets(k, v),
            str(v.period),
            v.n,
            _coloured(verdict_of(k, v)),
            k.question,
        )
        for k, v in shown
    ]
    table(rows, ("kpi", "value", "target", "period", "n", "is", "question"), right=(1, 4), least=(6, 3, 4, 2))
    told = counted(len(shown), "KPIs")
    if unheard := len(found) - len(shown):
        told += f", and {unheard} that nothing was ever recorded for (--all)"
    say(click.style(f"{told}; freehold kpi show KPI tells more.", dim=True) if found else "No KPI has these words.")


def _spoken(one: Kpi) -> str:
    return " ".join((one.id, one.name, one.question, *one.tags)).lower()


@kpi.command("show", epilog="Example: freehold kpi show validation-pass-rate --by domain --trend 6")
@click.argument("name", metavar="KPI")
@period_
@click.option("--by", metavar="FIELD", help="Take it apart by a field of its evidence: team, tier, domain …")
@click.option("--trend", "count", type=click.IntRange(1, 400), metavar="N", help="With the N-1 periods before.")
@where_
@as_of_
@zone_
@environment
@as_json
@click.pass_obj
def show(
    start: str | None, name: str, period: str | None, by: str | None, count: int | None, where: str | None,
    as_of: str | None, zone: str | None, env: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Show one KPI, by its id or its tag: value, target, what it stands on, its slices and its trend."""
    from freehold.insight import kpi_named, last_periods, sliced, trend

    with _opened(start, env, as_of, zone, where) as opened:
        one = kpi_named(opened.kpis, name)
        value = opened.value(one, period)
        wanted, ask = value.period, {"asking": opened.asking}
        slices = sliced(one, opened.evidence, wanted, [by], **ask) if by else ()  # type: ignore[arg-type]
        periods = last_periods(wanted, count, opened.asking.zone) if count else ()
        values = trend(one, opened.evidence, periods, **ask) if periods else ()  # type: ignore[arg-type]
    if as_json:
        emit(
            _as_object(one, value)
            | ({"slices": [_figures(s) | {"of": dict(s.of)} for s in slices]} if by else {})
            | ({"trend": [_figures(v) for v in values]} if periods else {})
        )
        return
    _print_value(one, value)
    if by:
        click.echo()
        table([_row(one, s.of.get(by), s) for s in slices], (by, *_COLUMNS), right=(1, 2, 3, 4), least=(2, 3))
    if periods:
        click.echo()
        table([_row(one, v.period, v) for v in values], ("period", *_COLUMNS), right=(1, 2, 3, 4), least=(2, 3))


_COLUMNS = ("value", "numerator", "denominator", "n", "state")


def _row(one: Kpi, head: object, value: KpiValue) -> tuple[object, ...]:
    from freehold.insight.telling import said

    shown = (*_parts(one, value), value.n)
    return "—" if head is None else head, said(value.value, value.unit), *shown, _STATES[value.state]


def _parts(one: Kpi, made: KpiValue | KpiItem) -> tuple[str, str]:
    """Return the numerator and the denominator as people read them."""
    from freehold.insight.telling import said

    return said(made.numerator, one.unit_of("numerator")), said(made.denominator, one.unit_of("denominator"))


@kpi.command("explain", epilog="Example: freehold kpi explain change-failure-rate --period 2011-03")
@click.argument("name", metavar="KPI")
@period_
@click.option("--sql", "only_sql", is_flag=True, help="Print the SQL that computes it, and nothing else.")
@click.option("--limit", type=click.IntRange(min=0), default=_MOST_ITEMS, show_default=True, help="The most items.")
@where_
@as_of_
@zone_
@environment
@as_json
@click.pass_obj
def explain(
    start: str | None, name: str, period: str | None, only_sql: bool, limit: int, where: str | None,
    as_of: str | None, zone: str | None, env: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Explain a KPI: its formula, the events it needs, and each thing it counted with the events behind it."""
    from freehold.insight import items, kpi_named, statement

    with _opened(start, env, as_of, zone, where) as opened:
        one = kpi_named(opened.kpis, name)
        value = opened.value(one, period)
        wanted = value.period
        sql = statement(one, wanted, opened.evidence.instant, opened.asking)
        if only_sql:
            click.echo(sql)
            return
        made = items(one, opened.evidence, wanted, asking=opened.asking)
        heard = {type_: opened.evidence.has(type_) for type_ in (*one.needs, *one.wants)}
    if as_json:
        emit(
            _as_object(one, value)
            | {"formula": _formula(one), "events": heard, "reads": list(one.reads), "sql": sql}
            | {"items": [_item(item) for item in made]}
        )
        return
    _print_value(one, value)
    click.echo()
    for metric, formula in _formula(one).items():
        click.echo(f"  {metric:<13} {formula}")
    told = ", ".join(f"{type_}{'' if there else ' (never received)'}" for type_, there in heard.items())
    click.echo(f"  {'events':<13} {told}")
    click.echo(f"  {'by':<13} {', '.join(one.slices) or 'nothing'}")
    click.echo()
    _print_items(one, made, limit)


def _print_items(one: Kpi, made: tuple[KpiItem, ...], limit: int) -> None:
    rows = [(i.item, *_parts(one, i), _events(i.seqs)) for i in made[:limit]]
    table(rows, ("item", "numerator", "denominator", "events"), right=(1, 2))
    if len(made) > limit:
        say(click.style(f"The first {limit} of {len(made):,}; --limit or --json has more.", dim=True))
    if made:
        say(click.style("freehold ledger show NUMBER prints an event.", dim=True))


def _events(seqs: tuple[int, ...]) -> str:
    more = f" and {len(seqs) - _MOST_SEQS} more" if len(seqs) > _MOST_SEQS else ""
    return ", ".join(map(str, seqs[:_MOST_SEQS])) + more


def _print_value(one: Kpi, value: KpiValue) -> None:
    from freehold.insight.telling import judged, made_of, said

    period = f"{value.period}{'' if value.is_closed else ', so far'}"
    click.echo(f"{click.style(one.name, bold=True)}  {one.id}  {' '.join(one.tags)}")
    click.echo(f"  {one.question}")
    click.echo(f"  {'value':<13} {said(value.value, one.unit)}  ({period}; {value.state})")
    for target, met in judged(one, value):
        click.echo(
            f"  {'target':<13} {target.text} ({target.whose}){'' if met is None else ': met' if met else ': missed'}"
        )
    whole = value.evidence_completeness
    click.echo(f"  {'made of':<13} {made_of(one, value.numerator, value.denominator)}, n = {value.n:,}")
    click.echo(f"  {'completeness':<13} {'—' if whole is None else percent(whole)}")
    for name, beside in value.beside.items():
        click.echo(f"  {name:<13} {said(beside, one.unit_of(name))}")
    if value.fix:
        click.echo(f"  {'note':<13} {value.fix}")
    told = f"as recorded by {value.known:%Y-%m-%d %H:%M}, event {value.seq:,}, definition {value.definition}"
    say(click.style(told, dim=True))


def _formula(one: Kpi) -> dict[str, str]:
    from freehold.metrics.explaining import formula_of

    return {name: formula_of(metric) for name, metric in one.model.metrics.items()}


def _targets(one: Kpi, value: KpiValue) -> str:
    from freehold.insight.telling import judged

    colours = {True: "green", False: "red", None: "dim"}
    told = ((t.text + (f" ({t.whose})" if t.is_of_tier else ""), met) for t, met in judged(one, value))
    return ", ".join(dict.fromkeys(f"[{colours[met]}]{text}[/]" for text, met in told))


def _coloured(verdict: str) -> str:
    return f"[{_VERDICTS.get(verdict, 'dim')}]{verdict}[/]"


def _as_object(one: Kpi, value: KpiValue) -> dict[str, Any]:
    from freehold.insight.telling import judged, verdict_of

    return {
        "id": one.id, "name": one.name, "question": one.question, "tags": list(one.tags), "owner": one.owner,
        "direction": one.direction, "cadence": one.cadence, "unit": one.unit, **_figures(value),
        "verdict": verdict_of(one, value),
        "targets": [{"whose": t.whose, "target": t.text, "met": met} for t, met in judged(one, value)],
        "definition": value.definition, "seq": value.seq, "known": value.known, "by": list(one.slices),
    }  # fmt: skip


def _figures(value: KpiValue) -> dict[str, Any]:
    return {
        "period": {"name": str(value.period), "start": value.period.start, "end": value.period.end,
                   "closed": value.is_closed},
        "state": value.state, "value": value.value, "numerator": value.numerator, "denominator": value.denominator,
        "n": value.n, "completeness": value.evidence_completeness, "beside": dict(value.beside),
        "note": value.fix or None,
    }  # fmt: skip


def _item(item: KpiItem) -> dict[str, Any]:
    return {
        "item": item.item, "numerator": item.numerator, "denominator": item.denominator, "n": item.n,
        "events": list(item.seqs),
    }  # fmt: skip
