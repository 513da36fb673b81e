"""`freehold usage`: who reads what, how often, and what nobody reads; and bringing in what other systems recorded of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import as_published, chosen_environment, dialect_of, environment, loaded, opened_engine
from freehold.cli.opened import opened_ledger, waiting
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Exit, FreeholdError, SystemClock

if TYPE_CHECKING:
    from freehold.connect.usage import Imported
    from freehold.connect.usage.importing import Known
    from freehold.estate.model import Estate

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

    Statements are read for the assets and columns that they name; of their text only a fingerprint is kept. Accounts are
    whose teams say under `handles`. What was recorded before is not recorded again. Without FILE, counters are read from
    the warehouse of the environment: `freehold usage import --from pg_stat_statements`.
    """
    estate = loaded(start)
    chosen = chosen_environment(estate, env)
    if file is None and of != _COUNTERS:
        raise FreeholdError(
            "FH-X406", f"`{of}` is asked nothing: what it recorded comes as a file.",
            fix=f"Export it, and say `freehold usage import FILE --from {of}`.", exit_code=Exit.USAGE,
        )  # fmt: skip
    told = _from_file(estate, chosen.name, file, of, name) if file else _from_warehouse(estate, chosen.name, name, wait_s)
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
    plain = ("source", "of", "told", "recorded", "events", "known", "own", "elsewhere", "strange", "unread", "resets")
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
        ("recorded now", told.recorded), ("recorded before", told.known), ("about nothing of the estate", told.elsewhere),
        ("of dashboards that nobody told of", told.strange), ("asked by what builds the estate", told.own),
    ]  # fmt: skip
    table([(name, f"{number:,}") for name, number in rows if number], (f"{counted(told.told, 'rows')} told", ""), right=(1,))
    if told.resets:
        say(f"{counted(told.resets, 'counters')} had begun anew, and count whole.")
    if told.matched:
        say(f"Named by a team by now: {', '.join(told.matched)}. What was read with them counts as theirs.")
    _name("texts could not be read wholly", told.unread, [f"{mark} ({why}) x{n:,}" for (mark, why), n in told.unreadable.most_common(_MOST)])
    _name("accounts are nobody's", len(told.unmatched), [f"{name} x{n:,}" for name, n in told.unmatched.most_common(_MOST)])
    _name("dashboards are unknown", len(told.dashboards), [f"{name} x{n:,}" for name, n in told.dashboards.most_common(_MOST)])


def _name(what: str, number: int, named: list[str]) -> None:
    if number:
        say(f"{number:,} {what}: {'; '.join(named)}{' …' if number > len(named) else ''}")
