"""What is found of faults in real daily files, and of nothing, beside Elementary's default rule; and how fast.

    python bench/anomalies.py [--data ../shared/data/retail/by-day] [--seeds 3]

Every day after the first four weeks is judged as it is, and with each fault put into its file: rows lost, doubled,
amounts in pence, amounts in another currency, values lost from a column, prices replaced by their mean, a country that
is not there, a country that is spelled otherwise. Faults are drawn by a generator seeded from the operating system; the
seeds are written with the result. The other rule is that of Elementary without settings: the value is among the
fourteen that its mean and deviation come from, and three deviations are too many. It judges what has a number each day:
rows, missing and repeated values, means; how numbers are spread and which categories there are has no such rule. Then
100,000 series of 60 points are forecast. Writes bench/results/anomalies.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from freehold.quality.layout import QUANTILES
from freehold.reliability.judgements import judgements
from freehold.reliability.judging import Grade
from freehold.reliability.measures import measured
from freehold.reliability.series import Batch, histories, steps_before
from freehold.reliability.smoothing import Floats, forecast

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "anomalies.json"
DATA = HERE.parent.parent / "shared" / "data" / "retail" / "by-day"
FIRST, OTHERS = 28, 14
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
NUMBERS = ("Quantity", "UnitPrice")
CATEGORY = "Country"
CHANCE = "hash(number, day, {seed}) % 1000 < {share}"
FAULTS = {  # by name: the rows that the file has instead
    "rows -50 %": "SELECT * FROM lines WHERE " + CHANCE.format(seed="{seed}", share=500),
    "rows -30 %": "SELECT * FROM lines WHERE " + CHANCE.format(seed="{seed}", share=700),
    "stops at noon": "SELECT * FROM lines WHERE hour(InvoiceDate) < 12",
    "rows x2": "SELECT * FROM lines UNION ALL SELECT * FROM lines",
    "pence for pounds": "SELECT * REPLACE (UnitPrice * 100 AS UnitPrice) FROM lines",
    "another currency": "SELECT * REPLACE (UnitPrice * 1.25 AS UnitPrice) FROM lines",
    "customer of half lost": f"SELECT * REPLACE (CASE WHEN {CHANCE.format(seed='{seed}', share=500)} THEN NULL "
    "ELSE CustomerID END AS CustomerID) FROM lines",
    "half of prices their mean": f"SELECT * REPLACE (CASE WHEN {CHANCE.format(seed='{seed}', share=500)} THEN "
    "avg(UnitPrice) OVER (PARTITION BY day) ELSE UnitPrice END AS UnitPrice) FROM lines",
    "a country lost": "SELECT * FROM lines WHERE Country <> 'Germany'",
    "that country respelled": "SELECT * REPLACE (replace(Country, 'Germany', 'Deutschland') AS Country) FROM lines",
    "most respelled": "SELECT * REPLACE (replace(Country, 'United Kingdom', 'UK') AS Country) FROM lines",
}  # fmt: skip

Days = dict[date, Batch]


def days_of(connection: duckdb.DuckDBPyConnection, rows: str) -> Days:
    """Return each day of some rows, as a run notes it."""
    shares = ", ".join(map(str, QUANTILES))
    told = ", ".join(
        [f"COUNT(*) - COUNT({c}), APPROX_COUNT_DISTINCT({c})" for c in COLUMNS]
        + [f"AVG({c}), QUANTILE_DISC({c}, [{shares}])" for c in NUMBERS]
        + [f"histogram({CATEGORY})"]
    )
    found: Days = {}
    for day, count, *said in connection.execute(f"SELECT day, COUNT(*), {told} FROM ({rows}) GROUP BY day").fetchall():
        columns: dict[str, Any] = {
            c: {"nulls": said[2 * n], "distinct": said[2 * n + 1]} for n, c in enumerate(COLUMNS)
        }
        for n, c in enumerate(NUMBERS):
            columns[c] |= {"mean": said[2 * (len(COLUMNS) + n)], "quantiles": said[2 * (len(COLUMNS) + n) + 1]}
        columns[CATEGORY] |= {"categories": dict(said[-1])}
        found[day] = batch(day, {"rows": count, "columns": columns})
    return found


def batch(day: date, said: Mapping[str, Any]) -> Batch:
    """Return a day as the ledger would tell it."""
    start = datetime.combine(day, datetime.min.time(), UTC)
    columns = said["columns"]
    return Batch(
        "lines", "", f"{day}", day.toordinal(), start, timedelta(days=1), True, dict(measured(said)),
        {name: one["quantiles"] for name, one in columns.items() if "quantiles" in one},
        {name: one["categories"] for name, one in columns.items() if "categories" in one},
    )  # fmt: skip


class Judge:
    """Judges days by clean ones before them, by two rules."""

    def __init__(self, clean: Days) -> None:
        first = min(clean) + timedelta(days=FIRST)
        self.clean = clean
        self.asked = [day for day in sorted(clean) if day >= first]

    def odd(self, days: Days) -> tuple[Found, Found]:
        """Return what is said of the days that are asked, by us and by the other rule."""
        others = list(self.clean.values())
        newest = [days.get(day) or batch(day, {"rows": 0, "columns": {}}) for day in self.asked]
        ours, theirs = Found(), Found()
        for one in judgements((day, others) for day in newest):
            is_odd = one.verdict.grade in (Grade.UNUSUAL, Grade.SEVERE)
            ours.take(one.batch.id, str(one.measure), is_odd=is_odd, is_known=one.verdict.grade is not Grade.UNKNOWN)
        for day in newest:
            for measure, (values, _) in histories(day, steps_before(day, others)).items():
                theirs.take(day.id, str(measure), is_odd=_far(values, day.values[measure]))
        return ours, theirs


@dataclass
class Found:
    """How many judgements there were, and which of them told something."""

    judgements: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)

    def take(self, day: str, measure: str, *, is_odd: bool, is_known: bool = True) -> None:
        """Count a judgement."""
        self.judgements += is_known
        self.told += [(day, measure)] if is_odd else []

    def share_of_days(self, days: int) -> float:
        """Return on which share of the days something was told."""
        return len({day for day, _ in self.told}) / days


def _far(history: Floats, value: float) -> bool:
    known = np.append(history[~np.isnan(history)][-(OTHERS - 1) :], value)
    spread = known.std(ddof=1)
    return bool(spread > 0 and abs(value - known.mean()) / spread > 3)


def recalls(data: Path, seeds: list[int]) -> Iterator[tuple[str, Any]]:
    """Yield the rate of false alarms and, for each fault, the share of days on which it is told, by both rules."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE lines AS SELECT CAST(regexp_extract(filename, '(\\d{4}-\\d\\d-\\d\\d)', 1) AS DATE) AS day, "
        f"row_number() OVER () AS number, {', '.join(COLUMNS)} "
        f"FROM read_csv('{data}/*.csv', filename = true, union_by_name = true)"
    )
    clean = days_of(connection, "SELECT * FROM lines")
    judge = Judge(clean)
    quiet, days = judge.odd(clean), len(judge.asked)
    yield "days", days
    yield "judgements", quiet[0].judgements
    yield "false_alarms", _both(*(len(one.told) / one.judgements for one in quiet))
    yield "days_with_a_false_alarm", _both(*(one.share_of_days(days) for one in quiet))
    yield "false_alarms_by_measure", dict(Counter(measure for _, measure in quiet[0].told))
    faults: dict[str, Any] = {"empty": _both(*(one.share_of_days(days) for one in judge.odd({})))}
    for name, rows in FAULTS.items():
        told = [judge.odd(days_of(connection, rows.format(seed=seed))) for seed in seeds]
        faults[name] = _both(*(float(np.mean([one[side].share_of_days(days) for one in told])) for side in (0, 1)))
    yield "told", faults


