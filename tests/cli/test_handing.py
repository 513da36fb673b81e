"""Commands while a server has the estate: done there as jobs, in the caller's name, and shown here as without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from freehold.cli import COMMANDS, HANDED_OVER, cli
from freehold.foundation import Caller
from freehold.foundation.owning import PLACE, TOKEN_PLACE
from freehold.opening import ledger_around
from freehold.server.jobs.kinds import KINDS, Kind
from live_process import FREEHOLD, Server, freehold, served, until, with_days

VARIES = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{12}\b|\d+(\.\d+)?(e-\d+)? ?(s|ms)\b"
    r"|\"(seconds|cost_s)\": [\d.e-]+|\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)"
)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An estate that nobody has built; to be copied."""
    root = tmp_path_factory.mktemp("handed") / "shop"
    assert freehold(root.parent, "init", str(root)).returncode == 0
    return root


@pytest.fixture
def shop(fresh: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(fresh, tmp_path / "shop"))


def jobs_of(root: Path) -> list[Any]:
    """Return the jobs of an estate that nobody serves, the newest first."""
    with ledger_around(str(root)) as ledger:
        return list(ledger.jobs.all())


def _commands() -> Iterator[tuple[Kind, click.Command]]:
    for kind in KINDS.values():
        first, *rest = kind.name.split()
        command = cli.get_command(click.Context(cli), first)
        if rest:
            assert isinstance(command, click.Group)
            command = command.commands[rest[0]]
        assert command is not None
        yield kind, command


@pytest.mark.parametrize(("kind", "command"), list(_commands()), ids=list(KINDS))
def test_a_kind_takes_what_its_command_takes(kind: Kind, command: click.Command) -> None:
    """Each parameter by its name, with its option and form; nothing else."""
    forms = {}
    for one in command.params:
        is_option = isinstance(one, click.Option)
        option = next((o for o in one.opts if o.startswith("--")), "") if is_option else ""
        is_flag = isinstance(one, click.Option) and one.is_flag
        is_number = isinstance(one.type, click.types.IntParamType | click.types.FloatParamType)
        form = "flag" if is_flag else "texts" if one.multiple or one.nargs == -1 else "number" if is_number else "text"
        forms[one.name] = (form, option, bool(one.required))

    assert {a.name: (a.form, a.option, a.is_required) for a in kind.arguments} == forms


def test_the_first_words_are_those_of_the_kinds() -> None:
    """The command line knows which commands to hand over without importing the server."""
    assert {kind.split()[0] for kind in KINDS} == HANDED_OVER
    assert set(COMMANDS) >= HANDED_OVER


def test_commands_say_the_same_with_a_server_and_without(fresh: Path, tmp_path: Path) -> None:
    """Standard output, standard error and the exit code, of what ends well, finds something, or is refused."""
    beside = Path(shutil.copytree(fresh, tmp_path / "a" / "shop"))
    handed = Path(shutil.copytree(fresh, tmp_path / "b" / "shop"))
    script = (
        ["run"],
        ["run", "--json"],
        ["run", "--select", "nope"],
        ["check", "--select", "shop.orders.orders", "--all"],
        ["rollback", "shop.orders", "--why", "-- 'quoted' \N{POUND SIGN}"],
        ["deployments", "rollback", "nothing"],
        ["promote", "prod", "prod"],
        ["collect", "--dry-run", "--keep", "1"],
    )
    told = [freehold(beside, *words) for words in script]
    with served(handed) as server:
        shown = [freehold(handed, *words) for words in script]
        ids = [json.loads(line)["id"] for line in server.log.read_text().splitlines() if '"ended' in line]
    for words, without, with_ in zip(script, told, shown, strict=True):
        assert with_.returncode == without.returncode, words
        assert VARIES.sub("…", with_.stdout) == VARIES.sub("…", without.stdout), words
        assert VARIES.sub("…", with_.stderr) == VARIES.sub("…", without.stderr), words
    assert len(set(ids)) == len(script)
    assert {job.caller.assurance for job in jobs_of(handed)} == {"local"}


def published_by(root: Path) -> set[tuple[str, str]]:
    """Return in whose name anything was published, and how surely that was known."""
    with ledger_around(str(root)) as ledger:
        return {(event.actor, event.assurance) for event in ledger.read(types="asset.published")}


def test_what_a_command_hands_over_is_recorded_in_the_name_of_its_user(shop: Path) -> None:
    """Under `local`, whatever the environment of the command says."""
    with served(shop):
        environ = {**os.environ, "FREEHOLD_ASSURANCE": "oidc", "FREEHOLD_CALLER": "user:idp/anna"}
        assert freehold(shop, "run", env=environ).returncode == 0

    assert published_by(shop) == {(Caller.at_the_shell().principal, "local")}


