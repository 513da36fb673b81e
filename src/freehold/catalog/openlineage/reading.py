"""One OpenLineage event as values: what it tells of a run, a job, data sets, and what in it is not as it should be.

Nothing is refused that is an event at all: what cannot be read is passed by and told as a warning. Facets that nobody
here knows are kept as they came. Versions: core 2-0-2, columnLineage 1-2-0, lineage 1-0-0 (and the draft before it,
whose job facet called its entries `lineage`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

TYPES = ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER")
Facets = Mapping[str, Any]
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOST_WARNINGS = 20
_AHEAD = 5 * 60 * 1_000_000  # microseconds that the clock of whoever sends may be before ours


class Name(NamedTuple):
    """A namespace and a name in it, of a data set or a job."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """Spell it as one word that `of` reads back."""
        return f"{self.namespace}:{self.name.replace('%', '%25').replace(':', '%3A')}"

    @classmethod
    def of(cls, text: str) -> Name:
        """Read what `str` wrote."""
        namespace, _, name = text.rpartition(":")
        return cls(namespace, name.replace("%3A", ":").replace("%25", "%") if "%" in name else name)


class Source(NamedTuple):
    """A column that goes into another, or, where `field` is empty, a data set as a whole. `how` says in which way."""

    name: Name
    field: str
    how: str
    is_direct: bool


Into = tuple[str, Source]  # the column that a source goes into


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set as an event tells of it. `own` facets belong to this run's reading or writing of it."""

    name: Name
    facets: Facets = field(default_factory=dict)
    own: Facets = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as it was read.

    Attributes:
        at: microseconds since 1970; with `digest` it orders events that tell of the same.
        type: of `TYPES`, empty where it tells of no run.
        datasets: every other data set it tells of: that of a dataset event.
    """

    kind: Literal["run", "job", "dataset"]
    at: int
    digest: str
    producer: str = ""
    type: str = ""
    run: str = ""
    run_facets: Facets = field(default_factory=dict)
    job: Name | None = None
    job_facets: Facets = field(default_factory=dict)
    inputs: tuple[DataSet, ...] = ()
    outputs: tuple[DataSet, ...] = ()
    datasets: tuple[DataSet, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def stamp(self) -> tuple[int, str]:
        """What orders events, whenever they come."""
        return self.at, self.digest


class NoEvent(ValueError):
    """What was sent is no OpenLineage event; the message says why."""


def heard(body: str, received: int) -> Heard:
    """Read an event.

    Args:
        body: the JSON of it.
        received: microseconds since 1970, which count where it says no time of its own, or one that was not yet.

    Raises:
        NoEvent: it is no JSON object, or tells of no run, job or data set.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoEvent(f"it is no JSON: {error}") from error
    return told(said, hashlib.sha256(body.encode()).hexdigest(), received)


def told(said: object, digest: str, received: int) -> Heard:
    """Return what the JSON of an event says; see `heard`."""
    if not isinstance(said, dict):
        raise NoEvent(f"it is {_form(said)} and no object")
    warned: list[str] = []
    reading = _Reading(said, warned)
    kind = reading.kind()
    found = Heard(
        kind=kind,
        at=reading.time(received),
        digest=digest,
        producer=reading.text("producer"),
        type=reading.type() if kind == "run" else "",
        run=reading.run() if kind == "run" else "",
        run_facets=reading.facets(_mapping(said, "run"), "facets", "run") if kind == "run" else {},
        job=reading.job() if kind != "dataset" else None,
        job_facets=reading.facets(_mapping(said, "job"), "facets", "job") if kind != "dataset" else {},
        inputs=tuple(reading.datasets("inputs", "inputFacets")) if kind != "dataset" else (),
        outputs=tuple(reading.datasets("outputs", "outputFacets")) if kind != "dataset" else (),
        datasets=tuple(reading.dataset()) if kind == "dataset" else (),
        warnings=(),
    )
    return _with(found, warned)


def _with(found: Heard, warned: list[str]) -> Heard:
    if not warned:
        return found
    shown = list(dict.fromkeys(warned))
    more = len(shown) - _MOST_WARNINGS
    return replace(found, warnings=(*shown[:_MOST_WARNINGS], *((f"and {more} more",) if more > 0 else ())))


