"""What a schema cannot say about one document: our own custom properties, secrets in the open, names used twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Any

from freehold.estate.calendars import places_with_holidays
from freehold.estate.document import Document, Step
from freehold.estate.explaining import schema_errors, value_errors
from freehold.estate.schedules import arrival_errors, schedule_errors, zone_error
from freehold.estate.schemas import custom_properties, custom_validator
from freehold.foundation import FreeholdError, near
from freehold.foundation.secrets import holds_a_secret

PREFIX = "freehold:"
_ID = re.compile(r"[a-z0-9._/-]+")
_NAME = re.compile(r"[a-z0-9_-]+")
# The key of the list that an entry stands in tells what the entry is.
_PLACES = {
    "schema": "object", "properties": "property", "items": "property", "quality": "quality",
    "relationships": "relationship", "servers": "server",
}  # fmt: skip
_PLACE_NAMES = {
    "product": "a product", "contract": "a contract", "object": "a schema object", "property": "a property",
    "quality": "a quality rule", "relationship": "a relationship", "server": "a server",
}  # fmt: skip

Path = tuple[Step, ...]


def document_errors(document: Document, kind: str) -> list[FreeholdError]:
    """Return all that is wrong with one document of a kind, taken by itself."""
    secrets = list(_secrets(document, kind))
    if secrets:  # told alone and first: nothing else may quote the value
        return secrets
    errors = schema_errors(document, kind)
    if errors:
        return errors
    found: list[FreeholdError] = []
    if kind in ("DataContract", "DataProduct"):
        found += _custom_properties(document, "contract" if kind == "DataContract" else "product")
        found += _said_twice(document, kind)
    found += _ids(document, kind)
    if kind == "Estate":
        found += _timezone(document, ("spec", "defaults", "timezone"))
    elif kind == "Team":
        found += _timezone(document, ("spec", "on_call", "rota", "timezone"))
    elif kind == "Calendar":
        found += _calendar(document)
    return found


def asset_name_error(name: str) -> str | None:
    """Return what is wrong with the last part of an asset id, or None."""
    if _NAME.fullmatch(name):
        return None
    return f"`{name}` cannot be the name of an asset: only a-z, 0-9, `_` and `-`."


def _ids(document: Document, kind: str) -> Iterator[FreeholdError]:
    if kind in ("DataContract", "DataProduct"):
        if not _ID.fullmatch(document.value["id"]):
            shown = document.value["id"]
            lower = re.sub(r"[^a-z0-9._/-]+", "-", shown.lower()).strip("-")
            yield FreeholdError(
                "FH-V111", f"The id `{shown}` has other signs than a-z, 0-9, `.`, `_`, `/` and `-`.",
                where=document.where("id"), fix=f"Name it `{lower}`." if lower else "Choose another id.",
            )  # fmt: skip
        for side in ("inputPorts", "outputPorts"):
            for index, port in enumerate(document.value.get(side) or ()):
                wrong = asset_name_error(port["name"]) if kind == "DataProduct" else None
                if wrong:
                    yield FreeholdError("FH-V111", wrong, where=document.where(side, index, "name"), fix="Rename it.")


def _calendar(document: Document) -> Iterator[FreeholdError]:
    """Find hours that have the form of such and are none, and places whose holidays nobody knows."""
    spec = document.value["spec"]
    if (hours := spec.get("hours")) and not _are_hours(hours):
        yield FreeholdError(
            "FH-V105", f"`{hours}` are no hours of a day.", where=document.where("spec", "hours"), fix="09:00-17:30"
        )
    country, subdivision = str(spec.get("country") or ""), str(spec.get("subdivision") or "")
    if country:
        known = places_with_holidays()
        if country not in known:
            yield FreeholdError(
                "FH-V105", f"No holidays are known of the country `{country}`.",
                where=document.where("spec", "country"),
                fix=near(country, known) or "Write its code of ISO 3166, such as GB.",
            )  # fmt: skip
        elif subdivision and subdivision not in known[country]:
            yield FreeholdError(
                "FH-V105", f"No holidays are known of the part `{subdivision}` of `{country}`.",
                where=document.where("spec", "subdivision"),
                fix=f"There are: {', '.join(known[country])}." if known[country] else "Leave it out: it has no parts.",
            )  # fmt: skip


def _are_hours(text: str) -> bool:
    try:
        first, last = (time.fromisoformat(part) for part in text.split("-"))
    except ValueError:
        return False
    return first != last


def _timezone(document: Document, path: Path) -> Iterator[FreeholdError]:
    node = document.node(*path)
    if node is None:
        return
    if error := zone_error(str(node.value), document.where(*path)):
        yield error


def _secrets(document: Document, kind: str) -> Iterator[FreeholdError]:
    """Find secrets where settings of connections, servers and people's channels are written."""
    for path, key, value in _settings(document, kind):
        if holds_a_secret(key, value):
            what = f"`{key}` holds a value" if isinstance(path[-1], str) and path[-1] == key else f"`{key}` has a value"
            yield FreeholdError(
                "FH-V109",
                f"{what} that must not stand in a file (it is not shown here).",
                where=document.where(*path),
                fix="Write a reference, env:NAME or file:/path, and change the secret: it may have been seen.",
            )


