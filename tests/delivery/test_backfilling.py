"""A backfill builds again what stands, goes on after an interruption, and is published once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from shop import MODELS, Shop, days, ordinary_day, shop, write_day

from freehold.delivery import Interval, RunOutcome, Status, StepOutcome, parse_interval
from freehold.delivery.backfilling import backfill, extent
from freehold.delivery.plan import NO_PAST, past_of
from freehold.delivery.promises import promises_kept
from freehold.foundation import FreeholdError

RATED = (
    "select sold_on, sku, buyer, quantity, price, quantity * price * (select max(rate) from outside.rates) as amount"
)
HEAD = MODELS["lines"].partition("select")[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Decisions about versions are the same on every engine."""
    return tmp_path


@pytest.fixture
def rated(opened: Shop) -> Shop:
    """A shop whose lines depend on a table that nobody declares: what is built again comes out otherwise."""
    session = opened.delivery.session("test")
    session.run("CREATE SCHEMA outside")
    session.run("CREATE TABLE outside.rates AS SELECT 1 AS rate")
    session.close()
    for index, on in enumerate(days(5)):
        write_day(opened.root, on, ordinary_day(index))
    opened.delivery = opened.with_estate(
        shop(opened.root, MODELS | {"lines": HEAD + RATED + " from {{ source('orders', 'raw') }}"})
    )
    assert opened.delivery.run().exit_code == 0
    session = opened.delivery.session("test")
    session.run("UPDATE outside.rates SET rate = 2")
    session.close()
    return opened


def _again(live: Shop, span: Interval | None, **more: object) -> RunOutcome:
    found = extent(live.delivery, ["lines"], span, NO_PAST)
    return backfill(live.delivery, found, span, **more)  # type: ignore[arg-type]


def _sums(live: Shop, name: str = "daily", column: str = "revenue") -> list[float]:
    return [float(v) for (v,) in live.rows(f"SELECT {column} FROM shop_orders.{name} ORDER BY sold_on")]


def test_what_stands_is_built_again_with_what_reads_it_and_published_once(rated: Shop) -> None:
    """The days of the span come out anew, the others stay; everything that reads them moves in the same deployment."""
    before = _sums(rated)
    outcome = _again(rated, parse_interval("2024-01-02..2024-01-03"))
    assert outcome.exit_code == 0
    assert len(outcome.deployments) == 1
    assert _sums(rated) == [v * (2 if index in (1, 2) else 1) for index, v in enumerate(before)]
    counted = [s.asset.rpartition(".")[2] for s in outcome.of(Status.PUBLISHED)]
    assert sorted(counted) == ["buyers", "daily", "daily", "latest", "lines", "lines", "totals"]
    assert rated.delivery.run().nothing_to_do


def test_nothing_else_builds_it_again(rated: Shop) -> None:
    """A run builds by versions: what nobody declares is seen by a backfill alone."""
    before = _sums(rated)
    assert rated.delivery.run().nothing_to_do
    assert _sums(rated) == before


def test_it_goes_on_where_it_was(rated: Shop) -> None:
    """Interrupted after two days, it builds the other three; then a new one builds all five."""
    built: list[str] = []

    def interrupted(step: StepOutcome | None, done: int, _: int) -> None:
        if step and step.asset.endswith(".lines") and not step.reused:
            built.append(str(step.interval))
        if step is None and done == 2:
            raise KeyboardInterrupt

    before = _sums(rated)
    with pytest.raises(KeyboardInterrupt):
        _again(rated, None, progress=interrupted)
    assert (len(built), _sums(rated)) == (2, before)
    outcome = _again(
        rated, None, progress=lambda s, *_: built.append("") if s and "lines" in s.asset and not s.reused else None
    )
    assert outcome.exit_code == 0
    assert len(built) == 5
    assert _sums(rated) == [2 * v for v in before]
    once_more = _again(rated, None)
    assert not any(s.reused for s in once_more.steps if s.asset.endswith(".lines"))


def test_what_fails_publishes_nothing(rated: Shop) -> None:
    """A day that fails its contract keeps the whole backfill from being published."""
    session = rated.delivery.session("test")
    session.run("UPDATE outside.rates SET rate = 100000")
    session.close()
    before = _sums(rated)
    outcome = _again(rated, None)
    assert outcome.is_refused
    assert outcome.exit_code == 1
    assert _sums(rated) == before


def test_what_it_may_cost_is_kept(rated: Shop) -> None:
    """More than it may cost by past runs is refused at once; more than it may cost while it runs ends it."""
    found = extent(rated.delivery, ["lines"], None, past_of(rated.ledger, "prod"))
    assert found.seconds is not None
    assert (found.again, found.intervals) == (("shop.orders.lines",), 5)
    with pytest.raises(FreeholdError, match="would cost") as caught:
        backfill(rated.delivery, found, None, most_seconds=found.seconds / 2)
    assert caught.value.code == "FH-D218"
    before = _sums(rated)
    with pytest.raises(FreeholdError, match="of 5 intervals") as caught:
        _again(rated, None, most_seconds=0.0)
    assert caught.value.code == "FH-D218"
    assert _sums(rated) == before


def test_what_is_not_built_cannot_be_built_again(rated: Shop) -> None:
    """A view stores nothing, and an unknown name selects nothing."""
    for name, code in (("latest", "FH-D217"), ("line", "FH-D002")):
        with pytest.raises(FreeholdError) as caught:
            extent(rated.delivery, [name], None, NO_PAST)
        assert caught.value.code == code


def test_what_is_taken_back_leaves_the_verdicts_of_what_is_live_again(rated: Shop) -> None:
    """However many days were built and judged meanwhile, what let the earlier ones through counts as before."""
    for index, on in enumerate(days(9)[5:], start=5):
        write_day(rated.root, on, ordinary_day(index))
    assert rated.delivery.run().exit_code == 0
    before = _verdicts(rated)
    assert _again(rated, None).exit_code == 0
    assert before == _verdicts(rated)

    rated.delivery.rollback("shop.orders")

    assert before
    assert before == _verdicts(rated)


def test_what_is_built_again_is_no_promise_kept(rated: Shop) -> None:
    """A day counts once, by its first version: neither a backfill nor what mends a day makes up for one that failed."""
    broken = days(6)[5]
    write_day(rated.root, broken, [("a", "b1", 1, -5.0)])
    assert rated.delivery.run().exit_code != 0
    write_day(rated.root, broken, ordinary_day(5))
    assert rated.delivery.run().exit_code == 0
    before = promises_kept(rated.ledger.read(types=("run.completed",)))

    assert _again(rated, None).exit_code == 0

    kept, tried = before["shop.orders"]
    assert kept < tried
    assert before == promises_kept(rated.ledger.read(types=("run.completed",)))


def _verdicts(live: Shop) -> dict[str, Mapping[str, int]]:
    """Return how many checks hold of each asset, by verdict, as `freehold status` counts them."""
    (status,) = live.delivery.status()
    return {a.asset: dict(a.checks) for a in status.assets if a.checks}
