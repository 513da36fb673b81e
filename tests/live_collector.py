"""A collector of OpenTelemetry on loopback: it takes spans by OTLP over HTTP and reads them as protobuf has them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from live_answering import answering


@dataclass(frozen=True)
class Taken:
    """A span that came."""

    name: str
    trace: str
    parent: str
    id: str
    seconds: float
    is_wrong: bool
    said: dict[str, str]
    service: str


@dataclass
class Collector:
    """What came, in the order it came."""

    port: int = 0
    spans: list[Taken] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, body: bytes) -> None:
        """Take what an exporter sends."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = {one.key: one.value.string_value for one in resource.resource.attributes}
            for span in (one for scope in resource.scope_spans for one in scope.spans):
                said = {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}
                seconds = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
                ids = (span.trace_id.hex(), span.parent_span_id.hex(), span.span_id.hex())
                self.spans.append(Taken(span.name, *ids, seconds, span.status.code == 2, said, of["service.name"]))


class _Handler(BaseHTTPRequestHandler):
    collector: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.collector.take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect while the block runs."""
    collector = Collector()
    with answering(_Handler, collector=collector) as collector.port:
        yield collector
