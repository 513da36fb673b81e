"""How SLOs stand by what the ledger tells: the figures of the KPI, in the hours that count, of time and of times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger
from freehold.reliability.slo import Attainment, Followed, Indicator, Slo, attainment, attainments, slos_of
from freehold.reliability.slo.declared import TimeWindow
from freehold.reliability.slo.observed import Observed

from .shop import ASSET, OTHER, START, estate, observe, slo_file

CASE = Path(__file__).parents[2] / "insight" / "cases" / "error-budget-burn.json"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger whose clock stands still."""
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=SimulatedClock(START)) as opened:
        yield opened


def standing(ledger: Ledger, root: Path, day: float, text: str) -> Attainment:
    """Return how the SLO of a file stands on a day."""
    declared = estate(root / "shop", {"orders.yaml": text})
    (found,) = attainments(declared, ledger, "prod", START + timedelta(days=day), [slos_of(declared)["orders"]])
    return found


def test_it_is_the_figure_of_the_kpi(tmp_path: Path) -> None:
    """The worked case of error-budget-burn: 1,800 s of 3,456 by the one asset, 10,380 s by the other, once known."""
    case = json.loads(CASE.read_text(encoding="utf-8"))
    clock = SimulatedClock(START)
    with Ledger.open("sqlite:///state.db", root=tmp_path, clock=clock) as ledger:
        for event in case["events"]:
            said = event["data"]
            occurred = datetime.fromisoformat(event.get("occurred_at", event["recorded_at"]))
            ledger.append(Event(event["type"], said, occurred_at=occurred, env="prod", subject=said["asset"]))
        slos = [
            Slo(a, None, a, a, "", (a,), Indicator.FRESHNESS, 0.99, TimeWindow(timedelta(days=4)))  # type: ignore[arg-type]
            for a in ("a", "b")
        ]
        found = attainments(estate(tmp_path / "shop", {}), ledger, "prod", datetime(2011, 3, 5, tzinfo=UTC), slos)

    assert [(one.budget.tally.bad, one.budget.allowed) for one in found] == [
        (1800, pytest.approx(3456)), (10_380, pytest.approx(3456)),
    ]  # fmt: skip
    assert found[1].budget.burnt == pytest.approx(float(case["expect"][3]["beside"]["most"]))


def test_age_grows_between_observations_and_after_the_last(ledger: Ledger, tmp_path: Path) -> None:
    """Data of noon on the first day is stale from noon on the second; nothing that is read later takes that back."""
    observe(ledger, 1, 0.5)
    found = standing(ledger, tmp_path, 2, slo_file())

    assert (found.budget.tally.bad, found.budget.tally.judged) == (43_200, 86_400)
    assert found.bad_since == START + timedelta(days=1.5)
    assert (found.state, found.fired[0].long, found.evidence != "") == ("exhausted", timedelta(hours=1), True)


def test_only_hours_of_the_calendar_count(ledger: Ledger, tmp_path: Path) -> None:
    """1 March 2011 is a Tuesday: stale from 17:00 until 09:00, two of twenty hours of work are bad."""
    observe(ledger, 0, -1 + 17 / 24)
    observe(ledger, 1 + 9 / 24, 1.0)
    found = standing(ledger, tmp_path, 1 + 18 / 24, slo_file(target=0.8, hours="office"))

    assert (found.budget.tally.bad, found.budget.tally.judged) == (7_200, 72_000)
    assert (found.state, found.bad_since) == ("kept", None)


def test_what_is_left_is_gone_in_hours_of_work(ledger: Ledger, tmp_path: Path) -> None:
    """Late since nine on Tuesday, with a budget of eight hours and six used by three: gone at five, not at night."""
    observe(ledger, 0, -1 + 9 / 24)
    found = standing(ledger, tmp_path, 15 / 24, slo_file(target=0.01, hours="office"))

    assert found.budget.left == pytest.approx(0.99 * 7 * 3600 - 6 * 3600)
    assert found.exhausted_at == START + timedelta(hours=15, seconds=0.99 * 7 * 3600 - 6 * 3600)


