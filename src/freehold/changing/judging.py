"""The gate as whoever brings a change meets it: who made it, who approved it, and by whose rules it is judged."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from freehold.foundation import Caller, Exit, FreeholdError, SystemClock
from freehold.foundation.caller import is_a_job

if TYPE_CHECKING:
    from freehold.connect.reviews import PullRequest, Review
    from freehold.connect.reviews.identity import CiIdentity
    from freehold.delivery.gate import Approval, Change, Needed, Verdict
    from freehold.delivery.notices import Sent
    from freehold.delivery.plan import AssetChange, Plan, Version
    from freehold.estate.model import Estate
    from freehold.foundation.caller import Assurance
    from freehold.ledger import Event, Ledger
    from freehold.metrics.comparing import Redefined
    from freehold.work import Raci


_GOVERNING = ("Estate", "Team", "Calendar", "RuleSet", "Waiver", "Assessment", "Workflow", "DataPolicy")
_NAMESPACE = uuid.UUID("0b5a2a64-6d0e-4f3c-9a55-2f1c7a0d9e41")


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody's asking for approval of a change, by which they are one of its authors."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gate says of a plan, by the estate that is in force; and the review it went by, if there was one.

    Attributes:
        approvals: those that were recorded here, whether they count or not.
        authors: every name of everybody who is known to have made the change, or to have asked for its approval.
        asked: who asked for approval here and when, the first first.
    """

    verdict: Verdict
    review: Review | None = None
    rejected_by: str = ""
    approvals: tuple[Approval, ...] = ()
    authors: frozenset[str] = frozenset()
    asked: tuple[Asked, ...] = ()

    @property
    def exit_code(self) -> Exit:
        """0 clear, 1 blocked or rejected, 4 an approval is missing."""
        return Exit.FINDING if self.rejected_by else self.verdict.exit_code


def judgement(
    found: Plan,
    estate: Estate,
    before: Version | None,
    ledger: Ledger | None,
    *,
    brought_by: Caller | None,
    is_release: bool = False,
    commit: str = "",
) -> Judgement | None:
    """Judge a plan by the rules, teams and waivers that are in force, not those that it brings.

    Args:
        found: what would change.
        estate: the files it is made from.
        before: what it was compared with; None where nothing is in force, so that nobody can be harmed.
        ledger: where approvals and rejections were recorded; None on a machine that has none.
        brought_by: who brings it to the gate, and is taken for its author where no review tells of one; None for
            somebody who only looks.
        is_release: whether it is about to be applied, and not only looked at.
        commit: what the files are in git, where they are all in it; a review approves nothing else.

    Raises:
        FreeholdError: FH-H001 to FH-H009 the forge cannot be asked.
    """
    if before is None:
        return None
    law, now = before.estate, SystemClock().now()
    is_protected = _is_protected(found.env, estate, law)
    review = _review(law, now, commit if is_release else None) if is_protected else None
    recorded, rejected_by = _recorded(found.id, ledger)
    asked = _asked(found.id, ledger)
    told = _notices(ledger)
    changes = (*changes_in_plan(found, told, law), *changes_of_estate(estate, law))
    makers = _makers(review, asked, brought_by)
    verdict = _verdict(found.env, changes, law, now, review, recorded, makers, is_protected=is_protected)
    if is_release and is_protected and commit and before.commit:
        verdict = _of_every_commit(verdict, found.env, before, now, told, brought_by)
    return Judgement(verdict, review, rejected_by, recorded, frozenset(makers), asked)


def _makers(review: Review | None, asked: Sequence[Asked], brought_by: Caller | None) -> tuple[str, ...]:
    """Return every name of everybody who made a change, whoever is named as its author first."""
    reviewed = (review.author, *sorted(review.authors)) if review else ()
    brought = (brought_by.principal,) if brought_by and not review else ()
    return tuple(dict.fromkeys((*reviewed, *brought, *(one.by for one in asked))))


def _verdict(
    env: str,
    changes: tuple[Change, ...],
    law: Estate,
    now: datetime,
    review: Review | None,
    recorded: tuple[Approval, ...],
    makers: Sequence[str],
    *,
    is_protected: bool,
) -> Verdict:
    from freehold.delivery.gate import Proposal, verdict_on

    proposal = Proposal(
        env=env,
        changes=changes,
        author=next(iter(makers), ""),
        is_protected=is_protected,
        authors=frozenset(makers),
        approvals=(*(review.approvals if review else ()), *recorded),
    )
    return verdict_on(proposal, law, now)


