"""A handler of HTTP that answers on loopback, in a thread of this process."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@contextmanager
def answering(
    handler: type[BaseHTTPRequestHandler], *, port: int = 0, certificate: Path | None = None, **attributes: Any
) -> Iterator[int]:
    """Have a handler answer while the block runs, and yield its port.

    Args:
        handler: of each request; a subclass of it answers.
        port: to answer at; 0 for any that is free.
        certificate: with its key, for TLS.
        attributes: of the subclass, for what the handler asks.
    """
    server = ThreadingHTTPServer(("127.0.0.1", port), type("Handler", (handler,), attributes))
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
