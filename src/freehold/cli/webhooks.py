"""`freehold webhooks`: who is told of events, what was sent, and sending it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from freehold.cli.output import ago, as_json, emit, say, table

if TYPE_CHECKING:
    from pathlib import Path

    from freehold.ledger import Ledger
    from freehold.ledger.deliveries import Delivery
    from freehold.server.webhooks.window import Office

_MARKS = {
    "well": "[green]well[/green]",
    "failing": "[red]failing[/red]",
    "disabled": "[red]disabled[/red]",
    "without an account": "[red]without an account[/red]",
    "delivered": "[green]delivered[/green]",
    "waiting": "[yellow]to be tried[/yellow]",
    "dead": "[red]given up[/red]",
}
_PATIENCE_S = 40.0  # for a server to send a ping, and the receiver to answer it
_LOOKS_EVERY_S = 0.2


@click.group(epilog="Example: freehold webhooks list")
def webhooks() -> None:
    """See who is told of events by webhook, what was sent, and have it sent again."""


@webhooks.command("list", epilog="Example: freehold webhooks list --json")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List subscriptions: where each goes, how it stands, what waits, what was given up."""
    with _office(start) as office:
        found = office.all()
    if as_json:
        emit({"subscriptions": [one.as_object() for one in found]})
        return
    if not found:
        say("Nobody is told of events. A file of the kind Subscription says who: freehold schema Subscription")
        return
    rows = [
        (one.id, _MARKS.get(one.word, one.word), one.who.subscription.shown_url, one.behind, one.waiting, one.dead)
        for one in found
    ]
    table(rows, ("subscription", "", "goes to", "behind", "to be tried", "given up"), right=(3, 4, 5), least=(2,))
    for one in found:
        if one.told:
            say(f"{one.id}: {one.told}")


