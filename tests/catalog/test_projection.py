"""The catalog is a projection: kept by steps it is what a rebuild makes, dropped it comes again, killed it heals."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listings import asset, content, entry, flow, model, told

from freehold.catalog import Catalog, Key, Question, Told
from freehold.catalog.entry import Entry
from freehold.catalog.store import FOLDER
from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger

NAMES = [f"a.p{i % 2}.t{i}" for i in range(5)]
COLUMNS = ["x", "y", "*", "?"]

entries_of = st.fixed_dictionaries(
    {},
    optional={
        name: st.builds(
            lambda columns, status, owner, name=name: asset(name, *columns, status=status, owner=owner),
            st.lists(st.sampled_from(["x", "y", "z"]), unique=True),
            st.sampled_from(["", "deprecated", "certified"]),
            st.sampled_from(["ada", "bob"]),
        )
        for name in NAMES
    },
)
ends = st.builds(lambda name, column: f"{name}.{column}", st.sampled_from(NAMES), st.sampled_from(COLUMNS))
jobs_of = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(
            st.tuples(ends, st.sampled_from(COLUMNS), st.booleans()), max_size=4, unique_by=lambda one: one[:2]
        )
        for name in NAMES
    },
)


def version(entries: dict[str, Entry], jobs: dict[str, list[tuple[str, str, bool]]]) -> Told:
    """Return a version of the files; jobs may name what is not there."""
    built = [
        model(name, *(flow(of, f"{name}.{column}", is_direct=direct) for of, column, direct in flows))
        for name, flows in jobs.items()
        if name in entries
    ]
    return told(entries.values(), built)


versions = st.lists(st.builds(version, entries_of, jobs_of), min_size=1, max_size=4)
happenings = st.lists(
    st.tuples(st.sampled_from(["publish", "hold", "discard", "run", "back", "unpin", "collect", "read", "elsewhere"]),
              st.sampled_from(NAMES), st.integers(0, 40)),
    max_size=12,
)  # fmt: skip
DAY = datetime(2011, 3, 1, tzinfo=UTC)


def happen(ledger: Ledger, what: str, name: str, number: int) -> None:
    """Record one thing that happened to an asset, or who read it."""
    at = DAY + timedelta(days=number)
    span = {"interval_start": (DAY + timedelta(days=number % 3)).date().isoformat()}
    held = {"asset": name, "candidate": str(number), **span}
    events = {
        "publish": Event("asset.published", {"asset": name, "deployment": f"d{number}", **span}),
        "hold": Event("candidate.quarantined", held),
        "discard": Event("candidate.discarded", held),
        "run": Event("run.completed", {"run_id": "r", "asset": name, "status": "success", **span}),
        "back": Event("deploy.rolled_back", {"deploy_id": "d", "to": f"b{number}", "assets": [name]}),
        "unpin": Event("deploy.unpinned", {"product": "p", "assets": [name]}),
        "collect": Event("asset.collected", {"assets": [name]}),
        "elsewhere": Event("asset.published", {"asset": name, "deployment": "other"}, env="dev"),
    }
    if what == "read":
        kinds = ("person", "service", "agent")
        said = {"consumer": f"c{number % 5}", "consumer_type": kinds[number % 3], "resource": name, "status": "ok"}
        said |= {"query_id": f"q{number}", "metrics": ["m.top"]}
        ledger.raw.append("usage.query", [Event("usage.query", said, occurred_at=at)] * 2)
    else:
        ledger.append(events[what])


@given(versions=versions, happened=happenings, every=st.integers(1, 4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_step_by_step_is_what_a_rebuild_makes(
    tmp_path_factory: pytest.TempPathFactory,
    versions: list[Told],
    happened: list[tuple[str, str, int]],
    every: int,
) -> None:
    """Whatever files and ledger go through, and whenever it is brought up to date: the result is that of a rebuild.

    Tables, signals and search answers alike.
    """
    root, clock = tmp_path_factory.mktemp("steps"), SimulatedClock(DAY)
    with Ledger.open("sqlite:///state.db", root=root, clock=clock) as ledger, Catalog(root, clock=clock) as catalog:
        left = list(happened)
        for said in versions:
            for one in left[:every]:
                happen(ledger, *one)
            del left[:every]
            catalog.update(said, ledger)
            catalog.search(Question("t1"))
        for one in left:
            happen(ledger, *one)
        catalog.update(versions[-1], ledger)
        stepped, found = content(root), [catalog.search(Question(text)) for text in ("t1", "x", "ada", "a")]
        catalog.rebuild(versions[-1], ledger)

        assert content(root) == stepped
        assert [[(h.key, h.why, h.score) for h in f.hits] for f in found] == [
            [(h.key, h.why, h.score) for h in catalog.search(Question(text)).hits] for text in ("t1", "x", "ada", "a")
        ]


def test_what_was_collected_waits_no_more(catalog: Catalog, ledger: Ledger, tmp_path: Path) -> None:
    """An asset that was taken from consumers while rows of it waited stands where one stands of which nothing waits."""
    files = told([asset("a.p0.t0", "x")])
    for what in ("publish", "hold", "collect"):
        happen(ledger, what, "a.p0.t0", 0)
        catalog.update(files, ledger)
    stepped = content(tmp_path)
    catalog.rebuild(files, ledger)

    assert content(tmp_path) == stepped


def test_what_did_not_change_is_not_written(catalog: Catalog, ledger: Ledger) -> None:
    """An update with nothing new writes nothing, and one changed entry is one entry."""
    entries = [asset(f"a.b.t{i}", "x") for i in range(20)]
    catalog.update(told(entries), ledger)
    again = catalog.update(told(entries), ledger)
    one = catalog.update(told([*entries[:-1], asset("a.b.t19", "x", owner="ada")]), ledger)

    assert again.is_nothing
    assert (one.entries, one.gone, one.jobs) == (1, 0, 0)


def test_edges_that_end_are_closed_and_those_that_stay_are_not_touched(
    catalog: Catalog, clock: SimulatedClock, tmp_path: Path
) -> None:
    """A job's edges are replaced together: what it says no more ends now, what it still says began when it began."""
    entries = [asset("a.b.raw", "x", "y"), asset("a.b.out", "x", "y")]
    catalog.update(told(entries, [model("a.b.out", flow("a.b.raw.x", "a.b.out.x"), flow("a.b.raw.y", "a.b.out.y"))]))
    clock.advance(timedelta(days=1))
    catalog.update(told(entries, [model("a.b.out", flow("a.b.raw.x", "a.b.out.x"), flow("a.b.raw.x", "a.b.out.y"))]))
    with sqlite3.connect(tmp_path / FOLDER / "catalog.db") as connection:
        spans = connection.execute(
            "SELECT f.name, g.name, e.valid_to - e.valid_from, e.valid_from FROM edge e "
            "JOIN field f ON f.key = e.source JOIN field g ON g.key = e.target ORDER BY e.valid_from, f.name"
        ).fetchall()
    connection.close()
    day = 86_400_000_000
    begun = spans[0][3]

    assert spans == [("x", "x", None, begun), ("y", "y", day, begun), ("x", "y", None, begun + day)]
    assert catalog.standing().closed == 1


