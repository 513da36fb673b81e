"""`freehold explain`: where a number comes from, and why it moved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, waiting
from freehold.cli.output import as_json, emit, put, table
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.cli.query import Asking
    from freehold.metrics.model import Metric
    from freehold.metrics.moving import Movement, Part

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{20,}")
_MOST_KEYS, _MOST_PARTS = 4, 4
Stretch = tuple[datetime, datetime]


@click.command(epilog="Example: freehold explain revenue --month 2011-09")
@click.argument("what", metavar="METRIC|QUERY")
@click.option("--month", metavar="MONTH", help="The month to explain, against the one before: 2011-09.")
@click.option("--from", "first", metavar="DAY", help="The first day to explain.")
@click.option("--to", "last", metavar="DAY", help="The last day, included.")
@click.option("--against", metavar="DAY", help="The first day of what to compare with; default: as long, just before.")
@click.option("--where", metavar="SQL", help="Which rows: a condition over fields.")
@click.option("--by", metavar="KEYS", help="What to take the change apart by; default: fields of few values.")
@environment
@waiting
@as_json
@click.pass_obj
def explain(
    start: str | None,
    /,
    what: str,
    month: str | None,
    first: str | None,
    last: str | None,
    against: str | None,
    where: str | None,
    by: str | None,
    env: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Explain a METRIC, or the answer of a QUERY by its id.

    With a stretch of time: what moved it against the one before, taken apart by keys, and what was changed, rolled back
    or held meanwhile. Always: its formula, the passes over rows, the data and the columns it is read from, and the SQL.
    """  # fmt: skip
    from freehold.cli.query import asking

    with asking(start, env, wait_s=wait_s) as asks:
        if _ID.fullmatch(what):
            said = _of_answer(asks, what)
        else:
            stretch = _stretches(month, first, last, against)
            said = _of_metric(asks, asks.catalogue.metric(what), stretch, where, by)
    if as_json:
        emit({key: value for key, value in said.items() if key != "movement"})
        return
    _print(said)


def _stretches(
    month: str | None, first: str | None, last: str | None, against: str | None
) -> tuple[Stretch, Stretch] | None:
    """Return the stretch before and the one to explain, or None where none is asked for."""
    from freehold.metrics import asked

    if month and (first or last):
        raise click.UsageError("--month and --from are two ways to say when; take one.")
    if not (month or first):
        return None
    query = asked(["x"], start=month or first, end=last or month or first)
    assert query.start is not None
    assert query.end is not None
    if against:
        begin = asked(["x"], start=against).start
        assert begin is not None
    elif month:
        from freehold.metrics.timing import Period

        begin = Period(months=1).before(query.start)
        return (begin, query.start), (query.start, query.end)
    else:
        begin = query.start - (query.end - query.start)
    return (begin, begin + (query.end - query.start)), (query.start, query.end)


def _of_metric(
    asks: Asking, metric: Metric, stretch: tuple[Stretch, Stretch] | None, where: str | None, by: str | None
) -> dict[str, Any]:
    from freehold.delivery.explaining import explained

    keys = [k.strip() for k in by.split(",")] if by else []
    found = explained(asks.answerer, asks.delivery, metric, stretch, where=where, by=keys)
    lines = [f"{h}; freehold deployments show {h.deployment}" if h.deployment else str(h) for h in found.happened]
    told = found.to_json() | ({"happened": lines} if stretch else {})
    return told | ({"movement": found.movement} if stretch else {})


def _of_answer(asks: Asking, id_: str) -> dict[str, Any]:
    """Return what was asked and answered under an id, and whether it would be answered so today."""
    from freehold.delivery.explaining import Explained, made_of
    from freehold.metrics import asked
    from freehold.metrics.recording import recalled

    kept = recalled(asks.delivery.ledger, id_)
    if kept is None:
        raise FreeholdError(
            "FH-N504", f"No answer with the id {id_} is remembered; it was never given, or its question was erased.",
            fix="Take the id from the last line of an answer.", exit_code=Exit.USAGE,
        )  # fmt: skip
    question = kept["question"]
    made = asks.answerer.compile(asked(**question))
    metric = asks.catalogue.metric(question["metrics"][0])
    now = {s.name: s.version for s in (asks.answerer.source(d) for d in made.datasets)}
    return {
        "query_id": id_,
        "question": {k: v for k, v in question.items() if v},
        "since": list(_since(asks, kept, now)),
        **Explained(made_of(asks.answerer, metric, made)).to_json(),
        "sql": kept["sql"],
    }


def _since(asks: Asking, kept: Mapping[str, Any], now: Mapping[str, str]) -> Iterator[str]:
    from freehold.metrics.fingerprint import definition_hash

    for id_, hash_ in kept["definitions"].items():
        try:
            current = definition_hash(asks.catalogue, asks.catalogue.metric(id_))
        except FreeholdError:
            yield f"`{id_}` is no longer defined."
            continue
        if current != hash_:
            yield f"The definition of `{id_}` is another one now: {current}, it was {hash_}."
    for name, version in kept["versions"].items():
        if name in now and now[name] != version:
            yield f"`{name}` has other rows now."


