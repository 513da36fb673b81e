"""The rule sets that ship: what each rule passes, fails and cannot tell; and the facts that files tell of subjects."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from freehold.delivery.evaluating import OVER_ESTATE, scorecards
from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import Problems
from freehold.rules import CompiledRule, Outcome, Subject, compiled, evaluate, rule_findings, shipped
from freehold.rules.assets import asset_subjects
from freehold.rules.estates import answered, assessment_findings
from freehold.rules.products import product_subjects
from freehold.rules.secrets import secret_subjects

CASES: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load((Path(__file__).parent / "cases/shipped.yaml").read_text())
BASE = Path(__file__).parents[1] / "estate" / "base"
TODAY = date(2011, 3, 7)
ASSESSMENT = """apiVersion: freehold.dev/v1
kind: Assessment
metadata: {{id: ours}}
spec:
  answers:
    {question}: {{answer: true, by: "user:idp/ana", expires: 2011-03-07}}
"""


def rules() -> dict[str, CompiledRule]:
    """Return every rule that ships but those of the gate, which has tests of its own."""
    sets = [one for one in shipped().values() if one.subject in OVER_ESTATE]
    return {rule.id: rule for one in sets for rule in compiled(one, OVER_ESTATE[one.subject])}


def test_every_rule_that_ships_has_a_case() -> None:
    """Who adds a rule says when it passes and when it fails."""
    assert sorted(CASES) == sorted(rules())


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_that_ships_passes_fails_and_cannot_tell(rule: str) -> None:
    """By the facts of its case it passes, by those that differ it fails, and without facts it is not evaluated."""
    one = rules()[rule]
    passes, fails = CASES[rule]["passes"], CASES[rule]["fails"]
    subjects = [Subject("passes", passes), Subject("fails", {**passes, **fails}), Subject("unknown", {})]
    found = evaluate([one], subjects, (), TODAY)

    assert [result.outcome for result in found] == [Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN]
    assert all(result.remedy for result in found[1:])
    assert "{" not in found[1].remedy


def estate(tmp_path: Path, **files: str) -> Estate:
    """Return the small estate of tests, with files more."""
    import shutil

    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_estate(tmp_path)


def test_what_only_a_person_can_tell_is_marked_and_runs_out(tmp_path: Path) -> None:
    """An answer holds through its last day, a result that stands on it says so, and after that it is not known."""
    said = estate(tmp_path, answers=ASSESSMENT.format(question="on_call_is_shared"))
    rule = rules()["maturity/on-call-is-shared"]
    on_the_day, after = (Subject("e", answered(said, day)) for day in (TODAY, date(2011, 3, 8)))
    found = evaluate([rule], [on_the_day, after], (), TODAY)

    assert [result.outcome for result in found] == [Outcome.PASSED, Outcome.UNKNOWN]
    assert found[0].to_json()["asserted"] == ["on_call_is_shared"]
    assert rules()["maturity/has-runbooks"].asserted == ()


def test_an_answer_to_no_question_is_told_with_its_place(tmp_path: Path) -> None:
    """A question that is misspelt is an error at its line, with the near matches."""
    (error,) = assessment_findings(estate(tmp_path, answers=ASSESSMENT.format(question="oncall_is_shared")))

    assert (error.code, str(error.where)) == ("FH-R009", "answers.yaml:6:5")
    assert "on_call_is_shared" in error.fix


def test_a_paging_rule_needs_a_runbook_that_is_there(tmp_path: Path) -> None:
    """A runbook counts that is an address, or a file that is there."""
    found = estate(tmp_path)
    product = next(one for one in found.products.values() if one.output_ports)
    outcomes = []
    for runbook in (None, "gone.md", "book.md", "https://example.com/book"):
        (tmp_path / "book.md").write_text("Call.")
        told = replace(product, custom={"freehold:runbook": runbook} if runbook else {})
        (subject,) = product_subjects(replace(found, products={product.id: told}))
        outcomes.append(subject.facts["has_runbook"])

    assert outcomes == [False, False, True, True]


def test_secrets_are_told_by_reference_and_age(tmp_path: Path) -> None:
    """What is referred to is a subject, with the age that the file tells; the secret itself is not read."""
    file = tmp_path / "estate.yaml"
    estate(tmp_path)
    file.write_text(file.read_text() + "  secrets:\n    env:TILL: {rotate_every: 4w, rotated_on: 2011-02-01}\n")
    subjects = {one.id: one.facts for one in secret_subjects(load_estate(tmp_path), TODAY)}

    assert subjects["env:TILL"] == {"secret": "env:TILL", "has_rotation": True, "rotation_days": 28, "age_days": 34}


def test_facts_of_assets_name_the_files_to_mend(tmp_path: Path) -> None:
    """A remedy can say which file to open: that of the product, and that of the contract."""
    facts = [one.facts for one in asset_subjects(estate(tmp_path)) if one.facts["has_contract"]]

    assert facts
    assert all(
        (tmp_path / one["contract_file"]).is_file() and (tmp_path / one["product_file"]).is_file() for one in facts
    )


LADDER = """apiVersion: freehold.dev/v1
kind: RuleSet
metadata: {id: ladder, name: Ladder}
spec:
  levels: [low, high]
  rules:
    - {id: one, check: tier <= 2, level: low, weight: 3}
    - {id: two, check: has_key, level: high, deadline: 2011-06-30, remedy: "Name a key in {contract_file}."}
