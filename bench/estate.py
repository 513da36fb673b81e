"""How long an estate of many files takes to load and validate: cold, unchanged, and with one file changed.

    python bench/estate.py [--files 10000]

Limits to hold on two cores: 10,000 files of 2 kB in 15 s, unchanged again in 1 s. Figures go to
bench/results/estate.json.
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

RESULTS = Path(__file__).parent / "results" / "estate.json"
ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: large}
spec:
  connections: {warehouse: {url: "duckdb:///.freehold/warehouse.db"}}
  environments: {prod: {connection: warehouse}}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: everybody}
spec: {members: ["group:idp/everybody"]}
"""

PROPERTIES = """      - name: column_{i}
        logicalType: {kind}
        required: true
        description: What column {i} of the table holds, in a sentence.
"""


def contract(product: str, name: str) -> str:
    kinds = ("integer", "string", "number", "timestamp")
    columns = "".join(PROPERTIES.format(i=i, kind=kinds[i % 4]) for i in range(9))
    return f"""apiVersion: v3.1.0
kind: DataContract
id: {product}.{name}
name: Table {name}
version: 1.0.0
status: active
dataProduct: {product}
schema:
  - name: {name}
    physicalType: table
    description: A table among many, described in one sentence.
    properties:
      - {{name: id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}}
      - name: state
        logicalType: string
        required: true
        enum: [{{value: open}}, {{value: closed}}, {{value: lost}}]
      - name: parent_id
        logicalType: string
        relationships: [{{to: {name}.id}}]
{columns}    quality:
      - {{type: library, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness, severity: error}}
      - type: sql
        description: No row is closed before it is opened.
        query: SELECT count(*) FROM {{object}} WHERE state = 'closed' AND column_0 < 0
        mustBe: 0
        dimension: consistency
        customProperties: [{{property: "freehold:scope", value: interval}}]
slaProperties:
  - {{property: retention, value: 7, unit: y, element: {name}}}
"""


def product(id_: str, names: list[str]) -> str:
    ports = "".join(f"  - {{name: {n}, version: 1.0.0, contractId: {id_}.{n}}}\n" for n in names)
    return f"""apiVersion: v1.0.0
kind: DataProduct
id: {id_}
name: Product {id_}
version: 1.0.0
status: active
outputPorts:
{ports}team: {{name: everybody}}
customProperties:
  - {{property: "freehold:mode", value: watch}}
"""


def make(root: Path, files: int) -> int:
    root.joinpath("estate.yaml").write_text(ESTATE)
    written = 1
    size = 0
    while written < files:
        id_ = f"d{written // 500}.p{written}"
        folder = root / id_.replace(".", "/") / "contracts"
        folder.mkdir(parents=True)
        names = [f"t{i}" for i in range(min(9, files - written - 1))]
        folder.parent.joinpath("product.odps.yaml").write_text(product(id_, names))
        for name in names:
            text = contract(id_, name)
            size += len(text)
            folder.joinpath(f"{name}.odcs.yaml").write_text(text)
        written += 1 + len(names)
    print(f"{written:,} files, {size / (written * 0.9) / 1000:.1f} kB a contract")
    return written


def timed(label: str, root: Path) -> dict[str, float]:
    code = (
        "import resource, sys, time; t = time.perf_counter()\n"
        "from freehold.estate import load_estate\n"
        "e = load_estate(sys.argv[1])\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(time.perf_counter() - t, time.process_time(), used.ru_maxrss / 1024, len(e.contracts))"
    )
    started = time.perf_counter()
    out = subprocess.run([sys.executable, "-c", code, str(root)], check=True, capture_output=True, text=True).stdout
    inside, cpu, memory, contracts = (float(x) for x in out.split())
    whole = time.perf_counter() - started
    print(
        f"{label:<22} {whole:6.2f} s with start-up, {inside:6.2f} s in process, "
        f"{cpu:6.2f} s of CPU, {memory:5.0f} MB, {contracts:,.0f} contracts"
    )
    figures = {"with_start_up_s": whole, "in_process_s": inside, "cpu_s": cpu, "mb": memory}
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    files = parser.parse_args().files
    found: dict[str, object] = {"load": round(os.getloadavg()[0], 2)}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found["files"] = make(root, files)
        found["cold"] = timed("cold", root)
        found["unchanged"] = min((timed("unchanged", root) for _ in range(3)), key=lambda one: one["in_process_s"])
        one = next(root.glob("d0/*/contracts/t0.odcs.yaml"))
        one.write_text(one.read_text().replace("A table among many", "A table like no other"))
        found["one_file_changed"] = timed("one file changed", root)
    found |= {"python": platform.python_version(), "machine": platform.machine()}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
