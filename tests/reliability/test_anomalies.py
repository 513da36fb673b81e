"""Anomalies: found once for each batch by what was known when it came, and closed with what they were."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import FreeholdError, SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability import Measure, anomalies, anomaly, close, look, past
from freehold.reliability.anomalies import KEPT

ASSET = "shop.orders.lines"
START = datetime(2011, 1, 3, tzinfo=UTC)
ROWS = Measure("rows")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger whose clock stands still."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(START)) as opened:
        yield opened


def tell(
    ledger: Ledger, day: int, rows: int, *, batch: str = "", asset: str = ASSET, env: str = "prod", build: str = ""
) -> str:
    """Record what the batch of a day looked like, in which build; return its id."""
    start, end = (START + timedelta(days=day + more) for more in (0, 1))
    batch = batch or str(day)
    said: dict[str, Any] = {
        "asset": asset, "batch": batch, "rows": rows,
        "columns": {"price": {"nulls": rows // 10, "mean": 4.0 + day % 3 / 10}} if rows else {},
        "interval_start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "interval_end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    at = end + timedelta(hours=5)
    about = {"env": env, "subject": asset, "product": "shop.orders", "correlation_id": build}
    ledger.append(Event("profile.observed", said, occurred_at=at, **about))
    return batch


def ordinary(ledger: Ledger, days: int = 40, **of: Any) -> None:
    """Record ordinary days."""
    for day in range(days):
        tell(ledger, day, 1000 + 37 * (day % 5), **of)


def told(ledger: Ledger, *types: str) -> list[dict[str, Any]]:
    """Return what events of some types hold."""
    return [dict(event.data) for event in ledger.read(types=types)]


def test_a_day_of_nothing_is_found_once(ledger: Ledger) -> None:
    """Ordinary days are none; an empty one is severe, with what was to be expected; the next look finds nothing new."""
    ordinary(ledger)
    assert look(ledger, "prod") == ()
    tell(ledger, 40, 0)
    (found,) = look(ledger, "prod")

    assert (found.asset, found.measure, found.grade, found.value, found.judged_by) == (ASSET, ROWS, "severe", 0.0, 40)
    assert found.low is not None
    assert found.high is not None
    assert 700 < found.low < 1000 < found.high < 1500
    assert found.of == START + timedelta(days=40)
    assert look(ledger, "prod") == ()
    assert anomalies(ledger, "prod") == (found,)
    assert [one["anomaly"] for one in told(ledger, "anomaly.found")] == [found.id]


def test_all_at_once_finds_what_one_after_the_other_finds(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever looks after months judges each batch by what was known when it came."""
    other = tmp_path / "other"
    other.mkdir()
    counts = [*[1000 + 37 * (day % 5) for day in range(40)], 0, 1000, 5000, 1010, 400]
    with Ledger.open("sqlite:///state.db", root=other, clock=SimulatedClock(START)) as late:
        one_by_one = []
        for day, rows in enumerate(counts):
            tell(ledger, day, rows)
            tell(late, day, rows)
            one_by_one += look(ledger, "prod")
        at_once = look(late, "prod")
    assert {one.batch for one in at_once} == {"40", "42", "44"}
    assert list(at_once) == one_by_one


def test_an_interval_that_comes_right_again_closes_its_anomaly(ledger: Ledger) -> None:
    """A corrected file of the same day ends what was unusual about it; another day does not."""
    ordinary(ledger)
    tell(ledger, 40, 0)
    (found,) = look(ledger, "prod")
    tell(ledger, 41, 1000)
    look(ledger, "prod")
    assert anomalies(ledger, "prod") == (found,)
    tell(ledger, 40, 1010, batch="corrected")
    look(ledger, "prod")

    assert anomalies(ledger, "prod") == ()
    assert [one.verdict for one in anomalies(ledger, "prod", closed=True)] == ["fixed"]
    assert told(ledger, "anomaly.closed")[-1]["batch"] == "corrected"


def test_a_batch_that_was_replaced_and_is_back_is_unusual_again(ledger: Ledger) -> None:
    """As another anomaly, told once; it ends when the right one comes again."""
    ordinary(ledger)
    tell(ledger, 40, 0, batch="wrong")
    (first,) = look(ledger, "prod")
    tell(ledger, 40, 1010, batch="right")
    look(ledger, "prod")
    tell(ledger, 40, 0, batch="wrong")
    (second,) = look(ledger, "prod")

    assert (second.batch, second.value, second.of) == (first.batch, first.value, first.of)
    assert anomalies(ledger, "prod") == (second,)
    ledger.state.put(KEPT, "prod", {"upto": 0})
    assert look(ledger, "prod") == ()
    tell(ledger, 40, 1010, batch="right")
    look(ledger, "prod")
    assert [one.verdict for one in anomalies(ledger, "prod", closed=True)] == ["fixed", "fixed"]


