"""The gate: what blocks a change, whose approval it needs, and what does not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freehold.delivery.evaluating import TABLES
from freehold.delivery.gate import (
    Approval,
    Change,
    Proposal,
    Verdict,
    handles_of,
    needed_roles,
    refusal,
    verdict_on,
)
from freehold.estate import load_estate
from freehold.estate.model import Estate
from freehold.foundation import Exit, Problems
from freehold.rules import compiled, rule_findings, shipped
from freehold.work import Raci

NOW = datetime(2011, 3, 7, 12, tzinfo=UTC)
ESTATE = """apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: corner}
spec:
  connections: {warehouse: {url: "duckdb:///warehouse.db"}}
  environments: {prod: {connection: warehouse, protected: true}, dev: {connection: warehouse}}
  defaults:
    timezone: Europe/London
    calendar: england
    tiers:
      1: {approvals: [owner, steward], notice: 30d}
      2: {approvals: [owner], notice: 2bd}
      3: {approvals: []}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: sales}
spec:
  roles: {owner: ["user:idp/lead", "user:idp/deputy"], steward: ["group:idp/stewards"]}
  handles: {github: {Lead-1: ["user:idp/lead"], sten: ["user:idp/sten", "group:idp/stewards"]}}
---
apiVersion: freehold.dev/v1
kind: Calendar
metadata: {id: england}
spec: {country: GB, freeze: [{from: 2011-12-19, to: 2011-12-27, reason: Christmas trading}]}
---
apiVersion: v1.0.0
kind: DataProduct
id: sales.orders
status: active
team: {name: sales}
"""
WAIVER = """---
apiVersion: freehold.dev/v1
kind: Waiver
metadata: {id: fix-of-december}
spec:
  rule: release/no-change-in-freeze
  subject: sales.orders.lines
  why: a wrong tax
  approved_by: "user:idp/cto"
  expires: 2011-12-21
"""


RULES = """---
apiVersion: freehold.dev/v1
kind: RuleSet
metadata: {id: a}
spec: {subject: change, rules: [{id: a, check: 'true'}]}
"""


def loaded(root: Path, more: str = "") -> Estate:
    """Write and read the estate."""
    (root / "estate.yaml").write_text(ESTATE + more, encoding="utf-8")
    return load_estate(root, cache=False)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """An estate with a protected environment, three tiers, a team and a freeze."""
    return loaded(tmp_path)


def approval(by: str, *principals: str, assurance: Any = "oidc", **more: Any) -> Approval:
    """Somebody's approval."""
    return Approval(by, principals, assurance, NOW, **more)


LEAD = approval("github:lead-1", "user:idp/lead")
STEWARD = approval("github:sten", "user:idp/sten", "group:idp/stewards")
LINES = Change("sales.orders.lines", "sales.orders", 1, "column", is_output=True, readers=3, has_version_bump=True)


def asked(
    estate: Estate, *approvals: Approval, env: str = "prod", now: datetime = NOW, author: str = "", **said: Any
) -> Verdict:
    """Bring a change of one asset to the gate."""
    authors = frozenset({"github:maker", "user:idp/maker"}) if not author else frozenset({author})
    change = replace(LINES, **said)
    return verdict_on(Proposal(env, (change,), author or "github:maker", authors, approvals), estate, now)


def rules_of(results: Any) -> set[str]:
    """Return the rules of results."""
    return {one.rule.id.removeprefix("release/") for one in results}


@pytest.mark.parametrize(
    ("said", "blocked"),
    [
        ({}, set()),
        ({"findings": 1}, {"no-findings"}),
        ({"change": "breaking", "has_version_bump": False, "notice_days": 30}, {"breaking-is-versioned"}),
        ({"change": "breaking", "has_version_bump": None, "notice_days": 30}, {"breaking-is-versioned"}),
        ({"change": "breaking", "notice_days": 30}, set()),
        ({"change": "breaking", "notice_days": 29}, {"notice-is-given"}),
        ({"change": "breaking", "notice_days": None}, {"notice-is-given"}),
        ({"change": "breaking", "notice_days": 0, "readers": 0}, set()),
        ({"change": "breaking", "notice_days": 0, "is_output": False, "has_version_bump": False}, set()),
        ({"change": "breaking", "tier": 2, "notice_days": 1}, {"notice-is-given"}),
        ({"change": "breaking", "tier": 2, "notice_days": 2}, set()),
        ({"change": "breaking", "tier": 3, "notice_days": 0}, set()),
        ({"change": "breaking", "notice_days": 0, "env": "dev"}, set()),
        ({"change": "none", "findings": 1}, set()),
        ({"now": datetime(2011, 12, 18, 23, 59, tzinfo=UTC)}, set()),
        ({"now": datetime(2011, 12, 19, 0, 0, tzinfo=UTC)}, {"no-change-in-freeze"}),
        ({"now": datetime(2011, 12, 27, 23, 59, tzinfo=UTC)}, {"no-change-in-freeze"}),
        ({"now": datetime(2011, 12, 20, tzinfo=UTC), "env": "dev"}, set()),
    ],
    ids=[
        "nothing against it", "a finding", "breaking without a new version", "breaking, the version not known",
        "breaking with version and notice", "a day too late", "notice not known", "nobody reads it",
        "no consumer is promised it", "business days, too few", "business days, enough", "a tier without notice",
        "not protected", "no change", "the night before the freeze", "its first minute", "its last minute",
        "a freeze elsewhere",
    ],
)  # fmt: skip
def test_what_blocks_a_change(estate: Estate, said: Mapping[str, Any], blocked: set[str]) -> None:
    """Each rule blocks what it says and nothing else, and what is not known does not pass."""
    verdict = asked(estate, LEAD, STEWARD, **said)

    assert rules_of(verdict.blocked) == blocked
    assert rules_of(verdict.needs_approval) == set()
    assert verdict.exit_code is (Exit.FINDING if blocked else Exit.DONE)


