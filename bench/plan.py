"""What a plan costs over 2,000 models, and how much less it builds than a rebuild of everything below a change.

    python bench/plan.py [--models 2000] [--print-only]

The estate is generated: sources, staging models with casts, intermediate joins, marts with aggregates, in ten products.
Measured as whole processes of `freehold plan`: first without any cache, then with one model changed. The ratio is
counted, not timed: one column of one model is changed at a time, and what the plan builds is set against all models
below the file, which is what a selection by modified files builds. Figures go to bench/results/plan.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
FREEHOLD = Path(sys.executable).with_name("freehold")
PRODUCTS = 10
COLUMNS = 12

ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: wide}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}}
"""
TEAM = "apiVersion: freehold.dev/v1\nkind: Team\nmetadata: {id: wide}\nspec: {}\n"
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: wide.p{number}
name: Product {number}
version: 1.0.0
status: active
domain: wide
team: {{name: wide}}
"""


def write_estate(root: Path, models: int) -> None:
    """Write an estate of so many models: a fifth staging, half intermediate, the rest marts."""
    draw = random.Random(7)
    root.mkdir(parents=True, exist_ok=True)
    (root / "estate.yaml").write_text(ESTATE)
    (root / "teams.yaml").write_text(TEAM)
    for number in range(PRODUCTS):
        folder = root / f"p{number}"
        (folder / "models").mkdir(parents=True)
        (folder / "product.odps.yaml").write_text(PRODUCT.format(number=number))
    staged, joined = models // 5, models // 2
    for number in range(models):
        made = staging(number) if number < staged else between(number, staged, draw)
        if number >= staged + joined:
            made = mart(staged, joined, draw)
        (root / f"p{number % PRODUCTS}" / "models" / f"m{number}.sql").write_text(made)


def staging(number: int) -> str:
    """Return a model that names and casts the columns of a table that others load."""
    columns = ",\n    ".join(
        f"cast(raw_{c} as {('bigint', 'double', 'varchar')[c % 3]}) as c{c}" for c in range(COLUMNS)
    )
    return f"-- staged\nselect\n    raw_id as id,\n    {columns}\nfrom loaded.t{number}\nwhere raw_id is not null\n"


def between(number: int, staged: int, draw: random.Random) -> str:
    """Return a model that joins two earlier ones and derives columns."""
    left, right = draw.sample(range(max(0, number - 3 * staged), number), 2) if number > 2 else (0, 1)
    kept = draw.sample(range(COLUMNS), 6)
    mine = ",\n    ".join(f"l.c{c}" for c in kept)
    made = ",\n    ".join(f"coalesce(l.c{c}, r.c{c}) as c{c}" for c in range(COLUMNS) if c not in kept)
    return (
        f"with l as (select * from {{{{ ref('m{left}') }}}}), r as (select * from {{{{ ref('m{right}') }}}})\n"
        f"select\n    l.id,\n    {mine},\n    {made}\nfrom l\nleft join r on l.id = r.id\n"
    )


def mart(staged: int, joined: int, draw: random.Random) -> str:
    """Return a model that aggregates an intermediate one by a column."""
    over = draw.randrange(staged, staged + joined)
    by, *summed = draw.sample(range(COLUMNS), 4)
    sums = ",\n    ".join(f"max(c{c}) as c{c}" for c in summed)
    return f"select\n    c{by} as id,\n    {sums},\n    count(*) as lines\nfrom {{{{ ref('m{over}') }}}}\ngroup by 1\n"


def timed(root: Path) -> tuple[float, float, float, dict[str, object]]:
    """Run `freehold plan` as a process: wall seconds, CPU seconds, peak MB, and the plan."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([FREEHOLD, "plan", "--base", "HEAD", "--json"], cwd=root, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(wall, 2), round(cpu, 2), round(after.ru_maxrss / 1024), json.loads(done.stdout)


def ratio(root: Path, changes: int) -> dict[str, float]:
    """Change one column of one model at a time; return what plans build, and what all below the files would be."""
    from freehold.delivery.plan import KeptMeanings, Version, plan
    from freehold.delivery.template import KeptCompiled
    from freehold.estate import load_estate

    estate = load_estate(root)
    before, draw = Version(estate, "before", is_deployed=False), random.Random(11)
    kept, compiled = KeptMeanings(root), KeptCompiled(root)
    built = below = 0
    names = sorted(estate.models)
    for name in draw.sample(names, changes):
        column = f"c{draw.randrange(COLUMNS)}"
        text = estate.models[name].text
        if f" as {column}" not in text:
            continue
        first, _, rest = text.partition(f" as {column}")
        line = first.rpartition("\n")
        changed = f"{line[0]}\n    nullif({line[2].strip()}, null) as {column}{rest}"
        models = {**estate.models, name: replace(estate.models[name], text=changed)}
        found = plan(replace(estate, models=models), before, "prod", "duckdb", kept=kept, compiled=compiled)
        built += len(found.built)
        below += found.downstream
    return {"changes": changes, "built": built, "all_below": below, "share": round(built / below, 3)}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "wide"
        write_estate(root, given.models)
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
            subprocess.run([*git, *words], cwd=root, check=True, capture_output=True)
        cold = timed(root)
        file = root / "p3" / "models" / "m3.sql"
        file.write_text(file.read_text().replace("raw_4 as", "raw_4 + 1 as"))
        warm = min((timed(root) for _ in range(3)), key=lambda t: t[0])
        subprocess.run([*git, "checkout", "-q", "."], cwd=root, check=True)
        counted = ratio(root, given.changes)
    result = {
        "models": given.models,
        "cold": dict(zip(("wall_s", "cpu_s", "peak_mb"), cold, strict=False)),
        "one_changed": dict(zip(("wall_s", "cpu_s", "peak_mb"), warm, strict=False)),
        "one_changed_builds": warm[3]["built"],
        "single_columns": counted,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    print(json.dumps(result, indent=2))
    if not given.print_only:
        HERE.joinpath("results/plan.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
