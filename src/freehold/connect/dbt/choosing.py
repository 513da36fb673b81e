"""Which models of a dbt project become the first products: those that people already read, by who answers for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from freehold.connect.dbt.model import Node, Project
from freehold.connect.dbt.risks import inside, read_by

MOST_PRODUCTS = 5
MOST_OUTPUTS = 10
UNOWNED = "owners"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A product to draft.

    Attributes:
        id: of the product: the project and the group, folder or model it is made of.
        outputs: the models it promises, the one that reaches furthest first.
        left: how many more would fit it, and are left observed.
        why: why it was chosen, in a sentence.
        owner: as dbt names it; empty where nobody is.
    """

    id: str
    name: str
    outputs: tuple[Node, ...]
    left: int
    why: str
    owner: str


def chosen(project: Project) -> tuple[Chosen, ...]:
    """Return at most five products: by groups, else by folders, ranked by exposures and then by reach."""
    clusters: dict[str, list[Node]] = {}
    for node in project.models:
        if node.relation and node.package == project.name and _is_offered(node, project):
            clusters.setdefault(_cluster(node), []).append(node)
    if not clusters:
        for node in project.models:
            if node.relation and node.package == project.name and not project.children.get(node.id):
                clusters.setdefault(_cluster(node), []).append(node)
    ranked = sorted(clusters.items(), key=lambda item: (*_rank(item[1], project), item[0]))[:MOST_PRODUCTS]
    found: list[Chosen] = []
    for name, nodes in ranked:
        taken = {one.id for one in found}
        id_ = product_id(project, name)
        found.append(_product(id_ if id_ not in taken else f"{id_}_{len(taken)}", name, nodes, project))
    return tuple(found)


def product_id(project: Project, name: str) -> str:
    """Return the id of a product: `shop.finance`."""
    return f"{slug(project.name)}.{slug(name)}"


def slug(name: str) -> str:
    """Return a name as an id may hold it."""
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_") or "unnamed"


def _is_offered(node: Node, project: Project) -> bool:
    """Whether somebody outside dbt's own models is meant to read it."""
    return node.access == "public" or (bool(project.exposed_to.get(node.id)) and not inside(node))


def _cluster(node: Node) -> str:
    """Return what a model belongs to: its group, else the folder it lies in, else the project's own."""
    if node.group:
        return node.group
    folders = PurePosixPath(node.path).parts[1:-1]
    return folders[-1] if folders else node.package


def _rank(nodes: list[Node], project: Project) -> tuple[int, int, int]:
    exposures = {e.id for node in nodes for e in project.exposed_to.get(node.id, ())}
    below = sum(project.reach.get(node.id, (0, 0))[0] for node in nodes)
    return -len(exposures), -bool(nodes[0].group), -below


def _product(id_: str, name: str, nodes: list[Node], project: Project) -> Chosen:
    def reach(node: Node) -> tuple[int, int, str]:
        below, exposures = project.reach.get(node.id, (0, 0))
        return -exposures, -below, node.label

    nodes = list({slug(node.label): node for node in sorted(nodes, key=reach, reverse=True)}.values())[::-1]
    outputs = tuple(nodes[:MOST_OUTPUTS])
    owners = [node.owner for node in nodes if node.owner]
    owner = max(dict.fromkeys(owners), key=owners.count) if owners else ""
    return Chosen(id_, _title(name), outputs, len(nodes) - len(outputs), _why(nodes, name, project), owner)


def _why(nodes: list[Node], name: str, project: Project) -> str:
    exposures = tuple({e.id: e for node in nodes for e in project.exposed_to.get(node.id, ())}.values())
    grouped = f"the group `{name}`" if nodes[0].group else f"the folder `{name}`"
    below = {child for node in nodes for child in project.children.get(node.id, ())}
    if exposures:
        said = f"{read_by(exposures)} {'read' if len(exposures) > 1 else 'reads'} from {grouped}"
    elif any(node.access == "public" for node in nodes):
        said = f"{grouped} has models that are public"
    else:
        said = f"no exposure is declared; {grouped} holds models at the end of the graph"
    return said + (f"; {len(below)} {'models read' if len(below) != 1 else 'model reads'} them" if below else "")


def _title(name: str) -> str:
    return re.sub(r"[_-]+", " ", name).strip().capitalize() or "Product"
