"""What decides the rows of a dbt model beside its compiled SQL, as one text that two versions of it can be compared by.

Compiled SQL is what a model means. Not in it: how an incremental model or a snapshot is brought up to date (its
`is_incremental()` branch is compiled only where the table is there already), hooks, enforced types, the content of a
seed, and a materialization of the project's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from freehold.connect.dbt.model import Node, Project

_LAYOUT = re.compile(
    r"""(?P<kept>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")|(?P<gone>\{\#.*?\#\}|--[^\n]*|/\*.*?\*/)|(?P<space>\s+)""",
    re.DOTALL,
)
_SHIPPED = {"table", "view", "ephemeral", "incremental", "snapshot", "seed", "materialized_view"}
_ALWAYS = ("sql_header", "limit", "sample")
_GROWING = (
    *("incremental_strategy", "unique_key", "incremental_predicates", "predicates", "on_schema_change", "full_refresh"),
    *("merge_update_columns", "merge_exclude_columns", "partition_by", "partitions", "batch_size", "begin", "lookback"),
    *("event_time", "concurrent_batches"),
    *("strategy", "updated_at", "check_cols", "invalidate_hard_deletes", "hard_deletes", "dbt_valid_to_current"),
    *("snapshot_meta_column_names",),
)
_SEED = ("column_types", "delimiter", "quote_columns")
_ASKS_WHAT_IS_THERE = re.compile(r"is_incremental|should_full_refresh|\bthis\b|load_relation|get_relation")


def without_layout(text: str) -> str:
    """Return a text of SQL with Jinja without comments and with one space where there was any; strings stay."""
    parts: list[str] = []
    end = 0
    for found in _LAYOUT.finditer(text):
        between = text[end : found.start()]
        if between:
            parts.append(between)
        if found["kept"]:
            parts.append(found["kept"])
        elif not parts or not parts[-1].endswith(" "):
            parts.append(" ")
        end = found.end()
    return "".join((*parts, text[end:])).strip()


def state_of(node: Node, project: Project) -> str:
    """Return what decides the rows of a node beside its compiled SQL and what it reads."""
    return "\n".join(_said(node, project))


def _said(node: Node, project: Project) -> Iterator[str]:
    config = node.config
    if node.resource == "seed":
        yield f"content {node.checksum}"
        yield from _settings(config, _SEED)
        return
    yield from _settings(config, _ALWAYS)
    for hook in ("pre-hook", "post-hook"):
        for one in config.get(hook) or ():
            text = str(one.get("sql") if isinstance(one, Mapping) else one)
            yield f"{hook} {without_layout(text)}"
            yield from _macros_in(text, project)
    if node.is_contracted:
        yield f"types {node.types}"
    if node.materialized not in ("table", "view", "ephemeral"):
        yield f"materialized {node.materialized}"
        yield from _settings(config, _GROWING)
    if node.materialized not in _SHIPPED:
        yield json.dumps(
            {k: v for k, v in config.items() if k not in ("meta", "tags", "docs")}, sort_keys=True, default=str
        )
    for id_, (sql, _) in sorted(project.macros.items()):
        if f".materialization_{node.materialized}_" in id_:
            yield without_layout(sql)
    if node.language == "python":
        yield json.dumps(config, sort_keys=True, default=str)
    elif not node.compiled or _may_ask_what_is_there(node, project):
        yield without_layout(node.raw)
        for id_ in reached_macros(node.macros, project):
            yield without_layout(project.macros[id_][0])


def reached_macros(ids: Iterable[str], project: Project) -> list[str]:
    """Return the macros of the project and its packages that some macros are or call, in a fixed order."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        id_ = waiting.pop()
        if id_ in project.macros and id_ not in found:
            found.add(id_)
            waiting += project.macros[id_][1]
    return sorted(found)


def _may_ask_what_is_there(node: Node, project: Project) -> bool:
    """Whether what compiles may depend on what the warehouse holds: then a branch of it is not in the compiled SQL."""
    if node.materialized in ("table", "view", "ephemeral"):
        return False
    texts = (node.raw, *(project.macros[id_][0] for id_ in reached_macros(node.macros, project)))
    return any(_ASKS_WHAT_IS_THERE.search(text) for text in texts)


def _macros_in(text: str, project: Project) -> Iterator[str]:
    """Yield the macros that a hook names; what they call counts, too."""
    words = set(re.findall(r"\w+", text))
    named = [id_ for id_ in project.macros if id_.rpartition(".")[2] in words]
    for id_ in reached_macros(named, project):
        yield without_layout(project.macros[id_][0])


def _settings(config: Mapping[str, object], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if config.get(name) not in (None, "", [], {}):
            yield f"{name} {json.dumps(config[name], sort_keys=True, default=str)}"


__all__ = ["reached_macros", "state_of", "without_layout"]