def test_a_job_acts_for_whoever_asked_as_surely_as_they_were_known(shop: Path) -> None:
    """Not for the user that the server runs as."""
    with ledger_around(str(shop)) as ledger:
        asked = ledger.jobs.ask("run", {}, Caller("user:idp/anna", ("group:idp/sales",), assurance="oidc"))
    with served(shop) as server:
        assert server.ended(asked.id)["state"] == "done"

    assert published_by(shop) == {("user:idp/anna", "oidc")}


def test_here_goes_beside_the_server(shop: Path) -> None:
    """With `--here` no job is made; the server lets go of the warehouse for it."""
    with served(shop):
        done = freehold(shop, "--here", "run")
    assert done.returncode == 0, done.stderr
    assert jobs_of(shop) == []


def test_ctrl_c_stops_the_job_and_a_second_one_leaves_it(shop: Path) -> None:
    """As without a server: 130, and what was published stays. Left alone, the server goes on."""
    with_days(shop, 150)
    with served(shop) as server:
        for times, state in ((1, "cancelled"), (2, "cancelled")):
            child = subprocess.Popen(
                [str(FREEHOLD), "-C", str(shop), "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who runs the tests may ignore it
            )  # fmt: skip
            job = until(lambda n=times: len(_listed(server)) == n and _listed(server)[0], "it was asked for")  # type: ignore[misc]
            until(lambda i=job["id"]: server.job(i)["done"] > 3, "it works")  # type: ignore[misc]
            for _ in range(times):
                child.send_signal(signal.SIGINT)
                if times == 2:
                    until(
                        lambda i=job["id"]: server.job(i)["cancelling"] or server.job(i)["state"] != "running", "heard"
                    )  # type: ignore[misc]
            _, said = child.communicate(timeout=60)
            assert child.returncode == 130, said
            assert "Stopped." in said or "Left." in said
            assert "Traceback" not in said
            assert server.ended(job["id"])["state"] == state


def _listed(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.get("/api/v1/jobs").json()["items"]
    return found


def test_a_server_that_dies_is_told_with_what_becomes_of_the_job(shop: Path) -> None:
    """The command ends at once, and the next server does the job."""
    with_days(shop, 150)
    with served(shop) as server:
        child = subprocess.Popen(
            [str(FREEHOLD), "-C", str(shop), "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        job = until(lambda: _listed(server) and _listed(server)[0], "it was asked for")["id"]
        until(lambda: server.job(job)["done"] > 3, "it works")
        server.end(signal.SIGKILL)
        _, said = child.communicate(timeout=60)
    assert (child.returncode, "FH-C015" in said, job in said) == (3, True, True), said
    with served(shop) as server:
        assert server.ended(job)["state"] == "done"


def test_what_a_dead_server_left_stops_nobody(shop: Path) -> None:
    """A lock file and a token that a killed server left: the command is done here, at once."""
    with served(shop) as server:
        token = shop / TOKEN_PLACE
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        server.end(signal.SIGKILL)
    assert token.exists()
    assert (shop / PLACE).read_text()
    assert freehold(shop, "run").returncode == 0
    assert jobs_of(shop) == []
    with served(shop) as server:
        assert freehold(shop, "check").returncode == 0
        assert server.end() == 0
    assert not token.exists()
    assert len(jobs_of(shop)) == 1


def test_a_server_that_hangs_is_named(shop: Path) -> None:
    """Not waited for without end: it says which process that is, and how to go beside it."""
    with served(shop) as server:
        (shop / TOKEN_PLACE).write_text(json.dumps({"connect": "127.0.0.1", "port": 1, "host": "x", "token": "y"}))
        done = freehold(shop, "run")
        assert (done.returncode, "FH-C014" in done.stderr) == (3, True), done.stderr
        assert str(server.process.pid) in done.stderr


def test_nobody_can_begin_the_process_of_a_job_but_a_server(shop: Path) -> None:
    """A name and a secret of one's own making stand for no job."""
    assert freehold(shop, "run").returncode == 0
    greeting = json.dumps({"job": "01a1ffc2-0033-72b4-b019-d89cc02b29fb", "secret": "guess", "reports": 1})
    command = [str(FREEHOLD.with_name("python")), "-m", "freehold.cli.job"]
    with subprocess.Popen(
        command, cwd=shop, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as made:
        assert made.stdin is not None
        assert made.stderr is not None
        made.stdin.write(greeting + "\n")
        made.stdin.flush()
        said = made.stderr.read()  # until it ends; its pipe stays open, so that it is not that which ends it
    assert (made.returncode, "FH-A155" in said) == (2, True), said
