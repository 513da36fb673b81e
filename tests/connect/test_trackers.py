"""Trackers: what changed there is told here, once, when it happened and by whom; the tracker rules."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.connect.outbound import Outbound, outbound_from
from freehold.connect.trackers import Synced, Syncing, tracker_findings, trackers_of
from freehold.estate import load_estate
from freehold.foundation import Caller, FreeholdError, SimulatedClock, Transient
from freehold.ledger import Ledger
from freehold.work import Item, Work, inbox
from live_process import FREEHOLD, freehold, served, until
from live_tracker import Ticket, Tracking, many, tracking

LOOPBACK = outbound_from({"allow": ["127.0.0.1"], "plain_http": True})
STATE = "sqlite:///.freehold/state.db"
ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner, name: Corner shop}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
  server: {outbound: {allow: [127.0.0.1], plain_http: true}, url: "https://data.example.com"}
"""
TEAM = """apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec:
  members: ["user:idp/ana"]
  roles: {owner: ["user:idp/ana"], steward: ["user:idp/sam"]}
  handles:
    jira: {acc-ana: ["group:idp/all", "user:idp/ana"], acc-vera: ["user:idp/vera"]}
    linear: {acc-ana: ["user:idp/ana"], acc-vera: ["user:idp/vera"]}
    servicenow: {acc-ana: ["user:idp/ana"], acc-vera: ["user:idp/vera"]}
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: ops, owner: sales}
spec: {review_by: 2999-01-31}
"""
PRODUCT = "apiVersion: v1.0.0\nkind: DataProduct\nid: sales.orders\nstatus: active\nteam: {name: sales}\n"
TRACKER = """apiVersion: freehold.dev/v1
kind: Tracker
metadata: {{id: ops, owner: sales}}
spec:
  system: {system}
  url: {url}
  token: env:OPS_TOKEN
  project: OPS
  as: service:ops
  product: sales.orders
  items:
    Bug:
      workflow: data_request
      states: {{To Do: asked, In Progress: taken, Done: done, "1": asked, "2": taken, "6": done}}
    Task: {{workflow: question, states: {{To Do: asked}}, fields: {{what: $title, decision: $key}}}}
"""
NOW = datetime(2011, 3, 7, 10, tzinfo=UTC)
# What each system calls the three statuses.
STATUSES = {"jira": ("To Do", "In Progress", "Done"), "linear": ("To Do", "In Progress", "Done")}
STATUSES |= {"servicenow": ("1", "2", "6")}


class Bench:
    """An estate, a tracker, and the syncs between them."""

    def __init__(self, root: Path, tracker: Tracking, text: str = TRACKER) -> None:
        self.root, self.tracker, self.clock = root, tracker, SimulatedClock(NOW)
        self.slept: list[float] = []
        files = {
            "estate.yaml": ESTATE, "teams.yaml": TEAM, "orders/product.odps.yaml": PRODUCT,
            "tracker.yaml": text.format(system=tracker.system, url=tracker.url),
        }  # fmt: skip
        for name, content in files.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(content, encoding="utf-8")
        (root / ".freehold").mkdir()
        self.ledger = Ledger.open(STATE, root=root, caller=Caller("user:idp/sam"), clock=self.clock)

    def syncing(self, outbound: Outbound = LOOPBACK) -> Syncing:
        estate = load_estate(self.root, cache=False)
        return Syncing(estate, self.ledger, outbound, address="https://data.example.com", sleep=self.slept.append)

    def sync(self, **said: Any) -> Synced:
        return self.syncing().sync(trackers_of(load_estate(self.root, cache=False))["ops"], **said)

    def work(self, who: str = "sam") -> Work:
        ledger = self.ledger.acting(Caller(f"user:idp/{who}", assurance="oidc"))
        return Work(load_estate(self.root, cache=False), ledger, clock=self.clock)

    def items(self) -> tuple[Item, ...]:
        return self.work().items()

    def newest(self) -> int:
        return next((e.seq for e in self.ledger.read(newest_first=True, limit=1)), 0)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Bench]]:
    """Return a function that sets up an estate with a tracker."""
    monkeypatch.setenv("OPS_TOKEN", "s3cret-token")
    opened: list[Any] = []

    def make(system: str = "jira", text: str = TRACKER, **said: Any) -> Bench:
        running = tracking(system, **said)
        one = Bench(tmp_path, running.__enter__(), text)
        opened.append((running, one))
        return one

    yield make
    for running, one in opened:
        one.ledger.close()
        running.__exit__(None, None, None)


