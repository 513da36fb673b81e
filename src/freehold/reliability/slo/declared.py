"""SLOs as files declare them, and as contracts do without one: what is judged, how often it holds, over which time.

What a contract promises of age (`latency`) or availability is an SLO of each output, at the target of
`freehold:objective`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from freehold.estate.durations import seconds
from freehold.foundation import Exit, FreeholdError, near

if TYPE_CHECKING:
    from freehold.estate.model import Contract, Estate, Product, Resource
    from freehold.foundation import Where

KIND = "SLO"
HOURS = "freehold.dev/hours"
TARGET, WINDOW = 0.99, timedelta(days=30)  # of what a contract promises without saying how often
_DAYS = {"d": 1, "w": 7, "M": 30, "Q": 90, "Y": 365}
_GRAINS = {"d": "day", "w": "week", "M": "month", "Q": "quarter", "Y": "year"}


class Indicator(StrEnum):
    """What is judged of an asset."""

    FRESHNESS = "freshness"
    AVAILABILITY = "availability"
    CHECKS = "checks"
    RUNS = "runs"

    @property
    def is_of_time(self) -> bool:
        """Whether time is judged (`Timeslices`), and not what occurs (`Occurrences`)."""
        return self in (Indicator.FRESHNESS, Indicator.AVAILABILITY)

    @property
    def method(self) -> str:
        """The budgeting method, as OpenSLO calls it."""
        return "Timeslices" if self.is_of_time else "Occurrences"


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Over which time an SLO is judged. `grain` is day, week, month, quarter or year of a calendar; empty: it rolls."""

    length: timedelta
    grain: str = ""

    def start(self, now: datetime, zone: str) -> datetime:
        """Return when the window began that `now` lies in; a month begins at midnight in the zone."""
        if not self.grain:
            return now - self.length
        from freehold.insight.periods import holding

        return holding(now.astimezone(ZoneInfo(zone)).date(), self.grain, zone).start

    def __str__(self) -> str:
        if self.grain:
            return f"this {self.grain}"
        hours = self.length // timedelta(hours=1)
        return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


@dataclass(frozen=True, slots=True)
class Slo:
    """A service level objective.

    Attributes:
        service: a product, or an asset; `assets`: what is judged of it, by its id of today.
        target: the share that is to be good, over 0 and under 1.
        limit_s: of freshness: how old data may be; None where each observation brings the limit of its contract.
        hours: the calendar whose working hours are judged; empty: all time.
        is_of_contract: whether no file of its own declares it.
    """

    id: str
    where: Where
    name: str
    service: str
    product: str
    assets: tuple[str, ...]
    indicator: Indicator
    target: float
    window: TimeWindow
    limit_s: float | None = None
    hours: str = ""
    is_of_contract: bool = False

    def __str__(self) -> str:
        return f"{self.service}: {self.indicator} {100 * self.target:.10g} % over {self.window}"


def slos_of(estate: Estate) -> dict[str, Slo]:
    """Return the SLOs of an estate by id: those of files, and those of contracts."""
    found = [_slo(estate, said) for said in estate.resources_of(KIND)]
    found += [slo for product in estate.products.values() for slo in _of_product(estate, product)]
    return {one.id: one for one in sorted(found, key=lambda one: (one.is_of_contract, one.id))}


def slo_findings(estate: Estate) -> tuple[FreeholdError, ...]:
    """Return what is wrong with the SLOs of files, all of them: FH-E310 to FH-E312."""
    return tuple(error for said in estate.resources_of(KIND) for error in _wrong(estate, said))


def slo_named(estate: Estate, id_: str) -> Slo:
    """Return an SLO by its id.

    Raises:
        FreeholdError: FH-E313 there is none; near matches are listed.
    """
    known = slos_of(estate)
    if id_ not in known:
        fix = near(id_, known) or "See: freehold slo list"
        raise FreeholdError("FH-E313", f"There is no SLO `{id_}`.", fix=fix, exit_code=Exit.USAGE)
    return known[id_]


def _slo(estate: Estate, said: Resource) -> Slo:
    spec, goal = said.spec, said.spec["objectives"][0]
    service = str(spec["service"])
    product = service if service in estate.products else service.rpartition(".")[0]
    return Slo(
        id=said.id,
        where=said.where,
        name=str(said.metadata.get("name") or said.id),
        service=service,
        product=product,
        assets=_assets(estate, service),
        indicator=Indicator(spec["indicatorRef"]),
        target=float(goal["target"] if "target" in goal else goal["targetPercent"] / 100),
        window=_window(spec["timeWindow"][0]),
        limit_s=float(goal["value"]) if "value" in goal else None,
        hours=str(said.metadata.get(HOURS, "")),
    )


