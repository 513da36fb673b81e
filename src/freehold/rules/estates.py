"""The facts of an estate as a whole: shares over its files, what evidence adds, and what people say for a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError, near
from freehold.rules.evaluating import Subject
from freehold.rules.facts import Fact, FactTable

if TYPE_CHECKING:
    from freehold.estate.model import Estate

_SHARE, _DAYS = "the share of {}, 0 to 1", "days since {}, from evidence of a year"
ESTATE = FactTable(
    "estate",
    {
        "estate": Fact("varchar", "its id"),
        "owned_products_share": Fact("double", _SHARE.format("products whose team is active")),
        "published_products_share": Fact("double", _SHARE.format("products that are published only if checks pass")),
        "scheduled_products_share": Fact("double", _SHARE.format("products that run by themselves")),
        "runbook_products_share": Fact("double", _SHARE.format("products with a runbook")),
        "audience_products_share": Fact("double", _SHARE.format("products that say for whom they are")),
        "contracted_outputs_share": Fact("double", _SHARE.format("outputs with a contract")),
        "active_contracts_share": Fact("double", _SHARE.format("outputs whose contract is active")),
        "checked_outputs_share": Fact("double", _SHARE.format("outputs with a quality rule")),
        "timed_outputs_share": Fact("double", _SHARE.format("outputs that promise a time or an age")),
        "classified_outputs_share": Fact("double", _SHARE.format("outputs with a class on every column")),
        "policed_outputs_share": Fact("double", _SHARE.format("outputs with sensitive columns that a policy covers")),
        "recently_checked_outputs_share": Fact("double", _SHARE.format("outputs checked within 7 days")),
        "passing_outputs_share": Fact("double", _SHARE.format("outputs whose blocking checks said yes when last run")),
        "protected_environment_count": Fact("bigint", "how many environments take approved changes alone"),
        "deployment_age_days": Fact("bigint", _DAYS.format("something was last released")),
        "approval_age_days": Fact("bigint", _DAYS.format("a change was last approved")),
        "rollback_age_days": Fact("bigint", _DAYS.format("something was last rolled back")),
        "incident_age_days": Fact("bigint", _DAYS.format("an incident was last opened")),
        "postmortem_age_days": Fact("bigint", _DAYS.format("a postmortem was last published")),
        "alert_age_days": Fact("bigint", _DAYS.format("an alert last reached somebody")),
        "request_age_days": Fact("bigint", _DAYS.format("a work item was last filed")),
        "usage_age_days": Fact("bigint", _DAYS.format("use was last recorded")),
        "document_age_days": Fact("bigint", _DAYS.format("a document was last signed")),
        "on_call_is_shared": Fact("boolean", "asserted: more than one person can be called", True),
        "reviews_are_blameless": Fact("boolean", "asserted: what went wrong is looked at without blame", True),
        "restore_is_rehearsed": Fact("boolean", "asserted: restoring was rehearsed within a year", True),
        "improvement_has_time": Fact("boolean", "asserted: teams have time of their own to pay back debts", True),
        "standards_are_taught": Fact("boolean", "asserted: who is new is taught how data is delivered here", True),
    },
)  # fmt: skip
QUESTIONS = tuple(name for name, fact in ESTATE.facts.items() if fact.is_asserted)


def estate_subject(
    estate: Estate,
    products: Sequence[Subject],
    assets: Sequence[Subject],
    evidence: Mapping[str, Any],
    today: date,
) -> Subject:
    """Return an estate with its facts: shares over the facts of its products and assets, and what people answered.

    An answer that has run out is not known any more.
    """
    outputs = [one.facts for one in assets if one.facts.get("is_output_port")]
    made = [one.facts for one in products]
    sensitive = [one for one in outputs if one.get("sensitive_column_count")]
    facts = {
        "estate": estate.id,
        "owned_products_share": _share(one["owner_is_active"] for one in made),
        "published_products_share": _share(one["mode"] == "publish" for one in made),
        "scheduled_products_share": _share(one["has_schedule"] for one in made),
        "runbook_products_share": _share(one["has_runbook"] for one in made),
        "audience_products_share": _share(one["has_audience"] for one in made),
        "contracted_outputs_share": _share(one["has_contract"] for one in outputs),
        "active_contracts_share": _share(one.get("contract_status") == "active" for one in outputs),
        "checked_outputs_share": _share((one.get("quality_rule_count") or 0) > 0 for one in outputs),
        "timed_outputs_share": _share(bool(one.get("has_availability")) for one in outputs),
        "classified_outputs_share": _share(one.get("classified_columns_share") == 1 for one in outputs),
        "policed_outputs_share": _share(one["is_policed"] for one in sensitive),
        "recently_checked_outputs_share": _known(outputs, "check_age_days", lambda days: days <= 7),
        "passing_outputs_share": _known(outputs, "failing_checks", lambda failing: failing == 0),
        "protected_environment_count": sum(one.protected for one in estate.environments.values()),
        **evidence,
        **answered(estate, today),
    }
    return Subject(estate.id, ESTATE.checked(facts, estate.id))


def _share(held: Iterable[bool]) -> float | None:
    every = list(held)
    return sum(every) / len(every) if every else None


def _known(outputs: Sequence[Mapping[str, Any]], name: str, holds: Any) -> float | None:
    """Return the share of outputs of which something holds; unknown where it is known of none."""
    told = [one.get(name) for one in outputs]
    return _share(value is not None and holds(value) for value in told) if any(v is not None for v in told) else None


def answered(estate: Estate, today: date) -> dict[str, bool]:
    """Return what people say is so, by question; of two answers that hold the one that holds longer."""
    answers = [answer for one in estate.assessments.values() for answer in one.answers if answer.expires >= today]
    return {
        one.question: one.holds for one in sorted(answers, key=lambda one: one.expires) if one.question in QUESTIONS
    }


def assessment_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return FH-R009 for each answer to a question that nobody asks."""
    return tuple(
        FreeholdError(
            "FH-R009",
            f"`{answer.question}` is nothing that is asked of an estate.",
            where=answer.where,
            fix=near(answer.question, QUESTIONS) or f"There are: {', '.join(QUESTIONS)}.",
        )
        for one in estate.assessments.values()
        for answer in one.answers
        if answer.question not in QUESTIONS
    )
