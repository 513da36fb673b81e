"""An estate's own workflow `incident`: what would keep alerts from opening one is found before any does."""

from __future__ import annotations

from pathlib import Path

import pytest
from troubled import troubled_estate

from freehold.estate import load_estate
from freehold.estate.schemas import SHIPPED
from freehold.reliability.incidents import incident_findings

_OWN = (SHIPPED.parent / "workflows" / "incident.yaml").read_text(encoding="utf-8")
_FIELD = "    because: text\n"
_MEND = "mend: {to: resolved, by: [system], needs: [verified_by]"


def _told(root: Path, text: str) -> list[tuple[str, str]]:
    """Return what is found of an estate that declares the workflow, each with its place as `line:column`."""
    troubled_estate(root)
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows/incident.yaml").write_text(text, encoding="utf-8")
    found = incident_findings(load_estate(root))
    assert all(one.code == "FH-E395" and one.fix for one in found)
    return [(one.problem, str(one.where).partition("incident.yaml:")[2]) for one in found]


def test_the_workflow_that_comes_with_freehold_fits(tmp_path: Path) -> None:
    """A copy of it is sound, with fields of its own that nobody has to fill."""
    assert _told(tmp_path, _OWN) == []
    assert _told(tmp_path, _OWN.replace(_FIELD, f"{_FIELD}    room: text\n")) == []


@pytest.mark.parametrize(
    ("before", "after", "problem", "marked"),
    [
        (_FIELD, f"{_FIELD}    room: text!\n", "it needs `room`", "room:"),
        ("    product: product\n", "    product: product!\n", "it needs `product`", "product:"),
        (_MEND, _MEND.replace("verified_by", "verified_by, because"), "`mend` needs `because`", "because]"),
        ("kind: data|ai|platform|privacy!", "kind: ai|platform!", "`kind` of an incident 'data'", "kind: ai"),
        ("assets: asset*", "assets: asset", "`assets` of an incident ['sales.orders.lines']", "assets: asset"),
        ("    sev: 1|2|3|4!\n", "    severity: number\n", "its `sev`", ""),
    ],
    ids=["a required field", "a required product", "a need of mend", "other choices", "one value", "a lost field"],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_place(
    tmp_path: Path, before: str, after: str, problem: str, marked: str
) -> None:
    """Each is told once for each place, where the file says it."""
    assert before in _OWN
    text = _OWN.replace(before, after)

    found = _told(tmp_path, text)

    assert found
    assert all(problem in said for said, _ in found)
    lines = {n for n, line in enumerate(text.splitlines(), 1) if marked and marked in line}
    if marked:
        assert {int(place.split(":")[0]) for _, place in found} <= lines
