"""The demo's plans: an objective, decisions and a roadmap, made as the days go by, by the same functions as anybody's.

Decisions and the objective are files whose days are those of the replay, so they are written while it runs and put in
force. Whoever acts is a service called `simulated/…` with the roles of an owner. Nothing is recorded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from freehold.demo.people import OWNERS, simulated

if TYPE_CHECKING:
    from freehold.demo.replay import Stage
    from freehold.demo.repository import Repository
    from freehold.insight.objectives import Objective
    from freehold.insight.periods import Period
    from freehold.insight.roadmap import Roadmap
    from freehold.metrics import Answer, Query

FOLDER = "plans"  # where the files lie, in the folder of the demo
_PLANNER = simulated("planner", (*OWNERS, "group:idp/sales-stewards"), "plan")
_BEFORE = timedelta(days=4)  # of a replay, until the period may begin: a decision of it is made five days later
_NEEDED = timedelta(days=21)  # after a period has begun, in which promises fall due
_OBJECTIVE = """apiVersion: freehold.dev/v1
kind: Objective
metadata: {{id: trusted-numbers, name: Nobody doubts a number, owner: sales-data}}
spec:
  period: {first}..{last}
  key_results:
    - {{metric: validation-pass-rate, start: 0.9, target: 0.995}}
    - {{metric: pipeline-success, start: 0.8, target: 0.99}}
    - {{metric: deployment-frequency, start: 2, target: 7}}
"""
_CASES = (  # what was put into what, by its own objective: a KPI, its baseline and what was promised
    ("fewer-held-days", "Fewer days are held", "validation-pass-rate", 0.9, 0.99, 12_000),
    ("runs-that-hold", "Runs need nobody", "pipeline-success", 0.8, 0.98, 30_000),
    ("smaller-steps", "What is finished is live the same day", "deployment-frequency", 2, 8, 18_000),
)
_CASE = """---
apiVersion: freehold.dev/v1
kind: Objective
metadata: {{id: {id}, name: "{name}", owner: sales-data}}
spec:
  period: {first}..{last}
  investment: {{made: {first}, cost: {cost}, currency: GBP, reviews: [21, 42, 90]}}
  key_results:
    - {{metric: {metric}, start: {start}, target: {target}}}
"""
_DECISION = """---
status: accepted
date: {day}
decision-makers: [sales-data]
concerns: ["product:{product}"]
settles: ["question/plans-{number}"]
---
# {title}