class _Reading:
    """The parts of one event, with what is wrong with them."""

    def __init__(self, said: Mapping[str, Any], warned: list[str]) -> None:
        self._said = said
        self._warned = warned

    def kind(self) -> Literal["run", "job", "dataset"]:
        """Return what it tells of; the standard says so by which fields are there.

        Raises:
            NoEvent: none of them is.
        """
        if isinstance(self._said.get("run"), dict):
            return "run"
        if isinstance(self._said.get("dataset"), dict):
            return "dataset"
        if isinstance(self._said.get("job"), dict):
            return "job"
        raise NoEvent("it has no `run`, `job` or `dataset`")

    def time(self, received: int) -> int:
        said = self._said.get("eventTime")
        try:
            at = datetime.fromisoformat(str(said))
        except ValueError:
            self._warned.append(f"`eventTime` is no instant: {_short(said)}; the time it came counts")
            return received
        if at.tzinfo is None:
            self._warned.append("`eventTime` has no time zone and counts as UTC")
            at = at.replace(tzinfo=UTC)
        since = at - _EPOCH
        found = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        if found > received + _AHEAD:  # else it would stand above all that comes until then
            self._warned.append(f"`eventTime` is ahead of the time it came: {_short(said)}; the time it came counts")
            return received
        return found

    def text(self, name: str) -> str:
        found = self._said.get(name)
        if isinstance(found, str) and found:
            return clean(found)
        self._warned.append(f"`{name}` is missing")
        return ""

    def type(self) -> str:
        said = str(self._said.get("eventType") or "OTHER").upper()
        if said in TYPES:
            return said
        self._warned.append(f"`eventType` is {_short(said)}, which is none of {', '.join(TYPES)}")
        return "OTHER"

    def run(self) -> str:
        found = _mapping(self._said, "run").get("runId")
        if not isinstance(found, str) or not found:
            raise NoEvent("`run.runId` is missing")
        if not _UUID.fullmatch(found):
            self._warned.append(f"`run.runId` is no UUID: {_short(found)}")
        return clean(found)[:200]

    def job(self) -> Name:
        found = self._name(_mapping(self._said, "job"), "job")
        if found is None:
            raise NoEvent("`job.name` is missing")
        return found

    def _name(self, said: Mapping[str, Any], where: str) -> Name | None:
        namespace, name = said.get("namespace"), said.get("name")
        if not isinstance(name, str) or not name:
            self._warned.append(f"`{where}.name` is missing")
            return None
        if not isinstance(namespace, str) or not namespace:
            self._warned.append(f"`{where}.namespace` is missing")
            namespace = "default"
        return Name(clean(namespace), clean(name))

    def facets(self, of: Mapping[str, Any], at: str, where: str) -> Facets:
        found = of.get(at)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self._warned.append(f"`{where}.{at}` is {_form(found)} and no object")
            return {}
        for name, facet in found.items():
            if not isinstance(facet, dict):
                self._warned.append(f"the facet `{clean(name)}` of a {where} is {_form(facet)} and no object")
            elif "_schemaURL" not in facet:
                self._warned.append(f"the facet `{clean(name)}` of a {where} names no schema")
        return {name: facet for name, facet in found.items() if isinstance(facet, dict)}

    def datasets(self, at: str, own: str) -> Iterator[DataSet]:
        listed = self._said.get(at)
        if listed is None:
            return
        if not isinstance(listed, list):
            self._warned.append(f"`{at}` is {_form(listed)} and no list")
            return
        for one in listed:
            name = self._name(one, at) if isinstance(one, dict) else None
            if name is None:
                self._warned.append(f"a data set of `{at}` cannot be told by its name")
            else:
                yield DataSet(name, self.facets(one, "facets", "data set"), self.facets(one, own, "data set"))

    def dataset(self) -> Iterator[DataSet]:
        one = _mapping(self._said, "dataset")
        name = self._name(one, "dataset")
        if name is None:
            raise NoEvent("`dataset.name` is missing")
        yield DataSet(name, self.facets(one, "facets", "data set"))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# -- facets that are read ----------------------------------------------------------------------------------------------


def columns(facets: Facets) -> tuple[tuple[str, str, str], ...]:
    """Return name, type and description of each column that the facet `schema` lists; nested ones by their path."""
    found: list[tuple[str, str, str]] = []

    def add(fields: object, before: str) -> None:
        for one in fields if isinstance(fields, list) else ():
            if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"]:
                path = before + clean(one["name"])
                found.append((path, clean(str(one.get("type") or "")), clean(str(one.get("description") or ""))))
                if path.count(".") < 8:
                    add(one.get("fields"), f"{path}.")

    add(_mapping(facets, "schema").get("fields"), "")
    return tuple({path: (path, type_, told) for path, type_, told in found}.values())