def ticket(system: str = "jira", steps: int = 2, **said: Any) -> Ticket:
    """Return an issue that was taken on Wednesday by Ana, and done on Friday by somebody whom no team names."""
    todo, doing, done = STATUSES[system]
    changes = [
        ("c1", "2011-03-02T09:30:00Z", "acc-ana", todo, doing), ("c2", "2011-03-04T16:00:00Z", "acc-x", doing, done),
    ][:steps]  # fmt: skip
    updated = changes[-1][1] if changes else "2011-03-01T08:00:00Z"
    status = changes[-1][4] if changes else todo
    return Ticket("10001", "OPS-1", status, "2011-03-01T08:00:00Z", updated, changes=changes, **said)


@pytest.mark.parametrize("system", ["jira", "linear", "servicenow"])
def test_the_changelog_becomes_the_history_of_an_item(bench: Callable[..., Bench], system: str) -> None:
    """Each change when it was made and by whom a team names; who is not known stays out of the ledger."""
    one = bench(system, tickets=[ticket(system)])
    came = one.sync()
    item = one.items()[0]

    assert (came.issues, came.begun, came.moves, came.unknown, came.problems, came.strange) == (1, 1, 2, 1, {}, {})
    assert [(p.state, f"{p.since:%d %H:%M}", p.actor, p.source) for p in item.history] == [
        ("asked", "01 08:00", "service:ops", ""),
        ("taken", "02 09:30", "user:idp/ana", "c1"),
        ("done", "04 16:00", "service:ops", "c2"),
    ]
    assert (item.requester, item.product, one.work().title(item)) == ("user:idp/vera", "sales.orders", "Totals are off")
    assert item.tracked is not None
    assert (item.tracked.tracker, item.tracked.issue, item.tracked.key) == ("ops", "10001", "OPS-1")
    assert "acc-" not in json.dumps([e.to_json() for e in one.ledger.read()])


@pytest.mark.parametrize("system", ["jira", "linear", "servicenow"])
def test_the_issue_is_told_which_item_it_is(bench: Callable[..., Bench], system: str) -> None:
    """Once, however often it is told: the key leads both ways."""
    one = bench(system, tickets=[ticket(system)])
    one.sync()
    said = json.dumps(one.tracker.told["10001"])

    assert one.items()[0].id in said
    assert "https://data.example.com/items/" in said
    assert len(one.tracker.told["10001"]) == 1


@pytest.mark.parametrize("system", ["jira", "linear", "servicenow"])
def test_the_same_changelog_twice_changes_nothing(bench: Callable[..., Bench], system: str) -> None:
    """No event is recorded for what is known; only what is new is a move."""
    one = bench(system, tickets=[ticket(system, steps=1)])
    one.sync()
    before = one.newest()
    again = one.sync()
    still = one.newest()
    one.tracker.tickets[:] = [ticket(system)]
    more = one.sync()

    assert (again.begun, again.moves, still) == (0, 0, before)
    assert (more.begun, more.moves) == (0, 1)
    assert [p.state for p in one.items()[0].history] == ["asked", "taken", "done"]


def test_pages_are_followed_to_the_last(bench: Callable[..., Bench]) -> None:
    """Nothing is lost where a page ends."""
    one = bench(tickets=many(7, datetime(2011, 3, 1, tzinfo=UTC)), page=3)

    assert (one.sync().begun, len(one.items())) == (7, 7)


def test_a_trial_records_nothing(bench: Callable[..., Bench]) -> None:
    """It says what would be, and neither the ledger nor the tracker has more than before."""
    one = bench(tickets=[ticket()])
    came = one.sync(is_trial=True)

    assert (came.begun, came.moves, one.newest(), one.tracker.told) == (1, 2, 0, {})


