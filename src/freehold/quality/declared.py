"""Checks from what a schema object declares about its columns: presence, types, keys, domains, references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from freehold.estate.model import Property, Relationship
from freehold.foundation import Where
from freehold.quality.drafting import Drafts, named

_INTEGER_BITS = {f"{sign}{bits}": (sign, bits) for sign in "iu" for bits in (8, 16, 32, 64, 128)}
_PRESENTATION_ONLY = {"password", "binary", "f32", "f64"}
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def draft_declared(drafts: Drafts) -> None:
    """Add every check that follows from the declaration alone."""
    _draft_schema(drafts)
    _draft_types(drafts)
    for prop in drafts.schema.columns:
        _draft_property(drafts, prop)
    _draft_key(drafts)
    for relationship in drafts.schema.relationships:
        _draft_reference(drafts, relationship)


def _draft_schema(drafts: Drafts) -> None:
    schema = drafts.schema
    columns = tuple(p.column for p in schema.columns)
    if not columns:
        return
    drafts.add(
        "schema",
        f"has the {len(columns)} columns of its contract",
        schema.where,
        arguments={"columns": columns},
    )
    said = str(schema.custom.get("freehold:extra_columns", "warn")).lower()
    if said != "allow":
        drafts.add(
            "schema",
            "has no column that the contract does not name",
            schema.where,
            severity="error" if said == "forbid" else "warning",
            arguments={"columns": columns, "closed": True},
        )


def _draft_types(drafts: Drafts) -> None:
    """Add one check of all columns' types, and one more for each column whose settings set it apart."""
    typed = [p for p in drafts.schema.columns if p.logical_type or p.physical_type]
    together = [p for p in typed if "freehold:blocking" not in p.custom]
    if len(together) > 1:
        claim = f"has its {len(together)} columns in the types of its contract"
        drafts.add("type", claim, drafts.schema.where, arguments={"types": _types(together)})
    for prop in typed if len(together) == 1 else [p for p in typed if p not in together]:
        wanted = " stored as ".join(t for t in (prop.logical_type, prop.physical_type) if t)
        types = _types([prop])
        drafts.add(
            *("type", f"{named(prop)} is a {wanted}", prop.where),
            columns=(prop.column,),
            on=prop.name,
            custom=prop.custom,
            arguments={"types": types},
        )


def _types(props: list[Property]) -> dict[str, tuple[str | None, str | None]]:
    """Return the logical and the physical type that each column is to have."""
    return {p.column: (p.logical_type, p.physical_type) for p in props}


def _draft_property(drafts: Drafts, prop: Property) -> None:
    column, where = prop.column, prop.where

    def add(kind: str, claim: str, **arguments: Any) -> None:
        drafts.add(
            kind,
            claim,
            where,
            columns=(column,),
            on=prop.name,
            custom=prop.custom,
            arguments=arguments,
        )

    if prop.required or prop.primary_key:
        add("not_null", f"{named(prop)} is never empty")
    if prop.unique and drafts.schema.key != (column,):
        add("unique", f"{named(prop)} is unique", columns=(column,))
    if prop.enum:
        add("in_set", f"{named(prop)} is one of {_listed(prop.enum)}", values=list(prop.enum))
    _draft_options(prop, prop.options, add)
    for relationship in prop.relationships:
        _draft_reference(drafts, relationship, prop)


def _draft_options(prop: Property, options: Mapping[str, Any], add: Any) -> None:
    bounds = {name: options[name] for name in _BOUNDS if options.get(name) is not None}
    if bounds:
        said = " and ".join(f"{_SIGNS[name]} {value}" for name, value in bounds.items())
        add("range", f"{named(prop)} is {said}", **bounds)
    if options.get("multipleOf") is not None:
        add("multiple", f"{named(prop)} is a multiple of {options['multipleOf']}", of=options["multipleOf"])
    _draft_sizes(prop, options, add)
    if options.get("pattern") is not None:
        add("pattern", f"{named(prop)} matches {options['pattern']}", pattern=options["pattern"])
    if options.get("format") is not None:
        _draft_format(prop, str(options["format"]), add)


def _draft_sizes(prop: Property, options: Mapping[str, Any], add: Any) -> None:
    for kind, low, high, thing in (
        ("length", "minLength", "maxLength", "characters"),
        ("items", "minItems", "maxItems", "items"),
    ):
        limits = {"minimum": options.get(low), "maximum": options.get(high)}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if given and given != {"minimum": 0}:
            add(kind, f"{named(prop)} has {_span(limits)} {thing}", **given)
    if options.get("dimensions") is not None:
        size = options["dimensions"]
        add("items", f"{named(prop)} has {size} dimensions", minimum=size, maximum=size)
    if options.get("uniqueItems"):
        add("items", f"{named(prop)} repeats no item", unique=True)


def _draft_format(prop: Property, wanted: str, add: Any) -> None:
    if prop.logical_type == "integer" and wanted in _INTEGER_BITS:
        sign, bits = _INTEGER_BITS[wanted]
        low, high = (0, 2**bits - 1) if sign == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        add("range", f"{named(prop)} fits {wanted}", minimum=low, maximum=high)
    elif wanted not in _PRESENTATION_ONLY:
        add("format", f"{named(prop)} is written as {wanted}", format=wanted, logical=prop.logical_type)


def _draft_key(drafts: Drafts) -> None:
    key = drafts.schema.key
    if not key:
        return
    keyed = [p for p in drafts.schema.properties if p.primary_key]
    claim = f"{' and '.join(f'`{c}`' for c in key)} {'is' if len(key) == 1 else 'are together'} unique"
    drafts.add(
        "unique",
        claim,
        keyed[0].where,
        columns=key,
        on=keyed[0].name if len(key) == 1 else None,
        custom=keyed[0].custom if len(key) == 1 else drafts.schema.custom,
        arguments={"columns": key, "primary": True},
    )


def _draft_reference(drafts: Drafts, relationship: Relationship, prop: Property | None = None) -> None:
    columns = tuple(drafts.column_of(c) for c in relationship.from_columns)
    there = drafts.contract.object_named(relationship.to_object)
    stored = {p.name: p.column for p in there.columns} if there else {}
    target = tuple(stored.get(c, c) for c in relationship.to_columns)
    drafts.add(
        "reference",
        f"{_quoted(columns)} exists in {relationship.to_object}.{', '.join(relationship.to_columns)}",
        relationship.where if relationship.where != Where("") else (prop.where if prop else drafts.schema.where),
        columns=columns,
        on=prop.name if prop else None,
        custom={**(prop.custom if prop else {}), **relationship.custom},
        arguments={
            "object": relationship.to_object,
            "asset": drafts.resolve(relationship.to_object, drafts.contract),
            "columns": target,
        },
    )


def _quoted(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{c}`" for c in columns)


def _listed(values: tuple[Any, ...], most: int = 6) -> str:
    shown = ", ".join(str(v) for v in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


def _span(limits: Mapping[str, Any]) -> str:
    low, high = limits["minimum"], limits["maximum"]
    if low == high:
        return f"exactly {low}"
    if high is None:
        return f"at least {low}"
    return f"at most {high}" if low in (None, 0) else f"{low} to {high}"
