"""The facts of a change, one row for each asset it changes: what the rules of a release are written in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.delivery.gate.approvals import Approval, Counted, counted, needed_roles
from freehold.estate.calendars import Freeze, days_of
from freehold.estate.durations import seconds
from freehold.rules.evaluating import Subject
from freehold.rules.facts import Fact, FactTable
from freehold.work.clocks import span, working_time
from freehold.work.roles import Raci

if TYPE_CHECKING:
    from freehold.estate.model import Estate

BLOCK, APPROVE, WARN = "block", "approve", "warn"
ESTATE = "the estate"
"""The product of a change that is of none: of environments, teams, tiers, rules, waivers, calendars."""
CHANGE = FactTable(
    "change",
    {
        "env": Fact("varchar", "the environment it is for"),
        "env_protected": Fact("boolean", "whether that environment is protected"),
        "asset": Fact("varchar", "the asset or the metric that changes"),
        "product": Fact("varchar", "the product of the asset, or in whose folder the metric is"),
        "tier": Fact("bigint", "the tier of the product, 1 the highest"),
        "change": Fact("varchar", "none, metadata, additive, column, rows or breaking"),
        "is_output": Fact("boolean", "whether consumers are promised the asset"),
        "readers": Fact("bigint", "how many have read it, or asked for the metric, in 30 days"),
        "metric": Fact("varchar", "of a metric its status in force: certified, draft, deprecated or new; else empty"),
        "days_to_sunset": Fact("bigint", "of a deprecated metric, how many days it is still to be answered"),
        "findings": Fact("bigint", "how many findings of the plan stand against it"),
        "has_version_bump": Fact("boolean", "whether its contract takes the version that the change asks for"),
        "notice_days": Fact("bigint", "how many days ahead its readers were told"),
        "needed_notice_days": Fact("bigint", "how many days ahead its tier promises to tell them"),
        "is_frozen": Fact("boolean", "whether the calendar is frozen today"),
        "freeze": Fact("varchar", "why it is frozen"),
        "freeze_until": Fact("date", "the last day of the freeze"),
        "author": Fact("varchar", "who made the change"),
        "approvals": Fact("bigint", "how many approvals there are, whether they count or not"),
        "approvals_of_owner": Fact("bigint", "1 if an owner's approval counts, else 0"),
        "approvals_of_steward": Fact("bigint", "1 if a steward's approval counts, else 0"),
        "approvals_by_author": Fact("bigint", "approvals by those who made the change; they do not count"),
        "approvals_local": Fact("bigint", "approvals that a shell alone vouches for; protected, they do not count"),
        "approvals_stale": Fact("bigint", "approvals given before the last change; they do not count"),
        "approvals_without_role": Fact("bigint", "approvals by people without any role; they do not count"),
        "needed_approvals": Fact("bigint", "how many roles its tier asks for"),
        "missing_approvals": Fact("bigint", "how many of them have not approved"),
        "missing_roles": Fact("varchar", "which of them have not"),
        "may_approve": Fact("varchar", "who holds those"),
    },
    (BLOCK, APPROVE, WARN),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan says of one asset that a change touches.

    Attributes:
        change: `none`, `metadata`, `additive`, `column`, `rows` or `breaking`.
        readers: how many have read it in 30 days.
        findings: how many findings of the plan stand against it.
        metric: of a metric the status that is in force, `new` where there was none; empty for an asset.
        is_certified: whether it is a metric that is certified or would be, which its owner approves whatever the tier.
        sunset: of a metric, the last day on which it is answered, where one was told.
        has_version_bump, notice_days: None where it is not known; the rules that ask then cannot pass.
    """

    asset: str
    product: str
    tier: int
    change: str
    is_output: bool
    readers: int = 0
    findings: int = 0
    has_version_bump: bool | None = None
    notice_days: int | None = None
    metric: str = ""
    is_certified: bool = False
    sunset: date | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of an environment as it is brought to the gate.

    Attributes:
        author: who brought it, for people to read.
        is_protected: whether it is one, whatever the estate says that judges.
        authors: every name of everybody who made it: principals, and `github:NAME` or `gitlab:NAME`.
    """

    env: str
    changes: tuple[Change, ...]
    author: str = ""
    authors: frozenset[str] = frozenset()
    approvals: tuple[Approval, ...] = ()
    is_protected: bool = False

    @property
    def made_by(self) -> Collection[str]:
        """Everybody who made it, the one who brought it among them."""
        return self.authors | {self.author} if self.author else self.authors


def change_subjects(proposal: Proposal, estate: Estate, now: datetime) -> tuple[Subject, ...]:
    """Return the facts of each changed asset.

    `estate` says who answers: give the one that is live, not the changed one.

    Args:
        proposal: what is to be released where.
        estate: its environments, tiers, teams and calendar.
        now: the moment of the release.
    """
    raci, freeze = Raci.of(estate), _freeze(estate, now)
    return tuple(
        Subject(change.asset, CHANGE.checked(_facts(change, proposal, estate, raci, freeze, now), change.asset))
        for change in proposal.changes
    )


def _facts(
    change: Change, proposal: Proposal, estate: Estate, raci: Raci, freeze: Freeze | None, now: datetime
) -> dict[str, Any]:
    declared = estate.environment(proposal.env)
    is_protected = proposal.is_protected or bool(declared and declared.protected)
    found = counted(
        proposal.approvals,
        roles_asked(estate, change),
        answering(change.product),
        proposal.made_by,
        raci,
        is_protected=is_protected,
    )
    return {
        "env": proposal.env,
        "env_protected": is_protected,
        "asset": change.asset,
        "product": change.product,
        "tier": change.tier,
        "change": change.change,
        "is_output": change.is_output,
        "readers": change.readers,
        "metric": change.metric,
        "days_to_sunset": (change.sunset - now.astimezone(UTC).date()).days if change.sunset else None,
        "findings": change.findings,
        "has_version_bump": change.has_version_bump,
        "notice_days": change.notice_days,
        "needed_notice_days": needed_notice(estate, change.tier, now),
        "is_frozen": freeze is not None,
        "freeze": freeze.reason or "a freeze of the calendar" if freeze else None,
        "freeze_until": freeze.last if freeze else None,
        "author": proposal.author or None,
        "approvals": len(proposal.approvals),
        **_of_approvals(found, change.product, raci),
    }


def _of_approvals(found: Counted, product: str, raci: Raci) -> dict[str, Any]:
    holders = sorted({person for role in found.missing for person in raci.holders(role, answering(product))})
    return {
        "approvals_of_owner": int("owner" in found.given),
        "approvals_of_steward": int("steward" in found.given),
        "approvals_by_author": len(found.of_author),
        "approvals_local": len(found.local),
        "approvals_stale": len(found.stale),
        "approvals_without_role": len(found.of_nobody),
        "needed_approvals": len(found.needed),
        "missing_approvals": len(found.missing),
        "missing_roles": ", ".join(found.missing) or None,
        "may_approve": ", ".join(holders) or ("nobody: name them in the file of the team" if found.missing else None),
    }


def roles_asked(estate: Estate, change: Change) -> tuple[str, ...]:
    """Return the roles that approve a change: those of its tier; of a certified metric at least its owner."""
    asked = needed_roles(estate, change.tier)
    return asked or (("owner",) if change.is_certified else ())


def answering(product: str) -> str:
    """Return the product whose roles answer for a change of one; for the estate itself those of any team do."""
    return "" if product == ESTATE else product


def _freeze(estate: Estate, now: datetime) -> Freeze | None:
    calendar = estate.calendars.get(str(estate.defaults.get("calendar", "")))
    zone = ZoneInfo(str(estate.defaults.get("timezone", "UTC")))
    return days_of(calendar).freeze_on(now.astimezone(zone).date())


def needed_notice(estate: Estate, tier: int, now: datetime) -> int:
    """Return the notice of a tier in days; business days are counted on the calendar, from now."""
    said = str(estate.defaults.get("tiers", {}).get(tier, {}).get("notice", "0d"))
    if said.endswith("bd"):
        ahead = working_time(estate).after(now, span(said)) - now
        return ceil(ahead / timedelta(days=1))
    length = seconds(said[:-1], said[-1])
    return ceil((length or 0) / 86_400)