def test_a_product_is_as_good_as_its_worst_output(ledger: Ledger, tmp_path: Path) -> None:
    """A minute in which some output is stale is bad once, however many are."""
    observe(ledger, 1, 0.5)
    observe(ledger, 1, 0.25, OTHER)
    found = standing(ledger, tmp_path, 2, slo_file(service="shop.orders"))

    assert (found.budget.tally.bad, found.worst) == (0.75 * 86_400, OTHER)


def test_a_limit_of_the_file_goes_before_that_of_the_contract(ledger: Ledger, tmp_path: Path) -> None:
    """Half a day may be all that consumers of this product can wait."""
    observe(ledger, 1, 0.75)
    found = standing(ledger, tmp_path, 2, slo_file(value=43_200))

    assert found.bad_since == START + timedelta(days=1.25)


def test_what_could_not_be_read_and_what_is_out_of_service(ledger: Ledger, tmp_path: Path) -> None:
    """Data whose age is unknown is stale; time out of service is not judged."""
    observe(ledger, 0, None)
    observe(ledger, 1, -9, in_service=False)
    observe(ledger, 2, 2)
    found = standing(ledger, tmp_path, 2.5, slo_file())

    assert (found.budget.tally.bad, found.budget.tally.judged) == (86_400, 1.5 * 86_400)


def test_of_what_nothing_is_told_nothing_is_said(ledger: Ledger, tmp_path: Path) -> None:
    """An SLO without evidence reads not instrumented, and neither kept nor exhausted."""
    found = standing(ledger, tmp_path, 2, slo_file())

    assert (found.state, found.good_share, found.to_json()["left"]) == ("not instrumented", None, None)


def tell(ledger: Ledger, type_: str, day: float, said: dict[str, Any]) -> None:
    """Record what occurred on a day."""
    at = START + timedelta(days=day)
    ledger.append(
        Event(type_, {"asset": ASSET, **said}, occurred_at=at, env="prod", subject=ASSET, product="shop.orders")
    )


def test_checks_are_counted(ledger: Ledger, tmp_path: Path) -> None:
    """A warning passes, an error does not, what was skipped says nothing."""
    for n, status in enumerate(["pass", "warn", "pass", "error", "skipped", "fail"]):
        tell(ledger, "check.completed", n / 100, {"check_id": str(n), "status": status})
    found = standing(ledger, tmp_path, 1, slo_file("checks"))

    assert (found.budget.tally.bad, found.budget.tally.judged) == (2, 5)
    assert found.bad_since == START + timedelta(days=0.03)


def test_runs_are_counted_by_their_last_attempt_and_those_that_never_came_too(ledger: Ledger, tmp_path: Path) -> None:
    """Attempts that another follows, backfills and what was held say nothing; a run that was missed is bad."""
    for n, (status, more) in enumerate([
        ("success", {}), ("failed", {"final": False}), ("quarantined", {}), ("failed", {"trigger": "backfill"}),
        ("held", {}),
    ]):  # fmt: skip
        tell(ledger, "run.completed", n / 100, {"run_id": str(n), "status": status, **more})
    due = {"asset": "shop.orders", "due_at": "2011-03-01T12:00:00Z", "missed": True}
    tell(ledger, "run.expected", 0.5, due)
    found = standing(ledger, tmp_path, 1, slo_file("runs"))

    assert (found.budget.tally.bad, found.budget.tally.judged) == (2, 3)


def test_an_incident_that_stops_consumers_is_time_without_it(ledger: Ledger, tmp_path: Path) -> None:
    """From when it began to when it was restored, of the worst severity only; nothing counts before a publication."""
    tell(ledger, "asset.published", 0, {"deployment": "1"})
    for n, severity in enumerate((1, 3)):
        said = {"incident": str(n), "kind": "data", "sev": severity, "assets": [ASSET],
                "detected_at": "2011-03-02T06:00:00Z", "impact_started_at": "2011-03-02T00:00:00Z"}  # fmt: skip
        ledger.append(Event("incident.opened", said, occurred_at=START + timedelta(days=1.25), product="shop.orders"))
    ended = {"incident": "0", "restored_at": "2011-03-02T12:00:00Z"}
    ledger.append(Event("incident.resolved", ended, occurred_at=START + timedelta(days=1.5), product="shop.orders"))
    found = standing(ledger, tmp_path, 2, slo_file("availability", target=0.5))

    assert (found.budget.tally.bad, found.budget.tally.judged) == (43_200, 2 * 86_400)