@pytest.mark.parametrize(
    ("approvals", "tier", "missing", "unmet"),
    [
        ((), 1, ["owner", "steward"], set()),
        ((), 2, ["owner"], set()),
        ((), 3, [], set()),
        ((LEAD,), 1, ["steward"], set()),
        ((LEAD, STEWARD), 1, [], set()),
        ((STEWARD,), 2, ["owner"], set()),
        ((approval("github:x"),), 2, ["owner"], set()),
        ((approval("github:maker", "user:idp/lead"),), 2, ["owner"], {"not-approved-by-its-author"}),
        ((approval("github:other", "user:idp/maker", "user:idp/lead"),), 2, ["owner"], {"not-approved-by-its-author"}),
        ((approval("github:maker", "user:idp/lead"), LEAD), 2, [], set()),
        ((replace(LEAD, assurance="local"),), 2, ["owner"], {"not-approved-from-a-shell"}),
        ((replace(LEAD, assurance="local"), approval("x", "user:idp/deputy")), 2, [], set()),
        ((replace(LEAD, is_stale=True),), 2, ["owner"], {"approved-as-it-is"}),
    ],
    ids=[
        "nobody, tier 1", "nobody, tier 2", "nobody, tier 3", "one of two roles", "both roles", "the wrong role",
        "somebody without a role", "the author under the same name", "the author under another name",
        "the author and an owner", "an owner from a shell", "an owner from a shell and a deputy",
        "an owner, before it was changed again",
    ],
)  # fmt: skip
def test_whose_approval_a_change_needs(
    estate: Estate, approvals: tuple[Approval, ...], tier: int, missing: list[str], unmet: set[str]
) -> None:
    """The roles of the tier approve; the author's own, a shell's and a stale approval do not count, and are named."""
    verdict = asked(estate, *approvals, tier=tier)
    roles = {"approved-by-the-roles-of-its-tier"} if missing else set()

    assert rules_of(verdict.needs_approval) == unmet | roles
    assert [n.role for n in verdict.approvals_needed] == missing
    assert verdict.exit_code is (Exit.APPROVAL if missing else Exit.DONE)
    assert [e.exit_code for e in verdict.errors()] == [Exit.APPROVAL] * len(verdict.needs_approval)


def test_an_environment_that_is_not_protected_asks_nobody(estate: Estate) -> None:
    """Approvals are for protected environments."""
    assert asked(estate, env="dev").is_clear


def test_a_verdict_says_who_may_approve_and_how_to_mend(estate: Estate) -> None:
    """A person reads which rule, for which asset, why, and whom to ask."""
    (error,) = asked(estate, LEAD).errors()

    assert error.code == "FH-G002"
    assert "`release/approved-by-the-roles-of-its-tier`, `sales.orders.lines`" in error.problem
    assert error.fix == "Ask for approval by steward of sales.orders: group:idp/stewards."
    assert str(error.where).startswith("builtin/rules/release.yaml:")


