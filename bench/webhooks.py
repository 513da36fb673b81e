"""What it costs to tell subscriptions of events, and what it costs while nothing happens.

    python bench/webhooks.py [--events 2000] [--subscriptions 20] [--print-only]

A server of its own serves a fresh estate in a process of its own; receivers on loopback answer 204 at once. Events are
ends of runs, written into the ledger in one go while the server runs; each goes out by itself, signed, over a
connection of its own, and what became of it is on disk before the next one goes. Told is the CPU of the server for each
delivery, since that does not depend on what else the machine does: to one subscription, then to all of them; and for a
minute in which nothing happens, beside that of a server without subscriptions. Below it the floor: the same posts one
after the other, with nothing kept. Figures go to bench/results/webhooks.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from freehold.connect.outbound import outbound_from, post, target_of
from freehold.ledger import Event, Ledger

HERE = Path(__file__).parent
FREEHOLD = Path(sys.executable).parent / "freehold"
IDLE_S = 30
OUTBOUND = {"allow": ["127.0.0.1"], "plain_http": True}
_ACCOUNT = (
    "apiVersion: freehold.dev/v1\nkind: ServiceAccount\n"
    "metadata: {id: hooks, owner: shop-data}\nspec: {review_by: 2999-01-31}\n"
)


class Receiver(ThreadingHTTPServer):
    """Counts what comes."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.count = 0
        self.turn = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        with self.server.turn:
            self.server.count += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def made(folder: Path, url: str, subscriptions: int) -> Path:
    """Return a fresh estate with so many subscriptions."""
    root = folder / f"shop-{subscriptions}"
    subprocess.run([str(FREEHOLD), "init", str(root)], check=True, capture_output=True)
    estate = (root / "estate.yaml").read_text()
    allowed = "  server: {outbound: {allow: [127.0.0.1], plain_http: true}}\n  defaults:\n"
    (root / "estate.yaml").write_text(estate.replace("  defaults:\n", allowed, 1))
    (root / "hook.secret").write_text("whsec_" + "Q" * 43 + "=")
    each = "".join(
        f"---\napiVersion: freehold.dev/v1\nkind: Subscription\nmetadata: {{id: hook-{n}, owner: shop-data}}\n"
        f'spec: {{url: "{url}", secret: "file:hook.secret", as: "service:hooks", types: [run.*]}}\n'
        for n in range(subscriptions)
    )
    (root / "hooks.yaml").write_text(_ACCOUNT + each)
    return root


def cpu_s(pid: int) -> float:
    """Return the CPU that a process has used, in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def served(root: Path) -> subprocess.Popen[bytes]:
    """Serve an estate and wait until its subscriptions are looked at."""
    port = 18_765
    process = subprocess.Popen(
        [str(FREEHOLD), "-C", str(root), "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            break
        except OSError:
            time.sleep(0.2)
    return process


def begun(root: Path, subscriptions: int) -> None:
    """Wait until each subscription is looked at."""
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        while len(ledger.webhooks.standings()) < subscriptions:
            time.sleep(0.2)


def happen(root: Path, many: int) -> None:
    """Let runs end."""
    said = {"asset": "shop.orders.orders", "status": "success"}
    with Ledger.open("sqlite:///.freehold/state.db", root=root) as ledger:
        ledger.append(
            *(Event("run.completed", {"run_id": f"r{n}", **said}, product="shop.orders") for n in range(many))
        )


def delivered(folder: Path, receiver: Receiver, subscriptions: int, events: int) -> dict[str, Any]:
    """Measure a server with so many subscriptions: nothing for a while, then events."""
    root = made(folder, f"http://127.0.0.1:{receiver.server_address[1]}/hook", subscriptions)
    process = served(root)
    try:
        begun(root, subscriptions)
        time.sleep(5)
        idle = cpu_s(process.pid)
        time.sleep(IDLE_S)
        idle = (cpu_s(process.pid) - idle) / IDLE_S * 60
        before, at, count = cpu_s(process.pid), time.monotonic(), receiver.count
        happen(root, events)
        while receiver.count - count < events * subscriptions:
            time.sleep(0.05)
        took, used = time.monotonic() - at, cpu_s(process.pid) - before
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    each = events * subscriptions
    if not each:
        return {"idle_cpu_s_per_min": round(idle, 2)}
    return {
        "subscriptions": subscriptions, "deliveries": each, "cpu_ms_per_delivery": round(used / each * 1000, 2),
        "per_s": round(each / took), "idle_cpu_s_per_min": round(idle, 2),
    }  # fmt: skip


def floor(receiver: Receiver, events: int) -> dict[str, Any]:
    """Measure the same posts with nothing kept."""
    target, outbound = target_of(f"http://127.0.0.1:{receiver.server_address[1]}/hook"), outbound_from(OUTBOUND)
    used, at = time.thread_time(), time.monotonic()
    for _ in range(events):
        post(target, b"{}" * 300, {}, outbound, 5)
    took = time.monotonic() - at
    return {"cpu_ms_per_post": round((time.thread_time() - used) / events * 1000, 2), "per_s": round(events / took)}


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--subscriptions", type=int, default=20)
    parser.add_argument("--print-only", action="store_true")
    said = parser.parse_args()
    receiver = Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "without": delivered(folder, receiver, 0, 0),
            "one": delivered(folder, receiver, 1, said.events),
            "many": delivered(folder, receiver, said.subscriptions, said.events // said.subscriptions),
            "floor": floor(receiver, said.events),
        }
    print(json.dumps(figures, indent=2))
    if not said.print_only:
        (HERE / "results" / "webhooks.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