"""


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"tier": 1, "has_key": True}, (1.0, "high", None, 0)),
        ({"tier": 1, "has_key": False}, (0.75, "low", date(2011, 6, 30), 0)),
        ({"tier": 3, "has_key": True}, (0.25, "", None, 0)),
        ({"tier": 1}, (0.75, "low", date(2011, 6, 30), 1)),
    ],
    ids=["all of it", "the first level", "a level skipped is not reached", "what is not known does not pass"],
)
def test_a_scorecard_has_level_score_and_deadline(
    tmp_path: Path, facts: dict[str, Any], expected: tuple[float, str, date | None, int]
) -> None:
    """The score is the share of weights that pass; a level is reached when it and those before it pass."""
    said = estate(tmp_path, ladder=LADDER)
    made = compiled(said.rule_sets["ladder"], OVER_ESTATE["asset"])
    ((card,),) = (scorecards(evaluate(made, [Subject("a", facts)], (), TODAY), said.rule_sets),)
    (row,) = card.rows

    assert (row.score, row.level, row.deadline, row.unknown) == expected


def test_a_level_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    """Where a rule set names its levels, a rule has one of them."""
    (error,) = rule_findings(estate(tmp_path, ladder=LADDER.replace("level: high", "level: hihg")), OVER_ESTATE)

    assert (error.code, str(error.where)) == ("FH-R005", "ladder.yaml:8:12")
    assert "Did you mean `high`" in error.fix


def test_what_cannot_be_computed_is_no_pass_and_says_so(tmp_path: Path) -> None:
    """A rule whose computation fails is neither passed nor failed, and its reason tells why."""
    text = LADDER.replace("tier <= 2", "column_count / 3 > 1")
    said = estate(tmp_path, ladder=text)
    made = compiled(said.rule_sets["ladder"], OVER_ESTATE["asset"])
    found = evaluate(made[:1], [Subject("a", {"column_count": 10**400})], (), TODAY)

    assert found[0].outcome is Outcome.UNKNOWN
    assert found[0].reason.startswith("Not evaluated, since it cannot be computed (")


def test_a_rule_that_does_not_compile_is_told_by_its_character(tmp_path: Path) -> None:
    """Each subject has facts of its own: one of another subject is unknown, at its place."""
    said = estate(tmp_path, ladder=LADDER.replace("  levels", "  subject: product\n  levels"))

    with pytest.raises(Problems) as caught:
        compiled(said.rule_sets["ladder"], OVER_ESTATE["product"])
    assert "ladder.yaml:9:24" in {str(error.where) for error in caught.value.errors}
