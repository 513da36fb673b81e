"""Estates in which things happen, and one of them breaks something: what `bench/incidents.py` ranks suspects of.

Nothing in here knows how suspects are scored. An estate is drawn: sources, and models of one to three inputs in four
layers, with which column is made of which. Two weeks pass: builds each morning, and what happens in any estate and
breaks nothing. Then one thing breaks something, and monitors that see it raise alerts, those that miss it do not, and
some raise alerts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from freehold.delivery.lineage import Field
from freehold.ledger import Event
from freehold.reliability.alerts.alert import Alert
from freehold.reliability.incidents.paths import Paths
from freehold.reliability.signals import SignalKind

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 18
ENV = "prod"
SOURCES, LAYERS, WIDTH = 8, 4, 14
HARMLESS = {  # how often a day, in all of the estate
    "code": 6, "config": 1, "contract": 1.5, "access": 1, "backfill": 1, "run": 2, "batch": 1.5, "schema": 0.5,
}  # fmt: skip
FAULTS = {"code": 0.4, "batch": 0.2, "schema": 0.15, "run": 0.1, "late": 0.05, "backfill": 0.05, "access": 0.05}
MONITORED = 0.75  # of assets
FOUND = 0.85  # of what is off by a lot where it is monitored
LATER = 0.2  # of changes that break nothing until a day after the next
FALSE_ALARMS = 0.02  # of monitored assets each day


@dataclass
class Case:
    """What a fault left: events, alerts, and the id of what did it."""

    paths: Paths
    events: list[Event] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    truth: str = ""
    kind: str = ""
    hit: frozenset[str] = frozenset()


def case_of(seed: int) -> Case:
    """Return a case; of a fault that no monitor saw there are no alerts."""
    return _Drawn(Random(seed)).case()


class _Drawn:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.paths, self.depth = _paths(random)
        self.assets = list(self.paths.reads)
        self.monitored = {name for name in self.assets if random.random() < MONITORED}
        self.made = Case(self.paths)
        self._count = 0

    def case(self) -> Case:
        fault_day = DAYS - 3
        self._tell("estate.applied", START - timedelta(days=30), "estate", estate="e", resources={}, changed=[])
        for day in range(DAYS):
            for kind, rate in HARMLESS.items():
                for _ in range(_poisson(self.random, rate)):
                    self._happen(kind, self._place(kind), day, self.random)
            if day <= fault_day:
                self._build(day, [] if day == fault_day else self.assets)
        self._break(fault_day)
        self._false_alarms(fault_day)
        return self.made

    # -- a day as any other -------------------------------------------------------------------------------------------

    def morning(self, asset: str, day: int) -> datetime:
        """When an asset is built: five in the morning, each layer twenty minutes after the one before."""
        return START + timedelta(days=day, hours=5, minutes=20 * self.depth[asset])

    def _build(self, day: int, assets: list[str]) -> None:
        for name in assets:
            at = self.morning(name, day)
            self._tell("run.completed", at, name, asset=name, run_id=f"r{day}", status="success", trigger="schedule")
            if name in self.monitored:
                self._profile(name, at)

    def _profile(self, name: str, at: datetime) -> None:
        self._tell("profile.observed", at, name, asset=name, batch=f"b{at:%d%H%M}", rows=1000, columns={})

    def _happen(self, kind: str, asset: str, day: int, random: Random) -> str:
        """Tell that something happened to an asset on a day; return the id of the event."""
        at, night = START + timedelta(days=day, hours=random.uniform(9, 18)), self.morning(asset, day)
        column = random.choice(self.paths.columns[asset])
        if kind in ("code", "config", "contract"):
            word = {"code": "Model", "config": "DataProduct", "contract": "DataContract"}[kind]
            of = asset.rpartition(".")[0] if kind == "config" else asset
            resource = f"{word}:{of}"
            return f"{self._tell('estate.applied', at, 'e', estate='e', resources={}, changed=[resource])}#{resource}"
        if kind == "access":
            return self._tell("access.revoked", at, asset, grant=f"g{self._count}", resource=asset)
        if kind == "backfill":
            said = {"asset": asset, "run_id": f"f{self._count}", "status": "success", "trigger": "backfill"}
            return self._tell("run.completed", at, asset, **said)
        if kind == "run":
            said = {"asset": asset, "run_id": f"f{self._count}", "status": "failed", "code": "FH-E010"}
            return self._tell("run.completed", night, asset, **said)
        if kind == "schema":
            diff = {"missing": [column]} if random.random() < 0.5 else {"extra": ["fresh"]}
            return self._tell("schema.observed", night, asset, asset=asset, diff=diff, breaking=False)
        return self._odd(asset, night, column, random.uniform(3, 8))

    def _place(self, kind: str) -> str:
        at_source = kind in ("batch", "schema", "late")
        return self.random.choice([name for name in self.assets if (self.depth[name] == 0) == at_source])

    # -- the one that breaks something --------------------------------------------------------------------------------

    def _break(self, day: int) -> None:
        """Let one thing break something on a day, and monitors see it."""
        random = self.random
        kind = random.choices(list(FAULTS), list(FAULTS.values()))[0]
        asset = self._place(kind)
        columns = random.sample(self.paths.columns[asset], k=min(random.randint(1, 2), len(self.paths.columns[asset])))
        columns = columns[:1] if kind == "batch" else columns  # an anomaly is of one column
        self.made.kind = kind
        late = kind in ("code", "config", "backfill", "access") and random.random() < LATER
        before = day - (2 if late else 1)
        if kind in ("code", "backfill", "access"):
            self.made.truth = self._happen(kind, asset, before, random)
        elif kind == "run":
            self.made.truth = self._happen(kind, asset, day, random)
        elif kind == "schema":
            diff = {"missing": columns}
            self.made.truth = self._tell(
                "schema.observed", self.morning(asset, day), asset, asset=asset, diff=diff, breaking=True
            )
        if kind in ("run", "late") or (kind in ("schema", "access") and random.random() < 0.4):
            self._stop(kind, asset, day)
        else:
            self._spread(kind, asset, columns, day)

    def _stop(self, kind: str, asset: str, day: int) -> None:
        """Nothing that is built from an asset is built: those that are watched say so."""
        below = {asset, *self.paths.downstream(asset)}
        self.made.hit = frozenset(below)
        self._build(day, [name for name in self.assets if name not in below])
        for name in sorted(below):
            if name not in self.monitored and name != asset:
                continue
            at = self.morning(name, day) + timedelta(minutes=30 if kind == "late" else 0)
            own = SignalKind.LATE if kind == "late" else SignalKind.RUN
            evidence = self.made.truth if kind == "run" and name == asset else f"own-{name}"
            if kind == "run" and name == asset:
                own, evidence = SignalKind.LATE, "own"  # what failed is the cause, what is late what it does
            self._alert(name, "", own, at, None, evidence, is_held=True)
            if kind == "late" and name == asset:
                self.made.truth = evidence

    def _spread(self, kind: str, asset: str, columns: list[str], day: int) -> None:
        """Columns are wrong, and those made of them, the less the further; monitors see what is off enough."""
        random, off = self.random, self.random.uniform(6, 30)
        hit = {field: off for column in columns for field in self.paths.hit(Field(asset, column))}
        worst: dict[str, tuple[str, float]] = {}
        for one in sorted(hit):
            if one.column == "*":
                continue
            share = random.uniform(0.6, 1.0) ** (self.depth[one.asset] - self.depth[asset])
            if one.asset not in worst or worst[one.asset][1] < off * share:
                worst[one.asset] = (one.column, off * share)
        self.made.hit = frozenset(worst)
        self._build(day, self.assets)
        for name, (column, deviations) in sorted(worst.items()):
            at = self.morning(name, day)
            is_source_batch = kind == "batch" and name == asset
            if is_source_batch:
                self.made.truth = self._odd(name, at, column, deviations)
            if name not in self.monitored or deviations < 3 or random.random() > FOUND:
                continue
            evidence = self.made.truth if is_source_batch else self._odd(name, at, column, deviations)
            own = SignalKind.CHECK if random.random() < 0.5 else SignalKind.ANOMALY
            self._alert(name, column, own, at, deviations, evidence)

    def _false_alarms(self, day: int) -> None:
        for name in sorted(self.monitored - self.made.hit):
            if self.random.random() < FALSE_ALARMS:
                at, column = self.morning(name, day), self.random.choice(self.paths.columns[name])
                deviations = self.random.uniform(3, 6)
                evidence = self._odd(name, at, column, deviations)
                self._alert(name, column, SignalKind.ANOMALY, at, deviations, evidence, pages=False)

    # -- telling ------------------------------------------------------------------------------------------------------

    def _odd(self, asset: str, at: datetime, column: str, deviations: float) -> str:
        said = {"anomaly": f"a{self._count}", "asset": asset, "batch": f"b{at:%d%H%M}", "measure": "mean",
                "column": column, "grade": "severe", "deviations": round(deviations, 3)}  # fmt: skip
        return self._tell("anomaly.found", at, asset, **said)

    def _alert(
        self, asset: str, column: str, kind: SignalKind, at: datetime, deviations: float | None, evidence: str,
        *, is_held: bool = False, pages: bool = True,
    ) -> None:  # fmt: skip
        seen = at + timedelta(minutes=self.random.uniform(1, 20))
        self.made.alerts.append(
            Alert(f"alert-{asset}", asset, asset.rpartition(".")[0], kind, asset, at, seen, len(self.made.alerts),
                  column=column, page=pages, is_held=is_held, deviations=deviations, evidence=evidence)
        )  # fmt: skip

    def _tell(self, type: str, at: datetime, subject: str, **said: object) -> str:
        self._count += 1
        id_ = f"e{self._count}"
        self.made.events.append(Event(type, said, id=id_, occurred_at=at, env=ENV, subject=subject))
        return id_


def _paths(random: Random) -> tuple[Paths, dict[str, int]]:
    """Return what goes into what in an estate that is drawn, and the layer of each asset."""
    layers = [[f"src.raw.t{n}" for n in range(SOURCES)]]
    reads: dict[str, tuple[str, ...]] = dict.fromkeys(layers[0], ())
    columns = {name: _columns(random) for name in layers[0]}
    into: dict[Field, list[Field]] = {}
    decides: dict[Field, list[str]] = {}
    for layer in range(1, LAYERS + 1):
        layers.append([f"p{layer}.m{n % 3}.t{n}" for n in range(WIDTH)])
        for name in layers[layer]:
            above = [random.choice(layers[layer - 1])]
            above += random.sample([one for part in layers[:layer] for one in part], k=random.choice((0, 0, 1, 1, 2)))
            reads[name], columns[name] = tuple(dict.fromkeys(above)), _columns(random)
            there = [Field(one, column) for one in reads[name] for column in columns[one]]
            for column in columns[name]:
                for origin in random.sample(there, k=random.choice((1, 1, 2))):
                    into.setdefault(origin, []).append(Field(name, column))
            if random.random() < 0.3:
                decides.setdefault(random.choice(there), []).append(name)
    depth = {name: n for n, part in enumerate(layers) for name in part}
    given = {one: tuple(targets) for one, targets in into.items()}
    return Paths(reads, given, {one: tuple(names) for one, names in decides.items()}, columns), depth


def _columns(random: Random) -> tuple[str, ...]:
    return tuple(f"c{n}" for n in range(random.randint(3, 7)))


def _poisson(random: Random, rate: float) -> int:
    """Return how often something happens that does so `rate` times on average."""
    count, at = 0, random.expovariate(rate)
    while at < 1:
        count, at = count + 1, at + random.expovariate(rate)
    return count


def seeds(count: int, first: int) -> Iterator[int]:
    """Yield seeds of so many cases."""
    yield from range(first, first + count)
