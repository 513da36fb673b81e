"""`freehold roadmap`: what is promised for when, what is at risk, in which order, and what was decided against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, loaded, opened_ledger
from freehold.cli.output import as_json, emit, put, say, table
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.insight.roadmap import Roadmap

GRAINS = ("week", "month", "quarter", "year")
_HEADS = ("item", "", "state", "product", "for", "due", "", "objectives")

grain_ = click.option(
    "--by", "grain", type=click.Choice(GRAINS), default="quarter", show_default=True, help="How long now and next are."
)
decision_ = click.option("--decision", default="", metavar="ID", help="The decision that lets it: ADR-0007.")
day_ = click.option("--by", "by", default=None, metavar="DAY", help="By which day: 2011-06-15; default: its end.")
level_ = click.option("--level", default="", metavar="WORD", help="How firmly, in a word that can be counted.")


@click.group(invoke_without_command=True, epilog="Example: freehold roadmap --format markdown -o ROADMAP.md")
@grain_
@click.option("--format", "form", type=click.Choice(("table", "markdown", "csv")), default="table", show_default=True)
@click.option("--output", "-o", type=click.Path(dir_okay=False, writable=True), help="Write to a file.")
@as_json
@click.pass_context
def roadmap(context: click.Context, grain: str, form: str, output: str | None, as_json: bool) -> None:
    """See the roadmap: what is now, next and later, what is late or at risk, and what was decided against, with why."""
    if context.invoked_subcommand is not None:
        return
    from freehold.insight.roadmap import as_csv, as_markdown, board_object

    with opened_roadmap(context.obj, grain) as (estate, found):
        told = board_object(found, found.board(), _objectives(estate))
    if as_json:
        emit(told)
    elif form != "table":
        _write(as_csv(told) if form == "csv" else as_markdown(told, estate.name), output)
    else:
        _print(told)


@roadmap.command(epilog="Example: freehold roadmap period 2011-Q2 --json")
@click.argument("period", required=False)
@grain_
@as_json
@click.pass_obj
def period(start: str | None, period: str | None, grain: str, as_json: bool) -> None:
    """Show what stood as promised when a PERIOD began, what became of it, and how predictable that makes delivery."""
    from freehold.insight import Asking, compute, kpi_named, kpis_of, period_named
    from freehold.insight.roadmap import promise_object
    from freehold.insight.telling import said

    with opened_roadmap(start, grain) as (estate, found):
        wanted = period_named(period, found.zone) if period else found.current
        items = found.work.items()
        told = [promise_object(found, one, items) for one in found.promises(wanted)]
        kpi = kpi_named(kpis_of(estate), "delivery-predictability")
        asking = Asking(chosen_environment(estate, None).name, found.zone)
        value = compute(kpi, found.ledger, wanted, asking=asking)
    if as_json:
        figures = {"value": value.value, "state": str(value.state), "n": value.n, **value.beside}
        emit({"period": wanted.name, "promises": told, "predictability": figures})
        return
    if told:
        rows = [(_short(o["id"]), o["title"] or "", o["due"], _KEPT[o["kept"]], _moment(o["delivered_at"]),
                 o["decision"] or "") for o in told]  # fmt: skip
        table(rows, ("item", "", "due", "is", "delivered", "decision"), least=(1, 4))
    figure = said(value.value, value.unit) if value.value is not None else f"{value.state}. {value.fix}"
    put(f"{wanted}: {len(told)} promised when it began. Predictability: {figure}")


@roadmap.command(epilog="Example: freehold roadmap commit 7c976bf46c69 2011-Q2 --by 2011-06-15")
@click.argument("item")
@click.argument("period")
@day_
@level_
@decision_
@as_json
@click.pass_obj
def commit(
    start: str | None, item: str, period: str, by: str | None, level: str, decision: str, as_json: bool
) -> None:  # fmt: skip
    """Promise an ITEM for a PERIOD. Once that has begun, it takes a decision, and is no part of its snapshot."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.commit(one.id, period, by=_day(by), level=level, decision=decision)
        _answer(found, one.id, as_json)


