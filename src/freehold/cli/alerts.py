"""`freehold alerts`: what is wrong, who is told, and what it was in the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import environment, expect_product, opened_evidence
from freehold.cli.output import as_json, counted, emit, put, say, table
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability.alerts import Alert, Monitor, Quieting, Silence

VERDICTS = ("fixed", "expected", "false", "duplicate")
_MARKS = {"critical": "red", "warning": "yellow", "info": "dim"}


@click.group(epilog="Example: freehold alerts list")
def alerts() -> None:
    """See what is wrong, say what it was, and keep alerts quiet for a time.

    An alert is raised for as long as the same is wrong: a check, a run, a delivery, columns, a measure. Somebody is
    paged for a broken contract or SLO, for what is six deviations off in a product of tier 1, and for two signals that
    agree on one lineage path; all else is in the digest. Each is closed with what it was.
    """


@alerts.command("list", epilog="Example: freehold alerts list --product sales.orders --all")
@click.option("--product", default=None, metavar="PRODUCT", help="Only of one product.")
@click.option("--all", "closed", is_flag=True, help="Those that are closed, too.")
@environment
@as_json
@click.pass_obj
def list_(start: str | None, product: str | None, closed: bool, env: str | None, as_json: bool) -> None:
    """List alerts: those that stand, and those that nobody has said of what they were."""
    from freehold.reliability.alerts import alerts as every
    from freehold.reliability.alerts import with_right_since

    with opened_evidence(start, env) as (estate, ledger, name):
        expect_product(product, estate.products)
        found = with_right_since(ledger, name, every(ledger, name, product=product, closed=closed))
        quiet = _quieting(estate, ledger, name)
    if as_json:
        emit({"alerts": [one.to_json() | quiet.of(one).to_json() for one in found]})
    elif found:
        headings = ("alert", "", "pages", "what is wrong", "since", "is")
        table([_row(one, quiet.of(one).word) for one in found], headings)
        say(f"Next: freehold alerts show {found[-1].id}")
    else:
        say("Nothing is wrong, and nothing waits for a verdict.")


@alerts.command("show", epilog="Example: freehold alerts show 5f0c9a1b2c3d")
@click.argument("alert")
@environment
@as_json
@click.pass_obj
def show(start: str | None, alert: str, env: str | None, as_json: bool) -> None:
    """Show ALERT: what is wrong, who is paged and why, and what to do."""
    from freehold.reliability.alerts import alert as one_of
    from freehold.reliability.alerts import with_right_since

    with opened_evidence(start, env) as (estate, ledger, name):
        (found,) = with_right_since(ledger, name, [one_of(ledger, name, alert)])
        quiet = _quieting(estate, ledger, name).of(found)
    if as_json:
        emit(found.to_json() | quiet.to_json())
        return
    rows = [
        ("what", f"{found.asset}: {found.reason}"), ("since", f"{found.since:%Y-%m-%d %H:%M} UTC"),
        ("severity", found.severity), ("pages", f"{'yes' if found.page else 'no'}. {found.why}"),
        *(("silenced", f"until {s.ends_at:%Y-%m-%d %H:%M} UTC by {s.id}: {_of(s)}") for s in quiet.silences),
        *(("muted", f"by the time interval {name}") for name in quiet.intervals),
        ("responder", found.responder or "nobody is named: give the product a team"),
        ("then", found.escalation or "nobody"), ("owner", found.owner or "nobody"),
        ("runbook", found.runbook or "none: say `freehold:runbook` in the product's file"),
        ("evidence", found.evidence), ("incident", found.incident or "none"),
        ("is", f"{found.state}{f' as {found.verdict}' if found.verdict else ''}"),
        *([("right since", f"{found.right_since:%Y-%m-%d %H:%M} UTC; it is over once that has lasted for a while")]
          if found.right_since else []),
    ]  # fmt: skip
    table(rows, ("", ""))
    if not found.is_judged:
        say(f"Next: freehold alerts close {found.id} --as fixed")


@alerts.command("close", epilog="Example: freehold alerts close 5f0c9a1b2c3d --as false")
@click.argument("alert")
@click.option(
    "--as", "verdict", required=True, type=click.Choice(VERDICTS),
    help="fixed: it was wrong. expected: odd, and right. false: nothing was. duplicate: another alert tells it.",
)  # fmt: skip
@environment
@as_json
@click.pass_obj
def close_(start: str | None, alert: str, verdict: str, env: str | None, as_json: bool) -> None:
    """Say what ALERT was. An anomaly that it is of takes the same verdict."""
    from freehold.reliability.alerts import close

    with _opened(start, env) as (ledger, name):
        found = close(ledger, name, alert, verdict)
    if as_json:
        emit(found.to_json() | {"state": "closed", "verdict": verdict})
    else:
        say(f"Closed as {verdict}: {found.asset}, {found.reason}.")


@alerts.command(
    "silence", epilog="Example: freehold alerts silence product=sales.orders --for 2h --comment 'migration'"
)
@click.argument("matchers", nargs=-1, required=True)
@click.option("--for", "length", default="2h", metavar="2h", help="For how long; default: 2h.")
@click.option("--comment", default="", metavar="TEXT", help="Why, in words; they can be erased later.")
@environment
@as_json
@click.pass_obj
def silence_(
    start: str | None, matchers: tuple[str, ...], length: str, comment: str, env: str | None, as_json: bool
) -> None:
    """Notify nobody of alerts that match all MATCHERS, for a time. They are raised all the same.

    A matcher is LABEL=VALUE, LABEL!=VALUE, or LABEL=~EXPRESSION, which has to match all of a value. Labels: asset,
    column, direction, domain, kind, monitor, product, severity, team, tier.
    """
    from freehold.delivery.arrival import duration
    from freehold.foundation import Caller
    from freehold.reliability.alerts import expect_values, matcher, silence

    try:
        lasts = duration(length)
    except ValueError as error:
        raise FreeholdError("FH-C008", f"--for: {error}.", fix="Write 30m, 2h or 1d.", exit_code=Exit.USAGE) from None
    with opened_evidence(start, env) as (estate, ledger, name):
        expect_values(map(matcher, matchers), estate)
        ledger, now = ledger.acting(Caller.at_the_shell()), ledger.clock.now()
        made = silence(ledger, name, matchers, now, now + lasts, comment)
    if as_json:
        emit(made.to_json())
    else:
        say(f"Silenced until {made.ends_at:%Y-%m-%d %H:%M} UTC: {_of(made)}.")
        say(f"Next: freehold alerts silences --end {made.id}")


@alerts.command("silences", epilog="Example: freehold alerts silences --end 5f0c9a1b2c3d")
@click.option("--end", "ended", default=None, metavar="SILENCE", help="End one before its time.")
@click.option("--all", "over", is_flag=True, help="Those that are over, too.")
@environment
@as_json
@click.pass_obj
def silences_(start: str | None, ended: str | None, over: bool, env: str | None, as_json: bool) -> None:
    """List silences, or end one."""
    from freehold.reliability.alerts import end, silences

    with _opened(start, env) as (ledger, name):
        if ended is not None:
            end(ledger, name, ended)
            say(f"Ended: {ended}")
        found = silences(ledger, name, ledger.clock.now(), over=over)
    if as_json:
        emit({"silences": [one.to_json() for one in found]})
    elif found:
        rows = [
            (one.id, _of(one), f"{one.ended_at or one.ends_at:%Y-%m-%d %H:%M}", one.by,
             one.comment)
            for one in found
        ]  # fmt: skip
        table(rows, ("silence", "of", "until, UTC", "by", "why"))
    elif ended is None:
        say("Nothing is silenced.")


@alerts.command("digest", epilog="Example: freehold alerts digest --since 2026-11-20")
@click.option("--since", default=None, type=click.DateTime(["%Y-%m-%d"]), help="From this day on; default: a week ago.")
@environment
@as_json
@click.pass_obj
def digest_(start: str | None, since: datetime | None, env: str | None, as_json: bool) -> None:
    """Show what paged nobody: what was raised since then and not closed, and what still stands."""
    from freehold.reliability.alerts import WEEK, digest, in_a_line

    with _opened(start, env) as (ledger, name):
        begins = since.replace(tzinfo=UTC) if since else ledger.clock.now() - WEEK
        parts = digest(ledger, name, begins)
    if as_json:
        emit({"since": begins.isoformat(), "products": [part.to_json() for part in parts]})
        return
    for part in parts:
        put(f"{part.product or 'Of no product'}: {counted(len(part.alerts), 'alerts')}, {part.firing} standing")
        table([_row(one) for one in part.alerts], ("alert", "", "pages", "what is wrong", "since", "is"))
    if parts:
        put(f"In all {in_a_line(parts)}.")
    else:
        say("Nothing to read: all that was found paged somebody, or is closed.")


@alerts.command("monitors", epilog="Example: freehold alerts monitors --json")
@environment
@as_json
@click.pass_obj
def monitors_(start: str | None, env: str | None, as_json: bool) -> None:
    """List what raised alerts, and how often that was worth it.

    A monitor of whose last ten alerts fewer than three in ten were worth it pages nobody until more of them are.
    """
    from freehold.reliability.alerts import monitors

    with _opened(start, env) as (ledger, name):
        found = monitors(ledger, name)
    if as_json:
        emit({"monitors": [one.to_json() for one in found]})
    elif found:
        rows = [
            (str(one.name), one.name.asset, f"{one.raised:,}", f"{one.pages:,}", _worth(one),
             "demoted" if one.is_demoted else "")
            for one in found
        ]  # fmt: skip
        table(rows, ("monitor", "asset", "alerts", "pages", "worth it", ""), right=(2, 3))
    else:
        say("No monitor has raised an alert.")


@contextmanager
def _opened(start: str | None, env: str | None) -> Iterator[tuple[Ledger, str]]:
    """Open the ledger of the estate around a folder for the person at this shell, and name the environment."""
    from freehold.foundation import Caller

    with opened_evidence(start, env) as (_, ledger, name):
        yield ledger.acting(Caller.at_the_shell()), name


def _quieting(estate: Estate, ledger: Ledger, env: str) -> Quieting:
    """Return what keeps alerts quiet now."""
    from freehold.reliability.alerts import Quieting, silences

    now = ledger.clock.now()
    return Quieting(estate, silences(ledger, env, now), now)


def _of(one: Silence) -> str:
    return ", ".join(map(str, one.matchers))


def _worth(one: Monitor) -> str:
    if one.precision is None:
        return "not judged yet"
    return f"{percent(one.precision)} of {len(one.judged)}"


def _row(one: Alert, quiet: str = "") -> tuple[str, ...]:
    color = _MARKS[one.severity]
    right = f"right since {one.right_since:%H:%M}" if one.right_since else ""
    state = ", ".join(filter(None, (one.state, right, one.verdict, quiet)))
    return (
        one.id, f"[{color}]{one.severity}[/{color}]", (one.responder or "somebody") if one.page else "",
        f"{one.asset}: {one.reason}", f"{one.since:%Y-%m-%d %H:%M}", state,
    )  # fmt: skip
