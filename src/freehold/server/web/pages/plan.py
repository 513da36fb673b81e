"""The plan: what the files would change of what is in force, what the gate says of it, who decides, and applying it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.access import Access
from freehold.access.covering import Cover
from freehold.delivery.plan.markdown import described, headline, spent, told_of_metric, versioned
from freehold.delivery.plan.reached import sentence
from freehold.foundation import FreeholdError, Problems
from freehold.foundation.words import counted
from freehold.server.rights import refusal
from freehold.server.web.model import Decision, Empty, Fact, Fault, Heading, Mark, joined
from freehold.server.web.showing import Asked, Shown

if TYPE_CHECKING:
    from freehold.changing import Judgement
    from freehold.delivery.plan import AssetChange, Plan
    from freehold.metrics import Catalogue
    from freehold.metrics.comparing import Redefined
    from freehold.server.proposal import Proposal

CLASSES: dict[str, Mark] = {
    "none": Mark("idle", "none"),
    "metadata": Mark("idle", "words"),
    "additive": Mark("ok", "additive"),
    "column": Mark("warn", "column"),
    "rows": Mark("warn", "rows"),
    "breaking": Mark("bad", "breaking"),
}
_CHANGES = (
    Heading("Asset"),
    Heading("Change"),
    Heading("What", "wide", sorts=False),
    Heading("Then", sorts=False),
    Heading("Cost", "num", narrow=False),
    Heading("Readers, 30 days", "wide", sorts=False, narrow=False),
)
_NOTHING = Empty(
    "The files say what is in force",
    "Change a model, a contract or a metric, and what that would do stands here before it is done.",
    "freehold plan",
)
_SAID = {
    "approved": "Your approval is recorded.",
    "approved-before": "You had approved it already; nothing new was recorded.",
    "rejected": "Your rejection is recorded.",
    "rejected-before": "You had rejected it already; nothing new was recorded.",
    "asked": "You asked for approval; whoever holds the roles below may decide.",
}


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """What becomes of one asset."""

    asset: str
    product: str
    mark: Mark
    what: str
    because: tuple[str, ...]
    then: str
    cost: str
    readers: str


@dataclass(frozen=True, slots=True)
class MetricChange:
    """What becomes of one metric, with its formula before and after where that differs."""

    id: str
    told: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Word:
    """An approval that was recorded."""

    by: str
    at: datetime
    told: str


@dataclass(frozen=True, slots=True)
class PlanPage:
    """A plan and what the gate says of it."""

    id: str
    env: str
    is_empty: bool
    state: Mark
    title: str
    reasons: tuple[str, ...]
    faults: tuple[Fault, ...]
    advice: tuple[Fault, ...]
    rules: tuple[Fault, ...]
    warnings: tuple[str, ...]
    words: tuple[Word, ...]
    decision: Decision | None
    may_ask: bool
    may_apply: bool
    why_not_apply: str
    headings: tuple[Heading, ...]
    changes: tuple[ChangeRow, ...]
    words_only: str
    declared: tuple[str, ...]
    metrics: tuple[MetricChange, ...]
    reached: tuple[str, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    said: str
    nothing: Empty = _NOTHING


@dataclass(frozen=True, slots=True)
class InError:
    """What keeps the files from being planned."""

    state: Mark
    title: str
    faults: tuple[Fault, ...]


def plan(asked: Asked) -> Shown:
    """Show what the files would change in the shown environment; or what is wrong in them."""
    try:
        model = shown_plan(asked)
    except FreeholdError as error:
        wrong = error.errors if isinstance(error, Problems) else (error,)
        if not all(one.where or one.code == "FH-P008" for one in wrong):  # it is of no file
            raise
        return _in_error(wrong)
    proposal = proposal_for(asked)
    told = f"What the files here would change in `{model.env}`, compared with {proposal.plan.against}."
    return Shown("pages/plan.html", "Plan", model, told, nav="plan")


def proposal_for(asked: Asked) -> Proposal:
    """Return what the files would change, to be shown to somebody.

    Raises:
        FreeholdError: what is wrong in the files; FH-P008, that something is, to whom they are not all shown.
    """
    try:
        return asked.served.proposals.now(asked.snapshot.env)
    except FreeholdError as error:
        if asked.snapshot.seen is None:
            raise
        raise FreeholdError(
            "FH-P008",
            "The files of the estate are in error, so nothing can be planned.",
            fix="Ask whoever may see all of it; what is in force stays as it is.",
        ) from error


def _in_error(wrong: Sequence[FreeholdError]) -> Shown:
    faults = tuple(_fault(error, str) for error in wrong)
    model = InError(Mark("bad", "in error"), f"The files have {counted(len(faults), 'errors')}", faults)
    told = "Nothing can be planned before they are mended; what is in force stays as it is."
    return Shown("pages/plan_in_error.html", "Plan", model, told, nav="plan")


def shown_plan(asked: Asked) -> PlanPage:
    """Return the plan as its page shows it, without what the reader may not see."""
    proposal = proposal_for(asked)
    judged = proposal.judged(asked.served.snapshots.ledger)
    found, plain = _seen_by(asked, proposal)
    state, title = _state(proposal, found, judged)
    brought = proposal.judged(asked.served.snapshots.ledger, asked.who.caller("apply"))
    may_apply, why_not = _refused(asked, proposal, brought)
    open_ = judged is not None and bool(judged.verdict.needs_approval) and not found.is_blocked
    return PlanPage(
        id=found.id,
        env=found.env,
        is_empty=proposal.is_empty,
        state=state,
        title=title,
        reasons=tuple(plain(one) for one in _reasons(found, judged)),
        faults=tuple(_fault(error, plain) for error in found.findings),
        advice=tuple(_fault(error, plain) for error in found.advice),
        rules=() if found.is_blocked or judged is None else tuple(_fault(e, plain) for e in judged.verdict.errors()),
        warnings=tuple(dict.fromkeys(plain(r.remedy or r.reason) for r in judged.verdict.warnings)) if judged else (),
        words=_words(judged),
        decision=decision_on(asked, proposal, judged) if open_ or (judged and judged.rejected_by) else None,
        may_ask=open_ and judged is not None and asked.who.principal not in {one.by for one in judged.asked},
        may_apply=may_apply,
        why_not_apply=plain(why_not),
        headings=_CHANGES,
        changes=tuple(_row(c, plain) for c in found.changes if str(c.change) != "metadata"),
        words_only=_words_only(found),
        declared=tuple(map(str, found.declared)),
        metrics=tuple(_metric(one) for one in found.metrics),
        reached=tuple(_reached(found)),
        facts=tuple(_facts(proposal, found, judged)),
        notes=tuple(plain(note) for note in proposal.notes),
        said=_SAID.get(asked.word("said"), ""),
    )


def _seen_by(asked: Asked, proposal: Proposal) -> tuple[Plan, Callable[[str], str]]:
    """Return the plan without what is of products that the reader may not see, and what keeps them out of sentences.

    A product that is new with this plan is seen by whom its own files let see it; one that is there, by whom the files
    in force do.
    """
    whole, seen = asked.snapshot.whole, asked.snapshot.seen
    if whole is None or seen is None:
        return proposal.plan, lambda text: text
    known = whole.estate.products
    proposed = Access(proposal.estate).visible(asked.who.caller("see"))
    shown = seen | {product for product in proposed if product not in known}
    cover = Cover.over({*known, *proposal.estate.products}, shown)
    found = proposal.plan
    reduced = replace(
        found,
        changes=tuple(c for c in found.changes if c.product in shown),
        metrics=_metrics_seen(proposal, whole.catalogue, cover),
        dashboards=(),
        declared=(),  # their names may be those of what is hidden
        unchanged=sum(asset.rpartition(".")[0] in shown for asset in asked.snapshot.graph.assets),
        downstream=0,
    )
    reduced = replace(reduced, unchanged=max(0, reduced.unchanged - len(reduced.changes)))
    return reduced, cover.plain


def _metrics_seen(proposal: Proposal, before: Catalogue, cover: Cover) -> tuple[Redefined, ...]:
    """Return the metrics of a plan that read nothing which is hidden, neither as they are nor as they would be."""
    from freehold.metrics import catalogue_of
    from freehold.metrics.fingerprint import sources_of

    if not proposal.plan.metrics:
        return ()
    hidden = {
        metric.id
        for catalogue in (before, catalogue_of(proposal.estate))
        for metric in catalogue.metrics()
        if any(map(cover.hides, sources_of(catalogue, metric)))
    }
    return tuple(
        replace(one, through=tuple(name for name in one.through if name not in hidden))
        for one in proposal.plan.metrics
        if one.id not in hidden and not (one.product and cover.hides(one.product))
    )


def decisions_due(asked: Asked, next_: str) -> tuple[Decision, ...]:
    """Return the decisions that wait for somebody, and whether this reader's word would count.

    Raises:
        Problems: the files are in error, so that nothing can be planned.
    """
    proposal = proposal_for(asked)
    judged = proposal.judged(asked.served.snapshots.ledger)
    if judged is None or proposal.plan.is_blocked or not judged.verdict.needs_approval:
        return ()
    return (decision_on(asked, proposal, judged, next_),)


def decision_on(asked: Asked, proposal: Proposal, judged: Judgement | None, next_: str = "/plan") -> Decision:
    """Return the decision on a plan as this reader has it before them."""
    principal = asked.who.principal
    refused = proposal.refusal(judged, asked.who.caller("approve"))
    found, plain = _seen_by(asked, proposal)
    approved = judged is not None and any(one.by == principal for one in judged.approvals)
    first = judged.asked[0] if judged and judged.asked else None
    return Decision(
        item=found.id,
        what=f"plan {found.id} for {found.env}: {headline(found, None)}",
        href="/plan",
        next=next_,
        why_not=plain(f"{refused.problem} {refused.fix}") if refused else "",
        said="approved" if approved else "rejected" if judged and judged.rejected_by == principal else "",
        asked_by=first.by if first else "",
        asked_at=first.at if first else None,
    )


def products_of(proposal: Proposal) -> tuple[str, ...]:
    """Return the products that a plan touches; without any, it changes what is of no product: one empty name."""
    found = proposal.plan
    named = (*(c.product for c in found.changes), *(m.product for m in found.metrics))
    known = proposal.before.estate.products if proposal.before else proposal.estate.products
    return tuple(dict.fromkeys(name if name in known else "" for name in named)) or ("",)


def expect_a_right(asked: Asked, proposal: Proposal) -> None:
    """Make sure that somebody has a say in some of what a plan touches; which approvals count is for the gate to say.

    Raises:
        FreeholdError: FH-A113 they have none.
    """
    seen = asked.snapshot.seen
    shown = [name for name in products_of(proposal) if seen is None or not name or name in seen]
    verdicts = [asked.served.rights.may(asked.who, "approve", name) for name in shown]
    if not any(verdicts):
        raise refusal(verdicts[0]) if verdicts else _more_than_seen(proposal)


def expect_all_rights(asked: Asked, proposal: Proposal) -> None:
    """Make sure that somebody may put in force all that a plan touches.

    Raises:
        FreeholdError: FH-A113 some of it they may not, or not even see.
    """
    seen = asked.snapshot.seen
    for name in products_of(proposal):
        if seen is not None and name and name not in seen:
            raise _more_than_seen(proposal)
        verdict = asked.served.rights.may(asked.who, "apply", name)
        if not verdict:
            raise refusal(verdict)


def _more_than_seen(proposal: Proposal) -> FreeholdError:
    told = f"Plan `{proposal.plan.id}` changes more than you may see."
    return FreeholdError("FH-A113", told, fix="Ask whoever may see all of it.")


def expect_applicable(proposal: Proposal, judged: Judgement | None) -> None:
    """Make sure that nothing stands against putting a plan in force.

    Raises:
        FreeholdError: the first finding, rule or missing approval that does; FH-G010 somebody rejected it.
    """
    if proposal.is_empty:
        raise FreeholdError(
            "FH-G011",
            f"Plan `{proposal.plan.id}` changes nothing in `{proposal.plan.env}`.",
            fix="Look at `/deployments`: it may be applied already.",
        )
    if proposal.plan.findings:
        raise proposal.plan.findings[0]
    if judged is not None and judged.rejected_by:
        raise FreeholdError(
            "FH-G010",
            f"Plan `{proposal.plan.id}` was rejected by `{judged.rejected_by}`.",
            fix="Have them approve it, or change it.",
        )
    if judged is not None and (errors := judged.verdict.errors()):
        raise errors[0]


def _refused(asked: Asked, proposal: Proposal, judged: Judgement | None) -> tuple[bool, str]:
    """Return whether this reader may put the plan in force, and what to say of it where the page does not already."""
    if proposal.is_empty:
        return False, ""
    try:
        expect_all_rights(asked, proposal)
    except FreeholdError as error:
        return False, error.problem
    try:
        expect_applicable(proposal, judged)
    except FreeholdError as error:
        own = judged is not None and any(one.by == asked.who.principal for one in judged.approvals)
        told = "You approved it, and whoever applies it counts as its author: have somebody else apply it."
        return False, told if own and error.code == "FH-G002" else ""
    return True, ""


def _state(proposal: Proposal, found: Plan, judged: Judgement | None) -> tuple[Mark, str]:
    if proposal.is_empty:
        return Mark("idle", "nothing"), "Nothing to do"
    told = headline(found, judged.verdict if judged else None)
    told = f"{told[0].upper()}{told[1:]}"
    if found.is_blocked or (judged and judged.verdict.blocked):
        return Mark("bad", "blocked"), told
    if judged and judged.rejected_by:
        return Mark("bad", "rejected"), f"Rejected by {judged.rejected_by}"
    if judged and judged.verdict.needs_approval:
        return Mark("warn", "approval needed"), f"Approval needed: {headline(found, None)}"
    return Mark("ok", "may be applied"), f"May be applied: {told[0].lower()}{told[1:]}"


def _reasons(found: Plan, judged: Judgement | None) -> Iterator[str]:
    """Yield why a plan stands as it does: what blocks it; else who is to decide."""
    if found.is_blocked:
        yield from (one.problem for one in found.findings)
        return
    if judged is None:
        yield "Nothing is in force yet, so there is nobody whom it could harm."
        return
    for needed in judged.verdict.approvals_needed:
        yield f"the {needed.role} of {needed.product}: {joined(needed.holders) or 'nobody holds the role'}"


def _words(judged: Judgement | None) -> tuple[Word, ...]:
    if judged is None:
        return ()
    how = {"local": "by a shell alone"}
    return tuple(Word(one.by, one.given_at, how.get(one.assurance, "signed in")) for one in judged.approvals)


def _row(change: AssetChange, plain: Callable[[str], str]) -> ChangeRow:
    readers = ", ".join(f"{r.name.rpartition('/')[2]} ({r.reads:,})" for r in change.readers)
    then = str(change.action) + (f", {counted(change.intervals, 'intervals')}" if change.intervals > 1 else "")
    own = change.own <= change.own.METADATA
    return ChangeRow(
        asset=change.asset,
        product=change.product,
        mark=CLASSES[str(change.change)],
        what=described(change),
        because=tuple(name.rpartition(".")[2] for name in change.because if plain(name) == name) if own else (),
        then=then,
        cost="" if change.seconds is None else spent(change.seconds),
        readers=readers,
    )


def _metric(one: Redefined) -> MetricChange:
    shows = one.is_another_number and not one.through
    return MetricChange(one.id, told_of_metric(one), one.before if shows else "", one.after if shows else "")


def _words_only(found: Plan) -> str:
    words = [c for c in found.changes if str(c.change) == "metadata"]
    if not words:
        return ""
    products = sorted({c.product for c in words})
    return f"Words only, nothing to build: {counted(len(words), 'assets')} of {joined(products)}."


def _reached(found: Plan) -> Iterator[str]:
    """Say who outside is reached, and which versions stay beside."""
    for one in found.dashboards:
        yield sentence(one).replace("**", "")
    for change in found.changes:
        if change.beside is not None:
            yield versioned(change).replace("**", "")
    for error in found.unread:
        yield f"Not known whom this reaches: {error.problem}"


def _facts(proposal: Proposal, found: Plan, judged: Judgement | None) -> Iterator[Fact]:
    yield Fact("Plan", found.id, is_code=True)
    yield Fact("Environment", f"{found.env}{', protected' if proposal.is_protected else ''}")
    yield Fact("Commit", proposal.commit[:12] or "the files are not all in git", is_code=bool(proposal.commit))
    yield Fact("To build", f"{counted(len(found.built), 'assets')}, {found.unchanged:,} unchanged")
    if found.seconds is not None:
        yield Fact("By past runs", spent(found.seconds))
    if judged and judged.asked:
        first = judged.asked[0]
        yield Fact("Asked for", f"by {first.by}", at=first.at)
    yield Fact("Looked at", at=proposal.taken_at)


def _fault(error: FreeholdError, plain: Callable[[str], str]) -> Fault:
    return Fault(error.code, plain(error.problem), plain(error.fix), plain(str(error.where)) if error.where else "")
