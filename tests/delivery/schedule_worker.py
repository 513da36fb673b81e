"""A worker as a process, on an estate of small products that are all due; it halts where it is told to.

It prints a line for what it does, and at a halt waits for a line on its stdin: `step` after the first step of a run,
before anything is settled; `settle` inside the transaction that publishes; `owed` after it, before the ledger knows.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shop import HERE, URL_FILE, open_warehouse, shop

import freehold.delivery.publication as publishing
import freehold.delivery.scheduling.worker as working
import freehold.engines.postgres.session as postgres
from freehold.delivery import Delivery
from freehold.delivery.scheduling import State, Worker
from freehold.delivery.scheduling.state import key_of, to_json
from freehold.estate.model import Estate, ModelFile, Product
from freehold.ledger import Ledger

LEASE_S = 1.5
STATE_FILE = "state.url"
CRON = "0 0 1 1 *"


def estate_of(root: Path, products: int) -> Estate:
    """Return an estate of products without inputs, each with one table and a schedule that is due once a year."""
    ids = [f"shop.p{n}" for n in range(products)]
    custom = {"freehold:schedule": {"cron": CRON}}
    made = {i: Product(i, HERE, version="1.0.0", status="active", domain="shop", tier=1, custom=custom) for i in ids}
    models = {f"{i}.t": ModelFile(f"{i}.t", i, f"{i}/t.sql", "sql", f"select {n} as n") for n, i in enumerate(ids)}
    return replace(shop(root, {}, ()), products=made, models=models, hashes={"products": str(products)})


def state_of(root: Path) -> Ledger:
    """Open the ledger of a folder: in the database that it names, else in a SQLite file."""
    there = root / STATE_FILE
    return Ledger.open(there.read_text() if there.exists() else "sqlite:///state.db", root=root)


def make_due(ledger: Ledger, products: int) -> None:
    """Let every schedule have been looked at last before the first of January: it is due since then."""
    seen = datetime(datetime.now(UTC).year, 1, 1, tzinfo=UTC) - timedelta(days=1)
    for n in range(products):
        state = State(told=f"{CRON} UTC", seen=seen)
        ledger.state.put("schedule", key_of("prod", f"shop.p{n}"), to_json(state))


class Here:
    """The estate, and the warehouse opened for each run."""

    def __init__(self, root: Path, products: int, ledger: Ledger) -> None:
        self._root, self._estate, self._ledger = root, estate_of(root, products), ledger

    def estate(self) -> Estate:
        return self._estate

    @contextmanager
    def delivery(self, estate: Estate) -> Iterator[Delivery]:
        engine = open_warehouse(self._root)
        try:
            delivery = Delivery(estate, engine, self._ledger, jobs=1, lease_s=LEASE_S)
            yield delivery
            delivery.close()
        finally:
            engine.close()


def say(kind: str, **about: Any) -> None:
    """Write one line, at once."""
    sys.stdout.write(json.dumps({"event": kind, **about}) + "\n")
    sys.stdout.flush()


def halt(where: str) -> None:
    """Say where we are, and wait for a word."""
    say("halted", at=where)
    sys.stdin.readline()


class Halting(Worker):
    """A worker that halts after its first step."""

    where = ""

    def _between_steps(self, *words: Any) -> None:
        if self.where == "step":
            self.where = ""
            halt("step")
        super()._between_steps(*words)


def halt_after(name: str, where: str) -> None:
    """Halt the first time that a method of the publication has done its work."""
    original = getattr(publishing.Publication, name)
    halted: list[str] = []

    def halting(self: Any, *words: Any, **more: Any) -> Any:
        done = original(self, *words, **more)
        if not halted:
            halted.append(where)
            halt(where)
        return done

    setattr(publishing.Publication, name, halting)


def main(root: Path, products: int, where: str) -> None:
    """Work until everything that was due has ended, or for a minute."""
    working.POLL = working.BUSY = timedelta(seconds=0.2)
    postgres.IDLE_S = 1
    if where == "settle":
        halt_after("_move", where)
    elif where == "owed":
        halt_after("settle", where)
    ledger = state_of(root)

    def tell(kind: str, about: Mapping[str, Any]) -> None:
        error = about.get("error")
        say(kind, schedule=about.get("schedule"), status=about.get("status"), error=str(error) if error else None)

    dialect = "postgres" if (root / URL_FILE).exists() else "duckdb"
    worker = Halting(Here(root, products, ledger), ledger, "prod", dialect, tell=tell, lease_s=LEASE_S)
    worker.where = where
    say("ready")

    def wait(seconds: float) -> None:
        if all(not s.open and s.last for s in worker.look().values()):
            worker.stop()
        else:
            time.sleep(min(seconds, 0.2))

    worker.work(wait, until=datetime.now(UTC) + timedelta(minutes=1))
    ledger.close()
    say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
