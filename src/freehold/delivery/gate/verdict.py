"""The verdict on a change: what blocks it, whose approval it needs, what to mind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.delivery.gate.facts import APPROVE, BLOCK, CHANGE, Proposal, answering, change_subjects
from freehold.foundation import Exit, FreeholdError
from freehold.rules.compiling import CompiledRule, compiled
from freehold.rules.evaluating import Result, Subject, evaluate
from freehold.rules.shipped import rule_sets_of
from freehold.work.roles import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.estate.operating import Waiver


@dataclass(frozen=True, slots=True)
class Needed:
    """An approval that is missing: the role, the product it is of, and who holds it."""

    role: str
    product: str
    holders: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"role": self.role, "product": self.product, "holders": list(self.holders)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a change.

    Attributes:
        results: of every rule that applies, for every changed asset.
        approvals_needed: the roles that have not approved, where a rule asks for approval.
        refused_waivers: waivers that somebody gave to a change of their own.
    """

    results: tuple[Result, ...]
    approvals_needed: tuple[Needed, ...] = ()
    refused_waivers: tuple[Waiver, ...] = ()

    @property
    def blocked(self) -> tuple[Result, ...]:
        """Rules that keep it from being released, whoever approves."""
        return self._at(BLOCK)

    @property
    def needs_approval(self) -> tuple[Result, ...]:
        """Rules that an approval would fulfil."""
        return self._at(APPROVE)

    @property
    def warnings(self) -> tuple[Result, ...]:
        """Rules that keep nothing."""
        return tuple(r for r in self.results if not r.is_pass and r.rule.level not in (BLOCK, APPROVE))

    @property
    def is_clear(self) -> bool:
        """Whether it may be released as it is."""
        return not self.blocked and not self.needs_approval

    @property
    def exit_code(self) -> Exit:
        """What a command ends with that goes by it: 1 blocked, 4 approval needed, 0."""
        return Exit.FINDING if self.blocked else Exit.APPROVAL if self.needs_approval else Exit.DONE

    def errors(self) -> tuple[FreeholdError, ...]:
        """Return what keeps it as errors, one a rule with the assets it is about, each naming its rule."""
        return (*self._told(self.blocked, "FH-G001"), *self._told(self.needs_approval, "FH-G002"))

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "verdict": {1: "blocked", 4: "approval needed"}.get(int(self.exit_code), "clear"),
            "blocked": [r.to_json() for r in self.blocked],
            "needs_approval": [r.to_json() for r in self.needs_approval],
            "warnings": [r.to_json() for r in self.warnings],
            "waived": [r.to_json() for r in self.results if r.waiver is not None],
            "refused_waivers": [w.id for w in self.refused_waivers],
            "approvals_needed": [n.to_json() for n in self.approvals_needed],
        }

    def _at(self, level: str) -> tuple[Result, ...]:
        return tuple(r for r in self.results if not r.is_pass and r.rule.level == level)

    def _told(self, results: Sequence[Result], code: str) -> Iterator[FreeholdError]:
        by_rule: dict[tuple[str, str], list[Result]] = {}
        for one in results:
            by_rule.setdefault((one.rule.id, one.reason), []).append(one)
        for (rule, reason), same in by_rule.items():
            about = ", ".join(f"`{one.subject}`" for one in same[:3]) + (f" and {len(same) - 3} more" * (len(same) > 3))
            own = next((w for w in self.refused_waivers if w.rule == rule), None)
            said = f" The waiver `{own.id}` was given by {own.approved_by}, who made the change." if own else ""
            yield FreeholdError(
                code,
                f"`{rule}`, {about}: {reason}{said}",
                where=same[0].where,
                fix=same[0].remedy,
                exit_code=Exit.APPROVAL if code == "FH-G002" else Exit.FINDING,
            )


def gate(
    changes: Sequence[Subject],
    rules: Sequence[CompiledRule],
    waivers: Iterable[Waiver],
    now: datetime,
    *,
    zone: tzinfo | None = None,
    made_by: Iterable[str] = (),
    raci: Raci | None = None,
) -> Verdict:
    """Judge a change by rules. Pure: the same facts, rules, waivers and moment give the same verdict.

    Args:
        changes: the facts of each changed asset; see `change_subjects`.
        rules: compiled against `CHANGE`.
        waivers: of any rules; one given by somebody who made the change is refused.
        now: the moment of the release.
        zone: whose days waivers expire by; default: that of `now`.
        made_by: every name of everybody who made the change.
        raci: who holds which role, so that the verdict can name them.
    """
    authors = set(made_by)
    given = list(waivers)
    own = tuple(w for w in given if w.approved_by in authors)
    results = evaluate(rules, changes, [w for w in given if w not in own], now.astimezone(zone or now.tzinfo).date())
    asking = {r.subject for r in results if not r.is_pass and r.rule.level == APPROVE}
    needed = (n for s in changes if s.id in asking for n in _needed(s.facts, raci))
    return Verdict(results, tuple(dict.fromkeys(needed)), own)


def verdict_on(proposal: Proposal, estate: Estate, now: datetime) -> Verdict:
    """Judge a proposal by the rule sets, waivers, teams and calendar of an estate.

    Give the estate that is live (or the one of the base branch): a change does not choose the rules it is judged by,
    nor who may approve it.

    Raises:
        Problems: FH-R001 to FH-R005 a rule set over changes is wrong.
    """
    rules = [rule for one in rule_sets_of(estate, "change") for rule in compiled(one, CHANGE)]
    zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
    subjects, raci = change_subjects(proposal, estate, now), Raci.of(estate)
    waivers = estate.waivers.values()
    return gate(subjects, rules, waivers, now, zone=zone, made_by=proposal.made_by, raci=raci)


def _needed(facts: Mapping[str, Any], raci: Raci | None) -> Iterator[Needed]:
    product = str(facts.get("product") or "")
    for role in filter(None, str(facts.get("missing_roles") or "").split(", ")):
        yield Needed(role, product, tuple(sorted(raci.holders(role, answering(product)))) if raci else ())
