"""`freehold deprecate`: say that something goes, by when, why, and what to use instead; tell who reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment
from freehold.cli.output import as_json, counted, emit, in_a_line, put, say, table

if TYPE_CHECKING:
    from freehold.catalog import Consumer, Key
    from freehold.estate.model import Estate
    from freehold.leaving import Announcing, Told
    from freehold.work import Item, Work

_REASONS = ("duplicate", "unused", "replaced", "cost")


@click.command(
    epilog="Example: freehold deprecate sales.orders.daily --by 2027-03-31 --because 'Weeks are enough.' "
    "--replacement sales.orders.weekly"
)
@click.argument("name")
@click.option("--because", required=True, metavar="TEXT", help="Why, in words; they can be erased later.")
@click.option("--by", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Its last day.")
@click.option("--replacement", default="", metavar="NAME", help="What to use instead.")
@click.option("--reason", default=None, type=click.Choice(_REASONS), help="Why, in a word that can be counted.")
@click.option("--announce", is_flag=True, help="Announce it at once: tell everybody who reads it.")
@environment
@as_json
@click.pass_obj
def deprecate(
    start: str | None,
    name: str,
    because: str,
    by: datetime,
    replacement: str,
    reason: str | None,
    announce: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """Say that NAME goes: a product, an asset or a metric, by any of its names.

    It begins a work item of the type `deprecation`, and shows who reads it: people and programs of the last 30 days,
    and what stands on it in lineage. They are told when it is announced (`--announce`, or `freehold items move ID
    announce`), and it goes once nobody has read it for 14 days (`freehold items move ID retire`). What to write into
    its file is printed: git says that it is deprecated, too.
    """
    from freehold.leaving import fields_for

    why = reason or ("replaced" if replacement else "unused")
    with opened_announcing(start, env) as opened:
        fields, product = fields_for(
            opened.announcing.catalog, name, because=because, by=by.date(), today=opened.today,
            reason=why, replacement=replacement,
        )  # fmt: skip
        if announce:  # before anything is begun
            opened.work.expect_way("deprecation", "announce", fields, product=product)
        item = opened.work.create("deprecation", fields, product=product).item
        item = opened.work.move(item.id, "announce").item if announce else item
        told = opened.announcing.told(item)
        read_by = opened.announcing.consumers(item)
        lines = _to_declare(opened.estate, item)
    if as_json:
        emit(deprecation_object(item, read_by, told) | {"declare": lines})
        return
    say(f"Begun: {item.id}, {item.state}.")
    print_consumers(read_by, told)
    if lines:
        say("Say so in git, too:")
        for line in lines:
            click.echo(line)
    if not announce:
        say(f"Tell them: freehold items move {item.id} announce")


@dataclass(frozen=True, slots=True)
class Opened:
    """Work items that can be announced and retired, with what announces them."""

    estate: Estate
    work: Work
    announcing: Announcing
    today: date


@contextmanager
def opened_announcing(start: str | None, env: str | None = None, principal: str | None = None) -> Iterator[Opened]:
    """Open the work items of the estate, as whoever sits at the shell may move them, with who reads what goes."""
    from contextlib import ExitStack

    from freehold.catalog import Catalog
    from freehold.cli.catalog import opened_catalog
    from freehold.cli.opened import chosen_environment, loaded, opened_ledger
    from freehold.foundation import Caller
    from freehold.insight.naming import names_for_items
    from freehold.leaving import Announcing
    from freehold.metrics import catalogue_of
    from freehold.work import Work

    estate = loaded(start)
    caller = Caller(principal) if principal else Caller.at_the_shell("work")
    with ExitStack() as closing:
        acting = closing.enter_context(opened_ledger(estate)).acting(caller)
        found: list[Catalog] = []

        def catalog() -> Catalog:
            """Return the catalog, brought up to date the first time it is asked for."""
            if not found:
                opened = closing.enter_context(opened_catalog(start, env))
                opened.update_or_say()
                found.append(opened.catalog)
            return found[0]

        name = chosen_environment(estate, env).name
        announcing = Announcing(estate, acting, catalog, name, acting.clock)
        names = names_for_items(estate, lambda: catalogue_of(estate))
        work = Work(
            estate, acting, clock=acting.clock, handlers=announcing.handlers, named=announcing.named, names=names
        )
        yield Opened(estate, work, announcing, acting.clock.now().date())


def deprecation_object(item: Item, read_by: tuple[Consumer, ...], told: Told) -> dict[str, Any]:
    """Return a deprecation as JSON can hold it: who reads what goes, who was told, who answered."""
    return {
        "item": item.id,
        "state": item.state,
        "notice": told.notice,
        "consumers": [_consumer_object(one, told) for one in read_by],
        "told": list(told.first_at),
        "answers": dict(told.answers),
        "silent": list(told.silent),
    }


def _consumer_object(one: Consumer, told: Told) -> dict[str, Any]:
    return {**one.to_json(), "told_at": told.first_at.get(one.name), "notice": _notice(one.name, told) or None}


def _notice(name: str, told: Told) -> str:
    """Return what became of the notice to one consumer: what they answered, `told`, or nothing yet."""
    if name in told.answers:
        return told.answers[name] or "read"
    return "told" if name in told.first_at else ""


def print_consumers(read_by: tuple[Consumer, ...], told: Told) -> None:
    """Print who reads what goes, and what came of telling them."""
    if not read_by:
        put("Nobody read it in the last 30 days, and nothing stands on it.")
        return
    put(f"{counted(len(read_by), 'consumers')}:")
    rows = [
        (
            one.name,
            one.kind,
            f"{one.reads:,}" if one.last_on else "",
            str(one.last_on or "stands on it"),
            in_a_line(", ".join(one.via)),
            _notice(one.name, told),
        )
        for one in read_by
    ]
    table(rows, ("consumer", "", "reads", "last", "of", "notice"), least=(5,))


def _to_declare(estate: Estate, item: Item) -> list[str]:
    """Return what to write into which file, so that git says it, too."""
    from freehold.leaving import subject_of

    key, due = subject_of(item), str(item.fields["due"])
    other = str(item.fields.get("replacement") or "")
    if key is None:
        return []
    if key.kind == "metric":
        instead = f", replaced_by: {other}" if other else ""
        return [f"  in the metric {key.id}:  status: deprecated, sunset: {due}{instead}"]
    where = _place(estate, key)
    said = ["  status: deprecated, and the next minor version"]
    ours = [f'  - {{property: "freehold:replaced_by", value: {other}}}'] if other else []
    if key.kind == "product":
        ours = [f'  - {{property: "freehold:sunset", value: "{due}"}}', *ours]
    else:
        said += ["  slaProperties:", f'  - {{property: endOfLife, value: "{due}"}}']
    return [f"  {where}", *said, *(["  customProperties:", *ours] if ours else [])]


def _place(estate: Estate, key: Key) -> str:
    found = estate.contract_of(key.id) if key.kind == "asset" else None
    if found is not None:
        return str(found[0].where)
    return str(estate.products[key.id].where) if key.id in estate.products else f"the contract of {key.id}"
