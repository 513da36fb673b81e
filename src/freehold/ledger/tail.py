"""The events after the last full segment, as one Arrow table that grows.

What is sealed never changes, so it is read once. At most the events of one segment are kept in memory, for as long as
the state is open.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from freehold.ledger.columns import arrow
from freehold.ledger.segments import rows_between

if TYPE_CHECKING:
    import pyarrow as pa

    from freehold.ledger.store import Store

_PIECES = 64  # of which a table may consist before they are put together: each is a step of every scan


class Tail:
    """The sealed events of a state after some number, as far as anybody has asked for them."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._after = self._upto = 0
        self._table: pa.Table | None = None

    def between(self, store: Store, after: int, upto: int) -> pa.Table:
        """Return the events with after < seq <= upto, in order, with the columns of ENVELOPE.

        Args:
            store: the state; always the same one.
            after: where full segments end.
            upto: a number that is sealed.
        """
        with self._turn:
            if after < self._after:  # of a time before the newest segment, which is asked for once
                return arrow(rows_between(store, after, upto))
            if after > self._after or self._table is None:
                self._after = self._upto = after
                self._table = arrow(())
            if upto > self._upto:
                self._table = _joined(self._table, arrow(rows_between(store, self._upto, upto)))
                self._upto = upto
            return self._table.slice(0, _count(self._table, upto)) if upto < self._upto else self._table


def _joined(table: pa.Table, more: pa.Table) -> pa.Table:
    import pyarrow as pa

    made = pa.concat_tables([table, more])
    return made.combine_chunks() if made.column(0).num_chunks > _PIECES else made


def _count(table: pa.Table, upto: int) -> int:
    """Return how many of the rows, which are in order, have a number up to this one."""
    return int(table["seq"].to_numpy().searchsorted(upto, "right"))
