"""A warehouse that somebody holds, or a disk that is full: exit code 3, one clear error, nothing half-applied."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from estate import Said, files_of, freehold, left

HOLD = """
import sys
from freehold.engines import open_engine
engine = open_engine("duckdb:///.freehold/warehouse.db", root=sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
engine.close()
"""


@contextmanager
def _held(root: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        yield holder
    finally:
        if holder.poll() is None:
            holder.kill()
        holder.communicate()


def _is_one_error(answer: Said, code: str) -> None:
    assert answer.is_calm, answer.err
    assert answer.code == 3, answer.err + answer.out
    assert [head.split()[0] for head in answer.errors] == [code], answer.err
    assert "\nFix: " in answer.err


@pytest.mark.parametrize("command", [["run"], ["check"], ["status"], ["rollback", "shop.orders"]], ids=" ".join)
def test_a_warehouse_in_use_is_one_error_that_names_who_has_it(estate: Path, command: list[str]) -> None:
    """Who will not wait is told at once, and no trace is left."""
    before = files_of(estate)
    with _held(estate) as holder:
        answer = freehold(estate, *command, "--wait", "0")
    _is_one_error(answer, "FH-E101")
    assert f"process {holder.pid}" in answer.err
    assert "--wait" in answer.err
    assert files_of(estate)["state.db"] == before["state.db"]


def test_a_command_waits_for_who_lets_go_of_the_warehouse_soon(estate: Path) -> None:
    """A notebook that was just closing fails no run."""
    with _held(estate) as holder:
        threading.Timer(1.0, holder.kill).start()
        answer = freehold(estate, "status")
    assert (answer.code, answer.errors) == (0, [])


def test_a_run_that_waits_goes_on_when_the_warehouse_is_free(estate: Path) -> None:
    """`--wait` is all it takes."""
    with _held(estate) as holder:
        waiting = subprocess.Popen(
            [str(Path(sys.executable).with_name("freehold")), "-C", str(estate), "run", "--wait", "60"],
            stderr=subprocess.PIPE,
            text=True,
        )
        holder.communicate("\n")
        _, said = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, said
    assert "Nothing new" in said


def test_a_run_after_the_holder_was_killed_just_runs(estate: Path) -> None:
    """A note of a dead process keeps nobody out."""
    with _held(estate) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert (estate / ".freehold/warehouse.db.owner").exists()
        assert freehold(estate, "run").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"no database" * 1000, "not a DuckDB file", id="another file"),
        pytest.param(b"", "it is empty", id="an empty file"),
        pytest.param(None, "is a folder", id="a folder"),
    ],
)
def test_a_warehouse_that_is_none_is_one_error(estate: Path, content: bytes | None, said: str) -> None:
    """It is refused by name and left as it is."""
    path = estate / ".freehold/warehouse.db"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    answer = freehold(estate, "run")
    _is_one_error(answer, "FH-E102")
    assert said in answer.err
    assert path.is_dir() if content is None else path.read_bytes() == content


# ---- the full disk


def _young(lived_in: Path, root: Path) -> Path:
    """Make the estate anew in a folder: its files and a large last day, and nothing built yet."""
    shutil.copytree(lived_in, root, ignore=shutil.ignore_patterns(".freehold"))
    day = max((root / "landing/orders").iterdir())
    with day.open("a") as content:
        content.writelines(
            f"{i // 1000:08d}-{i % 1000:03d},{day.stem} 10:00:00,customer {i},{i % 90}.50,PAID\n" for i in range(60_000)
        )
    return root


@contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of a few megabytes, or skip where this user may not."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def undisturbed(lived_in: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The tables of a run with room enough."""
    root = _young(lived_in, tmp_path_factory.mktemp("clean") / "shop")
    answer = freehold(root, "run")
    assert answer.code == 0, answer.err + answer.out
    return dict(left(root).views)


def _ended_for_want_of_room(answer: Said) -> None:
    """Check that a run ended with 3 and one error that speaks of room."""
    assert answer.is_calm, answer.err
    assert any(sign in answer.err + answer.out for sign in ("full", "No space left", "File too large", "fails"))
    assert answer.code == 3, answer.err + answer.out
    assert len(answer.errors) == 1, answer.err


@pytest.mark.parametrize("free_kb", [0, 100, 400, 1000, 2500])
def test_a_run_on_a_full_disk_ends_with_one_error_and_completes_once_there_is_room(
    lived_in: Path, undisturbed: dict[str, object], tmp_path: Path, free_kb: int
) -> None:
    """Wherever the room ends (making the files, the ledger, the warehouse): exit code 3, then tables as though
    nothing had happened, and a ledger that is whole.
    """
    with _small_disk(tmp_path / "disk", 48) as disk:
        root = _young(lived_in, disk / "shop")
        room = os.statvfs(disk)
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(room.f_bavail * room.f_frsize - free_kb * 1024))
        answer = freehold(root, "run")
        assert answer.code != 0
        ballast.unlink()
        again = freehold(root, "run")
        assert again.code == 0, again.err + again.out
        assert left(root).views == undisturbed
        verified = freehold(root, "audit", "verify")
        assert verified.code == 0, verified.err + verified.out
    _ended_for_want_of_room(answer)


def _largest_file(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size_kb", [4, 200, 1200, 3000])
def test_a_run_that_may_write_no_more_ends_with_one_error_and_completes_once_it_may(
    lived_in: Path, undisturbed: dict[str, object], tmp_path: Path, size_kb: int
) -> None:
    """The same under a limit on the size of files, which needs no disk of its own."""
    root = _young(lived_in, tmp_path / "shop")
    answer = freehold(root, "run", before=_largest_file(size_kb * 1024))
    assert answer.code != 0
    again = freehold(root, "run")
    assert again.code == 0, again.err + again.out
    assert left(root).views == undisturbed
    _ended_for_want_of_room(answer)