def test_the_tracker_rules_the_state_until_they_are_parted(bench: Callable[..., Bench]) -> None:
    """Nobody moves the item here, and it waits for nobody; parted, it is moved here and the tracker no more."""
    one = bench(tickets=[ticket(steps=1)])
    one.sync()
    work, item = one.work(), one.items()[0]
    with pytest.raises(FreeholdError) as refused:
        work.move(item.id, "deliver")
    waits = inbox(work)
    from freehold.work import Tracking as Followed

    estate = load_estate(one.root, cache=False)
    Followed(estate, one.ledger.acting(work.caller), one.clock).untrack(item.id)
    moved = work.move(item.id, "deliver").item
    one.tracker.tickets[:] = [ticket()]
    came = one.sync()

    assert (refused.value.code, waits) == ("FH-X301", ())
    assert "`OPS-1` in `ops`" in refused.value.problem
    assert (moved.state, came.parted, came.moves) == ("done", 1, 0)
    assert one.items()[0].tracked is None


def test_an_item_that_began_here_can_become_an_issue(bench: Callable[..., Bench]) -> None:
    """From then on the tracker rules it: it stands as its issue does, and what went on before is no move of it."""
    one = bench(tickets=[ticket(steps=1)])
    work = one.work()
    mine = work.create("data_request", {"what": "Churn by month"}, product="sales.orders").item
    one.clock.advance(timedelta(minutes=1))
    syncing, declared = one.syncing(), trackers_of(load_estate(one.root, cache=False))["ops"]
    tracked = syncing.track(declared, mine.id, "OPS-1", work.caller)
    synced = one.sync()

    assert (tracked.state, [p.source for p in tracked.history]) == ("taken", ["", "as it stands"])
    assert (synced.begun, synced.moves, len(one.items())) == (0, 0, 1)
    assert mine.id in json.dumps(one.tracker.told)
    other = work.create("data_request", {"what": "Again"}, product="sales.orders").item
    with pytest.raises(FreeholdError) as refused:
        syncing.track(declared, other.id, "OPS-1", work.caller)
    with pytest.raises(FreeholdError) as nothing:
        syncing.track(declared, other.id, "OPS-99", work.caller)
    assert (refused.value.code, nothing.value.code) == ("FH-X302", "FH-X309")


@pytest.mark.parametrize("system", ["jira", "linear", "servicenow"])
def test_an_item_is_filed_once_and_each_has_the_key_of_the_other(bench: Callable[..., Bench], system: str) -> None:
    """Filed in a tracker it is ruled there; where the answer is lost, filing again finds what was filed."""
    one = bench(system, now=f"{NOW:%Y-%m-%dT%H:%M:%SZ}")
    work = one.work()
    mine = work.create("data_request", {"what": "Churn by month"}, product="sales.orders").item
    one.clock.advance(timedelta(minutes=1))
    declared, lost = trackers_of(load_estate(one.root, cache=False))["ops"], work.texts(mine)["what"]
    one.tracker.answer, answer = _losing_what_is_filed(one.tracker), one.tracker.answer  # type: ignore[method-assign]
    with pytest.raises(FreeholdError):
        one.syncing().file(declared, mine, lost, work.caller)
    one.tracker.answer = answer  # type: ignore[method-assign]
    filed = one.syncing().file(declared, mine, lost, work.caller)
    synced = one.sync()
    with pytest.raises(FreeholdError) as again:
        one.syncing().file(declared, filed, lost, work.caller)

    assert [ticket.title for ticket in one.tracker.tickets] == ["Churn by month"]
    assert filed.tracked is not None
    assert (filed.tracked.key, filed.state) == (one.tracker.tickets[0].key, "asked")
    assert mine.id in json.dumps(one.tracker.told)
    assert (synced.begun, len(one.items()), again.value.code) == (0, 1, "FH-X301")


def _losing_what_is_filed(tracker: Tracking) -> Callable[..., Any]:
    """Return an answer that is none for what is filed: it is there, and whoever filed it does not know."""
    before = tracker.answer

    def answer(path: str, query: dict[str, list[str]], body: Any) -> Any:
        count, told = len(tracker.tickets), before(path, query, body)
        return {} if len(tracker.tickets) > count else told

    return answer


