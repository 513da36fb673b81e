"""The graph of an estate: its assets, what each reads, and the order to build them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from freehold.delivery.asset import Asset, Files, Kind
from freehold.delivery.interval import GRAINS
from freehold.delivery.rollups import compiled_rollup, declared_rollups
from freehold.delivery.template import VERSION, Compiled, KeptCompiled, compile_sql
from freehold.engines import Relation
from freehold.estate.model import NOWHERE, Contract, EarlierVersion, Estate, ModelFile, Port, Product
from freehold.foundation import Exit, FreeholdError, Problems, Where, near

if TYPE_CHECKING:
    from freehold.metrics.rollups import Content

_SETTINGS = {
    *("materialized", "incremental_strategy", "event_time", "batch_size", "begin", "lookback", "unique_key"),
    *("description", "tags", "meta", "schema", "alias", "enabled", "on_schema_change", "full_refresh", "inputs"),
}
_MATERIALIZED = {"table": Kind.TABLE, "view": Kind.VIEW, "incremental": Kind.INTERVAL}


@dataclass(frozen=True, slots=True)
class Graph:
    """Assets by id, in an order in which every asset comes after those it reads."""

    assets: Mapping[str, Asset]

    @classmethod
    def of(cls, estate: Estate, env: str, dialect: str = "duckdb", kept: KeptCompiled | None = None) -> Graph:
        """Read every model and source of the estate; `kept` are models compiled earlier.

        Raises:
            Problems: every model that is wrong, and every cycle.
        """
        return _Reader(estate, env, dialect, kept).read()

    def joined(self, observed: Mapping[str, Asset]) -> Graph:
        """Return a graph with what other tools build in it; what a product declares of the same id is kept to it.

        Raises:
            FreeholdError: FH-M010 assets read each other in a circle.
        """
        assets = dict(self.assets)
        for id_, asset in observed.items():
            declared = assets.get(id_)
            if declared is None:
                assets[id_] = asset
            elif declared.kind is Kind.EXTERNAL:
                assets[id_] = replace(
                    asset, product=declared.product, contract=declared.contract, schema=declared.schema
                )
        return Graph({id_: assets[id_] for id_ in in_order(assets)})

    def inputs(self) -> dict[str, tuple[str, ...]]:
        """Return what each asset reads, by asset."""
        return {asset.id: tuple(asset.inputs) for asset in self.assets.values()}

    def downstream(self, roots: Iterable[str]) -> set[str]:
        """Return the roots and everything that reads them, directly or not."""
        reached = set(roots)
        for asset in self.assets.values():
            if reached.intersection(asset.inputs):
                reached.add(asset.id)
        return reached

    def upstream(self, roots: Iterable[str]) -> set[str]:
        """Return the roots and everything they read, directly or not."""
        reached = set(roots)
        waiting = list(reached)
        while waiting:
            asset = self.assets.get(waiting.pop())
            fresh = [] if asset is None else [one for one in asset.inputs if one not in reached]
            reached.update(fresh)
            waiting += fresh
        return reached

    def select(self, selectors: Iterable[str]) -> set[str]:
        """Return the assets that selectors name: `lines`, `sales.orders`, `+lines` (and what it reads), `lines+`.

        Raises:
            FreeholdError: FH-D002 a selector names nothing; the near matches are listed.
        """
        chosen: set[str] = set()
        for selector in selectors:
            name = selector.strip("+")
            found = {a.id for a in self.assets.values() if name in _names(a)}
            if not found:
                raise self._no_such(selector, name)
            if selector.startswith("+"):
                found = self.upstream(found)
            chosen |= self.downstream(found) if selector.endswith("+") else found
        return chosen or set(self.assets)

    def _no_such(self, selector: str, name: str) -> FreeholdError:
        known = {a.id for a in self.assets.values()} | {a.product.id for a in self.assets.values()}
        known |= {a.name for a in self.assets.values()}
        return FreeholdError(
            "FH-D002",
            f"`{selector}` selects nothing.",
            fix=near(name, known) or "Name an asset, a product or a domain; `freehold status` lists them.",
            exit_code=Exit.USAGE,
        )


def _names(asset: Asset) -> tuple[str | None, ...]:
    """Return what a selector may call an asset; a later major version also by the name that the files give it."""
    declared = (asset.declared, asset.declared.rpartition(".")[2]) if asset.declared else ()
    return (asset.id, asset.product.id, asset.name, asset.product.domain, *declared)


def relation_of(env: str, default_env: str, asset: str) -> Relation:
    """Return where consumers find an asset: `sales_orders.lines`, or `dev__sales_orders.lines` outside production."""
    product, _, name = asset.rpartition(".")
    schema = product.replace(".", "_")
    return Relation(schema if env == default_env else f"{env}__{schema}", name, "view")


def default_environment(estate: Estate) -> str:
    """Return the environment whose relations carry no prefix: the first protected one, else the first."""
    there = [e for e in estate.environments.values() if not e.name.endswith("*")]
    return next((e.name for e in there if e.protected), next((e.name for e in there), "prod"))


def in_order(assets: Mapping[str, Asset]) -> list[str]:
    """Return the ids of assets so that each comes after those it reads.

    Raises:
        FreeholdError: FH-M010 assets read each other in a circle.
    """
    sorter = TopologicalSorter({id_: sorted(asset.inputs) for id_, asset in sorted(assets.items())})
    try:
        return [id_ for id_ in sorter.static_order() if id_ in assets]
    except CycleError as error:
        circle = error.args[1]
        raise FreeholdError(
            "FH-M010",
            f"These assets read each other in a circle: {' -> '.join(reversed(circle))}.",
            where=assets[circle[0]].where,
            fix=f"One of them must not read the next: {', '.join(str(assets[c].where) for c in circle[1:])}.",
        ) from error


class _Reader:
    """Reads the assets of one estate and collects everything that is wrong with them."""

    def __init__(self, estate: Estate, env: str, dialect: str, kept: KeptCompiled | None) -> None:
        self._kept = kept
        self._estate = estate
        self._env = env
        self._default_env = default_environment(estate)
        self._dialect = dialect
        self._problems: list[FreeholdError] = []
        self._sources = dict(self._declared_sources())
        self._external = dict(self._declared_elsewhere())
        self._published = {declared: id_ for id_, declared in estate.declared.items()}
        self._unseen: dict[str, Asset] = {}
        self._rollups = self._tried_rollups()
        models = (estate.declared.get(id_, id_) for id_ in estate.models)
        self._ids = {*self._sources, *self._external, *models, *self._rollups}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for id_ in sorted(self._ids):
            self._by_name[id_.rpartition(".")[2]].append(id_)

    def read(self) -> Graph:
        assets = {id_: self._source(id_, *found) for id_, found in self._sources.items()}
        assets |= {id_: self._elsewhere(id_, *found) for id_, found in self._external.items()}
        for model in self._estate.models.values():
            try:
                assets[model.asset] = self._model(model)
            except FreeholdError as error:
                self._problems.append(error)
        assets = self._enabled(assets)
        assets |= self._rolled_up(assets)
        assets |= {e.asset: self._frozen(e) for e in self._estate.earlier.values() if self._is_at_home(e)}
        assets |= self._unseen
        self._problems += self._without_intervals(assets)
        if self._problems:
            raise Problems(self._problems)
        return Graph({id_: assets[id_] for id_ in in_order(assets)})

    def _tried_rollups(self) -> dict[str, Content]:
        try:
            return declared_rollups(self._estate)
        except Problems as problems:
            self._problems += problems.errors
        return {}

    def _rolled_up(self, assets: Mapping[str, Asset]) -> dict[str, Asset]:
        """Return the rollups that metrics declare, each an asset of the product in whose folder it stands."""
        found = {}
        for id_, content in self._rollups.items():
            product = self._estate.products[id_.rpartition(".")[0]]
            where = content.rollup.where
            try:
                compiled = compiled_rollup(content, product, assets, self._dialect)
                found[id_] = self._asset(id_, product, self._kind(compiled, where), where, compiled=compiled)
            except FreeholdError as error:
                self._problems.append(error)
        return found

    def _without_intervals(self, assets: Mapping[str, Asset]) -> Iterable[FreeholdError]:
        """Return an error for each model that is to be built by interval and reads nothing that has intervals."""
        for asset in assets.values():
            above = [assets[name] for name in asset.inputs if name in assets]
            if (
                asset.kind is Kind.INTERVAL
                and len(above) == len(asset.inputs)
                and not any(a.by_interval for a in above)
            ):
                yield FreeholdError(
                    "FH-M018",
                    f"`{asset.id}` is built by interval, and nothing it reads is, so it would never be built.",
                    where=asset.where,
                    fix="Keep what it reads by interval, too, or set materialized='table' or a unique_key.",
                )

    def _enabled(self, assets: dict[str, Asset]) -> dict[str, Asset]:
        """Return the assets without models that say `enabled=false`; nothing may read those."""
        off = {id_ for id_, a in assets.items() if a.config.get("enabled") is False}
        on = {id_: a for id_, a in assets.items() if id_ not in off}
        self._problems += [
            FreeholdError(
                "FH-M009",
                f"`{a.id}` reads `{name}`, which says enabled=false.",
                where=a.where,
                fix=f"Enable `{name}`, or set enabled=false here, too.",
            )
            for a in on.values()
            for name in a.inputs
            if name in off
        ]
        return on

    def _declared_sources(self) -> Iterable[tuple[str, tuple[Product, Port, Contract]]]:
        for product in self._estate.products.values():
            for port in product.input_ports:
                contract = self._estate.contracts.get(port.contract_id or "")
                # A port that names another product's output is a reference, not a source of our own.
                own = contract is not None and any(s.settings.get("path") for s in contract.servers)
                if contract is not None and own and f"{product.id}.{port.name}" not in self._estate.models:
                    yield f"{product.id}.{port.name}", (product, port, contract)

    def _declared_elsewhere(self) -> Iterable[tuple[str, tuple[Product, Port, Contract]]]:
        """Return the ports whose contract names a schema of the warehouse, and that no model of ours builds."""
        for product in self._estate.products.values():
            for port in (*product.input_ports, *product.output_ports):
                contract = self._estate.contracts.get(port.contract_id or "")
                id_ = f"{product.id}.{port.name}"
                named = contract is not None and any(s.settings.get("schema") for s in contract.servers)
                if contract is not None and named and id_ not in self._estate.models and id_ not in self._sources:
                    yield id_, (product, port, contract)

    def _elsewhere(self, id_: str, product: Product, port: Port, contract: Contract) -> Asset:
        made = self._asset(id_, product, Kind.EXTERNAL, port.where, contract_found=contract)
        schema = next(str(s.settings["schema"]) for s in contract.servers if s.settings.get("schema"))
        name = (made.schema.physical_name or made.schema.name) if made.schema else port.name
        return replace(made, relation=Relation(schema, name))

    def _source(self, id_: str, product: Product, port: Port, contract: Contract) -> Asset:
        server = next(s for s in contract.servers if s.settings.get("path"))
        settings = server.settings
        files = Files(
            pattern=str(settings["path"]),
            format=str(settings.get("format", "csv")),
            delimiter=str(settings.get("delimiter", ",")),
            encoding=str(settings.get("encoding", "utf-8")),
        )
        return self._asset(
            id_, product, Kind.SOURCE, port.where, files=files, by_interval=files.by_day, contract_found=contract
        )

    def _is_at_home(self, earlier: EarlierVersion) -> bool:
        return earlier.asset.rpartition(".")[0] in self._estate.products

    def _frozen(self, earlier: EarlierVersion) -> Asset:
        """Return an earlier version, as it was left."""
        product = self._estate.products[earlier.asset.rpartition(".")[0]]
        return self._asset(
            earlier.asset, product, Kind.FROZEN, product.where, by_interval=earlier.by_interval, is_known=False
        )

    def _model(self, model: ModelFile) -> Asset:
        product = self._estate.products[model.product]
        where = Where(model.path, 1, 1)
        if model.language == "csv":
            digest = self._estate.hashes.get(f"Seed:{model.asset}", "")
            files = Files(pattern=model.path, held=self._estate.held, digest=digest)
            return self._asset(model.asset, product, Kind.SOURCE, where, files=files)
        if model.language == "python":
            return self._python(model, product, where)
        compiled = compile_sql(
            *(model.text, where, self._dialect, lambda names, kind: self._named(names, kind, product, where)),
            kept=self._kept,
        )
        return self._asset(model.asset, product, self._kind(compiled, where), where, compiled=compiled)

    def _python(self, model: ModelFile, product: Product, where: Where) -> Asset:
        from freehold.delivery.python_model import declared

        settings, refs = declared(model.text, where)
        inputs = tuple(self._named((name,), "ref", product, where) for name in refs)
        self._known_settings(settings, where)
        return self._asset(
            model.asset, product, Kind.TABLE, where, python=model.text, config=settings, python_inputs=inputs
        )

    def _asset(
        self,
        id_: str,
        product: Product,
        kind: Kind,
        where: Where,
        *,
        compiled: Compiled | None = None,
        files: Files | None = None,
        by_interval: bool = False,
        python: str | None = None,
        python_inputs: tuple[str, ...] = (),
        config: Mapping[str, Any] | None = None,
        contract_found: Contract | None = None,
        is_known: bool = True,
    ) -> Asset:
        settings = dict(compiled.config) if compiled else dict(config or {})
        name = id_.rpartition(".")[2]
        found = self._estate.contract_of(id_) if is_known else None
        if found is None and contract_found is not None:
            named = contract_found.object_named(name) or next(iter(contract_found.objects), None)
            found = (contract_found, named) if named else None
        keys = settings.get("unique_key") or ()
        return Asset(
            id=id_,
            product=product,
            kind=kind,
            relation=relation_of(self._env, self._default_env, id_),
            where=where,
            inputs=compiled.refs if compiled else python_inputs,
            compiled=compiled,
            files=files,
            python=python,
            grain=str(settings.get("batch_size", "day")),
            by_interval=by_interval or kind is Kind.INTERVAL,
            unique_key=(keys,) if isinstance(keys, str) else tuple(keys),
            contract=found[0] if found else None,
            schema=found[1] if found else None,
            config=settings,
            declared=self._estate.declared.get(id_, ""),
        )

    def _kind(self, compiled: Compiled, where: Where) -> Kind:
        settings = compiled.config
        self._known_settings(settings, where)
        written = str(settings.get("materialized", "table"))
        if written not in _MATERIALIZED:
            raise FreeholdError(
                "FH-M004",
                f"`{written}` is no materialization.",
                where=where,
                fix=near(written, _MATERIALIZED) or f"Use one of: {', '.join(_MATERIALIZED)}.",
            )
        kind = _MATERIALIZED[written]
        if kind is not Kind.INTERVAL:
            return kind
        if settings.get("unique_key") and settings.get("incremental_strategy") != "microbatch":
            return Kind.KEY
        if settings.get("batch_size", "day") not in GRAINS:
            raise FreeholdError(
                "FH-M005",
                f"`{settings['batch_size']}` is no size of a batch.",
                where=where,
                fix=f"Use one of: {', '.join(GRAINS)}.",
            )
        if settings.get("incremental_strategy") != "microbatch":
            raise FreeholdError(
                "FH-M006",
                "An incremental model is built by interval or by key; this one says neither.",
                where=where,
                fix="Set incremental_strategy='microbatch' with event_time, or set unique_key.",
            )
        return kind

    def _known_settings(self, settings: Mapping[str, object], where: Where) -> None:
        for name in settings:
            if name not in _SETTINGS:
                raise FreeholdError(
                    "FH-M002",
                    f"config() has no setting `{name}`.",
                    where=where,
                    fix=near(name, _SETTINGS) or f"Known: {', '.join(sorted(_SETTINGS))}.",
                )

    def _named(self, names: tuple[str, ...], kind: str, product: Product, where: Where | None = None) -> str:
        """Return the asset that ref('x'), ref('product', 'x'), ref('x', v=1) or source('product', 'x') means.

        Without a version, the one of today is meant.
        """
        if names and names[-1].startswith(VERSION):
            latest = self._named(names[:-1], kind, product, where)
            return self._of_version(latest, names[-1].removeprefix(VERSION), where)
        named = self._declared(names, kind, product, where)
        return self._published.get(named, named)

    def _of_version(self, latest: str, version: str, where: Where | None) -> str:
        """Return the asset that holds a major version of an output."""
        declared = self._estate.declared.get(latest, latest)
        found = self._estate.contract_of(latest)
        versions = {latest: found[0].version if found else None}
        versions |= {e.asset: e.version for e in self._estate.earlier.values() if e.declared == declared}
        known = {major: asset for asset, said in versions.items() if (major := (said or "").lstrip("vV").split(".")[0])}
        wanted = version.lstrip("vV").split(".")[0]
        beside = {f"{declared}_v{wanted}"} & self._ids  # a version that has files of its own is fed like any other
        if wanted in known or beside:
            return known.get(wanted) or beside.pop()
        is_earlier = wanted.isdigit() and known and int(wanted) < max(int(m) for m in known if m.isdigit())
        if is_earlier and not self._estate.is_placed:  # only the ledger knows it, and nobody asked the ledger
            id_ = f"{declared}_v{wanted}"
            product = self._estate.products[id_.rpartition(".")[0]]
            self._unseen[id_] = self._asset(id_, product, Kind.FROZEN, NOWHERE, is_known=False)
            return id_
        raise FreeholdError(
            "FH-M019",
            f"`{declared}` has no version {version}.",
            where=where,
            fix=f"It has: {', '.join(sorted(known)) or 'no versions, as its contract names none'}.",
        )

    def _declared(self, names: tuple[str, ...], kind: str, product: Product, where: Where | None = None) -> str:
        if not names or len(names) > 2:
            raise FreeholdError("FH-M007", f"{kind}() takes one or two names.", where=where)
        name = names[-1]
        group = names[0] if len(names) == 2 else None
        if group is None:
            own = f"{product.id}.{name}"
            if own in self._ids:
                return own
            found = [i for i in self._by_name.get(name.rpartition(".")[2], ()) if i == name or i.endswith(f".{name}")]
        else:
            found = [i for i in self._by_name.get(name, ()) if self._in_group(i, group)]
        if len(found) == 1:
            return found[0]
        said = ", ".join(repr(n) for n in names)
        if found:
            raise FreeholdError(
                "FH-M008",
                f"{kind}({said}) could mean {', '.join(found)}.",
                where=where,
                fix=f"Name the product: {kind}('{found[0].rpartition('.')[0]}', '{name}').",
            )
        known = {i.rpartition(".")[2] for i in self._ids} | self._ids
        raise FreeholdError(
            "FH-M009", f"{kind}({said}) names no asset.", where=where, fix=near(name, known) or "See `freehold status`."
        )

    def _in_group(self, asset: str, group: str) -> bool:
        product = self._estate.products[asset.rpartition(".")[0]]
        return group in (product.id, product.id.rpartition(".")[2], product.domain)
