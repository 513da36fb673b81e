"""From a validator's complaints to errors a person can mend: the place in the file, the word meant, the key's home."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from freehold.estate.contracts import OPERATORS
from freehold.estate.document import Document, ScalarNode
from freehold.estate.schemas import json_schema, validator
from freehold.estate.vocabulary import Vocabulary
from freehold.foundation import FreeholdError, near
from freehold.foundation.secrets import names_a_secret

Path = tuple[str | int, ...]

_LIMITS = {
    "minimum": "is below {limit}", "maximum": "is above {limit}", "exclusiveMinimum": "is not above {limit}",
    "exclusiveMaximum": "is not below {limit}", "minLength": "is shorter than {limit}",
    "maxLength": "is longer than {limit}", "minItems": "has fewer than {limit} entries",
    "maxItems": "has more than {limit} entries", "minProperties": "has fewer than {limit} entries",
    "multipleOf": "is no multiple of {limit}",
}  # fmt: skip
_A = {
    "string": "text", "number": "a number", "integer": "a whole number", "boolean": "true or false", "null": "nothing",
    "array": "a list", "object": "a mapping",
}  # fmt: skip
_NAMES = {
    "^[a-z][a-z0-9_]*$": "Write small letters, digits and underscores, a letter first.",
    "^[A-Za-z_][A-Za-z0-9_]*$": "Write letters, digits and underscores, no digit first.",
}
_UNKNOWN = ("additionalProperties", "unevaluatedProperties")


def schema_errors(document: Document, kind: str) -> list[FreeholdError]:
    """Return what the schema of a kind finds wrong with a document; empty when it conforms."""
    if validator(kind).is_valid(document.value):
        return []
    complaints = list(validator(kind).iter_errors(document.value))
    return _Explainer(document, _vocabulary(kind)).explained(complaints)


def value_errors(
    document: Document, at: Path, complaints: Sequence[Any], schema: dict[str, Any]
) -> list[FreeholdError]:
    """Return the errors for complaints about the part of a document at a path, judged by a schema of its own."""
    return _Explainer(document, Vocabulary(schema), at).explained(complaints)


@cache
def _vocabulary(kind: str) -> Vocabulary:
    return Vocabulary(json_schema(kind))


class _Explainer:
    """Explains the complaints about one document; `base` is where the judged part starts in it."""

    def __init__(self, document: Document, vocabulary: Vocabulary, base: Path = ()) -> None:
        self._document = document
        self._vocabulary = vocabulary
        self._base = base
        self._value = _at(document.value, base)

    def explained(self, complaints: Sequence[Any]) -> list[FreeholdError]:
        found: dict[tuple[Any, ...], FreeholdError] = {}
        flat = [inner for complaint in complaints for inner in self._narrowed(complaint)]
        flat = [complaint for complaint in flat if not self._is_a_quirk(complaint)]
        for complaint in flat:
            for error in self._errors(complaint, flat):
                found.setdefault((error.code, error.where, error.problem), error)
        if flat and not found:  # all echoes of each other: then the first one is told, as it came
            found[()] = self._error("FH-V106", self._path(flat[0]), "This is not as the schema wants it.", "Mend it.")
        return list(found.values())

    def _errors(self, complaint: Any, others: Sequence[Any]) -> Iterator[FreeholdError]:
        kind, path = complaint.kind.name, self._path(complaint)
        if kind in _UNKNOWN:
            for key in complaint.kind.unexpected:
                yield from self._unknown_key(path, key, complaint, others)
        elif kind == "required":
            yield self._missing_key(path, complaint.kind.property)
        elif "DataQualityOperators" in complaint.schema_path and kind == "oneOf":
            yield from self._operators(path)
        elif kind in ("oneOf", "anyOf"):
            yield self._no_form(path, complaint)
        else:
            yield self._wrong_value(path, complaint, kind)

    def _unknown_key(self, path: Path, key: str, complaint: Any, others: Sequence[Any]) -> Iterator[FreeholdError]:
        here = self._vocabulary.keys_at(path, self._value)
        if key in here:
            # A fault inside makes the validator forget that it knows the key; the fault itself is told anyway.
            if any(o is not complaint and o.kind.name not in _UNKNOWN and _starts(o, path) for o in others):
                return
            fix = "Write it as the standard has it."
        elif key in self._vocabulary.keys_at(path, self._value, any_type=True):
            said = _at(self._value, path)
            if path[-1:] == ("logicalTypeOptions",):
                said = _at(self._value, path[:-1])
            on = next((w for w in ("logicalType", "type") if isinstance(said, dict) and w in said), None)
            wanted = "logicalType" if path[-1:] == ("logicalTypeOptions",) else "type"
            fix = f"It does not go with `{on}: {said[on]}`." if on else f"It needs a `{wanted}` to go with."
        else:
            fix = self._home_of(key, here)
        yield self._error("FH-V101", (*path, key), f"`{key}` is no key of {self._named(path)}.", fix, at_key=True)

    def _home_of(self, key: str, here: Sequence[str]) -> str:
        by_case = next((known for known in here if known.lower() == key.lower()), None)
        if by_case:
            return f"Did you mean `{by_case}`?"
        places = self._vocabulary.places_of(key)[:3]
        if places:
            return f"`{key}` belongs " + " or ".join("at the top level" if not p else f"in `{p}`" for p in places) + "."
        meant = near(key, here, most=2)
        if meant:
            return meant
        elsewhere = near(key, self._vocabulary.every_key, most=1)
        if not elsewhere and " " in key:  # words that a comma has cut off their sentence: {description: This, and that}
            return f"If `{key}` is part of a text, put that in quotes: between braces a comma ends it."
        return elsewhere or f"Known here: {_listed(here)}."

    def _missing_key(self, path: Path, key: str) -> FreeholdError:
        said = _at(self._value, path)
        known = self._vocabulary.keys_at(path, self._value)
        close = near(key, [k for k in said if k not in known], most=1) if isinstance(said, dict) else ""
        fix = f"Add `{key}:`." + (f" ({close.replace('Did you mean', 'Is it')})" if close else "")
        return self._error("FH-V102", path, f"{_capital(self._named(path))} has no `{key}`.", fix)

    def _wrong_value(self, path: Path, complaint: Any, kind: str) -> FreeholdError:
        said = self._shown(path)
        if kind == "type":
            wanted = " or ".join(_A.get(t, t) for t in complaint.kind.types)
            written = None if self._is_secret(path) else self._written(path)
            fix = _type_fix(self._at(path), written, complaint, wanted)
            return self._error("FH-V103", path, f"{said} must be {wanted}.", fix)
        if kind in ("enum", "constant", "const"):
            return self._not_allowed(path, said, complaint)
        if kind == "pattern":
            return self._error("FH-V105", path, f"{said} has the wrong form.", self._form(complaint))
        if kind == "format":
            return self._error("FH-V105", path, f"{said} is no day of any calendar.", self._form(complaint))
        if kind == "propertyNames":
            return self._wrong_name(path, complaint)
        limit = complaint.kind.as_dict().get("limit")
        text = _LIMITS.get(kind)
        if text and limit is not None:
            return self._error("FH-V105", path, f"{said} {text.format(limit=limit)}.", _within(kind, limit))
        return self._error("FH-V106", path, f"{said} is not as the schema wants it ({kind}).", "Mend the value.")

    def _wrong_name(self, path: Path, complaint: Any) -> FreeholdError:
        inner = complaint.kind.error
        key, pattern = str(inner.instance), inner.kind.as_dict().get("pattern", "")
        described = self._vocabulary.description(complaint.schema_path[:-1])
        fix = described or _NAMES.get(pattern) or (f"It must match {pattern}." if pattern else "Give it a shorter one.")
        problem = f"`{key}` is no name for what stands in {self._named(path)}."
        return self._error("FH-V105", (*path, key), problem, fix, at_key=True)

    def _not_allowed(self, path: Path, said: str, complaint: Any) -> FreeholdError:
        options = complaint.kind.as_dict().get("options") or [complaint.kind.as_dict().get("expected_value")]
        if isinstance(options, str):
            options = json.loads(options)
        words = [str(option) for option in options]
        value = self._at(path)
        meant = near(str(value), words, most=2) if isinstance(value, str) else ""
        by_case = [w for w in words if isinstance(value, str) and w.lower() == value.lower()]
        fix = f"Did you mean `{by_case[0]}`?" if by_case else meant or f"Use one of: {_listed(words)}."
        return self._error("FH-V104", path, f"{said} is not one of the allowed values.", fix)

    def _form(self, complaint: Any) -> str:
        described = self._vocabulary.description(complaint.schema_path[:-1])
        return described or f"It must match {complaint.kind.as_dict().get('pattern', 'the pattern')}."

    def _no_form(self, path: Path, complaint: Any) -> FreeholdError:
        if "RelationshipBase" in complaint.schema_path:
            return self._error("FH-V105", path, f"{self._shown(path)} refers to no column.", "Write `object.column`.")
        if "RelationshipSchemaLevel" in complaint.schema_path:
            problem = f"In {self._named(path)}, `from` and `to` are not alike."
            return self._error(
                "FH-V106", path, problem, "Write one column on both sides, or a list of columns on both."
            )
        wanted = []
        for branch in complaint.kind.context:
            for inner in branch:
                if inner.kind.name == "type":
                    wanted += [_A.get(t, t) for t in inner.kind.types]
        text = f"must be {' or '.join(dict.fromkeys(wanted))}" if wanted else "fits none of the forms it may have"
        return self._error("FH-V106", path, f"{self._shown(path)} {text}.", "Compare it with the standard's examples.")

    def _operators(self, path: Path) -> Iterator[FreeholdError]:
        rule = self._at(path)
        if not isinstance(rule, dict):  # its type is told
            return
        said = [name for name in OPERATORS if name in rule]
        if len(said) > 1:
            words = " and ".join(f"`{w}`" for w in said)
            problem = f"A check judges by one operator, not by {words}."
            yield self._error("FH-V106", (*path, said[-1]), problem, "Write a check for each.", at_key=True)
        elif not any(near(key, OPERATORS, most=1) for key in rule):  # a misspelt one is told as an unknown key
            problem = f"{_capital(self._named(path))} has no operator to be judged by."
            yield self._error("FH-V106", path, problem, f"Add one of: {', '.join(OPERATORS)}.")

    def _narrowed(self, complaint: Any) -> Iterator[Any]:
        """Replace `fits no branch` by what is wrong with the one branch that was clearly meant."""
        if complaint.kind.name not in ("oneOf", "anyOf") or not hasattr(complaint.kind, "context"):
            yield complaint
            return
        branches = [list(branch) for branch in complaint.kind.context]
        own = len(complaint.instance_path)
        meant = [b for b in branches if b and not any(_misfits(e, own) for e in b)]
        if len(meant) == 1 and all(branches):
            for inner in meant[0]:
                yield from self._narrowed(inner)
        else:
            yield complaint

    def _is_a_quirk(self, complaint: Any) -> bool:
        """Whether the standard's schema complains by accident.

        Its `if logicalType is map, then …` holds also where no logicalType is written, though the key is optional.
        """
        route = complaint.schema_path
        if "SchemaBaseProperty" not in route or "then" not in route:
            return False
        said = self._at(self._path(complaint))
        return complaint.kind.name == "required" and isinstance(said, dict) and "logicalType" not in said

    def _error(self, code: str, path: Path, problem: str, fix: str, *, at_key: bool = False) -> FreeholdError:
        place = self._document.where_key if at_key else self._document.where
        return FreeholdError(code, problem, where=place(*self._base, *path), fix=fix)

    def _path(self, complaint: Any) -> Path:
        return tuple(complaint.instance_path)

    def _at(self, path: Path) -> Any:
        return _at(self._value, path)

    def _named(self, path: Path) -> str:
        """Return a path as a reader says it: `schema[lines].properties[sku]`."""
        path = (*self._base, *path)
        if not path:
            return "the top level"
        text, here = "", self._document.value
        for step in path:
            here = _at(here, (step,))
            if isinstance(step, int):
                name = (
                    next((here[k] for k in ("name", "server", "property") if k in here), step)
                    if (isinstance(here, dict))
                    else step
                )
                text += f"[{name}]"
            else:
                text += f".{step}" if text else step
        return f"`{text}`"

    def _shown(self, path: Path) -> str:
        """Return the value at a path, quoted and cut short; a secret is not repeated."""
        key = self._key(path)
        if self._is_secret(path):
            return f"The value of `{key}`"
        text = self._written(path)
        shown = text if len(text) <= 60 else text[:57] + "…"
        return f"`{key}: {shown}`" if key else f"`{shown}`"

    def _key(self, path: Path) -> str:
        """Return the key nearest to a path."""
        return next((step for step in reversed((*self._base, *path)) if isinstance(step, str)), "")

    def _is_secret(self, path: Path) -> bool:
        return names_a_secret(self._key(path))

    def _written(self, path: Path) -> str:
        """Return the value at a path as its file has it: a number that begins with zeros keeps them."""
        node = self._document.node(*self._base, *path)
        if isinstance(node, ScalarNode) and node.text:
            return node.text
        return json.dumps(self._at(path), ensure_ascii=False, default=str)


def _misfits(complaint: Any, own: int) -> bool:
    """Whether a complaint says that the branch was not meant at all: another type, or its key is not there."""
    return complaint.kind.name in ("type", "required") and len(complaint.instance_path) <= own


def _starts(complaint: Any, path: Path) -> bool:
    return tuple(complaint.instance_path[: len(path)]) == path


def _at(value: Any, path: Path) -> Any:
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _type_fix(value: Any, written: str | None, complaint: Any, wanted: str) -> str:
    types = complaint.kind.types
    if types == ["string"] and isinstance(value, int | float | bool):
        return "Put it in quotes." if written is None else f'Put it in quotes: "{written}".'
    if types == ["boolean"] and isinstance(value, str) and value.lower() in ("yes", "no", "on", "off"):
        return f"YAML 1.2 knows true and false; write {'true' if value.lower() in ('yes', 'on') else 'false'}."
    if types == ["array"] and not isinstance(value, list):
        return "Write it as a list: `[…]`, or lines that start with `- `."
    return f"Write {wanted}."


def _within(kind: str, limit: Any) -> str:
    if kind.startswith("exclusive"):
        return f"Write {'more' if kind == 'exclusiveMinimum' else 'less'} than {limit}."
    words = {"min": "at least", "max": "at most"}
    return f"Keep to {words.get(kind[:3], 'multiples of')} {limit}."


def _listed(words: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(words[:most])
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
