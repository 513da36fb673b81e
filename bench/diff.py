"""What it costs to compare two tables of 2 million rows and 12 columns, beside the usual ways, in one run.

    python bench/diff.py [--rows 2000000] [--times 3] [--print-only]

`freehold` is `freehold.quality.diff`: counts of rows and of changes by column, faults of the key, schema, samples.
`a query a column` gives the same counts the way of the usual packages: the uniqueness of the key on either side, then
for each of the 11 other columns one full join that counts rows by status (added, removed, changed, same).
`EXCEPT ALL` tells only how many rows one side
has and the other has not. Counts are compared; the best of several runs is kept. `spread`: one row in a hundred
changes and one in a thousand is gone, anywhere; `one day`: a hundred of the newest rows change and one is gone;
`equal`: nothing differs. Prints a table and writes bench/results/diff.json, which docs/benchmarks.md shows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from freehold.engines import Engine, Relation, Session, open_engine
from freehold.foundation import LOCAL
from freehold.quality.diff import diff

HERE = Path(__file__).parent
BEFORE = Relation("main", "side_before")
COLUMNS = (
    "token",
    "customer",
    "country",
    "channel",
    "email",
    "amount",
    "quantity",
    "weight",
    "ordered",
    "shipped",
    "paid",
)


def made(session: Session, rows: int) -> dict[str, Relation]:
    session.run(
        f"""CREATE TABLE side_before AS SELECT i AS id, md5(i::VARCHAR) AS token, (i * 7919) % 1000000 AS customer,
        ['DE', 'FR', 'UK'][1 + i % 3] AS country, ['shop', 'web'][1 + i % 2] AS channel,
        'user' || i || '@example.org' AS email, ((i * 37) % 100000 / 100)::DECIMAL(18, 2) AS amount,
        (i % 100)::INTEGER AS quantity, i * 0.1::DOUBLE AS weight,
        TIMESTAMP '2020-01-01' + INTERVAL (i) SECOND AS ordered,
        TIMESTAMP '2020-01-02' + INTERVAL (i * 3) SECOND AS shipped,
        i % 2 = 0 AS paid FROM range({rows}) t(i)"""
    )
    newest = rows - rows // 1000
    sides = {
        "spread": "SELECT * REPLACE (CASE WHEN id % 100 = 7 THEN amount + 1 ELSE amount END AS amount) "
        "FROM side_before WHERE id % 1000 <> 13",
        "one day": "SELECT * REPLACE "
        f"(CASE WHEN id >= {newest} AND id % 20 = 7 THEN amount + 1 ELSE amount END AS amount) "
        f"FROM side_before WHERE id <> {newest + 3}",
        "equal": "SELECT * FROM side_before",
    }
    relations = {name: Relation("main", f"side_{name.replace(' ', '_')}") for name in sides}
    for name, relation in relations.items():
        session.run(f"CREATE TABLE {relation.sql} AS {sides[name]}")
    return relations


def ours(engine: Engine, session: Session, after: Relation) -> dict[str, Any]:
    found = diff(session, BEFORE, session, after, ["id"], capabilities=engine.capabilities)
    return {
        "added": found.added, "removed": found.removed, "columns": {c.column: c.changed for c in found.columns},
        "queries": found.queries,
    }  # fmt: skip


def a_query_a_column(_: Engine, session: Session, after: Relation) -> dict[str, Any]:
    joined = f"FROM {BEFORE.sql} b FULL JOIN {after.sql} a ON a.id = b.id"
    for side in (BEFORE, after):
        assert session.rows(f"SELECT count(*) - count(DISTINCT id) FROM {side.sql}") == [(0,)]
    columns: dict[str, int] = {}
    counts: dict[str, int] = {}
    for name in COLUMNS:
        status = (
            f"CASE WHEN b.id IS NULL THEN 'added' WHEN a.id IS NULL THEN 'removed' "
            f"WHEN a.{name} IS DISTINCT FROM b.{name} THEN 'changed' ELSE 'same' END"
        )
        counts = dict(session.rows(f"SELECT {status}, count(*) {joined} GROUP BY 1"))
        columns |= {name: counts["changed"]} if "changed" in counts else {}
    added, removed = counts.get("added", 0), counts.get("removed", 0)
    return {"added": added, "removed": removed, "columns": columns, "queries": 2 + len(COLUMNS)}


def except_all(_: Engine, session: Session, after: Relation) -> dict[str, Any]:
    ways = ((after, BEFORE), (BEFORE, after))
    counts = [session.rows(f"SELECT count(*) FROM (FROM {x.sql} EXCEPT ALL FROM {y.sql})")[0][0] for x, y in ways]
    return {"added": counts[0], "removed": counts[1], "queries": 2}


WAYS: dict[str, Callable[[Engine, Session, Relation], dict[str, Any]]] = {
    "freehold": ours, "a query a column": a_query_a_column, "EXCEPT ALL": except_all,
}  # fmt: skip


def timed(engine: Engine, session: Session, after: Relation, times: int) -> dict[str, dict[str, Any]]:
    """Run the ways in turn, so that a noisy minute meets all of them; keep the best wall clock of each."""
    best = dict.fromkeys(WAYS, (float("inf"), float("inf")))
    answers: dict[str, dict[str, Any]] = {}
    for _ in range(times):
        for name, way in WAYS.items():
            began, cpu = time.perf_counter(), time.process_time()
            answers[name] = way(engine, session, after)
            best[name] = min(best[name], (time.perf_counter() - began, time.process_time() - cpu))
    assert {k: answers["freehold"][k] for k in ("added", "removed", "columns")} == {
        k: answers["a query a column"][k] for k in ("added", "removed", "columns")
    }, answers
    return {
        name: {"wall_s": round(best[name][0], 3), "cpu_s": round(best[name][1], 3), "queries": answers[name]["queries"]}
        for name in WAYS
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    engine = open_engine("duckdb://", threads=2)
    session = engine.session(LOCAL)
    found: dict[str, Any] = {}
    for case, after in made(session, given.rows).items():
        runs = timed(engine, session, after, given.times)
        ours_s = runs["freehold"]["wall_s"]
        for name, run in runs.items():
            run["times_ours"] = round(run["wall_s"] / ours_s, 2)
            print(f"{case:<8} {name:<18} {run['wall_s']:7.3f} s {run['cpu_s']:7.3f} cpu  {run['times_ours']:5.1f} x")
        found |= {f"{case}: {name}": run for name, run in runs.items()}
    result = {
        "runs": found,
        "machine": {"rows": given.rows, "columns": 12, "best_of": given.times, "cores": os.cpu_count(),
                    "python": platform.python_version()},
    }  # fmt: skip
    if not given.print_only:
        HERE.joinpath("results").mkdir(exist_ok=True)
        HERE.joinpath("results/diff.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