def _assets(estate: Estate, service: str) -> tuple[str, ...]:
    product = estate.products.get(service)
    if product is None:
        return (estate.published(service),)
    return tuple(estate.published(f"{product.id}.{port.name}") for port in product.output_ports)


def _window(said: dict[str, Any]) -> TimeWindow:
    duration = str(said["duration"])
    amount, unit = int(duration[:-1]), duration[-1]
    length = timedelta(hours=amount) if unit == "h" else timedelta(days=amount * _DAYS[unit])
    return TimeWindow(length, "" if said.get("isRolling", True) else _GRAINS.get(unit, ""))


def _of_product(estate: Estate, product: Product) -> Iterator[Slo]:
    """Yield what the contracts of a product's outputs promise; nobody promises what only is watched."""
    for port in product.output_ports:
        asset = estate.published(f"{product.id}.{port.name}")
        found = estate.contract_of(asset)
        if found is None:
            continue
        contract = found[0]
        target, window = _promised(contract)
        for sla in contract.sla:
            share = _share(sla.value, sla.unit) if sla.property == "availability" else None
            if sla.property in ("latency", "freshness") and seconds(sla.value, sla.unit) is not None:
                indicator, goal = Indicator.FRESHNESS, target
            elif share is not None:
                indicator, goal = Indicator.AVAILABILITY, share
            else:
                continue
            yield Slo(f"{asset}.{indicator}", sla.where, f"{indicator} of {asset}", asset, product.id, (asset,),
                      indicator, goal, TimeWindow(window), is_of_contract=True)  # fmt: skip


def _promised(contract: Contract) -> tuple[float, timedelta]:
    """Return how often a contract is to be kept, over which time. A whole promise leaves no budget, so it is none."""
    said = contract.custom.get("freehold:objective") or {}
    length = re.fullmatch(r"(\d+)(bd|\w)", str(said.get("window", "30d")))
    span = seconds(length[1], "d" if length[2] == "bd" else length[2]) if length else None
    target = float(said.get("target", TARGET))
    return target if target < 1 else TARGET, timedelta(seconds=float(span)) if span else WINDOW


def _share(value: Any, unit: str | None) -> float | None:
    """Return `99.9` and `percent` as a share, or None where it is none that leaves a budget."""
    try:
        number = float(str(value).strip().removesuffix("%"))
    except ValueError:
        return None
    share = number / 100 if number > 1 or (unit or "").lower() in ("%", "percent") else number
    return share if 0 < share < 1 else None


def _wrong(estate: Estate, said: Resource) -> Iterator[FreeholdError]:
    spec = said.spec
    service, indicator = str(spec["service"]), Indicator(spec["indicatorRef"])
    known = {*estate.products, *estate.models, *(f"{p.id}.{port.name}" for p in estate.products.values()
             for port in (*p.input_ports, *p.output_ports))}  # fmt: skip
    if service not in known:
        fix = near(service, known) or "Name a product, or an asset: sales.orders, sales.orders.lines."
        yield FreeholdError(
            "FH-E310", f"The service `{service}` is no product and no asset.", where=_at(said, "service"), fix=fix
        )
    if spec["budgetingMethod"] != indicator.method:
        problem = f"`{spec['budgetingMethod']}` does not fit {indicator}, of which " + (
            "time is judged." if indicator.is_of_time else "each one counts."
        )
        fix = f"Write `budgetingMethod: {indicator.method}`."
        yield FreeholdError("FH-E311", problem, where=_at(said, "budgetingMethod"), fix=fix)
    window, goal = spec["timeWindow"][0], spec["objectives"][0]
    if window.get("isRolling") is False and not re.fullmatch(r"1[dwMQY]", window["duration"]):
        problem = f"No calendar has a period of {window['duration']}."
        fix = "Write 1d, 1w, 1M, 1Q or 1Y, or isRolling: true."
        yield FreeholdError("FH-E312", problem, where=_at(said, "timeWindow", 0, "duration"), fix=fix)
    if "value" in goal and indicator is not Indicator.FRESHNESS:
        problem = f"A value is an age, and {indicator} has none."
        place = _at(said, "objectives", 0, "value")
        yield FreeholdError("FH-E312", problem, where=place, fix="Leave `value` and `op` out.")
    hours = said.metadata.get(HOURS)
    if hours is not None and (hours not in estate.calendars or not indicator.is_of_time):
        fix = near(str(hours), estate.calendars) or f"Name a Calendar, and only where time is judged: {HOURS}."
        problem = f"`{hours}` gives {indicator} no hours."
        yield FreeholdError("FH-E312", problem, where=said.at("metadata", "annotations", HOURS), fix=fix)


def _at(said: Resource, *path: str | int) -> Where:
    return said.at("spec", *path)