def symlinks(facets: Facets) -> tuple[Name, ...]:
    """Return the other names of a data set."""
    listed = _mapping(facets, "symlinks").get("identifiers")
    found = (_named(one) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return tuple(dict.fromkeys(one for one in found if one))


def owners(facets: Facets) -> tuple[str, ...]:
    """Return who owns a job or a data set, by the facet `ownership`."""
    listed = _mapping(facets, "ownership").get("owners")
    found = (str(one.get("name") or "") for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return tuple(clean(one) for one in found if one)


def description(facets: Facets) -> str:
    """Return the text of the facet `documentation`."""
    return clean(str(_mapping(facets, "documentation").get("description") or ""))


def job_type(facets: Facets) -> tuple[str, str, str]:
    """Return how a job processes (BATCH), what runs it (AIRFLOW, SPARK, DBT) and what it is (TASK, MODEL)."""
    said = _mapping(facets, "jobType")
    processing, by, what = (clean(str(said.get(k) or "")) for k in ("processingType", "integration", "jobType"))
    return processing, by, what


def parent(facets: Facets) -> tuple[str, Name | None]:
    """Return the run and the job that a run is part of, by the facet `parent`."""
    said = _mapping(facets, "parent")
    return clean(str(_mapping(said, "run").get("runId") or "")), _named(_mapping(said, "job"))


def written(own: Facets) -> tuple[int | None, int | None]:
    """Return rows and bytes that a run wrote into a data set, by the facet `outputStatistics`."""
    said = _mapping(own, "outputStatistics")
    rows, size = said.get("rowCount"), said.get("size")
    return (rows if isinstance(rows, int) else None, size if isinstance(size, int) else None)


def assertions(facets: Facets) -> tuple[int, int]:
    """Return how many assertions of the facet `dataQualityAssertions` held, and how many did not."""
    listed = _mapping(facets, "dataQualityAssertions").get("assertions")
    told = [bool(one.get("success")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return sum(told), len(told) - sum(told)


def into_columns(facets: Facets) -> tuple[Into, ...]:
    """Return what goes into each column of a data set, by `columnLineage` and `lineage`; `""` for all of them."""
    found: list[Into] = []
    said = _mapping(facets, "columnLineage")
    found += [(target, source) for target, source in _of_fields(said, "inputFields")]
    found += [("", source) for source in _sources(said.get("dataset"))]
    explicit = _mapping(facets, "lineage")
    found += [(target, source) for target, source in _of_fields(explicit, "inputs")]
    found += [("", source) for source in _sources(explicit.get("inputs")) if source.field]
    return tuple(dict.fromkeys(found))


def declared(facets: Facets) -> tuple[tuple[Name | None, tuple[Name, ...], tuple[Into, ...]], ...]:
    """Return what a job's facet `lineage` declares: each target (None: the job itself), what it reads, its columns."""
    said = _mapping(facets, "lineage")
    entries = said.get("entries") if isinstance(said.get("entries"), list) else said.get("lineage")
    found = []
    for one in entries if isinstance(entries, list) else ():
        if isinstance(one, dict):
            target = _named(one) if one.get("type") == "DATASET" else None
            into = [*_of_fields(one, "inputs"), *(("", s) for s in _sources(one.get("inputs")) if s.field)]
            found.append((target, read_by(one), tuple(into)))
    return tuple(found)


def read_by(lineage: Mapping[str, Any]) -> tuple[Name, ...]:
    """Return the data sets that a facet `lineage`, or an entry of it, reads."""
    named = [s.name for s in _sources(lineage.get("inputs"))]
    named += [source.name for _, source in _of_fields(lineage, "inputs")]
    return tuple(dict.fromkeys(named))


def _of_fields(said: Mapping[str, Any], inputs: str) -> Iterator[tuple[str, Source]]:
    for target, entry in _mapping(said, "fields").items():
        if isinstance(entry, dict):
            # before 1-0-1, one transformation was told for all inputs of a field together
            whole = [{"type": entry["transformationType"]}] if isinstance(entry.get("transformationType"), str) else []
            for source in _sources(entry.get(inputs), whole):
                if source.field:
                    yield clean(target), source


def _sources(listed: object, whole: Iterable[object] = ()) -> Iterator[Source]:
    for one in listed if isinstance(listed, list) else ():
        if not isinstance(one, dict) or one.get("type", "DATASET") != "DATASET":
            continue
        name = _named(one)
        if name is None:
            continue
        ways = one.get("transformations")
        field_ = clean(str(one.get("field") or ""))
        yield Source(name, field_, *_way(ways if isinstance(ways, list) and ways else list(whole)))


def _way(transformations: list[object]) -> tuple[str, bool]:
    """Return in which ways a column goes into another, in words; direct if any of them is."""
    told = [one for one in transformations if isinstance(one, dict)]
    if not told:
        return "reads", True
    words = [str(one.get("subtype") or one.get("type") or "").lower() for one in told]
    words += ["masking"] if any(one.get("masking") is True for one in told) else []
    is_direct = any(str(one.get("type") or "DIRECT").upper() != "INDIRECT" for one in told)
    return clean(" ".join(sorted({word for word in words if word}))) or "reads", is_direct


def _named(said: Mapping[str, Any]) -> Name | None:
    namespace, name = said.get("namespace"), said.get("name")
    if isinstance(namespace, str) and isinstance(name, str) and namespace and name:
        return Name(clean(namespace), clean(name))
    return None


def _mapping(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, dict) else {}


def clean(text: str) -> str:
    """Return a text that can be stored: without halves of characters, NUL or line breaks."""
    if text.isascii() and text.isprintable():
        return text
    whole = text.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in whole)


def _form(said: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null", dict: "an object"}
    return names.get(type(said), "a number")


def _short(said: object) -> str:
    text = clean(str(said))
    return f"`{text[:60]}{'…' if len(text) > 60 else ''}`"
