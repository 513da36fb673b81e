"""`freehold usage`: who reads what, how often, what nobody reads; and bringing in what other systems recorded of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import (
    as_published,
    chosen_environment,
    dialect_of,
    environment,
    loaded,
    opened_engine,
    opened_ledger,
    waiting,
)
from freehold.cli.output import as_json, counted, emit, put, say, table
from freehold.foundation import Exit, FreeholdError, SystemClock, near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from freehold.connect.usage import Imported
    from freehold.connect.usage.importing import Known
    from freehold.estate.model import Estate
    from freehold.insight.usage import AssetUse, Instrumented, ProductUse

FORMATS = ("bigquery", "databricks", "looker", "pg_stat_statements", "powerbi", "snowflake", "tableau")
_COUNTERS = "pg_stat_statements"
_MOST = 5


@click.group(epilog="Example: freehold usage show sales.orders")
def usage() -> None:
    """See who reads what, and bring in what warehouses and tools of business intelligence recorded of it."""


@usage.command("import", epilog="Example: freehold usage import history.csv --from snowflake")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--from", "of", type=click.Choice(FORMATS), required=True, help="Which system told of it.")
@click.option("--name", default="", help="Which server, where counters come from several; default: the connection.")
@environment
@waiting
@as_json
@click.pass_obj
def import_(
    start: str | None, file: Path | None, of: str, name: str, env: str | None, wait_s: float, as_json: bool
) -> None:
    """Record who read what, as FILE tells it: an export in CSV, JSON or Parquet.

    Statements are read for the assets and columns that they name; of their text only a fingerprint is kept. Teams say
    under `handles` whose an account is. What was recorded before is not recorded again. Without FILE, counters are read
    from the warehouse of the environment: `freehold usage import --from pg_stat_statements`.
    """
    estate = loaded(start)
    chosen = chosen_environment(estate, env)
    if file is None and of != _COUNTERS:
        raise FreeholdError(
            "FH-X406", f"`{of}` is asked nothing: what it recorded comes as a file.",
            fix=f"Export it, and say `freehold usage import FILE --from {of}`.", exit_code=Exit.USAGE,
        )  # fmt: skip
    told = (
        _from_file(estate, chosen.name, file, of, name) if file else _from_warehouse(estate, chosen.name, name, wait_s)
    )
    if as_json:
        emit(_as_object(told))
    else:
        _print(told)


def _known(estate: Estate, env: str, dialect: str, *, has_dashboards: bool) -> Known:
    from freehold.changing import dashboards_of
    from freehold.connect.listing import graph_of
    from freehold.connect.usage.importing import Known
    from freehold.delivery.graph import default_environment

    published = as_published(estate, env)
    if has_dashboards:
        return Known(published, env, default_environment(estate), dashboards=dashboards_of(estate, dialect).dashboards)
    return Known(published, env, default_environment(estate), graph_of(published, env, dialect).assets)


def _from_file(estate: Estate, env: str, file: Path, of: str, name: str) -> Imported:
    from freehold.connect.usage import FORMATS as known_formats
    from freehold.connect.usage import import_file

    format_ = known_formats[of]
    dialect = dialect_of(estate, chosen_environment(estate, env))
    known = _known(estate, env, dialect, has_dashboards=format_.kind == "views")
    with opened_ledger(estate) as ledger:
        return import_file(file, format_, known, ledger, of=name)


def _from_warehouse(estate: Estate, env: str, name: str, wait_s: float) -> Imported:
    from freehold.connect.usage import import_counters
    from freehold.connect.usage.counters import counted_in
    from freehold.foundation import Caller

    chosen = chosen_environment(estate, env)
    dialect = dialect_of(estate, chosen)
    if dialect != "postgres":
        raise FreeholdError(
            "FH-X406", f"The warehouse of `{env}` keeps no counters of statements: it is {dialect}.",
            fix="Name the environment of a PostgreSQL warehouse by --env, or give a FILE.", exit_code=Exit.USAGE,
        )  # fmt: skip
    known = _known(estate, env, dialect, has_dashboards=False)
    with opened_engine(estate, chosen, wait_s=wait_s) as engine, opened_ledger(estate) as ledger:
        session = engine.session(Caller.at_the_shell("usage"), {"purpose": "usage"})
        try:
            taken, rows = SystemClock().now(), counted_in(session)
        finally:
            session.close()
        return import_counters(rows, taken, known, ledger, of=name or chosen.connection)


def _as_object(told: Imported) -> dict[str, Any]:
    plain = (
        "source", "of", "told", "recorded", "events", "known", "own", "elsewhere", "strange", "ahead", "unread",
        "resets",
    )  # fmt: skip
    return {name: getattr(told, name) for name in plain} | {
        "is_baseline": told.is_baseline,
        "first_at": told.first_at,
        "last_at": told.last_at,
        "matched": list(told.matched),
        "unmatched": [{"account": name, "rows": rows} for name, rows in told.unmatched.most_common()],
        "unknown_dashboards": [{"name": name, "views": views} for name, views in told.dashboards.most_common()],
        "unreadable": [
            {"fingerprint": mark, "why": why, "times": times} for (mark, why), times in told.unreadable.most_common()
        ],
    }


def _print(told: Imported) -> None:
    if told.is_baseline:
        say(f"{counted(told.told, 'counters')} read for the first time: the next import counts from here.")
        return
    rows = [
        ("recorded now", told.recorded), ("recorded before", told.known),
        ("about nothing of the estate", told.elsewhere), ("of dashboards that nobody told of", told.strange),
        ("asked by what builds the estate", told.own), ("dated in the future, and not recorded", told.ahead),
    ]  # fmt: skip
    table(
        [(name, f"{number:,}") for name, number in rows if number],
        (f"{counted(told.told, 'rows')} told", ""),
        right=(1,),
    )
    if told.resets:
        say(f"{counted(told.resets, 'counters')} had begun anew, and count whole.")
    if told.matched:
        say(f"Named by a team by now: {', '.join(told.matched)}. What was read with them counts as theirs.")
    _name(
        "texts could not be read wholly",
        told.unread,
        [f"{mark} ({why}) x{n:,}" for (mark, why), n in told.unreadable.most_common(_MOST)],
    )
    _name(
        "accounts are nobody's",
        len(told.unmatched),
        [f"{name} x{n:,}" for name, n in told.unmatched.most_common(_MOST)],
    )
    _name(
        "dashboards are unknown",
        len(told.dashboards),
        [f"{name} x{n:,}" for name, n in told.dashboards.most_common(_MOST)],
    )


def _name(what: str, number: int, named: list[str]) -> None:
    if number:
        put(f"{number:,} {what}: {'; '.join(named)}{' …' if number > len(named) else ''}")


@usage.command("show", epilog="Example: freehold usage show sales.orders --json | jq '.columns'")
@click.argument("product", required=False)
@environment
@as_json
@click.pass_obj
def show(start: str | None, product: str | None, env: str | None, as_json: bool) -> None:
    """Show who uses a PRODUCT: readers, columns, metrics, dashboards, its audience; without one, what is used of all.

    Reads are of the last 30 days. What nobody read in 90 days is unused, once reads have been recorded for so long.
    """
    from freehold.connect.usage.accounts import names_of
    from freehold.insight.usage import asset_uses, instrumented, product_uses, use_json

    estate = loaded(start)
    chosen = chosen_environment(estate, env)
    now = SystemClock().now()
    if product is not None and product not in estate.products:
        fix = near(product, estate.products) or "`freehold status` lists them."
        raise FreeholdError("FH-X407", f"There is no product `{product}`.", fix=fix, exit_code=Exit.USAGE)
    with opened_ledger(estate) as ledger, ledger.evidence() as evidence:
        if product is None:
            uses = asset_uses(evidence, estate.products.values(), chosen.name, now)
            _show_all(uses, instrumented(evidence), now, as_json=as_json)
            return
        read_by = _dashboards_of(estate, chosen.name, product) if estate.dashboards or estate.dbt else ()
        use = product_uses(evidence, [estate.products[product]], chosen.name, now, {product: read_by})[product]
        names = names_of(ledger)
    if as_json:
        emit(use_json(use, now))
    else:
        _show_one(use, now, names)


@usage.command("unmatched", epilog="Example: freehold usage unmatched --json | jq -r '.accounts[].account'")
@environment
@as_json
@click.pass_obj
def unmatched(start: str | None, env: str | None, as_json: bool) -> None:
    """List accounts of warehouses and tools that no team names, what they read most first.

    Name each under `handles` of a team, and import again: all that was read with it counts as theirs then.
    """
    from freehold.connect.usage.accounts import unmatched_accounts

    estate = loaded(start)
    with opened_ledger(estate) as ledger, ledger.evidence() as evidence:
        found = unmatched_accounts(ledger, evidence, chosen_environment(estate, env).name)
    if as_json:
        emit({"accounts": [{"source": a.source, "account": a.name or None, "kind": a.kind, "reads": a.reads,
                            "views": a.views, "last": a.last} for a in found]})  # fmt: skip
        return
    if not found:
        say("Every account that was told of is somebody's.")
        return
    table(
        [(a.source, a.name or "erased", a.kind, f"{a.reads:,}", f"{a.views:,}", f"{a.last:%Y-%m-%d}") for a in found],
        ("system", "account", "kind", "reads", "views", "last"), right=(3, 4),
    )  # fmt: skip
    how = f'`handles: {{{found[0].source}: {{ACCOUNT: ["user:idp/…"]}}}}`'
    say(f"{counted(len(found), 'accounts')} of nobody. A team says whose one is: {how}.")


def _dashboards_of(estate: Estate, env: str, product: str) -> tuple[str, ...]:
    """Return the dashboards that read a product, by id."""
    from freehold.changing import dashboards_of
    from freehold.cli.dashboards import known_consumers

    dialect = dialect_of(estate, chosen_environment(estate, env))
    reads = known_consumers(estate, dashboards_of(estate, dialect), dialect, cache=True).reads
    return tuple({read.dashboard.id for asset, of in reads.items() if asset.startswith(f"{product}.") for read in of})


def _show_all(uses: Sequence[AssetUse], recorded: Instrumented, now: datetime, *, as_json: bool) -> None:
    from freehold.insight.usage import asset_json, recorded_since

    if as_json:
        emit({"recorded_since": recorded.since, "sources": list(recorded.sources),
              "assets": [asset_json(one, recorded, now) for one in uses]})  # fmt: skip
        return
    rows = [
        (one.asset, _people(one), f"{one.others:,}", f"{one.reads:,}", f"{one.last:%Y-%m-%d}" if one.last else "never",
         "unused" if one.is_unused(recorded, now) else "")
        for one in uses
    ]  # fmt: skip
    table(rows, ("asset", "people", "others", "reads", "last read", ""), right=(1, 2, 3), least=(2,))
    put(recorded_since(recorded, now))


def _show_one(use: ProductUse, now: datetime, names: Mapping[str, str]) -> None:
    from freehold.connect.usage.accounts import called
    from freehold.insight.usage import recorded_since

    rows = [
        (called(r.name, names), r.kind, r.segment, f"{r.reads:,}", r.days, f"{r.last:%Y-%m-%d}") for r in use.readers
    ]
    table(rows, ("reader", "kind", "segment", "reads", "days", "last"), right=(3, 4), least=(2, 4))
    weeks = " ".join(str(week.people) for week in use.weeks)
    put(f"\nPeople by week, the last not over: {weeks or 'none'}.")
    if use.audience is not None:
        put(f"Made for {use.audience:,}: {use.active:,} read it in 30 days, {use.never:,} never did.")
    else:
        put("Nobody was named when it was launched, so adoption cannot be counted: see `freehold items new launch`.")
    for asset, columns in use.columns.items():
        named = ", ".join(f"{'all' if name == '*' else name} {reads:,}" for name, reads in list(columns.items())[:8])
        put(f"Columns of {asset}: {named}{' …' if len(columns) > 8 else ''}")
    for metric in use.metrics:
        put(f"Metric {metric.metric}: asked for {metric.questions:,} times by {metric.readers:,}")
    for board in use.dashboards:
        put(f"Dashboard {board.dashboard}: {counted(board.viewers, 'viewers')}, {counted(board.views, 'views')}")
    for one in use.assets:
        if one.is_unused(use.recorded, now):
            put(f"Unused: {one.asset}, {f'last read {one.last:%Y-%m-%d}' if one.last else 'never read'}.")
    put(recorded_since(use.recorded, now))


def _people(one: AssetUse) -> str:
    return f"{one.people:,}{f' ({one.simulated:,} simulated)' if one.simulated else ''}"
