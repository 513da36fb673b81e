"""`freehold check`: what is live, judged by its contracts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.evaluated import evaluated_after
from freehold.cli.opened import as_of, delivery_of, environment, estate_in_force, only_in, selecting, waiting
from freehold.cli.output import as_json, emit, say, table
from freehold.cli.run import print_taken, result_object
from freehold.estate.model import ADVISED
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.quality import Evaluation, Result

_MARKS = {
    "pass": "[green]pass[/green]",
    "warn": "[yellow]warn[/yellow]",
    "fail": "[red]fail[/red]",
    "error": "[red]error[/red]",
    "skipped": "[dim]skipped[/dim]",
}


@click.command(epilog="Example: freehold check --select sales.orders.lines --explain")
@selecting
@click.option("--explain", is_flag=True, help="Show how each check was or would be settled, and at what cost.")
@click.option("--all", "everything", is_flag=True, help="Show checks that passed, too.")
@as_of
@environment
@waiting
@as_json
@click.pass_obj
def check(
    start: str | None,
    select: tuple[str, ...],
    explain: bool,
    everything: bool,
    as_of: str | None,
    env: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Judge live data by its contracts, building nothing.

    The verdicts are recorded and show in `freehold status`; with --as-of they are not. Products that only watch or
    advise are left out, unless they are selected.

    Ends with 1 when a check that blocks fails or cannot be settled.
    """
    from freehold.delivery.watching import take_back

    estate = estate_in_force(start, env)
    if not select and only_in(estate, ADVISED):
        if as_json:
            emit({"checks": []})
        say("Nothing to judge: every product only watches or advises. `freehold:mode: check` has its data judged.")
        return
    with delivery_of(estate, env, wait_s=wait_s, at=as_of) as delivery:
        found = delivery.check(select, remember=as_of is None)
        taken = take_back(delivery, found) if as_of is None else ()
        if as_of is None:
            evaluated_after(delivery, found)
        plans = _plans(delivery, found) if explain else {}
    if as_json:
        emit(
            {
                "checks": [result_object(r) for e in found.values() for r in e.results],
                "taken_back": [r.product for r in taken],
                **({"plan": plans} if explain else {}),
            }
        )
    else:
        _print(found, plans, everything=everything or explain)
        print_taken(taken)
    blocked = any(r.blocks for e in found.values() for r in e.results)
    sys.exit(1 if blocked else 0)


def _print(found: dict[str, Evaluation], plans: dict[str, list[dict[str, Any]]], *, everything: bool) -> None:
    results = [r for e in found.values() for r in e.results]
    shown = [r for r in results if everything or r.verdict not in ("pass", "skipped")]
    if plans:
        table(
            [_explained(r) for r in shown],
            ("check", "verdict", "decided by", "ms", "claim"),
            right=(3,),
        )
    elif shown:
        table([_row(r) for r in shown], ("check", "verdict", "measured", "failing rows", "claim"), right=(2, 3))
    if not results:
        say("Nothing live has checks. See `freehold status`.")
        return
    counted = {v: sum(r.verdict == v for r in results) for v in _MARKS}
    said = ", ".join(f"{n:,} {verdict}" for verdict, n in counted.items() if n)
    queries, seconds = sum(e.queries for e in found.values()), sum(e.seconds for e in found.values())
    say(f"{len(results):,} checks on {len(found):,} assets: {said}; {queries:,} queries, {seconds:.2f} s.")


def _row(result: Result) -> tuple[str, ...]:
    failing = f"{result.failing:,}" if result.failing is not None else ""
    if result.share:
        failing += f" ({percent(result.share, 2)})"
    claim = f"{result.check.claim} [dim]{result.reason}[/dim]" if result.reason else result.check.claim
    return (result.check.id, _MARKS[result.verdict], _shown(result.value), failing, claim)


def _explained(result: Result) -> tuple[str, ...]:
    return (
        *(result.check.id, _MARKS[result.verdict], result.decided_by),
        *(f"{result.cost_s * 1000:.2f}", result.check.claim),
    )


def _plans(delivery: Delivery, found: dict[str, Evaluation]) -> dict[str, list[dict[str, Any]]]:
    """Return the plan of each asset: the rule and statement every check belongs to, and what it may cost."""
    plans = {}
    for asset, evaluation in found.items():
        planned = delivery.planned(asset, evaluation.state.rows)
        plans[asset] = [{name: getattr(p, name) for name in p.__dataclass_fields__ if name != "check"} for p in planned]
    return plans


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)
