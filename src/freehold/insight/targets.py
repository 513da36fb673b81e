"""Targets: `< 4h`, `>= 99%`, `within 10%`, `falling`; read once, compared with values in the unit of their KPI."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt


def _within(value: float, amount: float) -> bool:
    return abs(value) <= amount


_SIGNS: Mapping[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "within": _within}
_TRENDS: Mapping[str, Callable[[float, float], bool]] = {
    "falling": lt, "not rising": le, "rising": gt, "not falling": ge,
}  # fmt: skip
_TARGET = re.compile(r"\s*(<=|>=|<|>|within)\s*(\d+(?:\.\d+)?)\s*([a-z%/]*)\s*")
UNITS: dict[str, dict[str, float]] = {  # what one of a target's unit is in the unit of a KPI
    "share": {"%": 0.01, "": 1},
    "s": {"s": 1, "min": 60, "h": 3_600, "d": 86_400},
    "bd": {"bd": 1},
    "/week": {"/week": 1},
    "count": {"": 1},
    "points": {"": 1},
    "money": {"": 1},
}


@dataclass(frozen=True, slots=True)
class Target:
    """What a value is to be, for a role, a tier (`tier-1`) or `all`; a trend compares it with the period before."""

    whose: str
    sign: str
    amount: float
    text: str

    @property
    def is_trend(self) -> bool:
        """Whether it is about how a value changes."""
        return self.sign in _TRENDS

    @property
    def is_of_tier(self) -> bool:
        """Whether it is about the part of one tier."""
        return self.whose.startswith("tier")

    @property
    def goes_up(self) -> bool | None:
        """Whether more is better; None where neither is."""
        return None if self.sign == "within" else self.sign in (">", ">=", "rising", "not falling")

    def is_met(self, value: float, before: float | None = None) -> bool | None:
        """Whether a value, in the unit of its KPI, is as it is to be; None for a trend without a value before."""
        if self.is_trend:
            return None if before is None else bool(_TRENDS[self.sign](value, before))
        return bool(_SIGNS[self.sign](value, self.amount))


WHOSE = ("all", "pm", "dataops", "vp")


def target(whose: str, text: str, unit: str) -> Target:
    """Read a target of a KPI in a unit.

    Raises:
        ValueError: it is none in that unit; what would be is said.
    """
    if whose not in WHOSE and not re.fullmatch(r"tier-\d", whose):
        raise ValueError(f"`{whose}` is nobody's: targets are of {', '.join(WHOSE)}, or of a tier such as tier-1")
    if text.strip() in _TRENDS:
        return Target(whose, text.strip(), 0, text)
    found = _TARGET.fullmatch(text)
    if found is None or found[3] not in UNITS[unit]:
        example = f"< 5{next(iter(UNITS[unit]))}"
        raise ValueError(f"`{text}` is no target in `{unit}`; write one like `{example}`")
    if unit == "share" and not found[3] and float(found[2]) > 1:
        raise ValueError(f"`{text}` is more than all of it: write `{text.strip()}%`")
    return Target(whose, found[1], float(found[2]) * UNITS[unit][found[3]], text)
