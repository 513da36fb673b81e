"""The fault matrix: what each injected fault must come to, and that nothing of it stays once the right file has come.

A week of June, Monday to Friday. Wednesday's delivery goes wrong, its right file comes together with Thursday's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.delivery import RunOutcome, Status
from freehold.demo.deliveries import Arrival, by_morning, collect, generate, land
from freehold.demo.estate_files import prepare
from freehold.demo.faults import Fault, FaultKind, spoil
from freehold.demo.generator import TradingDay, to_csv, trading_days
from freehold.demo.replay import Stage, first_instant, notes_of, replay
from freehold.demo.story import Story, tell

MONDAY = date(2026, 6, 1)
WEDNESDAY = date(2026, 6, 3)
FRIDAY = date(2026, 6, 5)
SEED = 5
DAY = timedelta(days=1)

RAW, LINES = "sales.orders.raw_lines", "sales.orders.lines"
BY_DAY_AFTER_LINES = {"sales.orders.daily_revenue"}
WHOLE_AFTER_LINES = {
    "sales.orders.monthly_revenue",
    "sales.customers.customers",
    "sales.customers.segments",
    "sales.catalogue.articles",
}
READERS = BY_DAY_AFTER_LINES | WHOLE_AFTER_LINES
ASSETS = sorted({RAW, LINES, "sales.catalogue.countries"} | READERS)

WHAT = {
    FaultKind.CURRENCY: "prices in pence, 100 to the pound",
    FaultKind.TRUNCATED: "the connection dropped at the line of 10:40",
    FaultKind.DUPLICATED: "the export ran twice; the second run stamped its lines minutes later",
    FaultKind.SCHEMA: "UnitPrice is called Price, and a column Channel came before it",
    FaultKind.LATE: "late",
}
MATRIX = [
    pytest.param(FaultKind.CURRENCY, LINES, READERS, "average price", id="a day in pence is quarantined"),
    pytest.param(FaultKind.TRUNCATED, LINES, READERS, "past noon", id="a day that stops in the morning is quarantined"),
    pytest.param(FaultKind.DUPLICATED, LINES, READERS, "repeated", id="a day loaded twice is quarantined"),
    pytest.param(FaultKind.SCHEMA, RAW, READERS | {LINES}, "UnitPrice", id="a file with other columns is refused"),
    pytest.param(FaultKind.LATE, None, set(), "", id="a day that is late is waited for"),
]


@dataclass
class Week:
    """A week lived through: the outcome of each morning's run, what was live after it, and the story at the end."""

    outcomes: dict[date, RunOutcome] = field(default_factory=dict)
    revenue: dict[date, list[tuple[Any, ...]]] = field(default_factory=dict)
    months: dict[date, list[tuple[Any, ...]]] = field(default_factory=dict)
    final: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    open_quarantines: int = 0
    story: Story = field(default_factory=lambda: Story((), ()))


def _days() -> list[TradingDay]:
    return list(trading_days(SEED, MONDAY, FRIDAY))


def _arrivals(folder: Path, kind: FaultKind | None) -> list[Arrival]:
    arrivals = []
    for day in _days():
        contents = {day.date + DAY: to_csv(day.lines)}
        if kind and day.date == WEDNESDAY:
            fault = Fault(kind, day.date, day.date + DAY, day.date + 2 * DAY, WHAT[kind])
            first = {} if kind is FaultKind.LATE else {day.date + DAY: spoil(fault, day)}
            contents = {**first, day.date + 2 * DAY: to_csv(day.lines)}
        for morning, content in contents.items():
            file = folder / "deliveries" / f"{morning}-{day.date}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            arrivals.append(Arrival(morning, day.date, file))
    return arrivals


def _tables(stage: Stage, assets: list[str]) -> dict[str, list[tuple[Any, ...]]]:
    session = stage.delivery.session("compare")
    relations = {a: stage.delivery.graph.assets[a].relation.sql for a in assets}
    try:
        return {a: session.rows(f"SELECT * FROM {sql} ORDER BY ALL") for a, sql in relations.items()}
    finally:
        session.close()


