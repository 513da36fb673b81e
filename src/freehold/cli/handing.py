"""Handing a command to the server that has the estate: done there as a job, shown here as though it were here.

Which commands are handed over is the list of `freehold.server.jobs.kinds`. What they print and the code they end with
are the job's own. Without a server, in a job, with `--here`, or where a command has to ask somebody, nothing is handed
over.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.core import ParameterSource

from freehold.cli.output import say
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.caller import is_a_job
from freehold.server.jobs.kinds import KINDS

if TYPE_CHECKING:
    from freehold.cli.counter import Counter

_STOPPED = 130  # as a shell says of what SIGINT ended
_ASKS = ("apply", "promote")  # on a terminal, without --yes
_MINE = "_is_handed_over"


def handing(first: str, command: click.Command) -> click.Command:
    """Return a command, or a group, that hands over what a server does as jobs; `first` is its first word."""
    for name in KINDS:
        words = name.split()
        if words[0] == first:
            found = command.commands[words[1]] if isinstance(command, click.Group) else command
            if found.callback is not None and not hasattr(found.callback, _MINE):
                found.callback = _handing(name, found.callback)
    return command


def _handing(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(own)
    def called(*args: Any, **params: Any) -> Any:
        context = click.get_current_context()
        counter = _counter(context, name, params)
        if counter is None:
            return own(*args, **params)
        given = {k: v for k, v in params.items() if context.get_parameter_source(k) is not ParameterSource.DEFAULT}
        given = {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
        _see_through(counter, name, given, context.find_object(str))

    setattr(called, _MINE, True)
    return called


def _counter(context: click.Context, name: str, params: dict[str, Any]) -> Counter | None:
    """Return where to hand a command over; None if it is to be done here."""
    if is_a_job() or context.find_root().params.get("here"):
        return None
    if name in _ASKS and not params.get("yes") and not params.get("as_json") and sys.stdin.isatty():
        return None
    from freehold.cli.counter import Counter
    from freehold.estate import find_estate

    start = context.find_object(str)
    return Counter.of(find_estate(Path(start) if start else None))


def _see_through(counter: Counter, name: str, given: dict[str, Any], start: str | None) -> NoReturn:
    """Have a job done and show it; end as it ends. Ctrl-C has it stopped, another leaves it to the server."""
    from freehold.cli.counter import Gone

    id_ = counter.ask(name, given, key=str(uuid.uuid4()), terminal=_terminal())
    shown = Shown(with_bar=not given.get("as_json") and sys.stderr.isatty())
    is_stopping = False
    while True:
        try:
            ended = counter.follow(id_, shown.said, shown.stands)
            break
        except Gone:
            ended = left_behind(id_, counter.after, start, shown)
            break
        except KeyboardInterrupt:
            if is_stopping:
                say(f"Left. Job {id_} is in the hands of the server: {counter.address}/jobs/{id_}")
                sys.exit(_STOPPED)
            is_stopping = True
            counter.cancel(id_)
        finally:
            shown.hide()
    _end(id_, ended, counter)


def left_behind(id_: str, after: int, start: str | None, shown: Shown) -> dict[str, Any]:
    """Show the rest of a job whose server is gone, if it had ended; else say what becomes of it.

    Raises:
        FreeholdError: FH-C015 it had not ended.
    """
    from freehold.opening import ledger_around

    with ledger_around(start) as ledger:
        job = ledger.jobs.get(id_)
        while job is not None and job.is_over and (pieces := ledger.jobs.said(id_, after)):
            after = pieces[-1].seq
            for piece in pieces:
                shown.said(piece.stream, piece.text)
    if job is not None and job.is_over:
        return {"state": job.state, "exit_code": job.exit_code, "attempt": job.attempt}
    raise FreeholdError(
        "FH-C015",
        f"The server ended before job {id_} did. What was published stays; the rest is done by the next server that "
        "is started.",
        fix="Start one: `freehold serve`.",
        exit_code=Exit.ENVIRONMENT,
    )


def _end(id_: str, ended: dict[str, Any], counter: Counter) -> NoReturn:
    if ended["state"] == "lost":
        raise FreeholdError(
            "FH-C016",
            f"The process of job {id_} was killed {ended['attempt']} times; it is not begun again.",
            fix=f"See {counter.address}/jobs/{id_}, and how much memory the machine has.",
            exit_code=Exit.ENVIRONMENT,
        )
    if ended["state"] == "cancelled":
        if ended["exit_code"] is None:
            say("Stopped. What was published before stays published; the next run goes on from there.")
        sys.exit(_STOPPED)
    sys.exit(int(ended["exit_code"]))


def _terminal() -> dict[str, Any]:
    """Return what the server has to know of this terminal to print as this process would."""
    told: dict[str, Any] = {}
    columns = os.environ.get("COLUMNS", "")
    if sys.stdout.isatty():
        told["columns"] = shutil.get_terminal_size().columns
    elif columns.isdigit():
        told["columns"] = int(columns)
    if "columns" in told:
        told["columns"] = min(max(told["columns"], 20), 1_000)
    if sys.stdout.isatty() and sys.stderr.isatty() and not os.environ.get("NO_COLOR"):
        told["color"] = True
    return told


class Shown:
    """Shows what a job says where it belongs, and how far it is as a bar in between."""

    def __init__(self, *, with_bar: bool) -> None:
        self._with_bar = with_bar
        self._bar: Any = None
        self._hindered = ""

    def said(self, stream: str, text: str) -> None:
        """Show a piece of output."""
        self.hide()
        target = sys.stdout if stream == "stdout" else sys.stderr
        target.write(text)
        target.flush()

    def stands(self, done: int, total: int, what: str, hindered: str) -> None:
        """Show how far it is, and once what keeps it from going on."""
        if hindered != self._hindered:
            self._hindered = hindered
            self.hide()
            say(f"Waits: {hindered} It goes on once that is mended." if hindered else "It goes on.")
        if not self._with_bar or not total:
            return
        if self._bar is None:
            from freehold.cli.run import bar

            self._bar = bar()
            self._bar.start()
            self._bar.add_task("building", total=total)
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, description=what or "building")

    def hide(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
