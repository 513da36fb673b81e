"""`freehold serve`: the estate in a browser, for people and programs."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from freehold.cli.output import as_json, emit, say

if TYPE_CHECKING:
    from freehold.server import Settings

PORT = 8765


@click.command(epilog="Example: freehold serve --open")
@click.option("--host", default=None, metavar="HOST", help="Where to listen; default: 127.0.0.1, this machine alone.")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help=f"Default: {PORT}.")
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@click.option("--env", default=None, metavar="ENV", help="The environment; default: the protected one.")
@as_json
@click.pass_obj
def serve(start: str | None, host: str | None, port: int | None, open_: bool, env: str | None, as_json: bool) -> None:
    """Serve the estate: pages, and an API at /api/v1, until Ctrl-C or SIGTERM.

    Prints a link that lets one browser in, once. Where the estate names an identity provider (`spec.server.sign_in`),
    people sign in there instead. With --json the link is printed as an object, and logs are JSON.

    While it runs, what `run`, `check`, `apply`, `promote`, `rollback`, `backfill` and `collect` do becomes jobs of the
    server: one at a time, each in a process of its own. `freehold --here run` goes beside it. Told to end, it lets the
    job at hand finish for a while, and leaves the rest to the next server.
    """
    from freehold.estate import find_estate

    if host is not None and not host.strip():
        raise click.BadParameter("it names no address; 127.0.0.1 is this machine alone.", param_hint="--host")
    serve_estate(find_estate(Path(start) if start else None), host, port, open_=open_, env=env, as_json=as_json)


def serve_estate(
    root: Path, host: str | None = None, port: int | None = None, *, open_: bool, env: str | None = None, as_json: bool
) -> None:
    """Serve an estate as its files and some options say, until told to stop."""
    from freehold.server import serve as run

    settings = settings_of(root, host, port, env)
    tell = partial(_emit_link, settings) if as_json else say
    run(root, settings, tell, _opener() if open_ else None)
    sys.exit(0)


def settings_of(root: Path, host: str | None, port: int | None, env: str | None) -> Settings:
    """Return how a server of an estate is to behave: what options say, else its files, else the defaults."""
    from freehold.connect.messages import mail_server_of
    from freehold.connect.outbound import outbound_from
    from freehold.estate import server_of
    from freehold.server import Settings
    from freehold.server.proxies import proxies_from

    said = server_of(root)
    return Settings(
        host=host or str(said.get("host") or "127.0.0.1"),
        port=port or int(said.get("port") or PORT),
        url=str(said.get("url") or ""),
        env=env,
        sign_in=said.get("sign_in") or {},
        outbound=outbound_from(said.get("outbound") or {}),
        mail=mail_server_of(said.get("mail") or {}),
        proxies=proxies_from(said.get("proxies") or ()),
    )


def _emit_link(settings: Settings, told: str) -> None:
    link = next((word for word in told.split() if word.startswith(f"{settings.address}/sign-in/link/")), None)
    emit({"serving": settings.address, "link": link} if link else {"told": told})
    sys.stdout.flush()


def _opener() -> Callable[[str], None]:
    """Return what opens a page once the server answers, a moment after it was started."""
    import threading

    def show(url: str) -> None:
        timer = threading.Timer(0.5, webbrowser.open, args=(url,))
        timer.daemon = True
        timer.start()

    return show
