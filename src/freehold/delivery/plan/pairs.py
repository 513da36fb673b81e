"""Which asset of an estate is which of the one before it, where a new major version has an id of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from freehold.delivery.asset import Kind

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import EarlierVersion, Estate


@dataclass(frozen=True, slots=True)
class Pairs:
    """Assets of now with those of then that the files give the same id.

    Attributes:
        beside: the version left readable, by the asset that is published beside it with this change.
    """

    beside: Mapping[str, EarlierVersion] = field(default_factory=dict)
    _then: Mapping[str, str] = field(default_factory=dict)
    _declared: Mapping[str, str] = field(default_factory=dict)
    _left_out: frozenset[str] = frozenset()

    @classmethod
    def of(cls, estate: Estate, before: Estate | None, now: Graph, then: Graph) -> Pairs:
        """Pair the assets of two estates, each with its graph."""
        names_then = {declared: id_ for id_, declared in before.declared.items()} if before else {}
        built = [a.id for a in now.assets.values() if a.kind is not Kind.FROZEN]
        declared = {id_: estate.declared.get(id_, id_) for id_ in built}
        was = {id_: names_then.get(name, name) for id_, name in declared.items()}
        moved = {id_: old for id_, old in was.items() if id_ != old and old in then.assets}
        beside = {id_: estate.earlier[old] for id_, old in moved.items() if old in estate.earlier}
        frozen = {a.id for g in (now, then) for a in g.assets.values() if a.kind is Kind.FROZEN} - set(built)
        return cls(beside, moved, declared, frozenset((*frozen, *moved.values())) - set(built))

    def then(self, id_: str) -> str:
        """Return the asset that held it before."""
        return self._then.get(id_, id_)

    def declared(self, id_: str) -> str:
        """Return the id that the files give an asset."""
        return self._declared.get(id_, id_)

    def counts(self, id_: str) -> bool:
        """Say whether an asset is one to compare: not one that stays as it was left."""
        return id_ not in self._left_out


def beside_json(version: EarlierVersion) -> dict[str, Any]:
    """Return an earlier version as JSON can hold it."""
    return {"asset": version.asset, "version": version.version, "until": version.until.isoformat()}
