"""A file of the estate that is wrong: one clear error with its place, and nothing is touched."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from estate import (
    CONTRACT,
    MODEL,
    PRODUCT,
    RAW_CONTRACT,
    files_of,
    freehold,
    is_placed,
    left,
    measured,
    replaced,
    together,
)

MEGABYTES_50 = 50_000_000


def _cut(path: str, size: int) -> Callable[[Path], None]:
    return lambda root: (root / path).write_bytes((root / path).read_bytes()[:size]) and None


def _padded(path: str, comment: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with (root / path).open("a") as content:
            content.write(f"{comment} {'x' * 97}\n" * (MEGABYTES_50 // (100 + len(comment)) + 1))

    return change


def _not_utf8(path: str, text: bytes, instead: bytes) -> Callable[[Path], None]:
    return lambda root: (root / path).write_bytes((root / path).read_bytes().replace(text, instead, 1)) and None


def _circle(root: Path) -> None:
    for name, reads in (("a", "b"), ("b", "c"), ("c", "a")):
        (root / f"shop/orders/models/{name}.sql").write_text(f"select * from {{{{ ref('{reads}') }}}}")


# what is wrong: the change, where the error stands, its code, what it says
WRONG: dict[str, tuple[Callable[[Path], Any], list[str], str, str]] = {
    "YAML cut off inside a mapping": (_cut(RAW_CONTRACT, 380), [RAW_CONTRACT], "FH-V005", "not YAML"),
    "YAML cut off inside a key": (_cut(RAW_CONTRACT, 700), [RAW_CONTRACT], "FH-V005", "not YAML"),
    "a key that stands twice": (
        replaced(RAW_CONTRACT, "status: active", "status: active\nversion: 2.0.0"),
        [RAW_CONTRACT],
        "FH-V006",
        "`version` stands twice; first at line 5",
    ),
    "a kind that there is not": (
        replaced(RAW_CONTRACT, "kind: DataContract", "kind: DataContrct"),
        [RAW_CONTRACT],
        "FH-V011",
        "Did you mean `DataContract`?",
    ),
    "text where true or false belongs": (
        replaced(RAW_CONTRACT, "logicalType: string, required: true", "logicalType: string, required: yes please"),
        [RAW_CONTRACT],
        "FH-V103",
        "`required: yes please` must be true or false",
    ),
    "a list where text belongs": (
        replaced(PRODUCT, "name: Orders", "name: [Orders]"),
        [PRODUCT],
        "FH-V103",
        "must be text",
    ),
    "a type that there is not": (
        replaced(CONTRACT, "logicalType: timestamp", "logicalType: timestmp"),
        [CONTRACT],
        "FH-V104",
        "Did you mean `timestamp`",
    ),
    "models that read each other in a circle": (
        _circle,
        [f"shop/orders/models/{name}.sql" for name in "abc"],
        "FH-M010",
        "in a circle: shop.orders.",
    ),
    "a port without its contract": (
        replaced(PRODUCT, "contractId: shop.orders.orders", "contractId: shop.orders.ordres"),
        [PRODUCT],
        "FH-V202",
        "Did you mean `shop.orders.orders`",
    ),
    "a model that reads what is not there": (
        replaced(MODEL, "'raw_orders'", "'raw_order'"),
        [MODEL],
        "FH-M009",
        "Did you mean `raw_orders`",
    ),
    "SQL that does not parse": (replaced(MODEL, "from {{", "frm {{"), [MODEL], "FH-Q001", "does not parse near `frm`"),
    "a template that does not render": (
        replaced(MODEL, "from {{", "from {{ oops("),
        [MODEL],
        "FH-M001",
        "does not render",
    ),
    "a contract that is not UTF-8": (
        _not_utf8(RAW_CONTRACT, b"Orders as", b"Ord\xe9rs as"),
        [RAW_CONTRACT],
        "FH-V004",
        "byte 0xe9",
    ),
    "a model that is not UTF-8": (_not_utf8(MODEL, b"select", b"-- caf\xe9\nselect"), [MODEL], "FH-V004", "byte 0xe9"),
    "a contract of 50 MB": (_padded(RAW_CONTRACT, "#"), [RAW_CONTRACT], "FH-V003", "at most 1 MB"),
    "a model of 50 MB": (_padded(MODEL, "--"), [MODEL], "FH-V003", "at most 1 MB"),
}


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_one_error_says_what_is_wrong_and_where(
    estate: Path, case: tuple[Callable[[Path], Any], list[str], str, str], command: str
) -> None:
    """Exit code 1, one error with file, line and how to mend it; warehouse and ledger keep every byte."""
    change, places, code, said = case
    before = files_of(estate)
    change(estate)
    answer = freehold(estate, command)
    assert answer.is_calm
    assert (answer.code, answer.out) == (1, ""), answer.err
    assert len(answer.errors) == 1, answer.err
    assert answer.errors[0].startswith(code), answer.err
    assert is_placed(answer.errors[0], places), answer.err
    assert said in answer.err
    assert "\nFix: " in answer.err
    assert files_of(estate) == before


@pytest.mark.parametrize(("path", "comment"), [(RAW_CONTRACT, "#"), (MODEL, "--")], ids=["a contract", "a model"])
def test_a_file_of_50_megabytes_is_refused_without_being_read(estate: Path, path: str, comment: str) -> None:
    """It costs no memory to say that it is too large."""
    _padded(path, comment)(estate)
    answer, peak_mb = measured(estate, "validate")
    assert (answer.code, len(answer.errors)) == (1, 1)
    assert peak_mb < 150


def test_errors_of_several_files_are_told_together(estate: Path) -> None:
    """One round of mending is enough: each file's first fault, in the order of the files."""
    before = files_of(estate)
    together(
        _cut(RAW_CONTRACT, 380),
        replaced(CONTRACT, "logicalType: timestamp", "logicalType: timestmp"),
        replaced(PRODUCT, "status: active", "status: active\nstatus: draft"),
    )(estate)
    answer = freehold(estate, "validate")
    assert answer.code == 1
    assert [head.split()[1].partition(":")[0] for head in answer.errors] == [CONTRACT, RAW_CONTRACT, PRODUCT]
    assert files_of(estate) == before