def test_what_no_type_of_issue_stands_for_is_not_filed(bench: Callable[..., Bench]) -> None:
    """Nor what somebody may not move: nothing is asked of the tracker."""
    one = bench()
    incident = one.work().create("access_request", {"purpose": "To look.", "product": "sales.orders"})
    mine = one.work().create("data_request", {"what": "Churn"}, product="sales.orders").item
    declared = trackers_of(load_estate(one.root, cache=False))["ops"]
    with pytest.raises(FreeholdError) as strange:
        one.syncing().file(declared, incident.item, "x", one.work().caller)
    with pytest.raises(FreeholdError) as refused:
        one.syncing().file(declared, mine, "x", Caller("user:idp/stranger", assurance="oidc"))

    assert (strange.value.code, refused.value.code) == ("FH-X507", "FH-W104")
    assert one.tracker.asked == []


def test_duplicates_end_with_an_original_that_its_tracker_ends(bench: Callable[..., Bench]) -> None:
    """Whoever asked for either gets the same answer, wherever the answer came from."""
    one = bench(tickets=[ticket(steps=1)])
    one.sync()
    work, original = one.work(), one.items()[0]
    other = work.create("data_request", {"what": "Totals?"}, product="sales.orders").item
    work.link(other.id, "duplicate_of", original.id)
    one.tracker.tickets[:] = [ticket()]
    one.sync()

    ended = work.item(other.id)
    assert (ended.state, ended.history[-1].ended_with) == ("done", original.id)


def test_a_status_that_stands_for_nothing_is_told_and_passed_over(bench: Callable[..., Bench]) -> None:
    """The item stays where it was; which status, and of which issues, is named."""
    blocked = ticket(steps=1)
    blocked.changes.append(("c9", "2011-03-03T12:00:00Z", "acc-ana", "In Progress", "Blocked"))
    blocked.status, blocked.updated = "Blocked", "2011-03-03T12:00:00Z"
    one = bench(tickets=[blocked])
    came = one.sync()

    assert came.strange == {"Blocked": ["OPS-1"]}
    assert one.items()[0].state == "taken"


def test_where_the_changelog_is_silent_the_status_has_the_last_word(bench: Callable[..., Bench]) -> None:
    """A tracker may keep no history: the item stands as the issue does, once, and nobody is said to have moved it."""
    silent = ticket("servicenow", steps=0)
    one = bench("servicenow", tickets=[silent])
    one.sync()
    silent.status, silent.updated = "2", "2011-03-05T10:00:00Z"
    came, again = one.sync(), one.sync()
    last = one.items()[0].history[-1]

    assert (came.moves, again.moves) == (1, 0)
    assert (last.state, last.source, f"{last.since:%d %H:%M}") == ("taken", "as it stands", "05 10:00")


def test_an_issue_that_was_read_before_its_last_change_says_nothing_new(bench: Callable[..., Bench]) -> None:
    """Between the search and the changelog an issue may move: it is not moved back."""
    late = ticket()
    late.status, late.updated = "In Progress", "2011-03-02T09:30:00Z"
    one = bench(tickets=[late])
    one.sync()

    assert [p.state for p in one.items()[0].history] == ["asked", "taken", "done"]


def test_one_wrong_issue_keeps_back_no_other(bench: Callable[..., Bench]) -> None:
    """It is named with what is wrong, and looked at again the next time."""
    untitled = Ticket("10002", "OPS-2", "To Do", "2011-03-01T08:00:00Z", "2011-03-01T08:00:00Z", title="")
    one = bench(tickets=[untitled, ticket()])
    came = one.sync()
    untitled.title = "Now it has one"
    later = one.sync()

    assert (came.begun, {key: error.code for key, error in came.problems.items()}) == (1, {"OPS-2": "FH-W106"})
    assert (later.begun, later.problems, len(one.items())) == (1, {}, 2)