def test_a_failing_read_of_files_changes_nothing(catalog: Catalog, tmp_path: Path) -> None:
    """Files in error leave the catalog as it was: an error is not a deletion."""
    catalog.update(told([asset("a.b.t", "x")]))
    before = content(tmp_path)

    def fail() -> None:
        raise FreeholdError("FH-V001", "no estate")

    with pytest.raises(FreeholdError, match="no estate"):
        catalog.update(Told({"all": "other"}, fail))  # type: ignore[arg-type]
    assert content(tmp_path) == before
    assert catalog.search(Question("t")).total == 1


def test_what_comes_back_is_found_again(catalog: Catalog) -> None:
    """An entry that goes and comes is found, not found, and found."""
    both, one = told([asset("a.b.t", "x"), asset("a.b.u")]), told([asset("a.b.u")])
    totals = []
    for said in (both, one, both):
        catalog.update(said)
        totals.append((catalog.search(Question("t")).total, catalog.standing().kinds["asset"]))

    assert totals == [(1, 2), (0, 1), (1, 2)]


def _scribble(path: Path) -> None:
    path.write_bytes(b"this is no database" * 500)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda folder: [p.unlink() for p in (folder / "index").iterdir()], id="the index is emptied"),
        pytest.param(lambda folder: (folder / "index" / "meta.json").write_text("{"), id="the index is broken"),
        pytest.param(lambda folder: (folder / "catalog.db").unlink(), id="the tables are lost"),
        pytest.param(lambda folder: _scribble(folder / "catalog.db"), id="the tables are scribbled over"),
        pytest.param(shutil.rmtree, id="everything is lost"),
    ],
)
def test_losing_it_loses_nothing(
    tmp_path: Path, ledger: Ledger, clock: SimulatedClock, harm: Callable[[Path], object]
) -> None:
    """Whatever part is lost or broken: the next update and search make it again, the same."""
    said = told([asset("a.b.t", "x"), asset("a.b.u", "x")], [model("a.b.u", flow("a.b.t.x", "a.b.u.x"))])
    ledger.append(Event("asset.published", {"asset": "a.b.t", "deployment": "d1"}))
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(said, ledger)
        found, before = catalog.search(Question("t")), content(tmp_path)
    for rest in ("catalog.db-wal", "catalog.db-shm"):
        (tmp_path / FOLDER / rest).unlink(missing_ok=True)
    harm(tmp_path / FOLDER)
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(said, ledger)

        assert catalog.search(Question("t")).hits == found.hits
        assert content(tmp_path) == before


