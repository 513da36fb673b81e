"""`freehold token`: what programs sign in with at a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from freehold.cli.output import ago, as_json, emit, say, table

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from freehold.access import ServiceAccount
    from freehold.ledger import Token
    from freehold.server.identity import Who


@click.group(epilog="Example: freehold token list")
def token() -> None:
    """Make, list and revoke what programs sign in with at a server (`freehold serve`)."""


@token.command(epilog="Example: freehold token create 'nightly report' --scope catalog:read --for 30d")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may; may be repeated. Default: read.")
@click.option("--for", "lasts", default="90d", show_default=True, metavar="TIME", help="How long: 12h, 30d.")
@click.option(
    "--for-service", "service", metavar="ID", help="For a ServiceAccount, in its own name rather than in yours."
)
@as_json
@click.pass_obj
def create(
    start: str | None, name: str, scopes: tuple[str, ...], lasts: str, service: str | None, as_json: bool
) -> None:
    """Make a token called NAME and print it, which nobody can do again: only its hash is kept."""
    from freehold.cli.opened import ledger_around
    from freehold.server.entry.tokens import Mint

    account = _account(start, service) if service else None
    wanted = scopes or (account.scopes if account else ()) or ("catalog:read", "metrics:query")
    with ledger_around(start) as ledger:
        text, made = Mint(ledger, ledger.clock).make(_me(), name, wanted, _time(lasts), account)
    if as_json:
        emit({"token": text, **_as_object(made)})
    else:
        click.echo(text)
        may = ", ".join(made.scopes)
        say(f"{made.name} may {may} until {made.expires_at:%Y-%m-%d %H:%M} UTC. Keep it: only its hash is kept here.")


@token.command(epilog="Example: freehold token exchange https://data.example.com --scope jobs:start")
@click.argument("server", metavar="ADDRESS")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may; default: all that its file says.")
@click.option("--service", metavar="ID", help="The ServiceAccount, where the job may act as several.")
@click.option("--audience", help="Whom the identity is made for, as the account's file has it; default: ADDRESS.")
@click.option("--variable", default="FREEHOLD_ID_TOKEN", show_default=True, help="Where GitLab hands the identity in.")
@as_json
def exchange(
    server: str, scopes: tuple[str, ...], service: str | None, audience: str | None, variable: str, as_json: bool
) -> None:
    """Get a token of the server at ADDRESS for the CI job that this runs in, and print it; no secret is needed.

    The job shows who it is by the identity that GitHub, GitLab or another system vouches for. A ServiceAccount says
    which jobs may act as it (`spec.identities`). The token is good for a quarter of an hour at most.
    """
    import os

    from freehold.connect.exchanging import exchanged
    from freehold.connect.reviews import identity_token

    address = server.rstrip("/")
    identity = identity_token(audience or address, os.environ, variable)
    given = exchanged(address, identity, scopes, service or "")
    if as_json:
        emit({"token": given.token.reveal(), "scopes": list(given.scopes), "expires_in": given.seconds})
    else:
        click.echo(given.token.reveal())
        say(f"It may {', '.join(given.scopes)} for {given.seconds:,} seconds.")


@token.command("list", epilog="Example: freehold token list --json")
@as_json
@click.pass_obj
def list_(start: str | None, as_json: bool) -> None:
    """List all tokens: whose, for what, until when, when last used."""
    from freehold.cli.opened import ledger_around

    with ledger_around(start) as ledger:
        found, now = ledger.tokens.all(), ledger.clock.now()
    if as_json:
        emit({"tokens": [_as_object(t) for t in found]})
        return
    if not found:
        say("There is no token. Make one: freehold token create NAME")
        return
    rows = [
        (
            t.id,
            t.name,
            t.owner,
            ", ".join(t.scopes),
            _state(t, now),
            f"{ago(now - t.used_at)} ago" if t.used_at else "never",
        )
        for t in found
    ]
    table(rows, ("token", "name", "of", "may", "", "last used"), least=(2, 3))


@token.command(epilog="Example: freehold token revoke k3v9x0a1b2c4")
@click.argument("id")
@as_json
@click.pass_obj
def revoke(start: str | None, id: str, as_json: bool) -> None:
    """Make the token ID of no use from now on."""
    from freehold.cli.opened import ledger_around
    from freehold.server.entry.tokens import unknown_token

    with ledger_around(start) as ledger:
        known = ledger.tokens.all()
        found = next((t for t in known if t.id == id), None)
        if found is None:
            raise unknown_token(id, known)
        was_of_use = ledger.tokens.revoke(found)
    if as_json:
        emit({"token": id, "revoked": was_of_use})
    else:
        say(f"{found.name} is of no use from now on." if was_of_use else f"{found.name} had been revoked before.")


def _account(start: str | None, name: str) -> ServiceAccount:
    """Return a service account of the estate that a server would go by: in a protected environment the applied one."""
    from freehold.access import accounts_of
    from freehold.cli.opened import estate_in_force
    from freehold.server.entry.tokens import account_named

    return account_named(name, accounts_of(estate_in_force(start, None, in_need=True)))


def _me() -> Who:
    from freehold.foundation import Caller
    from freehold.server.identity import Who

    caller = Caller.at_the_shell()
    return Who(caller.principal, caller.principal, (), "local", "session", "")


def _time(text: str) -> timedelta:
    """Read how long a token is to last.

    Raises:
        FreeholdError: FH-C008 it is no length of time.
    """
    from freehold.delivery.arrival import duration
    from freehold.foundation import Exit, FreeholdError

    try:
        return duration(text)
    except (ValueError, OverflowError):
        raise FreeholdError(
            "FH-C008", f"--for: `{text}` is no length of time.", fix="Write 12h or 30d.", exit_code=Exit.USAGE
        ) from None


def _state(one: Token, now: datetime) -> str:
    if one.revoked_at is not None:
        return "[dim]revoked[/dim]"
    return "[yellow]expired[/yellow]" if one.expires_at <= now else f"{ago(one.expires_at - now)} left"


def _as_object(one: Token) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "owner": one.owner,
        "scopes": list(one.scopes),
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "used_at": one.used_at,
        "revoked_at": one.revoked_at,
    }