@roadmap.command(epilog="Example: freehold roadmap move 7c976bf46c69 2011-Q3 --decision ADR-0007")
@click.argument("item")
@click.argument("period")
@day_
@level_
@decision_
@as_json
@click.pass_obj
def move(
    start: str | None, item: str, period: str, by: str | None, level: str, decision: str, as_json: bool
) -> None:  # fmt: skip
    """Move the promise of an ITEM to another PERIOD; once its own has begun, by a decision."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.move(one.id, period, by=_day(by), level=level, decision=decision)
        _answer(found, one.id, as_json)


@roadmap.command(epilog="Example: freehold roadmap drop 7c976bf46c69 --decision ADR-0007")
@click.argument("item")
@decision_
@as_json
@click.pass_obj
def drop(start: str | None, item: str, decision: str, as_json: bool) -> None:
    """Take the promise of an ITEM back; once its period has begun, by a decision."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.drop(one.id, decision=decision)
        _answer(found, one.id, as_json)


@roadmap.command(epilog="Example: freehold roadmap flag 7c976bf46c69 --note 'The source moves in May.'")
@click.argument("item")
@click.option("--clear", is_flag=True, help="It no longer is.")
@click.option("--note", default="", metavar="TEXT", help="Why, in words; they can be erased later.")
@as_json
@click.pass_obj
def flag(start: str | None, item: str, clear: bool, note: str, as_json: bool) -> None:
    """Say that an ITEM is at risk of being late. Said 14 days before, its slip surprises nobody."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.flag(one.id, at_risk=not clear, note=note)
        _answer(found, one.id, as_json)


@roadmap.command(
    epilog="Example: freehold roadmap estimate 7c976bf46c69 --impact 1-2 --confidence 0.5-0.8 --effort 2-5"
)
@click.argument("item")
@click.option("--reach", metavar="LOW-HIGH", help="How many it reaches; default: as many as use its product.")
@click.option("--impact", required=True, metavar="LOW-HIGH", help="What it does for each of them, on any one scale.")
@click.option("--confidence", required=True, metavar="LOW-HIGH", help="How sure that is, from 0 to 1.")
@click.option("--effort", required=True, metavar="LOW-HIGH", help="What it takes, in one unit: weeks of a person.")
@as_json
@click.pass_obj
def estimate(start: str | None, /, item: str, as_json: bool, **said: str | None) -> None:
    """Say what an ITEM may bring and cost, each part as a range (RICE)."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.estimate(one.id, {name: _ends(name, text) for name, text in said.items() if text is not None})
        _answer(found, one.id, as_json)


@roadmap.command(epilog="Example: freehold roadmap rank --json")
@as_json
@click.pass_obj
def rank(start: str | None, as_json: bool) -> None:
    """Show open items in their order: the range of each score, and in how many of 1,000 draws each keeps its place."""
    from freehold.insight.roadmap import consumers_of, ranked_object

    with opened_roadmap(start) as (estate, found), found.ledger.evidence(found.now) as evidence:
        reach = consumers_of(evidence, chosen_environment(estate, None).name)
        items = found.items()
        order, unknown = found.ranking(reach, items)
        told = [ranked_object(found.work, one, items) for one in order]
        open_ = [{"id": one.id, "title": found.work.title(one)} for one in unknown]
    if as_json:
        emit({"items": told, "not_estimated": open_})
        return
    if told:
        heads = ("place", "item", "", "score", "from", "to", "keeps place", "top 3", "reach", "")
        table([_ranked(one) for one in told], heads, right=(0, 3, 4, 5, 6, 7, 8), least=(2, 8))
    for one in open_:
        put(f"Not estimated: {_short(one['id'])}, {one['title']}")
    if not told and not open_:
        say("Nothing is on the roadmap: freehold items new roadmap_item -f what=… -f problem=…")


@roadmap.command(epilog="Example: freehold roadmap place 7c976bf46c69 1 --decision ADR-0007")
@click.argument("item")
@click.argument("place", type=int, required=False)
@decision_
@as_json
@click.pass_obj
def place(start: str | None, item: str, place: int | None, decision: str, as_json: bool) -> None:
    """Give an ITEM another PLACE in the order than its estimate, by a decision; without PLACE, take that back."""
    with opened_roadmap(start) as (_, found):
        one = found.work.find(item)
        found.place(one.id, place, decision=decision)
        _answer(found, one.id, as_json)


