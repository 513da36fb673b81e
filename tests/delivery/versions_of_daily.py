"""Two versions of the shop: the second breaks the contract of one output, and says so by its version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shop import HERE, MODELS, RAW, column, contract, shop

from freehold.estate.model import Contract, Estate, Sla

GONE = {"daily": "lines", "totals": "quantity", "buyers": "lines", "latest": "lines"}  # the column that version 2 lacks
COLUMNS = {
    "daily": {"sold_on": "date", "revenue": "number", "lines": "integer"},
    "totals": {"sku": "string", "revenue": "number", "quantity": "number"},
    "buyers": {"buyer": "string", "spent": "number", "lines": "integer"},
    "latest": {"sold_on": "date", "revenue": "number", "lines": "integer"},
}
SECOND = {
    "daily": MODELS["daily"].replace(", count(*) as lines", ""),
    "totals": MODELS["totals"].replace("sum(quantity) as quantity, ", ""),
    "buyers": MODELS["buyers"].replace(", count(*) as lines", ""),
    "latest": MODELS["latest"].replace("select *", "select sold_on, revenue"),
}


def promise(name: str, version: str, *, without: str = "", ends: str = "") -> Contract:
    """Return the contract of an output in a version."""
    columns = (column(n, kind) for n, kind in COLUMNS[name].items() if n != without)
    made = contract(f"shop.orders.{name}", columns)
    return replace(made, version=version, sla=(Sla("endOfSupport", ends, HERE),) if ends else ())


def first(root: Path, name: str = "daily", *, ends: str = "", **models: str) -> Estate:
    """Return the estate under version 1 of the contract of one output."""
    return _hashed(shop(root, MODELS | models, (RAW, promise(name, "1.4.0", ends=ends))), f"{sorted(models)}")


def second(root: Path, name: str = "daily", version: str = "2.0.0", **models: str) -> Estate:
    """Return the estate under version 2, which lacks a column."""
    changed = {name: SECOND[name]} | ({"latest": SECOND["latest"]} if name == "daily" else {})
    estate = shop(root, MODELS | changed | models, (RAW, promise(name, version, without=GONE[name])))
    return _hashed(estate, str(sorted(models.items())))


def _hashed(estate: Estate, said: str) -> Estate:
    hashes = dict(estate.hashes) | {"said": said}
    for one in estate.contracts.values():
        hashes[f"DataContract:{one.id}"] = f"{one.version} {len(one.objects[0].properties)} {one.sla}"
    return replace(estate, hashes=hashes)
