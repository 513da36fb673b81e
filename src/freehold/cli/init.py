"""`freehold init`: a first estate, invented to run at once or drafted from a database that is there."""

from __future__ import annotations

from pathlib import Path

import click

from freehold.cli.output import as_json, emit, say


@click.command(
    epilog="Example: freehold init my-estate && cd my-estate && freehold validate && freehold run",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "source", metavar="URL", help="Draft contracts from the tables of duckdb:///path/to.db.")
@as_json
def init(folder: Path, source: str | None, as_json: bool) -> None:
    """Start an estate in DIR, a folder that is new or empty.

    Without --from: a small product with sample data that validates and runs as it stands. With --from: one product for
    each schema of the database, one contract for each table, with the claims that hold for all rows today. Drafts are
    marked as such, say in a comment what each claim was drawn from, and only watch.
    """
    from datetime import UTC, datetime

    from freehold.estate.scaffold import scaffold, write_new

    write_new(folder, {})  # refuse before the database is looked at
    name = folder.resolve().name.replace("-", " ").replace("_", " ").strip().capitalize() or "Estate"
    if source is None:
        files = scaffold(name, datetime.now(UTC).date())
    else:
        from freehold.cli.drafting import drafted

        files = drafted(name, source, folder.resolve())
    write_new(folder, files)
    if as_json:
        emit({"dir": str(folder), "files": list(files)})
        return
    contracts = sum(path.endswith(".odcs.yaml") for path in files)
    say(f"Wrote {len(files)} files to {folder}, {contracts} contracts among them.")
    say(f"Next: cd {folder} && freehold validate" + ("" if source else " && freehold run"))
