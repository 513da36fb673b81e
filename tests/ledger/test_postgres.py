"""What only a server can, and how its refusals are told."""

from __future__ import annotations

import socket
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from happenings import check

from freehold.foundation import Exit, FreeholdError
from freehold.foundation.postgres import refusal, without_password
from freehold.ledger import Event, Ledger
from live_postgres import LivePostgres


@pytest.fixture
def servers(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Ledger, Ledger]]:
    """Two servers on one workspace of their own."""
    workspace = str(uuid.uuid4())
    both = tuple(Ledger.open(postgres_url, root=tmp_path, workspace=workspace) for _ in range(2))
    yield both[0], both[1]
    for ledger in both:
        ledger.close()


def test_two_servers_append_to_one_chain(servers: tuple[Ledger, Ledger]) -> None:
    """Numbers without a gap, ids once, a seal that holds."""

    def write(number: int) -> tuple[int, ...]:
        return servers[number % 2].append(check(number, id=f"event-{number}"), check(number))

    with ThreadPoolExecutor(8) as threads:
        seqs = [seq for some in threads.map(write, range(100)) for seq in some]

    assert sorted(seqs) == list(range(1, 201))
    assert write(7) == (seqs[14], 201)
    with pytest.raises(FreeholdError, match="with another data"):
        servers[1].append(check(0, id="event-7"))
    servers[0].checkpoint()
    assert servers[1].verify().ok
    with servers[1].evidence() as evidence:
        assert evidence.query("SELECT COUNT(*), MAX(seq) FROM check_completed") == [(201, 201)]


def test_a_key_is_claimed_by_one_of_two_servers(servers: tuple[Ledger, Ledger]) -> None:
    """Each of twenty keys, by both at once."""
    with ThreadPoolExecutor(2) as pool:
        for number in range(20):
            won = list(pool.map(lambda one, key=f"k{number}": one.state.claim("sending", key, 1), servers))
            assert sorted(won) == [False, True]


def test_what_is_kept_is_kept_alike(servers: tuple[Ledger, Ledger]) -> None:
    """Leases fence, small values stay, what is erased is gone."""
    one, other = servers
    lease = one.lease("run", "a", 60)
    with pytest.raises(FreeholdError, match="held by a"):
        other.lease("run", "b", 60)
    lease.release()
    assert other.lease("run", "b", 60).epoch == 2
    with pytest.raises(FreeholdError, match="is lost"):
        one.append(check(1), fence=lease)

    one.state.put_many("checks", {"a%": 1, "A": 2, "ab": 3})
    other.state.put("checks", "ab", 4)
    assert one.state.many("checks", "a") == {"a%": 1, "ab": 4}

    item = one.side.put("note", "text", subject="person:1")
    assert other.side.erase_subject("person:1") == 1
    assert one.side.get(item) is None
    one.seal()
    assert one.verify().ok


@pytest.mark.parametrize(
    ("replace", "problem", "fix"),
    [
        pytest.param(("/fh_", "/no_such_"), "The server has no database `no_such_", "createdb", id="no such database"),
        pytest.param(("//postgres@", "//eve@"), "knows no user `eve`", "postgresql://user@host", id="no such user"),
        pytest.param(("host=", "host=/nowhere"), "No server answers there.", "Start it", id="no server at the socket"),
        pytest.param(("?host=", "?port=1&host=127.0.0.1&x="), "an option `x`", "Take it out", id="an option"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_with_the_remedy(
    tmp_path: Path, postgres_url: str, replace: tuple[str, str], problem: str, fix: str
) -> None:
    """Unreachable, without the database, without the user: each its own words, exit 3, and where the state is."""
    if "host=" not in postgres_url:
        pytest.skip("the cases are written for the server that tests bring along")
    with pytest.raises(FreeholdError) as refused:
        Ledger.open(postgres_url.replace(*replace), root=tmp_path)

    assert problem in refused.value.problem
    assert fix in refused.value.fix
    assert refused.value.exit_code in (Exit.ENVIRONMENT, Exit.USAGE)


def test_a_host_that_refuses_is_told_as_unreachable(tmp_path: Path) -> None:
    """A port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    with pytest.raises(FreeholdError, match="No server answers there") as refused:
        Ledger.open(f"postgresql://me@127.0.0.1:{port}/state", root=tmp_path)

    assert (refused.value.code, refused.value.exit_code) == ("FH-L106", Exit.ENVIRONMENT)
    assert f"127.0.0.1:{port}/state" in refused.value.problem


def test_a_wrong_password_is_told_and_never_shown(tmp_path: Path) -> None:
    """Nor is a password that stood in the URL, in any error."""
    with LivePostgres() as server:
        server.tell("CREATE USER teller PASSWORD 'the-right-one'")
        server.tell("CREATE DATABASE state OWNER teller")
        with (server.folder / "data" / "pg_hba.conf").open("r+") as rules:
            kept = rules.read()
            rules.seek(0)
            rules.write("local all teller scram-sha-256\n" + kept)
        server.tell("SELECT pg_reload_conf()")
        url = server.url("state").replace("postgres@", "teller@")

        with Ledger.open(url, root=tmp_path, password="the-right-one") as ledger:
            assert ledger.append(check(1)) == (1,)
        for given in ({"password": "wrong-but-secret"}, {}):
            with pytest.raises(FreeholdError, match="does not take this user with this password") as refused:
                Ledger.open(url, root=tmp_path, **given)
            assert refused.value.code == "FH-L106"
            assert "password: env:NAME" in refused.value.fix
            assert "secret" not in str(refused.value)
        with pytest.raises(FreeholdError) as refused:
            Ledger.open(url.replace("teller@", "teller:wrong-but-secret@"), root=tmp_path)
        assert "secret" not in str(refused.value)


def test_a_missing_driver_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(FreeholdError, match="psycopg, which is not installed") as refused:
        Ledger.open("postgresql://host/db", root=tmp_path)

    assert refused.value.fix == "pip install 'freehold[postgres]'"


def test_the_ledger_goes_on_after_the_server_was_restarted(tmp_path: Path, postgres_url: str) -> None:
    """Every connection of it was cut; the next append makes a new one."""
    with Ledger.open(postgres_url, root=tmp_path) as ledger:
        ledger.append(check(1))
        with psycopg.connect(postgres_url) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        assert ledger.append(check(2)) == (2,)
        assert [event.seq for event in ledger.read()] == [1, 2]


def test_text_that_postgresql_cannot_hold_is_refused_and_harms_nobody(tmp_path: Path, postgres_url: str) -> None:
    """A NUL in a name; in a payload it is spelled so that it can be held."""
    with Ledger.open(postgres_url, root=tmp_path) as ledger:
        with pytest.raises(FreeholdError, match="NUL") as refused:
            ledger.append(Event("check.completed", dict(check(1).data), subject="a\0b"))

        assert refused.value.code == "FH-L004"
        assert ledger.append(check(2, reason="a\0b")) == (1,)
        assert next(ledger.read()).data["reason"] == "a\0b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p%40ss@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me:p@ss@host/db", "postgresql://me:***@host/db"),
        (
            "postgresql://me@host/db?password=word&sslmode=require",
            "postgresql://me@host/db?password=***&sslmode=require",
        ),
        ("postgresql://:word@/db?host=/run", "postgresql://:***@/db?host=/run"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("sqlite:///state.db", "sqlite:///state.db"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Wherever in it the password stands."""
    assert without_password(url) == shown


def test_what_is_no_refusal_is_not_called_one() -> None:
    """Faults of a statement are told as they are."""
    assert refusal('relation "ledger_event" has no column "x"') is None
