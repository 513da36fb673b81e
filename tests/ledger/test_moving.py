"""A state moves between databases whole, or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from happenings import START, check
from hypothesis import given
from hypothesis import strategies as st
from places import Place, PostgresPlace, SQLitePlace

from freehold.foundation import Exit, FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.ledger import moving as moves
from freehold.ledger.moving import Address, move
from live_postgres import LivePostgres

TABLES = (
    ("ledger_event", "workspace, seq"),
    ("ledger_block", "workspace, block"),
    ("ledger_checkpoint", "workspace, block"),
    ("ledger_head", "workspace"),
    ("side_item", "id"),
    ("lease", "workspace, name"),
    ("kept_state", "workspace, namespace, key"),
)


def told(place: Place) -> None:
    """Fill a state with something of everything."""
    clock = SimulatedClock(START)
    with Ledger.open(place.url, root=place.root, clock=clock) as ledger:
        for number in range(30):
            clock.advance(timedelta(seconds=1))
            ledger.append(check(number, value=number / 7, reason="naïve ✓ \0"))
        ledger.lease("run:prod", "a", 30).release()
        ledger.lease("run:prod", "b", 30).release()
        ledger.state.put_many("checks", {"a": 1, "Größe": [1.5, None], "nul \0": "x"})
        ledger.side.put("note", {"text": "words"}, subject="person:1")
        ledger.raw.append("usage.query", [Event("usage.query", {"consumer": "c", "product": "sales.orders"})])
        ledger.checkpoint()
    with Ledger.open(place.url, root=place.root, workspace="other") as ledger:
        ledger.append(check(1))


def rows(place: Place) -> dict[str, list[str]]:
    """Return every row of a state, in an order of its own."""
    return {table: sorted(map(repr, place.ask(f"SELECT * FROM {table}"))) for table, _ in TABLES}


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path, postgres: LivePostgres) -> Iterator[Place]:
    """Where to move to: beside the other, with the same root."""
    if request.param == "sqlite":
        yield SQLitePlace(tmp_path, "elsewhere/state.db")
    else:
        url = postgres.fresh()
        yield PostgresPlace(tmp_path, url)
        postgres.drop(url)


def moved(place: Place, elsewhere: Place) -> moves.Moved:
    """Move a state."""
    return move(Address(place.url), Address(elsewhere.url), place.root)


def test_everything_arrives_and_the_seal_proves_it(place: Place, elsewhere: Place) -> None:
    """Rows of every table are the same, files came along, and the ledger goes on where it was, epochs too."""
    told(place)
    before = rows(place)

    done = moved(place, elsewhere)

    assert rows(elsewhere) == before == rows(place)
    assert (
        done.rows["events"] == 32
    )  # 30, a lease's worth of nothing, the raw segment's seal, and the other workspace's
    assert {name: v.ok for name, v in done.proved.items()} == {"default": True, "other": True}
    assert done.proved["default"].segments == 1
    assert done.proved["default"].trusted
    with Ledger.open(elsewhere.url, root=elsewhere.root) as ledger:
        assert ledger.state.get("checks", "nul \0") == "x"
        assert ledger.lease("run:prod", "c", 30).epoch == 3
        assert ledger.append(check(99)) == (ledger.seal(),)
        assert ledger.verify().ok


def test_there_and_back_again_is_the_same(place: Place, elsewhere: Place, tmp_path: Path) -> None:
    """Moving back to a third place gives what there was at first."""
    told(place)
    moved(place, elsewhere)
    third = SQLitePlace(tmp_path, "third/state.db")

    moved(elsewhere, third)

    assert rows(third) == rows(place)


def test_a_target_that_holds_something_is_refused(place: Place, elsewhere: Place) -> None:
    """Whatever it holds, nothing of it changes; a second move is refused for the same reason."""
    told(place)
    with Ledger.open(elsewhere.url, root=elsewhere.root) as ledger:
        ledger.state.put("checks", "mine", 1)
    before = rows(elsewhere)

    with pytest.raises(FreeholdError, match="1 kept values") as refused:
        moved(place, elsewhere)

    assert (refused.value.code, refused.value.exit_code) == ("FH-L502", Exit.USAGE)
    assert rows(elsewhere) == before


def test_a_state_cannot_move_to_where_it_is(place: Place) -> None:
    """That would be nothing, or the end of it."""
    told(place)
    with pytest.raises(FreeholdError, match="already"):
        moved(place, place)


def test_a_state_in_use_is_not_moved(place: Place, elsewhere: Place) -> None:
    """Whoever holds a lease would go on in the old place."""
    told(place)
    with (
        Ledger.open(place.url, root=place.root) as ledger,
        ledger.lease("deliver:prod", "ada@host:1", 600),
        pytest.raises(FreeholdError, match="`deliver:prod` is held by ada@host:1") as refused,
    ):
        moved(place, elsewhere)

    assert refused.value.code == "FH-L503"
    assert rows(elsewhere)["ledger_event"] == []


def test_a_broken_seal_is_not_moved(place: Place, elsewhere: Place) -> None:
    """It would look as though the move had broken it."""
    told(place)
    place.tell(("UPDATE ledger_event SET subject = 'forged' WHERE seq = 3", ()))

    with pytest.raises(FreeholdError, match="Event 3 of block 1") as refused:
        moved(place, elsewhere)

    assert refused.value.code == "FH-L504"
    assert rows(elsewhere)["ledger_event"] == []


def test_what_arrives_otherwise_than_it_was_sent_is_taken_back(
    place: Place, elsewhere: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read again from the target before they count."""
    told(place)
    copied = moves._copy_table

    def altered(from_, to, here, table, progress):  # type: ignore[no-untyped-def]
        answer = copied(from_, to, here, table, progress)
        if table.name == "side_item":
            to.exec_driver_sql("UPDATE side_item SET payload = '{}'")
        return answer

    monkeypatch.setattr(moves, "_copy_table", altered)
    with pytest.raises(FreeholdError, match="side entries is not what") as refused:
        moved(place, elsewhere)

    assert refused.value.code == "FH-L505"
    assert rows(elsewhere)["ledger_event"] == []