def test_what_went_wrong_and_came_right_between_two_looks_is_found_and_closed(ledger: Ledger) -> None:
    """Whoever looks late finds what was unusual, as fixed already; an interval that came wrong again is open."""
    ordinary(ledger)
    tell(ledger, 40, 0)
    tell(ledger, 41, 0)
    tell(ledger, 40, 1010, batch="right")
    tell(ledger, 41, 1020, batch="right, too")
    tell(ledger, 41, 0, batch="wrong again")
    found = look(ledger, "prod")
    assert [one.batch for one in found] == ["40", "41", "wrong again"]
    verdicts = {one.batch: one.verdict for one in anomalies(ledger, "prod", closed=True)}
    assert verdicts == {"40": "fixed", "41": "fixed", "wrong again": ""}


def test_what_never_went_live_is_not_learned_from(ledger: Ledger) -> None:
    """A batch in quarantine is judged, and is not what the next is judged by."""
    ordinary(ledger, 10)
    for day in range(10, 20):
        batch = tell(ledger, day, 9000)
        said = {"asset": ASSET, "candidate": batch, "rows": 9000}
        ledger.append(Event("candidate.quarantined", said, env="prod", subject=ASSET, product="shop.orders"))
    look(ledger, "prod")
    assert len(anomalies(ledger, "prod")) == 10
    tell(ledger, 20, 1040)
    assert look(ledger, "prod") == ()


def test_a_change_that_builds_the_past_anew_is_compared_with_what_stood(ledger: Ledger) -> None:
    """Days that come again in one build do not vouch for each other; what comes after it goes by them."""
    ordinary(ledger)
    look(ledger, "prod")
    for day in range(40):
        tell(ledger, day, 100, batch=f"again {day}", build="change")
    found = look(ledger, "prod")
    tell(ledger, 40, 101, build="next")

    assert {one.batch for one in found} >= {f"again {day}" for day in range(10, 40)}
    assert look(ledger, "prod") == ()


def test_a_first_build_of_many_days_is_judged_by_itself(ledger: Ledger) -> None:
    """Where nothing stood before, the days of one build are what is known."""
    for day in range(40):
        tell(ledger, day, 0 if day == 30 else 1000 + 37 * (day % 5), build="first")

    assert {one.batch for one in look(ledger, "prod")} == {"30"}


def test_what_a_rollback_took_back_is_not_learned_from(ledger: Ledger) -> None:
    """The day after goes by what stood before the change that was taken back."""
    ordinary(ledger)
    for day in range(40):
        tell(ledger, day, 100, batch=f"again {day}", build="change")
    look(ledger, "prod")
    said = {"deploy_id": "change", "to": "", "product": "shop.orders", "assets": [ASSET]}
    ledger.append(Event("deploy.rolled_back", said, env="prod", subject="shop.orders", product="shop.orders"))
    tell(ledger, 40, 1010, build="next")

    assert look(ledger, "prod") == ()


def test_what_was_closed_is_learned_from_as_it_was_closed(ledger: Ledger) -> None:
    """Days that were expected to be odd, or were wrong, are as days that never were; days that were right teach."""
    expected: dict[str, float | None] = {}
    for env in ("missing", "expected", "fixed", "false"):
        ordinary(ledger, 20, env=env)
        for day in range(20, 22) if env != "missing" else ():
            tell(ledger, day, 3000, env=env)
        odd = look(ledger, env)
        assert {one.batch for one in odd} == (set() if env == "missing" else {"20", "21"})
        for one in odd:
            close(ledger, env, one.id, env)
        tell(ledger, 22, 0, env=env)
        (expected[env],) = (one.expected for one in look(ledger, env) if one.measure == ROWS)
    assert expected["expected"] == expected["fixed"] == expected["missing"]
    assert (expected["false"] or 0) > (expected["missing"] or 0) * 1.03