def _settings(document: Document, kind: str) -> Iterator[tuple[Path, str, Any]]:
    said = document.value
    if kind in ("Estate", "Team"):
        yield from _fields(said, ())
    elif kind == "DataContract" and isinstance(said, dict):
        yield from _fields(said.get("servers"), ("servers",))


def _fields(said: Any, path: Path) -> Iterator[tuple[Path, str, Any]]:
    if isinstance(said, dict):
        for key, value in said.items():
            if isinstance(value, dict | list):
                yield from _fields(value, (*path, key))
            else:
                yield (*path, key), key, value
        if isinstance(said.get("property"), str) and not isinstance(said.get("value"), dict | list):
            yield (*path, "value"), said["property"], said.get("value")
    elif isinstance(said, list):
        for index, value in enumerate(said):
            if isinstance(value, dict | list):
                yield from _fields(value, (*path, index))
            else:
                yield (*path, index), str(path[-1]) if path else "", value


def _custom_properties(document: Document, kind: str) -> Iterator[FreeholdError]:
    for path, place, entry in _custom_entries(document.value, (), kind):
        name = entry["property"]
        if name.startswith(PREFIX):
            yield from _custom_property(document, path, place, name.removeprefix(PREFIX), entry["value"])
        elif name.lower().startswith("freehold"):
            yield FreeholdError(
                "FH-V107", f"`{name}` is no name of Freehold's: those start with `{PREFIX}`.",
                where=document.where(*path, "property"), fix=f"Write `{PREFIX}…`, or another prefix.",
            )  # fmt: skip


def _custom_property(document: Document, path: Path, place: str, name: str, value: Any) -> Iterator[FreeholdError]:
    known = custom_properties()
    here = known.get(place, {})
    if name not in here:
        homes = [_PLACE_NAMES[p] for p, names in known.items() if name in names]
        fix = (
            f"`{PREFIX}{name}` belongs to {' or '.join(homes)}."
            if homes
            else near(f"{PREFIX}{name}", [f"{PREFIX}{n}" for n in here])
        )
        yield FreeholdError(
            "FH-V107", f"{_PLACE_NAMES.get(place, 'This').capitalize()} has no custom property `{PREFIX}{name}`.",
            where=document.where(*path, "property"),
            fix=fix or (f"Known here: {', '.join(PREFIX + n for n in here)}." if here else "Remove it."),
        )  # fmt: skip
        return
    validator = custom_validator(place, name)
    if not validator.is_valid(value):
        yield from value_errors(document, (*path, "value"), list(validator.iter_errors(value)), here[name])
    elif name == "schedule":
        yield from schedule_errors(document, (*path, "value"))
    elif name == "arrives":
        yield from arrival_errors(document, (*path, "value"))


def _custom_entries(said: Any, path: Path, place: str) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """Yield each custom property with its path and the place it stands in."""
    for key, value in said.items():
        if key == "customProperties" and isinstance(value, list):
            for index, entry in enumerate(value):
                yield (*path, key, index), place, entry
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                if isinstance(entry, dict):
                    yield from _custom_entries(entry, (*path, key, index), _PLACES.get(key, ""))
        elif isinstance(value, dict):
            yield from _custom_entries(value, (*path, key), _PLACES.get(key, ""))


def _said_twice(document: Document, kind: str) -> Iterator[FreeholdError]:
    """Find names used twice in one list, where the standard wants them apart."""
    said = document.value
    if kind == "DataProduct":
        for side in ("inputPorts", "outputPorts"):
            ports = said.get(side) or ()
            yield from _twice(document, (side,), [(p["name"], p.get("version")) for p in ports], "port", "name")
        yield from _custom_twice(document, said, ())
        return
    yield from _twice(document, ("schema",), [o["name"] for o in said.get("schema") or ()], "object", "name")
    yield from _twice(document, ("servers",), [s["server"] for s in said.get("servers") or ()], "server", "server")
    yield from _custom_twice(document, said, ())
    for index, entry in enumerate(said.get("schema") or ()):
        properties = entry.get("properties") or ()
        path: Path = ("schema", index, "properties")
        yield from _twice(document, path, [p["name"] for p in properties], "property", "name")
        for where, part in ((("schema", index), entry), *(((*path, i), p) for i, p in enumerate(properties))):
            yield from _custom_twice(document, part, where)


def _custom_twice(document: Document, said: dict[str, Any], path: Path) -> Iterator[FreeholdError]:
    names = [entry["property"] for entry in said.get("customProperties") or ()]
    yield from _twice(document, (*path, "customProperties"), names, "custom property", "property")


def _twice(document: Document, path: Path, names: list[Any], what: str, key: str) -> Iterator[FreeholdError]:
    if len(set(names)) == len(names):
        return
    first: dict[Any, int] = {}
    for index, name in enumerate(names):
        if name in first:
            shown = name if isinstance(name, str) else name[0]
            there = document.where(*path, first[name], key)
            yield FreeholdError(
                "FH-V110", f"The {what} `{shown}` stands twice; first at line {there.line}, column {there.column}.",
                where=document.where(*path, index, key), fix="Keep one of them, or rename it.",
            )  # fmt: skip
        first.setdefault(name, index)