def _both(ours: float, theirs: float) -> Mapping[str, float]:
    return {"smoothing": round(ours, 4), "elementary": round(theirs, 4)}


def speed(series: int = 100_000, points: int = 60) -> dict[str, float]:
    """Return CPU seconds and seconds of forecasting many series, the least of three."""
    random = np.random.default_rng(1)
    season = 1 + 0.3 * np.sin(np.arange(points) * 2 * np.pi / 7)
    history = np.log1p(random.poisson(1000 * season, (series, points)).astype(float))
    spent = []
    for _ in range(3):
        cpu, wall = time.process_time(), time.perf_counter()
        forecast(history)
        spent.append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        "series": series,
        "points": points,
        "cpu_s": round(min(spent)[0], 2),
        "s": round(min(w for _, w in spent), 2),
    }


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=DATA)
    asked.add_argument("--seeds", type=int, default=3)
    asked.add_argument("--out", type=Path, default=RESULTS)
    given = asked.parse_args()
    seeds = [secrets.randbelow(1_000_000) for _ in range(given.seeds)]
    found: dict[str, Any] = {"speed": speed()}
    if any(given.data.glob("*.csv")):
        found |= dict(recalls(given.data, seeds)) | {"seeds": seeds}
    else:
        print(f"No daily files in {given.data}: only the speed is measured.")
    found |= {"load": os.getloadavg()[0], "python": platform.python_version()}
    print(json.dumps(found, indent=2))
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
