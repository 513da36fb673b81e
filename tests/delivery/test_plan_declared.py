"""What a plan says of files that build no data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from shop import MODELS, shop

from freehold.delivery.plan import Plan, Version, plan
from freehold.delivery.plan.markdown import comment, headline

WAS = {"Team:people": "a", "Channel:desk": "a", "DataProduct:shop.orders": "a", "Model:shop.orders.lines": "a"}


def _planned(tmp_path: Path, now: dict[str, str], models: dict[str, str] | None = None) -> Plan:
    before = Version(replace(shop(tmp_path), hashes=WAS), "before", is_deployed=True)
    return plan(replace(shop(tmp_path, {**MODELS, **(models or {})}), hashes=now), before, "prod", "duckdb")


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        pytest.param({}, [], id="as it was"),
        pytest.param({"DataPolicy:masked": "a"}, ["DataPolicy `masked` is new"], id="new"),
        pytest.param({"Channel:desk": "b"}, ["Channel `desk` changes"], id="changed"),
        pytest.param({"Channel:desk": ""}, ["Channel `desk` goes"], id="gone"),
        pytest.param({"Model:shop.orders.lines": "b"}, [], id="an asset's, told among assets"),
        pytest.param({"SemanticModel:shop": "b"}, ["SemanticModel `shop` is new"], id="a model without metrics"),
        pytest.param(
            {"Team:people": "b", "Brief:monday": "a"}, ["Brief `monday` is new", "Team `people` changes"], id="several"
        ),
    ],
)
def test_what_builds_no_data_is_named(tmp_path: Path, change: dict[str, str], wanted: list[str]) -> None:
    """What came, what says something else and what went, by kind and id; not what assets tell of."""
    found = _planned(tmp_path, {name: said for name, said in {**WAS, **change}.items() if said})

    assert [str(one) for one in found.declared] == wanted
    assert found.changes == ()
    assert headline(found, None) == ("no data changes" if wanted else "nothing changes")
    assert all(one in comment(found) for one in wanted)
    assert [one["what"] for one in found.to_json()["declared"]] == [one.what for one in found.declared]


def test_a_product_is_told_of_once(tmp_path: Path) -> None:
    """Where its assets are: what its file says is said there."""
    found = _planned(tmp_path, {**WAS, "DataProduct:shop.orders": "b"})

    assert {str(one.change) for one in found.changes} == {"metadata"}
    assert found.declared == ()
