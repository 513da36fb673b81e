"""`freehold metrics`: which there are, what they mean, whether they keep their word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, loaded, waiting
from freehold.cli.output import as_json, counted, emit, say, table

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.metrics import Catalogue
    from freehold.metrics.model import Metric

_STATUS = {
    "certified": "[green]certified[/green]",
    "draft": "[dim]draft[/dim]",
    "deprecated": "[yellow]deprecated[/yellow]",
}
_ORDER = ("certified", "draft", "deprecated")


@click.group(epilog="Example: freehold metrics show revenue")
def metrics() -> None:
    """See the metrics of the estate: which there are, what they mean, and whether they keep their word."""


@metrics.command("list", epilog="Example: freehold metrics list turnover")
@click.argument("words", nargs=-1)
@as_json
@click.pass_obj
def list_(start: str | None, words: tuple[str, ...], as_json: bool) -> None:
    """List metrics, certified ones first; of WORDS, those whose name, synonyms or description have all of them."""
    from freehold.metrics import catalogue_of

    estate = loaded(start)
    catalogue = catalogue_of(estate)
    found = sorted(catalogue.metrics(), key=lambda m: (_ORDER.index(m.status), m.id))
    found = [m for m in found if all(word.lower() in _spoken(m) for word in words)]
    if as_json:
        emit({"metrics": [_as_object(estate, catalogue, m) for m in found]})
        return
    rows = [
        (f"[bold]{m.name}[/bold]", _STATUS[m.status], m.words.get("unit", ""), _owner(estate, catalogue, m),
         m.words.get("description", ""), m.model)
        for m in found
    ]  # fmt: skip
    table(rows, ("metric", "status", "unit", "owner", "what it is", "model"), least=(5, 3, 2))
    if not found:
        say(
            "No metric has these words."
            if words
            else "No file defines metrics: put one into a product's metrics/ folder."
        )


def _spoken(metric: Metric) -> str:
    return " ".join((metric.id, *metric.synonyms, *metric.words.values())).lower()


@metrics.command("show", epilog="Example: freehold metrics show revenue --json")
@click.argument("metric")
@as_json
@click.pass_obj
def show(start: str | None, metric: str, as_json: bool) -> None:
    """Show one METRIC: in words, as a formula, what it is made of, and by what it can be asked."""
    from freehold.metrics import catalogue_of

    estate = loaded(start)
    catalogue = catalogue_of(estate)
    found = catalogue.metric(metric)
    said = _as_object(estate, catalogue, found)
    if as_json:
        emit(said)
        return
    click.echo(f"{click.style(found.name, bold=True)}  {found.status}  {said['id']}  definition {said['definition']}")
    for key in ("description", "includes", "excludes", "owner", "unit", "direction"):
        if said.get(key):
            click.echo(f"  {key:<12} {said[key]}")
    for key in ("formula", "synonyms", "replaced_by", "sunset", "stands_on", "reads", "used_by", "by"):
        value = said.get(key)
        if value:
            click.echo(f"  {key.replace('_', ' '):<12} {', '.join(value) if isinstance(value, list) else value}")
    click.echo(f"  {'file':<12} {found.where}")


@metrics.command("test", epilog="Example: freehold metrics test revenue orders")
@click.argument("names", nargs=-1, metavar="METRIC…")
@environment
@waiting
@as_json
@click.pass_obj
def test(start: str | None, names: tuple[str, ...], env: str | None, wait_s: float, as_json: bool) -> None:
    """Test METRICs (default: all) on live data: bounds, known values, agreement, and that slices add up.

    Ends with 1 when one fails.
    """
    from freehold.cli.query import asking
    from freehold.metrics.trust import verdicts

    with asking(start, env, wait_s=wait_s) as asks:
        chosen = [asks.catalogue.metric(n) for n in names] if names else list(asks.catalogue.metrics())
        found = [verdict for metric in chosen for verdict in verdicts(asks.answerer, metric)]
    failed = [v for v in found if not v.passed]
    if as_json:
        emit({"tests": [{"metric": v.metric, "test": v.test, "passed": v.passed, "told": v.told} for v in found]})
    else:
        shown = {True: "[green]holds[/green]", False: "[red]fails[/red]"}
        table([(v.metric, v.test, shown[v.passed], v.told) for v in found], ("metric", "test", "", "found"))
        say(f"{counted(len(found), 'tests')}, {len(failed)} failed.")
    if failed:
        raise SystemExit(1)


def _owner(estate: Estate, catalogue: Catalogue, metric: Metric) -> str:
    from freehold.metrics.estate import owner_of

    return owner_of(estate, catalogue, metric)


def _as_object(estate: Estate, catalogue: Catalogue, metric: Metric) -> dict[str, Any]:
    from freehold.metrics.explaining import formula_of
    from freehold.metrics.fingerprint import definition_hash, parts_used
    from freehold.metrics.paths import reachable

    below, fields = parts_used(catalogue, metric)
    model = catalogue.models[metric.model]
    facts = dict.fromkeys(d for m, d, _ in fields if m == model.name)
    within = [set(reachable(model, fact)) for fact in facts]
    common = sorted(set.intersection(*within)) if within else []
    return {
        "id": metric.id,
        "name": metric.name,
        "status": metric.status,
        "definition": definition_hash(catalogue, metric),
        **metric.words,
        "owner": _owner(estate, catalogue, metric),
        "formula": formula_of(metric),
        "synonyms": list(metric.synonyms),
        "replaced_by": metric.replaced_by,
        "sunset": metric.sunset,
        "stands_on": [m.id for m in below if m.id != metric.id],
        "reads": sorted({f"{catalogue.models[m].datasets[d].source}.{f}" for m, d, f in fields if f != "*"}),
        "used_by": sorted(
            m.id for m in catalogue.metrics() if m.id != metric.id and metric in parts_used(catalogue, m)[0]
        ),
        "by": [f"{d}.{f}" for d in common for f in model.datasets[d].fields],
        "where": str(metric.where),
    }
