"""Who subscribes, as the estate in force says it, and which products each may see; read anew when files change."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freehold import opening
from freehold.access import Access, accounts_of
from freehold.connect.webhooks import Subscription, subscriptions_of
from freehold.connect.webhooks.declared import SCOPE
from freehold.estate.files import Survey, survey
from freehold.foundation import Caller, Problems
from freehold.server.feeding import is_for, source_of
from freehold.server.in_force import last_application
from freehold.server.rows_seen import why_some_are_hidden

if TYPE_CHECKING:
    from freehold.estate.model import Estate
    from freehold.ledger import Recorded
    from freehold.server.snapshots import Snapshots

_EVERY_S = 5.0  # how long a change of files may go unseen
_SHARE = 50  # of the time may go into looking whether files changed: one in so many


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A subscription with its eyes: `seen` are the products it may see, None for all.

    `trouble` says why it is sent nothing, where its account is none. `sees_rows` is whether no policy hides anything
    from it: else it is sent events without what they hold of rows.
    """

    subscription: Subscription
    source: str
    seen: frozenset[str] | None
    trouble: str = ""
    sees_rows: bool = False

    def wants(self, event: Recorded) -> bool:
        """Whether an event of its types is for it: of its environments and products, and one that it may see."""
        one = self.subscription
        if one.environments and event.env and event.env not in one.environments:
            return False
        return not event.type.startswith("webhook.") and is_for(event, self.seen, one.products)


class Subscribers:
    """The subscriptions of an estate."""

    def __init__(self, snapshots: Snapshots, env: str | None) -> None:
        self._snapshots = snapshots
        self._env = env
        self._mark: tuple[Survey, int] | None = None
        self._again_at = 0.0
        self._known: dict[str, Subscriber] = {}

    def now(self) -> dict[str, Subscriber]:
        """Return who subscribes, by id; read anew where files changed since the last look.

        Raises:
            Problems: files are in error, and nothing was applied to go by.
        """
        began = time.monotonic()
        if began >= self._again_at:
            mark = (survey(self._snapshots.root), last_application(self._snapshots.ledger))
            if mark != self._mark:
                self._read(*mark)
                self._mark = mark
            self._again_at = time.monotonic() + max(_EVERY_S, _SHARE * (time.monotonic() - began))
        return self._known

    def _read(self, files: Survey, applied: int) -> None:
        """Take the estate that pages show, or read it; while its files are in error, it is gone by as it was before."""
        try:
            estate = self._snapshots.estate_read(files, applied) or opening.estate_in_force(
                str(self._snapshots.root), self._env, in_need=True
            )
        except Problems:
            if self._mark is None:
                raise
            return
        self._known = subscribers_of(estate)


def subscribers_of(estate: Estate) -> dict[str, Subscriber]:
    """Return the subscriptions of an estate with the eyes of their accounts."""
    accounts, access, source = accounts_of(estate), Access(estate), source_of(estate.id)
    found = {}
    for one in subscriptions_of(estate).values():
        account = accounts.get(one.account)
        trouble, seen, sees_rows = "", frozenset[str](), False
        if account is None:
            trouble = f"There is no `{one.account}` any more."
        elif account.scopes and SCOPE not in account.scopes:
            trouble = f"`{one.account}` may not read the catalog."
        else:
            caller = Caller(account.principal, (), purpose="read", assurance="token")
            seen, sees_rows = access.visible(caller), not why_some_are_hidden(estate, caller)
        sees_all = not trouble and len(seen) == len(estate.products)
        found[one.id] = Subscriber(one, source, None if sees_all else seen, trouble, sees_rows)
    return found
