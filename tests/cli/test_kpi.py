"""`freehold kpi` as a person and a machine use it: values, slices, trends, what made them, and what goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from freehold.foundation import SimulatedClock
from freehold.ledger import Event, Ledger

PROGRAM = [sys.executable, "-c", "from freehold.cli import main; main()"]
Done = subprocess.CompletedProcess[str]
Freehold = Callable[..., Done]
ESTATE = """
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: shop, name: Shop}
spec:
  connections: {w: {url: "duckdb:///w.duckdb"}}
  environments: {prod: {connection: w, protected: true}, dev: {connection: w}}
  defaults: {timezone: Europe/London}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: shop-data}
spec: {members: ["group:idp/shop-data"]}
---
apiVersion: freehold.dev/v1
kind: KPI
metadata: {id: validation-pass-rate, owner: shop-data}
spec: {targets: {all: ">= 80%", tier-1: "> 99%"}, cadence: monthly}
"""


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """An estate whose ledger holds twenty verdicts of March, four of April, and one that was told late."""
    (tmp_path / "estate.yaml").write_text(ESTATE)
    clock = SimulatedClock(datetime(2011, 3, 1, tzinfo=UTC))
    with Ledger.open("sqlite:///.freehold/state.db", root=tmp_path, clock=clock) as ledger:
        ledger.append(
            Event("estate.applied", {"estate": "shop", "resources": {}, "assets": {"s.o.a": {"tier": 1}}}, env="prod")
        )
        for hour in range(20):
            clock.move_to(datetime(2011, 3, 1, tzinfo=UTC) + timedelta(hours=36 * hour + 1))
            status, asset = "fail" if hour == 7 else "pass", f"s.o.{'ab'[hour % 2]}"
            content = {"check_id": f"{asset}.c{hour % 4}", "asset": asset, "status": status}
            ledger.append(Event("check.completed", content, env="prod" if hour < 19 else "dev"))
        late = {"check_id": "s.o.a.c0", "asset": "s.o.a", "status": "fail"}
        clock.move_to(datetime(2011, 4, 9, tzinfo=UTC))
        ledger.append(Event("check.completed", late, env="prod", occurred_at=datetime(2011, 3, 9, tzinfo=UTC)))
    return tmp_path


@pytest.fixture
def freehold(estate: Path) -> Freehold:
    """Run the command line as a process of its own, in the estate."""

    def run(*words: str) -> Done:
        kept = {**os.environ, "NO_COLOR": "1"}
        return subprocess.run([*PROGRAM, *words], cwd=estate, capture_output=True, text=True, check=False, env=kept)

    return run


def said(done: Done) -> dict[str, Any]:
    """Return the one object of a machine's answer."""
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_kpi_is_shown_with_what_it_stands_on(freehold: Freehold) -> None:
    """18 of 20 in production, against the targets that the estate says."""
    done = freehold("kpi", "show", "k10", "--period", "2011-03", "--as-of", "2011-05-01")

    assert done.returncode == 0
    assert "value         90.0 %  (2011-03; ok)" in done.stdout
    assert ">= 80% (all): met" in done.stdout
    assert "> 99% (tier-1)\n" in done.stdout
    assert "made of       18 / 20, n = 20" in done.stdout
    assert "definition" in done.stderr


def test_a_machine_gets_slices_and_trend(freehold: Freehold) -> None:
    """Every figure of every slice and period, months of the estate's own zone."""
    words = ("--period", "2011-03", "--as-of", "2011-05-01", "--by", "tier", "--trend", "2", "--json")

    found = said(freehold("kpi", "show", "validation-pass-rate", *words))

    assert found["period"]["start"] == "2011-03-01T00:00:00+00:00"
    assert found["period"]["end"] == "2011-03-31T23:00:00+00:00"
    assert [(s["of"]["tier"], s["numerator"], s["denominator"]) for s in found["slices"]] == [(1, 10, 11), (None, 8, 9)]
    assert [(t["period"]["name"], t["n"], t["state"]) for t in found["trend"]] == [
        ("2011-02", 0, "not enough evidence"), ("2011-03", 20, "ok"),
    ]  # fmt: skip
    assert found["owner"] == "shop-data"
    assert {t["whose"]: t["met"] for t in found["targets"]} == {"all": True, "tier-1": None}


@pytest.mark.parametrize(
    ("as_of", "made"), [("2011-04-07", (18, 19)), ("2011-04-09T00:00", (18, 20)), ("2011-03-06", (4, 4))]
)
def test_as_of_is_as_was_recorded_then(freehold: Freehold, as_of: str, made: tuple[int, int]) -> None:
    """A failure of 9 March that came to light on 9 April is no part of what was said before."""
    found = said(freehold("kpi", "show", "K10", "--period", "2011-03", "--as-of", as_of, "--json"))

    assert (found["numerator"], found["denominator"]) == made
    assert found["period"]["closed"] is (as_of > "2011-04")