def _live(folder: Path, kind: FaultKind | None) -> Week:
    arrivals = _arrivals(folder, kind)
    prepare(folder, force=True)
    week, notes = Week(), {}
    with Stage(folder, first_instant(arrivals)) as stage:
        for morning, coming in by_morning(arrivals):
            week.outcomes[morning] = replay_morning(stage, morning, coming)
            notes |= notes_of(stage.delivery, week.outcomes[morning])
            live = _tables(stage, ["sales.orders.daily_revenue", "sales.orders.monthly_revenue"])
            week.revenue[morning], week.months[morning] = live.values()
        week.final = _tables(stage, ASSETS)
        week.open_quarantines = len(stage.delivery.quarantined())
        week.story = tell(stage.delivery, str(folder), notes)
    return week


def replay_morning(stage: Stage, morning: date, coming: list[Arrival]) -> RunOutcome:
    """Live through one morning and return the outcome of its run."""
    stage.clock.move_to(first_instant([Arrival(morning, morning, Path())]) + timedelta(hours=6))
    for arrival in coming:
        land(stage.folder, arrival)
    return stage.delivery.run()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """Return the week without a fault."""
    return _live(tmp_path_factory.mktemp("clean"), None)


@pytest.fixture(scope="module")
def week_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that lives the week of a fault once."""
    lived: dict[FaultKind, Week] = {}

    def live(kind: FaultKind) -> Week:
        if kind not in lived:
            lived[kind] = _live(tmp_path_factory.mktemp(kind.name.lower()), kind)
        return lived[kind]

    return live


def test_a_clean_week_is_published_whole(clean: Week) -> None:
    """Without a fault everything is published every morning."""
    assert {s.status for o in clean.outcomes.values() for s in o.steps} == {Status.PUBLISHED}
    assert [row[0] for row in clean.final["sales.orders.daily_revenue"]] == [MONDAY + n * DAY for n in range(5)]


@pytest.mark.parametrize(("kind", "stopped", "held", "why"), MATRIX)
def test_the_spoilt_morning(week_of: Any, kind: FaultKind, stopped: str | None, held: set[str], why: str) -> None:
    """The fault is stopped where the matrix says, and what reads it is held."""
    outcome = week_of(kind).outcomes[WEDNESDAY + DAY]

    assert {s.asset for s in outcome.of(Status.QUARANTINED)} == ({stopped} if stopped else set())
    assert {s.asset for s in outcome.of(Status.HELD)} == held
    assert outcome.of(Status.FAILED) == ()
    if stopped:
        (step,) = outcome.of(Status.QUARANTINED)
        assert why in step.reason
        assert step.kept


@pytest.mark.parametrize(("kind", "stopped", "held", "why"), MATRIX)
def test_consumers_read_the_last_good_version(
    week_of: Any, clean: Week, kind: FaultKind, stopped: str | None, held: set[str], why: str
) -> None:
    """On the spoilt morning consumers read exactly what was good the morning before."""
    week = week_of(kind)

    assert week.revenue[WEDNESDAY + DAY] == week.revenue[WEDNESDAY] == clean.revenue[WEDNESDAY]
    assert week.months[WEDNESDAY + DAY] == clean.months[WEDNESDAY]


@pytest.mark.parametrize("kind", list(FaultKind), ids=str)
def test_the_right_file_mends_everything(week_of: Any, clean: Week, kind: FaultKind) -> None:
    """Once the right file has come, every table is equal to the one of a week without a fault."""
    week = week_of(kind)

    assert {s.status for s in week.outcomes[WEDNESDAY + 2 * DAY].steps} == {Status.PUBLISHED}
    assert week.open_quarantines == 0
    for asset in ASSETS:
        assert week.final[asset] == clean.final[asset], asset


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        pytest.param(FaultKind.CURRENCY, lambda right: 100 * right, id="pence are a hundred times too much"),
        pytest.param(FaultKind.DUPLICATED, lambda right: 2 * right, id="a double load is twice too much"),
    ],
)
def test_the_story_knows_the_wrong_figure(week_of: Any, clean: Week, kind: FaultKind, wrong: Any) -> None:
    """The figure that would have been read is the one in the kept candidate, beside the one that is right."""
    (caught,) = week_of(kind).story.caught
    right = next(row[-2] for row in clean.final["sales.orders.daily_revenue"] if row[0] == WEDNESDAY)

    assert caught.figure is not None
    assert caught.figure.right == right
    assert abs(caught.figure.wrong - wrong(right)) <= abs(right) / 100
    assert caught.day == WEDNESDAY


def test_the_story_knows_a_shortfall(week_of: Any) -> None:
    """A truncated day would have been read as too little."""
    (caught,) = week_of(FaultKind.TRUNCATED).story.caught

    assert caught.figure is not None
    assert caught.figure.percent is not None
    assert -100 < caught.figure.percent < -30


def test_the_story_knows_what_was_refused(week_of: Any) -> None:
    """A refused file has no figure, but a reason that names the missing column."""
    (caught,) = week_of(FaultKind.SCHEMA).story.caught

    assert caught.figure is None
    assert "UnitPrice" in caught.reason


def test_the_story_knows_a_late_day(week_of: Any) -> None:
    """A late day is told as late, and by how much."""
    story = week_of(FaultKind.LATE).story

    assert story.caught == ()
    assert [(late.day, late.days_late) for late in story.late] == [(WEDNESDAY, 1)]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sixty_days_of_any_seed(tmp_path: Path, seed: int) -> None:
    """Whatever the seed, all five faults are caught and mended, and nothing that was right is quarantined."""
    arrivals = generate(tmp_path, seed, FRIDAY, 60)
    prepare(tmp_path, force=True)
    with Stage(tmp_path, first_instant(arrivals), seed) as stage:
        summary = replay(stage, arrivals)
        story = tell(stage.delivery, "demo", summary.notes)
        assert stage.delivery.quarantined() == ()
    spoilt = {a.day for a in arrivals if sum(b.day == a.day for b in arrivals) == 2}

    assert {c.day for c in story.caught} == spoilt
    assert len(story.caught) == summary.quarantined == 4
    assert len(story.late) == 1
    assert sum(c.figure is not None for c in story.caught) == 3
    assert all(c.protected and c.recovered_at for c in story.caught)


@pytest.mark.real_data
def test_real_days_are_not_quarantined(tmp_path: Path, real_days: Path) -> None:
    """Three real weeks, the dirtiest of the year among them, pass every blocking check."""
    folder = tmp_path / "some"
    folder.mkdir()
    for arrival in collect(real_days):
        if date(2010, 12, 12) <= arrival.day <= date(2011, 1, 7):
            (folder / arrival.file.name).write_bytes(arrival.file.read_bytes())
    arrivals = collect(folder)
    prepare(tmp_path / "demo")
    with Stage(tmp_path / "demo", first_instant(arrivals)) as stage:
        summary = replay(stage, arrivals, consumers=False)

    assert (summary.quarantined, summary.held, summary.failed) == (0, 0, 0)
    assert summary.files == len(arrivals)


@pytest.mark.long
@pytest.mark.real_data
def test_the_whole_real_year_is_published(tmp_path: Path, real_days: Path) -> None:
    """All real days pass every blocking check, and the revenue is that of the cleaned files, to the penny."""
    arrivals = collect(real_days)
    prepare(tmp_path)
    with Stage(tmp_path, first_instant(arrivals)) as stage:
        summary = replay(stage, arrivals, consumers=False)
        (revenue,) = _tables(stage, ["sales.orders.monthly_revenue"]).values()

    assert (summary.quarantined, summary.held, summary.failed) == (0, 0, 0)
    assert float(sum(row[-1] for row in revenue)) == pytest.approx(9_736_517.16, abs=0.5)
