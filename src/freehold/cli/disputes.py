"""`freehold items measure` and `tell`: what both sides of a dispute come to, and who is told what was decided."""

from __future__ import annotations

import click

from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger, waiting
from freehold.cli.output import as_json, emit, say, table


@click.command(epilog="Example: freehold items measure 4f2a")
@click.argument("item")
@environment
@waiting
@as_json
@click.pass_obj
def measure(start: str | None, item: str, env: str | None, wait_s: float, as_json: bool) -> None:
    """Measure both sides of the dispute ITEM over the same days, and record what they came to for its dossier.

    The metric and the one that is to stand instead are asked of the warehouse, by the definitions in force.
    """
    from freehold import opening
    from freehold.insight.disputing import sides_measured
    from freehold.work import Work

    estate = loaded(start)
    chosen, zone = chosen_environment(estate, env).name, str(estate.defaults.get("timezone", "UTC"))
    with opened_ledger(estate) as ledger, opening.asking(start, chosen, wait_s=wait_s, tell=say) as asks:
        one = Work(estate, ledger).find(item)
        now = ledger.clock.now()
        events = sides_measured(one, asks.catalogue, asks.answerer.answer, env=chosen, zone=zone, now=now)
        ledger.append(*events)
    if as_json:
        emit({"measures": [dict(event.data) for event in events]})
        return
    rows = [(said["metric"], said["since"], said["until"], said["figure"]) for said in (e.data for e in events)]
    table(rows, ("metric", "from", "until", "value"), right=(3,))


@click.command(epilog="Example: freehold items tell 4f2a")
@click.argument("item")
@environment
@as_json
@click.pass_obj
def tell(start: str | None, item: str, env: str | None, as_json: bool) -> None:
    """Tell those who read the metric of the dispute ITEM that it was decided, and record that they were.

    They are whoever asked for the metric in the last 90 days; their homes show it.
    """
    from freehold.cli.items import opened_work
    from freehold.insight.disputing import notice_of

    chosen = chosen_environment(loaded(start), env).name
    with opened_work(start) as work:
        one = work.find(item)
        work.expect_mine(one)
        ledger = work.ledger
        with ledger.evidence(ledger.clock.now()) as evidence:
            event = notice_of(one, evidence, chosen)
        ledger.append(event)
    if as_json:
        emit(dict(event.data))
        return
    say(f"Told {', '.join(event.data['audience']) or 'nobody: nobody was seen to ask for it'}.")
