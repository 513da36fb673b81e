"""Opening an estate: its files, its ledger, and the warehouse of one environment. For commands, the server, Python.

Whoever opens closes. What is worth saying on the way (files that differ from what is applied) goes to `tell`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.foundation import Caller, Exit, FreeholdError, Problems, SimulatedClock, SystemClock, near

if TYPE_CHECKING:
    from freehold.connect.dbt import DbtTool
    from freehold.delivery import Delivery
    from freehold.engines import Column, Engine, Session
    from freehold.estate.model import Environment, Estate
    from freehold.ledger import Ledger
    from freehold.metrics import Answerer, Catalogue, Scope
    from freehold.metrics.model import Dataset

Tell = Callable[[str], None]

USUAL_WAIT_S = 10.0  # a page, a query, a notebook that reads the warehouse lets go of it again: worth waiting for

_ROOM = timedelta(days=3)  # below the last day there is, for the zones and grace that are added to an instant


def quietly(_: str) -> None:
    """Tell nobody."""


@contextmanager
def opened_delivery(
    start: str | None,
    env: str | None,
    *,
    wait_s: float = USUAL_WAIT_S,
    jobs: int | None = None,
    at: str | None = None,
    in_need: bool = False,
    as_applied: bool = False,
    tell: Tell = quietly,
) -> Iterator[Delivery]:
    """Open everything a delivery needs, and close it again whatever happens.

    In a protected environment it goes by the estate that was applied there, whatever the files here say; in any, if
    `as_applied`. `in_need` is for what must work in an incident: where files are in error, it goes by what was applied
    last, wherever it was.
    """
    estate = estate_in_force(start, env, in_need=in_need, as_applied=as_applied, tell=tell)
    with delivery_of(estate, env, wait_s=wait_s, jobs=jobs, at=at) as delivery:
        yield delivery


@contextmanager
def delivery_of(
    estate: Estate,
    env: str | None,
    *,
    wait_s: float = USUAL_WAIT_S,
    jobs: int | None = None,
    at: str | None = None,
    compiling: bool = False,
) -> Iterator[Delivery]:
    """Open everything a delivery of this very estate needs, and close it again whatever happens.

    `compiling` has dbt compile first what it builds at our order.
    """
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
def opened_engine(estate: Estate, chosen: Environment, *, wait_s: float = USUAL_WAIT_S) -> Iterator[Engine]:
    """Open the warehouse of an environment; where another process has it, wait for that long.

    Raises:
        FreeholdError: FH-E400 the folder of its file is not there, with the connection that names it; as `open_engine`.
    """
    from freehold.engines import open_engine
    from freehold.foundation.secrets import resolved

    connection = estate.connections[chosen.connection]
    settings = {
        name: resolved(value, root=estate.root, where=connection.where) for name, value in connection.settings.items()
    }
    try:
        engine = open_engine(connection.url, root=str(estate.root), wait_s=wait_s, **settings)
    except FreeholdError as error:
        if error.code == "FH-E400":
            error.where = connection.where
        raise
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
    tell: Tell = quietly,
) -> Estate:
    """Return the estate a command acts by: in a protected environment what was applied there, elsewhere the files here.

    Files that begin a new major version are not in force before they are applied anywhere, since it is published whole.
    Where the files differ from what was applied, or are in error, that is said. `as_applied` is for what cannot be
    undone: it goes by what was applied in any environment.

    Raises:
        Problems: files are in error, and nothing else can be gone by.
    """
    estate = loaded_or_applied(start, env, protected=not in_need, tell=tell)
    chosen = chosen_environment(estate, env)
    if not state_is_there(estate):
        return estate
    from freehold.delivery.majors import majors_begun
    from freehold.delivery.plan.versions import deployed, last_applied

    with opened_ledger(estate) as ledger:
        last = last_applied(ledger, chosen.name)
        if last is None or last.data.get("resources") == dict(estate.hashes):
            return estate
        is_held = as_applied or chosen.protected or bool(last.data.get("protected"))
        begun = () if is_held else majors_begun(estate, ledger, chosen.name, SystemClock().now())
        if not is_held and not begun:
            return estate
        found = deployed(ledger, estate.root, chosen.name)
    if found is None:
        return estate
    if begun:
        tell(f"`{begun[0]}` is a new major version, which waits to be applied: see `freehold plan`.")
    tell(f"The files here are not what is applied in `{chosen.name}`; this goes by {found.label}. See `freehold plan`.")
    return found.estate


def loaded_or_applied(start: str | None, env: str | None, *, protected: bool = False, tell: Tell = quietly) -> Estate:
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
        wrong = f"{len(problems.errors):,} error{'s' * (len(problems.errors) != 1)}"
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


def tool_of(estate: Estate, chosen: Environment) -> DbtTool | None:
    """Return the tool that builds products of an estate for an environment; None where dbt builds none for us."""
    if not estate.dbt:
        return None
    from freehold.connect.dbt import Connection, DbtTool, declared_nodes
    from freehold.foundation.secrets import resolved

    if not declared_nodes(estate):
        return None
    there = estate.connections[chosen.connection]
    settings = {n: resolved(v, root=estate.root, where=there.where) for n, v in there.settings.items()}
    return DbtTool(estate, chosen.name, Connection(there.url, estate.root, settings, there.where))


def compile_beside(tool: DbtTool, engine: Engine, estate: Estate, chosen: Environment) -> None:
    """Have dbt compile, while it may use the warehouse; what stands there, models may ask.

    Raises:
        FreeholdError: FH-X110 to FH-X114, FH-X120 to FH-X124.
    """
    from freehold.delivery.graph import default_environment
    from freehold.delivery.orders import standing

    live = standing(engine, chosen.name, default_environment(estate))
    with engine.lent():
        tool.compile(live)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a question is asked of: the metrics of an estate, and an environment that is open."""

    catalogue: Catalogue
    answerer: Answerer
    delivery: Delivery


