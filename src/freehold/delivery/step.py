"""Steps: what there is to build, decided from versions alone, before any data is touched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from freehold.delivery.asset import NOT_BUILT, Asset, Kind
from freehold.delivery.files import FileVersion
from freehold.delivery.graph import Graph
from freehold.delivery.interval import Interval, cell
from freehold.delivery.overlay import Overlay, fingerprint
from freehold.delivery.python_model import definition as python_definition
from freehold.delivery.strayed import Strayed
from freehold.delivery.template import same_definition
from freehold.delivery.textual import column_type
from freehold.quality import Result

Arrived = Mapping[str, Mapping[Interval | None, FileVersion]]


class Status(StrEnum):
    """How a step ended."""

    PUBLISHED = "published"
    QUARANTINED = "quarantined"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One asset, or one interval of it, to be built from these inputs by this definition.

    `is_again` tells that it is built though it stands, and may come out otherwise than before.
    """

    asset: Asset
    interval: Interval | None
    definition: str
    inputs: tuple[str, ...]
    is_again: bool = False

    @property
    def key(self) -> str:
        """The name of exactly this work; equal keys give equal rows."""
        return fingerprint(self.asset.id, self.definition, str(self.interval), json.dumps(self.inputs))


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one step.

    `kept` is the deployment consumers still read where this one was not published; `results` the verdicts on it;
    `repeated` tells that an earlier run already said so and nothing has changed since; `reused` that its rows
    were there already, built for another environment or before a rollback; `began` when work on it did, None where
    nothing was done, and `seconds` how long that took; `attempts` how often it was tried;
    `strayed` how the columns of a delivery differ from its contract, where it was refused for that.
    """

    asset: str
    product: str
    interval: Interval | None
    status: Status
    rows: int = 0
    began: datetime | None = None
    seconds: float = 0.0
    reason: str = ""
    code: str = ""
    repeated: bool = False
    reused: bool = False
    step_key: str = ""
    candidate: int = 0
    kept: str = ""
    attempts: int = 1
    results: tuple[Result, ...] = field(default=(), repr=False)
    strayed: Strayed | None = None


class Definitions:
    """The definition of every asset: a name that stays the same as long as the meaning does."""

    def __init__(self, kept: Mapping[str, Mapping[str, str]], dialect: str) -> None:
        self._kept = {asset: dict(known) for asset, known in kept.items()}
        self._dialect = dialect
        self._named: dict[str, str] = {}
        self.new: list[tuple[str, str, str]] = []

    def of(self, asset: Asset) -> str:
        """Return the definition of an asset; one never seen before is added to `new` with its text."""
        if asset.id not in self._named:
            self._named[asset.id] = self._find(asset)
        return self._named[asset.id]

    def equate(self, asset: Asset, name: str) -> None:
        """Let an asset go by an earlier definition, which means the same."""
        self.new = [entry for entry in self.new if entry[:2] != (asset.id, self._named.get(asset.id))]
        self._named[asset.id] = name

    def _find(self, asset: Asset) -> str:
        text = self._text(asset)
        for name, known in self._kept.get(asset.id, {}).items():
            if known == text or (asset.compiled and self._same(known, text)):
                return name
        name = fingerprint(asset.id, text)
        self._kept.setdefault(asset.id, {})[name] = text
        self.new.append((asset.id, name, text))
        return name

    def _same(self, known: str, text: str) -> bool:
        (kind, _, left), (wanted, _, right) = known.partition("\n"), text.partition("\n")
        return kind == wanted and same_definition(left, right, self._dialect)

    def _text(self, asset: Asset) -> str:
        head = f"{asset.kind} {asset.grain} {','.join(asset.unique_key)}\n"
        if asset.observed is not None:
            head = f"{head.rstrip()} {fingerprint(asset.observed.state)}\n"
        if asset.compiled:
            return head + asset.compiled.definition
        if asset.python:
            return head + python_definition(asset.python)
        if asset.observed is not None:
            return head + asset.observed.identity
        columns = asset.schema.columns if asset.schema else ()
        typed = ", ".join(f"{p.column} {column_type(p)}" for p in columns)
        files = asset.files
        return head + (f"{files.format} {files.delimiter} {files.encoding}: {typed}" if files else typed)


def intervals_of(graph: Graph, overlay: Overlay, arrived: Arrived) -> dict[str, set[Interval]]:
    """Return the intervals every by-interval asset has or should have."""
    found: dict[str, set[Interval]] = {}
    for asset in graph.assets.values():
        if not asset.by_interval:
            continue
        if asset.kind in (Kind.SOURCE, Kind.FROZEN):
            standing = {i for i in overlay.standing(asset.id) if i is not None}
            found[asset.id] = standing | {i for i in arrived.get(asset.id, {}) if i is not None}
        else:
            above = (i for name in asset.inputs for i in found.get(name, ()))
            found[asset.id] = {cell(i.start, asset.grain) for i in above}
    return found


def wanted(
    asset: Asset, interval: Interval | None, graph: Graph, overlay: Overlay, arrived: Arrived, definitions: Definitions
) -> Step | None:
    """Return the step that would bring an asset up to date, or None when nothing it reads is there."""
    if asset.kind in NOT_BUILT:
        return None
    definition = definitions.of(asset)
    if asset.kind is Kind.SOURCE:
        version = arrived.get(asset.id, {}).get(interval)
        return Step(asset, interval, definition, (version.name,)) if version else None
    if interval is None:
        if not all(graph.assets[n].kind is Kind.EXTERNAL or overlay.standing(n) for n in asset.inputs):
            return None
        return Step(asset, None, definition, tuple(overlay.version(graph.assets[name]) for name in asset.inputs))
    inputs: list[str] = []
    for name in asset.inputs:
        above = graph.assets[name]
        versions = overlay.versions_in(above, interval) if above.by_interval else [overlay.version(above)]
        if above.by_interval and not overlay.versions_in(above, interval):
            return None
        inputs += versions
    return Step(asset, interval, definition, tuple(inputs))


def waves(pending: Mapping[Interval, Sequence[str]]) -> Iterable[tuple[Interval, Sequence[str]]]:
    """Return pending intervals in the order of time, an interval after those it contains."""
    return sorted(pending.items(), key=lambda item: (item[0].end, -item[0].start.timestamp()))