KILLED = """
import os, sys
from pathlib import Path
from freehold.ledger import moving
from freehold.ledger.moving import Address, move
moving.ROWS_AT_ONCE = 7
left = int(sys.argv[4])
def progress(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
move(Address(sys.argv[1]), Address(sys.argv[2]), Path(sys.argv[3]), progress)
"""


@pytest.mark.parametrize("reports", [1, 3, 6, 11])
def test_a_move_that_is_killed_has_not_happened_and_is_run_again(place: Place, elsewhere: Place, reports: int) -> None:
    """SIGKILL after some reports of progress: nothing is there, and the next move goes through."""
    told(place)
    command = [sys.executable, "-c", KILLED, place.url, elsewhere.url, str(place.root), str(reports)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9

    assert {name: found for name, found in rows(elsewhere).items() if found and name != "ledger_head"} == {}
    moved(place, elsewhere)
    assert rows(elsewhere) == rows(place)


ROWS = st.lists(st.tuples(st.integers() | st.text() | st.floats(allow_nan=False), st.binary()), max_size=9)


@given(ROWS, st.randoms())
def test_a_digest_stands_for_rows_in_any_order_and_no_others(found: list[tuple[object, ...]], chance: object) -> None:
    """Servers sort text each in their way; a row more, less or otherwise is another digest."""
    shuffled = list(found)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert moves._digest(found) == moves._digest(shuffled)
    assert moves._digest([*found, ("x", b"")]) != moves._digest(found)
    if found:
        assert moves._digest(found[1:]) != moves._digest(found)


# ---- the command


@contextmanager
def estate(place: Place) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """An estate whose state is there, and how to call the command on it."""
    from click.testing import CliRunner

    from freehold.cli import cli
    from freehold.foundation import FreeholdError

    (place.root / "estate.yaml").write_text(
        "apiVersion: freehold.dev/v1\nkind: Estate\nmetadata: {id: small}\nspec:\n"
        f'  state: "{place.url}"\n'
        '  connections: {warehouse: {url: "duckdb:///w.db"}}\n'
        "  environments: {prod: {connection: warehouse}}\n"
    )

    def call(*words: str) -> tuple[int, str, str]:
        try:
            said = CliRunner().invoke(cli, ["-C", str(place.root), "ledger", "migrate", *words], catch_exceptions=False,
                                      standalone_mode=False)  # fmt: skip
        except FreeholdError as error:
            return int(error.exit_code), "", str(error)
        return said.exit_code, said.stdout, said.stderr

    yield call


def test_the_command_tells_what_it_moved_and_which_line_to_change(place: Place, elsewhere: Place) -> None:
    """As a person reads it: the old line and the new one, ready to paste."""
    told(place)
    with estate(place) as call:
        code, out, err = call("--to", elsewhere.url)

    assert code == 0
    assert out == f'-   state: "{place.url}"\n+   state: "{elsewhere.url}"\n'
    assert "32 events" in err
    assert "1 side entry" in err
    assert "The seals hold" in err
    assert "change estate.yaml:5:3" in err


def test_the_command_as_json(place: Place, elsewhere: Place) -> None:
    """One object, with the same."""
    told(place)
    with estate(place) as call:
        _, out, _ = call("--to", elsewhere.url, "--json")

    found = json.loads(out)["migrated"]
    assert found["rows"]["events"] == 32
    assert found["proved"]["default"]["ok"]
    assert found["change"]["where"] == "estate.yaml:5:3"


def test_a_password_is_taken_by_reference_and_shown_as_one(
    place: Place, elsewhere: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands on a command line is seen by everybody on the machine."""
    told(place)
    monkeypatch.setenv("STATE_PASSWORD", "hush")
    with estate(place) as call:
        assert "FH-S001" in call("--to", elsewhere.url, "--password", "hush")[2]
        _, out, err = call("--to", elsewhere.url, "--password", "env:STATE_PASSWORD")

    assert "hush" not in out + err
    assert f'+   state: {{url: "{elsewhere.url}", password: "env:STATE_PASSWORD"}}' in out
