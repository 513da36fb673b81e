"""Opening a warehouse that somebody else has, that is broken, or that is none: one clear error each time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from contract import CALLER

from freehold.engines import Engine, open_engine
from freehold.foundation import Exit, FreeholdError
from live_process import until

URL = "duckdb:///warehouse.db"
HOLD = """
import sys
from freehold.engines import open_engine
engine = open_engine("duckdb:///warehouse.db", root=sys.argv[1])
print("held", flush=True)
sys.stdin.readline()
engine.close()
print("closed", flush=True)
"""


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A second process that holds the warehouse until it is told to let go, or dies."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def refused(root: Path, **settings: object) -> FreeholdError:
    """Return the error of opening the warehouse in a folder."""
    with pytest.raises(FreeholdError) as caught:
        open_engine(URL, root=str(root), **settings)  # type: ignore[arg-type]
    return caught.value


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    """Ask and close the session."""
    session = engine.session(CALLER)
    try:
        return session.rows(sql)
    finally:
        session.close()


# ---- somebody else has it


def test_the_second_process_is_told_who_holds_the_warehouse(tmp_path: Path) -> None:
    """Process, command and since when, and how to wait: no traceback, no guess."""
    with holder(tmp_path) as process:
        error = refused(tmp_path)
        assert (error.code, error.exit_code) == ("FH-E101", Exit.ENVIRONMENT)
        assert f"process {process.pid} (`-c {tmp_path}`, since 20" in error.problem
        assert "--wait" in error.fix


def test_waiting_ends_as_soon_as_the_holder_lets_go(tmp_path: Path) -> None:
    """The one who waits gets the warehouse, with everything the other wrote."""
    with holder(tmp_path) as process:
        assert process.stdin is not None
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLD.replace("root=sys.argv[1]", "root=sys.argv[1], wait_s=60"), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        process.stdin.write("\n")
        process.stdin.flush()
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "held\n"
        waiting.communicate("\n")
        assert waiting.returncode == 0


def test_waiting_in_vain_takes_as_long_as_was_asked_for(tmp_path: Path) -> None:
    """And then the same error."""
    with holder(tmp_path):
        started = time.monotonic()
        assert refused(tmp_path, wait_s=0.7).code == "FH-E101"
        assert 0.7 <= time.monotonic() - started < 5


def test_a_stopped_holder_still_holds_and_is_said_to_be_stopped(tmp_path: Path) -> None:
    """A paused process would keep everybody waiting: the error says so and how to wake it."""
    with holder(tmp_path) as process:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            error = refused(tmp_path, wait_s=0.1)
        finally:
            process.send_signal(signal.SIGCONT)
        assert f"process {process.pid}" in error.problem
        assert f"kill -CONT {process.pid}" in error.problem


def test_a_killed_holder_leaves_the_warehouse_free(tmp_path: Path) -> None:
    """The lock dies with the process; the note it left is nobody's."""
    with holder(tmp_path) as process:
        process.kill()
        process.wait()
        note = tmp_path / "warehouse.db.owner"
        assert json.loads(note.read_text())["pid"] == process.pid
        engine = open_engine(URL, root=str(tmp_path))
        assert json.loads(note.read_text())["pid"] == os.getpid()
        engine.close()
        assert not note.exists()


@pytest.mark.parametrize(
    "note",
    [
        pytest.param('{"pid": 1, "command": "somebody long gone", "since": "1999-01-01"}', id="of another process"),
        pytest.param("{not json", id="that is no JSON"),
        pytest.param("[1, 2]", id="of another shape"),
        pytest.param('{"pid": null}', id="without a process"),
        pytest.param("", id="that is empty"),
    ],
)
def test_a_stale_note_is_not_believed(tmp_path: Path, note: str) -> None:
    """The operating system knows who holds the file; a note only adds the command of the same process."""
    with holder(tmp_path) as process:
        (tmp_path / "warehouse.db.owner").write_text(note)
        error = refused(tmp_path)
        assert f"process {process.pid} (python" in error.problem
        assert "long gone" not in error.problem