def test_another_ledger_is_read_from_its_start(tmp_path: Path, catalog: Catalog, clock: SimulatedClock) -> None:
    """A ledger that was restored or made anew is not taken for the one that was read."""
    said = told([asset("a.b.t")])
    for name, deployment in (("one", "d1"), ("two", "d2")):
        with Ledger.open(f"sqlite:///{name}.db", root=tmp_path / name, clock=clock) as ledger:
            ledger.append(Event("asset.published", {"asset": "a.b.t", "deployment": deployment}))
            catalog.update(said, ledger)
    assert [row[1] for row in content(tmp_path)["live"]] == ["d2"]


def test_an_index_of_another_catalog_is_made_anew(tmp_path: Path, clock: SimulatedClock) -> None:
    """An index belongs to the tables it was made from: those of another life are never answered from it."""
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(told([asset("a.b.first")]))
        catalog.search(Question("first"))
        (tmp_path / FOLDER / "catalog.db").unlink()
        for rest in ("catalog.db-wal", "catalog.db-shm"):
            (tmp_path / FOLDER / rest).unlink(missing_ok=True)
        catalog.update(told([asset("a.b.second")]))

        assert catalog.search(Question("first")).total == 0
        assert catalog.search(Question("second")).total == 1


WORKER = """
import os, signal, sys
sys.path.insert(0, {here!r})
from pathlib import Path
from listings import asset, told
from freehold.catalog import Catalog, index, projecting
from freehold.catalog import Question
point, root = sys.argv[1], Path(sys.argv[2])
die = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
if point == "before the commit":
    projecting._note_documents = die
elif point == "before the index":
    index.Index.catch_up = die
elif point == "within the index":
    index.weight = lambda *a: die()
with Catalog(root) as catalog:
    catalog.update(told([asset("a.b.old"), *(asset(f"a.b.new_{{i}}", "x") for i in range(50))]))
    catalog.search(Question("new"))
    die()
"""


@pytest.mark.parametrize("point", ["before the commit", "before the index", "within the index", "after all"])
def test_a_process_killed_at_any_point_is_healed_by_the_next(tmp_path: Path, clock: SimulatedClock, point: str) -> None:
    """SIGKILL within the transaction, between tables and index, or within the index: the next search is whole."""
    first, second = told([asset("a.b.old")]), [asset("a.b.old"), *(asset(f"a.b.new_{i}", "x") for i in range(50))]
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(first)
        catalog.search(Question("old"))
        code = WORKER.format(here=str(Path(__file__).parent))
        killed = subprocess.run([sys.executable, "-c", code, point, str(tmp_path)], capture_output=True, timeout=60)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        seen = catalog.search(Question("new")).total
        catalog.update(told(second))

        assert seen == (0 if point == "before the commit" else 50)
        assert catalog.search(Question("new")).total == 50
        assert catalog.search(Question("old")).total == 1


def test_readers_see_one_state_while_it_is_written(tmp_path: Path, clock: SimulatedClock) -> None:
    """Threads that search and walk while another updates never see half an update, and none fails."""
    even, odd = ([asset(f"a.b.{kind}_{i}", "x") for i in range(30)] for kind in ("even", "odd"))
    hub = asset("a.b.hub", "x")
    sides = [
        told([hub, *side], [model(one.key.id, flow("a.b.hub.x", f"{one.key.id}.x")) for one in side])
        for side in (even, odd)
    ]
    failed: list[BaseException] = []
    done = threading.Event()
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(sides[0])

        def read() -> None:
            try:
                while not done.is_set():
                    nodes = catalog.reach(catalog.find("a.b.hub")).hops[0].nodes
                    kinds = {node.key.id.rpartition("_")[0] for node in nodes}
                    assert len(kinds) == 1
                    assert catalog.reach(catalog.find("a.b.hub")).count == 30
                    assert catalog.search(Question("hub")).hits[0].key == Key("asset", "a.b.hub")
                    assert {catalog.search(Question(word)).total for word in ("even", "odd")} <= {0, 30}
            except BaseException as error:
                failed.append(error)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for turn in range(12):
            catalog.update(sides[turn % 2])
        done.set()
        for reader in readers:
            reader.join()

    assert not failed


