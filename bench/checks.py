"""100 checks on 10 million rows x 12 columns: Freehold beside the bare scan and four other tools.

    python bench/checks.py                       # everything; peers get environments of their own under build/peers
    python bench/checks.py --only freehold,scan  # some of it
    python bench/checks.py --repeat 3            # best of three

Each run is a whole process, measured from outside: wall clock, CPU of the process, peak memory. All tools get two
threads and a warm file. Figures and the agreement of verdicts go to bench/results/checks.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from checks_case import CUSTOMERS, DAY, DRAW, ROWS, SELECT, cases, contract

ROOT = Path(__file__).parents[1]
PLACE = ROOT / "build" / "bench"
PEERS = ROOT / "build" / "peers"
RESULTS = ROOT / "bench" / "results" / "checks.json"
DATABASE, CONTRACT = PLACE / "orders.duckdb", PLACE / "orders.odcs.yaml"

PACKAGES = {
    "datacontract": ["datacontract-cli[duckdb]"],
    "dbt": ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"],
    "gx": ["great-expectations", "duckdb<2", "duckdb-engine", "sqlalchemy<2.1"],
    "pointblank": ["pointblank", "ibis-framework[duckdb]"],
}
SHOWN = {"datacontract": "datacontract-cli", "dbt": "dbt-core", "gx": "great-expectations", "pointblank": "pointblank"}


def make_table(rows: int) -> None:
    """Write the table, the referenced one, a new day and the Parquet copy, unless they are there."""
    import duckdb

    PLACE.mkdir(parents=True, exist_ok=True)
    mark = PLACE / f"made-{rows}"
    if not mark.exists():
        DATABASE.unlink(missing_ok=True)
        connection = duckdb.connect(config={"threads": 2})
        connection.execute(f"ATTACH '{DATABASE}' AS bench (STORAGE_VERSION 'v1.4.0')")  # old peers read it too
        connection.execute(DRAW)
        connection.execute("USE bench")
        connection.execute("CREATE TABLE orders AS " + SELECT.format(first=0, rows=rows))
        connection.execute(f"CREATE TABLE customers AS SELECT i + 1 AS id FROM range({CUSTOMERS}) AS n(i)")
        connection.execute("CREATE TABLE day AS " + SELECT.format(first=rows, rows=DAY))
        connection.execute(f"COPY orders TO '{PLACE / 'orders.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
        connection.close()
        mark.touch()
    import yaml

    CONTRACT.write_text(yaml.safe_dump(contract(cases(), DATABASE), sort_keys=False))


def python_of(peer: str, packages: Sequence[str] = ()) -> str:
    """Return the interpreter of a peer's own environment, making the environment if need be."""
    packages = packages or PACKAGES[peer]
    home = PEERS / peer
    python = home / "bin" / "python"
    if not python.exists():
        uv = shutil.which("uv")
        if uv:
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(home)], check=True)
            subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *packages], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            subprocess.run([str(python), "-m", "pip", "install", "-q", *packages], check=True)
    return str(python)


def measured(command: list[str], out: Path | None = None) -> dict[str, Any]:
    """Run a process to its end and return its wall clock, CPU, peak memory and what it wrote."""
    if out is not None:
        out.unlink(missing_ok=True)
    load, started = os.getloadavg()[0], time.perf_counter()
    with (PLACE / "last.log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - started
    said = json.loads(out.read_text()) if out is not None and out.exists() else {}
    found = {"wall_s": round(wall, 2), "cpu_s": round(usage.ru_utime + usage.ru_stime, 2)}
    found |= {
        "peak_mb": round(usage.ru_maxrss / 1024),
        "exit": os.waitstatus_to_exitcode(status),
        "load": round(load, 1),
    }
    return found | said


def command_of(run: str, out: Path) -> list[str]:
    """Return the command of a run."""
    peers = Path(__file__).parent / "peers"
    if run == "scan":
        code = (
            f"import duckdb; c = duckdb.connect(r'{DATABASE}', read_only=True, config={{'threads': 2}}); "
            "c.execute('SELECT min(COLUMNS(*)) FROM orders').fetchall()"
        )
        return [sys.executable, "-c", code]
    if run.startswith("freehold"):
        mode = {"freehold": "table", "freehold-parquet": "parquet", "freehold-day": "day"}[run]
        return [sys.executable, str(peers / "freehold_checks.py"), str(CONTRACT), str(DATABASE), mode, str(out)]
    script = [python_of(run), str(peers / f"{run}_checks.py")]
    if run == "dbt":
        folder = str(PEERS / "dbt_project")
        subprocess.run([*script, folder, str(DATABASE), "write", "-"], check=True, capture_output=True)
        return [*script, folder, str(DATABASE), "test", str(out)]
    return [*script, str(CONTRACT), str(DATABASE), "table", str(out)]


def judged(found: dict[str, Any]) -> dict[str, Any]:
    """Add how the verdicts agree with the design of the table."""
    verdicts = found.pop("verdicts", {})
    wanted = {case.id: "fail" if case.fails else "pass" for case in cases()}
    asked = [name for name in wanted if verdicts.get(name) in ("pass", "fail", "warn")]
    wrong = [name for name in asked if ("fail" if verdicts[name] == "warn" else verdicts[name]) != wanted[name]]
    return found | {"checks_answered": len(asked), "wrong_verdicts": wrong}


def best_of(run: str, repeat: int) -> dict[str, Any]:
    """Return the run with the least wall clock; two threads on a shared machine are seldom alone."""
    out = PLACE / f"{run}.json"
    command = command_of(run, out)
    return min((judged(measured(command, out)) for _ in range(repeat)), key=lambda found: found["wall_s"])


def versions(run: str) -> str:
    """Return the version of a peer."""
    code = f"import importlib.metadata as m; print(m.version('{SHOWN[run]}'))"
    return subprocess.run([python_of(run), "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    runs = ["scan", "freehold", "freehold-parquet", "freehold-day", *PACKAGES]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default=",".join(runs), help="comma-separated: " + ", ".join(runs))
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--rows", type=int, default=ROWS)
    chosen = parser.parse_args()
    make_table(chosen.rows)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"runs": {}}
    kept["machine"] = {"cpus": os.cpu_count(), "python": platform.python_version(), "rows": chosen.rows}
    for run in chosen.only.split(","):
        print(f"{run} ...", file=sys.stderr)
        kept["runs"][run] = best_of(run, chosen.repeat)
        if run in SHOWN:
            kept["runs"][run]["version"] = versions(run)
        print(json.dumps({run: kept["runs"][run]}))
    _compare(kept)
    RESULTS.write_text(json.dumps(kept, indent=2) + "\n")


def _compare(kept: dict[str, Any]) -> None:
    """Write the ratio of the best complete peer to Freehold, wall and CPU."""
    ours = kept["runs"].get("freehold")
    peers = {
        n: r for n, r in kept["runs"].items() if n in SHOWN and r["checks_answered"] == 100 and not r["wrong_verdicts"]
    }
    if not ours or not peers:
        return
    best = min(peers, key=lambda name: peers[name]["wall_s"])
    kept["best_peer"] = best
    kept["wall_ratio"] = round(peers[best]["wall_s"] / ours["wall_s"], 2)
    kept["cpu_ratio"] = round(min(p["cpu_s"] for p in peers.values()) / ours["cpu_s"], 2)


if __name__ == "__main__":
    main()
