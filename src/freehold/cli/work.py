"""`freehold work`: run what is due, as it falls due."""

from __future__ import annotations

import json
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, dialect_of, environment, estate_in_force, opened_ledger, waiting
from freehold.cli.output import as_json, counted, in_a_line, say
from freehold.cli.watched import Watching
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.delivery.scheduling import Worker

_WELL = ("success", "skipped")


@click.command(epilog="Example: freehold work --env prod --for 8h")
@click.option("--once", is_flag=True, help="Run what is due now, and end; 1 if a run did not go well.")
@click.option("--for", "length", default=None, metavar="1h", help="End after so long; default: when it is stopped.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=None,
    help="Steps of a run at once; default: one for each core.",
)
@environment
@waiting
@as_json
@click.pass_obj
def work(
    start: str | None,
    once: bool,
    length: str | None,
    concurrency: int | None,
    env: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Run what is due, as it falls due; as many workers as you like.

    It sleeps until the next time that a schedule names, a publication or a file that one waits for, runs that as
    `freehold run --select` would, and remembers how it ended. Meanwhile it watches what is wrong, late and over, and
    raises alerts of it. Each due run is taken by one worker; what a worker leaves
    that dies or hangs is taken over by another. Errors that may pass are tried again, three times in all.

    SIGTERM or Ctrl-C ends it after the step at hand; what was left is taken up by the next worker. With --json, every
    event is a line on stdout.
    """
    from freehold.cli.scheduled import AroundHere
    from freehold.connect.traces import tracing
    from freehold.delivery.scheduling import Worker

    until = datetime.now(UTC) + _length(length) if length else None
    estate = estate_in_force(start, env)
    chosen = chosen_environment(estate, env)
    log = Log(as_json=as_json)
    with tracing() as traces, opened_ledger(estate) as ledger, woken_by_signals() as (wait, on_signal):
        source = AroundHere(start, env, ledger, jobs=concurrency, wait_s=wait_s)
        watching = Watching(source.estate, ledger, chosen.name, dialect_of(estate, chosen))

        def tell(kind: str, about: Mapping[str, Any]) -> None:
            log(kind, about)
            if kind == "finished":
                watching.ran()
                if traces is not None and about.get("outcome") is not None:
                    traces.run(ledger, chosen.name, about["outcome"].run_id)

        worker = Worker(source, ledger, chosen.name, dialect_of(estate, chosen), tell=tell)
        on_signal.append(worker)
        if once:
            worker.step()
            watching.turn()
        else:
            log("ready", {"env": chosen.name})
            worker.work(watching.sleeping(wait), until)
        ledger.sign_off()
    log("ended", {"runs": worker.ran})
    if once:
        sys.exit(int(log.exit_code))


class Log:
    """Tells what a worker does: a line for people on stderr, or an object for machines on stdout."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._waiting = ""
        self.exit_code = Exit.DONE

    def __call__(self, kind: str, about: Mapping[str, Any]) -> None:
        """Tell one thing; a worker that waits for somebody says so once."""
        if kind == "finished" and about["status"] not in _WELL:
            self.exit_code = Exit.FINDING
        if kind in ("waiting", "unreached", "unread"):
            self.exit_code = self.exit_code or Exit.ENVIRONMENT
            said = in_a_line(str(about["error"]))
            if said == self._waiting:
                return
            self._waiting = said
        elif kind == "started":
            pass  # it may find the same again
        else:
            self._waiting = ""
        if self._as_json:
            click.echo(json.dumps(_plain(kind, about), ensure_ascii=False))
        else:
            say(f"{datetime.now():%H:%M:%S}  {_line(kind, about)}")  # noqa: DTZ005 - the clock on the wall here


def _line(kind: str, about: Mapping[str, Any]) -> str:
    name = about.get("schedule", "")
    if kind == "ready":
        return f"At work for `{about['env']}`; Ctrl-C ends it after the step at hand."
    if kind == "ended":
        return f"Ended after {counted(about['runs'], 'runs')}."
    if kind == "due":
        return f"{name} is due since {_when(about['due_at'])}" + _CAUSES.get(about["cause"], "")
    if kind == "missed":
        return f"{name} missed {_when(about['due_at'])}"
    if kind == "started":
        return f"{name} runs" + (f", attempt {about['attempt']}" if about["attempt"] > 1 else "")
    if kind == "finished":
        return f"{name} {_result(about)}"
    if kind == "retried":
        return f"{name} failed and is tried again at {_when(about['again_at'])}: {in_a_line(str(about['error']))}"
    if kind == "waiting":
        return f"{name} waits: {in_a_line(str(about['error']))}"
    if kind == "stopped":
        return f"{name} is left after a step; the next worker goes on with it."
    if kind == "lost":
        return f"{name} was taken over by another worker, which answers for it."
    if kind == "unread":
        return f"The estate cannot be read, so the schedules stay as they were: {in_a_line(str(about['error']))}"
    return f"The state cannot be reached: {in_a_line(str(about['error']))}"


_CAUSES = {"upstream": ", after what it reads was published", "file": ", since a file came"}


def _result(about: Mapping[str, Any]) -> str:
    if "error" in about:
        return f"failed: {in_a_line(str(about['error']))}"
    outcome = about["outcome"]
    if about["status"] == "skipped":
        return "had nothing new."
    by_status = dict.fromkeys(str(s.status) for s in outcome.steps)
    said = ", ".join(f"{sum(s.status == status for s in outcome.steps):,} {status}" for status in by_status)
    back = "".join(f" {one.product} was taken back." for one in about.get("taken", ()))
    return f"{about['status']}: {said} in {outcome.seconds:.1f} s.{back}"


def _when(at: datetime) -> str:
    return f"{at.astimezone():%a %d %b %H:%M}"


def _plain(kind: str, about: Mapping[str, Any]) -> dict[str, Any]:
    from freehold.cli.run import outcome_object

    said: dict[str, Any] = {"event": kind, "at": datetime.now(UTC).isoformat()}
    for key, value in about.items():
        if key == "outcome":
            said[key] = json.loads(json.dumps(outcome_object(value), default=str))
        elif isinstance(value, FreeholdError):
            said[key] = value.to_json()
        elif key == "taken":
            said[key] = [one.product for one in value]
        elif isinstance(value, list):
            said[key] = [v.isoformat() for v in value]
        else:
            said[key] = value.isoformat() if isinstance(value, datetime) else value
    return said


@contextmanager
def woken_by_signals() -> Iterator[tuple[Callable[[float], object], list[Worker]]]:
    """Give what sleeps until a signal comes, and a list of workers that SIGTERM and SIGINT ask to stop.

    The second such signal ends the process as it always would.
    """
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    workers: list[Worker] = []

    def ask(number: int, _: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        for worker in workers:
            worker.stop()

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    earlier = signal.set_wakeup_fd(there.fileno())
    try:
        for number in before:
            signal.signal(number, ask)
        yield lambda seconds: select.select([here], [], [], seconds), workers
    finally:
        signal.set_wakeup_fd(earlier)
        for number, handler in before.items():
            signal.signal(number, handler)
        here.close()
        there.close()


def _length(text: str) -> timedelta:
    from freehold.delivery.arrival import duration

    try:
        return duration(text)
    except ValueError as error:
        raise FreeholdError("FH-C008", f"--for: {error}.", fix="Write 30m, 8h or 7d.", exit_code=Exit.USAGE) from None