def _print(said: Mapping[str, Any]) -> None:
    if "moved" in said:
        _print_movement(said["metric"], said["moved"], said["movement"])
    for note in said["notes"]:
        put(click.style(f"\n{note}", fg="yellow"))
    if "moved" in said:
        _section("What happened meanwhile", said["happened"] or ["Nothing was changed, taken back or held."])
    if "question" in said:
        click.echo(f"{click.style('Asked', bold=True)}  {said['question']}")
        _section("Since then", said["since"] or ["The same question has the same answer today."])
    words = said["words"]
    told = f"{said['status']}, definition {said['definition']}, {said['file']}"
    click.echo(f"\n{click.style('What it is', bold=True)}  {told}")
    for key in ("description", "includes", "excludes"):
        if words.get(key):
            click.echo(f"  {key}: {words[key]}")
    for step in said["formula"]:
        click.echo(f"  {'  ' * step['depth']}{step['metric']} = {step['is']}")
    _section("Computed in", said["passes"])
    _section("From", [_source_line(s) for s in said["sources"]])
    if said["rollups"]:
        _section("Rollups", said["rollups"])
    _section("Columns", said["columns"])
    click.echo(f"\n{click.style('SQL', bold=True)}\n{said['sql']}")


def _section(title: str, lines: list[str]) -> None:
    click.echo(f"\n{click.style(title, bold=True)}")
    for line in lines:
        click.echo(f"  {line}")


def _source_line(source: Mapping[str, Any]) -> str:
    until = f", data up to {source['data_until']:%Y-%m-%d %H:%M}" if source["data_until"] else ""
    why = f" ({' '.join(source['reasons'])})" if source["reasons"] else ""
    return f"{source['asset']}: {source['state']}{until}{why}"


def _print_movement(metric: str, told: Mapping[str, Any], moved: Movement) -> None:
    from freehold.cli.answers import number

    unit = moved.metric.words.get("unit", "")

    def days(stretch: Mapping[str, Any]) -> str:
        return f"{stretch['from']:%d %b %Y} to before {stretch['to']:%d %b %Y}"

    def explains(cause: Part) -> str:
        share = moved.share(cause)
        if moved.trend != 1 and cause.own is not None:
            return _signed(cause.own, unit)
        return "" if share is None else percent(share)

    def value(amount: float | None) -> str:
        return "nothing" if amount is None else number(amount, unit) + (f" {unit}" if unit not in ("", "%") else "")

    share = f" ({percent(moved.change / abs(moved.before), 1, signed=True)})" if moved.before else ""
    click.echo(f"{click.style(metric, bold=True)}  {value(moved.after)}, {days(told['after'])}")
    change = f"{_signed(moved.change, unit)}{share}" if moved.is_comparable else "not comparable"
    click.echo(f"{' ' * len(metric)}  {value(moved.before)}, {days(told['before'])}: {change}")
    if moved.why_not:
        put(f"It is not taken apart: {moved.why_not}")
        return
    if moved.trend != 1:
        click.echo(f"\nMost of it moved by {percent(moved.trend - 1, signed=True)}, across the board.")
    if moved.causes:
        title = "What moved it" if moved.trend == 1 else "What moved otherwise"
        click.echo(f"\n{click.style(title, bold=True)}")
        causes = [
            (_slice(p), value(p.before), value(p.after), _signed(p.effect, unit), explains(p)) for p in moved.causes
        ]
        table(
            causes,
            ("where", "before", "after", "change", "explains" if moved.trend == 1 else "beside the trend"),
            right=(1, 2, 3, 4),
        )
        click.echo(f"Beside them: {'; '.join(f'{what} {_signed(amount, unit)}' for what, amount in moved.beside)}.")
    for name, parts in moved.keys[:_MOST_KEYS]:
        click.echo(f"\n{click.style(f'By {name}', bold=True)}")
        rows = [
            (str(_shown(p.values[0][1])), value(p.before), value(p.after), _signed(p.effect, unit))
            for p in parts[:_MOST_PARTS]
        ]
        rest = sum(p.effect for p in parts[_MOST_PARTS:])
        if parts[_MOST_PARTS:]:
            rows.append((f"[dim]{len(parts) - _MOST_PARTS} others[/dim]", "", "", _signed(rest, unit)))
        table(rows, ("", "before", "after", "effect"), right=(1, 2, 3))


def _slice(part: Part) -> str:
    return ", ".join(f"{key} = {_shown(value)}" for key, value in part.values)


def _shown(value: Any) -> Any:
    return "unknown" if value is None else value


def _signed(amount: float, unit: str) -> str:
    from freehold.cli.answers import number

    if unit == "%":
        return f"{amount * 100:+.2f} points"
    return ("+" if amount >= 0 else "-") + number(abs(amount), unit or "x")
