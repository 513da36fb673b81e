"""What is wrong with objectives, with its place, before anything is measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.foundation import FreeholdError, near
from freehold.insight.kpi import Asking, statement
from freehold.insight.objectives.declared import KIND, KeyResult, Objective, objective_of
from freehold.insight.periods import holding
from freehold.insight.registry import Kpi, kpis_of, view_of
from freehold.metrics import Scope, asked, compiled

if TYPE_CHECKING:
    from freehold.estate.document import Document
    from freehold.estate.model import Estate
    from freehold.metrics import Catalogue

_A_MONTH = holding(date(2011, 3, 7), "month")


def objective_findings(estate: Estate, known: Mapping[str, Collection[str] | None]) -> tuple[FreeholdError, ...]:
    """Return every error of the estate's objectives: FH-K004, FH-L703 to FH-L705, FH-W410, FH-W412 to FH-W414.

    Args:
        estate: the files.
        known: the names of metrics and KPIs: `{"metric": …, "kpi": …}`; None where they cannot be told.
    """
    zone = str(estate.defaults.get("timezone", "UTC"))
    errors: list[FreeholdError] = []
    for (kind, _), resource in estate.resources.items():
        if kind == KIND:
            document = resource.document
            assert document is not None, "an objective comes from a file"
            try:
                objective = objective_of(resource, zone)
                errors += _of(objective, document, known)
                errors += _of_investment(objective, document, estate, zone)
            except FreeholdError as error:
                where = document.where("spec", "period")
                errors.append(FreeholdError(error.code, error.problem, where=where, fix=error.fix))
    return tuple(errors)


def condition_findings(estate: Estate, catalogue: Callable[[], Catalogue]) -> Iterator[FreeholdError]:
    """Yield which key results have a condition that their metric or KPI cannot be asked with: FH-N….

    What is wrong with the metric itself, or with the files of either, is told as theirs.
    """
    try:
        kpis, metrics = kpis_of(estate), catalogue()
    except FreeholdError:
        return
    for (kind, id_), resource in estate.resources.items():
        said = resource.spec.get("key_results", ()) if kind == KIND else ()
        for index, one in enumerate(said):
            if "where" not in one or _refusal(one["metric"], None, kpis, metrics) is not None:
                continue
            error = _refusal(one["metric"], str(one["where"]), kpis, metrics)
            if error is not None and resource.document is not None:
                where = resource.document.where("spec", "key_results", index, "where")
                problem = f"The condition of a key result of `{id_}`: {error.problem}"
                yield FreeholdError(error.code, problem, where=where, fix=error.fix)


def _refusal(name: str, where: str | None, kpis: Mapping[str, Kpi], metrics: Catalogue) -> FreeholdError | None:
    """Return why a metric or a KPI cannot be asked for under a condition; None where it can."""
    try:
        if name in kpis:
            statement(kpis[name], _A_MONTH, _A_MONTH.end, Asking(where=where))
        else:
            compiled(Scope(metrics, view_of), asked([name], where=where))
    except FreeholdError as error:
        return error
    return None


def _of(
    objective: Objective, document: Document, known: Mapping[str, Collection[str] | None]
) -> Iterator[FreeholdError]:
    seen = set[str]()
    for index, one in enumerate(objective.key_results):
        at = ("spec", "key_results", index)
        if one.start == one.target:
            problem = f"`{one.id}` is to come from {one.start:g} to {one.target:g}, which is no way."
            fix = "Give another target."
            yield FreeholdError("FH-W410", problem, where=document.where(*at, "target"), fix=fix)
        if one.id in seen:
            problem, fix = f"`{objective.id}` has two key results `{one.id}`.", "Give one of them an `id`."
            yield FreeholdError("FH-W413", problem, where=document.where(*at), fix=fix)
        seen.add(one.id)
        yield from _of_metric(one, document, index, known)


def _of_investment(objective: Objective, document: Document, estate: Estate, zone: str) -> Iterator[FreeholdError]:
    one, at = objective.investment, ("spec", "investment")
    if one is None:
        return
    ids = [kr.id for kr in objective.key_results]
    said = document.value["spec"]["investment"]
    if (wanted := said.get("benefit", ids[0])) not in ids:
        problem = f"`{objective.id}` has no key result `{wanted}` that could be the benefit of its investment."
        fix = near(wanted, ids) or f"There are: {', '.join(ids)}."
        yield FreeholdError("FH-L703", problem, where=document.where(*at, "benefit"), fix=fix)
    last = (objective.period.end.astimezone(ZoneInfo(zone)) - timedelta(microseconds=1)).date()
    due = one.made + timedelta(days=one.reviews[-1])
    if due > last:
        problem = f"The review after {one.reviews[-1]} days is on {due}, and `{objective.id}` is measured until {last}."
        where = document.where(*at, "reviews") if "reviews" in said else document.where(*at, "made")
        yield FreeholdError("FH-L704", problem, where=where, fix=f"Let its period end on {due} or later.")
    decisions = [id_ for kind, id_ in estate.resources if kind == "Decision"]
    if one.decision and one.decision not in decisions:
        problem = f"There is no decision `{one.decision}` by which the investment was made."
        fix = near(one.decision, decisions) or "Write it under `decisions/`, or leave it out."
        yield FreeholdError("FH-L705", problem, where=document.where(*at, "decision"), fix=fix)


def _of_metric(
    one: KeyResult, document: Document, index: int, known: Mapping[str, Collection[str] | None]
) -> Iterator[FreeholdError]:
    metrics, kpis = known.get("metric"), known.get("kpi")
    if metrics is None or kpis is None:
        return
    at = ("spec", "key_results", index)
    if one.metric not in (*metrics, *kpis):
        problem = f"The key result `{one.id}` is of `{one.metric}`, which is neither a metric nor a KPI."
        fix = near(one.metric, (*metrics, *kpis)) or "`freehold metrics list` and `freehold kpi list --all` have them."
        yield FreeholdError("FH-W412", problem, where=document.where(*at, "metric"), fix=fix)
    elif one.days is not None and one.metric in kpis:
        problem = f"`{one.metric}` is a KPI, which has periods of its own."
        yield FreeholdError("FH-W414", problem, where=document.where(*at, "days"), fix="Take `days` away.")
