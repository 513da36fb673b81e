"""What a version of the estate would change in an environment: the plan that commands, pages and the API show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.changing.checking import declared_findings
from freehold.foundation.words import counted
from freehold.opening import Tell, chosen_environment, dialect_of, quietly, tool_of

if TYPE_CHECKING:
    from freehold.connect.bi import Told
    from freehold.connect.dbt import Project
    from freehold.delivery.plan import Join, Plan, Version
    from freehold.estate.dashboards import Dashboard
    from freehold.estate.model import Environment, Estate
    from freehold.foundation import FreeholdError
    from freehold.ledger import Ledger


def planned(
    estate: Estate,
    env: str | None,
    *,
    base: str | None = None,
    base_dbt: tuple[Path, ...] = (),
    ledger: Ledger | None = None,
    first: bool = False,
    compiled: tuple[Project, ...] | None = None,
    tell: Tell = quietly,
) -> tuple[Plan, Version | None]:
    """Return what an estate would change in an environment, and what it was compared with: what is deployed, or git.

    `ledger` is the one of the estate, None where there is none; with `first`, where nothing was applied nothing is
    compared with, whatever git holds. `compiled` are the dbt projects as dbt compiles them now, where it was asked.
    """
    from datetime import UTC

    from freehold.delivery.plan import NO_PAST, KeptMeanings, at_revision, past_of
    from freehold.delivery.plan import plan as plan_of
    from freehold.delivery.template import KeptCompiled
    from freehold.foundation import SystemClock

    chosen = chosen_environment(estate, env)
    kept, templates = KeptMeanings(estate.root), KeptCompiled(estate.root)
    before, past = None, NO_PAST
    if ledger is not None:
        past = past_of(ledger, chosen.name)
        before = _deployed(estate, chosen, ledger) if base is None else None
    if before is None and not first:
        before = at_revision(estate.root, base)
    against, join = before, None
    exposures: tuple[Dashboard, ...] = ()
    if estate.dbt or base_dbt:
        against, join, exposures = _with_dbt(estate, before, chosen.name, base_dbt, compiled or (), tell)
    dialect = dialect_of(estate, chosen)
    files = estate
    estate, against = _placed(estate, against, chosen.name, ledger if base is None else None)
    told = dashboards_of(estate, dialect)
    found = plan_of(
        *(estate, against, chosen.name, dialect),
        past=past,
        kept=kept,
        compiled=templates,
        dashboards=(*told.dashboards, *exposures, *_metrics_reached(estate, against)),
        unread=told.errors,
        join=join,
        today=SystemClock().now().astimezone(UTC).date(),
    )
    kept.save()
    templates.save()
    return _held_against(found, files, before), before


def _held_against(found: Plan, estate: Estate, before: Version | None) -> Plan:
    """Return a plan with what is wrong in the files it is made from, as `freehold validate` says it.

    What the files in force have wrong, too, is advice: it came by another Freehold than this, and keeps no mend out.
    """
    known = {_said(one) for one in (*found.findings, *found.advice)}
    wrong = [one for one in _wrong_in(estate) if _said(one) not in known]
    if not wrong:
        return found
    in_force = {_said(one) for one in _wrong_in(before.estate)} if before is not None else frozenset()
    new = (one for one in wrong if _said(one) not in in_force)
    old = (one for one in wrong if _said(one) in in_force)
    return replace(found, findings=(*found.findings, *new), advice=(*found.advice, *old))


def _wrong_in(estate: Estate) -> tuple[FreeholdError, ...]:
    return (*estate.findings, *declared_findings(estate))


def _said(error: FreeholdError) -> tuple[str, str]:
    return error.code, error.problem


def _metrics_reached(estate: Estate, before: Version | None) -> tuple[Dashboard, ...]:
    """Return the metrics as readers: as they stand, or, where they can no longer be read, as they were."""
    return metrics_of(estate) or (metrics_of(before.estate) if before is not None else ())


def _deployed(estate: Estate, chosen: Environment, ledger: Ledger) -> Version | None:
    """Return what is in force in an environment; where nothing is yet, in the one it starts from."""
    from freehold.delivery.plan import deployed

    found = deployed(ledger, estate.root, chosen.name)
    if found is None and chosen.defer_to:
        found = deployed(ledger, estate.root, chosen.defer_to)
    return found


def _placed(estate: Estate, against: Version | None, env: str, ledger: Ledger | None) -> tuple[Estate, Version | None]:
    """Return an estate and the version it is compared with, their outputs named as they are published."""
    from freehold.delivery.majors import advanced, placed, placed_by_ledger, places_of
    from freehold.foundation import SystemClock

    now = SystemClock().now()
    if ledger is not None and (against is None or against.is_deployed):
        before = replace(against, estate=placed_by_ledger(against.estate, ledger, env, now)[0]) if against else None
        return placed_by_ledger(estate, ledger, env, now)[0], before
    if against is None:
        return estate, None
    places = places_of(against.estate)  # what a revision was published by is not known, so by the names in its files
    after = advanced(places, estate, now, lambda _: True)
    return placed(estate, after), replace(against, estate=placed(against.estate, places))


def _with_dbt(
    estate: Estate, before: Version | None, env: str, named: tuple[Path, ...], compiled: tuple[Project, ...], tell: Tell
) -> tuple[Version | None, Join, tuple[Dashboard, ...]]:
    """Return the version to compare with, the dbt projects named in its label, and what puts them into the graphs."""
    from freehold.connect.dbt import declared_nodes, exposures_of, joining, pairs_of, uncompiled
    from freehold.delivery.graph import Graph
    from freehold.delivery.plan import Version

    pairs = pairs_of(estate, env, before.commit if before else "", named, compiled)
    unbuilt = [pair.now.name for pair in pairs if pair.before is None] if declared_nodes(estate) else []
    against = [pair.against for pair in pairs if pair.against]
    for pair in pairs:
        if not pair.against and pair.now.name not in unbuilt:
            tell(
                f"No earlier artifacts of the dbt project {pair.now.name} are known, so nothing of it counts as "
                "changed: `freehold run` keeps them, --base-dbt names them."
            )
        without = sum(1 for _ in uncompiled(pair.now))
        if without:
            tell(
                f"{counted(without, 'models')} of {pair.now.name} have no compiled SQL and are compared by their text: "
                "run `dbt compile`."
            )
    if before is None and against:  # the files of the estate are new, what dbt builds is not
        before = Version(estate, "", is_deployed=False)
    if before is not None and against:
        before = replace(before, label=" and ".join(part for part in (before.label, *against) if part))
    graph = Graph.of(estate, env, dialect_of(estate, chosen_environment(estate, env)))  # what products declare of dbt
    exposures = tuple(one for pair in pairs for one in exposures_of(pair.now, graph))
    return before, joining([(pair.now, pair.before) for pair in pairs], estate.root, unbuilt), exposures


def dashboards_of(estate: Estate, dialect: str) -> Told:
    """Return what the files that `spec.dashboards` names tell."""
    from freehold.connect.bi import Told, told

    return told(estate.root, estate.dashboards, dialect) if estate.dashboards else Told()


def metrics_of(estate: Estate) -> tuple[Dashboard, ...]:
    """Return the metrics of a version of the estate as readers of columns; none where its files of them are in error.

    A plan asks the version before: where a change takes a column away, its own metrics can no longer be read.
    """
    if not estate.semantic_models:
        return ()
    from freehold.foundation import Problems
    from freehold.metrics import catalogue_of
    from freehold.metrics.readers import as_readers

    try:
        return as_readers(catalogue_of(estate), estate)
    except Problems:
        return ()  # `validate` tells of it


def compiled_for_plan(estate: Estate, chosen: Environment, tell: Tell = quietly) -> tuple[Project, ...] | None:
    """Return the projects as dbt compiles them now; None where dbt builds nothing for us, or is not on this machine.

    Raises:
        FreeholdError: FH-X110 to FH-X114, FH-X121 to FH-X124.
    """
    tool = tool_of(estate, chosen)
    if tool is None:
        return None
    if not tool.can_compile():
        tell("dbt is not on this machine: its project is compared as its own artifacts tell of it.")
        return None
    tool.compile({})
    return tool.projects()