def test_two_processes_may_keep_it_at_once(tmp_path: Path, clock: SimulatedClock) -> None:
    """Processes that update and search the same catalog wait for each other, and all end well."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\nfrom listings import asset, told\nfrom freehold.catalog import Catalog, Question\n"
        "with Catalog(Path(sys.argv[1])) as catalog:\n"
        "    for turn in range(8):\n"
        "        catalog.update(told([asset(f'a.b.t{sys.argv[2]}_{turn}')]))\n"
        "        catalog.search(Question('t'))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)], stderr=subprocess.PIPE) for n in range(3)
    ]
    assert [(one.communicate(timeout=120)[1], one.returncode) for one in running] == [(b"", 0)] * 3
    with Catalog(tmp_path, clock=clock) as catalog:
        catalog.update(told([asset("a.b.last")]))
        assert catalog.search(Question("last")).total == 1
        assert catalog.standing().kinds == {"asset": 1}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A catalog that cannot be kept says where, and that nothing else is concerned."""
    (tmp_path / ".freehold").write_text("a file where a folder should be")
    with Catalog(tmp_path) as catalog, pytest.raises(FreeholdError) as error:
        catalog.update(told([]))

    assert error.value.code == "FH-F101"


def test_a_segment_of_use_that_is_gone_is_told_and_takes_nothing_with_it(
    tmp_path: Path, catalog: Catalog, ledger: Ledger
) -> None:
    """The rest is followed, and the standing says which use could not be counted."""
    happen(ledger, "read", NAMES[0], 1)
    ledger.append(Event("asset.published", {"asset": NAMES[0], "deployment": "d1"}))
    for path in tmp_path.rglob("usage.query/*.parquet"):
        path.unlink()
    catalog.update(told([asset(NAMES[0])]), ledger)

    assert "cannot be read" in catalog.standing().unread
    assert catalog.search(Question("t0")).hits[0].state == "live"


def test_use_by_people_sorts_hits_and_services_do_not(catalog: Catalog, ledger: Ledger) -> None:
    """What more people read stands first; a service that reads every hour lifts nothing."""
    for person in range(6):
        said = {"consumer": f"user:{person}", "consumer_type": "person", "resource": "a.b.t_people", "status": "ok"}
        ledger.raw.append("usage.query", [Event("usage.query", said)])
    often = {"consumer": "nightly", "consumer_type": "service", "resource": "a.b.t_service", "status": "ok"}
    ledger.raw.append("usage.query", [Event("usage.query", often)] * 500)
    catalog.update(told([asset("a.b.t_service"), asset("a.b.t_people"), entry("team", "t")]), ledger)
    hits = catalog.search(Question("t", kinds=("asset",))).hits

    assert [(h.key.id, h.persons, h.services) for h in hits] == [("a.b.t_people", 6, 0), ("a.b.t_service", 0, 1)]
    assert "read by 6 people in 30 days" in hits[0].why


def test_use_that_is_long_ago_counts_no_more(tmp_path: Path, catalog: Catalog, ledger: Ledger) -> None:
    """When later use moves the window on, what was read before it sinks, as it would after a rebuild."""
    said = told([asset("a.b.then"), asset("a.b.now")])
    for name, day in (("a.b.then", 0), ("a.b.now", 35)):
        read = {"consumer": "user:ada", "consumer_type": "person", "resource": name, "status": "ok"}
        ledger.raw.append("usage.query", [Event("usage.query", read, occurred_at=DAY + timedelta(days=day))])
        catalog.update(said, ledger)
    stepped, hits = content(tmp_path), catalog.search(Question("a.b")).hits
    catalog.rebuild(said, ledger)

    assert [(h.key.id, h.persons) for h in hits] == [("a.b.now", 1), ("a.b.then", 0)]
    assert content(tmp_path) == stepped


def test_what_is_live_is_told_of_one_environment(catalog: Catalog, ledger: Ledger) -> None:
    """Events of other environments count nothing, and another environment is followed from the start."""
    happen(ledger, "elsewhere", NAMES[0], 1)
    ledger.append(Event("candidate.quarantined", {"asset": NAMES[0], "candidate": "1"}, env="prod"))
    catalog.update(told([asset(NAMES[0])]), ledger, env="prod")
    in_prod = catalog.search(Question("t0")).hits[0].state
    catalog.update(told([asset(NAMES[0])]), ledger, env="dev")

    assert in_prod == "in quarantine"
    assert catalog.search(Question("t0")).hits[0].state == "live"
