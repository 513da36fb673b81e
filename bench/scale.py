"""How quick a server is when the catalog is large: 100,000 assets and 5,000,000 column edges.

    python bench/scale.py [--datasets 98000] [--products 1000] [--asked 200] [--anew] [--print-only]

The estate is made of two parts, by the ways in which a real one grows. A thousand products of its own, two models of
ten columns each, built once: files, `freehold run`. And data sets of other tools, each written by a job of its own from
up to five others, told as OpenLineage job events with schema and columnLineage, which go through the intake that HTTP
hands them to. A job is after the columns it reads, so that half of the edges go into data sets and half into jobs. One
data set is read by every tenth job, as calendars are: it has ten thousand neighbours.

Then a server of its own opens it, and a client on a kept connection asks for each page and API as the administrator,
and as somebody who may see every second product. The time of the server is what its telemetry notes, request by
request; wall, on a machine that others may use, so CPU of its process for each request stands beside it. Goal: p95 of
50 ms. Then what one more event costs, and one changed file, and how long the catalog takes from nothing.
The estate is kept in build/bench/scale and used again. Figures go to bench/results/scale.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from estate import ESTATE
from pages import free_port, running

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "scale.json"
PLACE = ROOT / "build" / "bench" / "scale"
BIN = Path(sys.executable).parent
COLUMNS, IN_DOMAIN, HUB_EVERY, BATCH = 10, 50, 10, 500
SCHEMA = "https://openlineage.io/spec/facets/1-0-0/Facet.json"
FACET = {"_producer": "https://example.org/bench", "_schemaURL": SCHEMA}
WAY = [{"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}]
WORDS = """
account address agent amount asset balance basket billing branch budget campaign card cart category
channel claim click client contact contract cost country coupon currency customer delivery deposit
device discount dispute event exchange fee forecast fraud gift goods income invoice item journey label
lead ledger limit location loyalty margin market member message model offer order package partner
payment payout period plan policy price product profile promotion purchase quota quote rate receipt
refund region rental report return revenue reward risk route sale segment session shelf shipment site
stock store supplier survey tariff tax ticket token trade transfer trial user vendor visit voucher
warehouse website
""".split()  # noqa: SIM905
PRODUCT = """apiVersion: v1.0.0
kind: DataProduct
id: {id}
name: {name}
version: 1.0.0
status: active
domain: {domain}
team: {{name: everybody}}
customProperties:
  - {{property: "freehold:mode", value: publish}}
  - {{property: "freehold:tier", value: 3}}
{more}"""
HIDDEN = '  - {property: "freehold:access", value: {see: [member]}}\n'  # of every second product


# -- the estate ------------------------------------------------------------------------------------------------------


def write_products(root: Path, count: int) -> None:
    """Write the files of products, each with two models of ten columns, and build them."""
    root.mkdir(parents=True)
    root.joinpath("estate.yaml").write_text(ESTATE)
    first = ", ".join(f"{n} as {WORDS[n]}_id" for n in range(COLUMNS))
    second = ", ".join(f"{WORDS[n]}_id + 1 as {WORDS[n]}_id" for n in range(COLUMNS))
    for number in range(count):
        domain = f"d{number // IN_DOMAIN}"
        id_ = product_of(number)
        folder = root / domain / id_.rpartition(".")[2] / "models"
        folder.mkdir(parents=True)
        folder.parent.joinpath("product.odps.yaml").write_text(_product(number))
        folder.joinpath("first.sql").write_text(f"select {first}\n")
        folder.joinpath("second.sql").write_text(f"select {second} from {{{{ ref('first') }}}}\n")
    subprocess.run([BIN / "freehold", "-C", str(root), "run"], check=True, capture_output=True)


def _product(number: int) -> str:
    name, domain = f"{WORDS[number % 100].capitalize()} {number}", f"d{number // IN_DOMAIN}"
    return PRODUCT.format(id=product_of(number), name=name, domain=domain, more=HIDDEN if number % 2 else "")


def product_of(number: int) -> str:
    return f"d{number // IN_DOMAIN}.{WORDS[number % 100]}_{number}"


def set_named(number: int) -> dict[str, str]:
    """Return the name of a data set: one of 200 databases, a schema, a table of two words and a number."""
    draw = random.Random(number)
    table = f"{draw.choice(WORDS)}_{draw.choice(WORDS)}_{number}"
    namespace = f"postgres://db-{number % 200}.example.org:5432"
    return {"namespace": namespace, "name": f"{WORDS[number % 40]}.public.{table}"}


def spelt(number: int) -> str:
    """Return the name of a data set as one word, as the catalog has it."""
    return ":".join(set_named(number).values())


def columns_of(number: int) -> list[str]:
    draw = random.Random(-number)
    return [f"{one}_{draw.choice(WORDS)}" for one in draw.sample(WORDS, COLUMNS)]


def event_of(number: int) -> str:
    """Return the job that writes a data set, from up to five that came before: 25 pairs of columns, five of each."""
    draw = random.Random(number)
    sources = sorted({int(number * draw.random()) for _ in range(5)} - {number})
    if number % HUB_EVERY == 0 and number and 0 not in sources:
        sources = [0, *sources[1:]]
    fields: dict[str, list[dict[str, Any]]] = {one: [] for one in columns_of(number)}
    names = list(fields)
    for place, source in enumerate(sources):
        for n, column in enumerate(draw.sample(columns_of(source), COLUMNS // 2)):
            found = {**set_named(source), "field": column, "transformations": WAY}
            fields[names[(n * 2 + place) % COLUMNS]].append(found)
    target = set_named(number)
    schema = {**FACET, "fields": [{"name": one, "type": "VARCHAR"} for one in names]}
    lineage = {**FACET, "fields": {name: {"inputFields": found} for name, found in fields.items() if found}}
    clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    said = {
        "eventTime": f"2026-03-{1 + number // 86_400 % 28:02}T{clock}Z",
        "producer": "https://example.org/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": "dbt", "name": f"model.{target['name']}", "facets": {}},
        "inputs": [set_named(one) for one in sources],
        "outputs": [{**target, "facets": {"schema": schema, **({"columnLineage": lineage} if sources else {})}}],
    }  # fmt: skip
    return json.dumps(said)


def tell(root: Path, numbers: range) -> dict[str, float]:
    """Hand events to the intake, and let it seal them; nothing is drawn yet."""
    from freehold import opening
    from freehold.foundation import SystemClock
    from freehold.server.openlineage.intake import Intake

    def failed(error: Exception) -> None:
        raise error

    cpu, wall, size = time.process_time(), time.perf_counter(), 0
    with opening.ledger_around(str(root)) as ledger:
        intake = Intake(ledger, SystemClock(), lambda: None, failed)
        for begin in range(numbers.start, numbers.stop, BATCH):
            text = f"[{','.join(map(event_of, range(begin, min(begin + BATCH, numbers.stop))))}]"
            size += len(text)
            taken, kept = intake.take_batch(text, "bench")
            assert not any(one.refused or one.warnings for one in taken), taken[0]
            for one in kept:
                one.result()
        intake.close()
    return {
        "events": len(numbers),
        "mb": round(size / 1e6),
        "cpu_s": round(time.process_time() - cpu, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
    }


def rebuilt(root: Path) -> dict[str, float]:
    """Make the catalog from nothing, index and all, in a process of its own; return what that took."""
    shutil.rmtree(root / ".freehold" / "catalog", ignore_errors=True)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([BIN / "freehold", "-C", str(root), "catalog", "rebuild"], check=True, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    size = sum(path.stat().st_size for path in (root / ".freehold" / "catalog").rglob("*") if path.is_file())
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu_s": round(cpu, 1),
        "wall_s": round(time.perf_counter() - began, 1),
        "peak_mb": round(used.ru_maxrss / 1024),
        "mb_on_disk": round(size / 1e6),
    }


# -- what is asked ---------------------------------------------------------------------------------------------------


def routes(datasets: int, products: int) -> dict[str, Callable[[int], str]]:
    """Return the pages and the API that are asked for, each with an address for every number."""
    draw = random.Random(11)
    sets = [draw.randrange(datasets // 2) for _ in range(500)]

    def of(number: int) -> str:
        return "of=dataset:" + quote(spelt(sets[number % 500]))

    def word(number: int) -> str:
        return quote(
            (set_named(sets[number])["name"], WORDS[number % 100], WORDS[number % 90][:3], "cutsomer")[number % 4]
        )

    hub = "of=dataset:" + quote(spelt(0))
    ours = [f"of=asset:{product_of(n % products)}.first" for n in range(500)]
    return {
        "home": lambda n: f"/?n={n}",
        "products": lambda n: f"/products?n={n}",
        "product": lambda n: f"/products/{product_of(n * 2 % products)}",
        "runs": lambda n: f"/runs?n={n}",
        "deployments": lambda n: f"/deployments?n={n}",
        "search": lambda n: f"/search?q={word(n)}",
        "palette": lambda n: f"/palette?q={word(n)}",
        "asset": lambda n: f"/lineage?{ours[n * 2]}",
        "lineage": lambda n: f"/lineage?{of(n)}",
        "lineage by columns": lambda n: f"/lineage?{of(n)}&columns=1",
        "lineage, if dropped": lambda n: f"/lineage?{of(n)}&way=drop",
        "lineage of 10,000": lambda n: f"/lineage?{hub}&n={n}",
        "lineage of 10,000 by columns": lambda n: f"/lineage?{hub}&columns=1&n={n}",
        "API products": lambda _: "/api/v1/products?limit=100",
        "API search": lambda n: f"/api/v1/search?q={word(n)}",
        "API search, page 3": lambda n: f"/api/v1/search?q={WORDS[n % 100]}",
        "API lineage": lambda n: f"/api/v1/lineage?{of(n)}&depth=5",
    }


OF_HALF = ("home", "products", "search", "palette", "lineage", "API products", "API search")


class Asker:
    """One connection to the server, and the CPU of its process beside each answer."""

    def __init__(self, base: str, token: str, pid: int) -> None:
        self._client = httpx2.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=600)
        self._pid = pid

    def once(self, path: str) -> tuple[float, float]:
        """Return CPU and wall of one answer, in ms."""
        cpu, took, _ = self._let(path)
        return cpu, took

    def page(self, path: str, pages: int) -> str:
        """Return the address of a page some pages on."""
        for _ in range(pages):
            cursor = self._let(path)[2].json()["next"]
            path = f"{path.partition('&cursor')[0]}&cursor={cursor}" if cursor else path
        return path

    def _let(self, path: str) -> tuple[float, float, httpx2.Response]:
        """Ask until the server lets us: one reader is quicker than it lets one be."""
        while True:
            cpu, wall = cpu_of(self._pid), time.perf_counter()
            answer = self._client.get(path)
            took = 1_000 * (time.perf_counter() - wall)
            if answer.status_code != HTTPStatus.TOO_MANY_REQUESTS:
                return cpu_of(self._pid) - cpu, took, answer.raise_for_status()
            time.sleep(float(answer.headers["retry-after"]))

    def asked(self, name: str, path: Callable[[int], str], times: int) -> dict[str, float]:
        """Return how long a page takes, of ever another thing."""
        paths = [path(n) for n in range(times + 5)]
        if name.endswith("page 3"):
            paths = [self.page(one, 2) for one in paths[:45]]
        both = [self.once(one) for one in paths]
        first = both[0]
        cpu, wall = (sorted(one[n] for one in both[5:]) for n in (0, 1))
        at = int(len(cpu) * 0.95)
        figures = {"first_ms": first[0], "p50_ms": statistics.median(cpu), "p95_ms": cpu[at], "wall_p95_ms": wall[at]}
        return {one: round(value, 1) for one, value in figures.items()}


def cpu_of(pid: int) -> float:
    """Return the CPU that a process has had, in ms, as the scheduler counts: threads that ended are counted."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6  # the clock of a process, by its number: clock_getcpuclockid(3)


