"""What is wrong with what files declare beside data: rules, metrics, KPIs, documents, channels, objectives.

Each room judges its own kinds. A room whose kinds no file has is not imported: `freehold validate` starts fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.foundation import FreeholdError


def declared_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with what files declare beside models and contracts, each once."""
    found = (
        *_of_rules(estate),
        *_of_metrics(estate),
        *_of_kpis(estate),
        *_of_documents(estate),
        *_of_decisions(estate),
        *_of_objectives(estate),
        *_of_access(estate),
        *_of_subscriptions(estate),
        *_of_hooks(estate),
        *_of_trackers(estate),
        *_of_channels(estate),
        *_of_briefs(estate),
        *_of_alerting(estate),
        *_of_incidents(estate),
        *_of_slos(estate),
    )
    return tuple({(one.code, one.problem, one.where): one for one in found}.values())


def _of_rules(estate: Estate) -> Iterator[FreeholdError]:
    """Return what is wrong with rule sets, waivers and workflows; without any, the SQL kernel is not even imported."""
    if estate.rule_sets or estate.waivers:
        from freehold.delivery.evaluating import TABLES
        from freehold.rules import rule_findings

        yield from rule_findings(estate, TABLES)
    if estate.assessments:
        from freehold.rules.estates import assessment_findings

        yield from assessment_findings(estate)
    if estate.workflows:
        from freehold.work import workflow_findings

        yield from workflow_findings(estate)


def _of_metrics(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with metrics and policies; without any, the SQL kernel is not even imported."""
    if not estate.semantic_models and not estate.policies:
        return ()
    from freehold.metrics import metric_findings, policy_findings

    return (*metric_findings(estate), *policy_findings(estate))


def _of_kpis(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with KPIs; without any of its own, nothing is imported."""
    if not any(kind == "KPI" for kind, _ in estate.resources):
        return ()
    from freehold.insight import kpi_findings

    return kpi_findings(estate)


def _of_documents(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with documents, and with workflows that have any written; without, nothing is imported."""
    if not estate.workflows and not any(kind == "Document" for kind, _ in estate.resources):
        return ()
    from freehold.insight.documents import document_findings, entry_findings

    return (*document_findings(estate), *entry_findings(estate))


def _of_decisions(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with decisions; without any, nothing is imported."""
    if not any(kind == "Decision" for kind, _ in estate.resources):
        return ()
    from freehold.insight.naming import metrics_and_kpis
    from freehold.metrics import catalogue_of
    from freehold.work.decisions import decision_findings

    return decision_findings(estate, metrics_and_kpis(estate, lambda: catalogue_of(estate)))


def _of_objectives(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with objectives; without any, nothing is imported."""
    if not any(kind == "Objective" for kind, _ in estate.resources):
        return ()
    from freehold.insight.naming import metrics_and_kpis
    from freehold.insight.objectives import condition_findings, objective_findings
    from freehold.metrics import catalogue_of

    found = objective_findings(estate, metrics_and_kpis(estate, lambda: catalogue_of(estate)))
    return (*found, *condition_findings(estate, lambda: catalogue_of(estate)))


def _of_access(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who may what."""
    from freehold.access import access_findings

    return access_findings(estate)


def _of_subscriptions(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who is told of events; without any, nothing is imported."""
    if not any(kind == "Subscription" for kind, _ in estate.resources):
        return ()
    from freehold.connect.webhooks import subscription_findings
    from freehold.ledger import Vocabulary

    return subscription_findings(estate, Vocabulary())


def _of_hooks(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who files work items from outside; without any, nothing is imported."""
    if not any(kind == "Hook" for kind, _ in estate.resources):
        return ()
    from freehold.connect.webhooks.hooks import hook_findings

    return hook_findings(estate)


def _of_trackers(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with trackers; without any, nothing is imported."""
    if not any(kind == "Tracker" for kind, _ in estate.resources):
        return ()
    from freehold.connect.trackers import tracker_findings

    return tracker_findings(estate)


def _of_alerting(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who is notified of alerts."""
    if not any(kind == "Alerting" for kind, _ in estate.resources):
        return ()
    from freehold.reliability.alerts import alerting_findings

    return alerting_findings(estate)


def _of_incidents(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what keeps Freehold from opening incidents by the estate's own workflow; without one, nothing is said."""
    if ("Workflow", "incident") not in estate.resources:
        return ()
    from freehold.reliability.incidents import incident_findings

    return incident_findings(estate)


def _of_briefs(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with who is sent what a home page says; without any, nothing is imported."""
    if not any(kind == "Brief" for kind, _ in estate.resources):
        return ()
    from freehold.connect.messages import brief_findings
    from freehold.estate import server_of

    return brief_findings(estate, has_mail="mail" in server_of(estate.root))


def _of_channels(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with where people are told that decisions wait; without any, nothing is imported."""
    if not any(kind == "Channel" for kind, _ in estate.resources):
        return ()
    from freehold.connect.messages import channel_findings

    return channel_findings(estate)


def _of_slos(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with SLOs; without any file, nothing is imported."""
    if not any(kind == "SLO" for kind, _ in estate.resources):
        return ()
    from freehold.reliability.slo.declared import slo_findings

    return slo_findings(estate)
