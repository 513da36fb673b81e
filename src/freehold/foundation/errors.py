"""Errors as data: code, place, problem, how to mend. They render for a terminal and for a machine alike."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes of every command, and what they mean to a script."""

    DONE = 0
    FINDING = 1
    USAGE = 2
    ENVIRONMENT = 3
    APPROVAL = 4


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in a file: `path:line:column`, lines and columns counted from 1; 0 means the whole file."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


class FreeholdError(Exception):
    """One thing that is wrong, said once: what, where, and how to mend it.

    `code` is stable and documented in docs/reference/errors.md; `exit_code` is what a command ends with.
    """

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        where: Where | None = None,
        fix: str = "",
        exit_code: Exit = Exit.FINDING,
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem
        self.where = where
        self.fix = fix
        self.exit_code = exit_code

    def __str__(self) -> str:
        head = f"{self.code}  {self.where}" if self.where else self.code
        lines = [head, self.problem]
        if self.fix:
            lines.append(f"Fix: {self.fix}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the members of an RFC 9457 problem object plus `where`."""
        return {
            "type": f"https://freehold.dev/errors/{self.code}",
            "code": self.code,
            "title": self.problem,
            "where": str(self.where) if self.where else None,
            "fix": self.fix or None,
        }


class Transient(FreeholdError):
    """An error that may pass by itself; the only kind that is ever retried."""


class Problems(FreeholdError):
    """Several errors found in one go, in the order of their places."""

    def __init__(self, errors: Sequence[FreeholdError]) -> None:
        first = errors[0]
        super().__init__(first.code, first.problem, where=first.where, fix=first.fix, exit_code=first.exit_code)
        self.errors = tuple(sorted(errors, key=lambda e: e.where or Where("")))

    def __str__(self) -> str:
        return "\n\n".join(str(e) for e in self.errors)


def near(word: str, known: Iterable[str], most: int = 3, *, cutoff: float = 0.6) -> str:
    """Return `Did you mean …?` for the known words closest to `word`, whatever their case, or an empty string."""
    spelled: dict[str, list[str]] = {}
    for name in dict.fromkeys(known):
        spelled.setdefault(name.casefold(), []).append(name)
    close = difflib.get_close_matches(word.casefold(), list(spelled), n=most, cutoff=cutoff)
    matches = [name for one in close for name in spelled[one]][:most]
    return f"Did you mean {' or '.join(f'`{m}`' for m in matches)}?" if matches else ""


def near_end(text: str, ids: Iterable[str]) -> str:
    """Return `Did you mean …?` for the ids whose ends are almost `text`, as they are shown cut to their ends.

    Ids begin with when they were made, so that those of one day are alike: only a slip of the pen counts.
    """
    return near(text, (one[-len(text) :] for one in ids), cutoff=0.9) if text else ""
