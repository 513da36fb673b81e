"""`freehold anomalies`: what is unusual about batches, and what it was."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import chosen_environment, dialect_of, environment, expect_asset, opened_evidence
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.reliability import Anomaly

VERDICTS = ("fixed", "expected", "false")


@click.group(epilog="Example: freehold anomalies list")
def anomalies() -> None:
    """See what is unusual about batches, and say what it was.

    Every batch that is built and checked is compared with what came before it: how many rows, how many values missing,
    how often values repeat, the mean of numbers and how they are spread, values that are new or lost. An anomaly holds
    nothing back; checks do that.
    """


@anomalies.command("list", epilog="Example: freehold anomalies list sales.orders.lines --all")
@click.argument("asset", required=False)
@click.option("--all", "closed", is_flag=True, help="Those that are closed, too.")
@environment
@as_json
@click.pass_obj
def list_(start: str | None, asset: str | None, closed: bool, env: str | None, as_json: bool) -> None:
    """List what is unusual; of ASSET, where one is named."""
    from freehold.reliability import anomalies as every
    from freehold.reliability import values_of

    with opened_evidence(start, env) as (estate, ledger, name):
        told = every(ledger, name, asset=asset, closed=True)
        if asset is not None and not told:
            expect_asset(asset, _assets(estate, name))
        found = [one for one in told if closed or one.is_open]
        values = {one.id: values_of(ledger, one) for one in found}
    if as_json:
        emit({"anomalies": [one.to_json() | {"values": list(values[one.id])} for one in found]})
    elif found:
        by_batch = groupby(found, lambda one: (one.asset, one.batch))
        table(
            [row for _, batch in by_batch for row in _rows(list(batch), values)],
            ("anomaly", "asset", "of", "what", "was", "usual", ""),
            right=(4,),
        )
        say(f"Next: freehold anomalies close {found[-1].id} --as expected")
    else:
        say("Nothing is unusual." if asset is None else f"Nothing is unusual about {asset}.")


@anomalies.command("close", epilog="Example: freehold anomalies close 5f0c9a1b2c3d --as expected")
@click.argument("anomaly")
@click.option(
    "--as", "verdict", required=True, type=click.Choice(VERDICTS),
    help="fixed: the data was wrong. expected: it was right, and nothing is learned from it. false: it was right.",
)  # fmt: skip
@environment
@as_json
@click.pass_obj
def close_(start: str | None, anomaly: str, verdict: str, env: str | None, as_json: bool) -> None:
    """Say what ANOMALY was."""
    from freehold.reliability import close

    with opened_evidence(start, env) as (_, ledger, name):
        found = close(ledger, name, anomaly, verdict)
    if as_json:
        emit(found.to_json() | {"verdict": verdict})
    else:
        say(f"Closed as {verdict}: {found.measure} of {found.asset}, {_of(found)}")


def say_anomalies(found: tuple[Anomaly, ...]) -> None:
    """Say in a line what is unusual about what was just built."""
    if found:
        assets = {one.asset for one in found}
        more = f" and {counted(len(assets) - 1, 'more assets')}" if len(assets) > 1 else ""
        worst = max(found, key=lambda one: abs(one.deviations or 0))
        say(f"Unusual: {worst.measure} of {worst.asset}{more}: freehold anomalies list")


def _assets(estate: Estate, env: str) -> tuple[str, ...]:
    """Return the assets of an estate, with those that dbt builds."""
    from freehold.delivery.graph import Graph
    from freehold.delivery.template import KeptCompiled

    graph = Graph.of(estate, env, dialect_of(estate, chosen_environment(estate, env)), KeptCompiled(estate.root))
    if estate.dbt:
        from freehold.connect.dbt import joined, projects_of

        graph = joined(graph, projects_of(estate), estate.root)
    return tuple(graph.assets)


def _rows(batch: list[Anomaly], values: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    batch.sort(key=lambda one: -abs(one.deviations or 0))
    return [
        (one.id, one.asset if n == 0 else "", _of(one) if n == 0 else "", _what(one, values[one.id]),
         one.measure.said(one.value), one.usual, one.verdict or one.grade)
        for n, one in enumerate(batch)
    ]  # fmt: skip


def _what(one: Anomaly, values: tuple[str, ...]) -> str:
    return f"{one.measure}: {', '.join(values)}" if values else str(one.measure)


def _of(one: Anomaly) -> str:
    return f"{one.of or one.found_at:%Y-%m-%d}"