def test_machines_get_the_same_errors_as_an_object(estate: Path) -> None:
    """On stdout, with code, title, place and fix; stderr stays empty."""
    replaced(RAW_CONTRACT, "status: active", "status: active\nversion: 2.0.0")(estate)
    answer = freehold(estate, "validate", "--json")
    (error,) = json.loads(answer.out)["errors"]
    assert (answer.code, answer.err) == (1, "")
    assert (error["code"], error["where"]) == ("FH-V006", f"{RAW_CONTRACT}:7:1")
    assert error["title"]
    assert error["fix"]


@pytest.mark.parametrize("command", ["validate", "run", "check", "status"])
def test_no_estate_is_a_fault_of_usage(tmp_path: Path, command: str) -> None:
    """Exit code 2 and how to start one."""
    answer = freehold(tmp_path, command)
    assert answer.is_calm
    assert (answer.code, answer.out, len(answer.errors)) == (2, "", 1)
    assert "freehold init" in answer.err


# ---- columns nobody has


def test_a_model_that_names_an_unknown_column_fails_with_near_matches(estate: Path) -> None:
    """The model's file is named, and what the column might have been; consumers keep what they have."""
    before = left(estate)
    replaced(MODEL, "    amount,", "    amont,")(estate)
    answer = freehold(estate, "run", "--json")
    assert answer.is_calm
    assert answer.code == 1
    failed = {step["reason"] for step in answer.steps if step["status"] == "failed"}
    assert len(failed) == 1
    (reason,) = failed
    assert re.search(rf"FH-[A-Z]\d{{3}}  {re.escape(MODEL)}:\d+:\d+\n", reason)
    assert "`amont`" in reason or '"amont"' in reason
    assert "amount" in reason
    after = left(estate)
    assert (after.views, after.published) == (before.views, before.published)
    assert "asset.published" not in after.since(before)


def test_a_check_that_names_an_unknown_column_is_an_error_and_never_a_pass(estate: Path) -> None:
    """`freehold check` ends with 1 and says which column, with near matches."""
    together(
        replaced(CONTRACT, "state = 'cancelled'", "stat = 'cancelled'"),
        replaced(CONTRACT, '        customProperties: [{property: "freehold:blocking", value: false}]\n', ""),
        replaced(CONTRACT, "        severity: warning\n", ""),
    )(estate)
    before = left(estate)
    answer = freehold(estate, "check", "--json")
    assert answer.is_calm
    assert answer.code == 1
    (wrong,) = (r for r in json.loads(answer.out)["checks"] if r["verdict"] == "error")
    assert "stat" in wrong["reason"]
    assert "state" in wrong["reason"]
    assert wrong["where"].startswith(f"{CONTRACT}:")
    after = left(estate)
    assert (after.views, after.published) == (before.views, before.published)


def test_a_contract_that_promises_a_column_nobody_delivers_fails_its_check(estate: Path) -> None:
    """The missing column is named; what it was to be checked for is an error, not a pass."""
    replaced(CONTRACT, "name: amount", "name: amuont")(estate)
    answer = freehold(estate, "check", "--json")
    verdicts = {r["check"]: r["verdict"] for r in json.loads(answer.out)["checks"]}
    assert answer.is_calm
    assert answer.code == 1
    assert verdicts["shop.orders.orders:schema"] == "fail"
    about = {verdict for check, verdict in verdicts.items() if ".amuont:" in check}
    assert about == {"error"}
