"""`freehold init`: a first estate, invented to run at once, or drafted from a database or a dbt project."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import click

from freehold.cli.output import as_json, counted, emit, say
from freehold.foundation import Caller, Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.engines import Capabilities, Session

_TEAM = "owners"
_MOST_NAMED = 8
_SERVERS = ("postgresql:", "postgres:")


@click.command(
    epilog="Example: freehold init my-estate && cd my-estate && freehold validate && freehold run",
)
@click.argument("folder", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    metavar="URL",
    help="Draft contracts from tables: duckdb:///path/to.db, postgresql://user@host/database.",
)
@click.option(
    "--from-dbt",
    "dbt",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Watch a dbt project: the folder of dbt_project.yml or of manifest.json.",
)
@click.option(
    "--from-ossie",
    "ossie",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Take in metrics that Apache Ossie describes; with --from, over the tables of that database.",
)
@as_json
def init(folder: Path | None, source: str | None, dbt: Path | None, ossie: Path | None, as_json: bool) -> None:
    """Start an estate in DIR, a folder that is new or empty.

    Without --from: a small product with sample data that validates and runs as it stands. With --from: one product for
    each schema of the database, one contract for each table, with the claims that hold for all rows today. Drafts are
    marked as such, say in a comment what each claim was drawn from, and only watch. The database is only read; the
    password of a server is taken from PGPASSWORD, or from the URL, and is written nowhere.

    With --from-dbt: one folder, by default `freehold` in the project, that watches what dbt builds: at most five
    products with contracts, a team for each owner, and MEMO.md with what to look at first. Nothing in the project is
    touched. A second time changes nothing that a person has edited.

    With --from-ossie: a file of metrics for each semantic model. A dataset reads the asset of the table it names, where
    --from has that table, and else the table, as the warehouse names it. What was not taken is listed.
    """
    if dbt is not None:
        if source or ossie:
            raise click.UsageError("--from-dbt is a way to begin by itself; leave --from and --from-ossie out.")
        _start_from_dbt(dbt, folder, as_json=as_json)
        return
    if folder is None:
        raise click.UsageError("Missing argument 'DIR'.")
    from datetime import UTC, datetime

    from freehold.estate.scaffold import scaffold, write_new

    write_new(folder, {})  # refuse before the database is looked at
    name = folder.resolve().name.replace("-", " ").replace("_", " ").strip().capitalize() or "Estate"
    today = datetime.now(UTC).date()
    if ossie is not None:
        from freehold.cli.init_ossie import start_from_ossie

        start_from_ossie(ossie, folder, _drafted(name, source, folder.resolve()) if source else {}, name, as_json)
        return
    files = _drafted(name, source, folder.resolve()) if source else scaffold(name, today)
    write_new(folder, files)
    if as_json:
        emit({"dir": str(folder), "files": list(files)})
        return
    contracts = sum(path.endswith(".odcs.yaml") for path in files)
    say(f"Wrote {len(files)} files to {folder}, {contracts} contracts among them.")
    say(f"Next: cd {folder} && freehold validate" + ("" if source else " && freehold run"))


def _start_from_dbt(path: Path, folder: Path | None, *, as_json: bool) -> None:
    from freehold.connect.dbt import FOLDER, read_project, start

    project = read_project(path)
    done = start(project, folder or project.root / FOLDER)
    if as_json:
        emit(
            {
                "dir": str(done.folder),
                "files": list(done.written),
                "differing": list(done.differing),
                "lacking": list(done.lacking),
                "memo": done.memo.to_json(),
            }
        )
        return
    shown = _shown(done.folder)
    counts = done.memo.inventory.counts
    say(
        f"Read {counted(counts['models'], 'models')} and {counted(counts['exposures'], 'exposures')} of {project.name}."
    )
    if done.is_new:
        products = counted(len(done.memo.products), "products")
        say(f"Wrote {counted(len(done.written), 'files')} to {shown}, {products} to watch.")
    else:
        _say_what_differs(done.written, done.differing, done.lacking, shown)
    for line in done.memo.missing:
        say(line)
    say(f"What to look at first: {shown}/MEMO.md")
    say(f"Next: freehold -C {shown} validate")


def _say_what_differs(written: Sequence[str], differing: Sequence[str], lacking: Sequence[str], folder: str) -> None:
    if written:
        say(f"The project has changed: wrote {', '.join(written)} anew.")
    else:
        say(f"Nothing was changed in {folder}.")
    for said, paths in (
        ("would be drafted otherwise now, left as they are", differing),
        ("not there, left out", lacking),
    ):
        if paths:
            more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
            say(f"{counted(len(paths), 'files')} {said}: {', '.join(paths[:_MOST_NAMED])}{more}.")


def _shown(folder: Path) -> str:
    here = Path.cwd()
    return str(folder.relative_to(here)) if folder.is_relative_to(here) and folder != here else str(folder)


@dataclass(frozen=True, slots=True)
class _Source:
    """A database to draft from: the URL to open, what to call it, and how estate.yaml and contracts name it."""

    url: str
    name: str
    connection: Mapping[str, str]
    server: Mapping[str, Any]


def _drafted(name: str, source: str, folder: Path) -> dict[str, str]:
    """Return the files of an estate drafted from a database, by path.

    Raises:
        FreeholdError: FH-V403 there is no such database; FH-V404 it holds no tables; the engine's own errors.
    """
    from freehold.engines import open_engine

    found = _server(source) if source.startswith(_SERVERS) else _file(source, folder)
    engine = open_engine(found.url)
    try:
        session = engine.session(Caller.at_the_shell("draft"), {"command": "init"})
        with session.transaction():  # all tables as of one moment, and nothing is written
            if engine.capabilities.read_only:
                session.run(engine.capabilities.read_only)
            files = _products(session, engine.capabilities, found)
        session.close()
    finally:
        engine.close()
    if not files:
        raise FreeholdError(
            "FH-V404", f"`{found.name}` holds no tables; nothing was written.", fix="Name a database that holds data.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    return {**_frame(name, found), **files}


def _products(session: Session, engine: Capabilities, source: _Source) -> dict[str, str]:
    from freehold.quality.draft import asset_names, draft_contract, draft_product, links_between, look_at

    files: dict[str, str] = {}
    relations = [r for r in session.relations() if r.schema.split("_")[0] != "freehold"]
    for schema in dict.fromkeys(r.schema for r in relations):
        tables = [look_at(session, r, engine) for r in relations if r.schema == schema]
        links, names = links_between(session, tables), asset_names(tables)
        # The product has the id of the schema: so its assets are, by name, the tables that are there.
        product = re.sub(r"[^a-z0-9_-]+", "_", schema.lower()).strip("_") or "drafted"
        files[f"{product}/product.odps.yaml"] = draft_product(product, names, _TEAM, source.name)
        for table in tables:
            path = f"{product}/contracts/{names[table.relation.name]}.odcs.yaml"
            files[path] = draft_contract(table, product, names, links, source.server)
    return files


def _frame(name: str, source: _Source) -> dict[str, str]:
    """Return estate.yaml, teams.yaml, README.md and .gitignore."""
    from freehold.estate.scaffold import id_from
    from freehold.estate.writing import inline, scalar

    return {
        "estate.yaml": f"""apiVersion: freehold.dev/v1
