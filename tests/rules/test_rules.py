"""Rule sets: read from files, typed, evaluated over subjects, exempt for a time, recorded when they change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.estate.loading import documents_of, judge
from freehold.estate.operating import RuleSet, Waiver, rule_set_from, waiver_from
from freehold.foundation import FreeholdError, Problems
from freehold.ledger import Ledger
from freehold.rules import (
    Fact,
    FactTable,
    Outcome,
    Result,
    Subject,
    changed,
    compiled,
    evaluate,
    last_results,
    shipped,
    sweep,
)

TABLE = FactTable(
    "change",
    {
        "asset": Fact("varchar", "its id"),
        "tier": Fact("bigint", "its tier"),
        "owned": Fact("boolean", "whether somebody owns it"),
        "share": Fact("double", "a share"),
    },
    ("block", "warn"),
)
TODAY = date(2011, 3, 7)
HEAD = "apiVersion: freehold.dev/v1\nkind: RuleSet\nmetadata: {id: release}\nspec:\n  subject: change\n"


def rule_set(body: str, root: Path) -> RuleSet:
    """Write a rule set to `rules.yaml` and read it."""
    content = (HEAD + body).encode()
    (root / "rules.yaml").write_bytes(content)
    judge(content, "rules.yaml")
    return rule_set_from(documents_of(content, "rules.yaml")[0])


def waiver(rule: str = "release/owned", subject: str = "a.b.*", expires: str = "2011-03-31") -> Waiver:
    """Read a waiver."""
    text = (
        "apiVersion: freehold.dev/v1\nkind: Waiver\nmetadata: {id: until-spring}\nspec: "
        f'{{rule: {rule}, subject: "{subject}", why: moving, approved_by: "user:idp/ana", expires: {expires}}}\n'
    )
    judge(text.encode(), "waiver.yaml")
    return waiver_from(documents_of(text.encode(), "waiver.yaml")[0])


ONE = "  rules: [{id: owned, check: owned, remedy: 'Name an owner of {asset}, tier {tier}.'}]\n"


def of(root: Path, facts: dict[str, Any], *waivers: Waiver, body: str = ONE, today: date = TODAY) -> tuple[Result, ...]:
    """Evaluate one rule set over one subject `a.b.c`."""
    return evaluate(compiled(rule_set(body, root), TABLE), [Subject("a.b.c", facts)], waivers, today)


@pytest.mark.parametrize(
    ("owned", "expected"), [(True, Outcome.PASSED), (False, Outcome.FAILED), (None, Outcome.UNKNOWN)]
)
def test_a_rule_passes_fails_or_cannot_be_told(tmp_path: Path, owned: bool | None, expected: Outcome) -> None:
    """A fact that is not known is no pass; the result says which fact it was, and how to mend."""
    (result,) = of(tmp_path, {"asset": "a.b.c", "owned": owned})

    assert result.outcome is expected
    assert result.is_pass is (owned is True)
    assert result.missing == (("owned",) if owned is None else ())
    assert str(result.where) == "rules.yaml:6:16"
    assert result.remedy == ("" if owned else "Name an owner of a.b.c, tier ?.")


def test_a_scope_that_cannot_be_told_is_no_way_around_a_rule(tmp_path: Path) -> None:
    """Where it is unknown whether a rule applies, its result is unknown; where it does not apply there is none."""
    body = "  scope: tier = 1\n" + ONE

    assert of(tmp_path, {"tier": 2, "owned": False}, body=body) == ()
    (result,) = of(tmp_path, {"owned": True}, body=body)
    assert (result.outcome, result.missing) == (Outcome.UNKNOWN, ("tier",))


def test_a_waiver_holds_through_its_last_day_and_is_named_when_it_has_expired(tmp_path: Path) -> None:
    """An exemption ends by itself, and whoever relied on it is told."""
    facts = {"asset": "a.b.c", "owned": False}
    (last_day,) = of(tmp_path, facts, waiver(), today=date(2011, 3, 31))
    (day_after,) = of(tmp_path, facts, waiver(), today=date(2011, 4, 1))

    assert (last_day.outcome, last_day.is_pass) == (Outcome.WAIVED, True)
    assert (day_after.outcome, day_after.is_pass) == (Outcome.FAILED, False)
    assert day_after.reason == "Does not hold: owned. The waiver `until-spring` expired on 2011-03-31."


@pytest.mark.parametrize(
    "other",
    [waiver(rule="release/other"), waiver(subject="a.c.*"), waiver(subject="a.b")],
    ids=["another rule", "another subject", "less than the id"],
)
def test_a_waiver_holds_for_nothing_else(tmp_path: Path, other: Waiver) -> None:
    """A waiver exempts the subjects it names from the rule it names."""
    (result,) = of(tmp_path, {"asset": "a.b.c", "owned": False}, other)

    assert (result.outcome, result.expired) == (Outcome.FAILED, None)


def test_some_rules_take_no_waiver(tmp_path: Path) -> None:
    """A rule that says `waivable: false` holds whatever a waiver says."""
    body = "  rules: [{id: owned, check: owned, waivable: false}]\n"
    (result,) = of(tmp_path, {"owned": False}, waiver(), body=body)

    assert result.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("body", "code", "where", "problem", "fix"),
    [
        ("  rules: [{id: a, check: tier = 1 and ownd}]\n", "FH-R001", "rules.yaml:6:39", "no fact `ownd`", "`owned`"),
        ("  rules: [{id: a, check: 'tier = 1 and ownd'}]\n", "FH-R001", "rules.yaml:6:40", "no fact `ownd`", "`owned`"),
        ("  rules:\n    - id: a\n      check: >\n        ownd\n", "FH-R001", "rules.yaml:9:9", "`ownd`", "`owned`"),
        (
            "  rules:\n    - id: a\n      check: tier = 1\n        and ownd\n",
            "FH-R001",
            "rules.yaml:9:13",
            "`ownd`",
            "",
        ),
        ("  scope: tier\n  rules: [{id: a, check: owned}]\n", "FH-R001", "rules.yaml:6:10", "is a number", ""),
        ("  rules: [{id: a, when: x, check: owned}]\n", "FH-R001", "rules.yaml:6:25", "no fact `x`", "There are"),
        ("  rules: [{id: a, check: owned}, {id: a, check: owned}]\n", "FH-R003", "rules.yaml:6:39", "twice", "rename"),
        ("  rules: [{id: a, check: owned, remedy: '{tear}'}]\n", "FH-R004", "rules.yaml:6:16", "{tear}", "`tier`"),
        ("  rules: [{id: a, check: owned, level: warm}]\n", "FH-R005", "rules.yaml:6:16", "level `warm`", "`warn`"),
    ],
    ids=[
        "a wrong word",
        "in quotes",
        "in a block",
        "over two lines",
        "a scope",
        "a when",
        "twice",
        "a remedy",
        "a level",
    ],
)
def test_an_error_of_a_rule_set_has_its_place(
    tmp_path: Path, body: str, code: str, where: str, problem: str, fix: str
) -> None:
    """Every error is found before anything is evaluated, at its character, however the file spells it."""
    with pytest.raises(Problems) as caught:
        compiled(rule_set(body, tmp_path), TABLE)

    (error,) = caught.value.errors
    assert (error.code, str(error.where)) == (code, where)
    assert problem in error.problem
    assert fix in error.fix


@pytest.mark.parametrize("facts", [{"tier": "1"}, {"owned": 1}, {"share": float("nan")}, {"teir": 1}])
def test_a_fact_of_another_type_is_refused(facts: dict[str, Any]) -> None:
    """A value that its fact's type does not hold never reaches a rule."""
    with pytest.raises(FreeholdError) as caught:
        TABLE.checked(facts, "a.b.c")

    assert caught.value.code == "FH-R006"


