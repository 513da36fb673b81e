"""`freehold slo`: how often promises are kept, what is left of their error budgets, and when data could be promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import (
    chosen_environment,
    environment,
    estate_in_force,
    expect_product,
    loaded,
    opened_evidence,
    opened_ledger,
)
from freehold.cli.output import as_json, counted, emit, put, say, table
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.reliability.slo import Attainment, Slo

_STATES = {
    "kept": "[green]kept[/green]",
    "burning": "[yellow]burning[/yellow]",
    "exhausted": "[red]exhausted[/red]",
    "not instrumented": "[dim]not instrumented[/dim]",
}
_LEVELS = "·░▒▓█"  # of a day: nothing bad, up to the budget, up to 5 times that, up to half, more; a space: not judged


@click.group(epilog="Example: freehold slo list")
def slo() -> None:
    """See how often promises are kept, and what is left of their error budgets.

    An SLO says how often something is to be good over a window of time: data as fresh as promised, checks that pass,
    runs that succeed, no incident. Files of kind SLO declare them (OpenSLO), and so do contracts by their `latency` and
    `availability`. What may be bad is the error budget.
    """


@slo.command("list", epilog="Example: freehold slo list --product sales.orders")
@click.option("--product", default=None, metavar="PRODUCT", help="Those of one product.")
@environment
@as_json
@click.pass_obj
def list_(start: str | None, product: str | None, env: str | None, as_json: bool) -> None:
    """List SLOs: how they stand, what is left of their budgets, when that is gone."""
    from freehold.reliability.slo import slos_of

    estate = estate_in_force(start, env)
    expect_product(product, estate.products)
    chosen = [one for one in slos_of(estate).values() if product in (None, one.product)]
    found = _attained(start, env, chosen)
    if as_json:
        emit({"slos": [one.to_json() for one in found]})
    elif found:
        table(
            [_row(one) for one in found],
            ("slo", "of", "target", "good", "budget left", "is", "gone by"),
            right=(2, 3, 4),
        )
    else:
        say("Nothing is promised. Give a contract a `latency`, or write an SLO: freehold schema SLO")


@slo.command("show", epilog="Example: freehold slo show sales.orders.lines.freshness")
@click.argument("id_", metavar="SLO")
@environment
@as_json
@click.pass_obj
def show(start: str | None, id_: str, env: str | None, as_json: bool) -> None:
    """Show how one SLO stands: its budget, how fast that burns, day by day."""
    from freehold.reliability.slo import slo_named

    (one,) = _attained(start, env, [slo_named(estate_in_force(start, env), id_)])
    if as_json:
        emit(one.to_json())
        return
    told = one.to_json()
    put(f"{one.slo.id}: {one.slo}")
    put(f"Declared at {one.slo.where}, {'by the contract' if one.slo.is_of_contract else 'by a file of its own'}.")
    if told["left"] is None:
        where = f"from the hours of `{one.slo.hours}`" if one.slo.hours else "in the ledger"
        put(f"Nothing was judged: there is no evidence of it {where} yet. `freehold run` brings it.")
        return
    bad, allowed = (_amount(one, value) for value in (one.budget.tally.bad, one.budget.allowed))
    put(f"It is {one.state}: {_share(one.good_share)} good since {one.since:%Y-%m-%d %H:%M} UTC. "
        f"{bad} were bad, {allowed} may be; {_share(told['left'])} of the budget is left.")  # fmt: skip
    if one.exhausted_at:
        put(f"At the rate of now it is gone by {one.exhausted_at:%Y-%m-%d %H:%M} UTC.")
    if one.bad_since and one.slo.indicator.is_of_time:
        put(f"It is bad since {one.bad_since:%Y-%m-%d %H:%M} UTC, by {one.worst}.")
    put(f"By day, up to today: {_strip(one)}")
    fires = {(r["long"], r["short"]): r for r in told["fires"]}
    rows = [
        (long, short, _rate(told["burn"].get(long)), _rate(told["burn"].get(short)), f"{threshold:.2f}",
         ("[red]now[/red]" if urgent else "[yellow]soon[/yellow]") if (long, short) in fires else "")
        for long, short, threshold, urgent in _rules(one)
    ]  # fmt: skip
    table(rows, ("over", "and over", "burn rate", "and", "from", "somebody should look"), right=(2, 3, 4))


@slo.command("propose", epilog="Example: freehold slo propose sales.orders.raw_lines")
@click.argument("asset")
@click.option("--write", is_flag=True, help="Change the contract's file.")
@environment
@as_json
@click.pass_obj
def propose(start: str | None, asset: str, write: bool, env: str | None, as_json: bool) -> None:
    """Propose when data of ASSET is due, by when it came: as a change of its contract.

    What is learned is a proposal. Once it is in the contract, what does not come by then is late.
    """
    from freehold.reliability.slo.proposing import proposal_for

    estate = loaded(start)
    with opened_ledger(estate) as ledger:
        found = proposal_for(estate, ledger, chosen_environment(estate, env).name, asset)
    if write and found.diff:
        (estate.root / found.path).write_text(found.after, encoding="utf-8", newline="")
    of = found.learned
    if as_json:
        emit({"asset": asset, "file": found.path, "diff": found.diff, "written": write and bool(found.diff),
              "timeOfAvailability": f"{of.at:%H:%M}", "arrives": of.arrives, "timezone": of.zone.key,
              "arrivals": of.arrivals, "expected": of.expected, "late": of.late})  # fmt: skip
        return
    if found.diff:
        click.echo(found.diff, nl=False)
    say(f"Learned from {counted(of.arrivals, 'arrivals')}; of {of.expected:,} that were due in that time, "
        f"{of.late:,} would have been late. Times are of {of.zone.key}.")  # fmt: skip
    if not found.diff:
        say(f"{found.path} says just that.")
    elif write:
        say(f"Wrote {found.path}. Next: freehold plan")
    else:
        say("To change the contract so: --write")


def _attained(start: str | None, env: str | None, chosen: list[Slo]) -> tuple[Attainment, ...]:
    from freehold.reliability.slo import attainments

    with opened_evidence(start, env) as (estate, ledger, name):
        return attainments(estate, ledger, name, datetime.now(UTC), chosen)


def _row(one: Attainment) -> tuple[str, ...]:
    burnt = one.budget.burnt
    return (
        f"[bold]{one.slo.id}[/bold]", str(one.slo.indicator), f"{100 * one.slo.target:.10g} %, {one.slo.window}",
        _share(one.good_share), _share(1 - burnt if burnt is not None else None), _STATES[one.state],
        f"{one.exhausted_at:%Y-%m-%d %H:%M}" if one.exhausted_at else "",
    )  # fmt: skip


def _rules(one: Attainment) -> list[tuple[str, str, float, bool]]:
    from freehold.reliability.slo.attaining import spelled
    from freehold.reliability.slo.budget import burn_rules

    rules = burn_rules(one.slo.target, one.slo.window.length)
    return [(spelled(rule.long), spelled(rule.short), rule.threshold, rule.is_urgent) for rule in rules]


def _strip(one: Attainment) -> str:
    return "".join(" " if day.bad_share is None else _LEVELS[one.level(day)] for day in one.days)


def _share(share: Any) -> str:
    return "" if share is None else percent(share, 2)


def _rate(rate: Any) -> str:
    return "" if rate is None else f"{rate:.2f}"


def _amount(one: Attainment, value: float) -> str:
    if not one.slo.indicator.is_of_time:
        return f"{value:,.1f}".removesuffix(".0")
    minutes = round(timedelta(seconds=value) / timedelta(minutes=1))
    return f"{minutes / 60:,.1f} hours" if minutes >= 120 else f"{minutes} minutes"