kind: Estate
metadata: {{id: {id_from(name)}, name: {scalar(name)}}}
spec:
  state: sqlite:///.freehold/state.db
  connections:
    warehouse: {inline(dict(source.connection))}
  environments:
    prod: {{connection: warehouse}}
""",
        "teams.yaml": f"""apiVersion: freehold.dev/v1
kind: Team
metadata: {{id: {_TEAM}, name: Owners to be named}}
spec:
  members: []
""",
        "README.md": f"""# {name}

Contracts drafted by `freehold init` from `{source.name}`. Each claim held for every row on the day of the draft; the
comment beside it says what it was drawn from. Read them, strike what is chance, keep what is meant, name the owners in
`teams.yaml`, then set `status: active` and `freehold:mode`.
""",
        ".gitignore": ".freehold/\n",
    }


def _file(source: str, folder: Path) -> _Source:
    """Return a DuckDB file to draft from."""
    database = _database(source)
    inside = database.is_relative_to(folder)
    url = f"duckdb:///{database.relative_to(folder)}" if inside else f"duckdb:///{database}"
    server = {"type": "duckdb", "database": str(database)}
    return _Source(f"duckdb:///{database}", database.name, {"url": url}, server)


def _server(source: str) -> _Source:
    """Return a PostgreSQL database to draft from; its password goes into no file."""
    parts = urlsplit(source)
    said = dict(parse_qsl(parts.query))
    is_told = said.pop("password", "") or parts.password or os.environ.get("PGPASSWORD")
    user, _, place = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}@{place}" if user else place
    shown = f"{parts.scheme}://{netloc}{parts.path}{f'?{urlencode(said)}' if said else ''}"
    database = unquote(parts.path.lstrip("/")) or parts.username or "postgres"
    server = {
        "type": "postgres",
        "host": parts.hostname or said.get("host") or "localhost",
        "port": parts.port or int(said.get("port", 5432)),
        "database": database,
    }
    return _Source(source, database, {"url": shown} | ({"password": "env:PGPASSWORD"} if is_told else {}), server)


def _database(source: str) -> Path:
    if not source.startswith("duckdb:///"):
        raise FreeholdError(
            "FH-V403", f"`{source}` is no database that drafts can be made from.", exit_code=Exit.USAGE,
            fix="Write duckdb:///relative/path.db, duckdb:////absolute/path.db or postgresql://user@host/database.",
        )  # fmt: skip
    path = Path(source.removeprefix("duckdb:///"))
    path = path.resolve()
    if not path.is_file():
        raise FreeholdError(
            "FH-V403", f"There is no database `{path}`; nothing was written.", exit_code=Exit.USAGE,
            fix="Check the path: three slashes start a relative one, four an absolute one.",
        )  # fmt: skip
    return path
