"""What can hurt in a dbt project, ranked by who would notice: told only where it can be looked up and found true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from freehold.connect.dbt.model import Exposure, Node, Project, Test
from freehold.connect.dbt.places import Places
from freehold.foundation import Where

MOST = 5
_MOST_OF_A_KIND = 2
_WIDE = 5  # nodes below one that should have an owner
_LONG_S, _LONG_SHARE = 60.0, 0.25  # a test that takes so long, and such a share of all


@dataclass(frozen=True, slots=True)
class Risk:
    """One thing that can hurt.

    Attributes:
        kind: what sort of risk; `alike` is how many of that kind there are, this one among them.
        subject: the unique id of what it is about.
        exposures, nodes: how many of either are below it.
        weight: of two that reach as many exposures, the one that hurts now comes first.
    """

    kind: str
    subject: str
    problem: str
    where: Where
    owner: str
    exposures: int
    nodes: int
    weight: int = 0
    alike: int = 1


def risks(project: Project, places: Places) -> tuple[Risk, ...]:
    """Return every risk found, the one that reaches furthest first."""
    found = [
        *_failed(project, places),
        *_untested(project, places),
        *_reaching_inside(project, places),
        *_unwatched(project, places),
        *_unpromised(project, places),
        *_unowned(project, places),
        *_long(project, places),
    ]
    return tuple(sorted(found, key=lambda r: (-r.exposures, -r.weight, -r.nodes, r.kind, r.subject)))


def top(found: tuple[Risk, ...]) -> tuple[Risk, ...]:
    """Return the foremost, no more than two of a kind, each with how many are like it."""
    chosen: list[Risk] = []
    for risk in found:
        if sum(one.kind == risk.kind for one in chosen) < _MOST_OF_A_KIND and len(chosen) < MOST:
            chosen.append(replace(risk, alike=sum(one.kind == risk.kind for one in found)))
    return tuple(chosen)


def read_by(exposures: tuple[Exposure, ...], most: int = 3) -> str:
    """Return the names of exposures, the rest counted."""
    names = [exposure.label for exposure in exposures[:most]]
    return ", ".join(names) + (f" and {len(exposures) - most} more" if len(exposures) > most else "")


def _reached(project: Project, id_: str) -> tuple[int, int]:
    nodes, exposures = project.reach.get(id_, (0, 0))
    return exposures, nodes


def _below(project: Project, id_: str) -> str:
    exposures, nodes = _reached(project, id_)
    parts = [f"{nodes:,} {'nodes' if nodes != 1 else 'node'}"] if nodes else []
    parts += [f"{exposures:,} {'exposures' if exposures != 1 else 'exposure'}"] if exposures else []
    return " and ".join(parts) or "nothing"


def _owner(project: Project, id_: str) -> str:
    one = project.nodes.get(id_) or project.sources.get(id_)
    return one.owner if one else ""


def _untested(project: Project, places: Places) -> Iterator[Risk]:
    for node in project.models:
        exposures, nodes = _reached(project, node.id)
        if not project.tests_of.get(node.id) and (exposures or nodes >= _WIDE) and node.package == project.name:
            shown = project.exposed_to.get(node.id, ())
            direct = f" It is read directly by {read_by(shown)}." if shown else ""
            problem = f"`{node.label}` has no data test, and {_below(project, node.id)} below it.{direct}"
            yield Risk(
                "no test", node.id, problem, places.of_node(node), node.owner, exposures, nodes, 2 if shown else 0
            )


def _unwatched(project: Project, places: Places) -> Iterator[Risk]:
    for source in project.sources.values():
        exposures, nodes = _reached(project, source.id)
        if not source.is_watched and nodes and source.package == project.name:
            problem = (
                f"The source `{source.label}` has no freshness limit: nobody is told when it stops coming. "
                f"It has {_below(project, source.id)} below it."
            )
            where = places.of_source(source)
            yield Risk("no freshness", source.id, problem, where, source.owner, exposures, nodes)


def _reaching_inside(project: Project, places: Places) -> Iterator[Risk]:
    for exposure in project.exposures.values():
        for id_ in exposure.reads:
            node = project.nodes.get(id_)
            why = inside(node) if node else ""
            if node and why:
                problem = f"The exposure `{exposure.label}` reads `{node.label}`, {why}."
                owner = exposure.owner or node.owner
                where = places.of_exposure(exposure)
                exposures, nodes = _reached(project, id_)
                yield Risk("reads inside", f"{exposure.id} {id_}", problem, where, owner, exposures, nodes, 1)
            elif id_ in project.sources:
                source = project.sources[id_]
                problem = f"The exposure `{exposure.label}` reads the source `{source.label}`, past every model."
                where = places.of_exposure(exposure)
                exposures, nodes = _reached(project, id_)
                yield Risk("reads inside", f"{exposure.id} {id_}", problem, where, exposure.owner, exposures, nodes, 1)


def inside(node: Node) -> str:
    """Say why a model is not meant for consumers; an empty text where it may be."""
    if node.access == "private":
        return "a model that is private to its group"
    if node.name.startswith("stg_") or "/staging/" in f"/{node.path}":
        return "a staging model"
    if node.name.startswith("int_") or "/intermediate/" in f"/{node.path}":
        return "an intermediate model"
    return ""


def _failed(project: Project, places: Places) -> Iterator[Risk]:
    for result in project.results.values():
        if result.status not in ("error", "fail", "runtime error"):
            continue
        test, node = project.tests.get(result.node), project.nodes.get(result.node)
        of = test.of if test else result.node
        if not test and not node:
            continue
        exposures, nodes = _reached(project, of)
        where = places.of_test(test) if test else places.of_node(node) if node else Where("")
        problem = f"{_told(project, test, node)} {_how(result.status, result.failures)} in the last run; "
        problem += f"{_below(project, of)} below it."
        yield Risk("failed", result.node, problem, where, _owner(project, of), exposures, nodes, 3)


def _told(project: Project, test: Test | None, node: Node | None) -> str:
    if test is None:
        return f"`{node.label}`" if node else ""
    about = project.nodes.get(test.of) or project.sources.get(test.of)
    of = f" of `{about.label}{f'.{test.column}' if test.column else ''}`" if about else ""
    return f"The test `{test.kind if test.kind != 'singular' else test.name}`{of}"


def _how(status: str, failures: int) -> str:
    if status == "fail":
        return f"failed with {failures:,} {'results' if failures != 1 else 'result'}" if failures else "failed"
    return "could not run"


def _unpromised(project: Project, places: Places) -> Iterator[Risk]:
    for node in project.models:
        shown = project.exposed_to.get(node.id, ())
        if node.is_contracted or not (shown or node.access == "public") or node.package != project.name:
            continue
        exposures, nodes = _reached(project, node.id)
        by = f"read by {read_by(shown)}" if shown else "public"
        problem = f"`{node.label}` is {by}, and its columns are promised by no enforced contract."
        yield Risk("no contract", node.id, problem, places.of_node(node), node.owner, exposures, nodes)


def _unowned(project: Project, places: Places) -> Iterator[Risk]:
    for node in project.models:
        exposures, nodes = _reached(project, node.id)
        if not node.owner and nodes >= _WIDE and node.package == project.name:
            problem = f"`{node.label}` has {_below(project, node.id)} below it, and neither a group nor an owner."
            yield Risk("no owner", node.id, problem, places.of_node(node), "", exposures, nodes)


def _long(project: Project, places: Places) -> Iterator[Risk]:
    took = {r.node: r.seconds for r in project.results.values() if r.node in project.tests}
    in_all = sum(took.values())
    for id_, seconds in took.items():
        test = project.tests[id_]
        if seconds >= _LONG_S and seconds >= _LONG_SHARE * in_all:
            exposures, nodes = _reached(project, test.of)
            problem = f"{_told(project, test, None)} took {seconds:,.0f} s of the {in_all:,.0f} s of all tests."
            yield Risk("long test", id_, problem, places.of_test(test), _owner(project, test.of), exposures, nodes, 1)