def test_the_same_process_may_not_open_it_twice_with_other_settings(tmp_path: Path) -> None:
    """It is in use by ourselves, and that is what is said."""
    engine = open_engine(URL, root=str(tmp_path), threads=1)
    error = refused(tmp_path, threads=2)
    engine.close()
    assert (error.code, error.exit_code) == ("FH-E101", Exit.ENVIRONMENT)
    assert "in this process" in error.problem


# ---- it is broken, or none


def _made(path: Path) -> bytes:
    connection = duckdb.connect(str(path))
    connection.execute("CREATE TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS m FROM range(50000)")
    connection.close()
    return path.read_bytes()


def _is_folder(path: Path) -> None:
    path.mkdir()


def _sqlite(path: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()


def _cut(share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        content = _made(path)
        path.write_bytes(content[: int(len(content) * share)])

    return cut


def _flipped(path: Path) -> None:
    content = bytearray(_made(path))
    content[16:24] = b"\xff" * 8
    path.write_bytes(content)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (_is_folder, "is a folder, not a DuckDB file"),
    "an empty file": (lambda path: path.write_bytes(b""), "it is empty"),
    "a text": (lambda path: path.write_text("a,b\n1,2\n" * 2000), "it is not a DuckDB file"),
    "random bytes": (lambda path: path.write_bytes(os.urandom(30_000)), "it is not a DuckDB file"),
    "a SQLite file": (_sqlite, "is a SQLite file"),
    "cut within its header": (_cut(0.002), "damaged or cut short"),
    "with a header that was written over": (_flipped, "damaged or cut short"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_a_warehouse_that_is_none_is_refused_by_name(
    tmp_path: Path, case: tuple[Callable[[Path], object], str]
) -> None:
    """What is wrong with which file; it is left as it was found."""
    make, said = case
    path = tmp_path / "warehouse.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    error = refused(tmp_path)
    assert (error.code, error.exit_code) == ("FH-E102", Exit.ENVIRONMENT)
    assert str(path) in error.problem
    assert said in error.problem
    assert error.fix
    assert (path.read_bytes() if path.is_file() else b"") == before
    assert not (tmp_path / "warehouse.db.owner").exists()


@pytest.mark.parametrize("how", ["written over", "cut off"])
def test_damage_found_later_is_the_files_fault_and_not_the_statements(tmp_path: Path, how: str) -> None:
    """A page that is gone is only met when it is read: the error still blames the file."""
    path = tmp_path / "warehouse.db"
    content = bytearray(_made(path))
    at = len(content) // 2
    content[at : at + 4000 if how == "written over" else None] = os.urandom(4000) if how == "written over" else b""
    path.write_bytes(content)
    engine = open_engine(URL, root=str(tmp_path))
    with pytest.raises(FreeholdError) as caught:
        rows(engine, "SELECT sum(a), max(m) FROM t")
    engine.close()
    assert (caught.value.code, caught.value.exit_code) == ("FH-E102", Exit.ENVIRONMENT)
    assert str(path) in caught.value.problem


def test_a_warehouse_made_by_a_newer_duckdb_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which version made it, which is here, and what to do.

    A file of a version that does not exist yet cannot be had, so the driver's answer to one is played to the opener:
    it is the text that DuckDB 1.5.6 gave for a file of DuckDB 2.0.0, whose header is here too.
    """
    path = tmp_path / "warehouse.db"
    path.write_bytes(bytes(8) + b"DUCK" + bytes(40) + b"v9.1.0".ljust(64, b"\0"))

    def older(*_: object, **__: object) -> None:
        raise duckdb.IOException(
            "IO Error: Trying to read a database file with version number 69, but we can only read versions between "
            "64 and 68.\nThe database file was created with a newer version of DuckDB."
        )

    monkeypatch.setattr(duckdb, "connect", older)
    error = refused(tmp_path)
    assert (error.code, error.exit_code) == ("FH-E104", Exit.ENVIRONMENT)
    assert f"made by DuckDB v9.1.0; this is DuckDB {duckdb.__version__}" in error.problem
    assert "pip install" in error.fix


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("duckdb:///nope/x.db", "nope", id="in the estate"),
        pytest.param("duckdb:///.freehold/../nope/x.db", "nope", id="beside what is ours"),
        pytest.param("duckdb:///../nope/x.db", "nope", id="beside the estate"),
        pytest.param("duckdb:///file.txt/inside/w.db", "file.txt/inside", id="below a file"),
        pytest.param("duckdb:////proc/nowhere/w.db", "/proc/nowhere", id="where no folder can be made"),
    ],
)
def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path, url: str, said: str) -> None:
    """It is named, with how to mend that; a warehouse in it would be an empty one."""
    root = tmp_path / "estate"
    root.mkdir()
    (root / "file.txt").write_text("a file, not a folder")
    with pytest.raises(FreeholdError) as caught:
        open_engine(url, root=str(root))

    assert (caught.value.code, caught.value.exit_code) == ("FH-E400", Exit.ENVIRONMENT)
    assert f"{said}` for the warehouse" in caught.value.problem
    assert "mkdir -p" in caught.value.fix
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["estate", "file.txt"]


def test_a_way_through_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    """An estate that nobody wrote yet may name a file beside itself."""
    open_engine("duckdb:///../../w.db", root=str(tmp_path / "shop" / "estate")).close()

    assert (tmp_path / "w.db").is_file()


@pytest.mark.parametrize("url", ["duckdb:///.freehold/w.db", "duckdb:///.freehold/more/w.db"])
def test_what_is_our_own_is_made(tmp_path: Path, url: str) -> None:
    """Nobody has to make the folder that Freehold keeps its own in."""
    open_engine(url, root=str(tmp_path)).close()

    assert (tmp_path / url.removeprefix("duckdb:///")).is_file()


def test_a_place_that_cannot_be(tmp_path: Path) -> None:
    """The folder of our own is named, and why it cannot be made."""
    (tmp_path / ".freehold").write_text("a file, not a folder")
    with pytest.raises(FreeholdError) as caught:
        open_engine("duckdb:///.freehold/w.db", root=str(tmp_path))

    assert (caught.value.code, caught.value.exit_code) == ("FH-E102", Exit.ENVIRONMENT)
    assert "cannot be made" in caught.value.problem


def test_a_folder_that_may_not_be_written_is_one_clear_error() -> None:
    """Told to somebody who is not root, for root may write everywhere."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o555)
        code = (
            "import os\n"
            "from freehold.engines import duckdb, open_engine\n"
            "from freehold.foundation import FreeholdError\n"
            "if os.geteuid() == 0: os.setuid(65534)\n"
            f"try: open_engine('duckdb:///warehouse.db', root={made!r})\n"
            "except FreeholdError as error: print(error.code, int(error.exit_code), error.problem)\n"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        folder.chmod(0o755)
    assert said.stdout.startswith("FH-E102 3 The warehouse"), said.stderr
    assert "may not be written" in said.stdout


# ---- settings


def test_settings_of_a_connection_are_in_force(tmp_path: Path) -> None:
    """In every session, not only in the first."""
    engine = open_engine(URL, root=str(tmp_path), threads=1, memory_limit="123MB", temp_directory=str(tmp_path / "t"))
    asked = "SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory')"
    for _ in range(2):
        assert rows(engine, asked) == [(1, "117.3 MiB", str(tmp_path / "t"))]
    engine.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"thread": 2}, "`thread`", id="a misspelt name"),
        pytest.param({"threads": "many"}, "`many` for `threads`", id="a word for a number"),
        pytest.param({"threads": 0}, "`0` for `threads`", id="no thread at all"),
        pytest.param({"memory_limit": "lots", "threads": 1}, "`lots` for `memory_limit`", id="no size"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(tmp_path: Path, settings: dict[str, object], said: str) -> None:
    """A fault of the estate's file, so of usage; no warehouse is made."""
    error = refused(tmp_path, **settings)
    assert (error.code, error.exit_code) == ("FH-E103", Exit.USAGE)
    assert said in error.problem
    assert error.fix
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_told_with_the_setting_that_helps(tmp_path: Path) -> None:
    """Not as a fault of the statement."""
    engine = open_engine(URL, root=str(tmp_path), threads=1, memory_limit="20MB", max_temp_directory_size="1MB")
    with pytest.raises(FreeholdError) as caught:
        rows(engine, "SELECT md5(range::VARCHAR) AS m FROM range(3000000) ORDER BY m")
    engine.close()
    assert caught.value.code in ("FH-E105", "FH-E106")
    assert caught.value.exit_code == Exit.ENVIRONMENT
    assert "memory" in str(caught.value) or "disk space" in str(caught.value)


@pytest.mark.parametrize("url", ["duckdb:warehouse.db", "duckdb://warehouse.db", "duckdb:/x"])
def test_a_url_that_names_no_place_is_told_how_to(url: str) -> None:
    """Both ways of writing one are shown."""
    with pytest.raises(FreeholdError) as caught:
        open_engine(url)
    assert caught.value.code == "FH-E002"
    assert "duckdb:///relative/path.db" in caught.value.fix


def test_an_engine_nobody_speaks_lists_those_that_are_spoken() -> None:
    """With near matches."""
    with pytest.raises(FreeholdError) as caught:
        open_engine("duckbd:///x.db")
    assert caught.value.code == "FH-E001"
    assert "`duckdb`" in caught.value.fix


def _cpu_s(pid: int) -> float:
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, spent)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell how busy a process is")
def test_an_interrupt_is_an_interrupt(tmp_path: Path) -> None:
    """Control-C ends a long query as it ends every program, without a traceback of the driver's making.

    With one thread: with several, the thread that asked may wait for others and hear of the signal only at the end.
    """
    code = (
        "import signal, sys\nfrom freehold.engines import open_engine\nfrom freehold.foundation import LOCAL\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests may ignore it
        "session = open_engine('duckdb://', threads=1).session(LOCAL)\n"
        "try:\n    print('asking', flush=True)\n"
        "    session.rows('SELECT count(*) FROM range(1000000000000) AS a(i) WHERE i % 7 = 8')\n"
        "except KeyboardInterrupt: sys.exit(130)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "asking\n"
        started = _cpu_s(process.pid)
        while _cpu_s(process.pid) < started + 0.3:  # it computes, so the query runs
            pass
        process.send_signal(signal.SIGINT)
        process.wait(60)
    finally:
        process.kill()
        _, said = process.communicate()
    assert process.returncode == 130, said


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell how busy a process is")
def test_closing_ends_what_another_thread_still_asks(tmp_path: Path) -> None:
    """Ctrl-C may leave a thread behind that nobody waits for; the file is given back all the same."""
    engine = open_engine(URL, root=str(tmp_path))
    session = engine.session(CALLER)
    ended: list[BaseException] = []

    def ask() -> None:
        try:
            while True:
                session.rows("SELECT count(*) FROM range(3_000_000_000) AS t(x) WHERE x * 7 % 11 = 3")
        except FreeholdError as error:
            ended.append(error)

    asking = threading.Thread(target=ask, daemon=True)  # or a test that fails would never end
    asking.start()
    started = _cpu_s(os.getpid())
    until(lambda: _cpu_s(os.getpid()) > started + 0.3, "it computes")
    engine.close()
    asking.join(60)

    assert [type(e) for e in ended] == [FreeholdError]
    open_engine(URL, root=str(tmp_path)).close()


def test_threads_that_open_and_close_it_beside_each_other_keep_none_from_it(tmp_path: Path) -> None:
    """As pages do that ask at once: whoever comes between another's first and last is not refused."""
    open_engine(URL, root=str(tmp_path)).close()

    def ask(_: int) -> int:
        engine = open_engine(URL, root=str(tmp_path), wait_s=0.0)
        try:
            return len(rows(engine, "SELECT 1"))
        finally:
            engine.close()

    with ThreadPoolExecutor(6) as many:
        assert set(many.map(ask, range(60))) == {1}
