"""How much Freehold adds: the demo on daily files beside the frozen bare script, as whole processes, in turn.

    python bench/replay.py [DATA] [--rounds N] [--days N]

DATA holds one YYYY-MM-DD.csv a trading day (default: the real ones, ../shared/data/retail/by-day or what
FREEHOLD_REAL_DATA names, else generated days). Prints wall, CPU and peak memory of both, their ratio, and a run that
has nothing to do; writes bench/results/replay.json. Goals: ratio <= 3 (aim 2), 305 real days < 60 s and < 700 MB on two
cores, nothing-to-do <= 2 s. Both sides do the same models, checks and swaps; Freehold also plans, keeps candidates,
quarantines, seals what happened, and lets four simulated consumers read every morning.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "replay.json"
GOALS = {"ratio": 3.0, "wall_s": 60.0, "peak_mb": 700.0, "idle_s": 2.0}


@dataclass
class Spent:
    """What one process cost: wall and CPU seconds, peak resident megabytes, its children's CPU included."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def measured(command: list[str]) -> tuple[Spent, str]:
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{err.read().decode()}")
        spent = Spent(round(wall, 2), round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / 1024, 1))
        return spent, out.read().decode()


def default_data(scratch: Path) -> tuple[Path, str]:
    shared = Path(os.environ.get("FREEHOLD_REAL_DATA", ROOT.parent / "shared" / "data")) / "retail" / "by-day"
    if shared.is_dir():
        return shared, "real daily files"
    from freehold.demo.generator import to_csv, trading_days

    made = scratch / "days"
    made.mkdir()
    for day in trading_days(7, date(2011, 1, 1), date(2011, 6, 30)):
        (made / f"{day.date}.csv").write_bytes(to_csv(day.lines))
    return made, "generated days"


def chosen(data: Path, days: int | None, scratch: Path) -> Path:
    """Both sides read the same folder; with --days it holds copies of the last ones only."""
    if not days:
        return data
    some = scratch / "some"
    some.mkdir()
    for file in sorted(data.glob("*.csv"))[-days:]:
        shutil.copyfile(file, some / file.name)
    return some


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=int)
    asked = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="freehold-bench-"))
    try:
        data, kind = (asked.data, str(asked.data)) if asked.data else default_data(scratch)
        data = chosen(data, asked.days, scratch)
        report(rounds(data, asked.rounds, scratch), kind)
    finally:
        shutil.rmtree(scratch)


def rounds(data: Path, count: int, scratch: Path) -> dict[str, object]:
    freehold = [sys.executable, "-c", "from freehold.cli import main; main()"]
    load = os.getloadavg()[0]  # wall time on a busy machine says little; CPU time still does
    bare, full, idle = [], [], []
    said: dict[str, object] = {"load_before": round(load, 2)}
    for number in range(count):
        warehouse, folder = scratch / f"bare-{number}.db", scratch / f"demo-{number}"
        spent, told = measured([sys.executable, str(ROOT / "bench/bare_replay.py"), str(data), str(warehouse)])
        bare.append(spent)
        said["bare"] = json.loads(told)
        spent, told = measured([*freehold, "demo", "--data", str(data), "--dir", str(folder), "--json"])
        full.append(spent)
        said["freehold"] = {k: v for k, v in json.loads(told)["demo"].items() if isinstance(v, int | float)}
        idle.append(measured([*freehold, "-C", str(folder), "run", "--json"])[0])
        said["disk_mb"] = {"bare": size_mb(warehouse), "freehold": size_mb(folder / ".freehold")}
        print(f"round {number + 1}: bare {bare[-1]}, freehold {full[-1]}, nothing to do {idle[-1]}", flush=True)
        warehouse.unlink()
        shutil.rmtree(folder)
    return {"bare": bare, "freehold": full, "nothing_to_do": idle, "said": said}


def size_mb(path: Path) -> float:
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return round(sum(f.stat().st_size for f in files) / 1e6, 1)


def report(found: dict[str, object], kind: str) -> None:
    middle = {
        name: Spent(*(median(getattr(s, field) for s in found[name]) for field in ("wall_s", "cpu_s", "peak_mb")))
        for name in ("bare", "freehold", "nothing_to_do")
    }
    ratio = {
        "wall": round(middle["freehold"].wall_s / middle["bare"].wall_s, 2),
        "cpu": round(middle["freehold"].cpu_s / middle["bare"].cpu_s, 2),
    }
    print(f"\n{kind}: medians\n{'':<16}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}")
    for name, spent in middle.items():
        print(f"{name:<16}{spent.wall_s:>9.2f}{spent.cpu_s:>9.2f}{spent.peak_mb:>9.0f}")
    print(f"ratio to bare: wall {ratio['wall']}, CPU {ratio['cpu']} (goal <= {GOALS['ratio']:g}, aim 2)")
    print(json.dumps(found["said"]))
    result = {
        "data": kind,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "goals": GOALS,
        "medians": {name: asdict(spent) for name, spent in middle.items()},
        "ratio": ratio,
        "rounds": {name: [asdict(s) for s in found[name]] for name in middle},
        "said": found["said"],
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
