"""`freehold incidents`: what is wrong for readers, what may have done it, and how they are kept from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.items import work_at
from freehold.cli.opened import (
    chosen_environment,
    environment,
    estate_in_force,
    loaded,
    opened_delivery,
    opened_ledger,
    waiting,
)
from freehold.cli.output import as_json, emit, put, say, table
from freehold.cli.rollback import STILL_HOLDS
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import ago

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Ledger
    from freehold.reliability.incidents import Incident, Moment
    from freehold.reliability.incidents.mitigating import Done

AUDIENCES = ("engineers", "executives", "customers")
_FACTORS = ("grounded", "prior", "recency", "onset", "overlap")
_id = click.argument("id")


@click.group(epilog="Example: freehold incidents list")
def incidents() -> None:
    """See what is wrong for readers, where it began, what may have done it; mitigate it, tell people, end it."""


@incidents.command("list", epilog="Example: freehold incidents list --all")
@click.option("--all", "everything", is_flag=True, help="Those that are over, too.")
@as_json
@click.pass_obj
def list_(start: str | None, everything: bool, as_json: bool) -> None:
    """List the incidents that are open, the oldest first."""
    from freehold.reliability.incidents import incidents as every

    with opened_ledger(loaded(start)) as ledger:
        now = ledger.clock.now()
        found = [one for one in every(ledger).values() if everything or one.is_open]
    if as_json:
        emit({"incidents": [one.to_json() for one in found]})
    elif found:
        rows = [
            (f"…{one.id[-8:]}", one.sev, one.state, one.root or ", ".join(one.assets) or one.product,
             len(one.assets), _first(one), f"{ago(now - one.detected_at)} ago")
            for one in found
        ]  # fmt: skip
        table(
            rows, ("incident", "sev", "state", "root", "assets", "first suspect", "detected"), right=(1, 4), least=(5,)
        )
        say(f"Next: freehold incidents show {found[-1].id[-8:]}")
    else:
        say("No incident is open." if not everything else "There never was an incident.")


def _first(one: Incident) -> str:
    return str(one.suspects[0]["said"]) if one.suspects else ""


@incidents.command(epilog="Example: freehold incidents show 7c976bf46c69")
@_id
@as_json
@click.pass_obj
def show(start: str | None, id: str, as_json: bool) -> None:
    """Show the incident ID: how bad and why, whom it reaches, what may have done it, and what happened when.

    The end of an id is enough, where it is one incident's alone.
    """
    from freehold.reliability.incidents import timeline

    with _opened(start, id) as (_, ledger, found):
        moments = timeline(ledger, found)
    if as_json:
        emit({**found.to_json(), "timeline": [one.to_json() for one in moments]})
        return
    put(f"{found.id}: {found.state}, of severity {found.sev}, rooted at {found.root or 'nobody knows where'}.")
    if found.factors:
        reasons = "; ".join(f"{one['factor']}: {one['said']}" for one in found.factors)
        put(f"Why {found.sev}: {reasons}.")
    for name, took in found.clocks.items():
        if took is not None:
            put(f"Time to {name}: {ago(took) if took >= timedelta(seconds=1) else 'less than a second'}.")
    _say_reach(found)
    _say_suspects(found)
    _say_timeline(moments)


def _say_reach(found: Incident) -> None:
    told = (("wrong", "Published wrong"), ("silent", "Wrong, and no alert says so"),
            ("protected", "Kept as it was before"))  # fmt: skip
    for share, words in told:
        if names := found.reach.get(share):
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            put(f"{words}: {', '.join(names[:6])}{more}.")
    consumers = found.reach.get("consumers") or ()
    for share, words in (("wrong", "They read it wrong"), ("silent", "They read it, and nothing says so")):
        if names := [one["name"] for one in consumers if one["share"] == share]:
            put(f"{words}: {', '.join(names[:6])}{f' and {len(names) - 6} more' if len(names) > 6 else ''}.")


def _say_timeline(moments: tuple[Moment, ...]) -> None:
    rows = [(f"{one.at:%d %b %H:%M:%S}", one.kind, one.said, one.actor) for one in moments]
    table(rows, ("when (UTC)", "", "what", "who"), least=(3,))


@incidents.command(epilog="Example: freehold incidents suspects 7c976bf46c69 --confirm 1")
@_id
@click.option("--confirm", type=int, default=0, metavar="PLACE", help="Say that this one did it.")
@click.option("--clear", type=int, default=0, metavar="PLACE", help="Take back that this one did it.")
@as_json
@click.pass_obj
def suspects(start: str | None, id: str, confirm: int, clear: int, as_json: bool) -> None:
    """Rank what may have done the incident ID, each with the factors of its score.

    Only what a path of lineage leads from is named. What you confirm counts in the change failure rate, and makes such
    causes more likely the next time.
    """
    from freehold.reliability.incidents import blame

    with _opened(start, id) as (_, ledger, found):
        said = blame(ledger, found, confirm or clear, is_taken_back=not confirm) if confirm or clear else None
    if as_json:
        emit({"incident": found.id, "suspects": [dict(one) for one in found.suspects],
              "confirmed": said["event"] if said and confirm else None})  # fmt: skip
    elif said:
        word = "is the cause" if confirm else "is not the cause after all"
        put(f"{said['asset']}: {said['said']}, {word} of {found.id}.")
    else:
        _say_suspects(found)


def _say_suspects(found: Incident) -> None:
    if not found.suspects:
        put("No change has a path to it: none is named.")
        return
    rows = [
        (place, one["said"], one["asset"], f"{one['at'][:16].replace('T', ' ')}",
         *(f"{one['factors'][name]:.2f}" for name in _FACTORS), f"{one['factors']['score']:.3f}",
         "cause" if one["event"] in found.causes else "")
        for place, one in enumerate(found.suspects, 1)
    ]  # fmt: skip
    table(
        rows,
        ("", "suspect", "at", "when (UTC)", *_FACTORS, "score", ""),
        right=(0, 4, 5, 6, 7, 8, 9),
        least=(8, 7, 6, 5, 4),
    )


@incidents.command(epilog="Example: freehold incidents ack 7c976bf46c69")
@_id
@as_json
@click.pass_obj
def ack(start: str | None, id: str, as_json: bool) -> None:
    """Say that you look after the incident ID."""
    with _opened(start, id) as (estate, ledger, found):
        moved = work_at(estate, ledger, ledger.caller).move(found.id, "acknowledge").item
    _answer(found, moved.state, as_json)


@incidents.command(epilog="Example: freehold incidents resolve 7c976bf46c69 --note 'Checked by hand.'")
@_id
@click.option("--note", default="", metavar="TEXT", help="How you know, in words; they can be erased later.")
@as_json
@click.pass_obj
def resolve(start: str | None, id: str, note: str, as_json: bool) -> None:
    """Say that readers have right data again, verified by you. Checks that pass again say it by themselves."""
    with _opened(start, id) as (estate, ledger, found):
        fields = {"verified_by": ledger.caller.principal}
        moved = work_at(estate, ledger, ledger.caller).move(found.id, "resolve", fields=fields, note=note).item
    _answer(found, moved.state, as_json)


def _answer(found: Incident, state: str, as_json: bool) -> None:
    if as_json:
        emit({"incident": found.id, "state": state})
    else:
        say(f"{found.id} is {state}.")


@incidents.command(epilog="Example: freehold incidents mitigate 7c976bf46c69 --rollback")
@_id
@click.option("--rollback", is_flag=True, help="Go back to before it began, and stay there.")
@click.option("--quarantine", is_flag=True, help="Keep what is live; runs publish nothing new of it.")
@click.option("--freeze", metavar="METRIC", default="", help="Say wherever METRIC is read that it is wrong.")
@click.option("--unfreeze", metavar="METRIC", default="", help="Take that back.")
@click.option("--product", default="", metavar="PRODUCT", help="Of which product; default: that of the incident.")
@click.option("--since", default="", metavar="DAY", help="With --freeze: the first wrong day; default: by evidence.")
@click.option("--why", default="", metavar="TEXT", help="In words; they can be erased later.")
@environment
@waiting
@as_json
@click.pass_obj
def mitigate(
    start: str | None, id: str, rollback: bool, quarantine: bool, freeze: str, unfreeze: str, product: str, since: str,
    why: str, env: str | None, wait_s: float, as_json: bool,
) -> None:  # fmt: skip
    """Keep readers from what is wrong, in one step, before it is mended.

    `freehold rollback PRODUCT --unpin` lets a product go on again.
    """
    if sum(map(bool, (rollback, quarantine, freeze, unfreeze))) != 1:
        raise FreeholdError(
            "FH-E358", "One thing is done at a time.", exit_code=Exit.USAGE,
            fix="Say one of --rollback, --quarantine, --freeze METRIC, --unfreeze METRIC.",
        )  # fmt: skip
    if freeze or unfreeze:
        done = _frozen(start, id, freeze, unfreeze, since, why)
    else:
        done = _kept_away(start, id, product, why, env, wait_s, is_back=rollback)
    if as_json:
        emit(done.to_json())
        return
    before = "" if done.is_new else " before, and it stands"
    touched = f" ({', '.join(done.assets)})" if done.assets else ""
    say(f"{done.kind.capitalize()} of {done.target}{touched}: done{before}.")
    for name in done.left:
        say(STILL_HOLDS.format(name))
    if done.kind in ("rollback", "quarantine"):
        say(f"Pinned until: freehold rollback {done.target} --unpin")


def _kept_away(
    start: str | None, id: str, product: str, why: str, env: str | None, wait_s: float, *, is_back: bool
) -> Done:
    from freehold.reliability.incidents import incident_of, quarantine, roll_back

    with opened_delivery(start, env, wait_s=wait_s, in_need=True) as delivery:
        found = incident_of(delivery.ledger, id)
        if is_back:
            return roll_back(found, delivery, product, why)
        return quarantine(found, delivery, product)


def _frozen(start: str | None, id: str, freeze_: str, unfreeze: str, since: str, why: str) -> Done:
    from freehold.metrics import catalogue_of
    from freehold.reliability.incidents import freeze, unfreeze_of

    with _opened(start, id) as (estate, ledger, found):
        catalogue = catalogue_of(estate)
        known = tuple(sorted(metric.id for metric in catalogue.metrics()))
        name = freeze_ or unfreeze
        asked = catalogue.metric(name).id if name in catalogue else name
        if unfreeze:
            return unfreeze_of(found, ledger, asked)
        return freeze(found, ledger, asked, known, _day(since), why)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise FreeholdError(
            "FH-C002", f"`{text}` is no day.", fix="Write it as 2011-03-07.", exit_code=Exit.USAGE
        ) from None


@incidents.command(epilog="Example: freehold incidents draft 7c976bf46c69 --for customers")
@_id
@click.option(
    "--for", "audience", type=click.Choice(AUDIENCES), default="engineers", show_default=True, help="Who reads."
)
@click.option("--next", "coming", default="", metavar="TEXT", help="What is done now, and when they hear more.")
@click.option("--approve", "is_approved", is_flag=True, help="Stand up for it: sign it, and let it be sent.")
@environment
@as_json
@click.pass_obj
def draft(
    start: str | None, id: str, audience: str, coming: str, is_approved: bool, env: str | None, as_json: bool
) -> None:
    """Draft an update on the incident ID from what is known. It goes nowhere before somebody approves it."""
    from freehold.insight.documents import Library
    from freehold.reliability.incidents import approve, incident_of
    from freehold.reliability.incidents import draft as drafted

    estate = estate_in_force(start, env)
    with opened_ledger(estate) as ledger:
        library = Library(estate, ledger, chosen_environment(estate, env).name)
        make = approve if is_approved else drafted
        edition = make(library, incident_of(ledger, id), audience, coming)
    if as_json:
        said: dict[str, Any] = {"for": audience, "is_approved": is_approved, "text": edition.markdown}
        emit(said | {"manifest": edition.manifest.hash})
        return
    click.echo(edition.markdown, nl=False)
    say("Approved, and signed: it may be sent." if is_approved else "A draft: --next '…' --approve lets it be sent.")


@contextmanager
def _opened(start: str | None, id: str) -> Iterator[tuple[Estate, Ledger, Incident]]:
    from freehold.reliability.incidents import incident_of

    estate = loaded(start)
    with opened_ledger(estate) as ledger:
        yield estate, ledger, incident_of(ledger, id)
