"""The artifacts of dbt: read alike in every version, and refused with a reason where they cannot be used."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from dbt_made import Made

from freehold.connect.dbt import exposures_of, read_project
from freehold.foundation import FreeholdError


def test_every_version_of_the_manifest_is_read_alike(made: Made, tmp_path: Path) -> None:
    """v10, v11 and v12 of the same project give the same values, and keys that are unknown pass by."""
    read = [read_project(made.write_artifacts(tmp_path / f"v{version}", version)) for version in (10, 11, 12)]
    other = {"root", "target", "dbt_version", "schema_version"}
    compared = [f.name for f in fields(read[0]) if f.name not in other]

    assert [p.schema_version for p in read] == [10, 11, 12]
    for name in compared:
        assert getattr(read[0], name) == getattr(read[1], name) == getattr(read[2], name), name


@pytest.mark.parametrize("where", [".", "target", "target/manifest.json"], ids=["project", "target", "the file itself"])
def test_a_project_is_found_from_any_of_its_places(project: Path, where: str) -> None:
    """The folder of dbt_project.yml, its target folder and the manifest lead to the same project."""
    found = read_project(project / where)

    assert (found.root, found.target, found.name) == (project, project / "target", "shop")


def test_a_target_folder_of_another_name_is_found(made: Made, tmp_path: Path) -> None:
    """`target-path` of dbt_project.yml is looked into."""
    made.write(tmp_path)
    (tmp_path / "target").rename(tmp_path / "built")
    (tmp_path / "dbt_project.yml").write_text("name: shop\ntarget-path: 'built' # not target\n")

    assert read_project(tmp_path).target == tmp_path / "built"


def test_what_a_project_holds(project: Path) -> None:
    """Nodes, owners, tests and who reads what come out as the project says."""
    found = read_project(project)

    assert sorted(n.name for n in found.models) == [
        "customer_revenue", "daily_revenue", "events", "forgotten", "orders", "stg_customers", "stg_orders",
    ]  # fmt: skip
    assert found.nodes["model.shop.daily_revenue"].owner == "Finance data"
    assert found.nodes["model.shop.orders"].owner == "Sales data"
    assert [c.type for c in found.nodes["model.shop.daily_revenue"].columns] == ["DATE", "DECIMAL(38,2)", "BIGINT"]
    assert {t.kind for t in found.tests_of["model.shop.orders"]} == {
        "unique", "not_null", "accepted_values", "relationships",
    }  # fmt: skip
    assert found.reach["source.shop.raw.orders"] == (5, 4)
    assert found.reach["model.shop.forgotten"] == (0, 0)
    assert [e.name for e in found.exposed_to["model.shop.orders"]] == ["board_pack", "kpis"]  # one through a metric


def test_exposures_are_dashboards(project: Path) -> None:
    """What dbt declares of its consumers comes in the value that dashboards of every tool come in."""
    found = {d.id: d for d in exposures_of(read_project(project))}
    board, wall = found["exposure.shop.board_pack"], found["exposure.shop.kpis"]

    assert (board.name, board.tool, board.owner, board.viewers) == ("Board pack", "dbt", "Ana", None)
    assert [r.of for r in board.reads] == ["shop.daily_revenue", "shop.orders"]
    assert ([r.of for r in wall.reads], wall.metrics, wall.url) == (
        ["shop.orders"], ("revenue",), "https://bi.example.com/7",
    )  # fmt: skip
    assert found["exposure.shop.churn"].kind == "ml"
    assert "board_pack" in (project / board.where.path).read_text().splitlines()[board.where.line - 1]


def _cut(project: Path) -> None:
    path = project / "target" / "manifest.json"
    path.write_text(path.read_text()[:-200])


def _renamed(version: str) -> Any:
    def change(project: Path) -> None:
        path = project / "target" / "manifest.json"
        said = json.loads(path.read_text())
        said["metadata"]["dbt_schema_version"] = f"https://schemas.getdbt.com/dbt/{version}.json"
        path.write_text(json.dumps(said))

    return change


def _without(*keys: str) -> Any:
    def change(project: Path) -> None:
        path = project / "target" / "manifest.json"
        said = at = json.loads(path.read_text())
        for key in keys[:-1]:
            at = at[key]
        del at[keys[-1]]
        path.write_text(json.dumps(said))

    return change


def _put(name: str, text: str) -> Any:
    return lambda project: (project / "target" / name).write_text(text)


BROKEN = {
    "no manifest": (lambda p: (p / "target" / "manifest.json").unlink(), "FH-X110", "dbt docs generate"),
    "a manifest cut off": (_cut, "FH-X111", "cut off"),
    "an empty manifest": (_put("manifest.json", ""), "FH-X111", "empty"),
    "a manifest that is a list": (_put("manifest.json", "[]"), "FH-X113", "no object"),
    "JSON of another sort": (_put("manifest.json", "{}"), "FH-X113", "dbt_schema_version"),
    "nested beyond reason": (_put("manifest.json", "[" * 200_000), "FH-X111", "nested"),
    "bytes that are no text": (
        lambda p: (p / "target" / "manifest.json").write_bytes(b'{"a": "\xff"}'), "FH-X111", "UTF-8",
    ),
    "a manifest of dbt 1.5": (_renamed("manifest/v9"), "FH-X112", "upgrade dbt"),
    "a manifest of dbt to come": (_renamed("manifest/v20"), "FH-X112", "newer"),
    "a catalog under the name": (_renamed("catalog/v1"), "FH-X113", "catalog/v1"),
    "nodes missing": (_without("nodes"), "FH-X113", "nodes"),
    "a node without a name": (_without("nodes", "model.shop.orders", "name"), "FH-X113", "name"),
    "a broken catalog": (_put("catalog.json", '{"nodes": '), "FH-X111", "cut off"),
    "broken run results": (_put("run_results.json", "{]"), "FH-X111", "not JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN, ids=str)
def test_what_cannot_be_used_is_refused_with_its_file(case: str, project: Path) -> None:
    """One clear error names the file, what is wrong with it and what to do; never a trace."""
    spoil, code, word = BROKEN[case]
    spoil(project)
    with pytest.raises(FreeholdError) as caught:
        read_project(project)

    assert caught.value.code == code
    assert word in str(caught.value)
    assert caught.value.where is not None
    assert caught.value.fix


def test_what_is_no_project(tmp_path: Path) -> None:
    """An empty folder and one that is not there are told apart."""
    for path, said in ((tmp_path, "no dbt project"), (tmp_path / "nowhere", "no folder")):
        with pytest.raises(FreeholdError) as caught:
            read_project(path)
        assert (caught.value.code, caught.value.exit_code) == ("FH-X110", 2)
        assert said in caught.value.problem
