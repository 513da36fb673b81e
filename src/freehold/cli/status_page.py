"""`freehold status-page`: how products are that say so in their file, for everybody, as files of a web site."""

from __future__ import annotations

from pathlib import Path

import click

from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger, past, state_is_there
from freehold.cli.output import as_json, counted, emit, say
from freehold.foundation import Exit, FreeholdError


@click.group("status-page", epilog="Example: freehold status-page build --out public")
def status_page() -> None:
    """Say to everybody how products are: those whose file has `freehold:status_page`."""


@status_page.command(epilog="Example: freehold status-page build --out public --as-of 2011-04-10")
@click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), required=True, help="Write files there."
)
@click.option("--as-of", metavar="DATE", help="As was recorded by then: 2011-04-10; default: now.")
@environment
@as_json
@click.pass_obj
def build(start: str | None, out: Path, as_of: str | None, env: str | None, as_json: bool) -> None:
    """Write the status page: HTML that needs no script, JSON and Atom, of all products and of each.

    It says how each product is, how it was on the last 90 days, and of incidents the words that a person approved for
    customers; of any other incident it says nothing. As of the same instant it is the same, to the byte. What is in the
    folder beside it stays.
    """
    from freehold.connect.status_page import files_of
    from freehold.connect.status_page import status_page as read

    estate = loaded(start)
    if not state_is_there(estate):
        raise FreeholdError(
            "FH-E375", "Nothing was recorded here yet, of which a status page could tell.",
            fix="`freehold run` records the first of it.", exit_code=Exit.ENVIRONMENT,
        )  # fmt: skip
    with opened_ledger(estate) as ledger:
        moment = (past(as_of) if as_of else None) or ledger.clock.now()
        page = read(estate, ledger, chosen_environment(estate, env).name, moment)
    if not page.products:
        raise FreeholdError(
            "FH-E376", "No product is on the status page.",
            fix="Say in its file: `{property: freehold:status_page, value: {name: Orders}}`.", exit_code=Exit.FINDING,
        )  # fmt: skip
    files = files_of(page)
    _write(out, files)
    if as_json:
        said = {one.id: one.standing for one in page.products}
        emit({"as_of": page.as_of, "state": page.standing, "products": said, "files": sorted(files)})
    else:
        say(f"Wrote {counted(len(files), 'files')} of {counted(len(page.products), 'products')} to {out}.")


def _write(out: Path, files: dict[str, bytes]) -> None:
    try:
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise FreeholdError(
            "FH-E374", f"`{error.filename}` cannot be written: {error.strerror}.", exit_code=Exit.ENVIRONMENT,
            fix="Name another folder with --out.",
        ) from error  # fmt: skip
