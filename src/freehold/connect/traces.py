"""Traces by OpenTelemetry: requests of a server, and runs as the ledger tells of them. An extra, off unless asked for.

It is asked for as OpenTelemetry documents it: `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector, which whoever runs this
gave; the exporter calls it by itself. What is told names routes and assets: no query, nobody who asked, no secret.
"""

from __future__ import annotations

import hashlib
import os
import random
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from freehold import __version__
from freehold.foundation import Exit, FreeholdError
from freehold.ledger.event import micros

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from freehold.ledger import Ledger, Recorded

ASKED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH_MS = 5_000  # that a command waits at most for what it told to be taken
_WRONG = ("failed", "quarantined")


class Traces:
    """Tells of what took how long. Made by `traces`."""

    def __init__(self, provider: TracerProvider, ids: _Ids) -> None:
        self._provider, self._ids = provider, ids
        self._tracer = provider.get_tracer("freehold", __version__)

    def request(
        self, name: str, headers: Mapping[str, str], began: datetime, ended: datetime, said: Mapping[str, Any]
    ) -> None:
        """Tell of a request that was answered.

        Args:
            name: the method and the route.
            headers: in lower case; `traceparent` says of which trace it is a part.
            began: when it came.
            ended: when it was answered.
            said: attributes, by the names that OpenTelemetry gives them.
        """
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {key: headers[key] for key in ("traceparent", "tracestate") if key in headers}
        above = TraceContextTextMapPropagator().extract(carrier)
        span = self._tracer.start_span(name, above, SpanKind.SERVER, dict(said), start_time=_nanos(began))
        _end(span, ended, said["http.response.status_code"] >= 500, "")

    def run(self, ledger: Ledger, env: str, run_id: str) -> None:
        """Tell of a run as the ledger does: its trace has the run's id, and a span for each step that took time."""
        from opentelemetry.trace import set_span_in_context

        steps = ledger.read(types=("run.completed",), env=env, run_id=run_id)
        timed = [(event, *_times(event)) for event in steps if event.data.get("started") and event.data.get("ended")]
        if not timed:
            return
        self._ids.next_trace = _trace_of(run_id)
        said = {"freehold.run_id": run_id, "freehold.environment": env}
        whole = self._tracer.start_span("run", attributes=said, start_time=_nanos(min(one[1] for one in timed)))
        for event, began, ended in timed:
            data = event.data
            facts = {
                "freehold.asset": str(data["asset"]), "freehold.product": event.product,
                "freehold.status": str(data["status"]), "freehold.rows": data.get("rows"),
                "freehold.interval_start": data.get("interval_start"),
            }  # fmt: skip
            known = {name: value for name, value in facts.items() if value not in (None, "")}
            context = set_span_in_context(whole)
            span = self._tracer.start_span(str(data["asset"]), context, attributes=known, start_time=_nanos(began))
            _end(span, ended, data["status"] in _WRONG, str(data.get("code") or data["status"]))
        is_wrong = any(one[0].data["status"] in _WRONG for one in timed)
        _end(whole, max(one[2] for one in timed), is_wrong, "")

    def close(self) -> None:
        """Have what was told taken, for a few seconds at most."""
        self._provider.force_flush(_FLUSH_MS)
        self._provider.shutdown()


def traces(environ: Mapping[str, str] = os.environ) -> Traces | None:
    """Return what traces are told by; None where nobody asks for any.

    Raises:
        FreeholdError: FH-E378 it is asked for, and OpenTelemetry is not installed.
    """
    asked = next((name for name in ASKED_BY if environ.get(name)), "")
    if not asked:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise FreeholdError(
            "FH-E378", f"`{asked}` asks for traces, and OpenTelemetry is not installed.",
            fix="pip install 'freehold[otel]'", exit_code=Exit.ENVIRONMENT,
        ) from error  # fmt: skip
    name = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": "freehold"}
    ids = _Ids()
    resource = Resource.create({**name, "service.version": __version__})
    provider = TracerProvider(resource=resource, id_generator=cast(Any, ids), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider, ids)


@contextmanager
def tracing(environ: Mapping[str, str] = os.environ) -> Iterator[Traces | None]:
    """Give what traces are told by, and close it; raises as `traces` does."""
    found = traces(environ)
    try:
        yield found
    finally:
        if found is not None:
            found.close()


class _Ids:
    """Makes ids of traces and spans; the next trace has the one that it is given, where it is given one."""

    def __init__(self) -> None:
        self.next_trace = 0

    def generate_span_id(self) -> int:
        """Return an id of 64 bits, not zero."""
        return random.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """Return an id of 128 bits, not zero."""
        found, self.next_trace = self.next_trace or random.getrandbits(128) or 1, 0
        return found

    def is_trace_id_random(self) -> bool:
        """Whether ids are random: those of runs are not."""
        return False


def _trace_of(run_id: str) -> int:
    """Return the trace of a run: its id, where that is a UUID."""
    try:
        return uuid.UUID(run_id).int
    except ValueError:
        return int(hashlib.sha256(run_id.encode()).hexdigest()[:32], 16)


def _times(event: Recorded) -> tuple[datetime, datetime]:
    began, ended = (datetime.fromisoformat(str(event.data[name])) for name in ("started", "ended"))
    return began, ended


def _nanos(at: datetime) -> int:
    return micros(at) * 1_000


def _end(span: Any, at: datetime, is_wrong: bool, why: str) -> None:
    if is_wrong:
        from opentelemetry.trace import Status, StatusCode

        span.set_status(Status(StatusCode.ERROR, why or None))
    span.end(_nanos(at))
