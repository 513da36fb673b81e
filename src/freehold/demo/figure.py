"""A figure as it was, or would have been, read, beside the one that is right."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Figure:
    """Revenue of a day in pounds: as it was wrong, and as it is right."""

    wrong: Decimal
    right: Decimal

    @property
    def difference(self) -> Decimal:
        """Pounds by which a reader would have been wrong."""
        return self.wrong - self.right

    @property
    def percent(self) -> Decimal | None:
        """The difference as a share of the right figure; None where that is zero."""
        return 100 * self.difference / self.right if self.right else None
