"""`freehold jobs`: what a server was asked to do in the background; how it stands, what it said, and stopping it.

Jobs stand in the state, so they are seen with a server and without one. To cancel one goes through the server, which
stops what runs; without one, the next server begins it no more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.output import ago, as_json, emit, say, table

if TYPE_CHECKING:
    from freehold.cli.counter import Counter
    from freehold.foundation import FreeholdError
    from freehold.ledger import Job, Ledger
    from freehold.ledger.jobs import Said

_STATES = ("queued", "running", "done", "failed", "cancelled", "lost")
_COLOURS = {"queued": "dim", "running": "cyan", "done": "green", "failed": "red", "cancelled": "dim", "lost": "red"}
_STOPPED = 130
_SEARCHED = 5_000  # of the newest jobs, for one whose id ends so


@click.group(epilog="Example: freehold jobs list")
def jobs() -> None:
    """See what a server does in the background: list, show, follow, cancel."""


@jobs.command("list", epilog="Example: freehold jobs list --state queued --state running")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only those; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@as_json
@click.pass_obj
def list_(start: str | None, states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    from freehold.cli.opened import ledger_around

    with ledger_around(start) as ledger:
        found = ledger.jobs.all(states=states, limit=limit)
        is_served = ledger.jobs.is_shared or _is_served(start)
    if as_json:
        emit({"jobs": [_as_object(job) for job in found]})
        return
    if not found:
        say("No such job." if states else "No job was asked for in the last thirty days.")
        return
    rows = [
        (f"…{job.id[-12:]}", _state(job, is_served), _words(job), f"{job.asked_at:%Y-%m-%d %H:%M}",
         _lasted(job), job.caller.principal, _last(job))
        for job in found
    ]  # fmt: skip
    table(rows, ("job", "", "what", "asked (UTC)", "took", "by", "said last"), right=(4,), least=(6, 5))
    if not is_served and not all(job.is_over for job in found):
        say("No server works on them: the next one begins what waits, and again what ran: freehold serve")


@jobs.command(epilog="Example: freehold jobs show 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def show(start: str | None, id: str, as_json: bool) -> None:
    """Show how job ID stands and what it said so far; the last characters of an id will do.

    What it said on standard output goes there, and the rest to standard error.
    """
    from freehold.cli.opened import ledger_around

    with ledger_around(start) as ledger:
        job = _found(ledger, id)
        said = list(_said(ledger, job))
    _tell(job, said, as_json=as_json)


@jobs.command(epilog="Example: freehold jobs follow 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def follow(start: str | None, id: str, as_json: bool) -> None:
    """Show what job ID says as it says it, from its beginning, and end as it ends.

    Ctrl-C leaves it to the server. Where no server works on it, what it said so far is shown, and that it waits.
    """
    from freehold.cli.opened import ledger_around

    with ledger_around(start) as ledger:
        job = _found(ledger, id)
    counter = _counter(start)
    if counter is not None and not job.is_over:
        _follow(counter, job, start, silently=as_json)
    with ledger_around(start) as ledger:
        job = _found(ledger, job.id)
        _tell(job, list(_said(ledger, job)), as_json=as_json)
    if not job.is_over:
        raise _waits(job)
    sys.exit(_code(job))


@jobs.command(epilog="Example: freehold jobs cancel 7c976bf46c69")
@click.argument("id")
@as_json
@click.pass_obj
def cancel(start: str | None, id: str, as_json: bool) -> None:
    """Take job ID back if it waits; stop it as by Ctrl-C if it runs: what it had published stays."""
    from freehold.cli.opened import ledger_around
    from freehold.foundation import Caller

    with ledger_around(start) as ledger:
        job = _found(ledger, id)
        counter = _counter(start)
        if job.is_over:
            now = job
        elif counter is not None:
            counter.cancel(job.id)
            now = _found(ledger, job.id)
        else:
            now = ledger.jobs.cancel(job.id, Caller.at_the_shell().principal) or job
    if as_json:
        emit({"job": _as_object(now)})
    elif job.is_over:
        say(f"Job {job.id} had ended: {job.state}.")
    elif now.is_over:
        say(f"Job {job.id} is taken back: {now.state}.")
    elif counter is not None:
        say(f"Job {job.id} is being stopped; `freehold jobs follow {job.id[-12:]}` shows how it ends.")
    else:
        say(f"Job {job.id} ran when its server ended; no other begins it again.")


def _follow(counter: Counter, job: Job, start: str | None, *, silently: bool) -> None:
    """Wait for the end of a job, and show what it says meanwhile; then this process ends as it did."""
    from freehold.cli.counter import Gone
    from freehold.cli.handing import Shown, left_behind

    shown = Shown(with_bar=sys.stderr.isatty() and not silently)
    try:
        counter.follow(job.id, *((_nothing, _nothing) if silently else (shown.said, shown.stands)))
    except Gone:
        left_behind(job.id, counter.after, start, shown)
    except KeyboardInterrupt:
        say(f"Left. Job {job.id} is in the hands of the server: {counter.address}/jobs/{job.id}")
        sys.exit(_STOPPED)
    finally:
        shown.hide()
    if not silently:
        sys.exit(_code(_again(start, job.id)))


def _nothing(*_: object) -> None:
    """Show nothing of it."""


def _again(start: str | None, id_: str) -> Job:
    from freehold.cli.opened import ledger_around

    with ledger_around(start) as ledger:
        return _found(ledger, id_)


def _waits(job: Job) -> FreeholdError:
    from freehold.foundation import Exit, FreeholdError

    return FreeholdError(
        "FH-C015",
        f"No server works on job {job.id}: it is {job.state}, and the next server goes on with it.",
        fix="Start one: `freehold serve`.",
        exit_code=Exit.ENVIRONMENT,
    )


def _code(job: Job) -> int:
    """Return the exit code that a job's end means: its command's own, where it had one."""
    if job.exit_code is not None:
        return job.exit_code
    return _STOPPED if job.state == "cancelled" else 3


def _counter(start: str | None) -> Counter | None:
    from freehold.cli.counter import Counter
    from freehold.estate import find_estate

    if click.get_current_context().find_root().params.get("here"):
        return None
    return Counter.of(find_estate(Path(start) if start else None))


def _found(ledger: Ledger, id_: str) -> Job:
    """Return the job of an id, or the one whose id ends so.

    Raises:
        FreeholdError: FH-A154 there is none, or several end so.
    """
    from freehold.foundation import Exit, FreeholdError

    if (exact := ledger.jobs.get(id_)) is not None:
        return exact
    ending = id_.removeprefix("…")
    several = [job for job in ledger.jobs.all(limit=_SEARCHED) if ending and job.id.endswith(ending)]
    if len(several) == 1:
        return several[0]
    problem = f"{len(several)} jobs end in `{ending}`." if several else f"There is no job `{id_[:80]}`."
    raise FreeholdError("FH-A154", problem, fix="See `freehold jobs list`.", exit_code=Exit.USAGE)


def _said(ledger: Ledger, job: Job) -> Iterable[Said]:
    after = 0
    while pieces := ledger.jobs.said(job.id, after):
        yield from pieces
        after = pieces[-1].seq


def _tell(job: Job, said: Sequence[Said], *, as_json: bool) -> None:
    if as_json:
        emit({"job": _as_object(job), "output": [{"stream": one.stream, "text": one.text} for one in said]})
        return
    say(click.style(f"{job.id}: {_words(job)}, {job.state}, asked for by {job.caller.principal}", bold=True))
    for one in said:
        click.echo(one.text, nl=False, err=one.stream != "stdout")


def _words(job: Job) -> str:
    """Return the command that a job is, as one would type it."""
    import shlex

    from freehold.foundation import FreeholdError
    from freehold.server.jobs.kinds import kind_of

    try:
        return shlex.join(kind_of(job.kind).words(job.arguments))
    except FreeholdError:  # of another version of Freehold, which knew more kinds
        return job.kind


def _lasted(job: Job) -> str:
    if job.started_at is None:
        return ""
    return ago(job.ended_at - job.started_at) if job.ended_at else f"{job.progress.done}/{job.progress.total or '?'}"


def _is_served(start: str | None) -> bool:
    """Whether a server of this machine has the estate, so that what waits and runs is in its hands."""
    from freehold.estate import find_estate
    from freehold.foundation.owning import owner_of

    return owner_of(find_estate(Path(start) if start else None)) is not None


def _state(job: Job, is_served: bool) -> str:
    """Return a state as the list shows it: what ran when its server ended does not run any more."""
    is_left = job.state == "running" and not is_served
    return "[dim]left[/]" if is_left else f"[{_COLOURS[job.state]}]{job.state}[/]"


def _last(job: Job) -> str:
    errors = job.result.get("errors")
    return str(errors[0].get("title", "") if errors else job.result.get("said", ""))[:120]


def _as_object(job: Job) -> dict[str, Any]:
    same = ("id", "kind", "env", "state", "asked_at", "started_at", "ended_at", "attempt", "exit_code")
    return {name: getattr(job, name) for name in same} | {
        "arguments": dict(job.arguments),
        "asked_by": job.caller.principal,
        "assurance": job.caller.assurance,
        "done": job.progress.done,
        "total": job.progress.total,
        "what": job.progress.what,
        "cancelling": job.is_unwanted and not job.is_over,
        "result": dict(job.result),
    }
