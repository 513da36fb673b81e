"""`freehold export`: files for other tools, written from what the estate says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.opened import loaded
from freehold.cli.output import emit, say
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.estate.model import Estate


@click.command(epilog="Example: freehold export github")
@click.argument("kind", type=click.Choice(["github", "gitlab", "ossie"]))
@click.option("--runner", default="", metavar="LABEL", help="The runners that reach the warehouse.")
@click.option("--print", "only_print", is_flag=True, help="Print it instead of writing the file.")
@click.option("--force", is_flag=True, help="Write over a file that somebody has changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")
@click.pass_obj
def export(start: str | None, kind: str, runner: str, only_print: bool, force: bool, as_json: bool) -> None:
    """Write a pipeline for github or gitlab: the plan as a comment on the pull request, apply on merge.

    `ossie` prints the estate's metrics instead, as Apache Ossie has them, for other tools; what the standard cannot
    say stands in an extension of ours, from which it comes back.

    It goes where the forge looks for it, in the folder of the git repository. The secrets it wants are those that
    estate.yaml refers to. Where state or warehouse are files, it runs on a machine of your own that has them.
    """
    from freehold.connect.pipelines import PLACES, all_on_servers, pipeline, secrets_of

    estate = loaded(start)
    if kind == "ossie":
        _print_ossie(estate, as_json=as_json)
        return
    root = Path(estate.root).resolve()
    folder = root.relative_to(_top(root)).as_posix()
    text = pipeline(estate, kind, runner=runner, folder="" if folder == "." else folder)
    if only_print:
        if as_json:
            emit({"path": PLACES[kind], "text": text})
        else:
            click.echo(text, nl=False)
        return
    place = _top(root) / PLACES[kind]
    was = place.read_text(encoding="utf-8") if place.exists() else None
    if was is not None and was != text and not force:
        raise FreeholdError(
            "FH-C011",
            f"`{place}` is there and differs from what would be written; it was left as it is.",
            fix="Compare with --print, then write over it with --force.",
            exit_code=Exit.USAGE,
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    wanted = sorted(secrets_of(estate) - {"GITHUB_TOKEN"})
    if as_json:
        emit({"path": str(place), "written": was != text, "secrets": wanted})
        return
    say(f"{'Wrote' if was != text else 'Nothing new in'} {place}.")
    if wanted:
        say(f"Secrets to give it: {', '.join(wanted)}.")
    if not all_on_servers(estate):
        say("State or warehouse are files of one machine: let a runner of your own on it, or move them to PostgreSQL.")
    if not estate.reviews:
        say("To take approvals from code review, say where: spec.reviews in estate.yaml (`freehold schema Estate`).")


def _print_ossie(estate: Estate, *, as_json: bool) -> None:
    import yaml

    from freehold.metrics import catalogue_of
    from freehold.metrics.ossie import to_ossie

    catalogue = catalogue_of(estate)
    said = to_ossie(catalogue, list(catalogue.models), estate.semantic_models)
    if as_json:
        emit(said)
    else:
        click.echo(yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120), nl=False)


def _top(root: Path) -> Path:
    """Return the folder of the git repository around an estate, or the estate itself where there is none."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