def test_a_look_that_breaks_off_is_made_again_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where recording fails nothing is remembered as looked at, and the next look finds the same."""
    ordinary(ledger)
    tell(ledger, 40, 0)

    def full(*_: object, **__: object) -> None:
        raise FreeholdError("FH-L104", "The disk is full.", fix="Make room.")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "append", full)
        with pytest.raises(FreeholdError):
            look(ledger, "prod")
    assert ledger.state.get(KEPT, "prod") is None
    assert told(ledger, "anomaly.found") == []
    (found,) = look(ledger, "prod")
    ledger.state.put(KEPT, "prod", {"upto": 0})  # as another process would see it that began before
    look(ledger, "prod")
    assert [one["anomaly"] for one in told(ledger, "anomaly.found")] == [found.id]


def test_a_look_from_before_what_was_closed_tells_nothing_again(ledger: Ledger) -> None:
    """Another process that stands further back, and knows verdicts that the first did not, tells and closes nothing."""
    ordinary(ledger)
    for day in (40, 41):
        tell(ledger, day, 3000)
    for one in look(ledger, "prod"):
        close(ledger, "prod", one.id, "expected")
    before = told(ledger, "anomaly.found", "anomaly.closed")
    tell(ledger, 40, 1010, batch="right")
    ledger.state.put(KEPT, "prod", {"upto": 0})

    assert look(ledger, "prod") == ()
    assert told(ledger, "anomaly.found", "anomaly.closed") == before


def test_environments_and_assets_are_apart(ledger: Ledger) -> None:
    """What happens elsewhere is neither judged by nor listed here."""
    ordinary(ledger)
    ordinary(ledger, 12, env="dev")
    ordinary(ledger, 40, asset="shop.orders.daily")
    tell(ledger, 40, 0, env="dev")
    tell(ledger, 40, 0)
    look(ledger, "prod")
    assert [one.asset for one in anomalies(ledger, "prod")] == [ASSET]
    assert anomalies(ledger, "dev") == ()
    look(ledger, "dev")
    assert len(anomalies(ledger, "dev")) == 1
    assert anomalies(ledger, "prod", asset="shop.orders.daily") == ()


def test_a_build_that_takes_far_longer_than_those_before_is_told(ledger: Ledger) -> None:
    """Ten minutes for eight batches, then an hour: by the same method as rows."""

    def build(day: int, seconds: float) -> None:
        start, end = (START + timedelta(days=day + more) for more in (0, 1))
        said = {"asset": ASSET, "batch": str(day), "rows": 1000, "columns": {}, "seconds": seconds,
                "interval_start": start.isoformat(), "interval_end": end.isoformat()}  # fmt: skip
        ledger.append(Event("profile.observed", said, occurred_at=end, env="prod", subject=ASSET))

    for day in range(8):
        build(day, 600.0 + day % 3)
    assert look(ledger, "prod") == ()
    build(8, 3600.0)
    (found,) = look(ledger, "prod")
    assert (found.measure, found.value, found.grade) == (Measure("seconds"), 3600.0, "severe")


def test_assets_without_intervals_are_judged_by_the_day(ledger: Ledger) -> None:
    """What is built whole each day has a value a day: the last of it; what came earlier that day is not its past."""
    for day in range(30):
        for hour in (5, 9):
            said = {"asset": ASSET, "batch": f"{day}.{hour}", "rows": 500 if hour == 9 else 1, "columns": {}}
            at = START + timedelta(days=day, hours=hour)
            ledger.append(Event("profile.observed", said, occurred_at=at, env="prod", subject=ASSET))
    found = look(ledger, "prod")
    assert {one.batch.partition(".")[2] for one in found} == {"5"}
    assert {one.of for one in found} == {None}


def test_closing_takes_what_is_there_and_once(ledger: Ledger) -> None:
    """An id that is none is refused with its near match, and nothing is closed twice."""
    ordinary(ledger)
    tell(ledger, 40, 0)
    (found,) = look(ledger, "prod")
    with pytest.raises(FreeholdError) as unknown:
        close(ledger, "prod", found.id[:-1] + "x", "expected")
    assert unknown.value.code == "FH-E301"
    assert found.id in unknown.value.fix
    close(ledger, "prod", found.id, "expected")
    with pytest.raises(FreeholdError) as twice:
        close(ledger, "prod", found.id, "false")
    assert twice.value.code == "FH-E302"


# -- distributions and categories -------------------------------------------------------------------------------------

PRICES = [1.0, 1.2, 1.5, 2.0, 2.4, 3.0, 3.6, 4.5, 6.0, 9.0, 12.0]
COUNTRIES = {"aaa": 700, "bbb": 300}


def spread_as(ledger: Ledger, day: int, prices: list[float], countries: dict[str, int], *, batch: str = "") -> None:
    """Record what the batch of a day looked like: how its prices are spread, and its countries."""
    start, end = (START + timedelta(days=day + more) for more in (0, 1))
    columns: dict[str, Any] = {
        "price": {"nulls": 0, "mean": 4.0, "quantiles": prices}, "country": {"nulls": 0, "categories": countries},
    }  # fmt: skip
    said: dict[str, Any] = {
        "asset": ASSET, "batch": batch or str(day), "rows": 1000, "columns": columns,
        "interval_start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "interval_end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    ledger.append(Event("profile.observed", said, occurred_at=end, env="prod", subject=ASSET, product="shop.orders"))


def spread_alike(ledger: Ledger, days: int = 30) -> None:
    """Record days whose prices are spread alike."""
    for day in range(days):
        spread_as(ledger, day, [price * (1 + day % 3 / 100) for price in PRICES], COUNTRIES)


def test_a_distribution_and_categories_are_found_and_closed(ledger: Ledger) -> None:
    """Prices spread otherwise with the same mean, a value new, one lost; when the day comes right, all are closed."""
    spread_alike(ledger)
    assert look(ledger, "prod") == ()
    spread_as(ledger, 30, [4.0] * len(PRICES), {"aaa": 700, "ccc": 300})
    found = {one.measure: one for one in look(ledger, "prod")}

    assert set(found) == {Measure("distribution", "price"), Measure("new", "country"), Measure("lost", "country")}
    assert {m.name: one.categories for m, one in found.items()} == {
        "distribution": (),
        "new": ("ccc",),
        "lost": ("bbb",),
    }
    assert {one.grade for one in found.values()} == {"severe"}
    assert set(anomalies(ledger, "prod")) == set(found.values())

    spread_as(ledger, 30, PRICES, COUNTRIES, batch="corrected")
    look(ledger, "prod")
    assert anomalies(ledger, "prod") == ()


@pytest.mark.parametrize("verdict", ["", "false", "expected"])
def test_a_new_value_is_told_once_unless_it_is_not_learned_from(ledger: Ledger, verdict: str) -> None:
    """Open or false it is what came before; a day that was special is as one that never was."""
    spread_alike(ledger)
    spread_as(ledger, 30, PRICES, {**COUNTRIES, "ccc": 300})
    (one,) = look(ledger, "prod")
    if verdict:
        close(ledger, "prod", one.id, verdict)
    spread_as(ledger, 31, PRICES, {**COUNTRIES, "ccc": 300})

    assert len(look(ledger, "prod")) == (verdict == "expected")


def test_an_anomaly_is_shown_among_what_came_around_it(ledger: Ledger) -> None:
    """Each step once, its own batch at its own step, and what would have been usual by what came before each."""
    spread_alike(ledger)
    spread_as(ledger, 30, [4.0] * len(PRICES), COUNTRIES)
    (one,) = look(ledger, "prod")
    spread_as(ledger, 30, PRICES, COUNTRIES, batch="corrected")
    for day in range(31, 60):
        spread_as(ledger, day, PRICES, COUNTRIES)

    told = past(ledger, "prod", one)

    assert [judgement.batch.id for judgement in told] == [str(day) for day in range(41)]
    assert {judgement.measure for judgement in told} == {one.measure}
    own = next(judgement for judgement in told if judgement.batch.id == "30")
    assert (round(own.value, 6), round(own.verdict.high, 6)) == (one.value, one.high)


def test_an_anomaly_of_long_ago_is_shown_without_reading_all_that_came_since(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would have been usual is still said, by what came before it, however much came after."""
    monkeypatch.setattr(sys.modules["freehold.reliability.past"], "_MOST", 60)
    monkeypatch.setattr(sys.modules["freehold.reliability.anomalies"], "_BACK", 60)
    ordinary(ledger)
    tell(ledger, 40, 0)
    (one,) = look(ledger, "prod")
    soon = past(ledger, "prod", one)
    for day in range(41, 240):
        tell(ledger, day, 1000)
    later = past(ledger, "prod", one)

    assert [judgement.batch.id for judgement in later] == [str(day) for day in range(51)]
    said = [[(j.value, str(j.verdict)) for j in some] for some in (later[:41], soon)]  # nan is not itself
    assert said[0] == said[1]


def test_one_anomaly_is_known_by_its_id_in_its_environment_alone(ledger: Ledger) -> None:
    """Open and closed, with the verdict; what is no anomaly has none of its ids."""
    ordinary(ledger)
    tell(ledger, 40, 0)
    (found,) = look(ledger, "prod")

    assert anomaly(ledger, "prod", found.id) == found
    assert (anomaly(ledger, "staging", found.id), anomaly(ledger, "prod", "nothing")) == (None, None)
    close(ledger, "prod", found.id, "fixed")
    assert anomaly(ledger, "prod", found.id) == replace(found, verdict="fixed")
