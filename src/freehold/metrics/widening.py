"""Apache Ossie's form of a model in the words of the short form, so that there is one reader of both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from freehold.estate.document import Document, Step
from freehold.foundation import FreeholdError

VENDOR = "FREEHOLD"


def unread_extensions(document: Document, said: Any, path: tuple[Step, ...]) -> Iterator[FreeholdError]:
    """Find extensions of ours that hold no JSON object."""
    if isinstance(said, Mapping) and said.get("vendor_name") == VENDOR and path[-2:-1] == ("custom_extensions",):
        try:
            held = json.loads(str(said.get("data")))
        except ValueError:
            held = None
        if not isinstance(held, dict):
            yield FreeholdError(
                "FH-N415", f"The extension of {VENDOR} holds no JSON object.", where=document.where(*path, "data"),
                fix="Write it as `freehold export ossie` does, or leave the extension out.",
            )  # fmt: skip
    parts = said.items() if isinstance(said, Mapping) else enumerate(said) if isinstance(said, list) else ()
    for step, part in parts:
        if isinstance(part, Mapping | list):
            yield from unread_extensions(document, part, (*path, step))


def declares_rollups(document: Document) -> bool:
    """Whether a document declares any rollup; one of whose extensions cannot be read counts as declaring none."""
    said = document.value
    if any(unread_extensions(document, said, ())):
        return False
    parts = said.get("semantic_model", [said])
    return any(widened(part).get("rollups") for part in parts)


def widened(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of an Ossie file in the words of the short form; a part of the short form as it is.

    What our own extension holds comes up beside the standard's keys; `ai_context` gives its synonyms.
    """
    found = dict(said)
    spoken = said.get("expression")
    if isinstance(spoken, Mapping):
        found["expression"] = _in_ansi(spoken["dialects"])
    for extension in said.get("custom_extensions") or ():
        if extension.get("vendor_name") == VENDOR:
            _take_in(found, json.loads(extension["data"]))
    context = said.get("ai_context")
    if isinstance(context, Mapping) and "synonyms" in context:
        found.setdefault("synonyms", context["synonyms"])
    if isinstance(said.get("dimension"), Mapping) and "is_time" in said["dimension"]:
        found.setdefault("is_time", said["dimension"]["is_time"])
    return found


def _take_in(found: dict[str, Any], ours: Mapping[str, Any]) -> None:
    """Put what our extension holds beside the standard's keys, metrics that it could not say among them."""
    for key, value in ours.items():
        if key == "metrics" and isinstance(found.get("metrics"), list):
            found["metrics"] = [*found["metrics"], *({"name": name, **said} for name, said in value.items())]
        else:
            found[key] = value


def _in_ansi(dialects: list[Mapping[str, str]]) -> str:
    return next((d["expression"] for d in dialects if d["dialect"] == "ANSI_SQL"), dialects[0]["expression"])


def opened(key: str, said: Any) -> Mapping[str, Any]:
    """Return an entry as a mapping: a bare text is the source of a dataset, the expression of anything else."""
    if isinstance(said, Mapping):
        return widened(said)
    if said is None:
        return {}
    return {"source" if key == "datasets" else "expression": str(said)}


def target_of(said: Mapping[str, Any]) -> str:
    """Return the dataset that a relationship leads to, in either form."""
    return _end(said, "to")[0]


def ends_of(said: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]]:
    """Return both ends of a relationship, in either form: the dataset and its fields."""
    return _end(said, "from"), _end(said, "to")


def _end(said: Mapping[str, Any], end: str) -> tuple[str, tuple[str, ...]]:
    """Return the dataset and the fields at one end of a relationship, in either form."""
    named = said[end]
    if f"{end}_columns" in said:
        return str(named), tuple(said[f"{end}_columns"])
    each = [named] if isinstance(named, str) else list(named)
    return each[0].rpartition(".")[0], tuple(one.rpartition(".")[2] for one in each)
