"""What a dbt project of 2,000 models costs to begin with and to plan, and how much less a plan builds over a history.

    python bench/dbt_history.py [--models 2000] [--edits 40] [--print-only]

The project is generated, its artifacts are shaped and sized as dbt's: sources, staging models, joins, marts,
macros of a package, exposures, tests. Measured as whole processes: `freehold init --from-dbt`, the same again, and
`freehold plan`, first without any cache, then with one model changed.

The history is counted, not timed: one edit after the other to a project of 300 models, of the kinds that histories of
packages show. Each is planned, and what the plan builds is set against what a selection by changed files and macros
takes (`state:modified`), with all models below that (`state:modified+`). Edits of variables and of the relation of a
source, which such a selection does not see, stand apart. Figures go to bench/results/dbt.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "connect"))

from dbt_made import Made, Model  # noqa: E402

FREEHOLD = Path(sys.executable).with_name("freehold")
COLUMNS = 12
HISTORY_MODELS = 300


def wide(models: int) -> Made:
    """Return a project of so many models: a fifth staging, half of them joins, the rest marts."""
    draw = random.Random(7)
    made = Made(
        name="wide",
        sources={("loaded", f"t{n}"): {"freshness": n % 3 == 0} for n in range(models // 5)},
        groups={f"team{n}": f"Team {n}" for n in range(8)},
        variables={"least": 0, "unit": 100},
        macros={
            "trimmed": "{% macro trimmed(c) %}nullif(trim({{ c }}), ''){% endmacro %}",
            "kit.hundredth": "{% macro hundredth(c) %}({{ c }} / {{ var('unit') }}){% endmacro %}",
        },
    )
    staged, joined = models // 5, models // 2
    for n in range(models):
        if n < staged:
            model = Model(staging(n), "staging")
        elif n < staged + joined:
            model = Model(between(n, staged, draw), "intermediate")
        else:
            model = Model(mart(staged, joined, draw), f"marts/team{n % 8}", {"materialized": "table"})
            model.group = f"team{n % 8}" if n % 4 else None
        model.columns = {f"c{c}": {"description": f"Column {c} of model {n}."} for c in range(COLUMNS)}
        made.models[f"m{n}"] = model
    marts = [f"m{n}" for n in range(staged + joined, models)]
    for n in range(models // 40):
        made.exposures[f"board_{n}"] = {
            "label": f"Board {n}",
            "reads": draw.sample(marts, 3),
            "owner": f"Owner {n % 9}",
        }
    for name in draw.sample(sorted(made.models), models // 2):
        made.tests.append({"kind": "not_null", "model": name, "column": "id"})
    return made


def staging(number: int) -> str:
    """Return a model that names and casts the columns of a source."""
    casts = ",\n    ".join(
        f"cast(raw_{c} as {('bigint', 'double')[c % 2]}) as c{c}"
        if c % 3
        else f"{{{{ kit.hundredth('raw_{c}') }}}} as c{c}"
        for c in range(COLUMNS)
    )
    least = "{{ var('least') }}" if number % 4 == 0 else "0"
    return (
        f"-- staged\nselect\n    raw_id as id,\n    {{{{ trimmed('raw_name') }}}} as name,\n    {casts}\n"
        f"from {{{{ source('loaded', 't{number}') }}}}\nwhere raw_id >= {least}\n"
    )


def between(number: int, staged: int, draw: random.Random) -> str:
    """Return a model that joins two earlier ones and derives columns."""
    left, right = draw.sample(range(max(0, number - 3 * staged), number), 2)
    taken = draw.sample(range(COLUMNS), COLUMNS)
    columns = ",\n    ".join(
        f"{'a' if n % 2 else 'b'}.c{c} as c{n}" if n % 3 else f"a.c{c} + b.c{c} as c{n}" for n, c in enumerate(taken)
    )
    return (
        f"with a as (select * from {{{{ ref('m{left}') }}}}),\nb as (select * from {{{{ ref('m{right}') }}}})\n"
        f"select\n    a.id,\n    a.name,\n    {columns}\nfrom a\nleft join b on a.id = b.id\n"
    )


def mart(staged: int, joined: int, draw: random.Random) -> str:
    """Return a model that aggregates some columns of an earlier one."""
    above = draw.randrange(staged, staged + joined)
    sums = ",\n    ".join(
        f"sum(c{c}) as {'revenue' if not n else f'c{c}'}" for n, c in enumerate(draw.sample(range(12), 4))
    )
    return f"select\n    name,\n    {sums}\nfrom {{{{ ref('m{above}') }}}}\ngroup by name\n"


def write(made: Made, root: Path) -> float:
    """Write a project, its manifest filled up to the size that dbt's has; return that in MB."""
    made.write(root)
    path = root / "target" / "manifest.json"
    said = json.loads(path.read_text())
    for node in said["nodes"].values():
        node |= {
            "fqn": node["original_file_path"].split("/"), "tags": [], "docs": {"show": True}, "build_path": None,
            "unrendered_config": node["config"], "refs": [{"name": r} for r in node["depends_on"].get("nodes", ())],
            "doc_blocks": [], "constraints": [], "latest_version": None, "deprecation_date": None,
        }  # fmt: skip
        for column in node.get("columns", {}).values():
            column |= {
                "meta": {}, "data_type": None, "constraints": [], "quote": None, "tags": [], "granularity": None,
                "config": {"meta": {}, "tags": []}, "doc_blocks": [], "dimension": None, "filler": "x" * 900,
            }  # fmt: skip
    for number in range(500):
        name = f"shipped_{number}"
        said["macros"][f"macro.dbt.{name}"] = {
            "name": name, "package_name": "dbt", "macro_sql": "{% macro x() %}" + "select 1 " * 100 + "{% endmacro %}",
        }  # fmt: skip
    path.write_text(json.dumps(said))
    return round(path.stat().st_size / 1e6, 1)


