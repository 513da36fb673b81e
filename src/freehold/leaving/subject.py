"""What a deprecation is about: a product, an asset or a metric, named as the catalog names it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.catalog import Key
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.catalog import Catalog
    from freehold.work import Item

DEPRECATION = "deprecation"  # the type of item
KINDS = ("metric", "asset", "product")  # the narrowest first: an item about an asset names its product, too


def subject_of(item: Item) -> Key | None:
    """Return what a deprecation is about; None where it names nothing."""
    held = {**({"product": item.product} if item.product else {}), **item.fields}
    return next((Key(kind, str(held[kind])) for kind in KINDS if held.get(kind)), None)


def last_day_of(item: Item) -> date | None:
    """Return the last day that a deprecation gives."""
    said = item.fields.get("due")
    return date.fromisoformat(str(said)) if said else None


def fields_for(
    catalog: Catalog, name: str, *, because: str, by: date, today: date, reason: str, replacement: str = ""
) -> tuple[dict[str, Any], str]:
    """Return what an item holds that deprecates something, and the product it is about.

    Args:
        catalog: of everything there is.
        name: what goes, by any of its names.
        because: why, in words.
        by: its last day, which is to come.
        today: the day on which that is said.
        reason: the same in a word that can be counted: duplicate, unused, replaced, cost.
        replacement: what to use instead, by any of its names; empty where there is nothing. Of several of that name,
            it is the one that is what goes: a product takes the place of a product.

    Raises:
        FreeholdError: FH-F004, FH-F005 a name means nothing, or several; FH-W504 it is none of what can be deprecated,
            takes its own place, or has a last day that is not to come.
    """
    key = _expected(catalog.find(name).key, name)
    if by <= today:
        raise _no(f"{by} cannot be the last day of `{key.id}`: it is not to come.", "Name a later one.")
    fields = {"what": f"{key.id}: {because}", "reason": reason, "due": by.isoformat(), key.kind: key.id}
    if replacement:
        other = _expected(_instead(catalog, replacement, key.kind), replacement)
        if other == key:
            raise _no(f"`{key.id}` cannot take its own place.", "Name another, or leave `--replacement` out.")
        fields["replacement"] = other.id
    return fields, key.id if key.kind == "product" else catalog.product_of(key)


def _instead(catalog: Catalog, name: str, kind: str) -> Key:
    try:
        return catalog.find(f"{kind}:{name}").key
    except FreeholdError:  # none of that kind
        return catalog.find(name).key


def _expected(key: Key, name: str) -> Key:
    if key.kind not in KINDS:
        raise _no(f"`{name}` is of the kind {key.kind}.", "A product, an asset or a metric can be deprecated.")
    return key


def _no(problem: str, fix: str) -> FreeholdError:
    return FreeholdError("FH-W504", problem, fix=fix, exit_code=Exit.USAGE)
