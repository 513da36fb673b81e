"""How fast the command line starts: the best of several processes, wall clock.

    python bench/startup.py [--times 15] [--most-ms 150] [--print-only]

Prints a table and writes bench/results/startup.json, which docs/benchmarks.md shows; --print-only leaves that file as
it is. With --most-ms, ends with 1 when `--help` or `--version` takes longer.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
FREEHOLD = Path(sys.executable).with_name("freehold")


def best_ms(command: list[str], times: int, cwd: Path) -> float:
    spans = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)
        spans.append((time.perf_counter() - began) * 1000)
    return round(min(spans), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--most-ms", type=float, default=None)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        estate = Path(folder) / "shop"
        subprocess.run([FREEHOLD, "init", estate], check=True, capture_output=True)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "freehold --version": [FREEHOLD, "--version"],
            "freehold --help": [FREEHOLD, "--help"],
            "freehold run --help": [FREEHOLD, "run", "--help"],
            "freehold validate (2 contracts)": [FREEHOLD, "validate"],
        }
        found = {name: best_ms([str(c) for c in command], given.times, estate) for name, command in commands.items()}
    for name, ms in found.items():
        print(f"{name:<34} {ms:7.1f} ms")
    result = {
        "best_of": given.times,
        "ms": found,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    if not given.print_only:
        HERE.joinpath("results").mkdir(exist_ok=True)
        HERE.joinpath("results/startup.json").write_text(json.dumps(result, indent=2) + "\n")
    slow = [n for n in ("freehold --help", "freehold --version") if given.most_ms and found[n] > given.most_ms]
    if slow:
        print(f"slower than {given.most_ms:g} ms: {', '.join(slow)}", file=sys.stderr)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
