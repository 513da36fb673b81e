"""What a page is given while others read, write, and look: `Newest` by itself, and snapshots of a real estate."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freehold.foundation import FreeholdError
from freehold.ledger import Event
from freehold.server.application import Served, create_app
from freehold.server.newest import Newest
from freehold.server.snapshots import Snapshot, Snapshots
from live_process import freehold, until
from live_server import PAGE, Running

THREADS, ROUNDS = 16, 40


class Counted:
    """Something that changes, and takes as long to look at as a test wants."""

    def __init__(self) -> None:
        self.now = 0
        self.rounds = 0
        self.most_at_once = 0
        self.wrong: Exception | None = None
        self.is_free = threading.Event()
        self.is_free.set()
        self._turn = threading.Semaphore(1)

    def look(self, before: tuple[int] | None) -> tuple[int]:
        """Return what there is now."""
        assert self._turn.acquire(blocking=False), "two looks at once"
        try:
            now = (self.now,)
            self.is_free.wait()
            self.rounds += 1
            if self.wrong is not None:
                raise self.wrong
            return before if before == now else now
        finally:
            self._turn.release()


@pytest.fixture
def counted() -> Iterator[tuple[Counted, Newest[tuple[int]]]]:
    """Something that changes, and the newest of it."""
    there = Counted()
    newest = Newest(there.look, "a test")
    yield there, newest
    there.is_free.set()
    newest.close()


def test_who_asks_first_waits_and_who_asks_then_is_given_the_same(counted: tuple[Counted, Newest[tuple[int]]]) -> None:
    """However many ask, it is looked at by one thread."""
    _, newest = counted
    found: list[tuple[int]] = []
    threads = [threading.Thread(target=lambda: found.append(newest.get())) for _ in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert found == [(0,)] * THREADS
    assert len({id(one) for one in found}) == 1


def test_a_look_that_hangs_keeps_nobody(counted: tuple[Counted, Newest[tuple[int]]]) -> None:
    """What was there is handed out while the next round goes on."""
    there, newest = counted
    newest.get()
    there.is_free.clear()
    there.now = 1
    before = there.rounds
    assert newest.get() == (0,)
    there.is_free.set()
    until(lambda: newest.get() == (1,), "the change was seen without anybody saying so")
    assert there.rounds > before


def test_whoever_changes_something_sees_it_and_so_do_all_who_ask_after(
    counted: tuple[Counted, Newest[tuple[int]]],
) -> None:
    """Many threads that write and read at once: none ever reads what was before its own write."""
    there, newest = counted
    stale: list[tuple[int, int]] = []
    turn = threading.Lock()

    def write_and_read() -> None:
        for _ in range(ROUNDS):
            with turn:
                there.now += 1
                mine = there.now
            newest.changed()
            if (seen := newest.get()[0]) < mine:
                stale.append((seen, mine))

    threads = [threading.Thread(target=write_and_read) for _ in range(THREADS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert stale == []


def test_what_is_wrong_is_told_to_whoever_asks_until_it_is_mended(counted: tuple[Counted, Newest[tuple[int]]]) -> None:
    """And the thread goes on looking."""
    there, newest = counted
    there.wrong = FreeholdError("FH-E102", "The disk is gone.")
    with pytest.raises(FreeholdError, match="The disk is gone"):
        newest.get()
    there.wrong = None
    newest.changed()
    assert newest.get() == (0,)


def test_who_asks_all_the_time_keeps_nobody_awake(
    counted: tuple[Counted, Newest[tuple[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is done by itself is given what is some seconds old, and what was changed; it lets the thread sleep."""
    monkeypatch.setattr("freehold.server.newest._AWAKE_S", 0.0)
    there, newest = counted
    assert newest.lately() == (0,)
    looked = there.rounds
    there.now += 1
    assert [newest.lately() for _ in range(20)] == [(0,)] * 20
    assert there.rounds == looked
    newest.changed()
    assert newest.lately() == (1,)


def test_what_was_closed_still_answers() -> None:
    """Whoever is late gets what there was, or looks by themselves."""
    there = Counted()
    newest = Newest(there.look, "a test")
    newest.close()
    assert newest.get() == (0,)


# -- of an estate


@pytest.fixture
def shop(made_estate: Path, tmp_path: Path) -> Path:
    """An estate of one's own."""
    return Path(shutil.copytree(made_estate, tmp_path / "shop"))