def memory_of(pid: int) -> dict[str, int]:
    """Return the MB that a process has of its own, and those it has of mapped files."""
    said = Path(f"/proc/{pid}/status").read_text()
    found = {name: int(re.search(rf"{name}:\s+(\d+)", said)[1]) // 1024 for name in ("RssAnon", "RssFile", "VmHWM")}  # type: ignore[index]
    return {"own_mb": found["RssAnon"], "mapped_mb": found["RssFile"], "peak_mb": found["VmHWM"]}


def tokens(root: Path) -> tuple[str, str]:
    """Make two tokens: of who sees all, and of who sees every second product."""
    from datetime import timedelta

    from freehold import opening
    from freehold.foundation import SystemClock
    from freehold.server.entry.tokens import Mint
    from freehold.server.identity import Who

    scopes = ("catalog:read", "metrics:query", "lineage:write")
    with opening.ledger_around(str(root)) as ledger:
        mint = Mint(ledger, SystemClock())
        names = ("user:local/bench", "user:bench/reader")
        made = [
            mint.make(Who(one, "bench", (), "local", "session", ""), "bench", scopes, timedelta(days=1))
            for one in names
        ]
    return made[0][0], made[1][0]


@contextmanager
def served(root: Path) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Serve the estate until the block ends; give out its address, its process, and how long it took to be ready."""
    port = free_port()
    command = [str(BIN / "freehold"), "-C", str(root), "serve", "--port", str(port)]
    began = time.perf_counter()
    with running(command, f"http://127.0.0.1:{port}/ready", root.parent / "served.log"):
        ready = time.perf_counter() - began
        pid = _process(command)
        yield f"http://127.0.0.1:{port}", pid, {"wall_s": round(ready, 1), "cpu_s": round(cpu_of(pid) / 1_000, 1)}


def _process(command: list[str]) -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_text().split("\0")[-3:-1] == command[-2:]:
                return int(path.parent.name)
        except OSError:
            continue
    raise SystemExit("the server has gone")


def measured(root: Path, datasets: int, products: int, times: int) -> dict[str, Any]:
    """Serve the estate, ask for everything, and change something."""
    administrator, reader = tokens(root)
    found: dict[str, Any] = {}
    with served(root) as (base, pid, ready):
        everything, half = (Asker(base, token, pid) for token in (administrator, reader))
        found["start"] = ready | memory_of(pid)
        found["start"]["first_search_cpu_ms"] = round(everything.once("/search?q=customer")[0])
        found["start"]["at_hand_cpu_s"] = round(at_rest(pid) / 1_000, 1)
        asked = routes(datasets, products)
        found["pages"] = {name: everything.asked(name, path, times) for name, path in asked.items()}
        found["pages of half"] = {name: half.asked(name, asked[name], times) for name in OF_HALF}
        found["memory"] = memory_of(pid)
    return found | {"changes": changes(root, datasets)}


def at_rest(pid: int) -> float:
    """Wait until the server does nothing by itself any more, and return the CPU ms that it took until then.

    It reads the edges into memory in the background, which would count as the cost of whatever is asked meanwhile.
    """
    while True:
        before = cpu_of(pid)
        time.sleep(2)
        if cpu_of(pid) - before < 100:
            return before


def changes(root: Path, datasets: int) -> dict[str, dict[str, float]]:
    """Return what the catalog costs where nothing, one event and one file is another; tables and index."""
    from freehold.foundation import SystemClock
    from freehold.server.listing import Listing
    from freehold.server.snapshots import Snapshots

    made = root.rglob("product.odps.yaml")
    number = datasets + int(time.time()) % 1_000_000  # one that was never told
    tell(root, range(number, number + 1))
    snapshots = Snapshots(root)
    listing = Listing(root, snapshots.ledger, SystemClock())
    snapshot = snapshots.now()
    found = {"one event": costs(lambda: listing.of(snapshot))}
    found["nothing"] = costs(lambda: listing.follow(snapshot))
    file = next(made)
    file.write_text(file.read_text().replace("status: active", "status: active\ntags: [changed]"))
    snapshots.changed()  # whoever asks now waits until the files were read again
    found["one file, read"] = costs(snapshots.now)
    changed = snapshots.now()
    assert changed is not snapshot, "a file that changed makes a new snapshot"
    found["one file"] = costs(lambda: listing.of(changed))
    file.write_text(file.read_text().replace("\ntags: [changed]", ""))
    listing.close()
    snapshots.close()
    return found


def costs(action: Callable[[], object]) -> dict[str, float]:
    """Return the CPU and the wall of something, in ms."""
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    took = {"cpu_ms": time.process_time() - cpu, "wall_ms": time.perf_counter() - wall}
    return {name: round(1_000 * value, 1) for name, value in took.items()}


def main() -> None:
    """Make the estate where it is not, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=98_000)
    parser.add_argument("--products", type=int, default=1_000)
    parser.add_argument("--asked", type=int, default=100)
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    root = PLACE / f"{given.products}-{given.datasets}"
    made = root.parent / f"{root.name}.json"
    if given.anew or not made.exists():
        shutil.rmtree(root, ignore_errors=True)
        write_products(root, given.products)
        made.write_text(json.dumps({"told": tell(root, range(given.datasets)), "from nothing": rebuilt(root)}))
    result = json.loads(made.read_text()) | measured(root, given.datasets, given.products, given.asked)
    result["measured"] = {
        "data sets": given.datasets, "products": given.products, "asked": given.asked,
        "load": round(os.getloadavg()[0], 2), "python": platform.python_version(), "machine": platform.machine(),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if not given.print_only:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
