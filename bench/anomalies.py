"""What is found of faults in real daily files, and of nothing, beside Elementary's default rule; and how fast.

    python bench/anomalies.py [--data ../shared/data/retail/by-day] [--seeds 3]

Every day after the first four weeks is judged as it is, and with each fault put into its file: rows lost, doubled,
amounts in pence, amounts in another currency, values lost from a column. Faults are drawn by a generator seeded from
the operating system; the seeds are written with the result. The other rule is that of Elementary without settings: the
value is among the fourteen that its mean and deviation come from, and three deviations are too many. Both judge the
same measures of the same days. Then 100,000 series of 60 points are forecast. Writes bench/results/anomalies.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from freehold.reliability.judging import Grade, judged
from freehold.reliability.measures import ROWS, Measure, measured
from freehold.reliability.smoothing import Floats, forecast

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "anomalies.json"
DATA = HERE.parent.parent / "shared" / "data" / "retail" / "by-day"
FIRST, WINDOW, OTHERS = 28, 90, 14
COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
NUMBERS = ("Quantity", "UnitPrice")
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
}  # fmt: skip

Days = dict[date, dict[Measure, float]]


def days_of(connection: duckdb.DuckDBPyConnection, rows: str) -> Days:
    """Return the measures of each day of some rows, as a run notes them."""
    told = ", ".join(
        [f"COUNT(*) - COUNT({c}), APPROX_COUNT_DISTINCT({c})" for c in COLUMNS] + [f"AVG({c})" for c in NUMBERS]
    )
    found: Days = {}
    for day, count, *said in connection.execute(f"SELECT day, COUNT(*), {told} FROM ({rows}) GROUP BY day").fetchall():
        columns = {c: {"nulls": said[2 * n], "distinct": said[2 * n + 1]} for n, c in enumerate(COLUMNS)}
        for n, c in enumerate(NUMBERS):
            columns[c] |= {"mean": said[2 * len(COLUMNS) + n]}
        found[day] = dict(measured({"rows": count, "columns": columns}))
    return found


class Judge:
    """Judges days by clean ones before them, by two rules."""

    def __init__(self, clean: Days) -> None:
        first, last = min(clean), max(clean)
        self.span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        self.asked = [n for n, day in enumerate(self.span) if day in clean and n >= FIRST]
        self.clean = clean
        self.measures = sorted(set().union(*clean.values()), key=str)

    def _before(self, measure: Measure) -> Floats:
        values = np.array([self.clean.get(day, {}).get(measure, np.nan) for day in self.span])
        found = np.full((len(self.asked), WINDOW), np.nan)
        for row, n in enumerate(self.asked):
            before = values[max(0, n - WINDOW) : n]
            found[row, WINDOW - len(before) :] = before
        return found

    def odd(self, days: Days) -> tuple[Floats, Floats]:
        """Return which measures of which day are unusual, by smoothing and by the other rule: (days, measures)."""
        ours, theirs = (np.zeros((len(self.asked), len(self.measures)), dtype=bool) for _ in range(2))
        before = self._before(Measure(ROWS))
        told = [days.get(self.span[n], {Measure(ROWS): 0.0}) for n in self.asked]
        rows = np.array([one[Measure(ROWS)] for one in told])
        for place, measure in enumerate(self.measures):
            history = self._before(measure)
            there = np.array([measure in one for one in told])
            values = np.array([one.get(measure, 1.0) for one in told])
            verdicts = judged(measure.kind, history, before, values, np.maximum(rows, 1), (7,))
            grades = np.array([v.grade in (Grade.UNUSUAL, Grade.SEVERE) for v in verdicts])
            ours[:, place] = grades & there
            theirs[:, place] = there & np.array([_far(h, v) for h, v in zip(history, values, strict=True)])
        return ours, theirs


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
    quiet = judge.odd(clean)
    yield "days", len(judge.asked)
    yield "measures", len(judge.measures)
    yield "false_alarms", _both(*(float(one.mean()) for one in quiet))
    yield "days_with_a_false_alarm", _both(*(float(one.any(1).mean()) for one in quiet))
    faults: dict[str, Any] = {"empty": _both(*(float(one.any(1).mean()) for one in judge.odd({})))}
    for name, rows in FAULTS.items():
        told = [judge.odd(days_of(connection, rows.format(seed=seed))) for seed in seeds]
        faults[name] = _both(*(float(np.mean([one[side].any(1).mean() for one in told])) for side in (0, 1)))
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