@pytest.mark.parametrize(
    ("day", "author", "passes", "says"),
    [
        (21, "github:maker", True, ""),
        (22, "github:maker", False, "The waiver `fix-of-december` expired on 2011-12-21."),
        (21, "user:idp/cto", False, "The waiver `fix-of-december` was given by user:idp/cto, who made the change."),
    ],
    ids=["while it holds", "after its last day", "given by who made the change"],
)
def test_a_waiver_lets_a_change_through_a_freeze(
    tmp_path: Path, day: int, author: str, passes: bool, says: str
) -> None:
    """A waiver holds until it expires, for others than who gave it; one that does not hold is named."""
    estate = loaded(tmp_path, WAIVER)
    verdict = asked(estate, LEAD, STEWARD, now=datetime(2011, 12, day, 12, tzinfo=UTC), author=author)

    assert verdict.is_clear is passes
    assert says in " ".join(e.problem for e in verdict.errors())
    assert [r["waiver"] for r in verdict.to_json()["waived"]] == (["fix-of-december"] if passes else [])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (LEAD, None),
        (approval("user:local/lead", "user:idp/lead", assurance="local"), "FH-G004"),
        (approval("github:maker", "user:idp/lead"), "FH-G003"),
        (replace(LEAD, is_stale=True), "FH-G005"),
        (STEWARD, "FH-G006"),
    ],
    ids=["an owner", "from a shell", "the author", "before it was changed", "another role"],
)
def test_an_approval_that_does_not_count_is_refused_at_once(estate: Estate, given: Approval, code: str | None) -> None:
    """`approve` says at once what the gate would say, and names the rule."""
    said = refusal(given, needed_roles(estate, 2), "sales.orders", {"github:maker"}, Raci.of(estate), is_protected=True)

    assert (said.code if said else None) == code
    assert said is None or ("`release/" in said.problem and said.exit_code is Exit.APPROVAL)


APPROVALS = st.lists(
    st.builds(
        Approval,
        st.sampled_from(["github:a", "github:maker", "user:local/a"]),
        st.lists(st.sampled_from(["user:idp/lead", "user:idp/maker", "group:idp/stewards"]), unique=True).map(tuple),
        st.sampled_from(["local", "oidc", "token"]),
        st.just(NOW),
        st.booleans(),
    ),
    max_size=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(APPROVALS)
def test_only_another_persons_sound_approval_ever_clears_a_change(estate: Estate, approvals: list[Approval]) -> None:
    """A change of tier 2 is clear exactly when an owner who did not make it approved it as it is, known surely."""
    sound = any(
        "user:idp/lead" in a.principals
        and not {a.by, *a.principals} & {"github:maker", "user:idp/maker"}
        and a.assurance != "local"
        and not a.is_stale
        for a in approvals
    )

    assert asked(estate, *approvals, tier=2).is_clear is sound


def test_a_team_says_who_is_who_where_code_is_reviewed(estate: Estate) -> None:
    """Names of a forge stand for people and groups, whatever their case."""
    assert handles_of(estate, "github") == {
        "lead-1": ("user:idp/lead",),
        "sten": ("user:idp/sten", "group:idp/stewards"),
    }
    assert handles_of(estate, "gitlab") == {}


def test_an_estate_adds_rules_and_takes_the_place_of_those_that_come_along(tmp_path: Path) -> None:
    """A rule set over changes adds to the gate; one named `release` is the gate."""
    mine = """---
apiVersion: freehold.dev/v1
kind: RuleSet
metadata: {id: %s}
spec: {subject: change, rules: [{id: few-readers, check: readers < 3, level: warn}]}
"""
    added = asked(loaded(tmp_path, mine % "ours"))
    assert {r.rule.id for r in added.warnings} == {"ours/few-readers"}
    assert added.exit_code is Exit.APPROVAL
    instead = asked(loaded(tmp_path, mine % "release"))
    assert {r.rule.id for r in instead.results} == {"release/few-readers"}


def test_the_gate_that_comes_along_is_right(estate: Estate) -> None:
    """Every rule of `builtin/rules` types against the facts it is about."""
    for rule_set in shipped().values():
        assert compiled(rule_set, TABLES[rule_set.subject])
    assert rule_findings(estate, TABLES) == ()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (WAIVER.replace("no-change-in-freeze", "no-change-in-freze"), "FH-R007"),
        (WAIVER.replace("no-change-in-freeze", "not-approved-by-its-author"), "FH-R008"),
        (RULES.replace("change", "chnge"), "FH-R002"),
        (RULES.replace("'true'", "'true', level: stop"), "FH-R005"),
    ],
    ids=["a waiver of no rule", "a waiver that is not taken", "facts of nothing", "a level that there is not"],
)  # fmt: skip
def test_errors_of_rules_and_waivers_are_found_before_a_change_comes(tmp_path: Path, more: str, code: str) -> None:
    """`validate` names what is wrong with the rules of an estate."""
    (error,) = rule_findings(loaded(tmp_path, more), TABLES)

    assert error.code == code
    assert error.where is not None
    assert error.where.path == "estate.yaml"


def test_a_gate_with_a_wrong_rule_lets_nothing_pass(tmp_path: Path) -> None:
    """A rule that cannot be evaluated is an error, never a pass."""
    with pytest.raises(Problems, match="raeders"):
        asked(loaded(tmp_path, RULES.replace("'true'", "raeders")))


def test_the_same_change_gets_the_same_verdict(estate: Estate) -> None:
    """The gate holds no state and asks no clock."""
    first, again = asked(estate, LEAD), asked(estate, LEAD)

    assert first == again
    assert asked(estate, LEAD, now=NOW + timedelta(days=1)).to_json() == first.to_json()
