"""From a declared product to live data: candidate, audit, publish, roll back."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.delivery.interval import Interval, parse_interval
    from freehold.delivery.outcome import RunOutcome
    from freehold.delivery.rollback import Return
    from freehold.delivery.service import Delivery
    from freehold.delivery.status import AssetStatus, ProductStatus
    from freehold.delivery.step import Status, StepOutcome

_LAZY = {
    "Delivery": "service",
    "Interval": "interval",
    "parse_interval": "interval",
    "Return": "rollback",
    "RunOutcome": "outcome",
    "Status": "step",
    "StepOutcome": "step",
    "AssetStatus": "status",
    "ProductStatus": "status",
}

__all__ = [
    "AssetStatus",
    "Delivery",
    "Interval",
    "ProductStatus",
    "Return",
    "RunOutcome",
    "Status",
    "StepOutcome",
    "parse_interval",
]


def __getattr__(name: str) -> object:
    """Import a part when somebody first asks for it: the process of Python models must not pay for all."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"freehold.delivery.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
