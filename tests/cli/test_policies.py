"""Who sees what: policies by file, in every answer; what a caller may not see is nowhere in it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from freehold.cli import cli
from freehold.foundation import FreeholdError, Problems

POLICY = """apiVersion: freehold.dev/v1
kind: DataPolicy
metadata: {id: orders-by-state, owner: "role:privacy"}
spec:
  of: [shop.orders.orders]
  grants:
    - {to: ["team:shop-data"]}
    - {to: ["group:idp/till"], rows: "state = 'paid'", masks: {customer: "'hidden'"}}
    - {to: ["group:idp/books"], rows: "amount > 0", masks: {amount: "round(amount, -2)"}}
"""
PATH = "shop/policies.yaml"


def run(folder: Path, *words: str) -> Result:
    """Run a command in an estate."""
    return CliRunner().invoke(cli, ["-C", str(folder), *words])


def codes(done: Result) -> list[str]:
    """Return the codes of the errors a command ended with."""
    error = done.exception
    return [e.code for e in error.errors] if isinstance(error, Problems) else [getattr(error, "code", "")]


def asked(folder: Path, *words: str) -> dict[str, Any]:
    """Return an answer as machines get it."""
    done = run(folder, "query", *words, "--json")
    assert done.exit_code == 0, done.exception
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate that `freehold init` writes, run once, with a policy of its orders."""
    folder = tmp_path_factory.mktemp("policies") / "corner"
    assert CliRunner().invoke(cli, ["init", str(folder)]).exit_code == 0
    assert run(folder, "run").exit_code == 0
    (folder / PATH).write_text(POLICY)
    teams = next(p for p in folder.rglob("*.yaml") if "kind: Team" in p.read_text())
    text = teams.read_text()
    assert "members:" in text
    teams.write_text(
        "\n".join(
            '  members: ["user:idp/lead"]' if line.strip().startswith("members:") else line
            for line in text.splitlines()
        )
        + "\n"
    )
    assert run(folder, "validate").exit_code == 0, run(folder, "validate").stderr
    return folder


@pytest.fixture
def policy(corner: Path) -> Path:
    """The file of the policy, put back afterwards."""
    path = corner / PATH
    yield path
    path.write_text(POLICY)


LEAD, TILL, BOOKS = ("--as", "user:idp/lead"), ("--as", "group:idp/till"), ("--as", "user:x", "--as", "group:idp/books")


def test_each_caller_sees_the_rows_of_their_grant(corner: Path) -> None:
    """Rows, totals and slices are those a filter by hand gives, and an answer says that it is a part."""
    whole, part = asked(corner, "orders", "--by", "state", *LEAD), asked(corner, "orders", "--by", "state", *TILL)

    by_state = {row["state"]: row["orders"] for row in whole["rows"]}
    assert len(by_state) > 1
    assert {row["state"]: row["orders"] for row in part["rows"]} == {"paid": by_state["paid"]}
    assert asked(corner, "orders", *TILL)["rows"] == [{"orders": by_state["paid"]}]
    assert (whole["policies"], part["policies"]) == ([], ["orders-by-state"])


def test_a_masked_column_shows_nothing_of_itself(corner: Path) -> None:
    """Not as a key, not in a condition, not in an order: the mask is part of the scan."""
    assert {row["customer"] for row in asked(corner, "orders", "--by", "customer", *TILL)["rows"]} == {"hidden"}
    real = {row["customer"] for row in asked(corner, "orders", "--by", "customer", *LEAD)["rows"]} - {None}
    some = sorted(real)[0]
    assert asked(corner, "orders", "--where", f"customer = '{some}'", *TILL)["rows"] in ([], [{"orders": 0}])
    amounts = asked(corner, "orders", "--by", "amount", *BOOKS)["rows"]
    assert all(float(row["amount"]) % 100 == 0 for row in amounts if row["amount"] is not None)


def test_a_metric_is_not_made_of_what_is_masked(corner: Path, policy: Path) -> None:
    """A sum of masked amounts, and a filter that sees the mask, would be other numbers under the certified name."""
    assert codes(run(corner, "query", "revenue", *BOOKS)) == ["FH-N507"]
    policy.write_text(POLICY.replace("masks: {customer: \"'hidden'\"}", "masks: {state: \"'x'\"}"))

    done = run(corner, "query", "revenue", *TILL)

    assert codes(done) == ["FH-N507"]
    assert "`state`" in str(done.exception)
    assert asked(corner, "orders", *TILL)["rows"][0]["orders"] > 0


