"""The memo: what is there, what can hurt, which numbers disagree, what nobody reads; two minutes, all checkable."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from freehold.connect.dbt.choosing import Chosen
from freehold.connect.dbt.conflicts import MOST as MOST_CONFLICTS
from freehold.connect.dbt.conflicts import Conflict, Side
from freehold.connect.dbt.model import Node, Project
from freehold.connect.dbt.places import Places, at
from freehold.connect.dbt.risks import Risk
from freehold.foundation import Where

_MOST_UNREAD = 10
_SEAL = re.compile(r"\n<!-- as written: ([0-9a-f]{64}) -->\n?\Z")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a project holds, counted."""

    counts: dict[str, int]
    by_materialization: dict[str, int]
    packages: dict[str, int] = field(default_factory=dict)
    owned: int = 0
    described: int = 0
    tested: int = 0


@dataclass(frozen=True, slots=True)
class Memo:
    """The memo as values; `unread` are models that nothing of the project reads, with where each is."""

    project: str
    adapter: str
    dbt_version: str
    generated_at: str
    inventory: Inventory
    products: tuple[Chosen, ...]
    risks: tuple[Risk, ...]
    risks_in_all: int
    conflicts: tuple[Conflict, ...]
    conflicts_in_all: int
    unread: tuple[tuple[Node, Where], ...]
    missing: tuple[str, ...]
    next: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "project": self.project,
            "adapter": self.adapter,
            "dbt_version": self.dbt_version,
            "generated_at": self.generated_at,
            "inventory": {
                **self.inventory.counts,
                "by_materialization": self.inventory.by_materialization,
                "packages": self.inventory.packages,
                "models_owned": self.inventory.owned,
                "models_described": self.inventory.described,
                "models_tested": self.inventory.tested,
            },
            "products": [
                {
                    "id": p.id,
                    "owner": p.owner or None,
                    "why": p.why,
                    "outputs": [n.id for n in p.outputs],
                    "left": p.left,
                }
                for p in self.products
            ],
            "risks": [_risk_object(risk) for risk in self.risks],
            "risks_in_all": self.risks_in_all,
            "conflicts": [
                {"why": c.why, "exposures": c.reach, "left": _side_object(c.left), "right": _side_object(c.right)}
                for c in self.conflicts
            ],
            "conflicts_in_all": self.conflicts_in_all,
            "unread": [{"model": node.id, "where": str(where)} for node, where in self.unread],
            "missing": list(self.missing),
            "next": list(self.next),
        }


def inventory(project: Project) -> Inventory:
    """Count what a project holds."""
    models = list(project.models)
    own = [node for node in models if node.package == project.name]
    packages = Counter(node.package for node in models if node.package != project.name)
    return Inventory(
        counts={
            "models": len(models),
            "sources": len(project.sources),
            "seeds": len(project.of_kind("seed")),
            "snapshots": len(project.of_kind("snapshot")),
            "data_tests": len(project.tests),
            "unit_tests": len(project.unit_tests),
            "exposures": len(project.exposures),
            "groups": len(project.groups),
            "metrics": len(project.metrics),
            "semantic_models": project.semantic_models,
            "saved_queries": project.saved_queries,
        },
        by_materialization=dict(Counter(node.materialized for node in models).most_common()),
        packages=dict(packages.most_common()),
        owned=sum(bool(node.owner) for node in own),
        described=sum(bool(node.description) for node in own),
        tested=sum(bool(project.tests_of.get(node.id)) for node in own),
    )


def unread(project: Project, places: Places) -> tuple[tuple[Node, Where], ...]:
    """Return the project's own models that no node, exposure or semantic model reads."""
    measured = {measure.model for measure in project.measures} | project.semantic_nodes
    found = [
        node
        for node in project.models
        if node.package == project.name
        and not node.is_time_spine
        and not project.children.get(node.id)
        and not project.exposed_to.get(node.id)
        and node.id not in measured
    ]
    return tuple((node, places.of_node(node)) for node in sorted(found, key=lambda n: (n.path, n.label)))


def markdown(memo: Memo) -> str:
    """Return the memo as a page, sealed at its end so that an edited one is known."""
    parts = [
        f"# {memo.project}: what is here, and what to look at",
        _first(memo),
        "## What is here\n\n" + _inventory(memo),
        f"## Five risks\n\n{_risks(memo)}" if len(memo.risks) == 5 else f"## Risks\n\n{_risks(memo)}",
        f"## Definitions that disagree\n\n{_conflicts(memo)}",
        f"## Models nothing here reads\n\n{_unread(memo)}",
        f"## Products that were drafted\n\n{_products(memo)}",
        "## Next\n\n" + "\n".join(memo.next),
    ]
    text = "\n\n".join(parts) + "\n"
    return f"{text}\n<!-- as written: {_digest(text)} -->\n"


