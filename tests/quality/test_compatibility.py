"""What a changed contract means, by the frozen table; what version it takes; where it is said."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from freehold.estate.model import Contract
from freehold.quality.compatibility import RULINGS, Bump, Judgement, compare, required_version, version_finding

TABLE: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "compatibility.yaml").read_text(encoding="utf-8")
)
ROWS = [pytest.param(row, id=row["case"]) for row in TABLE]
# These need a whole contract on one side only, which a row cannot say.
_OF_WHOLE_CONTRACTS = {"contract_added", "contract_removed", "retired_contract_removed"}


def _pair(row: dict[str, Any], beside: ModuleType) -> tuple[Contract, Contract]:
    server = row.get("server")
    before, after = (beside.contract_of(row["at"], row[side], server) for side in ("before", "after"))
    return before, after


@pytest.mark.parametrize("row", ROWS)
def test_a_change_is_judged_as_the_table_says(row: dict[str, Any], contracts_beside: ModuleType) -> None:
    """Each row of the frozen table gives its findings, both verdicts, the bump and the reason, and no other finding."""
    found = compare(*_pair(row, contracts_beside))

    assert row["expect"] == [
        {
            "change": f.change, "consumer": str(f.consumer), "producer": str(f.producer), "bump": str(f.bump),
            "subject": f.subject, "reason": f.reason,
        }
        for f in found
    ]  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_what_only_takes_away_promises_is_safe_the_other_way_round(
    row: dict[str, Any], contracts_beside: ModuleType
) -> None:
    """A change that breaks consumers and not producers breaks no consumer when it is taken back."""
    before, after = _pair(row, contracts_beside)
    sides = {(f.consumer, f.producer) for f in compare(before, after) if not f.change.endswith("undecided")}
    if sides != {(Judgement.BREAKING, Judgement.SAFE)}:
        return

    assert not any(f.is_breaking for f in compare(after, before))


@pytest.mark.parametrize("row", ROWS)
def test_a_contract_is_compatible_with_itself(row: dict[str, Any], contracts_beside: ModuleType) -> None:
    """A contract compared with itself gives no finding."""
    for contract in _pair(row, contracts_beside):
        assert compare(contract, contract) == ()


def test_the_table_leaves_no_ruling_out() -> None:
    """Every ruling stands in the frozen table, so that none can change unseen."""
    judged = {finding["change"] for row in TABLE for finding in row["expect"]}

    assert set(RULINGS) - _OF_WHOLE_CONTRACTS == judged
    assert len(TABLE) >= 120


@pytest.mark.parametrize(
    ("status", "change", "bump"),
    [("active", "contract_removed", Bump.MAJOR), ("retired", "retired_contract_removed", Bump.NONE)],
)
def test_a_contract_that_is_gone(status: str, change: str, bump: Bump, contracts_beside: ModuleType) -> None:
    """A contract in force that goes breaks its consumers; a retired one has none."""
    (finding,) = compare(contracts_beside.contract_of("contract", {"status": status}), None)

    assert (finding.change, finding.bump) == (change, bump)


def test_a_new_contract_breaks_nobody(contracts_beside: ModuleType) -> None:
    """A contract that was not there before is additive, and nothing against nothing is nothing."""
    (finding,) = compare(None, contracts_beside.contract_of("contract", {}))

    assert (finding.change, finding.verdict) == ("contract_added", Judgement.ADDITIVE)
    assert compare(None, None) == ()


def test_a_finding_names_its_place(contracts_beside: ModuleType) -> None:
    """A finding points to the new file; to the old one for what is gone."""
    columns = [{"name": "id", "logicalType": "integer"}, {"name": "email", "logicalType": "string"}]
    before = contracts_beside.contract_of("columns", columns)
    after = contracts_beside.contract_of("columns", [{"name": "id", "logicalType": "string"}])

    gone, changed = sorted(compare(before, after), key=lambda f: f.change)

    assert gone.where == before.objects[0].properties[1].where
    assert changed.where == after.objects[0].properties[0].where
    assert changed.where.line > 1
    assert changed.to_json()["where"] == str(changed.where)


@pytest.mark.parametrize(
    ("before", "bump", "wanted"),
    [
        ("1.2.3", "none", "1.2.3"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("v1.2.3", "major", "v2.0.0"),
        ("1", "major", "2"),
        ("1", "minor", "1.1"),
        ("1.2", "patch", "1.2.1"),
        ("1.2", "minor", "1.3"),
        ("0.3.1", "major", "0.4.0"),
        ("0.3.1", "minor", "0.3.2"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("2.1.0-rc.1", "major", "3.0.0"),
        ("2.1.0-rc.1", "minor", "2.1.0"),
        ("1.2.3+build5", "minor", "1.3.0"),
    ],
)
def test_the_lowest_version_that_is_enough(before: str, bump: str, wanted: str, contracts_beside: ModuleType) -> None:
    """The required version raises the right part and keeps the spelling of the one before."""
    assert required_version(before, _findings(bump, contracts_beside)) == wanted


def _findings(bump: str, beside: ModuleType) -> tuple[Any, ...]:
    row = next((r for r in TABLE if [f["bump"] for f in r["expect"]] == [bump]), None)
    assert row
    return compare(*_pair(row, beside))


@pytest.mark.parametrize(
    ("before", "after", "case", "code", "said"),
    [
        pytest.param("1.2.0", "2.0.0", "A column is removed", None, "", id="a major change with a major version"),
        pytest.param("1.2.0", "3.1.0", "A column is removed", None, "", id="more than is needed"),
        pytest.param("1.2.0", "2.0.0-rc.1", "A column is removed", None, "", id="a pre-release of what is needed"),
        pytest.param("1.2.0", "1.3.0", "A column is removed", "FH-V501", "2.0.0", id="a major change with a minor one"),
        pytest.param("1.2.0", "1.2.0", "A column is removed", "FH-V501", "2.0.0", id="a major change with none"),
        pytest.param("1", "1", "A column is removed", "FH-V501", "version: 2`", id="a short version"),
        pytest.param(
            "1.2.0", "1.2.0", "An optional column is added", "FH-V501", "1.3.0", id="a minor change with none"
        ),
        pytest.param("1.2.0", "1.2.0", "A description changes", None, "", id="wording needs no version"),
        pytest.param("1.2.0", "1.1.0", "Nothing changes", "FH-V503", "back", id="a version that goes back"),
        pytest.param("2.0.0", "2.0.0-rc.1", "Nothing changes", "FH-V503", "back", id="a release that becomes early"),
        pytest.param("2024-01", "2024-02", "A column is removed", "FH-V502", "2024-01", id="no semantic version"),
        pytest.param("2024-01", "2024-01", "A description changes", None, "", id="no semantic version, no promise"),
        pytest.param("1.0.0", "01.0.0", "A column is removed", "FH-V502", "01.0.0", id="a leading zero"),
        pytest.param("0.9.0", "0.10.0", "A column is removed", None, "", id="before 1.0.0 a minor one is enough"),
    ],
)
def test_a_version_is_enough_or_says_what_would_be(
    before: str, after: str, case: str, code: str | None, said: str, contracts_beside: ModuleType
) -> None:
    """A version too low for its changes is refused at its own place, with the one to write."""
    row = next(r for r in TABLE if r["case"] == case)
    old, new = (
        contracts_beside.contract_of(row["at"], row[side], version=version)
        for side, version in (("before", before), ("after", after))
    )

    error = version_finding(old, new)

    assert (error.code if error else None) == code
    if error:
        assert error.where == new.version_where
        assert said in str(error)


def test_a_contract_that_comes_or_goes_has_no_version_to_raise(contracts_beside: ModuleType) -> None:
    """Without a version before or after there is nothing to compare."""
    contract = contracts_beside.contract_of("contract", {})

    assert version_finding(None, contract) is None
    assert version_finding(contract, None) is None