def _of_every_commit(
    whole: Verdict, env: str, before: Version, now: datetime, told: Sequence[Sent], brought_by: Caller | None
) -> Verdict:
    """Judge the commits since what is applied one by one, each by its own review, where there are several.

    Otherwise whoever approved the last of them would have approved those before it, unseen.
    """
    from freehold.delivery.plan import at_revision
    from freehold.delivery.plan import plan as plan_of
    from freehold.delivery.plan.versions import commits_since
    from freehold.opening import chosen_environment, dialect_of

    law = before.estate
    commits = commits_since(law.root, before.commit)
    if len(commits) < 2:
        return whole
    results = [r for r in whole.results if r.rule.level != "approve"]
    left = {r.subject for r in whole.results}  # what a later commit took back is nobody's to approve
    needed: list[Needed] = []
    for commit in commits:
        then, now_at = at_revision(law.root, f"{commit}^"), at_revision(law.root, commit)
        if now_at is None:
            continue
        estate = now_at.estate
        found = plan_of(estate, then, env, dialect_of(estate, chosen_environment(estate, env)))
        before_it = then.estate if then is not None else law
        changes = (*changes_in_plan(found, told, law), *changes_of_estate(estate, before_it, law))
        changes = tuple(c for c in changes if c.asset in left)
        review = _review(law, now, commit)
        one = _verdict(env, changes, law, now, review, (), _makers(review, (), brought_by), is_protected=True)
        results += [r for r in one.results if r.rule.level == "approve"]
        needed += one.approvals_needed
    return replace(whole, results=tuple(results), approvals_needed=tuple(dict.fromkeys(needed)))


def events_of(
    found: Plan, judged: Judgement | None, commit: tuple[str, datetime] | None, ledger: Ledger, brought_by: Caller
) -> Iterator[Event]:
    """Say what is applied, by which rules, who approved it, and which commit it came with."""
    from freehold.rules import changed, last_results

    if judged is not None:
        subjects = {one.subject for one in judged.verdict.results}
        last = {k: v for one in subjects for k, v in last_results(ledger, subject=one, env=found.env).items()}
        yield from changed(judged.verdict.results, last, env=found.env, correlation_id=found.id)
    review = judged.review if judged else None
    yield proposal_of(found, review.author if review else brought_by.principal, commit[0] if commit else None)
    for approval in review.approvals if review else ():
        if not approval.is_stale and approval.identities.isdisjoint(review.authors if review else ()):
            yield _told(found, "change.approved", {"change_id": found.id, "approver": approval.by})
    if commit is not None:
        merged = {"change_id": found.id, "commit": commit[0], "merged_at": commit[1].isoformat()}
        yield _told(found, "change.merged", merged)


def proposal_of(found: Plan, author: str, commit: str | None) -> Event:
    """Say that somebody proposes a change, and what is in it."""
    worst = max((c.change for c in found.changes), default=None)
    spoken = {"BREAKING": "breaking", "ADDITIVE": "additive", "NONE": "none", "METADATA": "none"}
    content = {
        "change_id": found.id,
        "resources": [*(c.asset for c in found.changes), *(m.id for m in found.metrics)],
        "breaking": spoken.get(worst.name if worst is not None else "NONE", "none"),
        "author": author,
        "head": commit,
    }
    return _told(found, "change.proposed", content)


def _told(found: Plan, type_: str, content: dict[str, Any]) -> Event:
    """Return an event of a change; told again, when it is applied again after a failure, it is the same one."""
    from freehold.ledger import Event

    name = json.dumps([type_, found.env, content], sort_keys=True)
    return Event(type_, content, id=str(uuid.uuid5(_NAMESPACE, name)), env=found.env, subject=found.id)


def expect_to_count(
    found: Plan, estate: Estate, before: Version | None, judged: Judgement | None, caller: Caller
) -> None:
    """Refuse an approval that could not count, before it is recorded.

    Raises:
        FreeholdError: FH-G003 to FH-G006, each naming its rule; FH-G011 there is nothing to approve.
    """
    from freehold.delivery.gate import Approval, answering, refusal, roles_asked
    from freehold.work import Raci

    law = before.estate if before else estate
    is_protected = _is_protected(found.env, estate, law)
    approval = Approval(caller.principal, (caller.principal, *caller.groups), caller.assurance, SystemClock().now())
    authors = judged.authors if judged else frozenset[str]()
    changes = (*changes_in_plan(found, (), law), *changes_of_estate(estate, law))
    if not changes:
        raise FreeholdError(
            "FH-G011",
            f"Plan `{found.id}` changes nothing in `{found.env}` that anybody approves.",
            fix="See `freehold plan`.",
            exit_code=Exit.USAGE,
        )
    raci = Raci.of(law)
    refused = [
        refusal(approval, roles_asked(law, c), answering(c.product), authors, raci, is_protected=is_protected)
        for c in changes
    ]
    if all(refused):
        raise next(error for error in refused if error is not None)