def test_only_what_changed_since_is_asked_for_until_the_file_changes(bench: Callable[..., Bench]) -> None:
    """With a little overlap; a file that says something else is gone by from the start."""
    one = bench(tickets=[ticket()])
    one.sync()
    one.sync()
    path = one.root / "tracker.yaml"
    path.write_text(path.read_text() + "  every: 1h\n")
    one.sync()
    asked = [body["jql"] for place, body in one.tracker.asked if place.endswith("/jql")]

    assert asked[0] == 'project = "OPS" ORDER BY updated ASC'
    assert asked[1] == 'project = "OPS" AND updated >= "-3965m" ORDER BY updated ASC'  # Friday 15:55 to Monday 10:00
    assert asked[2] == asked[0]


@pytest.mark.parametrize(
    ("system", "failing", "slept"),
    [
        ("jira", [(503, {}, b""), (500, {}, b"")], [1.0, 2.0]),
        ("jira", [(429, {"Retry-After": "7"}, b"")], [7.0]),
        ("linear", [(400, {}, b'{"errors":[{"extensions":{"code":"RATELIMITED"}}]}')], [1.0]),
        ("servicenow", [(429, {"Retry-After": "2"}, b""), (502, {}, b"")], [2.0, 2.0]),
    ],
    ids=["failures", "a limit that says how long", "a limit as Linear says it", "both"],
)
def test_what_fails_for_now_is_asked_again(
    bench: Callable[..., Bench], system: str, failing: list[Any], slept: list[float]
) -> None:
    """After the wait that the tracker asks for, or one that doubles; then all is as if nothing had been."""
    one = bench(system, tickets=[ticket(system)], failing=failing)
    came = one.sync()

    assert (came.begun, came.moves, one.slept) == (1, 2, slept)


@pytest.mark.parametrize(
    ("failing", "code", "is_transient"),
    [
        ([(503, {}, b"")] * 5, "FH-X306", True),
        ([(429, {"Retry-After": "3600"}, b"")], "FH-X306", True),
        ([(401, {}, b"")], "FH-X307", False),
        ([(200, {}, b"<html>")], "FH-X308", False),
        ([(200, {}, b'{"issues": [{"id": "1"}]}')], "FH-X308", False),
    ],
    ids=["it fails on", "a limit of an hour", "a token that may not", "no JSON", "another form"],
)
def test_what_does_not_pass_is_said(
    bench: Callable[..., Bench], failing: list[Any], code: str, is_transient: bool
) -> None:
    """Nothing is half brought in; a secret is in no error."""
    one = bench(tickets=[ticket()], failing=failing)
    with pytest.raises(FreeholdError) as refused:
        one.sync()

    assert (refused.value.code, isinstance(refused.value, Transient)) == (code, is_transient)
    assert "s3cret" not in str(refused.value)
    assert one.items() == ()
    assert one.sync().begun == 1


def test_a_tracker_in_a_private_network_is_asked_only_where_files_allow_it(bench: Callable[..., Bench]) -> None:
    """It goes by the rules of all that files name."""
    one = bench(tickets=[ticket()])
    tracker = trackers_of(load_estate(one.root, cache=False))["ops"]
    with pytest.raises(FreeholdError) as refused:
        one.syncing(Outbound()).sync(tracker)

    assert (refused.value.code, one.tracker.asked) == ("FH-A161", [])


@pytest.mark.parametrize(
    ("system", "user", "shown"),
    [
        ("jira", "", "Bearer s3cret-token"),
        ("jira", "bot@example.com", "Basic Ym90QGV4YW1wbGUuY29tOnMzY3JldC10b2tlbg=="),
        ("linear", "", "s3cret-token"),
    ],
    ids=["a bearer's", "with a name", "a key of Linear"],
)
def test_the_token_is_shown_as_the_system_takes_it(
    bench: Callable[..., Bench], system: str, user: str, shown: str
) -> None:
    """And to nobody else."""
    text = TRACKER.replace("  project: OPS", f"  project: OPS\n  user: {user}") if user else TRACKER
    one = bench(system, text, tickets=[ticket(system)])
    one.sync()

    assert one.tracker.authorizations == {shown}