def is_as_written(text: str) -> bool:
    """Whether a memo is as `markdown` wrote it, and nobody has edited it since."""
    seal = _SEAL.search(text)
    return seal is not None and seal[1] == _digest(text[: seal.start()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _first(memo: Memo) -> str:
    when = f", artifacts of {memo.generated_at[:16].replace('T', ' ')} UTC" if memo.generated_at else ""
    said = (
        f"Read from dbt's artifacts (dbt {memo.dbt_version}, {memo.adapter}{when}). Paths are relative to the project."
    )
    return "\n".join((said, *(f"{line}" for line in memo.missing)))


def _inventory(memo: Memo) -> str:
    found = memo.inventory
    counts = [f"{count:,} {_noun(name, count)}" for name, count in found.counts.items() if count]
    lines = [", ".join(counts) + "."]
    if found.by_materialization:
        stored = ", ".join(f"{count:,} {name}" for name, count in found.by_materialization.items())
        lines.append(f"Models by materialization: {stored}.")
    if found.packages:
        listed = ", ".join(f"{count:,} from {name}" for name, count in found.packages.items())
        lines.append(f"Of the models, {listed}.")
    own = found.counts["models"] - sum(found.packages.values())
    lines.append(
        f"Of its own models ({own:,}): with an owner {found.owned:,}, with a description {found.described:,}, "
        f"with a data test {found.tested:,}."
    )
    return "\n".join(lines)


def _noun(name: str, count: int) -> str:
    words = name.replace("_", " ")
    return words if count != 1 else words.replace("queries", "query").removesuffix("s")


def _risks(memo: Memo) -> str:
    if not memo.risks:
        return "None of those that are looked for: " + _LOOKED_FOR
    lines = []
    for number, risk in enumerate(memo.risks, start=1):
        owner = f" Owner: {risk.owner}." if risk.owner else "" if risk.kind == "no owner" else " No owner is named."
        alike = f" One of {risk.alike:,} of this kind." if risk.alike > 1 else ""
        lines.append(f"{number}. **{risk.kind}** · {risk.problem}{owner}{alike}\n   `{at(risk.where)}`")
    more = memo.risks_in_all - len(memo.risks)
    if more:
        lines.append(f"\n{more:,} more were found. These reach furthest, with at most two of a kind.")
    return "\n".join(lines)


_LOOKED_FOR = (
    "failures of the last run, models without tests, exposures that read staging or private models or sources, sources "
    "without a freshness limit, read models without an enforced contract or an owner, tests that take most of the time."
)


def _conflicts(memo: Memo) -> str:
    if not memo.conflicts:
        return "None found among metrics, nor among aggregates of the models that exposures read."
    lines = [f"{number}. {_conflict(one)}" for number, one in enumerate(memo.conflicts, start=1)]
    more = memo.conflicts_in_all - len(memo.conflicts)
    if more:
        lines.append(f"\n{more:,} more pairs were found.")
    return "\n".join(lines)


def _conflict(one: Conflict) -> str:
    left, right = one.left, one.right
    if one.why == "same meaning":
        return (
            f"**same meaning, two names** · `{left.name}` and `{right.name}` are both `{left.told}`\n   {_at_both(one)}"
        )
    return (
        f"**{one.why}, another meaning** · `{left.name}` is `{left.told}`; `{right.name}` is `{right.told}`\n"
        f"   {_at_both(one)}"
    )


def _at_both(one: Conflict) -> str:
    return " · ".join(dict.fromkeys(f"`{at(side.where)}`" for side in (one.left, one.right)))


def _unread(memo: Memo) -> str:
    if not memo.unread:
        return "Each model is read by another one, an exposure or a metric."
    lines = [f"- `{node.label}` · `{at(where)}`" for node, where in memo.unread[:_MOST_UNREAD]]
    more = len(memo.unread) - _MOST_UNREAD
    if more > 0:
        lines.append(f"- and {more:,} more: `freehold init --from-dbt … --json` lists all")
    return (
        f"{len(memo.unread):,}: no model, snapshot, exposure or metric here reads them. People may, past dbt.\n\n"
        + "\n".join(lines)
    )


def _products(memo: Memo) -> str:
    if not memo.products:
        return "None: the project has no model that is built as a table or view."
    lines = []
    for product in memo.products:
        outputs = ", ".join(f"`{node.label}`" for node in product.outputs[:6])
        more = f" and {len(product.outputs) - 6} more" if len(product.outputs) > 6 else ""
        owner = product.owner or "nobody is named"
        lines.append(f"- `{product.id}` ({owner}): {outputs}{more}. Chosen because {product.why}.")
    return (
        "\n".join(lines)
        + "\n\nThey watch: nothing is built, nothing blocks. Everything else is observed without files."
    )


def _risk_object(risk: Risk) -> dict[str, Any]:
    return {
        "kind": risk.kind,
        "subject": risk.subject,
        "problem": risk.problem,
        "where": at(risk.where),
        "owner": risk.owner or None,
        "exposures": risk.exposures,
        "nodes": risk.nodes,
        "alike": risk.alike,
    }


def _side_object(side: Side) -> dict[str, str]:
    return {"name": side.name, "definition": side.told, "where": at(side.where)}


__all__ = ["MOST_CONFLICTS", "Inventory", "Memo", "inventory", "is_as_written", "markdown", "unread"]
