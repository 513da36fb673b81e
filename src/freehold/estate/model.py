"""What an estate's files say, as frozen values. No value here knows how it was read or what is live.

Every value that came from a file carries `where`, so that whoever finds fault with it later can name the line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from freehold.estate.asserted import Assessment, Rotation
from freehold.estate.dashboards import DashboardFiles
from freehold.estate.document import Document
from freehold.estate.operating import DataPolicy, RuleSet, Waiver, Workflow
from freehold.foundation import FreeholdError, Where

NOWHERE = Where("")
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]*")
ADVISED = ("watch", "advise")  # the modes in which nothing is built, and what is found blocks nothing


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One entry of an ODCS `quality` list.

    `operator` is one of the ODCS names (`mustBe`, `mustNotBe`, `mustBeGreaterThan`, `mustBeGreaterOrEqualTo`,
    `mustBeLessThan`, `mustBeLessOrEqualTo`, `mustBeBetween`, `mustNotBeBetween`) or None; `threshold` is its value, a
    pair for the two `Between`. `column` is None for a rule of the whole object.
    """

    kind: str  # text | library | sql | custom
    where: Where
    column: str | None = None
    id: str | None = None
    name: str | None = None
    description: str | None = None
    metric: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    operator: str | None = None
    threshold: Any = None
    unit: str | None = None  # rows | percent
    query: str | None = None
    engine: str | None = None
    implementation: Any = None
    dimension: str | None = None
    severity: str | None = None
    business_impact: str | None = None
    schedule: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A foreign key: columns here that must exist there. `to_object` is `schema` or `contract_id.schema`."""

    from_columns: tuple[str, ...]
    to_object: str
    to_columns: tuple[str, ...]
    where: Where
    custom: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Property:
    """One ODCS property: a column. `options` is `logicalTypeOptions`; `enum` the allowed values in order."""

    name: str
    where: Where
    physical_name: str | None = None
    logical_type: str | None = None
    physical_type: str | None = None
    description: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False
    unique: bool = False
    primary_key: bool = False
    primary_key_position: int = -1
    enum: tuple[Any, ...] = ()
    classification: str | None = None
    semantic_type: str = "column"  # column | measure | dimension; only a column is stored
    quality: tuple[QualityRule, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    tags: tuple[str, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    properties: tuple[Property, ...] = ()  # of an object
    items: Property | None = None  # of an array
    transform_logic: str | None = None  # how it is computed; of a measure, its definition
    deprecated: bool = False

    @property
    def column(self) -> str:
        """The name of the column in the warehouse."""
        return self.physical_name or self.name


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One ODCS schema object: a table, a view, a file."""

    name: str
    where: Where
    physical_name: str | None = None
    physical_type: str | None = None
    description: str | None = None
    properties: tuple[Property, ...] = ()
    quality: tuple[QualityRule, ...] = ()
    relationships: tuple[Relationship, ...] = ()
    tags: tuple[str, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    custom_where: Mapping[str, Where] = field(default_factory=dict)  # of those that are ours

    @property
    def columns(self) -> tuple[Property, ...]:
        """The properties that are stored: measures and dimensions are definitions, not columns."""
        return tuple(p for p in self.properties if p.semantic_type == "column")

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key, in order."""
        keyed = [p for p in self.properties if p.primary_key]
        return tuple(p.column for p in sorted(keyed, key=lambda p: p.primary_key_position))


@dataclass(frozen=True, slots=True)
class Server:
    """One ODCS server entry; `settings` is everything it says besides name and type."""

    name: str
    type: str
    where: Where
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sla:
    """One ODCS SLA property."""

    property: str
    value: Any
    where: Where
    unit: str | None = None
    element: str | None = None
    driver: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """One ODCS role: a name that gives access to the data, and which access."""

    role: str
    where: Where
    access: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """One ODCS data contract. `custom` maps the custom properties by name (`freehold:tier` and the like)."""

    id: str
    where: Where
    api_version: str
    version: str | None = None
    status: str | None = None
    name: str | None = None
    data_product: str | None = None
    domain: str | None = None
    description: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[SchemaObject, ...] = ()
    servers: tuple[Server, ...] = ()
    sla: tuple[Sla, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    tags: tuple[str, ...] = ()
    version_where: Where = NOWHERE

    def object_named(self, name: str) -> SchemaObject | None:
        """Return the schema object of that name, if the contract has one."""
        return next((o for o in self.objects if o.name == name), None)


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output port of a product."""

    name: str
    where: Where
    version: str | None = None
    contract_id: str | None = None
    description: str | None = None
    custom: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """One ODPS data product."""

    id: str
    where: Where
    name: str | None = None
    version: str | None = None
    status: str = "draft"
    domain: str | None = None
    description: Mapping[str, Any] = field(default_factory=dict)
    input_ports: tuple[Port, ...] = ()
    output_ports: tuple[Port, ...] = ()
    team: str | None = None
    tier: int = 3
    mode: str = "publish"  # watch | advise | check | publish
    audience: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    custom_where: Mapping[str, Where] = field(default_factory=dict)  # of those that are ours

    @property
    def folder(self) -> str:
        """The folder of the product's file, relative to the estate."""
        return str(Path(self.where.path).parent)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that builds an asset: `models/<name>.sql` or `models/<name>.py`, or `seeds/<name>.csv`."""

    asset: str  # <product id>.<name>
    product: str
    path: str  # relative to the estate
    language: str  # sql | python | csv
    text: str  # empty for csv


@dataclass(frozen=True, slots=True)
class Team:
    """A team: members, roles and channels by reference to the identity provider."""

    id: str
    where: Where
    name: str | None = None
    members: tuple[str, ...] = ()
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working days and hours of people; `spec` is as written in the file."""

    id: str
    where: Where
    spec: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an engine. `settings` may hold secret references (`env:NAME`), never secrets."""

    name: str
    url: str
    where: Where
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where products live: `prod`, `dev`."""

    name: str
    connection: str
    where: Where
    protected: bool = False
    defer_to: str | None = None
    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A dbt project beside the estate.

    Attributes:
        project: its folder, relative to the estate; `target`: the folder of its artifacts, in that.
        command: the words that call dbt.
        target_name: what its models see as `target.name` where Freehold has dbt build.
        output: what is added to the profile that is made for that: `threads`, `extensions`, …
        timeout: how long one call may take, as a duration.
    """

    project: str
    target: str
    where: Where
    command: tuple[str, ...] = ("dbt",)
    target_name: str = "freehold"
    output: Mapping[str, Any] = field(default_factory=dict)
    timeout: str = "1h"


@dataclass(frozen=True, slots=True)
class EarlierVersion:
    """A major version of an output that a later one was published beside: readable as it was, and fed no more.

    Attributes:
        asset: the id it was published by, and is read by still.
        declared: the id that the files give the output, whichever version.
        latest: the asset that holds the version of today.
        version: of the contract it kept.
        until: the last day on which it is promised.
        by_interval: whether its rows are kept by interval.
    """

    asset: str
    declared: str
    latest: str
    version: str
    until: date
    by_interval: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of one of our own kinds that this room does not interpret further (Objective, KPI …)."""

    kind: str
    id: str
    where: Where
    metadata: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    document: Document | None = field(default=None, compare=False, repr=False)  # as it was read, for places inside it

    def at(self, *path: str | int) -> Where:
        """Return the place of what is at a path of the file; of the whole where it is not at hand."""
        return self.document.where(*path) if self.document else self.where


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything a team declares, resolved and free of contradictions."""

    id: str
    root: Path
    name: str
    state_url: str
    connections: Mapping[str, Connection]
    environments: Mapping[str, Environment]
    defaults: Mapping[str, Any]
    products: Mapping[str, Product]
    contracts: Mapping[str, Contract]
    models: Mapping[str, ModelFile]  # by asset id
    teams: Mapping[str, Team]
    calendars: Mapping[str, Calendar]
    resources: Mapping[tuple[str, str], Resource] = field(default_factory=dict)  # (kind, id)
    hashes: Mapping[str, str] = field(default_factory=dict)  # "kind:id" -> sha256 of the content as read
    findings: tuple[FreeholdError, ...] = ()  # what `validate` should say though the estate can be loaded
    state_settings: Mapping[str, Any] = field(default_factory=dict)  # `password`: a secret reference
    reviews: Mapping[str, Any] = field(default_factory=dict)  # where code is reviewed; `token`: a secret reference
    dbt: tuple[DbtProject, ...] = ()
    state_where: Where | None = None  # where the file says so; None where it leaves the default
    held: str = ""  # where the files of this version lie, under `root`; empty where they are the ones at hand
    dashboards: tuple[DashboardFiles, ...] = ()  # where consumers outside the estate are told of
    semantic_models: Mapping[str, Document] = field(default_factory=dict)  # by the name of the (first) model
    rule_sets: Mapping[str, RuleSet] = field(default_factory=dict)
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    assessments: Mapping[str, Assessment] = field(default_factory=dict)
    secrets: tuple[Rotation, ...] = ()  # how often those that the files refer to are changed
    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    policies: Mapping[str, DataPolicy] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)  # asset -> its id in the files, where they differ
    earlier: Mapping[str, EarlierVersion] = field(default_factory=dict)  # by asset
    access: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by action, who may, as estate.yaml says
    is_placed: bool = False  # whether `declared` and `earlier` are known, as the ledger tells them

    def environment(self, name: str) -> Environment | None:
        """Return the environment of that name; one declared as `pr-*` stands for `pr-12`. None if there is none."""
        found = self.environments.get(name)
        if found is not None or not _ENVIRONMENT.fullmatch(name):
            return None if name.endswith("*") else found
        patterns = sorted((n for n in self.environments if n.endswith("*")), key=len, reverse=True)
        meant = next((n for n in patterns if name.startswith(n[:-1]) and len(name) >= len(n)), None)
        return replace(self.environments[meant], name=name) if meant else None

    def resources_of(self, kind: str) -> tuple[Resource, ...]:
        """Return what files declare of a kind, in the order of their ids."""
        return tuple(sorted((one for (of, _), one in self.resources.items() if of == kind), key=lambda one: one.id))

    def published(self, name: str) -> str:
        """Return the asset that holds today's version of an output, by the id that the files give it."""
        return next((asset for asset, declared in self.declared.items() if declared == name), name)

    def contract_of(self, asset: str) -> tuple[Contract, SchemaObject] | None:
        """Return the contract and schema object that describe an asset.

        The asset `sales.orders.lines` is the object `lines` of the contract with the id `sales.orders.lines`; a
        contract may also be named by a port of the product and hold an object of the asset's last name.
        """
        if asset in self.earlier:  # the contract that it kept is in the files no more
            return None
        name = self.declared.get(asset, asset).rpartition(".")[2]
        contract = self.contracts.get(self.declared.get(asset, asset))
        if contract is None:
            product = self.products.get(asset.rpartition(".")[0])
            ports = (*product.input_ports, *product.output_ports) if product else ()
            names = (name, asset.rpartition(".")[2])
            ids = (p.contract_id for p in ports if p.name in names and p.contract_id)
            contract = next((self.contracts[i] for i in ids if i in self.contracts), None)
        if contract is None:
            return None
        found = contract.object_named(name)
        return (contract, found) if found else None

    def object_referred(self, contract: Contract, reference: str) -> tuple[Contract, SchemaObject] | None:
        """Return what `Relationship.to_object` of a contract means.

        That is an object of the same contract, `contract_id.object`, or an asset id.
        """
        own = contract.object_named(reference)
        if own:
            return (contract, own)
        before, _, name = reference.rpartition(".")
        candidates = [self.contracts[i] for i in (before, reference) if i in self.contracts]
        found = ((c, o) for c in candidates if (o := c.object_named(name)))
        return next(found, None) or self.contract_of(reference)