def test_following_is_the_same_as_reading_all_of_it(ledger: Ledger, tmp_path: Path) -> None:
    """However the events are cut, an SLO stands as it does for whoever reads them at once."""
    declared = estate(tmp_path / "shop", {"orders.yaml": slo_file()})
    slo = slos_of(declared)["orders"]
    observed = Observed(ledger, "prod", [slo], "prod")
    for day in range(1, 9):
        observe(ledger, day, day - 0.8 - 0.1 * (day % 4))
        now = START + timedelta(days=day + 0.9)
        observed.follow(now)
        (whole,) = attainments(declared, ledger, "prod", now, [slo])

        assert attainment(slo, observed, declared, now) == whole


def test_whoever_asks_beside_another_has_nothing_read_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same SLOs what is new alone is read, whichever estate they are in, and anew only of a time before."""
    begun: list[object] = []
    init = Observed.__init__

    def counted(self: Observed, *of: Any) -> None:
        begun.append(of)
        init(self, *of)

    monkeypatch.setattr(Observed, "__init__", counted)
    followed, now = Followed(ledger), START + timedelta(days=2)
    begun.clear()
    for n in range(3):
        declared = estate(tmp_path / f"shop-{n}", {"orders.yaml": slo_file()})
        slos = tuple(slos_of(declared).values())
        observe(ledger, 1 + n / 4, 0.2 + n / 4)
        found = followed.attained(declared, "prod", slos, now)

        assert len(begun) == 1
        assert found == attainments(declared, ledger, "prod", now, slos)
        begun.pop()

    assert followed.attained(declared, "prod", slos, now, ()) == ()
    followed.attained(declared, "prod", slos, now + timedelta(days=1))
    assert len(begun) == 1
    followed.attained(declared, "prod", slos, now - timedelta(days=1))
    assert len(begun) == 2


def test_what_has_left_all_windows_is_let_go_of(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever follows for long stands where one stands who reads all at once, and keeps no more than windows hold."""
    declared = estate(tmp_path / "shop", {"orders.yaml": slo_file(window="1d")})
    slo = slos_of(declared)["orders"]
    observed = Observed(ledger, "prod", [slo], "prod")
    kept = []
    for day in range(1, 12):
        limit: dict[str, Any] = {} if day % 3 else {"target_s": None}
        observe(ledger, day, day - 0.8 - 0.1 * (day % 4), **limit)
        now = START + timedelta(days=day + 0.9)
        observed.follow(now)
        (whole,) = attainments(declared, ledger, "prod", now, [slo])

        assert attainment(slo, observed, declared, now) == whole
        kept.append(len(observed._freshness[ASSET]))
    assert max(kept) <= 4


@pytest.mark.parametrize(
    ("env", "of", "bad"),
    [
        pytest.param(None, "prod", 43_200, id="of none, where consumers read"),
        pytest.param(None, "staging", 0, id="of none, elsewhere"),
        pytest.param("staging", "prod", 0, id="of another one"),
        pytest.param("staging", "staging", 43_200, id="of that one"),
    ],
)
def test_an_incident_counts_in_its_environment(
    ledger: Ledger, tmp_path: Path, env: str | None, of: str, bad: int
) -> None:
    """One that names none, as a work item that somebody opened, counts where consumers read and nowhere else."""
    declared = estate(tmp_path / "shop", {"orders.yaml": slo_file("availability", target=0.5)})
    published = {"deployment": "1", "asset": ASSET}
    ledger.append(Event("asset.published", published, occurred_at=START, env=of, subject=ASSET, product="shop.orders"))
    said = {"incident": "1", "kind": "data", "sev": 1, "assets": [ASSET], "detected_at": "2011-03-02T12:00:00Z"}
    at = START + timedelta(days=1.5)
    ledger.append(Event("incident.opened", said, occurred_at=at, env=env or "", product="shop.orders"))
    (found,) = attainments(declared, ledger, of, START + timedelta(days=2), [slos_of(declared)["orders"]])

    assert (found.budget.tally.bad, found.budget.tally.judged) == (bad, 2 * 86_400)