def expect_a_say(found: Plan, estate: Estate, before: Version | None, judged: Judgement | None, caller: Caller) -> None:
    """Refuse a rejection by somebody who neither made the change nor holds any role of what it touches.

    Whoever is at the shell can change the files, and so has a say.

    Raises:
        FreeholdError: FH-G006 it would stop what is not theirs.
    """
    from freehold.delivery.gate import answering
    from freehold.work import Raci

    law = before.estate if before else estate
    names, raci = {caller.principal, *caller.groups}, Raci.of(law)
    if caller.assurance == "local" or (judged is not None and not judged.authors.isdisjoint(names)):
        return
    changes = (*changes_in_plan(found, (), law), *changes_of_estate(estate, law))
    for change in changes:
        product = answering(change.product)
        roles = raci.roles_of(names, product) if product else any(_holds_any(law, raci, names))
        if roles:
            return
    raise FreeholdError(
        "FH-G006",
        f"`{caller.principal}` holds no role of anything that plan `{found.id}` touches.",
        fix="Tell those who do: the page of the plan names them.",
        exit_code=Exit.APPROVAL,
    )


def _holds_any(law: Estate, raci: Raci, names: set[str]) -> Iterator[bool]:
    roles = {role for team in law.teams.values() for role in team.roles}
    return (not raci.holders(role).isdisjoint(names) for role in roles)


def _is_protected(env: str, *estates: Estate) -> bool:
    """Whether any of the estates protects an environment: to take the protection away is a change like any other."""
    return any(declared.protected for estate in estates if (declared := estate.environment(env)) is not None)


def changes_in_plan(found: Plan, told: Sequence[Sent], law: Estate, *, now: datetime | None = None) -> Iterator[Change]:
    """Yield what a plan says of each asset, as the gate wants it; `told` are the notices that were sent.

    A product is of the tier it has, or would have, whichever asks for more.
    """
    from freehold.delivery.gate import Change

    for one in found.changes:
        known = law.products.get(one.product)
        yield Change(
            asset=one.declared or one.asset,
            product=one.product,
            tier=min(one.tier, known.tier) if known is not None else one.tier,
            change=str(one.change),
            is_output=one.is_output,
            readers=len(one.readers),
            has_version_bump=not found.findings if one.broken else None,
            notice_days=_notice_days(one, told, now or SystemClock().now()),
        )
    for metric in found.metrics:
        yield _of_metric(metric, law)


def _of_metric(one: Redefined, law: Estate) -> Change:
    """Return the change of a metric: by its definition rows change, by its going something breaks, else only words."""
    from freehold.delivery.gate import ESTATE, Change

    known = law.products.get(one.product)
    tiers = law.defaults.get("tiers", {})
    return Change(
        asset=one.id,
        product=one.product or ESTATE,
        tier=known.tier if known is not None else min(tiers, default=1),
        change={"removed": "breaking", "changed": "rows", "added": "additive"}.get(one.what, "metadata"),
        is_output=False,
        readers=one.readers,
        metric=one.status[0] or "new",
        is_certified=one.is_certified,
        sunset=one.sunset,
    )


def changes_of_estate(estate: Estate, before: Estate, law: Estate | None = None) -> Iterator[Change]:
    """Yield a change of the estate itself, where it differs in what is of no product.

    Environments, connections, teams, tiers, rules, waivers, workflows, calendars: who changes them changes who may
    change the rest, so the strictest tier answers for them.
    """
    from freehold.delivery.gate import ESTATE, Change

    keys = {*estate.hashes, *before.hashes}
    governing = (k for k in keys if k.partition(":")[0] in _GOVERNING)
    if any(estate.hashes.get(k) != before.hashes.get(k) for k in governing):
        tiers = (law or before).defaults.get("tiers", {})
        yield Change(asset="estate", product=ESTATE, tier=min(tiers, default=1), change="metadata", is_output=False)


