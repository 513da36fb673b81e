"""What the server tells of itself: a log line for each request, and figures for Prometheus."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers
from starlette.routing import Mount

from freehold.server.patterns import taken
from freehold.server.saying import Said

if TYPE_CHECKING:
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from freehold.connect.traces import Traces
    from freehold.ledger import Job

_QUIET = ("/-/static/", "/health", "/ready", "/openlineage/api/v1/lineage")  # counted, and not worth a line each
_OF_SUBSCRIPTIONS = {
    "behind": "Events of the ledger that a subscription has not come to yet.",
    "waiting": "Events that wait for another attempt.",
    "dead": "Events whose attempts are used up.",
    "disabled": "1 where a subscription is sent nothing any more.",
}
_LONG = (0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)  # of jobs
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Telemetry:
    """Notes requests. Each application has figures of its own, so that two in one process do not mix.

    Args:
        log: where lines go.
        traces: what requests are told to, too; None where nobody asks for traces.
    """

    def __init__(self, log: Any = None, traces: Traces | None = None) -> None:
        self.log = log or structlog.get_logger()
        self._traces = traces
        self.registry = CollectorRegistry()
        by = ("route", "method", "status")
        self._requests = Counter("freehold_requests", "Requests answered.", by, registry=self.registry)
        self._seconds = Histogram(
            "freehold_request_seconds", "Seconds to answer.", ("route",), buckets=_BUCKETS, registry=self.registry
        )
        self._snapshots = Histogram(
            "freehold_snapshot_seconds", "Seconds to read the estate anew.", buckets=_BUCKETS, registry=self.registry
        )
        self._jobs = Gauge("freehold_jobs", "Jobs that wait or run.", ("state",), registry=self.registry)
        self._ended = Counter(
            "freehold_jobs_ended", "Jobs that ended, by how.", ("kind", "state"), registry=self.registry
        )
        self._worked = Histogram(
            "freehold_job_seconds", "Seconds a job took.", ("kind",), buckets=_LONG, registry=self.registry
        )
        self._events = Gauge("freehold_ledger_sequence", "The newest event that pages know of.", registry=self.registry)
        self._attempts = Counter(
            "freehold_webhook_attempts", "Webhooks sent.", ("subscription", "verdict"), registry=self.registry
        )
        self._answers = Histogram(
            "freehold_webhook_seconds", "Seconds until a receiver answered.", ("subscription",),
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._subscriptions = tuple(
            Gauge(f"freehold_webhook_{name}", told, ("subscription",), registry=self.registry)
            for name, told in _OF_SUBSCRIPTIONS.items()
        )

    def note(self, scope: Scope, routes: Sequence[BaseRoute], request_id: str, status: int, seconds: float) -> None:
        """Note a request that was answered. Its path is told as the route it took, which holds no secret."""
        route, method = route_of(scope, routes), scope["method"] if scope["method"].isalpha() else "?"
        self._requests.labels(route, method, status).inc()
        self._seconds.labels(route).observe(seconds)
        self._trace(scope, route, method, request_id, status, seconds)
        if status < 400 and scope["path"].startswith(_QUIET):
            return
        who = scope.get("state", {}).get("who")
        tell = self.log.error if status >= 500 else self.log.warning if status in (403, 429) else self.log.info
        tell(
            "request",
            request_id=request_id,
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            principal=who.principal if who else None,
        )

    def _trace(self, scope: Scope, route: str, method: str, request_id: str, status: int, seconds: float) -> None:
        if self._traces is not None:
            ended = datetime.now(UTC)
            said = {
                "http.request.method": method, "http.route": route, "http.response.status_code": status,
                "freehold.request_id": request_id,
            }  # fmt: skip
            began = ended - timedelta(seconds=seconds)
            self._traces.request(f"{method} {route}", Headers(scope=scope), began, ended, said)

    def refused(self, request_id: str, why: str, told: Mapping[str, str | None]) -> None:
        """Note why the identity of a CI job was given no token; what the identity says is not told."""
        self.log.warning("identity refused", request_id=request_id, why=why, **told)

    def failed(self, error: Exception) -> None:
        """Note what keeps events of other tools from being followed; it is tried again."""
        told = getattr(error, "code", None) or type(error).__name__
        self.log.error("lineage not followed", code=told, exc_info=error)

    def read(self, seconds: float, sequence: int) -> None:
        """Note that the estate was read anew."""
        self._snapshots.observe(seconds)
        self._events.set(sequence)

    def webhook(self, subscription: str, verdict: str, seconds: float) -> None:
        """Note an attempt to tell a subscription of an event."""
        self._attempts.labels(subscription, verdict).inc()
        self._answers.labels(subscription).observe(seconds)

    def webhook_stands(self, subscription: str, *values: float) -> None:
        """Note how far a subscription is: events behind it, waiting, dead, and 1 where it is disabled."""
        for gauge, value in zip(self._subscriptions, values, strict=True):
            gauge.labels(subscription).set(value)

    def ended(self, job: Job) -> None:
        """Note a job that ended, of those that this server was asked to end or to do."""
        self._ended.labels(job.kind, job.state).inc()
        if job.started_at is not None and job.ended_at is not None:
            self._worked.labels(job.kind).observe((job.ended_at - job.started_at).total_seconds())

    def open_jobs(self, count: Mapping[str, int]) -> None:
        """Note how many jobs stand how, in all servers of the state."""
        for state, number in count.items():
            self._jobs.labels(state).set(number)

    def figures(self) -> bytes:
        """Return the figures in the text form of Prometheus."""
        return generate_latest(self.registry)


def route_of(scope: Scope, routes: Sequence[BaseRoute]) -> str:
    """Return the pattern of the route that a request took: `/api/v1/products/{id}`; `none` where there is none.

    Of one that was refused on the way it is that which it would have taken, of `routes`.
    """
    route = scope.get("route")
    if route is not None and not isinstance(route, Mount):
        return f"{scope.get('root_path', '')}{route.path}"
    return taken(routes, scope)[0] or "none"


def configure_logs(stream: TextIO = sys.stderr) -> None:
    """Write logs to a stream: for a person at a terminal, as JSON for anything else."""
    for_person = stream.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if for_person else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if for_person else [structlog.processors.format_exc_info]),
            _without_secrets,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", Said(stream.fileno()))),
        cache_logger_on_first_use=True,
    )


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take out what bears a secret's name, should anybody ever log one."""
    from freehold.foundation.secrets import names_a_secret

    return {name: "***" if names_a_secret(name) else value for name, value in event.items()}
