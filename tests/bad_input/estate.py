"""A small estate on disk, the real command line on it, and what it left: for tests of input that is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from freehold.engines import open_engine
from freehold.foundation import LOCAL
from freehold.ledger import Ledger

RAW_CONTRACT = "shop/orders/contracts/raw_orders.odcs.yaml"
CONTRACT = "shop/orders/contracts/orders.odcs.yaml"
MODEL = "shop/orders/models/orders.sql"
PRODUCT = "shop/orders/product.odps.yaml"
VIEWS = ("raw_orders", "orders")

_COMMAND = Path(sys.executable).with_name("freehold")
_WATCH = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True)
class Said:
    """How a command ended: exit code, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The first line of every error that was told."""
        return re.findall(r"^(FH-[A-Z]\d{3}.*)$", self.err, re.M)

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps of a run that was asked for JSON."""
        return json.loads(self.out)["steps"]

    @property
    def is_calm(self) -> bool:
        """Whether nothing of the program's inside was shown."""
        return "Traceback" not in self.err + self.out and 'File "' not in self.err


def freehold(root: Path, *arguments: str, before: Callable[[], None] | None = None) -> Said:
    """Run the real command in a process of its own."""
    ended = subprocess.run(
        [str(_COMMAND), "-C", str(root), *arguments], capture_output=True, text=True, check=False, preexec_fn=before
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def measured(root: Path, *arguments: str) -> tuple[Said, float]:
    """Run the real command; return besides the most memory it held, in megabytes.

    A small process starts it, for Linux counts what a process was before it became another one.
    """
    note = root.parent / "peak"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", _WATCH, str(note), str(_COMMAND), "-C", str(root), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(ended.returncode, ended.stdout, ended.stderr), int(note.read_text()) / 1e3


@dataclass(frozen=True)
class Left:
    """What consumers and auditors see: rows of every view, what is published, and the ledger's events."""

    views: dict[str, list[tuple[Any, ...]]]
    published: list[tuple[Any, ...]]
    events: tuple[tuple[str, str], ...]

    def since(self, earlier: Left) -> list[str]:
        """Return the types of the events that came after an earlier look; that nothing went is checked here."""
        assert self.events[: len(earlier.events)] == earlier.events
        return [kind for _, kind in self.events[len(earlier.events) :]]


def left(root: Path) -> Left:
    """Look at the warehouse and the ledger of an estate."""
    engine = open_engine("duckdb:///.freehold/warehouse.db", root=str(root))
    session = engine.session(LOCAL)
    known = {r.name for r in session.relations("shop_orders")}
    views = {v: session.rows(f"SELECT * FROM shop_orders.{v} ORDER BY ALL") for v in VIEWS if v in known}
    published = session.rows("SELECT asset, epoch, physical, pinned FROM freehold.publication ORDER BY ALL")
    session.close()
    engine.close()
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        events = tuple((event.id, event.type) for event in ledger.read())
    return Left(views, published, events)


def files_of(root: Path) -> dict[str, bytes]:
    """Return the bytes of warehouse and ledger, for what must not even have opened them."""
    return {name: (root / ".freehold" / name).read_bytes() for name in ("warehouse.db", "state.db")}


def replaced(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return a change of one file: a text in it becomes another."""

    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new, 1))

    return change


def newest_day(root: Path) -> Path:
    """Return the last daily file."""
    return max((root / "landing/orders").iterdir())


def with_lines(*added: str) -> Callable[[Path], None]:
    """Return a change of the newest day: lines that stand after its fourth row."""

    def change(root: Path) -> None:
        path = newest_day(root)
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:5], *added, *lines[5:]]) + "\n")

    return change


def with_bytes(change_bytes: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a change of the newest day as bytes."""

    def change(root: Path) -> None:
        path = newest_day(root)
        path.write_bytes(change_bytes(path.read_bytes()))

    return change


def together(*changes: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return several changes as one."""

    def change(root: Path) -> None:
        for one in changes:
            one(root)

    return change


def is_placed(head: str, paths: Sequence[str]) -> bool:
    """Say whether the first line of an error names one of these files."""
    return any(re.search(rf"  {re.escape(path)}(:\d+:\d+)?$", head) for path in paths)
