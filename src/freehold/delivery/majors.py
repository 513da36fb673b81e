"""Major versions of outputs beside each other: which asset holds which, and until when the earlier ones are promised.

The first version of an output is published by its own name, `sales.orders.lines`. When its contract takes a new major
version, the rows of that version are another asset, `sales.orders.lines_v2`, and the one before is left exactly as it
is: readable by the name it always had, fed no more, until its day comes. Files keep one name for all of it; which asset
that name means is remembered with every estate that is put in force, so that git alone decides what is built and the
ledger what it is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.gate.facts import needed_notice
from freehold.delivery.graph import default_environment
from freehold.estate.model import Contract, EarlierVersion, Estate
from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from freehold.ledger import Ledger

USUAL_NOTICE = 90  # days an earlier version stays where neither its contract nor its tier says how long
_ENDS = ("endOfLife", "endOfSupport")
_MAJOR = re.compile(r"\s*[vV]?(\d+)(?:\.|\s*$)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the version of today of one output is published, and which earlier ones are readable beside it.

    Attributes:
        declared: the id of the output in the files.
        asset: the id it is published by.
        version: of its contract.
        ends: the day that its contract gives for its end, if it gives one.
        by_interval: whether its rows are kept by interval.
    """

    declared: str
    asset: str
    version: str
    ends: date | None = None
    by_interval: bool = False
    earlier: tuple[EarlierVersion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as an event holds it."""
        told: dict[str, Any] = {"asset": self.asset, "version": self.version}
        told |= {"ends": self.ends.isoformat()} if self.ends else {}
        told |= {"by_interval": True} if self.by_interval else {}
        earlier = [
            {"asset": e.asset, "version": e.version, "until": e.until.isoformat(), "by_interval": e.by_interval}
            for e in self.earlier
        ]
        return told | ({"earlier": earlier} if earlier else {})

    @classmethod
    def of_json(cls, declared: str, said: Mapping[str, Any]) -> Place:
        """Read what `to_json` wrote."""
        asset = str(said["asset"])
        earlier = tuple(
            EarlierVersion(
                *(str(e["asset"]), declared, asset, str(e["version"]), date.fromisoformat(e["until"])),
                by_interval=bool(e.get("by_interval")),
            )
            for e in said.get("earlier", ())
        )
        ends = date.fromisoformat(said["ends"]) if said.get("ends") else None
        return cls(declared, asset, str(said["version"]), ends, bool(said.get("by_interval")), earlier)


def major(version: str | None) -> int | None:
    """Return the major part of `2`, `v2.1` or `2.0.0-rc.1`; None where it has none."""
    found = _MAJOR.match(version or "")
    return int(found[1]) if found else None


def places_of(estate: Estate, by_interval: Iterable[str] = ()) -> dict[str, Place]:
    """Return the places of outputs that nothing is known of: each by its own name."""
    kept = frozenset(by_interval)
    return {
        name: Place(name, name, contract.version or "", ends_of(contract), name in kept)
        for name, contract in _versioned_outputs(estate)
    }


def ends_of(contract: Contract) -> date | None:
    """Return the day that a contract gives for its end: `endOfLife`, or else `endOfSupport`."""
    for wanted in _ENDS:
        for sla in contract.sla:
            if sla.property == wanted:
                said = str(sla.value)[:10]
                try:
                    return date.fromisoformat(said)
                except ValueError:  # validation says so; here it is no day
                    continue
    return None


def known_places(ledger: Ledger, env: str, estate: Estate) -> dict[str, Place] | None:
    """Return the places that the ledger tells of an environment, or of the one it starts from, or of the usual one.

    None where nothing was ever applied in any of them, or it was before versions were told.
    """
    declared = estate.environment(env)
    for name in dict.fromkeys((env, declared.defer_to if declared else None, default_environment(estate))):
        told = ledger.read(types=("estate.applied",), env=name, newest_first=True, limit=1) if name else ()
        last = next(iter(told), None)
        if last is None:
            continue
        said = last.data.get("versions")
        if said is None:
            return None
        gone = {
            str(asset)
            for event in ledger.read(types=("asset.collected",), env=name, since=last.occurred_at)
            if event.seq > last.seq
            for asset in event.data.get("assets") or ()
        }
        places = (Place.of_json(id_, one) for id_, one in said.items())
        return {p.declared: replace(p, earlier=tuple(e for e in p.earlier if e.asset not in gone)) for p in places}
    return None


def advanced(
    places: Mapping[str, Place],
    estate: Estate,
    now: datetime,
    is_published: Callable[[str], bool],
) -> dict[str, Place]:
    """Return where the outputs of an estate are published, given where those of the one before it are.

    Args:
        places: of the estate in force; empty where there is none.
        estate: as it would be.
        now: the moment of the change.
        is_published: whether anybody could ever read an asset; a version that was never there is not kept.

    Raises:
        FreeholdError: FH-D221 the name of a new version is another asset's.
    """
    found: dict[str, Place] = {}
    for name, contract in _versioned_outputs(estate):
        known, version = places.get(name), contract.version or ""
        if known is None:
            found[name] = Place(name, name, version, ends_of(contract))
            continue
        same = replace(known, version=version, ends=ends_of(contract))
        was, will = major(known.version), major(version)
        if was is None or will is None or was == will:
            found[name] = same
        elif back := next((e for e in known.earlier if major(e.version) == will), None):
            found[name] = _taken_up_again(same, back)
        elif will > was >= 1 and is_published(known.asset):
            found[name] = _beside(known, same, will, estate, now)
        else:
            found[name] = same
    return found


def _beside(known: Place, same: Place, will: int, estate: Estate, now: datetime) -> Place:
    asset = f"{known.declared}_v{will}"
    if asset in estate.models or any(asset == f"{p.id}.{o.name}" for p in estate.products.values() for o in _ports(p)):
        raise FreeholdError(
            "FH-D221",
            f"Version {same.version} of `{known.declared}` would be published as `{asset}`, and that is another asset.",
            where=estate.contracts[contract.id].where if (contract := _contract(estate, known.declared)) else None,
            fix=f"Take the change of `{known.declared}` back, if `{asset}` is its new version; else rename `{asset}`.",
        )
    until = _until(known, estate, now)
    left = EarlierVersion(known.asset, known.declared, asset, known.version, until, known.by_interval)
    return replace(same, asset=asset, earlier=(*(replace(e, latest=asset) for e in known.earlier), left))


def _taken_up_again(same: Place, back: EarlierVersion) -> Place:
    """Return the place of an output that goes back to a version that is there: it is fed again."""
    earlier = tuple(replace(e, latest=back.asset) for e in same.earlier if e.asset != back.asset)
    return replace(same, asset=back.asset, by_interval=back.by_interval, earlier=earlier)


def _until(known: Place, estate: Estate, now: datetime) -> date:
    """Return the last day of a version: the one its contract gave, else as long as its tier gives notice."""
    today = now.astimezone(UTC).date()
    if known.ends is not None and known.ends >= today:
        return known.ends
    product = estate.products[known.declared.rpartition(".")[0]]
    return today + timedelta(days=needed_notice(estate, product.tier, now) or USUAL_NOTICE)


def placed(estate: Estate, places: Mapping[str, Place]) -> Estate:
    """Return an estate whose outputs have the ids they are published by, with the earlier versions beside them."""
    if estate.is_placed:
        return estate
    renamed = {p.declared: p.asset for p in places.values() if p.asset != p.declared}
    return replace(
        estate,
        is_placed=True,
        declared={asset: declared for declared, asset in renamed.items()},
        earlier={e.asset: e for p in places.values() for e in p.earlier},
        models={
            renamed.get(id_, id_): replace(m, asset=renamed.get(id_, id_)) if id_ in renamed else m
            for id_, m in estate.models.items()
        },
        products={id_: _placed_ports(p, renamed) for id_, p in estate.products.items()},
    )


def placed_by_ledger(estate: Estate, ledger: Ledger, env: str, now: datetime) -> tuple[Estate, dict[str, Place]]:
    """Return an estate as it is, or would be, published in an environment, and the places of its outputs."""
    places = places_by_ledger(estate, ledger, env, now)
    return placed(estate, places), places


def places_by_ledger(estate: Estate, ledger: Ledger, env: str, now: datetime) -> dict[str, Place]:
    """Return where the outputs of an estate are, or would be, published in an environment."""
    return _places_after(_places_known(ledger, env, estate), estate, ledger, env, now)


def majors_begun(estate: Estate, ledger: Ledger, env: str, now: datetime) -> tuple[str, ...]:
    """Return the assets that would be published beside earlier versions, were an estate put in force."""
    known, places = _places_known(ledger, env, estate), places_by_ledger(estate, ledger, env, now)
    return tuple(
        p.asset for p in places.values() if p.declared in known and len(p.earlier) > len(known[p.declared].earlier)
    )


def _places_known(ledger: Ledger, env: str, estate: Estate) -> dict[str, Place]:
    known = known_places(ledger, env, estate)
    return _places_before(ledger, env, estate) if known is None else known


def _places_after(
    known: Mapping[str, Place], estate: Estate, ledger: Ledger, env: str, now: datetime
) -> dict[str, Place]:
    origin = estate.environment(env)
    envs = {env, origin.defer_to if origin else None, default_environment(estate)}

    def is_published(asset: str) -> bool:
        told = ledger.read(types=("asset.published",), subject=asset)
        return any(event.env in envs for event in told)

    return advanced(known, estate, now, is_published)


def _places_before(ledger: Ledger, env: str, estate: Estate) -> dict[str, Place]:
    """Return the places of an estate that was applied before versions were told with it: each by its own name."""
    from freehold.delivery.graph import Graph
    from freehold.delivery.plan.versions import deployed

    before = deployed(ledger, estate.root, env)
    if before is None:
        return {}
    graph = Graph.of(before.estate, env)
    return places_of(before.estate, (a.id for a in graph.assets.values() if a.by_interval))


def _versioned_outputs(estate: Estate) -> Iterable[tuple[str, Contract]]:
    """Yield the outputs that models of ours publish under a contract with a version, by the ids the files give them."""
    for product in estate.products.values():
        if product.mode != "publish":
            continue
        for port in product.output_ports:
            asset = f"{product.id}.{port.name}"
            name = estate.declared.get(asset, asset)
            contract = _contract(estate, asset)
            if asset in estate.models and contract is not None and contract.version:
                yield name, contract


def _contract(estate: Estate, asset: str) -> Contract | None:
    found = estate.contract_of(asset)
    return found[0] if found else None


def _ports(product: Any) -> tuple[Any, ...]:
    return (*product.input_ports, *product.output_ports)


def _placed_ports(product: Any, renamed: Mapping[str, str]) -> Any:
    if not any(f"{product.id}.{port.name}" in renamed for port in product.output_ports):
        return product
    ports = (
        replace(port, name=renamed.get(f"{product.id}.{port.name}", port.name).rpartition(".")[2])
        if f"{product.id}.{port.name}" in renamed
        else port
        for port in product.output_ports
    )
    return replace(product, output_ports=tuple(ports))