def test_a_tracker_that_cannot_work_is_found_in_its_file(bench: Callable[..., Bench]) -> None:
    """Each with its place, and what is near."""
    text = TRACKER.replace("service:ops", "service:opps").replace("product: sales.orders", "product: sales.order")
    text = text.replace("Done: done", "Done: doen").replace("workflow: question", "workflow: qestion")
    text = text.replace("states: {{To Do: asked}}, fields", "states: {{To Do: asked}}, fields")
    one = bench("jira", text.replace("every", "every"))
    found = tracker_findings(load_estate(one.root, cache=False))

    assert [(error.code, error.where is not None) for error in found] == [("FH-X304", True)] * 4
    assert "`service:ops`" in found[0].fix
    assert "`done`" in found[2].fix


def test_the_command_brings_in_and_says_what_came(bench: Callable[..., Bench]) -> None:
    """In words and as JSON; a tracker that is not there is named with what is near."""
    one = bench(tickets=[ticket()])
    one.ledger.close()
    trial = freehold(one.root, "items", "sync", "--dry-run")
    came = freehold(one.root, "items", "sync", "--tracker", "ops")
    again = freehold(one.root, "items", "sync", "--json")
    wrong = freehold(one.root, "items", "sync", "--tracker", "op")
    listed = freehold(one.root, "items", "list", "--all", "--json")
    (item,) = json.loads(listed.stdout)["items"]
    shown = freehold(one.root, "items", "show", item["id"])

    assert "ops: 1 issue looked at, 1 item would begin, 2 moves." in trial.stderr + trial.stdout
    assert "ops: 1 issue looked at, 1 item begun, 2 moves." in came.stderr + came.stdout
    assert "1 change by people whom no team names" in came.stderr + came.stdout
    assert (json.loads(again.stdout)["trackers"][0]["moves"], wrong.returncode) == (0, 2)
    assert "FH-X310" in wrong.stderr
    assert item["tracked"] == {"tracker": "ops", "key": "OPS-1"}
    assert "\n  OPS-1 in ops, which rules its state\n" in shown.stdout
    assert "move" not in shown.stdout


def test_a_sync_that_is_killed_loses_nothing_and_doubles_nothing(bench: Callable[..., Bench]) -> None:
    """Ended by force at any instant, as often as it takes: in the end every issue is one item, moved once."""
    one = bench(tickets=many(40, datetime(2011, 3, 1, tzinfo=UTC)), page=4)
    one.ledger.close()
    words = [str(FREEHOLD), "-C", str(one.root), "items", "sync", "--json"]
    for questions in (3, 9, 20, 33, 60):  # killed once so many were asked since it began
        before = len(one.tracker.asked)
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            until(
                lambda process=process, so_far=before + questions: (
                    len(one.tracker.asked) >= so_far or process.poll() is not None
                ),
                "the tracker was asked",
            )
            process.kill()
    last = freehold(one.root, "items", "sync", "--json")
    with Ledger.open(STATE, root=one.root) as ledger:
        items = Work(load_estate(one.root, cache=False), ledger).items()
        moves = list(ledger.read(types=("work.created", "work.transitioned", "work.tracked")))

    assert json.loads(last.stdout)["trackers"][0]["problems"] == []
    assert sorted(item.tracked.key for item in items if item.tracked) == sorted(f"OPS-{i}" for i in range(40))
    assert {item.state for item in items} == {"done"}
    assert len(moves) == 3 * 40
    assert {len(links) for links in one.tracker.told.values()} == {1}


def test_the_server_brings_in_by_itself(bench: Callable[..., Bench]) -> None:
    """Without anybody asking: what changes there is an item here."""
    one = bench(tickets=[ticket()])
    one.ledger.close()
    (one.root / "estate.yaml").write_text(ESTATE.replace(', url: "https://data.example.com"', ""))
    with served(one.root) as server, Ledger.open(STATE, root=one.root) as ledger:
        work = Work(load_estate(one.root, cache=False), ledger)
        found = until(work.items, f"the item was there: {server.log.read_text()}")

    assert [(item.state, item.tracked is not None) for item in found] == [("done", True)]
