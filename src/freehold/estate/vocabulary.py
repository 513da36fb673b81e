"""Which keys a JSON Schema allows where: the ground for near matches and for saying where a misplaced key belongs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

Schema = dict[str, Any]
_MOST_PARTS = 5000  # a recursive schema stops by itself; this guards against a hostile one


class Vocabulary:
    """The keys of a schema, by place."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema

    def keys_at(self, path: Sequence[str | int], value: Any, *, any_type: bool = False) -> tuple[str, ...]:
        """Return the keys allowed at a path of `value`, in the order of the schema.

        With `any_type` also those that hang on a condition which does not hold here (`type: local` and the like).
        """
        schemas, here = [self._root], value
        for step in path:
            schemas = [inner for schema in schemas for inner in self._step(schema, step, here, any_type)]
            here = _inside(here, step)
        keys = (key for schema in schemas for part in self._parts(schema, here, any_type) for key in _keys(part))
        return tuple(dict.fromkeys(keys))

    def places_of(self, key: str) -> tuple[str, ...]:
        """Return where a key may stand: `schema[].properties[]` …, the shortest first; empty text is the top level."""
        return self._places.get(key, ())

    def description(self, route: Sequence[str | int]) -> str:
        """Return what the schema at a route through it (`$defs`, `Duration`) says of itself, or empty text."""
        part: Any = self._root
        for step in route:
            part = part.get(step) if isinstance(part, dict) else part[step] if isinstance(step, int) else None
            if part is None:
                return ""
        return str(part.get("description", "")) if isinstance(part, dict) else ""

    @cached_property
    def every_key(self) -> tuple[str, ...]:
        """All keys of the schema."""
        return tuple(self._places)

    @cached_property
    def _places(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        queue: list[tuple[str, Schema]] = [("", self._root)]
        seen: set[int] = set()
        # Breadth first, each part of the schema once: its shortest place is the one to name.
        for place, schema in queue:
            for part in self._parts(schema, None, True):
                if id(part) in seen or len(seen) > _MOST_PARTS:
                    continue
                seen.add(id(part))
                for key, inner in part.get("properties", {}).items():
                    found.setdefault(key, {})[place] = None
                    queue.append((f"{place}.{key}" if place else key, inner))
                if isinstance(part.get("items"), dict):
                    queue.append((f"{place}[]", part["items"]))
        return {key: tuple(places) for key, places in found.items()}

    def _step(self, schema: Schema, step: str | int, value: Any, any_type: bool) -> Iterator[Schema]:
        for part in self._parts(schema, value, any_type):
            if isinstance(step, int):
                if isinstance(part.get("items"), dict):
                    yield part["items"]
            elif step in part.get("properties", {}):
                yield part["properties"][step]
            elif isinstance(part.get("additionalProperties"), dict):
                yield part["additionalProperties"]

    def _parts(self, schema: Schema, value: Any, any_type: bool) -> Iterator[Schema]:
        """Yield a schema and all schemas that apply with it."""
        yield schema
        if "$ref" in schema:
            yield from self._parts(self._resolved(schema["$ref"]), value, any_type)
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._parts(part, value, any_type)
        if "if" in schema:
            holds = any_type or _may_hold(schema["if"], value)
            for word in ("then",) if holds else ("else",):
                yield from self._parts(schema.get(word, {}), value, any_type)

    def _resolved(self, reference: str) -> Schema:
        target: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        resolved: Schema = target
        return resolved


def _keys(part: Schema) -> Iterator[str]:
    yield from part.get("properties", {})


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return value[step] if isinstance(value, list) and step < len(value) else None
    return value.get(step) if isinstance(value, dict) else None


def _may_hold(condition: Schema, value: Any) -> bool:
    """Judge the conditions that the standards use: a key that equals a constant, a key that is there."""
    if not isinstance(value, dict):
        return True
    if "anyOf" in condition:
        return any(_may_hold(part, value) for part in condition["anyOf"])
    if any(key not in value for key in condition.get("required", ())):
        return False
    # Unlike JSON Schema, a missing key fulfils no condition here: without `type: local` nothing of a local server fits.
    return all(
        key in value and value[key] == rule["const"]
        for key, rule in condition.get("properties", {}).items()
        if "const" in rule
    )
