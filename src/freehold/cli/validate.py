"""`freehold validate`: is every file right, and do they hang together?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import chosen_environment, dialect_of
from freehold.cli.output import as_json, counted, emit, say

if TYPE_CHECKING:
    from freehold.delivery.graph import Graph
    from freehold.estate.model import Estate
    from freehold.foundation import FreeholdError


@click.command(
    epilog="Example: freehold validate --json | jq '.findings[].where'",
)
@click.option("--no-cache", is_flag=True, help="Read every file anew, whatever .freehold/cache remembers.")
@as_json
@click.pass_obj
def validate(start: str | None, no_cache: bool, as_json: bool) -> None:
    """Check every file of the estate, without a warehouse.

    YAML, schemas of the standards and of Freehold, references between files, rules and workflows, and every model: its
    template, its SQL, what it reads. Each error says what, where (file:line:column), and how to mend it. What
    dashboards name and the estate has not is a warning. Ends with 0 when all is well, with 1 when something is to mend.
    """
    from freehold.changing import declared_findings
    from freehold.estate import find_estate, load_estate
    from freehold.foundation import Problems

    estate = load_estate(find_estate(start), cache=not no_cache)
    strange = tuple(_of_connections(estate))
    models = () if strange else _of_models(estate, cache=not no_cache)  # without a dialect no SQL can be read
    unread, doubts = ((), ()) if strange else _of_dashboards(estate, cache=not no_cache, is_sound=not models)
    findings = (
        *estate.findings,
        *strange,
        *declared_findings(estate),
        *models,
        *unread,
    )
    findings = tuple({(f.code, f.problem, f.where): f for f in findings}.values())  # rollups are metrics, and assets
    overdue = _overdue(estate)
    about = {"dashboards": len(doubts), "service accounts": len(overdue)}
    doubts = (*doubts, *overdue)
    for doubt in doubts if not as_json else ():
        say(f"{doubt}\n")
    if findings and not as_json:
        raise Problems(findings)
    said = _summary(estate)
    if as_json:
        told = {"findings": [f.to_json() for f in findings], "warnings": [d.to_json() for d in doubts]}
        emit({"estate": estate.id, **said, **told})
    else:
        doubted = [f"{counted(n, 'warnings')} about {what}" for what, n in about.items() if n]
        well = f"{', '.join(doubted)}." if doubted else "All is well."
        say(f"{estate.name}: " + ", ".join(counted(n, noun) for noun, n in said.items() if n) + f". {well}")
    if findings:
        raise SystemExit(1)


def _of_connections(estate: Estate) -> Iterator[FreeholdError]:
    """Return what is wrong with connections, as far as can be said without opening them."""
    from freehold.engines import unknown_engine

    for connection in estate.connections.values():
        if error := unknown_engine(connection.url, connection.where):
            yield error


def _overdue(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return the service accounts that somebody should have looked over by today."""
    from datetime import UTC, datetime

    from freehold.access import overdue_accounts

    return overdue_accounts(estate, datetime.now(UTC).date())


def _of_models(estate: Estate, *, cache: bool) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the models; without models the SQL kernel is not even imported."""
    from freehold.foundation import FreeholdError, Problems

    if not estate.models and not estate.contracts:
        return ()
    from freehold.delivery.audit import hopeless_checks
    from freehold.delivery.deprecated import deprecation_findings
    from freehold.delivery.graph import Graph, default_environment
    from freehold.delivery.plan import KeptMeanings, column_findings, meanings_of
    from freehold.delivery.template import KeptCompiled

    env = chosen_environment(estate, default_environment(estate))
    dialect = dialect_of(estate, env)
    try:
        compiled, kept = (KeptCompiled(estate.root), KeptMeanings(estate.root)) if cache else (None, None)
        graph = Graph.of(estate, env.name, dialect, compiled)
        findings = column_findings(estate, graph, meanings_of(graph, dialect, kept), dialect)
        findings = (*findings, *hopeless_checks(graph, dialect), *_of_schedules(estate, graph))
        findings = (*findings, *deprecation_findings(estate, graph))
        if compiled is not None and kept is not None:
            compiled.save()
            kept.save()
        return findings
    except Problems as problems:
        return problems.errors
    except FreeholdError as error:
        return (error,)


def _of_schedules(estate: Estate, graph: Graph) -> tuple[FreeholdError, ...]:
    """Return which schedules never run anything."""
    from freehold.delivery.scheduling import schedule_findings

    return schedule_findings(estate, graph)


def _of_dashboards(
    estate: Estate, *, cache: bool, is_sound: bool
) -> tuple[tuple[FreeholdError, ...], tuple[FreeholdError, ...]]:
    """Return which exports of dashboards cannot be read, and, as warnings, what they leave open.

    What they name and the estate has not is among those only where the models are sound.
    """
    if not estate.dashboards:
        return (), ()
    from freehold.changing import dashboards_of
    from freehold.cli.dashboards import known_consumers

    dialect = dialect_of(estate, chosen_environment(estate, None))
    told = dashboards_of(estate, dialect)
    strange = known_consumers(estate, told, dialect, cache=cache).strange if is_sound else ()
    return told.errors, (*told.unresolved, *strange)


def _metrics_in(estate: Estate) -> int:
    from freehold.metrics.widening import widened

    each = [document.value for document in estate.semantic_models.values()]
    models = [widened(model) for said in each for model in said.get("semantic_model", [said])]
    return sum(len(model.get("metrics") or ()) for model in models)


def _summary(estate: Estate) -> dict[str, Any]:
    products = estate.products.values()
    kinds = Counter(kind for kind, _ in estate.resources)
    given = {port.contract_id for product in products for port in product.output_ports if port.contract_id}
    landing = {
        f"{product.id}.{port.name}"
        for product in products
        for port in (*product.output_ports, *(p for p in product.input_ports if p.contract_id not in given))
    }  # a port that another product's output comes in by is that asset, under another name
    return {
        "products": len(estate.products),
        "contracts": len(estate.contracts),
        "assets": len(landing | set(estate.models)),
        "metrics": _metrics_in(estate),
        "teams": len(estate.teams),
        "calendars": len(estate.calendars),
        "environments": len(estate.environments),
        **{_COUNTED[kind]: n for kind, n in kinds.items() if kind in _COUNTED},
        "others": sum(n for kind, n in kinds.items() if kind not in _COUNTED),
    }


_COUNTED = {"Workflow": "workflows", "RuleSet": "rule sets", "KPI": "KPIs", "SLO": "SLOs", "Document": "documents"}
