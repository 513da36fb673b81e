"""`freehold brief`: what a home page says, as a letter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from freehold.cli.opened import environment, loaded
from freehold.cli.output import as_json, emit, say
from freehold.foundation import Exit

if TYPE_CHECKING:
    from starlette.applications import Starlette

# What people call the roles, beside the names of the homes.
_HOMES = {
    "pm": "product", "product": "product", "dataops": "dataops", "vp": "leader", "leader": "leader",
    "consumer": "consumer",
}  # fmt: skip


@click.command(epilog="Example: freehold brief --role pm")
@click.option("--role", type=click.Choice(tuple(_HOMES)), default="pm", show_default=True, help="Whose home.")
@click.option("--as", "principal", default="", metavar="WHO", help="As somebody else sees it: user:idp/ana.")
@click.option("--send", is_flag=True, help="Send it now to all who get it by the files of the estate.")
@click.option(
    "--format", "form", type=click.Choice(("text", "html", "json")), default="text", show_default=True, help="As what."
)
@environment
@as_json
@click.pass_obj
def brief(
    start: str | None, role: str, principal: str, send: bool, form: str, env: str | None, as_json: bool
) -> None:  # fmt: skip
    """Say what the home page of a role says: the same lines, as text, HTML or JSON.

    With --send, everybody whom a file of kind Brief names for that home is sent theirs, seen with their own eyes. A
    server does that by itself, once a week. Ends with 1 where somebody could not be told.
    """
    from freehold.server.briefs import as_html, as_text, brief_for
    from freehold.server.identity import Who
    from freehold.server.web.showing import as_plain
    from freehold.work.entering import expect_principal

    expect_principal(principal)
    home = _HOMES[role]
    with _application(start, env) as app:
        if send:
            _sent(app, home, as_json or form == "json")
            return
        who = Who(principal, principal, (), "local", "token", "shell") if principal else Who.at_the_shell()
        found = brief_for(app, who, home)
    if as_json or form == "json":
        emit(as_plain(found))
    else:
        click.echo(as_html(found) if form == "html" else as_text(found), nl=form == "html")


@contextmanager
def _application(start: str | None, env: str | None) -> Iterator[Starlette]:
    """Open the server's application without serving it: what a page says is said by the page alone."""
    from freehold.cli.serve import settings_of
    from freehold.server import create_app
    from freehold.server.telemetry import Telemetry, configure_logs

    configure_logs()
    root = loaded(start).root
    app = create_app(root, settings_of(root, None, None, env), telemetry=Telemetry())
    with closing(app.state.served):
        yield app


def _sent(app: Starlette, home: str, as_json: bool) -> None:
    from freehold.server.briefs import send

    came = list(send(app, home))
    if as_json:
        emit({"sent": [_object(one) for one in came]})
    for one in () if as_json else came:
        say(f"{one.receiver}: {f'not sent. {one.why} {one.fix}' if one.why else f'sent by {one.by}.'}")
    if any(one.why for one in came):
        raise SystemExit(Exit.FINDING)


def _object(one: Any) -> dict[str, Any]:
    return {
        "brief": one.brief, "receiver": one.receiver, "by": one.by or None, "why": one.why or None,
        "fix": one.fix or None,
    }  # fmt: skip
