"""How fast the catalog answers, and how fast it is brought up to date, beside SQLite FTS5 on the same documents.

    python bench/catalog.py [--assets 1000000] [--edges 5000000] [--kept 20000] [--only search] [--print-only]

The assets are generated from a seed: names of two or three words out of 2,000, ten columns, a sentence, a product of
twenty assets, an owner of 200. Search asks 400 questions of four kinds (an exact name, two words, half a word, a
column) of the index and of an FTS5 table with bm25, prefix index and the same words, which has one stage and no
reasons; then the same as a caller who may see half of the products.
Impact walks five hops down from columns drawn from a graph of one fifth as many columns as edges. Keeping is measured
on a catalog of its own: made from nothing, one changed entry, a hundred events, nothing new.
Goals: p95 of search and of impact <= 10 ms of CPU. Times are CPU of this process, for the machine is shared; wall is
beside them. Figures go to bench/results/catalog.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from freehold.catalog import Catalog, Key, Question, Told
from freehold.catalog.arrays import Arrays
from freehold.catalog.entry import Column, Description, End, Entry, Flow, Job
from freehold.catalog.impact import reach
from freehold.catalog.memory import Memory
from freehold.catalog.naming import Start
from freehold.catalog.store import Store, one_view, stamp, transaction
from freehold.catalog.words import asked, text_of
from freehold.foundation import Where
from freehold.ledger import Event, Ledger

HERE = Path(__file__).parent
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]
COLUMNS_EACH, IN_PRODUCT = 10, 20
DEPTH = 5


class Made:
    """A generated estate: whatever is asked of a number is the same each time."""

    def __init__(self) -> None:
        draw = random.Random(2011)
        self.words = ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(2_000)]
        self.weights = [1 / (n + 10) for n in range(2_000)]
        pairs = (f"{draw.choice(self.words)}_{draw.choice(self.words)}" for _ in range(20_000))
        self.columns = list(dict.fromkeys(pairs))

    def entry(self, number: int) -> Entry:
        draw = random.Random(number)
        product = f"d{number // 2000}.p{number // IN_PRODUCT}"
        name = "_".join((*draw.choices(self.words, self.weights, k=draw.randint(2, 3)), str(number)))
        says = " ".join(draw.choices(self.words, self.weights, k=10))
        columns = tuple(Column(name, "string") for name in draw.sample(self.columns, COLUMNS_EACH))
        return Entry(
            Key("asset", f"{product}.{name}"), name, Where("m.sql", 1, 1), product, (product,), f"d{number // 2000}",
            f"team-{number // IN_PRODUCT % 200}", says, "table", columns=columns,
        )  # fmt: skip


def timed(action: Callable[[], Any]) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return time.process_time() - cpu, time.perf_counter() - wall


def each(actions: list[Callable[[], Any]]) -> dict[str, float]:
    """Return the CPU of each action in ms: the median, the 95th of a hundred, and the same of the wall."""
    for action in actions[:20]:
        action()
    pairs = [timed(action) for action in actions]
    cpu, wall = (sorted(1_000 * one[n] for one in pairs) for n in (0, 1))
    at = int(len(cpu) * 0.95)
    figures = {"p50_ms": statistics.median(cpu), "p95_ms": cpu[at], "wall_p95_ms": wall[at]}
    return {name: round(value, 2) for name, value in figures.items()}


def questions(made: Made, assets: int) -> list[str]:
    draw = random.Random(7)
    found = []
    for n in range(400):
        entry = made.entry(draw.randrange(assets))
        words = entry.title.split("_")
        column = entry.columns[0].name
        found.append((entry.title, " ".join(words[:2]), f"{words[0]} {words[1][:3]}", column)[n % 4])
    return found


def fill(made: Made, root: Path, assets: int) -> None:
    """Write the tables as an update would leave them; a million values at once would not fit into memory."""
    store = Store(root)
    with store.turn():
        connection = store.open()
        marks = ", ".join("?" * 26)
        with transaction(connection):
            for number in range(assets):
                e = made.entry(number)
                named = (number + 1, e.key.kind, e.key.id, e.title, e.product, e.product, e.domain, e.owner)
                said = (e.description, e.form, "", "", 3, "", "", "", 0, None, "", "m.sql", 1, "")
                row = (*named, *said, number % 90, 1, 0, "")
                connection.execute(f"INSERT INTO asset VALUES ({marks})", row)
                connection.executemany(
                    "INSERT INTO field (asset, name, position, type, description, classification, is_key, is_gone) "
                    "VALUES (?, ?, ?, 'string', '', '', 0, 0)",
                    [(number + 1, c.name, n) for n, c in enumerate(e.columns)],
                )
            stamp(connection, "change", "1")
        connection.close()


def search(made: Made, assets: int) -> dict[str, Any]:
    texts = questions(made, assets)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(made, root, assets)
        catalog = Catalog(root)
        built = timed(catalog.index)
        index = root / ".freehold/catalog/index"
        size = sum(p.stat().st_size for p in index.rglob("*")) / 1e6
        rows = {"freehold": each([lambda t=t: catalog.search(Question(t)) for t in texts])}  # type: ignore[misc]
        half = frozenset(f"d{p * IN_PRODUCT // 2000}.p{p}" for p in range(0, assets // IN_PRODUCT, 2))
        mine = [lambda t=t: catalog.search(Question(t, allowed=half)) for t in texts]  # type: ignore[misc]
        rows["freehold, half of the products"] = each(mine)
        first = sum(catalog.search(Question(t)).hits[0].title == t for t in texts[::4])
        rows["freehold"] |= {"exact_first_of_100": first, "build_s": round(built[0], 1), "mb": round(size)}
        rows["fts5"] = fts5(root, made, assets, texts)
        catalog.close()
    return rows


def fts5(root: Path, made: Made, assets: int, texts: list[str]) -> dict[str, Any]:
    connection = sqlite3.connect(root / "fts.db")

    def build() -> None:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(title, name, columns, people, prose, prefix='2 3')")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows())
        connection.commit()

    def rows() -> Iterator[tuple[str, ...]]:
        for number in range(assets):
            e = made.entry(number)
            yield (
                e.title,
                text_of((e.key.id,)),
                text_of(c.name for c in e.columns),
                f"{e.owner} {e.domain}",
                e.description,
            )

    def ask(text: str) -> list[Any]:
        words = asked(text)
        match = " ".join(f'"{w}"' for w in words[:-1]) + f' "{words[-1]}"*'
        sql = "SELECT title FROM t WHERE t MATCH ? ORDER BY bm25(t, 10, 10, 3, 2, 1) LIMIT 20"
        return connection.execute(sql, (match,)).fetchall()

    built = timed(build)
    figures: dict[str, Any] = each([lambda t=t: ask(t) for t in texts])  # type: ignore[misc]
    first = sum(bool(found := ask(t)) and found[0][0] == t for t in texts[::4])
    size = (root / "fts.db").stat().st_size / 1e6
    connection.close()
    return figures | {"exact_first_of_100": first, "build_s": round(built[0], 1), "mb": round(size)}


def impact(edges: int) -> dict[str, Any]:
    """Walk a graph in which each column goes into five others on the mean, always later ones."""
    nodes, draw = edges // 5, random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with store.turn():
            connection = store.open()
        with transaction(connection):
            each_product = 200
            connection.executemany(
                "INSERT INTO asset VALUES (?, 'asset', ?, ?, ?, ?, '', 'team', '', 'table', '', '', 3, '', '', 0, "
                "NULL, '', 'm.sql', 1, '', 40, 1, 0, '')",
                (
                    (n, f"p{n // each_product}.a{n}", f"a{n}", *[f"p{n // each_product}"] * 2)
                    for n in range(1, nodes // 10 + 2)
                ),
            )
            connection.executemany(
                "INSERT INTO field VALUES (?, ?, ?, ?, '', '', '', 0, 0)",
                ((n, n // 10 + 1, f"c{n % 10}", n % 10) for n in range(1, nodes + 1)),
            )
            connection.executemany(
                "INSERT INTO edge VALUES (?, ?, 1, 'identity', 1, 1, 'm.sql', 1, 0, NULL)",
                (
                    (s, min(nodes, s + draw.randint(1, nodes // 8)))
                    for s in (draw.randint(1, nodes - 1) for _ in range(edges))
                ),
            )
        starts = [draw.randrange(1, nodes * 3 // 10) for _ in range(200)]
        counts, memory = [], Memory(store)

        def walk(node: int, kept: Arrays | None) -> None:
            key = Key("asset", f"a{node // 10 + 1}")
            counts.append(reach(connection, Start(key, node // 10 + 1, "c", node), depth=DEPTH, arrays=kept).count)

        made = timed(lambda: memory.make(connection))
        with one_view(connection):
            arrays = memory.at(connection)
        rows = {
            "from arrays": each([lambda n=n: walk(n, arrays) for n in starts]),  # type: ignore[misc]
            "from tables": each([lambda n=n: walk(n, None) for n in starts]),  # type: ignore[misc]
        }
        connection.close()
    told = {"edges": edges, "depth": DEPTH, "reached_p50": int(statistics.median(counts))}
    return {**told, "arrays_made_ms": round(1_000 * made[0]), "load": round(os.getloadavg()[0], 2), "ways": rows}


def keeping(made: Made, assets: int) -> dict[str, Any]:
    entries = [made.entry(n) for n in range(assets)]
    jobs = [_job(entries, n) for n in range(1, assets)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with Ledger.open("sqlite:///state.db", root=root) as ledger, Catalog(root) as catalog:
            ledger.append(Event("asset.published", {"asset": entries[0].key.id, "deployment": "d"}))
            said = Description(tuple(entries), tuple(jobs))
            rebuild = timed(lambda: catalog.rebuild(Told({"v": "0"}, lambda: said), ledger))
            changed = Description((*entries[:-1], made.entry(assets + 1)), tuple(jobs[:-1]))
            one = timed(lambda: (catalog.update(Told({"v": "1"}, lambda: changed), ledger), catalog.index()))
            events = [
                Event("candidate.quarantined", {"asset": entries[n].key.id, "candidate": str(n)}) for n in range(100)
            ]
            ledger.append(*events)
            told = Told({"v": "1"}, lambda: changed)
            hundred = timed(lambda: (catalog.update(told, ledger), catalog.index()))
            nothing = timed(lambda: catalog.update(told, ledger))
    found = {"made from nothing": rebuild, "one changed entry": one, "100 events": hundred, "nothing new": nothing}
    return {
        name: {"cpu_ms": round(cpu * 1_000, 1), "wall_ms": round(wall * 1_000, 1)}
        for name, (cpu, wall) in found.items()
    }


def _job(entries: list[Entry], number: int) -> Job:
    target, source = entries[number], entries[number // 2]
    pairs = zip(source.columns, target.columns, strict=True)
    flows = tuple(Flow(End(source.key, a.name), End(target.key, b.name), "identity") for a, b in pairs)
    return Job(f"model:{target.key.id}", "model", target.key, target.where, (source.key,), flows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--assets", type=int, default=1_000_000)
    parser.add_argument("--edges", type=int, default=5_000_000)
    parser.add_argument("--kept", type=int, default=20_000)
    parser.add_argument("--only", choices=("keeping", "impact", "search"), help="that anew; the other figures stay")
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    made, results, load = Made(), HERE / "results" / "catalog.json", os.getloadavg()[0]
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "keeping": lambda: keeping(made, given.kept),
        "impact": lambda: impact(given.edges),
        "search": lambda: search(made, given.assets),
    }
    known: dict[str, Any] = json.loads(results.read_text()) if given.only else {"measured": {}}
    sizes = {"keeping": {"assets kept": given.kept}, "search": {"assets searched": given.assets}}
    chosen = [given.only] if given.only else list(parts)
    result = known | {name: parts[name]() for name in chosen}
    for name in chosen:
        result["measured"] |= sizes.get(name, {})
    result["measured"] |= {
        "columns of each": COLUMNS_EACH, "load": round(load, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "python": platform.python_version(), "machine": platform.machine(),
    }  # fmt: skip
    print(json.dumps(result, indent=1))
    if not given.print_only:
        results.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
