"""Lists of runs: what is kept of them tells the same as the ledger, to everybody, whenever they ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.delivery import run_book
from freehold.delivery.run_book import RunBook, RunLine
from freehold.delivery.runs import OUTCOMES, run
from freehold.ledger import Event, Ledger

PRODUCTS = ("d.a", "d.b", "d.c")
OF_STATUS = {"success": "published", "skipped": "held", "quarantined": "quarantined", "failed": "failed"}
ENV = "prod"


@dataclass(frozen=True)
class Step:
    """What one step of a run is told as."""

    product: str
    status: str
    day: int
    rows: int

    def event(self, run_id: str, env: str = ENV) -> Event:
        """Return the event that tells of it."""
        days = {"interval_start": f"2026-01-{self.day:02}", "interval_end": f"2026-01-{self.day + 1:02}"}
        said = {"run_id": run_id, "asset": f"{self.product}.t", "status": self.status, "rows": self.rows, "cost_s": 0.5}
        more = days if self.day else {}
        return Event("run.completed", said | more, env=env, product=self.product, run_id=run_id)


@dataclass(frozen=True)
class Ran:
    """A run, what it published, whether somebody asks before it is over, and after."""

    steps: tuple[Step, ...]
    published: frozenset[str]
    status: str
    is_looked_at: bool

    def settled(self, run_id: str, env: str = ENV) -> Event:
        """Return the event of its settlement."""
        said = {
            "deploy_id": f"deploy-{run_id}", "env": env, "status": self.status,
            "assets": sorted(f"{product}.t" for product in self.published), "change_ids": [f"change-{run_id}"],
        }  # fmt: skip
        return Event("deploy.completed", said, env=env, run_id=run_id)


steps = st.builds(
    Step, st.sampled_from(PRODUCTS), st.sampled_from(list(OF_STATUS)), st.integers(0, 3), st.integers(0, 9)
)
ran = st.builds(
    Ran,
    st.lists(steps, min_size=1, max_size=5).map(tuple),
    st.frozensets(st.sampled_from(PRODUCTS)),
    st.sampled_from(["success", "failed"]),
    st.booleans(),
)
numbers = count()  # of environments: each history is in one of its own
seen = st.none() | st.frozensets(st.sampled_from(PRODUCTS))


def tell(ledger: Ledger, history: list[Ran], book: RunBook | None = None, env: str = ENV) -> None:
    """Tell a ledger of runs, one after the other; a book may be asked in between."""
    for number, one in enumerate(history):
        id_ = f"run-{number}"
        first, *others = (*(step.event(id_, env) for step in one.steps), one.settled(id_, env))
        if book is None or not one.is_looked_at:
            ledger.append(first, *others)
            continue
        for events in ((first,), others):
            ledger.append(*events)
            book.lines(env)


def expected(
    history: list[Ran], sees: frozenset[str] | None, product: str, outcome: str
) -> Iterator[tuple[object, ...]]:
    """Yield what a list is to tell of each run, the newest first, reckoned from what was told of it."""
    for number, one in reversed(list(enumerate(history))):
        mine = [s for s in one.steps if (sees is None or s.product in sees) and product in ("", s.product)]
        ended = [OF_STATUS[s.status] for s in mine]
        worst = max(ended, key=OUTCOMES.index, default="")
        if not mine or (outcome and worst != outcome):
            continue
        eyes = sees if not product else frozenset({product})
        is_told = one.status == "success" and (eyes is None or not one.published or one.published & eyes)
        troubles = [s for s in mine if s.status in ("quarantined", "failed")]
        days = [f"2026-01-{s.day:02}" for s in mine if s.day]
        yield (
            f"run-{number}", worst, len(mine), sum(s.rows for s in mine), 0.5 * len(mine),
            tuple(dict.fromkeys(s.product for s in mine)), tuple(ended.count(o) for o in OUTCOMES),
            (min(days, default=""), max(days, default="")), (troubles[0].product if troubles else ""),
            ((f"deploy-run-{number}",), (f"change-run-{number}",)) if is_told else ((), ()),
        )  # fmt: skip


def told(one: RunLine) -> tuple[object, ...]:
    """Return the same of a run in a list."""
    return (
        one.id, one.outcome, one.steps, one.rows, one.seconds, one.products, one.counts, (one.earliest, one.latest),
        one.trouble.product if one.trouble else "", (one.deployments, one.changes),
    )  # fmt: skip


def paged(book: RunBook, env: str, limit: int, **asked: object) -> list[RunLine]:
    """Return what all pages of a list hold, one after the other."""
    found: list[RunLine] = []
    before = 0
    while True:
        page, further = book.lines(env, before=before, limit=limit, **asked)  # type: ignore[arg-type]
        assert len(page) <= limit
        assert not before or further < before, "a page leads on"
        found, before = [*found, *page], further
        if not before:
            return found


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """One ledger for all histories."""
    with Ledger.open("sqlite:///state.db", root=tmp_path_factory.mktemp("told")) as opened:
        yield opened


@settings(max_examples=60)
@given(
    history=st.lists(ran, max_size=7),
    sees=seen,
    product=st.sampled_from(("", *PRODUCTS)),
    outcome=st.sampled_from(("", *OUTCOMES)),
    limit=st.integers(1, 4),
    room=st.sampled_from([(100_000, 20_000, 50), (2, 20_000, 1), (3, 4, 2), (1, 1, 1)]),
)
def test_every_list_tells_what_the_ledger_does(
    ledger: Ledger,
    history: list[Ran],
    sees: frozenset[str] | None,
    product: str,
    outcome: str,
    limit: int,
    room: tuple[int, int, int],
) -> None:
    """Whoever looks, by whatever filter, however long the pages are, and however little of it is kept at hand."""
    env = f"env-{next(numbers)}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in zip(("_MOST_PARTS", "_MOST_EVENTS", "_FURTHER"), room, strict=True):
            patch.setattr(run_book, name, value)
        patch.setattr(run_book, "_FEW", 1)
        followed, anew = RunBook(ledger), RunBook(ledger)
        tell(ledger, history, followed, env)
        wanted = list(expected(history, sees, product, outcome))
        for book in (followed, anew, followed):  # once again: what was read for others is at hand by now
            found = paged(book, env, limit, seen=sees, product=product, outcome=outcome)
            assert [told(one) for one in found] == wanted


def test_a_late_settlement_is_told_of_its_run(tmp_path: Path) -> None:
    """After a crash a deployment is completed by whoever comes next, when its run has long ended."""
    history = [Ran((Step("d.a", "success", 1, 5),), frozenset({"d.a"}), "failed", True) for _ in range(3)]
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        book = RunBook(ledger)
        tell(ledger, history, book)
        ledger.append(Ran((), frozenset({"d.a"}), "success", False).settled("run-0"))
        found, _ = book.lines(ENV)

    assert [one.deployments for one in found] == [(), (), ("deploy-run-0",)]


def test_an_ended_run_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next who ask, whatever they see, have it without a look at its events."""
    read: list[int] = []

    def counted(event: object) -> object:
        read.append(1)
        return step_told(event)  # type: ignore[arg-type]

    step_told = run_book.step_told
    monkeypatch.setattr(run_book, "step_told", counted)
    history = [Ran(tuple(Step(p, "success", 1, 5) for p in PRODUCTS), frozenset(), "success", False) for _ in range(4)]
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        book = RunBook(ledger)
        tell(ledger, history)
        for eyes in (None, frozenset({"d.a"}), None):
            assert len(book.lines(ENV, seen=eyes)[0]) == 4
        assert len(read) == 12
        ledger.append(Step("d.a", "failed", 2, 0).event("run-3"))
        newest = book.lines(ENV)[0][0]

    assert (newest.id, newest.outcome, newest.steps) == ("run-3", "failed", 4)
    assert len(read) == 13


def test_a_list_and_a_run_say_the_same(tmp_path: Path) -> None:
    """What a run's own page tells is what stands in the list."""
    steps = tuple(Step(p, s, 2, 5) for p, s in zip(PRODUCTS, ("success", "failed", "skipped"), strict=True))
    with Ledger.open("sqlite:///state.db", root=tmp_path) as ledger:
        tell(ledger, [Ran(steps, frozenset(PRODUCTS), "success", False)])
        (line,), _ = RunBook(ledger).lines(ENV)
        whole = run(ledger, ENV, line.id).run

    assert line.counts == tuple(whole.count(outcome) for outcome in OUTCOMES)
    names = (
        "id",
        "at",
        "actor",
        "trigger",
        "first",
        "last",
        "products",
        "outcome",
        "deployments",
        "changes",
        "seconds",
    )
    assert [getattr(line, name) for name in names] == [getattr(whole, name) for name in names]