@webhooks.command(epilog="Example: freehold webhooks deliveries ci-trigger --state dead")
@click.argument("subscription")
@click.option("--state", type=click.Choice(["waiting", "delivered", "dead", "failed"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@as_json
@click.pass_obj
def deliveries(start: str | None, subscription: str, state: str | None, limit: int, as_json: bool) -> None:
    """List what was sent to SUBSCRIPTION, what was tried last first; `--state dead` is the list of dead letters."""
    from freehold.server.webhooks.telling import delivery_object

    with _office(start) as office:
        office.get(subscription)
        found = office.ledger.webhooks.deliveries(subscription, states=(state,) if state else (), limit=limit)
        now = office.ledger.clock.now()
    if as_json:
        emit({"deliveries": [delivery_object(one) for one in found]})
        return
    if not found:
        say("Nothing." if state else "Nothing was sent yet.")
        return
    rows = [
        (
            one.id, one.seq or "", one.type, _MARKS.get(one.state, one.state), one.attempts, _answer(one),
            f"{ago(now - one.last_at)} ago" if one.last_at else "",
        )
        for one in found
    ]  # fmt: skip
    table(rows, ("id", "event", "type", "", "attempts", "answer", "tried"), right=(1, 4), least=(6, 4))


@webhooks.command(epilog="Example: freehold webhooks redeliver ci-trigger --dead")
@click.argument("subscription")
@click.argument("id", required=False)
@click.option("--dead", is_flag=True, help="All whose attempts are used up.")
@as_json
@click.pass_obj
def redeliver(start: str | None, subscription: str, id: str | None, dead: bool, as_json: bool) -> None:
    """Have the event ID sent to SUBSCRIPTION now, under the id it had; or all dead letters.

    It is sent by the server of the estate: by the one that runs, or by the next one.
    """
    from freehold.foundation import Exit, FreeholdError

    if dead is (id is not None):
        fix = f"See `freehold webhooks deliveries {subscription} --state dead`."
        raise FreeholdError("FH-C008", "Name one event, or say --dead.", fix=fix, exit_code=Exit.USAGE)
    with _office(start) as office:
        many = office.redeliver_dead(subscription) if id is None else len([office.redeliver(subscription, id)])
        now = office.get(subscription)
    if as_json:
        emit({"subscription": subscription, "redelivered": many})
    else:
        say(f"{many} to be sent." if many else "There are no dead letters.")
        if now.word in ("disabled", "paused", "without an account"):
            say(f"Not yet: {now.told}")


@webhooks.command(epilog="Example: freehold webhooks ping ci-trigger")
@click.argument("subscription")
@as_json
@click.pass_obj
def ping(start: str | None, subscription: str, as_json: bool) -> None:
    """Send a ping to SUBSCRIPTION and say what was answered; ends with 1 where it was not taken.

    The server of the estate sends it, with the secrets that it has; where none runs, this command does.
    """
    from freehold.server.webhooks.telling import delivery_object

    with _office(start) as office:
        one = office.ping(subscription)
        one = _answered(office, one)
    if as_json:
        emit(delivery_object(one))
    elif one.state == "delivered":
        say(f"Taken: {one.status} in {one.took.total_seconds() * 1000:.0f} ms.")
    else:
        say(f"Not taken: {one.problem}.")
    if one.state != "delivered":
        raise SystemExit(1)


@webhooks.command(epilog="Example: freehold webhooks enable ci-trigger")
@click.argument("subscription")
@click.option("--skip", is_flag=True, help="Leave out what happened meanwhile.")
@as_json
@click.pass_obj
def enable(start: str | None, subscription: str, skip: bool, as_json: bool) -> None:
    """Let SUBSCRIPTION go on, where it was disabled: where it was, or, with --skip, with the next event."""
    from freehold.foundation import Caller

    with _office(start) as office:
        was_so = office.enable(subscription, Caller.at_the_shell(), skip=skip)
    if as_json:
        emit({"subscription": subscription, "enabled": was_so})
    else:
        say("It goes on." if was_so else "It was not disabled, and waits for nothing.")


@webhooks.command(epilog="Example: freehold webhooks secret > hook.secret")
@as_json
def secret(as_json: bool) -> None:
    """Print a new secret, to be kept where the subscription's reference leads, and by the receiver."""
    from freehold.connect.webhooks import fresh_secret

    made = fresh_secret()
    if as_json:
        emit({"secret": made})
    else:
        click.echo(made)


@contextmanager
def _office(start: str | None) -> Iterator[Office]:
    from freehold.cli.opened import estate_in_force, ledger_around
    from freehold.server.webhooks.window import Office

    estate = estate_in_force(start, None, in_need=True)
    with ledger_around(start) as ledger:
        yield Office(estate, ledger)


def _answered(office: Office, one: Delivery) -> Delivery:
    """Return a ping as it came out: sent by the server of the estate, or from here.

    Raises:
        FreeholdError: FH-A169 the server did not send it in time.
    """
    import time

    from freehold.foundation import Exit, FreeholdError
    from freehold.foundation.owning import owner_of

    if owner_of(office.estate.root) is None:
        return _sent_here(office.ledger, office.estate.root, office, one)
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        now = office.ledger.webhooks.get(one.subscription, one.id)
        if now is not None and now.state != "waiting":
            return now
        time.sleep(_LOOKS_EVERY_S)
    raise FreeholdError(
        "FH-A169", "The server of this estate has not sent the ping yet; it goes out when it can.",
        fix=f"See `freehold webhooks deliveries {one.subscription}`.", exit_code=Exit.ENVIRONMENT,
    )  # fmt: skip


def _sent_here(ledger: Ledger, root: Path, office: Office, one: Delivery) -> Delivery:
    """Send a ping from this process, under the lease that lets one send.

    Raises:
        FreeholdError: FH-L201 a server elsewhere sends; it will send this, too.
    """
    from freehold.connect.outbound import outbound_from
    from freehold.connect.webhooks import attempted
    from freehold.estate import server_of
    from freehold.foundation.owning import holder, is_dead
    from freehold.ledger.deliveries import Standing
    from freehold.server.webhooks.dispatcher import LEASE, LEASE_S
    from freehold.server.webhooks.sending import Sender, ping_event

    who = office.get(one.subscription).who
    sender = Sender(root, outbound_from(server_of(root).get("outbound") or {}))
    outcome = sender.send(who.subscription, one.id, ping_event(one, who.source, ledger.clock.now()))
    standing = Standing(one.subscription, 0, "")
    after = attempted(standing, one, outcome, ledger.clock.now(), lambda: 0.5)[1]
    with ledger.lease(LEASE, holder("server"), LEASE_S, is_gone=is_dead) as lease:
        ledger.webhooks.answered(lease, after)
    return after


def _answer(one: Delivery) -> str:
    return one.problem or (str(one.status) if one.status else "")