def _notice_days(one: AssetChange, told: Sequence[Sent], now: datetime) -> int:
    """Return how many days before a change takes something from readers they were told of it."""
    from freehold.delivery.notices import days_ahead

    takes_effect = one.beside.until if one.beside else now.astimezone(UTC).date()
    return days_ahead(told, (one.asset, one.declared, one.product), one.version, takes_effect)


def _notices(ledger: Ledger | None) -> tuple[Sent, ...]:
    from freehold.delivery.notices import sent_notices

    return sent_notices(ledger) if ledger is not None else ()


def _recorded(plan: str, ledger: Ledger | None) -> tuple[tuple[Approval, ...], str]:
    """Return the approvals of a plan that were recorded here, and who rejected it last, if that was the last word."""
    from freehold.delivery.gate import Approval

    if ledger is None:
        return (), ""
    approvals: dict[str, Approval] = {}
    rejected_by = ""
    for event in ledger.read(types=("change.approved", "decision.recorded"), subject=plan):
        if event.type == "change.approved" and event.data.get("approver") == event.actor:
            assurance: Assurance = "local" if event.assurance == "local" else "token"
            principals = (event.actor, *(str(name) for name in event.data.get("groups") or ()))
            approvals[event.actor] = Approval(event.actor, principals, assurance, event.occurred_at)
            rejected_by = "" if event.actor == rejected_by else rejected_by
        elif event.type == "decision.recorded" and event.data["decision"] == "rejected":
            approvals.pop(event.actor, None)
            rejected_by = event.actor
    return tuple(approvals.values()), rejected_by


def _asked(plan: str, ledger: Ledger | None) -> tuple[Asked, ...]:
    """Return who asked for approval of a plan here, or tried to put it in force."""
    if ledger is None:
        return ()
    told = ledger.read(types=("change.proposed",), subject=plan)
    return tuple(Asked(str(e.data["author"]), e.occurred_at) for e in told if e.data.get("author"))


def _review(law: Estate, now: datetime, commit: str | None) -> Review | None:
    """Return the code review that a CI job runs for: of its pull request, or, for a release, of a commit.

    None outside of CI, where the estate names no forge, and for a release of files that are not all in git.
    """
    said = law.reviews
    if not said or not os.environ.get("CI") or commit == "":
        return None
    from freehold.connect.reviews import Forge, pull_request_here, pull_request_of, review_of
    from freehold.delivery.gate import handles_of

    forge = Forge.at(said["forge"], said["token"], environ=os.environ, api=said.get("api", ""))
    asked: PullRequest | None = pull_request_here(os.environ)
    if commit is not None:
        asked = pull_request_of(commit, said["repository"], forge)
    if asked is None:
        return None
    branch = f"refs/heads/{said.get('branch', 'main')}"
    identity = _identity(
        said, (branch,) if commit is not None else (branch, "refs/pull/*", "refs/merge-requests/*"), now
    )
    return review_of(asked, forge, handles_of(law, said["forge"]), identity=identity)


def _identity(said: Mapping[str, Any], refs: tuple[str, ...], now: datetime) -> CiIdentity | None:
    from freehold.connect.reviews import GITHUB_ISSUER, GITLAB_ISSUER, identity_token, verified

    if is_a_job():
        return None  # it acts for whoever asked, not for what the environment of the server could prove
    audience = said.get("audience", "freehold")
    try:
        token = identity_token(audience, os.environ)
    except FreeholdError as error:
        if error.code != "FH-H009":
            raise
        return None  # a job without an identity: what it reads is vouched for by its shell alone
    issuer = said.get("issuer") or {"github": GITHUB_ISSUER, "gitlab": GITLAB_ISSUER}[said["forge"]]
    return verified(token.reveal(), issuer=issuer, audience=audience, repository=said["repository"], refs=refs, now=now)


def exit_code(found: Plan, judged: Judgement | None) -> Exit:
    """Return what a command ends with that goes by a plan: 0, 1 where something is against it, 4 for an approval."""
    return found.exit_code if found.is_blocked or judged is None else judged.exit_code


def plan_object(found: Plan, judged: Judgement | None) -> dict[str, Any]:
    """Return a plan with its judgement for machines."""
    told = found.to_json()
    if judged is not None:
        told["gate"] = judged.verdict.to_json() | {"rejected_by": judged.rejected_by or None}
        if not found.is_blocked and exit_code(found, judged):
            told["verdict"] = "rejected" if judged.rejected_by else judged.verdict.to_json()["verdict"]
    return told
