"""dbt as a tool that builds at our order: into schemas of its own, from which what passes is taken over and published.

Nothing it writes is where readers look, and nothing of its project is touched. What it is not told to build it reads
where that stands, by dbt's own `--defer`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.connect.dbt.artifacts import MANIFEST, RUN_RESULTS, Place
from freehold.connect.dbt.calling import failed, place_in
from freehold.connect.dbt.compiling import Caller, Standing, compile_project, compiled_in, is_called, schemas_of
from freehold.connect.dbt.manifest import read_project
from freehold.connect.dbt.model import Node, Project
from freehold.connect.dbt.model import Result as Ran
from freehold.connect.dbt.observing import asset_ids, joined, joining
from freehold.connect.dbt.profile import Connection
from freehold.connect.dbt.tested import checks_of_tests, verdict
from freehold.connect.dbt.versions import pairs_of, projects_of
from freehold.delivery.asset import Asset, Kind
from freehold.delivery.graph import Graph, relation_of
from freehold.delivery.orders import Made, Order
from freehold.delivery.plan.meanings import KeptMeanings, meanings_of
from freehold.engines import Engine, Relation, Session, quoted
from freehold.foundation import FreeholdError, Where
from freehold.quality import Check

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate


def declared_nodes(estate: Estate, modes: Iterable[str] = ("publish",)) -> dict[str, str]:
    """Return the dbt nodes that products in these modes declare as theirs, by asset id."""
    chosen = set(modes)
    found = {}
    for product in estate.products.values():
        for port in product.output_ports if product.mode in chosen else ():
            contract = estate.contracts.get(port.contract_id or "")
            if contract is not None and (node := _node_of(contract, port.name)):
                found[f"{product.id}.{port.name}"] = node
    return found


def _node_of(contract: Contract, port: str) -> str:
    named = contract.object_named(port) or next(iter(contract.objects), None)
    return str(named.custom.get("freehold:dbt") or "") if named is not None else ""


@dataclass(slots=True)
class _One:
    """A project with its caller, and the asset that each of its nodes is."""

    caller: Caller
    project: Project
    ids: Mapping[str, str]

    def nodes(self, assets: Iterable[Asset]) -> dict[str, Node]:
        """Return the nodes that these assets are, as far as they are of this project."""
        wanted = {asset.id for asset in assets}
        return {self.ids[id_]: node for id_, node in self.project.nodes.items() if self.ids[id_] in wanted}


class DbtTool:
    """The dbt projects of an estate, built for one environment; see `freehold.delivery.orders.Tool`."""

    def __init__(self, estate: Estate, env: str, connection: Connection) -> None:
        self._estate, self._env = estate, env
        self._dialect = connection.dialect
        self._callers = [Caller.of(estate, said, env, connection) for said in estate.dbt]
        self._projects: list[_One] = []
        self._checks: dict[str, dict[str, Check]] = {}

    # -- before a run

    def compile(self, live: Mapping[str, Relation]) -> None:
        """Have dbt compile every project; `live` tells where assets stand by now.

        Raises:
            FreeholdError: FH-X110 to FH-X114, FH-X120 to FH-X124.
        """
        for caller in self._callers:
            compile_project(caller, self._standing_of(caller, live))

    def can_compile(self) -> bool:
        """Say whether dbt is there to be called for every project."""
        return all(is_called(caller) for caller in self._callers)

    def projects(self) -> tuple[Project, ...]:
        """Return the projects as they were compiled last; one that never was, as its own artifacts tell of it.

        Raises:
            FreeholdError: FH-X110 to FH-X114.
        """
        return tuple(
            read_project(place) if (place := self._place(caller)).file(MANIFEST) else self._theirs(caller)
            for caller in self._callers
        )

    def _theirs(self, caller: Caller) -> Project:
        return projects_of(replace(self._estate, dbt=(caller.said,)))[0]

    def _place(self, caller: Caller) -> Place:
        return Place(caller.project, compiled_in(caller))

    def _standing_of(self, caller: Caller, live: Mapping[str, Relation]) -> Standing:
        place = self._place(caller)
        if not live or not place.file(MANIFEST):
            return {}
        project = read_project(place)
        ids = asset_ids(project, Graph.of(self._estate, self._env, self._dialect))
        return {node: live[asset] for node, asset in ids.items() if asset in live}

    # -- the graph

    def joined(self, graph: Graph, env: str, usual: str) -> Graph:
        """Return the graph with the projects in it: what is published, and all it reads of them, is ordered.

        Raises:
            FreeholdError: FH-X110 to FH-X114; FH-X123 a product names a node that no project has; FH-X129 it reads
                what another product leaves to dbt.
        """
        projects = self.projects()
        self._projects = [
            _One(caller, project, asset_ids(project, graph))
            for caller, project in zip(self._callers, projects, strict=True)
        ]
        declared = declared_nodes(self._estate)
        self._expect_nodes(declared)
        whole = joined(graph, projects, Path(self._estate.root))
        needed = whole.upstream(declared)
        for one in self._projects:
            prefix = Path(os.path.relpath(one.caller.project, self._estate.root)).as_posix()
            self._checks |= checks_of_tests(one.project, one.ids, "" if prefix == "." else f"{prefix}/")
        assets: dict[str, Asset] = {}
        for id_, asset in whole.assets.items():
            if id_ in needed and _is_built(asset):
                self._expect_ours(asset, declared)
                assets[id_] = self._ordered(asset, env, usual)
            elif id_ in needed or id_ in graph.assets:
                assets[id_] = graph.assets.get(id_, asset)
        return Graph(assets)

    def _ordered(self, asset: Asset, env: str, usual: str) -> Asset:
        assert asset.observed is not None
        tests = tuple(self._checks.get(asset.id, {}).values())
        return replace(
            asset,
            kind=Kind.VIEW if asset.kind is Kind.VIEW else Kind.TABLE,
            relation=relation_of(env, usual, asset.id),
            product=replace(asset.product, mode="publish"),
            by_interval=False,
            grain="day",
            observed=replace(asset.observed, tests=tests),
        )

    def _expect_nodes(self, declared: Mapping[str, str]) -> None:
        from freehold.foundation import near

        known = {id_ for one in self._projects for id_ in one.project.nodes}
        for asset, node in declared.items():
            if node not in known:
                raise FreeholdError(
                    "FH-X123",
                    f"`{asset}` is to be built by dbt, as `{node}`, and no project of the estate has that node.",
                    where=self._estate.products[asset.rpartition(".")[0]].where,
                    fix=near(node, known) or "Correct `freehold:dbt` in its contract; `dbt ls` lists the nodes.",
                )

    def _expect_ours(self, asset: Asset, declared: Mapping[str, str]) -> None:
        product = self._estate.products.get(asset.product.id)
        if product is not None and product.mode != "publish" and asset.id not in declared:
            raise FreeholdError(
                "FH-X129",
                f"What is published reads `{asset.id}`, which its product leaves to dbt's own runs (mode "
                f"{product.mode}), so the two would not go together.",
                where=product.where,
                fix="Set `freehold:mode` of that product to publish, too.",
            )

    # -- a run

    def build(self, engine: Engine, session: Session, order: Order) -> Mapping[str, Made]:
        """Have dbt build what is ordered, project by project; see `Tool.build`.

        Raises:
            FreeholdError: FH-X120 to FH-X122; FH-X125 the project would write elsewhere; FH-X126 it was changed
                meanwhile.
        """
        found: dict[str, Made] = {}
        for one in self._projects:
            nodes = one.nodes(order.assets)
            if nodes:
                found |= self._build(one, nodes, engine, session, order)
        return found

    def clear(self, session: Session) -> None:
        """Drop every schema that dbt was given for this environment."""
        begins = schemas_of(self._env)
        there = session.rows(
            "SELECT schema_name FROM information_schema.schemata WHERE catalog_name = current_database()"
        )
        for (schema,) in sorted(there):
            if re.match(rf"{begins}\d+(_|$)", schema):
                session.run(f"DROP SCHEMA {quoted(schema)} CASCADE")

    def _build(
        self, one: _One, nodes: Mapping[str, Node], engine: Engine, session: Session, order: Order
    ) -> dict[str, Made]:
        places = {asset: self._place_of(one, node, order.token) for asset, node in nodes.items()}
        for asset, rows in order.continued.items():
            if asset in places:
                session.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(places[asset].schema)}")
                session.run(f"CREATE TABLE {places[asset].sql} AS SELECT * FROM {rows.sql}")
        standing = {node: order.standing[asset] for node, asset in one.ids.items() if asset in order.standing}
        (one.caller.target / RUN_RESULTS).unlink(missing_ok=True)
        with engine.lent():
            ended = one.caller.call(["build", "--select", *map(_selector, nodes.values())], order.token, standing)
        place = Place(one.caller.project, one.caller.target)
        if place.file(RUN_RESULTS) is None or ended.code not in (0, 1):
            raise failed(ended, one.caller.project, one.caller.estate_root, "build what was ordered")
        built = read_project(place)
        self._expect_unchanged(one, built)
        return dict(self._made(one, built, nodes, places, session))

    def _place_of(self, one: _One, node: Node, token: int) -> Relation:
        """Return where dbt will write a node; refuse a project that would write where others read."""
        compiled, wanted = one.caller.schema(0), one.caller.schema(token)
        if node.schema != compiled and not node.schema.startswith(f"{compiled}_"):
            raise FreeholdError(
                "FH-X125",
                f"dbt would write `{node.label}` to the schema `{node.schema}`, whatever its target says, and not "
                "beside what is live; nothing was built.",
                where=Where(self._relative(one, node.path), 1, 1),
                fix="Let the schema begin with `target.schema`: in generate_schema_name, return "
                f"`target.schema ~ '_' ~ custom_schema_name` where `target.name` is '{one.caller.said.target_name}'; "
                "of a snapshot, use `schema` in place of `target_schema`.",
            )
        return Relation(wanted + node.schema[len(compiled) :], node.alias)

    def _expect_unchanged(self, one: _One, built: Project) -> None:
        for id_, node in one.project.nodes.items():
            after = built.nodes.get(id_)
            if after is None or after.checksum != node.checksum:
                raise FreeholdError(
                    "FH-X126",
                    f"The files of the dbt project `{built.name}` were changed while it was built: `{node.label}` is "
                    "not what it was. Nothing was published.",
                    where=Where(self._relative(one, node.path)),
                    fix="Run again.",
                )

    def _made(
        self,
        one: _One,
        built: Project,
        nodes: Mapping[str, Node],
        places: Mapping[str, Relation],
        session: Session,
    ) -> Iterator[tuple[str, Made]]:
        views = {(r.schema, r.name) for p in {p.schema for p in places.values()} for r in _views(session, p)}
        for asset, node in nodes.items():
            ran = built.results.get(node.id)
            checks = self._checks.get(asset, {})
            results = tuple(verdict(check, built.results.get(id_)) for id_, check in checks.items())
            if node.materialized == "ephemeral":
                yield asset, Made(results=results)
            elif ran is None or ran.status != "success":
                yield asset, Made(error=self._failure(one, node, ran))
            else:
                place = places[asset]
                is_view = (place.schema, place.name) in views
                if is_view and node.materialized != "view":
                    place = _stored(session, place)
                yield asset, Made(None if node.materialized == "view" else place, None, results, ran.seconds)

    def _failure(self, one: _One, node: Node, ran: Ran | None) -> FreeholdError:
        path = Where(self._relative(one, node.path), 1, 1)
        if ran is None or ran.status == "skipped":
            why = f": {ran.message}" if ran is not None and ran.message else ""
            return FreeholdError(
                "FH-X127",
                f"dbt skipped `{node.label}`{why}.",
                where=path,
                fix="What it reads failed, in a test or as a model: mend that first.",
            )
        said = " ".join(ran.message.split())
        return FreeholdError(
            "FH-X127",
            f"dbt could not build `{node.label}`: {said}",
            where=place_in(ran.message, one.caller.project, one.caller.estate_root) or path,
            fix="Mend the model.",
        )

    def _relative(self, one: _One, path: str) -> str:
        return Path(os.path.relpath(one.caller.project / path, self._estate.root)).as_posix()


def changed_since_applied(estate: Estate, env: str, tool: DbtTool) -> tuple[str, ...]:
    """Return the assets that dbt would build otherwise than what is applied in an environment; none before the first.

    Raises:
        FreeholdError: FH-X110 to FH-X114.
    """
    pairs = pairs_of(estate, env, projects=tool.projects())
    if any(pair.before is None for pair in pairs):
        return ()
    graph = Graph.of(estate, env)
    now, then = joining([(pair.now, pair.before) for pair in pairs], Path(estate.root))(graph, graph)
    needed = now.upstream(declared_nodes(estate))
    kept = KeptMeanings(Path(estate.root))
    meant, before = (meanings_of(one, pairs[0].now.dialect, kept) for one in (now, then))
    kept.save()
    return tuple(
        id_
        for id_, asset in now.assets.items()
        if id_ in needed and _is_built(asset) and (id_ not in before or before[id_].all != meant[id_].all)
    )


def _is_built(asset: Asset) -> bool:
    return asset.observed is not None and asset.kind is not Kind.EXTERNAL


def _selector(node: Node) -> str:
    """Return what selects a node by its full name, so that one of another package called alike is not meant."""
    return f"fqn:{'.'.join(node.fqn)}"


def _views(session: Session, schema: str) -> Sequence[Relation]:
    return [r for r in session.relations(schema) if r.kind == "view"]


def _stored(session: Session, view: Relation) -> Relation:
    """Store the rows of what dbt made as a view, though we keep rows of it."""
    table = Relation(view.schema, f"{view.name}__stored")
    session.run(f"CREATE TABLE {table.sql} AS SELECT * FROM {view.sql}")
    return table