Asked as a work item; this decides it.
"""
_DECISIONS = (  # asked on the first day, decided so many days later
    (4, "sales.orders", "Revenue is net of returns"),
    (9, "sales.customers", "A customer is whoever ordered in a year"),
    (13, "sales.catalogue", "Articles out of range stay in the catalogue"),
)
_PROMISED = (  # what, its product, by how many days after the period began, and when it is delivered; None: it is late
    ("Returns by article", "sales.orders", 6, 4),
    ("Customers by first order", "sales.customers", 8, 7),
    ("Range by supplier", "sales.catalogue", 11, 9),
    ("Revenue by hour", "sales.orders", 14, 13),
    ("Churn by segment", "sales.customers", 18, None),
    ("Prices as of any day", "sales.catalogue", 20, None),
)
_IDEAS = (  # what is open and promised for no period, with impact and effort; reach is what usage shows
    ("Delivery times by country", "sales.orders", (1, 3), (2, 6)),
    ("Baskets that are given up", "sales.orders", (0.5, 2), (3, 8)),
    ("Customers that came back", "sales.customers", (1, 2), (1, 2)),
    ("Articles that sell together", "sales.catalogue", (2, 3), (4, 9)),
)


@dataclass(frozen=True)
class Plans:
    """What is planned in a replay of some mornings, on which of them; its files are committed where there is git."""

    stage: Stage
    mornings: Sequence[date]
    repository: Repository | None = None

    def morning(self, day: date) -> None:
        """Do what is due on a morning; nothing where the replay is too short for a period to begin and to be judged."""
        period = self._period
        if period is None:
            return
        done = (day - self.mornings[0]).days
        since = (day - self._first(period)).days
        if done == 0:
            self._begin(period)
        if since == -2:
            self._promise(period)
        for number, (after, product, title) in enumerate(_DECISIONS):
            if done == after:
                said = {"day": day, "product": product, "number": number, "title": title}
                self._write(f"decisions/{number + 1:04}.md", _DECISION.format(**said))
        if since == 3:
            self._roadmap.flag(_id("promised", 4), note="The source of it moves.")
        if since == 5:
            self._roadmap.drop(_id("promised", 5), decision="0002")
        for number, (_, _, _, delivered) in enumerate(_PROMISED):
            if delivered == since:
                for move in ("start", "deliver"):
                    self._roadmap.work.move(_id("promised", number), move)
        if day.weekday() == 0:
            self._measure()

    @property
    def _period(self) -> Period | None:
        """The quarter that begins in the replay, or a month; None where none begins in time."""
        from freehold.insight.periods import holding

        first, last = self.mornings[0] + _BEFORE, self.mornings[-1] - _NEEDED
        periods = [holding(day, grain, self._zone) for grain in ("quarter", "month") for day in self.mornings]
        return next((one for one in periods if first <= self._first(one) <= last), None)

    def _first(self, period: Period) -> date:
        """Return the first day of a period, where the shop is."""
        return period.start.astimezone(ZoneInfo(self._zone)).date()

    @property
    def _zone(self) -> str:
        return str(self.stage.estate.defaults.get("timezone", "UTC"))

    @property
    def _roadmap(self) -> Roadmap:
        from freehold.insight.roadmap import Roadmap
        from freehold.work import Work

        ledger = self.stage.ledger.acting(_PLANNER)
        return Roadmap(Work(self.stage.estate, ledger, clock=self.stage.clock), ledger, self._zone)

    def _begin(self, period: Period) -> None:
        """Set the objective, ask what is to be decided, and put on the roadmap what is to be done."""
        last = (period.end - timedelta(microseconds=1)).astimezone(ZoneInfo(self._zone)).date()
        first = self.mornings[0]
        objectives = _OBJECTIVE.format(first=first, last=max(last, self.mornings[-1]))
        for id_, name, metric, start, target, cost in _CASES:
            said = {"id": id_, "name": name, "metric": metric, "start": start, "target": target, "cost": cost}
            objectives += _CASE.format(first=first, last=first + timedelta(days=100), **said)
        self._write("objective.yaml", objectives)
        work, roadmap = self._roadmap.work, self._roadmap
        for number, (_, product, title) in enumerate(_DECISIONS):
            work.create("question", {"what": f"{title}, or not?"}, product=product, key=f"plans-{number}")
        for kind, ideas in (("promised", _PROMISED), ("idea", _IDEAS)):
            for number, (what, product, *_) in enumerate(ideas):
                fields = {"what": what, "problem": "Somebody asks for it every week.", "outcome": "revenue"}
                made = work.create("roadmap_item", fields, product=product, key=f"{kind}-{number}").item
                if number:  # one of each serves no objective
                    work.link(made.id, "contributes_to", "trusted-numbers")
                    work.link(made.id, "contributes_to", _CASES[number % len(_CASES)][0])
        for number, (_, _, impact, effort) in enumerate(_IDEAS):
            roadmap.estimate(_id("idea", number), {"impact": impact, "confidence": (0.5, 0.9), "effort": effort})

    def _promise(self, period: Period) -> None:
        for number, (_, _, by, _) in enumerate(_PROMISED):
            item = _id("promised", number)
            self._roadmap.work.move(item, "plan", fields={"acceptance": "It is in the catalogue, with its checks."})
            self._roadmap.commit(item, period.name, by=self._first(period) + timedelta(days=by))

    def _measure(self) -> None:
        from freehold.insight import Asking, kpis_of
        from freehold.insight.objectives import Measuring, events_of, objectives_of

        estate, ledger = self.stage.estate, self.stage.ledger.acting(_PLANNER)
        with ledger.evidence(ledger.clock.now()) as evidence:
            measuring = Measuring(kpis_of(estate), evidence, Asking(self.stage.delivery.env, self._zone), _no_metrics)
            due = (one for one in objectives_of(estate).values() if _is_due(one, ledger.clock.now().date()))
            found = tuple(one for objective in due for one in measuring.each(objective))
        ledger.append(*events_of(found, ledger, self.stage.delivery.env, self._zone))

    def _write(self, name: str, text: str) -> None:
        """Write a file, commit it, and put it in force."""
        from freehold.delivery.applying import apply

        path = self.stage.folder / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if self.repository is not None:
            self.repository.commit(f"Plans: {name}", self.stage.clock.now())
        self.stage.take_in()
        delivery = self.stage.delivery
        apply(
            self.stage.estate, delivery.graph, delivery.ledger, delivery.root, delivery.env, delivery.places,
            is_of_files=True,
        )  # fmt: skip


def _no_metrics(query: Query) -> Answer:
    """Refuse to answer: key results of the demo are KPIs, which are read from the ledger."""
    raise AssertionError(f"no key result is of {query.metrics}")


def _is_due(one: Objective, today: date) -> bool:
    """Whether an objective is measured: an investment from the first of its reviews on."""
    made = one.investment
    return made is None or today >= made.made + timedelta(days=made.reviews[0])


def _id(kind: str, number: int) -> str:
    return f"roadmap_item/{kind}-{number}"