def test_a_team_is_one_to_whom_a_grant_is_given(corner: Path) -> None:
    """Looking with the eyes of a team, or of a member of it, shows the same."""
    by_team = asked(corner, "orders", "--as", "team:shop-data")

    assert by_team["rows"] == asked(corner, "orders", *LEAD)["rows"]


def test_a_group_that_is_hidden_is_no_number_beside_another_metric(corner: Path, policy: Path) -> None:
    """Too few rows are shown as nothing, never as 0, whichever metrics are asked together."""
    path = corner / "shop/orders/metrics/shop.yaml"
    text = path.read_text()
    path.write_text(
        text.replace("datasets:\n", "datasets:\n  raw: {source: shop.orders.raw_orders, time: ordered_at}\n")
        + "  raws: {expression: COUNT(raw.*), fill: 0}\n"
    )
    policy.write_text(POLICY.replace("  grants:", "  smallest_group: 5\n  grants:"))
    try:
        found = asked(corner, "orders", "raws", "--where", "order_id = 'none of them'", *LEAD)["rows"]
    finally:
        path.write_text(text)

    assert found == [{"orders": None, "raws": None}]


def test_whom_no_grant_names_is_refused(corner: Path) -> None:
    """A caller without a grant is told which policy, and whom to ask; no rows would look like a number."""
    done = run(corner, "query", "orders", "--as", "user:idp/somebody")

    assert codes(done) == ["FH-N506"]
    assert isinstance(done.exception, FreeholdError)
    assert "role:privacy" in done.exception.fix
    assert codes(run(corner, "query", "orders")) == ["FH-N506"]  # the person at this shell is nobody to it, too


def test_an_answer_is_kept_for_those_who_may_see_it(corner: Path) -> None:
    """The same question by another caller is another answer, kept or not."""
    first = asked(corner, "revenue", *LEAD)
    again = asked(corner, "revenue", *LEAD)
    other = asked(corner, "revenue", *TILL)

    assert again["is_kept"]
    assert again["rows"] == first["rows"]
    assert not other["is_kept"]
    assert other["rows"] != first["rows"]


def test_small_groups_are_not_shown(corner: Path, policy: Path) -> None:
    """A group of fewer rows than the policy says is left out, whoever asks."""
    everything = asked(corner, "orders", "--by", "customer", *LEAD)["rows"]
    sizes = sorted({row["orders"] for row in everything})
    assert len(sizes) > 1
    policy.write_text(POLICY.replace("  grants:", f"  smallest_group: {sizes[-1]}\n  grants:"))

    shown = asked(corner, "orders", "--by", "customer", *LEAD)["rows"]

    assert shown == [row for row in everything if row["orders"] >= sizes[-1]]


@pytest.mark.parametrize("condition", [
    "CAST(customer || state AS DATE) IS NULL",
    "CASE WHEN order_id = 'o1' THEN CAST(customer || state AS INT) > 0 ELSE TRUE END",
])  # fmt: skip
def test_a_condition_that_fails_tells_nothing_of_rows(corner: Path, policy: Path, condition: str) -> None:
    """What the warehouse says of a value quotes it; and that it fails would tell, too."""
    policy.write_text(POLICY.replace("  grants:", "  smallest_group: 5\n  grants:"))

    done = run(corner, "query", "orders", "--where", condition, *LEAD)

    rows = (row for file in corner.rglob("*.csv") for row in csv.DictReader(file.read_text().splitlines()))
    quoted = {row["customer"] + row["state"].lower() for row in rows if row["customer"]}

    assert done.exit_code == 0, done.output
    assert len(quoted) > 5
    assert not [text for text in quoted if text in done.output]


def test_a_policy_refuses_data_in_a_state(corner: Path, policy: Path) -> None:
    """Answered from data in the states that the policy names; from no other."""
    policy.write_text(POLICY.replace("  grants:", "  answer_from: [held]\n  grants:"))

    assert codes(run(corner, "query", "orders", *LEAD)) == ["FH-N501"]


