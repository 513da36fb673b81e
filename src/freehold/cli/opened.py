"""Opening what a command works on: the estate around here, its ledger, and the warehouse of one environment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from freehold.cli.output import counted, say
from freehold.foundation import Caller, Exit, FreeholdError, Problems, SimulatedClock, SystemClock, near

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.engines import Engine
    from freehold.estate.model import Environment, Estate
    from freehold.ledger import Ledger

_ROOM = timedelta(days=3)  # below the last day there is, for the zones and grace that are added to an instant
Command = TypeVar("Command", bound=Callable[..., Any])

environment = click.option("--env", default=None, metavar="ENV", help="The environment; default: the protected one.")
as_of = click.option(
    "--as-of",
    default=None,
    metavar="DATE",
    help="Act as though it were then: 2011-03-07, or 2011-03-07T06:00; UTC without a zone.",
)
waiting = click.option("--wait", "wait_s", default=0.0, metavar="SECONDS", help="Wait for a warehouse that is in use.")
selecting = click.option(
    "--select",
    "-s",
    multiple=True,
    metavar="WHAT",
    help="Asset, product or domain; +x with what it reads, x+ with what reads it. May be repeated.",
)


@contextmanager
def opened_delivery(
    start: str | None,
    env: str | None,
    *,
    wait_s: float = 0.0,
    jobs: int | None = None,
    at: str | None = None,
    in_need: bool = False,
    as_applied: bool = False,
) -> Iterator[Delivery]:
    """Open everything a delivery needs, and close it again whatever happens.

    In a protected environment it goes by the estate that was applied there, whatever the files here say; in any, if
    `as_applied`. `in_need` is for what must work in an incident: where files are in error, it goes by what was applied
    last, wherever it was.
    """
    estate = estate_in_force(start, env, in_need=in_need, as_applied=as_applied)
    with delivery_of(estate, env, wait_s=wait_s, jobs=jobs, at=at) as delivery:
        yield delivery


@contextmanager
def delivery_of(
    estate: Estate,
    env: str | None,
    *,
    wait_s: float = 0.0,
    jobs: int | None = None,
    at: str | None = None,
    compiling: bool = False,
) -> Iterator[Delivery]:
    """Open everything a delivery of this very estate needs, and close it again whatever happens.

    `compiling` has dbt compile first what it builds at our order.
    """
    from freehold.cli.calling_dbt import compile_beside, tool_of
    from freehold.delivery import Delivery

    chosen = chosen_environment(estate, env)
    clock = SimulatedClock(_past(at)) if at else SystemClock()
    with ExitStack() as closing:
        engine = closing.enter_context(opened_engine(estate, chosen, wait_s=wait_s))
        ledger = closing.enter_context(opened_ledger(estate))
        caller = Caller.at_the_shell()
        tool = tool_of(estate, chosen)
        if tool is not None and compiling:
            compile_beside(tool, engine, estate, chosen)
        delivery = Delivery(
            *(estate, engine, ledger),
            env=chosen.name,
            clock=clock,
            caller=caller,
            jobs=jobs,
            tool=tool,
            is_of_files=True,
        )
        closing.callback(delivery.close)
        yield delivery


@contextmanager
def opened_engine(estate: Estate, chosen: Environment, *, wait_s: float = 0.0) -> Iterator[Engine]:
    """Open the warehouse of an environment."""
    from freehold.engines import open_engine
    from freehold.foundation.secrets import resolved

    connection = estate.connections[chosen.connection]
    settings = {
        name: resolved(value, root=estate.root, where=connection.where) for name, value in connection.settings.items()
    }
    engine = open_engine(connection.url, root=str(estate.root), wait_s=wait_s, **settings)
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def opened_ledger(estate: Estate) -> Iterator[Ledger]:
    """Open the ledger of an estate."""
    with _opened_ledger(Path(estate.root), estate.state_url, estate.state_settings) as ledger:
        yield ledger


@contextmanager
def ledger_around(start: str | None) -> Iterator[Ledger]:
    """Open the ledger of the estate around a folder, whatever its other files say."""
    from freehold.estate import find_estate, state_of

    root = find_estate(Path(start) if start else None)
    with _opened_ledger(root, *state_of(root)) as ledger:
        yield ledger


@contextmanager
def _opened_ledger(root: Path, url: str, settings: Mapping[str, Any]) -> Iterator[Ledger]:
    from freehold.foundation.secrets import resolved
    from freehold.ledger import Ledger

    password = resolved(settings.get("password"), root=root)
    with Ledger.open(url, root=root, caller=Caller.at_the_shell(), password=password) as ledger:
        yield ledger
        ledger.sign_off()


def estate_in_force(
    start: str | None,
    env: str | None,
    *,
    in_need: bool = False,
    as_applied: bool = False,
    tell: Callable[[str], None] = say,
) -> Estate:
    """Return the estate a command acts by: in a protected environment what was applied there, elsewhere the files here.

    Where the files differ from what was applied, or are in error, that is said. `as_applied` is for what cannot be
    undone: it goes by what was applied in any environment.

    Raises:
        Problems: files are in error, and nothing else can be gone by.
    """
    estate = loaded_or_applied(start, env, protected=not in_need, tell=tell)
    chosen = chosen_environment(estate, env)
    if not state_is_there(estate):
        return estate
    from freehold.delivery.plan.versions import deployed, last_applied

    with opened_ledger(estate) as ledger:
        last = last_applied(ledger, chosen.name)
        if last is None or not (as_applied or chosen.protected or last.data.get("protected")):
            return estate
        if last.data.get("resources") == dict(estate.hashes):
            return estate
        found = deployed(ledger, estate.root, chosen.name)
    if found is None:
        return estate
    tell(f"The files here are not what is applied in `{chosen.name}`; this goes by {found.label}. See `freehold plan`.")
    return found.estate


def loaded_or_applied(
    start: str | None, env: str | None, *, protected: bool = False, tell: Callable[[str], None] = say
) -> Estate:
    """Read the estate; where its files are in error, return it as it was applied last, and say so.

    Raises:
        Problems: files are in error, and nothing was ever applied (or, if `protected`, not in such an environment).
    """
    try:
        return loaded(start)
    except Problems as problems:
        from freehold.delivery.plan.versions import deployed, last_applied
        from freehold.estate import find_estate

        with ledger_around(start) as ledger:
            last = last_applied(ledger, env)
            found = deployed(ledger, find_estate(Path(start) if start else None), last.env) if last else None
        if found is None or last is None:
            raise
        declared = found.estate.environment(last.env)
        if protected and not (declared and declared.protected):
            raise
        wrong = counted(len(problems.errors), "errors")
        tell(f"The files of the estate have {wrong}: see `freehold validate`. This goes by {found.label}.")
        return found.estate


def loaded(start: str | None) -> Estate:
    """Find and read the estate around a folder.

    Raises:
        Problems: every error in its files.
    """
    from freehold.estate import find_estate, load_estate

    return load_estate(find_estate(Path(start) if start else None))


def only_in(estate: Estate, modes: Collection[str]) -> bool:
    """Whether every product of an estate is in one of some modes, and there is one."""
    return bool(estate.products) and all(product.mode in modes for product in estate.products.values())


def _past(text: str) -> datetime:
    """Read an instant to act at; the rest of today counts as past, what comes after has not happened.

    Raises:
        FreeholdError: FH-C004 it is in the future.
    """
    read = instant(text)
    if read > SystemClock().now() + timedelta(days=1):
        raise FreeholdError(
            "FH-C004",
            f"`{text}` is in the future.",
            fix="Name a day that has been; what is recorded then stays recorded.",
            exit_code=Exit.USAGE,
        )
    return read


def instant(text: str) -> datetime:
    """Read a day (its end) or an instant; UTC where no zone is given.

    Raises:
        FreeholdError: FH-C002 it is neither.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise FreeholdError(
            "FH-C002",
            f"`{text}` is no day or instant.",
            fix="Write 2011-03-07 or 2011-03-07T06:00.",
            exit_code=Exit.USAGE,
        ) from None
    whole_day = timedelta(days=1 if len(text) == len("2011-03-07") else 0)
    last = datetime.max.replace(tzinfo=read.tzinfo) - _ROOM
    read = min(read, last) + whole_day
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def state_is_there(estate: Estate) -> bool:
    """Whether the estate has a ledger yet; asking must not make one."""
    scheme, _, rest = estate.state_url.partition("://")
    if scheme != "sqlite":
        return True
    path = Path(rest[1:] if rest.startswith("/") else rest)
    return (estate.root / path).is_file()


