"""The vocabulary: which types of event there are, what their payloads hold, and how old ones read today.

One JSON Schema a type under `builtin/events/`. Beyond the standard's keywords a file says `x-family` (its view in
evidence), `x-version`, `x-store: raw` for types too many for ledger rows, `x-told-by: others` for those that nobody
here records, and per field `x-since` (the version that brought it). Versions only ever add fields; every added field
has a default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError, near
from freehold.ledger.canonical import NotCanonical, spell

BUILTIN = Path(__file__).parents[1] / "builtin" / "events"
DERIVED = Path(__file__).parents[1] / "builtin" / "evidence"
LARGEST_PAYLOAD = 1_000_000  # characters of canonical JSON


@dataclass(frozen=True, eq=False)
class EventType:
    """One type of event, as its schema describes it."""

    name: str
    schema: Mapping[str, Any]

    @property
    def family(self) -> str:
        """The family whose view holds its events."""
        return str(self.schema["x-family"])

    @property
    def version(self) -> int:
        """The version that appends write."""
        return int(self.schema["x-version"])

    @property
    def is_raw(self) -> bool:
        """Whether events of this type go to raw segments and not into ledger rows."""
        return self.schema.get("x-store") == "raw"

    @property
    def is_told_by_others(self) -> bool:
        """Whether nobody here records it, so that others may tell of it."""
        return self.schema.get("x-told-by") == "others"

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The schema of each field of the payload."""
        fields: Mapping[str, Mapping[str, Any]] = self.schema["properties"]
        return fields

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """What an absent field means."""
        return {name: field["default"] for name, field in self.fields.items() if "default" in field}

    @cached_property
    def validator(self) -> Any:
        """The compiled schema."""
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(dict(self.schema), validate_formats=True)

    def payload(self, given: Mapping[str, Any]) -> str:
        """Return the canonical JSON of a payload that this type accepts.

        Raises:
            FreeholdError: FH-L002 when a field is unknown, missing or of another type; FH-L004 when a value has no
                canonical spelling or the payload is larger than an event may be.
        """
        try:
            text, is_plain = spell(given)
        except NotCanonical as error:
            fix = "Write it as text, or leave the field out."
            raise FreeholdError("FH-L004", f"`{self.name}` cannot be sealed: {error}.", fix=fix) from error
        plain = given if is_plain else json.loads(text)
        if not self.validator.is_valid(plain):
            raise self._refusal(plain)
        if len(text) > LARGEST_PAYLOAD:
            fix = "Put the bulk into the side store or a raw segment and name it here by its id."
            problem = f"The payload of `{self.name}` has {len(text):,} characters; an event holds {LARGEST_PAYLOAD:,}."
            raise FreeholdError("FH-L004", problem, fix=fix)
        return text

    def _refusal(self, given: Mapping[str, Any]) -> FreeholdError:
        unknown = [key for key in given if key not in self.fields]
        missing = [key for key in self.schema["required"] if key not in given]
        problems = [f"has no field `{key}`" for key in unknown] + [f"needs `{key}`" for key in missing]
        for error in self.validator.iter_errors(given):
            if error.instance_path:
                path = ".".join(map(str, error.instance_path))
                problems.append(f"does not take {_short(error.instance)} as `{path}` ({error.message[:200]})")
        hints = [near(key, self.fields) for key in unknown]
        known = f"Its fields: {', '.join(self.fields)}."
        problem = f"`{self.name}` {'; '.join(problems[:8])}."
        return FreeholdError("FH-L002", problem, fix=" ".join(filter(None, [*hints, known])))

    def upcast(self, data: dict[str, Any]) -> dict[str, Any]:
        """Bring an old payload up to date: what a later version added reads as its default."""
        for name, default in self.defaults.items():
            data.setdefault(name, default)
        return data


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Vocabulary:
    """All types of event there are, read from a folder when first asked for."""

    def __init__(self, folder: Path = BUILTIN) -> None:
        self._folder = folder
        self._types: dict[str, EventType] = {}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of every type, in order."""
        return tuple(sorted(path.name.removesuffix(".json") for path in self._folder.glob("*.json")))

    @cached_property
    def families(self) -> Mapping[str, tuple[str, ...]]:
        """The types of each family."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(self[name].family, []).append(name)
        return {family: tuple(names) for family, names in sorted(found.items())}

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views that evidence has of these types."""
        families = (f"{family}_events" for family in self.families)
        return ("events", *self.derived, *sorted(families), *sorted(name.replace(".", "_") for name in self.names))

    @cached_property
    def derived(self) -> Mapping[str, str]:
        """The queries of the views that stand on those: one file each, which begins with what a row is."""
        return {path.stem: path.read_text("utf-8") for path in sorted(DERIVED.glob("*.sql"))}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> EventType:
        """Return a type by its name.

        Raises:
            FreeholdError: FH-L001 for a type that is not in the vocabulary, with the near matches.
        """
        found = self._types.get(name)
        if found is None:
            if name not in self.names:
                raise self.unknown(name)
            schema = json.loads((self._folder / f"{name}.json").read_text("utf-8"))
            found = self._types[name] = EventType(name, schema)
        return found

    def unknown(self, name: str) -> FreeholdError:
        """Return the refusal of a type that is not there."""
        fix = near(name, self.names) or "Every type is listed in docs/reference/events.md."
        return FreeholdError("FH-L001", f"There is no event type `{name}`.", fix=fix, exit_code=Exit.USAGE)

    def select(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Return the types that names and patterns such as `check.*` stand for.

        Raises:
            FreeholdError: FH-L001 when one stands for nothing.
        """
        found: list[str] = []
        for name in wanted:
            prefix = name.removesuffix("*")
            matches = [n for n in self.names if n.startswith(prefix)] if name.endswith(".*") else [name]
            if not matches or matches[0] not in self.names:
                raise self.unknown(name)
            found += matches
        return tuple(dict.fromkeys(found))
