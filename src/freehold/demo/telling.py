"""The story for a terminal, and the same facts for a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from freehold.demo.figure import Figure
from freehold.demo.story import Broken, Caught, Late, Protected, Story

if TYPE_CHECKING:
    from rich.console import Console

    from freehold.demo.blamed import Blamed

_COUNT = {0: "No", 1: "One", 2: "Two", 3: "Three"}
_MOST_CHECKS = 3


def print_story(story: Story, console: Console, zone: tzinfo = UTC) -> None:
    """Print what was caught, the three with figures at length and the rest in a line each; moments in a time zone."""
    told = story.told
    if not told:
        console.print("\nEvery file passed its checks: there is no story to tell.")
    else:
        noun = "file" if len(told) == 1 else "files"
        console.print(
            f"\n[bold]{_COUNT.get(len(told), str(len(told)))} {noun} went wrong on the way. Nobody read "
            f"{'it' if len(told) == 1 else 'them'}.[/bold]"
        )
    for number, caught in enumerate(told, start=1):
        _print_caught(number, caught, console, zone)
    for one in story.blamed:
        _print_blamed(one, console, zone)
    rest = [c for c in story.caught if c not in told]
    if rest or story.late:
        console.print("\n[bold]Also[/bold]")
    for caught in rest:
        console.print(f"  {_day(caught.day)}  {_short(caught.reason) or 'kept from consumers'}")
    for late in story.late:
        console.print(f"  {_late(late)}")
    if told or story.blamed:
        console.print(f"\n[dim]Times are those of {zone}; commands tell them in UTC.[/dim]")
    if any(c.protected for c in told):
        console.print(
            "[dim]The consumers are simulated: they ran real queries each morning, nobody sat behind them.[/dim]"
        )


def story_json(story: Story) -> dict[str, Any]:
    """Return the facts of the story as JSON can hold them."""
    return {
        "caught": [_caught_json(c) for c in story.caught],
        "late": [_late_json(x) for x in story.late],
        "blamed": [_blamed_json(x) for x in story.blamed],
    }


def _print_caught(number: int, caught: Caught, console: Console, zone: tzinfo) -> None:
    righted = caught.recovered_at
    back = f"right again {_moment(righted, zone)}" if righted else "still waiting for the right file"
    console.print(
        f"\n[bold]{number}  {_day(caught.day)}[/bold]  {caught.asset}  "
        f"[dim]caught {_moment(caught.caught_at, zone)}, {back}[/dim]"
    )
    for label, lines in _paragraphs(caught, zone):
        for index, line in enumerate(lines):
            console.print(f"   [cyan]{label if index == 0 else '':<13}[/cyan] {line}", soft_wrap=False)


def _print_blamed(one: Blamed, console: Console, zone: tzinfo) -> None:
    place, of = one.place
    readers = f"{one.readers} consumer{'' if one.readers == 1 else 's'}"
    back = f"taken back in one step {_moment(one.taken_back_at, zone)}" if one.taken_back_at else "not taken back"
    told = f", an update drafted and approved for {', '.join(one.told)}" if one.told else ""
    over = f", over {_moment(one.over_at, zone)}" if one.over_at else ""
    learned = f", its postmortem signed {_moment(one.learned_at, zone)}" if one.learned_at else ""
    console.print("\n[bold]One change was wrong though every check passed.[/bold]")
    said = (
        (
            "What it did",
            f"{one.said}, live {_moment(one.live_at, zone)}: {readers} read {_of_day(one.figure, one.day)}",
        ),
        ("Who found it", f"{one.sign}; the change is suspect {place} of {of}, found {_moment(one.found_at, zone)}"),
        ("What then", f"{back}{told}{over}{learned}"),
        ("Look at it", f"[bold]{one.look}[/bold]"),
    )
    for label, line in said:
        console.print(f"   [cyan]{label:<13}[/cyan] {line}", soft_wrap=False)


def _paragraphs(caught: Caught, zone: tzinfo) -> Iterable[tuple[str, list[str]]]:
    broke = [_failure(b) for b in caught.broken[:_MOST_CHECKS]]
    more = len(caught.broken) - _MOST_CHECKS
    if more > 0:
        broke.append(f"[dim]and {more} more {'check' if more == 1 else 'checks'}[/dim]")
    yield "What broke", broke or [_short(caught.reason)]
    if caught.figure:
        yield "Would have", [_figure(caught.figure, caught.day)]
    else:
        why = "its rows hold no money" if caught.recovered_at else "the right file has not come yet"
        yield "Would have", [f"no figure: {why}"]
    if caught.protected:
        readers = ", ".join(f"{p.name} [dim]({p.reads})[/dim]" for p in caught.protected)
        yield "Protected", [f"{readers} [dim]· simulated consumers, with how often they read meanwhile[/dim]"]
        yield "They kept", list(_kept(caught.protected, zone))
    else:
        yield "Protected", ["nobody read these ports in the meantime"]
    yield "Look at it", [f"[bold]{caught.look}[/bold]"]


def _figure(figure: Figure, day: date) -> str:
    return f"been read: {_of_day(figure, day)}"


def _of_day(figure: Figure, day: date) -> str:
    percent = f", {_signed(figure.percent)} %" if figure.percent is not None else ""
    return (
        f"revenue of [bold red]£{figure.wrong:,.2f}[/bold red] for {_day(day)} instead of "
        f"[bold green]£{figure.right:,.2f}[/bold green] [dim]({_pounds(figure.difference)}{percent})[/dim]"
    )


def _failure(broken: Broken) -> str:
    """Return what a check found; its bound is named only where the claim does not say it."""
    if broken.rows:
        return f"{_sentence(broken.claim)} Not so for [bold]{broken.rows}[/bold]."
    told = all(number in broken.claim for number in re.findall(r"\d+", broken.bound))
    bound = "" if told else f", and {broken.bound}"
    return f"{_sentence(broken.claim)} [bold]It was {broken.measured}[/bold]{bound}."


def _kept(protected: Iterable[Protected], zone: tzinfo) -> Iterable[str]:
    """Yield one line for each version that was kept, with the ports that showed it."""
    versions: dict[tuple[datetime, date | None, str], set[str]] = {}
    for reader in protected:
        for kept in reader.kept:
            versions.setdefault((kept.published_at, kept.through, kept.deployment), set()).add(kept.port)
    for (published_at, through, deployment), ports in sorted(versions.items(), key=lambda v: v[0][0]):
        names = ", ".join(sorted(port.rpartition(".")[2] for port in ports))
        yield (
            f"{names} as published {_moment(published_at, zone)}{f', data through {_day(through)}' if through else ''} "
            f"[dim](deployment …{deployment[-12:]})[/dim]"
        )


def _late(late: Late) -> str:
    days = "one day" if late.days_late == 1 else f"{late.days_late} days"
    file = f"the file of {late.asset} came {days} late"
    return f"{_day(late.day)}  {file}; what was live stayed, and the day went in when it came"


def _short(reason: str) -> str:
    """Return the sentence of an error that says what is wrong, without its code and its remedy."""
    lines = [line for line in reason.splitlines() if line and not line.startswith(("FH-", "Fix:"))]
    return " ".join(lines)


def _sentence(claim: str) -> str:
    return claim if claim.endswith((".", "!", "?")) else f"{claim}."


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"


def _moment(instant: datetime, zone: tzinfo) -> str:
    there = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(zone)
    return f"{there.day} {there:%b %H:%M}"


def _pounds(amount: Decimal) -> str:
    return f"{'+' if amount >= 0 else '−'}£{abs(amount):,.2f}"


def _signed(percent: Decimal | None) -> str:
    number = percent or Decimal(0)
    return f"{'+' if number >= 0 else '−'}{abs(number):,.0f}"


def _caught_json(caught: Caught) -> dict[str, Any]:
    figure = caught.figure
    return {
        "day": caught.day,
        "asset": caught.asset,
        "candidate": caught.candidate,
        "caught_at": caught.caught_at,
        "recovered_at": caught.recovered_at,
        "broke": [
            {"check": b.check, "claim": b.claim, "measured": b.measured, "bound": b.bound} for b in caught.broken
        ],
        "reason": caught.reason,
        "figure": _figure_json(figure) if figure else None,
        "protected": [_protected_json(p) for p in caught.protected],
        "look": caught.look,
    }


def _figure_json(figure: Figure) -> dict[str, Any]:
    return {
        "name": "revenue of the day",
        "unit": "GBP",
        "would_have_been_read": figure.wrong,
        "right": figure.right,
        "difference": figure.difference,
        "percent": round(figure.percent, 1) if figure.percent is not None else None,
    }


def _blamed_json(one: Blamed) -> dict[str, Any]:
    return {
        "incident": one.incident, "said": one.said, "live_at": one.live_at, "sign": one.sign, "found_at": one.found_at,
        "suspect": one.place[0], "suspects": one.place[1], "day": one.day,
        "figure": {("was_read" if k == "would_have_been_read" else k): v for k, v in _figure_json(one.figure).items()},
        "readers": one.readers, "taken_back_at": one.taken_back_at, "told": list(one.told), "over_at": one.over_at,
        "learned_at": one.learned_at, "look": one.look,
    }  # fmt: skip


def _protected_json(protected: Protected) -> dict[str, Any]:
    return {
        "consumer": protected.consumer,
        "name": protected.name,
        "simulated": True,
        "reads": protected.reads,
        "kept": [
            {"port": k.port, "deployment": k.deployment, "published_at": k.published_at, "through": k.through}
            for k in protected.kept
        ],
    }


def _late_json(late: Late) -> dict[str, Any]:
    return {"day": late.day, "asset": late.asset, "arrived_at": late.arrived_at, "days_late": late.days_late}
