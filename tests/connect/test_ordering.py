"""Which dbt nodes an estate may have built, decided from artifacts alone: no dbt is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from dbt_made import Made

from freehold.cli import cli
from freehold.foundation import FreeholdError


@pytest.fixture
def publishing(project: Path) -> Path:
    """Return the made project with an estate whose products publish."""
    CliRunner().invoke(cli, ["init", "--from-dbt", str(project)], catch_exceptions=False)
    for file in (project / "freehold").rglob("product.odps.yaml"):
        file.write_text(
            file.read_text().replace("value: watch", "value: publish").replace("status: draft", "status: active")
        )
    estate = project / "freehold/estate.yaml"
    estate.write_text(estate.read_text().replace("target: target", "command: /nowhere/dbt"))
    return project


def error_of(project: Path, *words: str) -> FreeholdError:
    """Return the error that a command ends with."""
    done = CliRunner().invoke(cli, ["-C", str(project / "freehold"), *words])
    assert isinstance(done.exception, FreeholdError), (done.output, done.exception)
    return done.exception


def test_products_that_dbt_builds_are_well_declared(publishing: Path) -> None:
    """A contract that names a dbt node is built by dbt: `validate` asks for no model file."""
    done = CliRunner().invoke(cli, ["-C", str(publishing / "freehold"), "validate"], catch_exceptions=False)

    assert done.exit_code == 0, done.output


def test_without_dbt_a_run_says_how_to_get_it_and_a_plan_reads_artifacts(publishing: Path) -> None:
    """A machine without dbt cannot build, and says so; it can plan by what the project's own dbt left behind."""
    error = error_of(publishing, "run")
    planned = CliRunner().invoke(cli, ["-C", str(publishing / "freehold"), "plan", "--json"], catch_exceptions=False)

    assert (error.code, error.exit_code, "/nowhere/dbt" in error.problem) == ("FH-X120", 3, True)
    assert planned.exit_code == 0
    assert "dbt is not on this machine" in planned.stderr
    assert "shop.finance.daily_revenue" in [change["asset"] for change in json.loads(planned.stdout)["changes"]]


def test_a_node_that_no_project_has_is_named_with_the_near_ones(publishing: Path, made: Made) -> None:
    """A contract that names a node which is gone is told, with the names that are like it."""
    contract = next((publishing / "freehold").rglob("daily_revenue.odcs.yaml"))
    contract.write_text(contract.read_text().replace("model.shop.daily_revenue", "model.shop.daily_revenues"))
    error = error_of(publishing, "status")

    assert error.code == "FH-X123"
    assert "model.shop.daily_revenue" in (error.fix or "")


def test_what_is_published_reads_nothing_that_dbt_publishes_by_itself(publishing: Path) -> None:
    """A product in publish that reads one in watch would show two states of the data together, and is refused."""
    core = publishing / "freehold/core/product.odps.yaml"
    core.write_text(core.read_text().replace("value: publish", "value: watch"))
    error = error_of(publishing, "status")

    assert (error.code, "shop.core.orders" in error.problem) == ("FH-X129", True)


@pytest.mark.parametrize(
    "said",
    [
        "command: ''",
        "timeout: soon",
        "output: [1]",
        "target_name: 'a b'",
    ],
    ids=["no command", "no duration", "no mapping", "no name"],
)
def test_what_estate_yaml_says_of_dbt_is_looked_at(said: str, publishing: Path) -> None:
    """A setting of the project that means nothing is refused where it stands."""
    estate = publishing / "freehold/estate.yaml"
    estate.write_text(estate.read_text().replace("command: /nowhere/dbt", said))
    done = CliRunner().invoke(cli, ["-C", str(publishing / "freehold"), "validate"])

    assert done.exit_code == 1, done.output
    assert "estate.yaml:7" in done.output + str(done.exception)