def test_the_same_as_of_gives_the_same_bytes(freehold: Freehold, estate: Path) -> None:
    """Whatever was recorded since."""
    words = ("kpi", "list", "--period", "2011-03", "--as-of", "2011-04-07", "--json")
    first = freehold(*words)
    with Ledger.open("sqlite:///.freehold/state.db", root=estate) as ledger:
        content = {"check_id": "x", "asset": "s.o.a", "status": "fail"}
        ledger.append(Event("check.completed", content, env="prod", occurred_at=datetime(2011, 3, 9, tzinfo=UTC)))

    assert freehold(*words).stdout == first.stdout


def test_only_one_environment_counts(freehold: Freehold) -> None:
    """The protected one, unless another is named."""
    found = said(freehold("kpi", "show", "K10", "--period", "2011-03", "--env", "dev", "--json"))

    assert (found["n"], found["state"]) == (1, "not enough evidence")
    assert "at least 5" in found["note"]


def test_what_made_a_figure_is_told_to_the_event(freehold: Freehold) -> None:
    """Items with the numbers of their events, which `ledger show` prints."""
    found = said(freehold("kpi", "explain", "K10", "--period", "2011-03", "--where", "tier = 1", "--json"))

    assert sum(item["denominator"] for item in found["items"]) == found["denominator"] == 11
    number = str(found["items"][0]["events"][-1])
    assert "check.completed" in freehold("ledger", "show", number).stdout
    assert found["events"] == {"check.completed": True}
    assert "evidence0" in found["sql"]


def test_people_see_formula_items_and_sql(freehold: Freehold) -> None:
    """A page for the doubtful."""
    done = freehold("kpi", "explain", "K10", "--period", "2011-03", "--limit", "2")
    sql = freehold("kpi", "explain", "K10", "--period", "2011-03", "--sql")

    assert "COUNT(verdicts.*) FILTER(WHERE verdicts.status = 'pass')" in done.stdout
    assert "The first 2 of" in done.stderr
    assert sql.stdout.startswith("WITH evidence0 AS (")


def test_the_list_is_of_all_that_ship_and_of_words(freehold: Freehold) -> None:
    """Each with its state: a program is told of all, people of those of which something was recorded, or all."""
    every = said(freehold("kpi", "list", "--as-of", "2011-03-31T20:00", "--json"))["kpis"]
    chosen = freehold("kpi", "list", "deployment", "--as-of", "2011-03-31")
    none = freehold("kpi", "list", "unicorns", "--as-of", "2011-03-31")

    recorded = freehold("kpi", "list", "--as-of", "2011-03-31T20:00")
    shown = freehold("kpi", "list", "--all", "--as-of", "2011-03-31T20:00")

    assert len(every) == 66
    assert {k["state"] for k in every} == {"ok", "not enough evidence", "not instrumented"}
    unheard = [k["id"] for k in every if k["state"] == "not instrumented"]
    assert [id_ for id_ in unheard if id_ in recorded.stdout] == []
    assert f"{len(every) - len(unheard)} KPIs, and {len(unheard)} that nothing was ever recorded for" in recorded.stderr
    assert [k["id"] for k in every if k["id"] not in shown.stdout] == []
    assert "deployment-frequency" in chosen.stdout
    assert "adoption" not in chosen.stdout
    assert "No KPI has these words." in none.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(("show", "valdation-pass-rate"), 2, "`validation-pass-rate`", id="a KPI that is none"),
        pytest.param(("show", "K10", "--period", "2011-13"), 2, "2011-Q2", id="a period that is none"),
        pytest.param(("show", "K10", "--by", "colour"), 2, "`asset`", id="a field that is none"),
        pytest.param(("show", "K10", "--where", "tier ="), 1, "no expression", id="a condition that is none"),
        pytest.param(("show", "K10", "--where", "SELECT 1"), 1, "no expression", id="a query for a condition"),
        pytest.param(("list", "--timezone", "Europe/Londn"), 2, "Europe/London", id="a zone that is none"),
        pytest.param(("show", "K10", "--as-of", "soon"), 2, "2011-03-07", id="a day that is none"),
        pytest.param(
            ("show", "K10", "--period", "2011-03-01..2011-03-09", "--trend", "3"), 2, "not known", id="a trend of days"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_says_why(freehold: Freehold, words: tuple[str, ...], code: int, told: str) -> None:
    """With the near match, or the form that would do."""
    done = freehold("kpi", *words)

    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_made_where_nothing_was_recorded(tmp_path: Path) -> None:
    """Asking makes no ledger."""
    (tmp_path / "estate.yaml").write_text(ESTATE)

    done = subprocess.run([*PROGRAM, "kpi", "list"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 3
    assert "FH-K005" in done.stderr
    assert not (tmp_path / ".freehold" / "state.db").exists()


def test_validate_tells_what_is_wrong_with_a_kpi(freehold: Freehold, estate: Path) -> None:
    """By the schema, and beyond it: an event nobody sends."""
    text = "apiVersion: freehold.dev/v1\nkind: KPI\nmetadata: {id: time-to-restore}\nspec: {needs: [incident.open]}\n"
    (estate / "more.yaml").write_text(text)
    unknown = freehold("validate")
    (estate / "more.yaml").write_text(text.replace("needs", "need"))
    misspelt = freehold("validate")

    assert unknown.returncode == misspelt.returncode == 1
    assert "incident.opened" in unknown.stderr
    assert "more.yaml:4" in unknown.stderr
    assert "`needs`" in misspelt.stderr
