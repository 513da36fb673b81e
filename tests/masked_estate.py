"""The estate that `freehold init` writes, whose customers and one amount are words that nothing else says.

A policy masks both columns for the till. Days came that were kept back: an order below zero, a row whose cells slipped,
so that a customer stands where an amount belongs, and an order that came twice. A check of its contract breaks on each
customer that it meets. Wherever one of the words is told to
the till, a masked value was told.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from changing_estates import freehold

WORDS = ("zirkon", "77117")  # in each name of a customer; the amount of one order
# An amount stands by itself: a hash, an id or a fraction of a second may hold its digits by chance.
_TOLD = {word: re.compile(rf"(?<![0-9a-z.]){word}(?![0-9a-z])" if word.isdigit() else word) for word in WORDS}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
TILL = "group:idp/till"
_POLICY = f"""apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {{id: orders-masked, owner: shop-data}}
spec:
  of: [OF]
  grants:
    - {{to: ["{TILL}"], masks: {{customer: "'somebody'", amount: "0"}}}}
    - {{to: [everyone]}}
"""
_CHECK = """      - type: sql
        description: Customers are numbers, which they are not.
        query: SELECT max(CAST(customer AS INTEGER)) FROM {object}
        mustBeGreaterThan: 0
        severity: warning
        customProperties: [{property: "freehold:blocking", value: false}]
      - type: sql
        description: No order is worth more than a hundred pounds, which one is.
        query: SELECT max(amount) FROM {object}
        mustBeLessThan: 100
        severity: warning
        customProperties: [{property: "freehold:blocking", value: false}]
"""
_ACCESS = "  access: {see_rows: [everyone], run: [everyone], apply: [everyone]}\n"


def made(init: Path, root: Path) -> Path:
    """Make it of an estate of `freehold init` of which nothing is published; publish it, and keep three days back."""
    shutil.copytree(init, root, ignore=shutil.ignore_patterns(".freehold"))
    estate = root / "estate.yaml"
    estate.write_text(estate.read_text(encoding="utf-8").rstrip() + "\n" + _ACCESS, encoding="utf-8")
    policed(root, "shop.orders.orders, shop.orders.raw_orders")
    contract = root / "shop" / "orders" / "contracts" / "orders.odcs.yaml"
    said = contract.read_text(encoding="utf-8")
    contract.write_text(said.replace("slaProperties:", f"{_CHECK}slaProperties:"), encoding="utf-8")
    for day in _days(root):
        day.write_text(day.read_text(encoding="utf-8").replace(",c0", ",zirkon0"), encoding="utf-8")
    _change(_days(root)[0], amount="77117.00")
    assert freehold(root, "run").returncode == 0
    _change(_days(root)[-1], amount="-5")
    _change(_days(root)[-2], amount="zirkon0000")
    _doubled(_days(root)[-3])
    assert freehold(root, "run").returncode == 1
    return root


def words_in(text: str) -> list[str]:
    """Return the words that a text holds in whatever case, and with whatever commas numbers have in it."""
    plain = _THOUSANDS.sub("", text.lower())
    return [word for word in WORDS if _TOLD[word].search(plain)]


def policed(root: Path, of: str) -> None:
    """Put the policy on assets."""
    (root / "shop" / "policy.yaml").write_text(_POLICY.replace("OF", of), encoding="utf-8")


def _days(root: Path) -> list[Path]:
    return sorted((root / "landing" / "orders").iterdir())


def _lines(day: Path) -> Iterator[list[str]]:
    yield from (line.split(",") for line in day.read_text(encoding="utf-8").splitlines())


def _change(day: Path, amount: str) -> None:
    """Give the first order of a day another amount."""
    head, first, *rest = _lines(day)
    changed = [head, [*first[:3], amount, *first[4:]], *rest]
    day.write_text("".join(",".join(cells) + "\n" for cells in changed), encoding="utf-8")


def _doubled(day: Path) -> None:
    lines = day.read_text(encoding="utf-8").splitlines(keepends=True)
    day.write_text("".join([*lines, lines[1]]), encoding="utf-8")