FACTS = st.fixed_dictionaries(
    {
        "asset": st.sampled_from(["a", "b"]),
        "tier": st.sampled_from([1, 2, None]),
        "owned": st.sampled_from([True, False, None]),
        "share": st.sampled_from([0.0, 1.0, None]),
    }
)
BODY = """  scope: tier <= 1
  rules:
    - {id: owned, check: owned}
    - {id: shared, when: owned, check: share > 0.5, remedy: "{share} of {asset}"}
"""


@given(st.lists(FACTS, max_size=6))
def test_a_sweep_comes_to_what_one_by_one_does(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """Many subjects at once give the same results as each by itself."""
    root = tmp_path_factory.getbasetemp()
    rules = compiled(rule_set(BODY, root), TABLE)
    subjects = [Subject(f"a.b.{n}", facts) for n, facts in enumerate(rows)]
    waivers = [waiver(subject="a.b.1"), waiver(subject="a.b.2", expires="2011-03-01")]
    one_by_one = evaluate(rules, subjects, waivers, TODAY)
    at_once = sweep(rules, subjects, waivers, TODAY)

    assert tuple(at_once.results()) == one_by_one
    assert sum(at_once.count(outcome) for outcome in Outcome) == len(one_by_one)
    assert tuple(at_once.results(Outcome.WAIVED)) == tuple(r for r in one_by_one if r.outcome is Outcome.WAIVED)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterable[Ledger]:
    """A ledger of its own."""
    with Ledger.open("sqlite:///state.db", root=tmp_path) as opened:
        yield opened


def test_a_result_is_an_event_only_when_it_changes(tmp_path: Path, ledger: Ledger) -> None:
    """The ledger tells when a rule first came out, fell, was waived, and passed again; nothing in between."""
    for owned in (True, True, False, False, None, True):
        ledger.append(*changed(of(tmp_path, {"owned": owned}), last_results(ledger)))
    ledger.append(*changed(of(tmp_path, {"owned": False}, waiver()), last_results(ledger)))

    told = [(e.data["outcome"], e.data["pass"], e.data["waiver"]) for e in ledger.read(types=("rule.evaluated",))]
    assert told == [
        ("passed", True, None),
        ("failed", False, None),
        ("unknown", False, None),
        ("passed", True, None),
        ("waived", False, "until-spring"),
    ]


def test_an_older_event_without_an_outcome_is_read_by_its_pass(tmp_path: Path, ledger: Ledger) -> None:
    """What was recorded before outcomes had a name still counts as the last result."""
    from freehold.ledger import Event

    ledger.append(Event("rule.evaluated", {"rule": "release/owned", "subject": "a.b.c", "pass": True}, subject="a.b.c"))

    assert changed(of(tmp_path, {"owned": True}), last_results(ledger, subject="a.b.c")) == ()


def test_rule_sets_come_along() -> None:
    """The gate is a file like any other."""
    assert "release" in shipped()
