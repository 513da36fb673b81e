"""`freehold postmortem`: what is owed after incidents, written from evidence, signed, with what follows from each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.document import manifest_at, narrative_for, written_into
from freehold.cli.items import work_at
from freehold.cli.opened import chosen_environment, environment, loaded, opened_ledger
from freehold.cli.output import as_json, counted, emit, say, table
from freehold.foundation import Exit, FreeholdError

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.insight.documents import Library
    from freehold.ledger import Ledger
    from freehold.reliability.incidents import Incident
    from freehold.reliability.learning import Postmortem
    from freehold.work import Work

FOLDER = "postmortems"
_ALL = "freehold postmortem list --all"
_STATES = {"owed": "owed", "overdue": "[red]overdue[/red]", "published": "published", "learned": "learned, without one"}
_incident = click.argument("id", metavar="INCIDENT")
_folder = click.option(
    "--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help=f"Where it lies; default: {FOLDER}/."
)


@click.group(epilog="Example: freehold postmortem list")
def postmortem() -> None:
    """Write down what incidents taught: what is owed, pre-filled from evidence, with actions and the missing guardrail.

    One is owed of each incident that was severe, or recurs, five working days after its end.
    """


@postmortem.command("list", epilog=f"Example: {_ALL}")
@click.option("--all", "everything", is_flag=True, help="Those of incidents that were learned from, too.")
@as_json
@click.pass_obj
def list_(start: str | None, everything: bool, as_json: bool) -> None:
    """List the postmortems that are owed, what is due first."""
    from freehold.reliability.learning import postmortems

    with _opened(start) as here:
        every = postmortems(here.estate, here.work)
    found = [one for one in every if everything or one.is_owed]
    if as_json:
        emit({"postmortems": [one.to_json() for one in found]})
    elif found:
        heads = ("incident", "sev", "root", "owner", "due", "it is", "actions")
        table([_row(one) for one in found], heads, right=(1, 6), least=(2,))
        if waiting := [one for one in found if one.is_owed]:
            say(f"Next: freehold postmortem write {waiting[0].incident.id[-8:]}")
    elif every:
        was = "was" if len(every) == 1 else "were"
        say(f"No postmortem is owed; {counted(len(every), 'incidents')} {was} learned from: {_ALL}")
    else:
        say("No postmortem is owed." if not everything else "Nothing was learned from yet.")


def _row(one: Postmortem) -> tuple[object, ...]:
    due = f"{one.due_at:%Y-%m-%d %H:%M}" if one.due_at else ""
    late = ", late" if one.state == "published" and one.is_late else ""
    return (f"…{one.incident.id[-8:]}", one.incident.sev, one.incident.root, one.owner, due,
            _STATES[one.state] + late, len(one.actions))  # fmt: skip


@postmortem.command(epilog="Example: freehold postmortem write 7c976bf46c69")
@_incident
@_folder
@environment
@as_json
@click.pass_obj
def write(start: str | None, id: str, out: Path | None, env: str | None, as_json: bool) -> None:
    """Write the postmortem of an INCIDENT: facts from evidence, and a file for what a person says beside them.

    Written again, the facts are of then, and what a person wrote stays.
    """
    from freehold.reliability.learning import DOCUMENT

    with _opened(start, id) as here:
        folder = out or here.estate.root / FOLDER
        edition = written_into(here.library(env), DOCUMENT, {"item": here.incident.id}, None, folder)
    if as_json:
        emit(edition.manifest.to_json())
    else:
        say(f"Then: freehold postmortem sign {here.incident.id[-8:]}")


@postmortem.command(epilog="Example: freehold postmortem sign 7c976bf46c69")
@_incident
@_folder
@environment
@as_json
@click.pass_obj
def sign(start: str | None, id: str, out: Path | None, env: str | None, as_json: bool) -> None:
    """Stand up for the postmortem of an INCIDENT, as any document is signed; it is published by that.

    It wants every part of the narrative, and at least one action that was agreed on.
    """
    from freehold.insight.documents.package import MANIFEST
    from freehold.reliability.learning import DOCUMENT, publish

    with _opened(start, id) as here:
        name = f"{DOCUMENT}-{here.incident.id.replace('/', '-')}{MANIFEST}"
        path = (out or here.estate.root / FOLDER) / name
        if not path.exists():
            raise FreeholdError(
                "FH-E383", f"`{path}` is not there: nobody wrote it, or it lies elsewhere.", exit_code=Exit.USAGE,
                fix=f"`freehold postmortem write {here.incident.id}`, or name its folder with --out.",
            )  # fmt: skip
        manifest = manifest_at(path)
        told = narrative_for({}, path, manifest)
        signed = publish(here.library(env or manifest.env), here.work, here.incident, manifest, told)
    if as_json:
        emit({"incident": here.incident.id, "manifest": signed.manifest, "signed_by": signed.signer,
              "signed_at": signed.signed_at})  # fmt: skip
    else:
        say(f"{signed.signer} signed the postmortem of {here.incident.id}: it is published.")


@postmortem.command(epilog="Example: freehold postmortem act 7c97 'Check prices' --owner user:idp/ana --due 2026-12-01")
@_incident
@click.argument("title")
@click.option("--owner", default="", metavar="WHO", help="Who sees to it: user:idp/ana, team:sales.")
@click.option("--due", default="", metavar="DAY", help="The day by which it is done: 2026-12-01.")
@as_json
@click.pass_obj
def act(start: str | None, id: str, title: str, owner: str, due: str, as_json: bool) -> None:
    """Agree on what is done so that an INCIDENT does not come again. Without an owner and a day it is refused."""
    from freehold.reliability.learning import act as agreed

    with _opened(start, id) as here:
        item = agreed(here.work, here.incident, title, owner, due)
    if as_json:
        emit({"item": item.id, "incident": here.incident.id, "title": title, "owner": owner, "due": due})
    else:
        say(f"Agreed: {item.id}, by {owner} until {due}.")


@postmortem.command(epilog="Example: freehold postmortem guardrail 7c976bf46c69 --write")
@_incident
@click.option("--write", is_flag=True, help="Change the contract's file.")
@environment
@as_json
@click.pass_obj
def guardrail(start: str | None, id: str, write: bool, env: str | None, as_json: bool) -> None:
    """Propose the rule that would have told an INCIDENT at its root, as a change of the contract.

    It fails on the batch of the incident, and held for those before it. How many right batches it would have held is
    said beside it; the estate was loaded with it.
    """
    from freehold.reliability.learning import expect_loads, guardrail_for

    with _opened(start, id) as here:
        env_ = chosen_environment(here.estate, env).name
        found = guardrail_for(here.estate, here.ledger, env_, here.incident)
        expect_loads(here.estate, found)
        if write:
            (here.estate.root / found.path).write_text(found.after, encoding="utf-8", newline="")
    if as_json:
        emit({"incident": here.incident.id, "written": write, **found.to_json()})
        return
    click.echo(found.diff, nl=False)
    say(found.why)
    say(f"Wrote {found.path}. Next: freehold plan" if write else "To change the contract so: --write")


@postmortem.command(epilog="Example: freehold postmortem similar 7c976bf46c69")
@_incident
@as_json
@click.pass_obj
def similar(start: str | None, id: str, as_json: bool) -> None:
    """List the incidents before an INCIDENT that it is most like, each with its factors and what mended it."""
    from freehold.insight.similar import WEIGHTS
    from freehold.insight.similar import similar as like
    from freehold.reliability.learning.owed import ACTION

    with _opened(start, id) as here:
        found = like(here.ledger, here.incident.id)
        called = {one.id: here.work.title(one) for one in here.work.items(ACTION)}
    if as_json:
        emit({"incident": here.incident.id, "similar": [one.to_json() for one in found]})
    elif found:
        rows = [
            (f"…{one.incident[-8:]}", one.root, *(f"{one.factors[n]:.2f}" if n in one.factors else "" for n in WEIGHTS),
             f"{one.score:.3f}", "; ".join(called.get(said, said) for said in one.mended))
            for one in found
        ]  # fmt: skip
        table(rows, ("incident", "root", *WEIGHTS, "score", "mended by"), right=(2, 3, 4, 5, 6), least=(7, 1))
        say(f"{counted(len(found), 'incidents')} before it, the most like it first.")
    else:
        say("No incident before it is like it.")


@dataclass(frozen=True)
class _Opened:
    """An estate with its ledger, as whoever sits at the shell, and the incident that was named, where one was."""

    estate: Estate
    ledger: Ledger
    work: Work
    named: Incident | None

    @property
    def incident(self) -> Incident:
        assert self.named is not None, "a command of one incident names it"
        return self.named

    def library(self, env: str | None) -> Library:
        """Return the documents of the estate, in an environment."""
        from freehold.insight.documents import Library

        return Library(self.estate, self.ledger, chosen_environment(self.estate, env).name)


@contextmanager
def _opened(start: str | None, id: str | None = None) -> Iterator[_Opened]:
    from freehold.reliability.incidents import incident_of

    estate = loaded(start)
    with opened_ledger(estate) as ledger:
        named = incident_of(ledger, id) if id is not None else None
        yield _Opened(estate, ledger, work_at(estate, ledger, ledger.caller), named)