@pytest.fixture
def snapshots(shop: Path) -> Iterator[Snapshots]:
    """Its snapshots."""
    made = Snapshots(shop)
    yield made
    made.close()


@contextmanager
def writer_of(root: Path) -> Iterator[None]:
    """Hold the warehouse of an estate from another process, as a run does."""
    path = str(root / ".freehold/warehouse.db")
    code = (
        f"import duckdb; c = duckdb.connect({path!r}); c.execute('create table mine (i int)');"
        "print('held', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"held\n"
        yield
        writer.communicate(b"\n")


def told(product: str = "", subject: str = "elsewhere.load") -> Event:
    """Return a run that ended."""
    said = {"run_id": "1", "asset": subject, "status": "success", "started": None, "ended": "2026-11-02T10:00:00Z"}
    return Event("run.completed", said, env="prod", subject=subject, product=product)


def test_runs_of_other_tools_do_not_make_the_estate_be_read_anew(snapshots: Snapshots) -> None:
    """Thousands of them come a minute; a run of a product of ours does."""
    before = snapshots.now()
    snapshots.ledger.append(told(), told(subject="another"))
    snapshots.changed()
    assert snapshots.now() is before
    snapshots.ledger.append(told(product="shop.orders", subject="shop.orders.orders"))
    snapshots.changed()
    assert snapshots.now() is not before


def test_the_estate_is_the_same_object_for_as_long_as_nothing_of_it_changes(shop: Path, snapshots: Snapshots) -> None:
    """What is worked out of an estate is so worked out once; a file or an application makes it new."""
    before = snapshots.now()
    snapshots.ledger.append(told(product="shop.orders", subject="shop.orders.orders"))
    snapshots.changed()
    after = snapshots.now()
    assert after is not before
    assert (after.estate, after.graph) == (before.estate, before.graph)
    assert after.estate is before.estate
    assert after.graph is before.graph
    file = shop / "shop/orders/product.odps.yaml"
    file.write_text(file.read_text().replace("name: Orders", "name: Orders of all"))
    snapshots.changed()
    edited = snapshots.now()
    assert edited.estate is not before.estate
    assert edited.product("shop.orders").product.name == "Orders of all"
    assert freehold(shop, "--here", "run").returncode == 0
    snapshots.changed()
    assert snapshots.now().estate is not edited.estate


def test_notes_on_files_that_are_not_in_force_stay_while_they_are_not(shop: Path, snapshots: Snapshots) -> None:
    """They are said of each snapshot, though the files are read but once."""
    (shop / "broken.yaml").write_text("apiVersion: freehold.dev/v1\nkind: Team\n")
    first = snapshots.now()
    snapshots.ledger.append(told(product="shop.orders", subject="shop.orders.orders"))
    snapshots.changed()
    again = snapshots.now()
    assert again is not first
    assert "have 2 errors" in again.notes[0]
    assert again.notes == first.notes


def test_a_change_is_seen_at_once_by_who_made_it_here_and_soon_by_others(shop: Path, snapshots: Snapshots) -> None:
    """A file that somebody edits beside the server is seen without a word; through the server, by the next request."""
    snapshots.now()
    file = shop / "shop/orders/product.odps.yaml"
    file.write_text(file.read_text().replace("name: Orders", "name: Orders of all"))
    until(lambda: snapshots.now().product("shop.orders").product.name == "Orders of all", "the file was seen")
    file.write_text(file.read_text().replace("name: Orders of all", "name: Orders again"))
    snapshots.changed()
    assert snapshots.now().product("shop.orders").product.name == "Orders again"


def test_while_somebody_holds_the_warehouse_nobody_waits_and_details_are_as_they_were(
    shop: Path, snapshots: Snapshots
) -> None:
    """Neither for a snapshot, nor for what a page asked of the one before; what nobody asked for is refused at once."""
    before = snapshots.now()
    assert snapshots.detail(before, "known", lambda d: d.env) == before.env
    with writer_of(shop):
        snapshots.changed()
        now = snapshots.now()
        assert "being written" in now.waits
        assert snapshots.detail(now, "known", lambda _: pytest.fail("it was read again")) == before.env
        with pytest.raises(FreeholdError) as refused:
            snapshots.detail(now, "never asked", lambda d: d.env)
        with pytest.raises(FreeholdError):
            snapshots.look(now, lambda d: d.env)
    assert refused.value.code == "FH-E101"
    snapshots.changed()
    assert snapshots.now().waits == ""


def test_a_detail_of_a_new_snapshot_is_the_earlier_one_while_the_warehouse_is_held(
    shop: Path, snapshots: Snapshots
) -> None:
    """A writer that came between is not waited for, either."""
    before = snapshots.now()
    snapshots.detail(before, "known", lambda _: "as it was")
    snapshots.ledger.append(told(product="shop.orders", subject="shop.orders.orders"))
    snapshots.changed()
    after = snapshots.now()
    assert after is not before
    with writer_of(shop):
        assert snapshots.detail(after, "known", lambda _: "as it is") == "as it was"
    assert snapshots.detail(after, "known", lambda _: "as it is") == "as it is"


def test_one_detail_is_taken_once_and_keeps_no_other(snapshots: Snapshots) -> None:
    """Many who ask for the same wait for one; who asks for something else does not wait for them."""
    snapshot = snapshots.now()
    taken: list[int] = []
    is_free = threading.Event()

    def slowly(_: object) -> str:
        taken.append(1)
        is_free.wait()
        return "slow"

    found: list[str] = []
    ask = Asking(snapshots, snapshot, slowly, found)
    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for one in threads:
        one.start()
    until(lambda: taken, "somebody began")
    assert snapshots.detail(snapshot, "another", lambda _: "quick") == "quick"
    is_free.set()
    for one in threads:
        one.join()

    assert (found, taken) == (["slow"] * THREADS, [1])


class Asking:
    """Somebody who asks for a detail, in a thread."""

    def __init__(
        self, snapshots: Snapshots, snapshot: Snapshot, take: Callable[[object], str], found: list[str]
    ) -> None:
        self._asked = (snapshots, snapshot, take, found)

    def __call__(self) -> None:
        snapshots, snapshot, take, found = self._asked
        found.append(snapshots.detail(snapshot, "slow", take))


def test_what_a_job_did_is_on_the_page_that_is_asked_for_after_it_ended(
    shop: Path, serving: Callable[..., Running]
) -> None:
    """Whoever hears that it ended, and looks, sees what it did: the next answer, not one after some tries."""
    server = serving(shop, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    newest = sorted((shop / "landing/orders").iterdir())[-1]
    newest.write_text(newest.read_text() + newest.read_text().splitlines()[-1].replace(",", "9,", 1) + "\n")
    with server.signed_in(**PAGE) as client:
        before = client.get("/products.json").json()
        job = client.post("/api/v1/jobs", json={"kind": "run", "arguments": {}}).json()["id"]
        until(lambda: client.get(f"/api/v1/jobs/{job}").json()["state"] in ("done", "failed"), "the job ended")
        after = client.get("/products.json").json()

    assert after["as_of"] > before["as_of"]
    assert after["page"] != before["page"]


def test_pages_are_shown_all_the_while_a_command_writes(shop: Path, serving: Callable[..., Running]) -> None:
    """A check beside the server, and many who read: every page is answered, none of them with a fault."""
    server = serving(shop, rates={"read": 100_000, "write": 100_000, "sign_in": 100_000})
    statuses: list[int] = []
    is_over = threading.Event()

    def reads() -> None:
        with server.signed_in(**PAGE) as client:
            while not is_over.is_set():
                statuses.extend(client.get(path).status_code for path in ("/products", "/products/shop.orders"))

    with server.signed_in(**PAGE) as client:
        assert client.get("/products/shop.orders").status_code == 200
    threads = [threading.Thread(target=reads) for _ in range(4)]
    for one in threads:
        one.start()
    done = freehold(shop, "--here", "check")
    is_over.set()
    for one in threads:
        one.join()

    assert done.returncode == 0, done.stderr
    assert set(statuses) == {200}


def test_a_server_that_nobody_asks_rests(shop: Path) -> None:
    """What it does by itself is given what is there: none of it keeps the thread awake that looks."""
    app = create_app(shop)
    served: Served = app.state.served
    for one in (*served.rounds._rounds, *served.paging._rounds):
        one.go()
    assert served.snapshots._newest._asked == float("-inf")
    served.close()
