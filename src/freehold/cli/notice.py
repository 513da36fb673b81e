"""`freehold notice`: tell those who read an output what a change takes from them, before it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.changing import planned
from freehold.cli.opened import environment, ledger_around, loaded, opened_ledger
from freehold.cli.output import as_json, counted, emit, in_a_line, say, table
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.notices import Notice, Sent

FOLDER = ".freehold/notices"


@click.group(epilog="Example: freehold notice send --note 'We need this for the new tax rules.'")
def notice() -> None:
    """Give notice of a change to those who read what it takes away.

    What is sent is written as Markdown, a file a notice: mail it, or paste it where your consumers read. Freehold does
    not deliver it yet. It remembers to whom it was sent, about which version, and when that takes effect, which is what
    the rule `release/notice-is-given` asks for.
    """


@notice.command(epilog="Example: freehold notice send --dry-run")
@environment
@click.option("--note", default="", metavar="TEXT", help="A few words of your own, put into the text.")
@click.option("--dry-run", is_flag=True, help="Print the text; write and remember nothing.")
@as_json
@click.pass_obj
def send(start: str | None, env: str | None, note: str, dry_run: bool, as_json: bool) -> None:
    """Write the notices that the change here asks for, and remember that they were sent.

    One for each output of which a promise is broken, or that goes, to everybody who is known to read it: who did in the
    last 30 days, dashboards, products. It takes effect on the last day of the version that stays readable, or, where
    none does, after the notice of the tier. Ends with 1 where there is nobody to tell.
    """
    from freehold.delivery.notices import notices_of
    from freehold.foundation import SystemClock

    estate = loaded(start)
    with opened_ledger(estate) as ledger:
        found, before = planned(estate, env, ledger=ledger, tell=say)
        now = SystemClock().now()
        made = notices_of(found, before.estate if before else estate, now)
        if not made:
            raise FreeholdError(
                "FH-G007",
                "The change here takes nothing from anybody who is known to read it, so there is no notice to give.",
                fix="See `freehold plan`.",
            )
        written = {} if dry_run else {one.id: _written(Path(estate.root), one, note) for one in made}
        if not dry_run:
            ledger.append(*(one.event() for one in made))
    if as_json:
        emit({"notices": [_as_object(one, note, written.get(one.id)) for one in made]})
        return
    for one in made:
        if dry_run:
            click.echo(one.text(note))
        else:
            said = f"{one.id}: {one.asset}, to {counted(len(one.audience), 'consumers')}, in force {one.effective_on}"
            say(f"{said}; the text to send: {written[one.id]}")


@notice.command(epilog="Example: freehold notice remind --json")
@as_json
@click.pass_obj
def remind(start: str | None, as_json: bool) -> None:
    """Tell who reads what is to go and was not told yet; remind who has not answered, 30, 7 and 1 days before.

    A server does so by itself; without one, call it once a day.
    """
    from freehold.cli.deprecate import opened_announcing
    from freehold.leaving.announcing import open_deprecations

    with opened_announcing(start) as opened:
        told = {item.id: opened.announcing.tell(item) for item in open_deprecations(opened.work)}
    if as_json:
        emit({"told": {item: list(names) for item, names in told.items()}})
        return
    for item, names in told.items():
        say(f"{item}: {', '.join(names) or 'nobody new, and nobody to remind'}.")
    if not told:
        say("Nothing is announced to go.")


@notice.command("list", epilog="Example: freehold notice list --json")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List the notices that were sent, and who answered."""
    from freehold.delivery.notices import sent_notices

    with ledger_around(start) as ledger:
        found = sent_notices(ledger)
    if as_json:
        emit({"notices": [_sent_object(s) for s in found]})
        return
    if not found:
        say("No notice was sent yet.")
        return
    rows = [
        (
            s.id,
            f"{s.sent_at:%Y-%m-%d}",
            f"{s.topic} {s.version}".strip(),
            str(s.effective_on or ""),
            f"{len(s.answers)} of {len(s.audience)}",
            in_a_line(", ".join(name for name in s.audience if name not in s.answers)),
        )
        for s in found
    ]
    table(rows, ("notice", "sent", "about", "takes effect", "answered", "no answer of"), least=(5,))


@notice.command(epilog="Example: freehold notice ack n-1f2e3d4c5b --by user:idp/ana --action moved")
@click.argument("id")
@click.option("--by", required=True, metavar="CONSUMER", help="Who answers, as the notice names them.")
@click.option("--action", default="", metavar="WORD", help="What they did: moved, accepted, objects.")
@as_json
@click.pass_obj
def ack(start: str | None, id: str, by: str, action: str, as_json: bool) -> None:
    """Remember that a consumer answered notice ID."""
    from freehold.delivery.notices import acknowledgement, sent_notices

    with ledger_around(start) as ledger:
        event = acknowledgement(sent_notices(ledger), id, by, action)
        ledger.append(event)
    if as_json:
        emit(dict(event.data))
    else:
        say(f"{event.data['consumer']} answered {id}{f': {action}' if action else ''}.")


def _written(root: Path, one: Notice, note: str) -> str:
    path = root / FOLDER / f"{one.id}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text(note), encoding="utf-8")
    except OSError as error:
        raise FreeholdError(
            "FH-C012",
            f"The text of the notice could not be written to {path}: {error.strerror}; nothing was remembered.",
            fix="Make room, or give the right to write there.",
            exit_code=Exit.ENVIRONMENT,
        ) from error
    return path.relative_to(root).as_posix()


def _as_object(one: Notice, note: str, path: str | None) -> dict[str, Any]:
    return {
        "notice": one.id,
        "asset": one.asset,
        "product": one.product,
        "version": one.version or None,
        "audience": list(one.audience),
        "effective_on": one.effective_on,
        "plan": one.plan,
        "file": path,
        "text": one.text(note),
    }


def _sent_object(s: Sent) -> dict[str, Any]:
    return {
        "notice": s.id,
        "sent_at": s.sent_at,
        "topic": s.topic,
        "product": s.product,
        "version": s.version or None,
        "effective_on": s.effective_on,
        "audience": list(s.audience),
        "answers": dict(s.answers),
        "plan": s.plan or None,
    }
