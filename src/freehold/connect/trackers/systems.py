"""What is asked of a system, and which there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from freehold.connect.trackers import jira, linear, servicenow
from freehold.connect.trackers.asking import Asking
from freehold.connect.trackers.issue import Issue


class System(Protocol):
    """A kind of tracker. `is_oldest_first` is whether what changed is told in the order in which it did."""

    is_oldest_first: bool

    def changed(self, asking: Asking, since: datetime | None) -> Iterator[Issue]:
        """Yield the issues that changed since an instant, or all, each with every change of its status."""

    def one(self, asking: Asking, key: str) -> Issue | None:
        """Return an issue by its key; None where there is none."""

    def file(self, asking: Asking, type: str, title: str, item: str) -> str:
        """File an issue of a type for an item, and return its key; filed again for the same item, it is the same."""

    def tell(self, asking: Asking, issue: Issue, item: str, url: str) -> None:
        """Tell an issue which item it is, at which address; told again, it is told once."""


SYSTEMS: Mapping[str, System] = {"jira": jira.JIRA, "linear": linear.LINEAR, "servicenow": servicenow.SERVICENOW}