@contextmanager
def opened_roadmap(start: str | None, grain: str = "quarter") -> Iterator[tuple[Estate, Roadmap]]:
    """Open the roadmap of the estate, as whoever sits at the shell may change it."""
    from freehold.cli.items import work_at
    from freehold.foundation import Caller
    from freehold.insight.roadmap import Roadmap

    estate = loaded(start)
    with opened_ledger(estate) as ledger:
        caller, zone = Caller.at_the_shell("work"), str(estate.defaults.get("timezone", "UTC"))
        yield estate, Roadmap(work_at(estate, ledger, caller), ledger.acting(caller), zone, grain)


_KEPT = {
    "kept": "[green]kept[/green]", "open": "open", "out by a decision": "out by a decision",
    "slipped": "[yellow]slipped[/yellow]", "slipped without a warning": "[red]slipped without a warning[/red]",
}  # fmt: skip


def _objectives(estate: Estate) -> list[str]:
    return [id_ for kind, id_ in estate.resources if kind == "Objective"]


def _print(told: dict[str, Any]) -> None:
    rows = [(horizon, *_row(one)) for horizon in ("now", "next", "later") for one in told[horizon]]
    if rows:
        table(rows, (told["period"], *_HEADS), least=(8, 4, 2))
    else:
        say("Nothing is on the roadmap: freehold items new roadmap_item -f what=… -f problem=…")
    for one in told["not_doing"]:
        put(f"Not doing: {one['title']}, since {one['since']:%Y-%m-%d}: {one['because'] or 'no reason is kept'}")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    risk = "[red]late[/red]" if one["is_late"] else "[yellow]at risk[/yellow]" if one["flagged_at"] else ""
    due, objectives = one["due"] or "", ", ".join(one["objectives"])
    return (
        _short(one["id"]), one["title"], one["state"], one["product"] or "", one["period"] or "", due, risk, objectives,
    )  # fmt: skip


def _ranked(one: dict[str, Any]) -> tuple[Any, ...]:
    from freehold.insight.telling import figure, rough

    low, high = one["range"]
    why = f"by {one['decision']}; {one['by_score']} by score" if one["decision"] else ""
    reach = "–".join(dict.fromkeys(figure(end) for end in one["reach"]))
    used = f"{reach} use it" if one["reach_from"] == "usage" else reach
    shares = (f"{one['keeps_place'] * 100:.0f} %", f"{one['in_top'] * 100:.0f} %")
    return (one["place"], _short(one["id"]), one["title"], *map(rough, (one["score"], low, high)), *shares, used, why)


def _answer(found: Roadmap, id_: str, as_json: bool) -> None:
    from freehold.insight.roadmap import board_object

    board = board_object(found, found.board([found.work.item(id_)]), ())
    (one,) = (one for horizon in ("now", "next", "later") for one in board[horizon])
    if as_json:
        emit(one)
    else:
        promised = f"promised for {one['period']}" if one["period"] else "promised for no period"
        due = f", due {one['due']}" if one["due"] else ""
        put(f"{id_}: {promised}{due}{', at risk' if one['flagged_at'] else ''}.")


def _ends(name: str, text: str) -> tuple[float, ...]:
    """Return the two ends of a range that is written as LOW-HIGH, or one figure for both.

    Raises:
        FreeholdError: FH-W426 it is neither.
    """
    try:
        ends = tuple(float(part) for part in text.replace("–", "-").split("-"))
    except ValueError:
        problem, fix = f"`{text}` of `{name}` is no range.", "Write LOW-HIGH, such as 2-5."
        raise FreeholdError("FH-W426", problem, fix=fix, exit_code=Exit.USAGE) from None
    return ends * 2 if len(ends) == 1 else ends


def _day(text: str | None) -> date | None:
    """Read a day.

    Raises:
        FreeholdError: FH-W424 it is none.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fix = "Write one such as 2011-06-15."
        raise FreeholdError("FH-W424", f"`{text}` is no day.", fix=fix, exit_code=Exit.USAGE) from None


def _short(id_: str) -> str:
    return f"…{id_[-12:]}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _write(text: str, output: str | None) -> None:
    if output is None:
        click.echo(text, nl=False)
    else:
        Path(output).write_text(text, encoding="utf-8", newline="")