def test_a_metric_is_not_tested_on_a_part(corner: Path, policy: Path) -> None:
    """A test by somebody who sees a part of the rows would say something of the part."""
    policy.write_text(POLICY.replace("team:shop-data", "user:idp/lead").replace("group:idp/till", "everyone")
                      .replace('    - {to: ["group:idp/books"], rows: "amount > 0", masks: {amount: "round(amount, -2)"}}\n', ""))  # fmt: skip # noqa: E501

    done = run(corner, "metrics", "test", "revenue", "--json")

    assert done.exit_code == 1
    assert [t["test"] for t in json.loads(done.stdout)["tests"]] == ["not tested"]


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("of: [shop.orders.orders]", "of: [shop.orders.order]", "FH-N421", 3),
        ("team:shop-data", "team:shop-dta", "FH-N421", 7),
        ("state = 'paid'", "stat = 'paid'", "FH-N423", 8),
        ("customer: \"'hidden'\"", "custmer: \"'hidden'\"", "FH-N423", 8),
        ("state = 'paid'", "state = ", "FH-N201", 8),
        ("state = 'paid'", "amount > (SELECT 1)", "FH-N202", 8),
        ("state = 'paid'", "sum(amount) > 1", "FH-N203", 8),
        ('to: ["team:shop-data"]', "to: [everyone]", "FH-N421", 8),
    ],
    ids=[
        "an unknown asset", "an unknown team", "an unknown column", "a mask of no column", "half a condition",
        "a query in a condition", "an aggregate", "a grant nobody comes to",
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_told_with_its_place(
    corner: Path, policy: Path, old: str, new: str, code: str, line: int
) -> None:
    """`validate` finds it, `plan` is blocked by it."""
    assert old in POLICY
    policy.write_text(POLICY.replace(old, new))

    findings = json.loads(run(corner, "validate", "--json").stdout)
    told = [e for e in findings.get("errors", findings.get("findings", [])) if e["code"] == code]

    assert told, findings
    assert f"{PATH}:{line}" in told[0]["where"]
    assert code in [f["code"] for f in json.loads(run(corner, "plan", "--json").stdout)["findings"]]


def test_two_policies_of_one_asset_are_refused(corner: Path, policy: Path) -> None:
    """Which of them would hold is not for chance to say."""
    policy.write_text(POLICY + "---\n" + POLICY.replace("orders-by-state", "again"))

    assert codes(run(corner, "validate")) == ["FH-N422"]


def test_policies_are_listed_with_what_is_built_below(corner: Path) -> None:
    """Who sees what, for one caller too; assets below without a policy are named."""
    found = json.loads(run(corner, "policies", "--json").stdout)["policies"]
    mine = json.loads(run(corner, "policies", "shop.orders.orders", "--for", "group:idp/till", "--json").stdout)

    assert [one["asset"] for one in found] == ["shop.orders.orders"]
    assert len(found[0]["grants"]) == 3
    assert [g["rows"] for g in mine["policies"][0]["grants"]] == ["state = 'paid'"]
    assert codes(run(corner, "policies", "shop.orders.order")) == ["FH-N421"]


def test_a_policy_is_changed_like_environments_and_teams(corner: Path, policy: Path) -> None:
    """Who sees what is governed: a change of it is a change of the estate, and asks for the strictest tier."""
    from freehold.changing import changes_of_estate
    from freehold.estate import load_estate

    before = load_estate(corner)
    policy.write_text(POLICY.replace("state = 'paid'", "true"))

    changed = list(changes_of_estate(load_estate(corner), before))

    assert [(c.asset, c.tier) for c in changed] == [("estate", 1)]


def test_an_answer_has_no_more_rows_than_the_estate_says(corner: Path) -> None:
    """It is cut, and says so."""
    estate = corner / "estate.yaml"
    text = estate.read_text()
    estate.write_text(text.replace("    calendar: england", "    calendar: england\n    answers: {most_rows: 2}"))
    try:
        cut = asked(corner, "orders", "--by", "day", *LEAD)
    finally:
        estate.write_text(text)

    assert cut["is_cut"]
    assert len(cut["rows"]) == 2
