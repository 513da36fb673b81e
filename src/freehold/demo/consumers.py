"""Simulated consumers: they read the demo's ports every morning, and are recorded as simulated wherever they appear.

They run real queries against what is live, as anybody would; only the people and programs behind them are invented.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from freehold.engines import Engine, Session
from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Event

if TYPE_CHECKING:
    from freehold.delivery import Delivery
    from freehold.metrics import Answerer, Catalogue

SIMULATED = "simulated"  # the consumer type of every read recorded here
_PORT = re.compile(r"\{([a-z._]+)\}")


@dataclass(frozen=True, slots=True)
class Consumer:
    """Somebody who reads: `reads` are queries, each with one port in braces; `asks` are metrics, by a key or none."""

    id: str
    name: str
    segment: str
    reads: tuple[str, ...]
    asks: tuple[tuple[str, str], ...] = ()

    @property
    def principal(self) -> str:
        """As whom it reads, and is remembered."""
        return f"service:{self.id}"

    @property
    def ports(self) -> tuple[str, ...]:
        """The assets it reads, by id."""
        return tuple(_PORT.findall("".join(self.reads)))


CONSUMERS = (
    Consumer(
        "simulated/month-end-close",
        "month-end close",
        "finance",
        (
            "SELECT month, trading_days, revenue FROM {sales.orders.monthly_revenue} ORDER BY month",
            "SELECT day, gross_revenue, cancelled_revenue, revenue FROM {sales.orders.daily_revenue} "
            "ORDER BY day DESC LIMIT 31",
        ),
        (("revenue", "month"),),
    ),
    Consumer(
        "simulated/board-pack",
        "board pack",
        "executive",
        ("SELECT month, orders, revenue FROM {sales.orders.monthly_revenue} ORDER BY month DESC LIMIT 13",),
        (("revenue", "market.country"), ("orders", "")),
    ),
    Consumer(
        "simulated/churn-model",
        "churn model",
        "marketing",
        (
            "SELECT segment, count(*), avg(days_since_order) FROM {sales.customers.segments} GROUP BY segment",
            "SELECT count(*), sum(orders), sum(revenue) FROM {sales.customers.customers}",
        ),
        (("orders", "segment.segment"),),
    ),
    Consumer(
        "simulated/support-agent",
        "support agent",
        "service",
        (
            "SELECT * FROM {sales.customers.customers} ORDER BY last_order_at DESC, customer_id LIMIT 20",
            "SELECT sku, description, lowest_price, highest_price FROM {sales.catalogue.articles} "
            "ORDER BY last_sold_at DESC, sku LIMIT 50",
        ),
    ),
)


def read_all(engine: Engine, relations: Mapping[str, str], now: datetime) -> Iterator[Event]:
    """Let every consumer read its ports once; yield one usage event a read.

    `relations` maps an asset id to the quoted name of what is live; a port that is not there yet reads as an error.
    """
    for consumer in CONSUMERS:
        caller = _caller(consumer)
        session = engine.session(caller, {"consumer": consumer.id})
        try:
            for query in consumer.reads:
                port = _PORT.findall(query)[0]
                began = time.perf_counter()
                status = _read(session, _PORT.sub(lambda found: relations[found[1]], query))
                yield _event(consumer, port, query, status, time.perf_counter() - began, now)
        finally:
            session.close()


def ask_all(delivery: Delivery) -> list[Event]:
    """Let every consumer ask for its metrics once, of what is live; return the usage events of the answers."""
    from freehold.metrics import asked, catalogue_of
    from freehold.metrics.recording import used

    now = delivery.clock.now()
    answering = answerers(delivery, catalogue_of(delivery.estate))
    events: list[Event] = []
    for consumer in CONSUMERS:
        caller = _caller(consumer)
        answerer = answering(caller)
        for metric, key in consumer.asks:
            answer = answerer.answer(asked([metric], by=[key] if key else []))
            events += used(answer, caller, env=delivery.env, channel="python", consumer_type=SIMULATED, at=now)
    return events


def answerers(delivery: Delivery, catalogue: Catalogue) -> Callable[[Caller], Answerer]:
    """Return what answers for metrics of what is live now, by who asks."""
    from freehold.delivery.serving import sources
    from freehold.metrics import Answerer

    names = {table.source for model in catalogue.models.values() for d in model.datasets.values() for table in d.tables}
    there = sources(delivery, names)
    return lambda caller: Answerer(catalogue, delivery.engine, caller, lambda dataset: there[dataset.source])


def _caller(consumer: Consumer) -> Caller:
    return Caller(consumer.principal, purpose="simulated consumption", assurance="system")


def _read(session: Session, sql: str) -> str:
    try:
        session.rows(sql)
    except FreeholdError:  # the port was never published: the consumer met an error, which is what is recorded
        return "error"
    return "ok"


def _event(consumer: Consumer, port: str, query: str, status: str, seconds: float, now: datetime) -> Event:
    product = port.rpartition(".")[0]
    content = {
        "consumer": consumer.principal,
        "consumer_type": SIMULATED,
        "segment": consumer.segment,
        "product": product,
        "resource": port,
        "channel": "sql",
        "fingerprint": hashlib.sha256(query.encode()).hexdigest()[:16],
        "duration_ms": round(seconds * 1000, 3),
        "status": status,
    }
    return Event("usage.query", content, occurred_at=now, env="prod", subject=port, product=product)
