"""`freehold init`: a first estate, invented to run at once, or drafted from a database or a dbt project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.output import as_json, counted, emit, say
from freehold.foundation import Caller, Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.engines import Session

_TEAM = "owners"
_MOST_NAMED = 8


@click.command(
    epilog="Example: freehold init my-estate && cd my-estate && freehold validate && freehold run",
)
@click.argument("folder", metavar="DIR", required=False, type=click.Path(path_type=Path))
@click.option("--from", "source", metavar="URL", help="Draft contracts from the tables of duckdb:///path/to.db.")
@click.option(
    "--from-dbt",
    "dbt",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Watch a dbt project: the folder of dbt_project.yml or of manifest.json.",
)
@as_json
def init(folder: Path | None, source: str | None, dbt: Path | None, as_json: bool) -> None:
    """Start an estate in DIR, a folder that is new or empty.

    Without --from: a small product with sample data that validates and runs as it stands. With --from: one product for
    each schema of the database, one contract for each table, with the claims that hold for all rows today. Drafts are
    marked as such, say in a comment what each claim was drawn from, and only watch.

    With --from-dbt: one folder, by default `freehold` in the project, that watches what dbt builds: at most five
    products with contracts, a team for each owner, and MEMO.md with what to look at first. Nothing in the project is
    touched. A second time changes nothing that a person has edited.
    """
    if dbt is not None:
        if source:
            raise click.UsageError("--from and --from-dbt are two ways to begin; take one.")
        _start_from_dbt(dbt, folder, as_json=as_json)
        return
    if folder is None:
        raise click.UsageError("Missing argument 'DIR'.")
    from datetime import UTC, datetime

    from freehold.estate.scaffold import scaffold, write_new

    write_new(folder, {})  # refuse before the database is looked at
    name = folder.resolve().name.replace("-", " ").replace("_", " ").strip().capitalize() or "Estate"
    today = datetime.now(UTC).date()
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


def _drafted(name: str, source: str, folder: Path) -> dict[str, str]:
    """Return the files of an estate drafted from a database, by path.

    Raises:
        FreeholdError: FH-V403 there is no such database; FH-V404 it holds no tables; the engine's own errors.
    """
    from freehold.engines import open_engine

    database = _database(source)
    engine = open_engine(f"duckdb:///{database}")
    try:
        session = engine.session(Caller.at_the_shell("draft"), {"command": "init"})
        files = _products(session, database)
        session.close()
    finally:
        engine.close()
    if not files:
        raise FreeholdError(
            "FH-V404", f"`{database}` holds no tables; nothing was written.", fix="Name a database that holds data.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    return {**_frame(name, database, folder), **files}


def _products(session: Session, database: Path) -> dict[str, str]:
    from freehold.quality.draft import asset_names, draft_contract, draft_product, links_between, look_at

    files: dict[str, str] = {}
    relations = [r for r in session.relations() if r.schema.split("_")[0] != "freehold"]
    for schema in dict.fromkeys(r.schema for r in relations):
        tables = [look_at(session, r) for r in relations if r.schema == schema]
        links, names = links_between(session, tables), asset_names(tables)
        # The product has the id of the schema: so its assets are, by name, the tables that are there.
        product = re.sub(r"[^a-z0-9_-]+", "_", schema.lower()).strip("_") or "drafted"
        files[f"{product}/product.odps.yaml"] = draft_product(product, names, _TEAM, database.name)
        for table in tables:
            path = f"{product}/contracts/{names[table.relation.name]}.odcs.yaml"
            files[path] = draft_contract(table, product, names, links, str(database))
    return files


def _frame(name: str, database: Path, folder: Path) -> dict[str, str]:
    """Return estate.yaml, teams.yaml, README.md and .gitignore."""
    from freehold.estate.scaffold import id_from
    from freehold.estate.writing import scalar

    inside = database.is_relative_to(folder)
    url = f"duckdb:///{database.relative_to(folder)}" if inside else f"duckdb:///{database}"
    return {
        "estate.yaml": f"""apiVersion: freehold.dev/v1
kind: Estate
metadata: {{id: {id_from(name)}, name: {scalar(name)}}}
spec:
  state: sqlite:///.freehold/state.db
  connections:
    warehouse: {{url: {scalar(url)}}}
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

Contracts drafted by `freehold init` from `{database.name}`. Each claim held for every row on the day of the draft; the
comment beside it says what it was drawn from. Read them, strike what is chance, keep what is meant, name the owners in
`teams.yaml`, then set `status: active` and `freehold:mode`.
""",
        ".gitignore": ".freehold/\n",
    }


def _database(source: str) -> Path:
    if not source.startswith("duckdb:///"):
        raise FreeholdError(
            "FH-V403", f"`{source}` is no database that drafts can be made from.", exit_code=Exit.USAGE,
            fix="Write duckdb:///relative/path.db or duckdb:////absolute/path.db.",
        )  # fmt: skip
    path = Path(source.removeprefix("duckdb:///"))
    path = path.resolve()
    if not path.is_file():
        raise FreeholdError(
            "FH-V403", f"There is no database `{path}`; nothing was written.", exit_code=Exit.USAGE,
            fix="Check the path: three slashes start a relative one, four an absolute one.",
        )  # fmt: skip
    return path
