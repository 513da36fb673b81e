"""What was learned of arrivals, as a change of a contract: its text with two entries more, and nothing else touched."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.estate.calendars import days_of
from freehold.estate.document import Document, ListNode, MapNode, Node
from freehold.estate.loading import documents_of
from freehold.estate.writing import inline
from freehold.foundation import Exit, FreeholdError
from freehold.reliability.slo.learning import Learned, learn
from freehold.reliability.slo.watch import arrivals_of

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate
    from freehold.ledger import Ledger

ARRIVES, BY = "freehold:arrives", "timeOfAvailability"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of one contract: the file, its text before and after, and what that was learned from."""

    asset: str
    path: str
    before: str
    after: str
    learned: Learned

    @property
    def diff(self) -> str:
        """The change as a unified diff; empty where the contract says just that."""
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True),
            f"a/{self.path}", f"b/{self.path}",
        )  # fmt: skip
        return "".join(lines)


def proposal_for(estate: Estate, ledger: Ledger, env: str, asset: str) -> Proposal:
    """Return what the contract of an asset could promise, by when its data came.

    Raises:
        FreeholdError: FH-E314 that cannot be learned; FH-E315 the asset has no contract, or one that a file shares in a
            form that is not edited here.
    """
    found = estate.contract_of(asset)
    if found is None:
        problem = f"`{asset}` has no contract that could promise when it comes."
        fix = "Write one: `freehold schema DataContract`."
        raise FreeholdError("FH-E315", problem, fix=fix, exit_code=Exit.USAGE)
    contract = found[0]
    was = contract.custom.get(ARRIVES) or {}
    calendar = estate.calendars.get(str(was.get("calendar") or estate.defaults.get("calendar", "")))
    zone = ZoneInfo(str(was.get("timezone") or estate.defaults.get("timezone", "UTC")))
    learned = learn(asset, arrivals_of(ledger, env, asset), zone, days_of(calendar))
    before = (estate.root / contract.where.path).read_text(encoding="utf-8")
    return Proposal(asset, contract.where.path, before, promised(before, contract, learned), learned)


def promised(text: str, contract: Contract, learned: Learned) -> str:
    """Return the text of a file whose contract promises what was learned.

    Raises:
        FreeholdError: FH-E315 it cannot be edited without touching something else; what to write is in the error.
    """
    was = contract.custom.get(ARRIVES) or {}
    kept = {key: was[key] for key in ("except", "timezone", "calendar") if key in was}  # nothing speaks against it
    wanted: dict[str, dict[str, Any]] = {
        "slaProperties": {"property": BY, "value": f"{learned.at:%H:%M}"},
        "customProperties": {"property": ARRIVES, "value": {**kept, **learned.arrives}},
    }
    after = text
    for section, entry in wanted.items():
        after = _with_entry(after, contract, section, entry)
    said = _document(after, contract).value
    for section, entry in wanted.items():
        if not any(entry.items() <= one.items() for one in said.get(section) or ()):
            raise FreeholdError(
                "FH-E315", f"`{section}` of {contract.id} cannot be edited as it is written.", where=contract.where,
                fix=f"Write there: {inline(entry)}",
            )  # fmt: skip
    return after


def _document(text: str, contract: Contract) -> Document:
    documents = documents_of(text.encode(), contract.where.path)
    return next(d for d in documents if isinstance(d.value, Mapping) and d.value.get("id") == contract.id)


def _with_entry(text: str, contract: Contract, section: str, entry: dict[str, Any]) -> str:
    """Return a text whose list has the entry, instead of the one of that property, or after all others."""
    document, lines = _document(text, contract), text.splitlines()
    node = document.node(section)
    if not isinstance(node, ListNode) or not node.items:
        end = _end(lines, document.root.line)
        return _joined([*lines[:end], f"{section}:", f"  - {inline(entry)}", *lines[end:]])
    said: list[dict[str, Any]] = node.value
    told = [one.get("property") for one in said]
    at = told.index(entry["property"]) if entry["property"] in told else None
    if node.flow:
        items = [{**one, **entry} if n == at else one for n, one in enumerate(said)]
        first = document.where_key(section).line - 1
        last = max(_last_line(one) for one in node.items)
        return _joined(
            [*lines[:first], f"{section}: {inline(items if at is not None else [*items, entry])}", *lines[last:]]
        )
    indent = " " * (node.items[0].column - 3)  # the dash and a space stand before an entry
    if at is None:
        last = _entry_end(lines, node.items[-1].line, len(indent))
        return _joined([*lines[:last], f"{indent}- {inline(entry)}", *lines[last:]])
    first, last = node.items[at].line - 1, _entry_end(lines, node.items[at].line, len(indent))
    comment = lines[first].partition("  #")[2] if last == first + 1 else ""
    new = f"{indent}- {inline({**said[at], **entry})}" + (f"  #{comment}" if comment else "")
    return _joined([*lines[:first], new, *lines[last:]])


def _end(lines: list[str], start: int) -> int:
    """Return the number of lines up to the end of the document that begins in a line."""
    end = next((n for n, line in enumerate(lines) if n >= start and line.startswith("---")), len(lines))
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _entry_end(lines: list[str], line: int, indent: int) -> int:
    """Return the number of lines up to the end of the entry that begins in a line, counted from 1."""
    end = line
    while end < len(lines) and lines[end].strip() and len(lines[end]) - len(lines[end].lstrip()) > indent:
        end += 1
    return end


def _last_line(node: Node) -> int:
    """Return the last line in which something of a value begins."""
    if isinstance(node, MapNode):
        return max([node.line, *(_last_line(value) for _, value in node.entries.values())])
    return max([node.line, *(_last_line(one) for one in node.items)]) if isinstance(node, ListNode) else node.line


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
