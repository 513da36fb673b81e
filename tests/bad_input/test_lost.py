"""Files of the estate in error while something burns, folders and warehouses that are gone, names nobody reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estate import CONTRACT, freehold, newest_day


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("status",), "shop.orders"),
        (("quarantine", "list"), ""),
        (("ledger", "tail", "-n", "1"), "seq"),
        (("audit", "verify"), "Whole"),
    ],
)
def test_an_operator_can_look_while_a_file_is_in_error(estate: Path, command: tuple[str, ...], said: str) -> None:
    """What is needed in an incident goes by the estate as it was applied; building does not."""
    with (estate / CONTRACT).open("a") as file:
        file.write("status: actve:\n")

    answer = freehold(estate, *command)

    assert (answer.code, answer.errors, answer.is_calm) == (0, [], True)
    assert said in answer.out + answer.err
    if command[0] in ("status", "quarantine"):
        assert "This goes by what was applied" in answer.err
    assert freehold(estate, "run").code == 1


def test_a_product_goes_back_while_a_file_is_in_error(estate: Path) -> None:
    """Rolling back needs no file that somebody has just broken."""
    day = newest_day(estate)
    day.write_text("\n".join(day.read_text().splitlines()[:-1]) + "\n")
    assert freehold(estate, "run").code == 0
    (estate / CONTRACT).write_text("schema: [")

    answer = freehold(estate, "rollback", "shop.orders", "--json")

    assert (answer.code, answer.errors) == (0, [])
    assert "shop.orders.orders" in json.loads(answer.out)["assets"]


def test_without_a_first_run_files_in_error_are_all_there_is_to_say(estate: Path) -> None:
    """An estate that was never applied has nothing to fall back to."""
    (estate / ".freehold" / "state.db").unlink()
    (estate / CONTRACT).write_text("schema: [")
    assert freehold(estate, "status").errors


def test_files_that_nobody_reads_are_named_and_stop_nobody(estate: Path) -> None:
    """A day that is none, a name no source knows: the run goes on and says so."""
    folder = newest_day(estate).parent
    content = newest_day(estate).read_text()
    for name in ("2026-02-30.csv", "orders.csv", "2026-11-20.csv.gz", ".hidden", "_SUCCESS"):
        (folder / name).write_text(content)

    answer = freehold(estate, "run", "--json")

    assert answer.code == 0
    notices = json.loads(answer.out)["notices"]
    assert [n.partition(" ")[0] for n in notices] == [
        f"landing/orders/{name}" for name in ("2026-02-30.csv", "2026-11-20.csv.gz", "orders.csv")
    ]
    assert "there is no day 2026-02-30" in notices[0]


def test_a_folder_that_is_gone_is_told(estate: Path) -> None:
    """A share that is not mounted looks like a quiet day; it is not one."""
    (estate / "landing").rename(estate / "unmounted")
    assert "The folder landing/orders is not there" in freehold(estate, "run").err


def test_a_warehouse_that_is_gone_is_told_and_built_again(estate: Path) -> None:
    """The ledger remembers what was published, whatever became of the tables."""
    before = json.loads(freehold(estate, "status", "--json").out)["products"][0]
    (estate / ".freehold" / "warehouse.db").unlink()

    lost = json.loads(freehold(estate, "status", "--json").out)["products"][0]
    assert lost["safe"] == "no"
    assert any("the warehouse has it no more" in reason for reason in lost["reasons"])

    assert "everything was built again" in freehold(estate, "run").err
    after = json.loads(freehold(estate, "status", "--json").out)["products"][0]
    assert (after["safe"], [a["rows"] for a in after["assets"]]) == ("yes", [a["rows"] for a in before["assets"]])
