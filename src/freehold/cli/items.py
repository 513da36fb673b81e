"""`freehold items`: what people settle with each other, from its beginning to its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.deprecate import deprecation_object, opened_announcing, print_consumers
from freehold.cli.disputes import measure, tell
from freehold.cli.opened import loaded, opened_ledger
from freehold.cli.output import as_json, counted, emit, put, say, table
from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    from freehold.connect.trackers import Syncing, Tracker
    from freehold.estate.model import Estate
    from freehold.foundation import Caller
    from freehold.ledger import Ledger
    from freehold.work import Item, Work

field_ = click.option(
    "--field", "-f", "fields", multiple=True, metavar="NAME=VALUE", help="What it holds; may be repeated."
)
note_ = click.option("--note", default="", metavar="TEXT", help="Why, in words; they can be erased later.")


@click.group(epilog="Example: freehold items new question -f what='How many came back?' --product sales.orders")
def items() -> None:
    """See, begin and move work items: questions, requests, disputes, incidents, and what else has a workflow."""


@items.command("types", epilog="Example: freehold items types question --json")
@click.argument("types", nargs=-1, metavar="[TYPE]…")
@as_json
@click.pass_obj
def types_(start: str | None, types: tuple[str, ...], as_json: bool) -> None:
    """List the types of item there are, or show how items of some TYPEs go."""
    from freehold.work.described import workflow_object

    with opened_work(start) as work:
        chosen = [work.workflow(id_) for id_ in types or work.workflows]
    if as_json:
        emit({"types": [workflow_object(one) for one in chosen]})
        return
    if not types:
        table([(f"[bold]{one.id}[/bold]", one.title, one.wants) for one in chosen], ("type", "", "what one says"))
        return
    for one in chosen:
        fields = ", ".join(f"{f.name}{'!' * f.is_required}" for f in one.fields.values())
        put(f"{one.title}: {fields}. Clocks: {', '.join(f'{s.name} {s.within}' for s in one.sla.values()) or 'none'}.")
        rows = [
            (state.name, move.name, move.to, ", ".join(move.by) or "anybody", ", ".join(name for name, _ in move.needs))
            for state in one.states.values()
            for move in state.moves.values()
        ]
        table(rows, ("state", "move", "leads to", "by", "needs"))


@items.command("list", epilog="Example: freehold items list --type incident --all")
@click.option("--type", "type_", default=None, metavar="TYPE", help="Only of one type.")
@click.option("--product", default="", metavar="PRODUCT", help="Only about one product.")
@click.option("--mine", is_flag=True, help="Only what you asked for, or took on.")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@as_json
@click.pass_obj
def list_(
    start: str | None, type_: str | None, product: str, mine: bool, everything: bool, as_json: bool
) -> None:  # fmt: skip
    """List work items, in the order in which they began."""
    from freehold.work.described import item_object

    with opened_work(start) as work:
        if type_:
            work.workflow(type_)
        found = work.items(type_, is_open=None if everything else True)
        if product not in {one.product for one in found}:  # of one that is gone, items may be there still
            work.expect_product(product)
        me = work.caller.principal
        found = tuple(
            one for one in found if product in ("", one.product) and (not mine or me in (one.requester, one.assignee))
        )
        told = [item_object(work, one) for one in found if one.type in work.workflows]
    if as_json:
        emit({"items": told})
    elif told:
        table([_row(one) for one in told], _HEADS, least=(1,))
    else:
        say("Nothing is open." if not everything else "Nothing was begun yet.")


@items.command(epilog="Example: freehold items show 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def show(start: str | None, id: str, as_json: bool) -> None:
    """Show all of the item ID: what it holds, where it went, what was said, which moves it has.

    The end of an id is enough, where it is one item's alone.
    """
    from freehold.leaving import DEPRECATION
    from freehold.work.described import whole_object

    with opened_announcing(start) as opened:
        work, item = opened.work, opened.work.find(id)
        told = whole_object(work, item)
        is_leaving = item.type == DEPRECATION and not work.has_ended(item)
        if is_leaving:
            read_by, answers = opened.announcing.consumers(item), opened.announcing.told(item)
            told |= deprecation_object(item, read_by, answers)
    if as_json:
        emit(told)
        return
    put(f"{told['title']}\n{told['id']}, {told['state']}{_when_due(told)}; asked by {told['requester']}.")
    if issue := told["tracked"]:
        put(f"  {issue['key']} in {issue['tracker']}, which rules its state")
    for name, value in told["fields"].items():
        put(f"  {name}: {_spoken(value)}")
    for decision in told["decided_by"]:
        put(f"  decided by {decision}")
    for link in told["links"]:
        put(f"  {link['word']} {link['other']}")
    for one in told["history"]:
        by = f" by {one['actor']}" if one["actor"] else ""
        put(f"  {one['since']:%Y-%m-%d %H:%M} UTC  {one['state']}{by}{': ' + one['note'] if one['note'] else ''}")
    for one in told["comments"]:
        put(f"  {one['at']:%Y-%m-%d %H:%M} UTC  {one['actor']} said: {one['text']}")
    if is_leaving:
        print_consumers(read_by, answers)
    ways = [
        one["name"] + (f" ({', '.join(one['needs'])})" if one["needs"] else "") for one in told["moves"] if one["open"]
    ]
    if not told["tracked"]:
        put(f"You may: {', '.join(ways)}." if ways else "It has no move that you may make.")


@items.command(epilog="Example: freehold items new data_request -f what='Churn by month' --product sales.orders")
@click.argument("type")
@field_
@click.option("--product", default="", metavar="PRODUCT", help="The product it is about.")
@click.option("--class", "service_class", default="", metavar="CLASS", help="Its class of service: standard, urgent.")
@click.option("--priority", default="", metavar="WORD", help="How much it matters: critical, low.")
@click.option("--dry-run", is_flag=True, help="Show what is there already, and begin nothing.")
@as_json
@click.pass_obj
def new(
    start: str | None, type: str, fields: tuple[str, ...], product: str, service_class: str, priority: str,
    dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Begin an item of a TYPE, and show what may answer it: open items like it, and what the catalog has."""
    from freehold.cli.alike import look
    from freehold.work import from_words
    from freehold.work.alike import asks
    from freehold.work.described import item_object

    with opened_announcing(start) as opened:
        work = opened.work
        said = from_words(work.workflow(type), _pairs(fields))
        if dry_run:
            made, told = "", {}
        else:
            item = work.create(type, said, product=product, service_class=service_class, priority=priority).item
            made, told = item.id, item_object(work, item)
        there = look(opened, type, asks(work.workflow(type), said), made)
    if as_json:
        emit(told | there.to_json())
        return
    if made:
        say(f"Begun: {made}, {told['state']}{_when_due(told)}.")
    elif not there.alike and not there.answers:
        say("Nothing is like it, and nothing was begun.")
    there.tell(made)


