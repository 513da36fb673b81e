"""`freehold rules`: what a person and a machine are told of rules and what comes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASE = Path(__file__).parents[1] / "estate" / "base"
RULES = """apiVersion: freehold.dev/v1
kind: RuleSet
metadata: {id: certified}
spec:
  scope: is_output_port
  rules:
    - {id: has-owner, check: owner_is_active}
    - {id: green, check: check_pass_rate_30d >= 0.99, remedy: "freehold check --select {asset}"}
---
apiVersion: freehold.dev/v1
kind: Waiver
metadata: {id: not-yet}
spec: {rule: certified/green, subject: "sales.*", why: new, approved_by: "user:idp/ana", expires: 2999-12-31}
"""


def freehold(*words: str, at: Path, columns: int = 80) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process of its own, in a folder, in a terminal of so many columns."""
    command = [sys.executable, "-c", "from freehold.cli import main; main()", *words]
    here = {**os.environ, "COLUMNS": str(columns)}
    return subprocess.run(command, cwd=at, env=here, capture_output=True, text=True, check=False)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    """Return a small estate with one rule set and one waiver."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "rules.yaml").write_text(RULES, encoding="utf-8")
    return tmp_path


def test_rules_are_listed_with_those_that_come_along(estate: Path) -> None:
    """A machine gets every rule with its place, its level and its waivers."""
    done = freehold("rules", "list", "--json", at=estate)
    rules = {one["rule"]: one for one in json.loads(done.stdout)["rules"]}

    assert done.returncode == 0
    assert rules["certified/green"]["where"] == "rules.yaml:8:12"
    assert rules["certified/green"]["waivers"] == ["not-yet"]
    assert rules["release/not-approved-by-its-author"]["level"] == "approve"
    assert rules["release/not-approved-by-its-author"]["waivable"] is False


def test_what_is_waived_passes_and_what_is_unknown_does_not(estate: Path) -> None:
    """`rules test` ends with 1 as soon as one rule does not pass; a waiver that holds lets it end with 0."""
    done = freehold("rules", "test", "--json", at=estate)
    said = json.loads(done.stdout)
    assert {one["rule"]: one["outcome"] for one in said["results"]}["certified/green"] == "waived"

    (estate / "rules.yaml").write_text(RULES.partition("---")[0], encoding="utf-8")
    again = freehold("rules", "test", "--json", at=estate)
    assert again.returncode == 1
    reasons = [one["reason"] for one in json.loads(again.stdout)["results"] if one["outcome"] == "unknown"]
    assert reasons == ["Not evaluated, since `check_pass_rate_30d` is not known: check_pass_rate_30d >= 0.99."]
    assert freehold("rules", "test", at=estate).returncode == 1


def test_a_division_by_zero_is_no_pass_and_is_told(estate: Path) -> None:
    """By `rules test` and on the scorecard, so that nobody looks for a fact that is missing."""
    zero = RULES.partition("---")[0].replace("check_pass_rate_30d >= 0.99", "1/0 > tier")
    (estate / "rules.yaml").write_text(zero, encoding="utf-8")
    tested = freehold("rules", "test", "--json", at=estate)
    reasons = {one["reason"] for one in json.loads(tested.stdout)["results"] if one["outcome"] == "unknown"}
    card = freehold("rules", "scorecard", "--set", "certified", at=estate, columns=200)

    assert tested.returncode == 1
    assert reasons == {"Not evaluated, since `1 / 0` divides by zero: 1/0 > tier."}
    assert "not evaluated (`1 / 0` divides by zero)." in card.stdout


def test_a_wrong_rule_is_told_by_validate_and_by_test(estate: Path) -> None:
    """An error of a rule has its place, and nothing is evaluated."""
    (estate / "rules.yaml").write_text(RULES.replace("owner_is_active", "owner_is_activ"), encoding="utf-8")
    for words in (("validate",), ("rules", "test")):
        done = freehold(*words, at=estate)
        assert done.returncode == 1
        assert "FH-R001  rules.yaml:7:30\nThere is no fact `owner_is_activ`." in done.stderr


def test_facts_are_listed_and_a_subject_misspelt_is_told(estate: Path) -> None:
    """Whoever writes a rule can ask what there is to write it over."""
    facts = json.loads(freehold("rules", "facts", "change", "--json", at=estate).stdout)["facts"]
    assert {
        "subject": "change",
        "fact": "is_frozen",
        "type": "boolean",
        "says": "whether the calendar is frozen today",
        "asserted": False,
    } in facts

    done = freehold("rules", "facts", "chnge", at=estate)
    assert (done.returncode, "Did you mean `change`?" in done.stderr) == (2, True)


def test_rules_are_evaluated_recorded_once_and_shown_as_scorecards(estate: Path) -> None:
    """`rules run` records what changed and ends with 0; again, nothing has; the scorecard says what is missing."""
    first = json.loads(freehold("rules", "run", "--json", at=estate).stdout)
    again = json.loads(freehold("rules", "run", "--json", at=estate).stdout)
    cards = json.loads(freehold("rules", "scorecard", "--set", "readiness", "--json", at=estate).stdout)["scorecards"]

    assert first["changed"] == sum(first[word] for word in ("passed", "failed", "unknown", "waived")) > 0
    assert again["changed"] == 0
    assert [card["rule_set"] for card in cards] == ["readiness"]
    missing = [one for row in cards[0]["subjects"] for one in row["missing"]]
    assert missing
    assert all(one["remedy"] for one in missing)


def test_a_scorecard_of_what_is_not_there_names_what_is(estate: Path) -> None:
    """A product, a domain or a rule set that is misspelt is an error with the near matches."""
    done = freehold("rules", "scorecard", "--set", "readyness", at=estate)

    assert done.returncode == 2
    assert "FH-R010" in done.stderr
    assert "Did you mean `readiness`" in done.stderr


def test_a_wrong_rule_keeps_no_other_from_being_evaluated(estate: Path) -> None:
    """`rules run` says where the error is, evaluates the rest, and ends with 1."""
    (estate / "rules.yaml").write_text(RULES.replace("owner_is_active", "owner_is_activ"), encoding="utf-8")
    done = freehold("rules", "run", "--json", at=estate)
    said = json.loads(done.stdout)

    assert done.returncode == 1
    assert [(one["code"], one["where"]) for one in said["broken"]] == [("FH-R001", "rules.yaml:7:30")]
    assert said["passed"] > 0
