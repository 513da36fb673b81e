"""`freehold metrics`: which there are, what they mean, whether they keep their word."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, loaded, waiting
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.cli.suggesting import suggest_rollups
from freehold.foundation import Exit, FreeholdError
from freehold.foundation.words import percent

if TYPE_CHECKING:
    from freehold.cli.query import Asking
    from freehold.estate.model import Estate
    from freehold.metrics import Catalogue
    from freehold.metrics.comparing import Change, Value
    from freehold.metrics.model import Metric

_STATUS = {
    "certified": "[green]certified[/green]",
    "lapsed": "[yellow]lapsed[/yellow]",
    "draft": "[dim]draft[/dim]",
    "deprecated": "[yellow]deprecated[/yellow]",
}
_ORDER = ("certified", "lapsed", "draft", "deprecated")


@click.group(epilog="Example: freehold metrics show revenue")
def metrics() -> None:
    """See the metrics of the estate: which there are, what they mean, and whether they keep their word."""


metrics.add_command(suggest_rollups)


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
        emit({"metrics": [_in_data(_as_object(estate, catalogue, m)) for m in found]})
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
        emit(_in_data(said))
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
    """Test METRICs (default: all) on live data: bounds, known values, agreement, slices that add up, claimed keys.

    Ends with 1 when one fails.
    """
    from freehold.cli.query import asking
    from freehold.metrics.keys import key_verdicts
    from freehold.metrics.trust import verdicts

    with asking(start, env, wait_s=wait_s) as asks:
        chosen = [asks.catalogue.metric(n) for n in names] if names else list(asks.catalogue.metrics())
        found = [verdict for metric in chosen for verdict in verdicts(asks.answerer, metric)]
        found += key_verdicts(asks.answerer, chosen)
    failed = [v for v in found if not v.passed]
    if as_json:
        emit({"tests": [{"metric": v.metric, "test": v.test, "passed": v.passed, "told": v.told} for v in found]})
    else:
        shown = {True: "[green]holds[/green]", False: "[red]fails[/red]"}
        table([(v.metric, v.test, shown[v.passed], v.told) for v in found], ("metric", "test", "", "found"))
        say(f"{counted(len(found), 'tests')}, {len(failed)} failed.")
    if failed:
        raise SystemExit(1)


@metrics.command("conflicts", epilog="Example: freehold metrics conflicts --json")
@click.option("--values/--no-values", default=True, help="Compute both sides on live data; default: yes.")
@environment
@waiting
@as_json
@click.pass_obj
def conflicts_(start: str | None, values: bool, env: str | None, wait_s: float, as_json: bool) -> None:
    """Find one name with two meanings, and one meaning with two names, with values and users side by side.

    Ends with 1 when metrics of one name mean different things.
    """
    from freehold.cli.query import asking
    from freehold.metrics import catalogue_of
    from freehold.metrics.conflicts import conflicts
    from freehold.metrics.explaining import formula_of

    if values:
        with asking(start, env, wait_s=wait_s) as asks:
            found = list(conflicts(asks.catalogue))
            known = {m.id: _value(asks, m.id) for c in found for m in c.metrics}
            users = users_of(asks)
    else:
        found, known, users = list(conflicts(catalogue_of(loaded(start)))), {}, {}
    sides = [
        {
            "kind": c.kind,
            "word": c.word or None,
            "sides": [
                {"metric": m.id, "status": m.status, "formula": formula_of(m), "value": known.get(m.id),
                 "users": users.get(m.id, 0), "where": str(m.where)}
                for m in c.metrics
            ],
        }
        for c in found
    ]  # fmt: skip
    if as_json:
        emit({"conflicts": sides})
    else:
        _print_conflicts(sides)
    if any(c.kind == "same name" for c in found):
        raise SystemExit(1)


_WHY = {
    "same name": "One name, several meanings: {word}",
    "same word": "People may mean any of them by `{word}`",
    "same meaning": "One meaning, several names",
}


def _print_conflicts(found: list[dict[str, Any]]) -> None:
    for one in found:
        click.echo(click.style(_WHY[one["kind"]].format(word=one["word"]), bold=True))
        rows = [
            (s["metric"], _STATUS[s["status"]], s["formula"], s["value"], s["users"] or "", s["where"])
            for s in one["sides"]
        ]
        table(rows, ("metric", "status", "is", "value", "users", "file"), right=(3, 4), least=(5,))
        click.echo()
    say(f"{counted(len(found), 'conflicts')}." if found else "No two metrics disagree.")


def _value(asks: Asking, name: str) -> str:
    """Return a metric's value over everything, as people read it; nothing where it has none without a period."""
    from freehold.cli.answers import number
    from freehold.metrics import asked

    try:
        answer = asks.answerer.answer(asked([name]))
    except FreeholdError:
        return ""
    for note in answer.notes:
        say(note)
    value = answer.table.column(0)[0].as_py()
    unit = asks.catalogue.metric(name).words.get("unit", "")
    return number(value, unit) if isinstance(value, int | float | Decimal) else str(value or "")


