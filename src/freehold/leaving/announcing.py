"""Telling who reads something that it goes: as it is announced, as they come, and again before its last day.

What keeps it from going is looked up when it is asked, so that the list of who reads it is never an old one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from freehold.delivery.gate.facts import needed_notice
from freehold.foundation import Exit, FreeholdError, near
from freehold.foundation.words import counted
from freehold.leaving.subject import DEPRECATION, last_day_of, subject_of
from freehold.leaving.told import ANSWERS, Told, answered, sent, told_of
from freehold.work.guards import UNREAD_FOR, Named
from freehold.work.roles import Raci
from freehold.work.turns import turn

if TYPE_CHECKING:
    from freehold.catalog import Catalog, Consumer
    from freehold.estate.model import Estate
    from freehold.foundation import Clock
    from freehold.ledger import Ledger
    from freehold.work import Item, Work

WINDOW_DAYS = 30  # how far back somebody counts as a reader who is told
_ANNOUNCED = "announced"
_MOST_NAMED = 8


class Announcing:
    """Announces what goes, for the caller of a ledger.

    `named` and `handlers` are what the work items of an estate need so that deprecations can be announced and retired.

    Args:
        estate: its products, tiers and teams.
        ledger: where notices and answers are recorded; whoever opened it is the one who tells.
        catalog: gives the catalog, up to date with the ledger.
        env: whose readers are told.
        clock: the time.
    """

    def __init__(self, estate: Estate, ledger: Ledger, catalog: Callable[[], Catalog], env: str, clock: Clock) -> None:
        self._estate, self._ledger, self._catalog = estate, ledger, catalog
        self._env, self._clock = env, clock
        self.named: Mapping[str, Named] = {UNREAD_FOR: self._why_read, "notice-in-time": self._why_too_soon}
        self.handlers: Mapping[str, Callable[[Item, Any], None]] = {"notify": self._on_announcing}

    @property
    def catalog(self) -> Catalog:
        """The catalog, up to date."""
        return self._catalog()

    # -- who reads it

    def consumers(self, item: Item, days: int = WINDOW_DAYS) -> tuple[Consumer, ...]:
        """Return who read what goes in so many days, and what stands on it, as of now."""
        key = subject_of(item)
        today = self._clock.now().astimezone(UTC).date()
        return self._catalog().consumers_of(key, today - timedelta(days=days)) if key is not None else ()

    def told(self, item: Item) -> Told:
        """Return who was told, and who answered."""
        return told_of(self._ledger, item.id)

    # -- telling

    def tell(self, item: Item) -> tuple[str, ...]:
        """Tell whoever reads what goes and was not told yet, and remind who has not answered; return whom.

        Raises:
            FreeholdError: FH-L201 somebody else is at it.
        """
        with turn(self._ledger, item.id):
            return (*self._notified(item), *self._reminded(item))

    def _on_announcing(self, item: Item, _: Any) -> None:
        self._notified(item)

    def _notified(self, item: Item) -> tuple[str, ...]:
        """Tell who was not told. That nobody reads what goes is told, too: to nobody, which is then on record."""
        told, now = self.told(item), self._clock.now()
        fresh = tuple(one.name for one in self.consumers(item) if one.name not in told.first_at)
        known = any(self._ledger.read(types=("notice.sent",), subject=told.notice, limit=1))
        if fresh or not known:
            self._ledger.append(sent(item, fresh, now, self._env))
        return fresh

    def _reminded(self, item: Item) -> tuple[str, ...]:
        last_day, now = last_day_of(item), self._clock.now()
        if last_day is None:
            return ()
        late = self.told(item).to_remind(last_day, now)
        if late:
            left = (last_day - now.astimezone(UTC).date()).days
            self._ledger.append(sent(item, late, now, self._env, left))
        return late

    # -- answering

    def acknowledge(self, work: Work, item: Item, consumer: str = "", action: str = "") -> str:
        """Record that somebody answered the notice of a deprecation, and return whom it was recorded for.

        Args:
            work: the items, as the caller may move them.
            item: the deprecation.
            consumer: for whom; empty for the caller. Whoever owns what goes may note an answer that came another way,
                and who answers for a product that reads it, that product's.
            action: moved, accepted, objects; empty where it was read.

        Raises:
            FreeholdError: FH-W505 it is no deprecation, or they were not told of it; FH-W506 that is no answer; FH-W507
                the caller may not answer for them.
        """
        if item.type != DEPRECATION:
            raise _refused("FH-W505", f"`{item.id}` is no deprecation.", "`freehold items list --type deprecation`")
        if action and action not in ANSWERS:
            raise _refused("FH-W506", f"`{action}` is no answer.", near(action, ANSWERS) or f"Say {_or(ANSWERS)}.")
        names, me = tuple(self.told(item).first_at), self._ledger.caller.principal
        meant = next((n for n in names if (consumer or me) in (n, n.rpartition("/")[2])), "")
        if not meant:
            fix = near(consumer, names) or (
                f"They were: {', '.join(names)}." if names else "Nobody was told of it yet."
            )
            raise _refused("FH-W505", f"`{consumer or me}` was not told of `{item.id}`.", fix)
        if not self._may_answer(work, item, meant):
            raise FreeholdError("FH-W507", f"`{me}` does not answer for `{meant}`.", fix="Answer for yourself.")
        self._ledger.append(answered(item, meant, action, self._clock.now()))
        return meant

    def _may_answer(self, work: Work, item: Item, consumer: str) -> bool:
        caller, (kind, _, id_) = self._ledger.caller, consumer.partition(":")
        if consumer == caller.principal or self.may_see_all(work, item):
            return True
        raci = Raci.of(self._estate)
        return kind == "product" and any(
            raci.holds(caller.principal, caller.groups, role, id_) for role in ("owner", "steward")
        )

    @staticmethod
    def may_see_all(work: Work, item: Item) -> bool:
        """Whether the caller answers for what goes, and so may see by name who reads it."""
        try:
            work.expect_mine(item)
        except FreeholdError:
            return False
        return True

    # -- what keeps it

    def _why_read(self, item: Item, _: Ledger, days: int) -> str:
        """Say who still reads what is to go: whoever did in so many days, and what stands on it."""
        found = self.consumers(item, days)
        names = [f"{one.name} ({_spoken(one)})" for one in found[:_MOST_NAMED]]
        more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
        return f"{counted(len(found), 'consumers')} of the last {days} days: {', '.join(names)}{more}." if found else ""

    def _why_too_soon(self, item: Item, _: Ledger, __: int) -> str:
        """Say that the last day is nearer than the tier of the product promises notice."""
        last_day, now = last_day_of(item), self._clock.now()
        product = self._estate.products.get(item.product)
        if last_day is None or product is None:
            return ""
        needed = needed_notice(self._estate, product.tier, now)
        first = now.astimezone(UTC).date() + timedelta(days=needed)
        promised = f"tier {product.tier} promises {counted(needed, 'days')} of notice"
        return "" if last_day >= first else f"Its last day is {last_day}, and {promised}: {first} or later."


def open_deprecations(work: Work) -> tuple[Item, ...]:
    """Return the deprecations that are announced and have not ended."""
    return tuple(one for one in work.items(DEPRECATION, is_open=True) if is_announced(one))


def is_announced(item: Item) -> bool:
    """Whether an item tells that something is announced to go, and it has neither gone nor been kept."""
    return item.type == DEPRECATION and item.state == _ANNOUNCED


def days_left(item: Item, today: date) -> int | None:
    """Return how many days are left until the last day of what goes; None where none was said."""
    last_day = last_day_of(item)
    return (last_day - today).days if last_day else None


def _spoken(one: Consumer) -> str:
    return f"{one.reads:,} reads, last on {one.last_on}" if one.last_on else "stands on it"


def _or(words: Collection[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}"


def _refused(code: str, problem: str, fix: str) -> FreeholdError:
    return FreeholdError(code, problem, fix=fix, exit_code=Exit.USAGE)
