"""How fast column lineage is read, beside sqlglot's own lineage asked column by column, in one run.

    python bench/lineage.py [--models 400] [--print-only]

The models are generated from a seed: staging with casts and cases, joins of two or three CTEs, windows, unions,
aggregates, in the proportions of a usual project; 20 to 120 lines each. Both sides know the columns of every source.
Freehold is measured in process and through its process apart, sqlglot on a tenth of the models, for it takes longest.
Goals: at least 100 models a second and core, aim 140; at most 0.5 % failures; at most 400 MB. Figures go to
bench/results/lineage.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage as sqlglot_lineage

from freehold.sql.lineage import Reader, lineage_of

HERE = Path(__file__).parent
DIALECT = "snowflake"
WIDTH = 14
_SEPARATOR = ",\n    "


def model(number: int) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Return a model and the columns of what it reads."""
    draw = random.Random(number)
    tables = {f"RAW.T{number}_{n}": tuple(f"COL_{c}" for c in range(WIDTH)) for n in range(draw.randint(1, 3))}
    ctes, last = [], []
    for n, table in enumerate(tables):
        listed = _SEPARATOR.join(_staged(draw, c) for c in range(WIDTH))
        ctes.append(f"s{n} as (\n  select\n    {listed}\n  from {table} as r\n  where r.col_1 is not null\n)")
        last.append(f"s{n}")
    for n in range(draw.randint(0, 2)):
        left, right = draw.choice(last), draw.choice(last)
        listed = _SEPARATOR.join(_joined(draw, c) for c in range(WIDTH))
        joined = f"from {left} as a\n  left join {right} as b on a.c_0 = b.c_0 and a.c_2 > 0"
        group = "\n  group by a.c_0" if draw.random() < 0.4 else ""
        ctes.append(f"j{n} as (\n  select\n    {listed}\n  {joined}{group}\n)")
        last.append(f"j{n}")
    end = f"select * from {last[-1]}"
    if draw.random() < 0.2 and len(last) > 1:
        end += f"\nunion all\nselect * from {last[0]}"
    return "with " + ",\n".join(ctes) + f"\n{end}", tables


def _staged(draw: random.Random, c: int) -> str:
    kinds = (
        f"r.col_{c} as c_{c}",
        f"cast(r.col_{c} as varchar) as c_{c}",
        f"coalesce(r.col_{c}, 0) as c_{c}",
        f"case when r.col_{(c + 1) % WIDTH} > 3 then r.col_{c} else 0 end as c_{c}",
        f"lower(trim(r.col_{c})) as c_{c}",
    )
    return draw.choices(kinds, (6, 2, 1, 1, 1))[0]


def _joined(draw: random.Random, c: int) -> str:
    kinds = (
        f"a.c_{c}",
        f"b.c_{c}",
        f"sum(a.c_{c}) as c_{c}",
        f"row_number() over (partition by a.c_0 order by b.c_{c} desc) as c_{c}",
        f"a.c_{c} * b.c_{(c + 2) % WIDTH} as c_{c}",
    )
    return draw.choices(kinds, (5, 2, 2, 1, 1))[0]


def column_by_column(sql: str, tables: dict[str, tuple[str, ...]]) -> int:
    """Ask sqlglot for every column of a model; return how many edges it found."""
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name, columns in tables.items():
        db, _, table = name.partition(".")
        schema.setdefault(db, {})[table] = dict.fromkeys(columns, "TEXT")
    first = parse_one(sql, dialect=DIALECT).find(exp.Select)
    assert first is not None
    edges = 0
    for c in range(WIDTH):
        root = sqlglot_lineage(f"C_{c}", sql, schema=schema, dialect=DIALECT)
        edges += len({node.name for node in root.walk() if isinstance(node.expression, exp.Table)})
    return edges


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure, print, and write the results."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--models", type=int, default=400)
    asked.add_argument("--print-only", action="store_true")
    given = asked.parse_args()
    models = [model(n) for n in range(given.models)]
    lineage_of("select 1")  # imports

    found = []
    in_process = cpu_of(lambda: found.extend(lineage_of(sql, DIALECT, columns_of=t.get) for sql, t in models))
    failures = sum(bool(one.failures) for one in found)
    edges = sum(sum(1 for _ in one.edges(indirect=True)) for one in found)

    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with Reader() as reader:
        apart = [reader.read(sql, DIALECT, t) for sql, t in models]
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert apart == found, "the process apart must say what is said here"

    few = models[:: max(1, given.models // 40)]
    refused = 0

    def peer() -> None:
        nonlocal refused
        for sql, tables in few:
            try:
                column_by_column(sql, tables)
            except SqlglotError:
                refused += 1

    ours = cpu_of(lambda: [lineage_of(sql, DIALECT, columns_of=t.get) for sql, t in few])
    theirs = cpu_of(peer)
    parse = cpu_of(lambda: [parse_one(sql, dialect=DIALECT) for sql, _ in few])
    results = {
        "models": given.models,
        "lines": sum(sql.count("\n") + 1 for sql, _ in models),
        "edges": edges,
        "failures": failures,
        "models_per_s_and_core": round(given.models / in_process, 1),
        "apart": {
            "models_per_s": round(given.models / wall, 1),
            "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
            "peak_mb": round(after.ru_maxrss / 1024),
        },
        "same_models": {
            "parsing alone": {"cpu_s": round(parse, 2), "models_per_s": round(len(few) / parse, 1)},
            "freehold": {"cpu_s": round(ours, 2), "models_per_s": round(len(few) / ours, 1)},
            "sqlglot, column by column": {"cpu_s": round(theirs, 2), "models_per_s": round(len(few) / theirs, 1)},
        },
        "times_faster": round(theirs / ours, 1),
        "refused_by_sqlglot": refused,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
    }
    print(json.dumps(results, indent=2))
    if not given.print_only:
        place = HERE / "results" / "lineage.json"
        place.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