def as_published(estate: Estate, env: str) -> Estate:
    """Return an estate whose outputs have the names they are published by, where there is a ledger to tell them."""
    if not state_is_there(estate):
        return estate
    from freehold.delivery.majors import placed_by_ledger

    with opened_ledger(estate) as ledger:
        return placed_by_ledger(estate, ledger, env, SystemClock().now())[0]


def dialect_of(estate: Estate, chosen: Environment) -> str:
    """Return the SQL dialect of an environment's engine, without opening it.

    Raises:
        FreeholdError: FH-E001 no engine speaks the scheme of its connection.
    """
    from freehold.engines import unknown_engine

    connection = estate.connections[chosen.connection]
    if error := unknown_engine(connection.url, connection.where):
        raise error
    return connection.url.partition(":")[0].replace("postgresql", "postgres")


def chosen_environment(estate: Estate, name: str | None) -> Environment:
    """Return the environment of that name, or the one that is meant where none is named.

    Raises:
        FreeholdError: FH-C001 there is none of that name.
    """
    from freehold.delivery.graph import default_environment

    wanted = name or default_environment(estate)
    found = estate.environment(wanted)
    if found is not None:
        return found
    known = ", ".join(estate.environments)
    raise FreeholdError(
        "FH-C001",
        f"The estate has no environment `{wanted}`.",
        fix=near(wanted, estate.environments) or f"It has: {known}.",
        exit_code=Exit.USAGE,
    )