@contextmanager
def asking(
    start: str | None,
    env: str | None,
    *,
    wait_s: float = USUAL_WAIT_S,
    refuse: Sequence[str] = (),
    kept: bool = True,
    estate: Estate | None = None,
    seen_by: Caller | None = None,
    tell: Tell = quietly,
) -> Iterator[Asking]:
    """Open an environment to ask its metrics, or those of another version of the estate; close it whatever happens.

    `seen_by` is whose policies hold; without one, those of the caller.
    """
    with opened_delivery(start, env, wait_s=wait_s, in_need=True, tell=tell) as delivery:
        yield asking_of(delivery, refuse=refuse, kept=kept, estate=estate, seen_by=seen_by)


def asking_of(
    delivery: Delivery,
    *,
    refuse: Sequence[str] = (),
    kept: bool = True,
    estate: Estate | None = None,
    seen_by: Caller | None = None,
) -> Asking:
    """Return what questions are asked of, in an environment that is open: its metrics, or those of another version.

    Of metrics over products that `seen_by` may not ask, there are none.
    """
    from freehold.delivery.serving import rollups, sources
    from freehold.metrics import Answerer, KeptAnswers, Scope, catalogue_of, policies_of
    from freehold.metrics.answering import MOST_ROWS
    from freehold.metrics.recording import failed
    from freehold.metrics.typing import with_types
    from freehold.reliability.incidents.freezing import frozen, notes_of
    from freehold.rules import lapsed

    standing = catalogue_of(estate or delivery.estate).lapsing(lapsed(delivery.ledger, delivery.env))
    catalogue = _askable(standing, delivery.estate, seen_by)
    names = {t.source for m in catalogue.models.values() for d in m.datasets.values() for t in d.tables}
    states = sources(delivery, names)
    with delivery.reading() as session:
        dialect = delivery.engine.capabilities.dialect
        bare = Scope(catalogue, lambda d: (states.get(d.source) or _outside(d.source)).relation.copy(), dialect)
        catalogue = with_types(catalogue, lambda d: _columns(session, bare, d))
    limits, notes = delivery.estate.defaults.get("answers", {}), notes_of(frozen(delivery.ledger))
    answerer = Answerer(
        catalogue=catalogue,
        engine=delivery.engine,
        caller=delivery.caller,
        source=lambda dataset: states.get(dataset.source) or _outside(dataset.source),
        refuse=tuple(refuse),  # type: ignore[arg-type]
        kept=KeptAnswers(delivery.root) if kept else None,
        held=rollups(delivery, catalogue) if estate is None else (),
        policy=policies_of(delivery.estate, seen_by or delivery.caller),
        note=lambda metric: notes.get(metric, ""),
        most_rows=limits.get("most_rows", MOST_ROWS),
        most_seconds=limits.get("most_seconds"),
        failed=lambda asked, read, seconds: delivery.ledger.raw.append(
            "usage.query", failed(asked, read, seconds, seen_by or delivery.caller, env=delivery.env)
        ),
    )
    return Asking(catalogue, answerer, delivery)


def _askable(catalogue: Catalogue, estate: Estate, seen_by: Caller | None) -> Catalogue:
    """Return the part of a catalogue that somebody may ask: all of it, where nobody is named."""
    from freehold.access import Access
    from freehold.access.covering import Cover
    from freehold.metrics.seeing import part_seen

    access = Access(estate)
    if seen_by is None or not access.is_limited(seen_by):
        return catalogue
    asked = [product for product in estate.products if access.may(seen_by, "ask", product)]
    if len(asked) == len(estate.products):
        return catalogue
    cover = Cover.over(estate.products, asked)
    return part_seen(catalogue, lambda source: not cover.hides(source))


def _columns(session: Session, scope: Scope, dataset: Dataset) -> tuple[Column, ...]:
    """Return the columns of what a dataset reads, as the warehouse has them."""
    from freehold.engines import Relation
    from freehold.metrics.evidence import rows_of

    if dataset.query is not None:
        return session.columns_of(rows_of(scope, dataset).sql(scope.dialect))
    table = scope.relation(dataset)
    return session.describe(Relation(table.db or "main", table.name))


def _outside(name: str) -> Any:
    """Return a relation of the warehouse that is no asset of the estate: nobody here knows what state it is in."""
    from sqlglot import exp

    from freehold.metrics.answering import Source

    *before, last = name.split(".")
    relation = exp.table_(
        exp.to_identifier(last, quoted=True), exp.to_identifier(".".join(before) or None, quoted=True)
    )
    return Source(name, relation, reasons=(f"`{name}` is no asset of this estate.",))