@items.command(epilog="Example: freehold items move 7c976bf46c69 answer -f answer='One in nine.'")
@click.argument("id")
@click.argument("move")
@field_
@note_
@click.option("--reason", default="", metavar="WORD", help="Why, in a word that can be counted.")
@as_json
@click.pass_obj
def move(start: str | None, id: str, move: str, fields: tuple[str, ...], note: str, reason: str, as_json: bool) -> None:
    """Make a MOVE with the item ID. What it requires, and who may, its workflow says; duplicates end with it."""
    from freehold.work import from_words

    with opened_work(start) as work:
        item = work.find(id)
        said = from_words(work.workflow(item.type), _pairs(fields))
        moved = work.move(item.id, move, fields=said, note=note, reason=reason)
        for one in () if as_json else moved.left_undone:
            say(f"`{moved.item.state}` asks for `{one}`, which nothing here does.")
        if moved.duplicates and not as_json:
            say(f"{counted(len(moved.duplicates), 'duplicates')} ended with it.")
        _answer(work, moved.item, as_json)


@items.command(epilog="Example: freehold items undo 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def undo(start: str | None, id: str, as_json: bool) -> None:
    """Take back your last move of the item ID, for as long as its workflow says."""
    with opened_work(start) as work:
        _answer(work, work.undo(work.find(id).id), as_json)


@items.command(epilog="Example: freehold items link 7c976bf46c69 duplicate_of 0b9df5bc6b3d")
@click.argument("id")
@click.argument("rel")
@click.argument("target")
@as_json
@click.pass_obj
def link(start: str | None, id: str, rel: str, target: str, as_json: bool) -> None:
    """Say that the item ID has the relation REL to TARGET: duplicate_of, blocks, implements, caused_by …"""
    with opened_work(start) as work:
        _answer(work, work.link(work.find(id).id, rel, _target(work, target)), as_json, "Linked")


@items.command(epilog="Example: freehold items unlink 7c976bf46c69 duplicate_of 0b9df5bc6b3d")
@click.argument("id")
@click.argument("rel")
@click.argument("target")
@as_json
@click.pass_obj
def unlink(start: str | None, id: str, rel: str, target: str, as_json: bool) -> None:
    """Take away the relation REL of the item ID to TARGET."""
    with opened_work(start) as work:
        _answer(work, work.unlink(work.find(id).id, rel, _target(work, target)), as_json, "Parted")


@items.command(epilog="Example: freehold items comment 7c976bf46c69 'Finance has it, too.'")
@click.argument("id")
@click.argument("text")
@as_json
@click.pass_obj
def comment(start: str | None, id: str, text: str, as_json: bool) -> None:
    """Say something about the item ID."""
    with opened_work(start) as work:
        _answer(work, work.comment(work.find(id).id, text), as_json, "Said")


@items.command(epilog="Example: freehold items acknowledge 7c976bf46c69 --action moved")
@click.argument("id")
@click.option("--by", "consumer", default="", metavar="CONSUMER", help="For whom, as the notice names them; you.")
@click.option("--action", default="", metavar="WORD", help="What they did: moved, accepted, objects.")
@as_json
@click.pass_obj
def acknowledge(start: str | None, id: str, consumer: str, action: str, as_json: bool) -> None:
    """Answer the notice of the deprecation ID: that you read it, or moved to what takes its place."""
    with opened_announcing(start) as opened:
        item = opened.work.find(id)
        who = opened.announcing.acknowledge(opened.work, item, consumer, action)
        silent = opened.announcing.told(item).silent
    if as_json:
        emit({"item": item.id, "consumer": who, "action": action or None, "silent": list(silent)})
    else:
        say(f"{who} answered{f': {action}' if action else ''}. {counted(len(silent), 'consumers')} did not yet.")


@items.command(epilog="Example: freehold items assign 7c976bf46c69 user:idp/ana")
@click.argument("id")
@click.argument("who", required=False)
@as_json
@click.pass_obj
def assign(start: str | None, id: str, who: str | None, as_json: bool) -> None:
    """Give the item ID to WHO: user:idp/ana, team:sales; left out, to nobody."""
    with opened_work(start) as work:
        _answer(work, work.assign(work.find(id).id, who or ""), as_json, f"Given to {who or 'nobody'}")


@items.command(epilog="Example: freehold items track 7c976bf46c69 ops OPS-12")
@click.argument("id")
@click.argument("tracker")
@click.argument("key")
@as_json
@click.pass_obj
def track(start: str | None, id: str, tracker: str, key: str, as_json: bool) -> None:
    """Make the item ID the issue KEY of a TRACKER, which rules its state from then on."""
    with opened_work(start) as work, opened_syncing(start) as (syncing, trackers):
        item = syncing.track(_tracker(trackers, tracker), work.find(id).id, key, work.caller)
        _answer(work, item, as_json, "Tracked")


@items.command(epilog="Example: freehold items send 7c976bf46c69 --to ops")
@click.argument("id")
@click.option("--to", "tracker", required=True, metavar="TRACKER", help="The tracker to file it in.")
@as_json
@click.pass_obj
def send(start: str | None, id: str, tracker: str, as_json: bool) -> None:
    """File an issue for the item ID in a TRACKER, which rules its state from then on. Sent again, it is the same."""
    with opened_work(start) as work, opened_syncing(start) as (syncing, trackers):
        one = work.find(id)
        item = syncing.file(_tracker(trackers, tracker), one, work.title(one), work.caller)
        _answer(work, item, as_json, f"Filed as {item.tracked.key}" if item.tracked else "Filed")


@items.command(epilog="Example: freehold items untrack 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def untrack(start: str | None, id: str, as_json: bool) -> None:
    """Part the item ID from its issue: from then on it is moved here."""
    from freehold.work import Tracking

    with opened_ledger(loaded(start)) as ledger, opened_work(start) as work:
        acting = ledger.acting(work.caller)
        _answer(work, Tracking(loaded(start), acting, ledger.clock).untrack(work.find(id).id), as_json, "Parted")


@items.command(epilog="Example: freehold items sync --tracker ops --dry-run")
@click.option("--tracker", "only", default="", metavar="TRACKER", help="Only this tracker.")
@click.option("--dry-run", is_flag=True, help="Say what would be recorded, and record nothing.")
@as_json
@click.pass_obj
def sync(start: str | None, only: str, dry_run: bool, as_json: bool) -> None:
    """Bring in what trackers tell: issues become items, and changes of their status moves. Ends with 1 if any is left.

    The changelog is followed, each change when it was made and by whom; the same twice is recorded once.
    """
    from freehold.connect.trackers.telling import synced_object, told_synced

    with opened_syncing(start) as (syncing, trackers):
        chosen = [_tracker(trackers, only)] if only else list(trackers.values())
        came = [syncing.sync(one, is_trial=dry_run) for one in chosen]
    if as_json:
        emit({"trackers": [synced_object(one) for one in came], "dry_run": dry_run})
    elif not came:
        say("No file declares a tracker: `freehold schema Tracker`.")
    else:
        for line in (line for one in came for line in told_synced(one, is_trial=dry_run)):
            say(line)
    if any(one.problems for one in came):
        raise SystemExit(Exit.FINDING)


@click.command(epilog="Example: freehold inbox --json")
@click.option("--as", "role_of", default=None, metavar="WHO", help="What waits for somebody else: user:idp/ana.")
@as_json
@click.pass_obj
def inbox(start: str | None, role_of: str | None, as_json: bool) -> None:
    """Show what waits for you: to be looked at, decided, answered or done; what is late first."""
    from freehold.work import inbox as inbox_of
    from freehold.work.described import waiting_object
    from freehold.work.entering import expect_principal

    expect_principal(role_of or "")
    with opened_work(start, role_of) as work:
        found = [waiting_object(work, one) for one in inbox_of(work)]
        me = work.caller.principal
    if as_json:
        emit({"who": me, "waiting": found})
    elif found:
        table([(_ASKS[one["asks"]], *_row(one)) for one in found], ("", *_HEADS), least=(2,))
    else:
        say(f"Nothing waits for {me}.")


_LONGEST_TITLE = 100  # characters in a list; an item shown by itself has all of it
_HEADS = ("item", "", "state", "product", "due (UTC)", "")
_ASKS = {"triage": "look at", "answer": "answer", "decide": "decide", "do": "do"}


@contextmanager
def opened_work(start: str | None, principal: str | None = None) -> Iterator[Work]:
    """Open the work items of the estate, as whoever sits at the shell may move them; or as somebody sees them."""
    with opened_announcing(start, principal=principal) as opened:
        yield opened.work


def work_at(estate: Estate, ledger: Ledger, caller: Caller) -> Work:
    """Return the work items of an estate as a caller may move them; fields name what its files have."""
    from freehold.insight.naming import names_for_items
    from freehold.metrics import catalogue_of
    from freehold.work import Work

    names = names_for_items(estate, lambda: catalogue_of(estate))
    return Work(estate, ledger.acting(caller), clock=ledger.clock, names=names)


@contextmanager
def opened_syncing(start: str | None) -> Iterator[tuple[Syncing, Mapping[str, Tracker]]]:
    """Open what brings trackers in, with the trackers that files declare."""
    from freehold.connect.outbound import outbound_from
    from freehold.connect.trackers import Syncing, trackers_of
    from freehold.estate import server_of

    estate = loaded(start)
    said = server_of(estate.root)
    with opened_ledger(estate) as ledger:
        outbound, address = outbound_from(said.get("outbound") or {}), str(said.get("url") or "").rstrip("/")
        yield Syncing(estate, ledger, outbound, address=address), trackers_of(estate)


def _tracker(trackers: Mapping[str, Tracker], id: str) -> Tracker:
    """Return a tracker by its id.

    Raises:
        FreeholdError: FH-X310 no file declares it.
    """
    if id not in trackers:
        fix = near(id, trackers) or (f"There are: {', '.join(trackers)}." if trackers else "`freehold schema Tracker`.")
        raise FreeholdError("FH-X310", f"No file declares a tracker `{id}`.", fix=fix, exit_code=Exit.USAGE)
    return trackers[id]


def _spoken(value: Any) -> str:
    """Return the value of a field as people read it: several one after the other."""
    if isinstance(value, list):
        return ", ".join(_spoken(one) for one in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _pairs(fields: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return what was given as NAME=VALUE, by name.

    Raises:
        FreeholdError: FH-W106 one has no `=`.
    """
    said = defaultdict[str, list[str]](list)
    for one in fields:
        name, equals, value = one.partition("=")
        if not equals or not name:
            fix = "Write it as `-f what='Churn by month'`."
            raise FreeholdError("FH-W106", f"`{one}` gives no field a value.", fix=fix, exit_code=Exit.USAGE)
        said[name].append(value)
    return said


def _target(work: Work, text: str) -> str:
    """Return the item that is meant by the end of its id, or what is named as it is: it may be no item."""
    end = text.rpartition("…")[2]
    return work.find(text).id if any(one.id.endswith(end) for one in work.items()) else text


def _answer(work: Work, item: Item, as_json: bool, done: str = "Now") -> None:
    from freehold.work.described import item_object

    told = item_object(work, item)
    if as_json:
        emit(told)
    else:
        say(f"{done}: {item.id}, {item.state}{_when_due(told)}.")


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    due = f"{one['due_at']:%Y-%m-%d %H:%M}" if one["due_at"] else ""
    late = "[red]late[/red]" if one["is_late"] else ""
    id_ = f"{one['type']}/…{one['id'][-12:]}"
    title = " ".join(one["title"].split())
    shown = f"{title[:_LONGEST_TITLE]}…" if len(title) > _LONGEST_TITLE else title
    return (id_, shown, one["state"], one["product"] or "", due, late)


def _when_due(one: Mapping[str, Any]) -> str:
    return f", due {one['due_at']:%Y-%m-%d %H:%M} UTC" if one["due_at"] else ""


items.add_command(measure)
items.add_command(tell)
