"""docs/reference/files.md says every key of ours as the schemas have it, and its files make an estate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freehold.estate import KINDS, json_schema, load_estate
from freehold.estate.schemas import custom_properties

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "files.md"
BLOCK = re.compile(r"^```(?:yaml|sql|markdown)\n(?:#|--|<!--) (?P<path>[\w./-]+)[^\n]*\n(?P<text>.*?)^```", re.M | re.S)
OURS = (
    *(
        "SemanticModel",
        "Estate",
        "Team",
        "ServiceAccount",
        "Subscription",
        "Hook",
        "Tracker",
        "Channel",
        "Calendar",
        "Decision",
        "Objective",
        "RuleSet",
        "Waiver",
        "Assessment",
        "Workflow",
    ),
    "KPI",
    "Document",
    "SLO",
)


def rows(schema: dict[str, Any], root: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield a table row for each key of a schema that has a description, in order."""
    if "$ref" in schema:
        schema = {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    if schema.get("description") and path:
        yield f"| `{path}` | {schema['description']} |"
    for key, inner in schema.get("properties", {}).items():
        yield from rows(inner, root, f"{path}.{key}" if path else key)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from rows(schema["additionalProperties"], root, f"{path}.<name>")
    if isinstance(schema.get("items"), dict):
        yield from rows({k: v for k, v in schema["items"].items() if k != "description"}, root, f"{path}[]")


@pytest.mark.parametrize("kind", OURS)
def test_every_key_of_our_kinds_is_on_the_page(kind: str) -> None:
    """The tables of the page say what the schemas say, key by key."""
    page = PAGE.read_text(encoding="utf-8")
    schema = json_schema(kind)
    if "Short" in schema["$defs"]:
        schema = {**schema["$defs"]["Short"], "$defs": schema["$defs"]}
    if "spec" in schema["properties"]:
        schema = {**schema["properties"]["spec"], "$defs": schema["$defs"]}

    missing = [row for row in rows(schema, schema) if row not in page]

    assert missing == []


def test_every_custom_property_is_on_the_page() -> None:
    """The table of each place holds each name under `freehold:`."""
    page = PAGE.read_text(encoding="utf-8")

    missing = [
        row
        for place, names in custom_properties().items()
        for name, schema in names.items()
        if (row := f"| {place} | `freehold:{name}` | {schema['description']} |") not in page
    ]

    assert missing == []


def test_every_kind_is_on_the_page() -> None:
    """Each kind has its words and a file that shows it."""
    page = PAGE.read_text(encoding="utf-8")
    shown = "".join(match["text"] for match in BLOCK.finditer(page))

    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []
    assert [k for k in KINDS if k not in ("Decision", "SemanticModel") and f"kind: {k}\n" not in shown] == []


def test_the_files_of_the_page_make_an_estate(tmp_path: Path) -> None:
    """All files shown, put where their first lines say, are one sound estate of every kind."""
    for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        place = tmp_path / match["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(match["text"], encoding="utf-8")

    estate = load_estate(tmp_path)

    assert estate.findings == ()
    assert sorted({kind for kind, _ in estate.resources}) == [
        "AIUseCase", "Alerting", "Assessment", "Brief", "Channel", "DataPolicy", "Decision", "Document", "Hook", "KPI",
        "Objective", "RuleSet", "SLO", "ServiceAccount", "Subscription", "Tracker", "Waiver", "Workflow",
    ]  # fmt: skip
    assert (len(estate.products), len(estate.contracts), len(estate.teams), len(estate.calendars)) == (1, 2, 1, 1)