def users_of(asks: Asking) -> dict[str, int]:
    """Return how many consumers asked for each metric in the last 30 days."""
    from freehold.delivery.plan.past import asked_for

    with asks.delivery.ledger.evidence() as evidence:
        return asked_for(evidence)


@metrics.command("diff", epilog="Example: freehold metrics diff --base origin/main --by month")
@click.argument("names", nargs=-1, metavar="METRIC…")
@click.option("--base", metavar="REF", help="The git revision to compare with; default: the last commit.")
@click.option("--by", default="month", show_default=True, help="By what values are compared.")
@click.option("--last", default=6, show_default=True, type=click.IntRange(1, 1000), help="How many periods are shown.")
@environment
@waiting
@as_json
@click.pass_obj
def diff_(
    start: str | None,
    names: tuple[str, ...],
    base: str | None,
    by: str,
    last: int,
    env: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Compare the definitions here with those of another git revision: what changed, and by how much the numbers do.

    Both definitions are computed on the data that is live now. Ends with 1 when a certified metric would say another
    number.
    """  # fmt: skip
    from freehold.cli.query import asking
    from freehold.delivery.plan.versions import at_revision
    from freehold.metrics.comparing import changes

    estate = loaded(start)
    version = at_revision(estate.root, base)
    if version is None:
        raise FreeholdError(
            "FH-N505", f"`{estate.root}` is in no git repository with such a revision.",
            fix="Commit the estate, or name a revision with --base.", exit_code=Exit.USAGE,
        )  # fmt: skip
    with asking(start, env, wait_s=wait_s, estate=estate) as asks:
        found = list(changes(asks.answerer, version.estate, names=names, by=by, last=last))
        users = users_of(asks)
    if as_json:
        emit({"base": version.label, "changes": [one.to_json() | {"users": users.get(one.id, 0)} for one in found]})
    else:
        for one in found:
            _print_change(one, users.get(one.id, 0))
        say(
            f"{counted(len(found), 'definitions')} changed since {version.label}."
            if found
            else "No definition changed."
        )
    if any(one.is_certified and one.differs for one in found):
        raise SystemExit(1)


def _print_change(one: Change, users: int) -> None:
    asked_by = f", asked for by {counted(users, 'consumers')} in 30 days" if users else ""
    click.echo(f"{click.style(one.id, bold=True)} {one.what}{asked_by}")
    for sign, text, colour in (("-", one.before, "red"), ("+", one.after, "green")):
        if text:
            click.echo(click.style(f"  {sign} {text}", fg=colour))
    print_values(one)
    click.echo()


def print_values(one: Change) -> None:
    """Print the values of a metric by its definitions before and after, side by side."""
    if one.why_not:
        click.echo(f"  {one.why_not}")
    rows = [(key, _plain(a), _plain(b), _change(a, b)) for key, a, b in one.values]
    if rows:
        table(rows, (one.by, "before", "after", "change"), right=(1, 2, 3))


def _plain(value: Value) -> str:
    from freehold.cli.answers import number

    return number(value, "x") if isinstance(value, float) else value or ""


def _change(before: Value, after: Value) -> str:
    if not isinstance(before, float) or not isinstance(after, float) or before == after:
        return ""
    return percent((after - before) / abs(before), 1, signed=True) if before else "new"


def _owner(estate: Estate, catalogue: Catalogue, metric: Metric) -> str:
    from freehold.metrics.estate import owner_of

    return owner_of(estate, catalogue, metric)


def _in_data(said: dict[str, Any]) -> dict[str, Any]:
    """Return a metric for machines, its unit that of the values they are given."""
    from freehold.metrics.telling import unit_in_data

    return said | {"unit": unit_in_data(said["unit"])} if "unit" in said else said


def _as_object(estate: Estate, catalogue: Catalogue, metric: Metric) -> dict[str, Any]:
    from freehold.metrics.explaining import formula_of, read_from
    from freehold.metrics.facts import facts_of
    from freehold.metrics.fingerprint import definition_hash, parts_used
    from freehold.metrics.paths import reachable

    below, fields = parts_used(catalogue, metric)
    model = catalogue.models[metric.model]
    within = [set(reachable(model, fact)) for fact in facts_of(catalogue, metric)]
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
        "reads": sorted(
            {
                f"{source}.{c}"
                for m, d, f in fields
                if f != "*"
                for source, c in read_from(catalogue.models[m].datasets[d], f)
            }
        ),
        "used_by": sorted(
            m.id for m in catalogue.metrics() if m.id != metric.id and metric in parts_used(catalogue, m)[0]
        ),
        "by": [f"{d}.{f}" for d in common for f in model.datasets[d].fields],
        "where": str(metric.where),
    }
