"""The process of a job (`python -m freehold.cli.job`): a command, done in the name of whoever asked the server for it.

The server tells on standard input which job it is, and a secret whose hash stands with the job while it runs: whom this
process acts for is read there, and nowhere else. When the pipe ends, so does this process.
"""

from __future__ import annotations

import hmac
import json
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from freehold.ledger import Job


def main() -> NoReturn:
    """Do the job that standard input names, and end as its command does."""
    from freehold.cli import main as run
    from freehold.cli.reporting import report_to
    from freehold.foundation.caller import act_as
    from freehold.server.jobs.kinds import kind_of

    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the server's own shell made of it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # which the server let wait until it is heeded
    lifeline, told = _greeted()
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    job = _proven(str(told["job"]), str(told["secret"]))
    act_as(job.caller)
    report_to(int(told["reports"]))
    sys.argv = ["freehold", *kind_of(job.kind).words(job.arguments)]
    run(color=True if job.terminal.get("color") else None)
    sys.exit(0)


def _greeted() -> tuple[int, dict[str, Any]]:
    """Return the pipe that this process lives by, and what was said on it; commands find nothing on theirs."""
    lifeline = os.dup(0)
    os.set_inheritable(lifeline, False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    said = b""
    while not said.endswith(b"\n"):
        if not (read := os.read(lifeline, 1)):
            sys.exit(3)
        said += read
    told: dict[str, Any] = json.loads(said)
    os.set_inheritable(int(told["reports"]), False)
    return lifeline, told


def _end_with(lifeline: int) -> None:
    """End this process, and what it started, as soon as the server that answers for it is gone."""
    os.read(lifeline, 1)
    if os.getpgid(0) == os.getpid():  # a server begins it at the head of a group; by hand, the group is somebody else's
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _proven(id_: str, secret: str) -> Job:
    """Return the job that this process was begun for.

    Raises:
        FreeholdError: FH-A155 there is none that runs and was begun with this secret.
    """
    from freehold.foundation import Exit, FreeholdError
    from freehold.opening import ledger_around
    from freehold.server.jobs.child import proof_of

    with ledger_around(None) as ledger:
        job = ledger.jobs.get(id_)
    if job is None or job.state != "running" or not hmac.compare_digest(job.claim, proof_of(secret)):
        raise FreeholdError(
            "FH-A155",
            "This process does no job that a server began.",
            fix="Jobs are asked for at a server: on its pages, by its API, or by the commands themselves.",
            exit_code=Exit.USAGE,
        )
    return job


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # before the command began, which tells this itself
        sys.stderr.write("Stopped.\n")
        sys.exit(130)
    except Exception as error:
        from freehold.cli.ending import end

        end(error)