def timed(*words: str | Path) -> dict[str, float]:
    """Run a command as a process: wall seconds, CPU seconds of it and what it starts, peak MB."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([FREEHOLD, *words], capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mb": round(after.ru_maxrss / 1024)}


# -- one edit after the other

Edit = Callable[[Made, random.Random], None]


def body(made: Made, draw: random.Random) -> None:
    """One column of one model is computed otherwise."""
    model = made.models[draw.choice(sorted(made.models))]
    column = f" as c{draw.randrange(COLUMNS)}"
    line = next((part for part in model.sql.splitlines() if column + "," in part or part.endswith(column)), "")
    if line:
        said = line.strip().partition(" as ")[0]
        model.sql = model.sql.replace(line, line.replace(said, f"nullif({said}, {draw.randrange(9)})", 1))


def layout(made: Made, draw: random.Random) -> None:
    """Files are laid out anew."""
    for name in draw.sample(sorted(made.models), 8):
        made.models[name].sql = f"-- tidied {draw.random()}\n" + made.models[name].sql.replace(",\n    ", "\n  , ")


def renamed(made: Made, draw: random.Random) -> None:
    """A CTE has another name."""
    for name in draw.sample(sorted(made.models), 8):
        model = made.models[name]
        if model.sql.startswith("with a as"):
            model.sql = model.sql.replace("with a as", "with above as").replace("from a\n", "from above as a\n")


def macro(made: Made, draw: random.Random) -> None:
    """A macro is refactored and gives the same."""
    made.macros["trimmed"] = (
        "{% macro trimmed(c) -%}\n  nullif(trim({{ c }}), '') {#- " + str(draw.random()) + " #}\n{%- endmacro %}"
    )


def package(made: Made, draw: random.Random) -> None:
    """A package is upgraded: one of its macros gives something else."""
    shift = draw.randrange(1, 9)
    made.macros["kit.hundredth"] = (
        f"{{% macro hundredth(c) %}}(({{{{ c }}}} + {shift}) / {{{{ var('unit') }}}}){{% endmacro %}}"
    )


def packaged_again(made: Made, draw: random.Random) -> None:
    """A package is upgraded: its macros are written otherwise and give the same."""
    tidied = made.macros["kit.hundredth"].replace("%}(", f"%}}{{# {draw.random()} #}}(")
    made.macros["kit.hundredth"] = tidied


def variable(made: Made, draw: random.Random) -> None:
    """A variable has another value."""
    made.variables["least"] = draw.randrange(1, 1000)


def source(made: Made, draw: random.Random) -> None:
    """A source is another table."""
    table = draw.choice(sorted(made.sources))
    made.sources[table] = {**made.sources[table], "identifier": f"{table[1]}_v{draw.randrange(2, 99)}"}


EDITS: dict[str, tuple[Edit, int]] = {
    "bodies": (body, 5), "layout": (layout, 3), "CTE names": (renamed, 2), "macros refactored": (macro, 2),
    "packages that differ": (package, 1), "packages that do not": (packaged_again, 1), "variables": (variable, 1),
    "sources renamed": (source, 2),
}  # fmt: skip


UNSEEN = ("variables", "sources renamed")
KEYS = ("edits", "built", "modified", "modified_and_below")


def selected(before: dict[str, object], after: dict[str, object]) -> set[str]:
    """Return what `state:modified` selects: nodes whose file, or a macro they call, directly or not, is another."""

    def mark(manifest: dict[str, object], node: dict[str, object]) -> str:
        macros: dict[str, dict[str, object]] = manifest["macros"]  # type: ignore[assignment]
        reached, waiting = set(), list(node["depends_on"]["macros"])  # type: ignore[index]
        while waiting:
            id_ = waiting.pop()
            if id_ in macros and id_ not in reached:
                reached.add(id_)
                waiting += macros[id_]["depends_on"]["macros"]  # type: ignore[index]
        return json.dumps([node["checksum"], node["config"], *(macros[m]["macro_sql"] for m in sorted(reached))])

    old, new = before["nodes"], after["nodes"]
    return {
        id_
        for id_, n in new.items()
        if n["resource_type"] == "model" and (id_ not in old or mark(before, old[id_]) != mark(after, n))
    }  # type: ignore


def history(folder: Path, edits: int) -> dict[str, object]:
    """Make one edit after the other; return what plans build, and what selections by files build, by kind of edit."""
    from freehold.connect.dbt import joining, read_project
    from freehold.delivery.graph import Graph
    from freehold.delivery.plan import KeptMeanings, Version, plan
    from freehold.estate import load_estate

    made, draw = wide(HISTORY_MODELS), random.Random(11)
    write(made, folder)
    timed("init", "--from-dbt", folder)
    estate = load_estate(folder / "freehold")
    kept = KeptMeanings(estate.root)
    names = [name for name, (_, weight) in EDITS.items() for _ in range(weight)]
    counts: dict[str, dict[str, int]] = {}
    before = read_project(made.write_artifacts(folder / "was"))
    for _ in range(edits):
        name = draw.choice(names)
        then = copy.deepcopy(made)
        EDITS[name][0](made, draw)
        after = read_project(made.write_artifacts(folder / "is"))
        join = joining([(after, before)], estate.root)
        found = plan(estate, Version(estate, "before", is_deployed=False), "prod", "duckdb", kept=kept, join=join)
        changed = selected(then.manifest(), made.manifest())
        graph, _ = join(Graph({}), Graph({}))
        ids = {f"wide.{id_.rpartition('.')[2]}" for id_ in changed}
        below = graph.downstream(ids & graph.assets.keys())
        built = {
            c.asset.rpartition(".")[2]
            for c in found.changes
            if c.action in ("rebuild", "build", "backfill", "replace view")
        }
        one = counts.setdefault(name, dict.fromkeys(KEYS, 0))
        one["edits"] += 1
        one["built"] += len(built & made.models.keys())
        one["modified"] += len(changed)
        one["modified_and_below"] += len(below)
        before = after
    apart = [one for name, one in counts.items() if name in UNSEEN]
    total = {key: sum(one[key] for name, one in counts.items() if name not in UNSEEN) for key in KEYS}
    return {
        "models": HISTORY_MODELS,
        **total,
        "share_of_modified_and_below": round(total["built"] / max(total["modified_and_below"], 1), 2),
        "unseen_by_files": {"edits": sum(one["edits"] for one in apart), "built": sum(one["built"] for one in apart)},
        "by_kind": counts,
    }


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=2000)
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "wide"
        root.mkdir()
        made = wide(given.models)
        megabytes = write(made, root)
        begun = timed("init", "--from-dbt", root)
        again = timed("init", "--from-dbt", root)
        timed("-C", root / "freehold", "run")
        cold = timed("-C", root / "freehold", "plan")
        changed = made.models[f"m{given.models // 3}"]
        changed.sql = changed.sql.replace("as c4", "+ 1 as c4")
        write(made, root)
        timed("-C", root / "freehold", "plan")
        warm = min((timed("-C", root / "freehold", "plan") for _ in range(2)), key=lambda t: t["wall_s"])
        (Path(name) / "history").mkdir()
        replayed = history(Path(name) / "history", given.edits)
    result = {
        "models": given.models,
        "manifest_mb": megabytes,
        "init": begun,
        "init_again": again,
        "plan_cold": cold,
        "plan_one_changed": warm,
        "history": replayed,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    print(json.dumps(result, indent=2))
    if not given.print_only:
        HERE.joinpath("results/dbt.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
