"""How many events of other tools a second are kept, by real HTTP, and how quick an answer is meanwhile.

    python bench/openlineage.py [--events 12000] [--connections 16] [--print-only]

A server of its own serves a fresh estate in a process of its own; the client is another, with as many connections as
are said, each kept alive and each waiting for its answer before it sends the next. Events are starts and ends of runs
of 200 jobs with the facets that producers send most (schema, columnLineage, jobType, parent), about 4 kB each. An
answer means that the event is on disk; sealing, drawing and recognising go on meanwhile in the same process. Beside it,
in the same run: the same events as lists of 50, and the floor, which is a Starlette application under the same uvicorn
that reads the body and keeps nothing.
Afterwards every event that was answered has to be there; how long it took until the catalog showed them is told, too.
Goal: 1,000 events a second on two cores. Figures go to bench/results/openlineage.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
FLOOR = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def take(request):
    await request.body()
    return Response(status_code=201)
routes = [Route("/openlineage/api/v1/lineage", take, methods=["POST"])]
uvicorn.run(Starlette(routes=routes), port=int(sys.argv[1]), access_log=False, log_config=None)
"""


def event(number: int) -> bytes:
    """Return the start or the end of a run."""
    run, job, ends = number // 2, number // 2 % 200, number % 2
    schema = "https://openlineage.io/spec/facets/1-0-0/Facet.json"
    facet = {"_producer": "https://example.org/bench", "_schemaURL": schema}
    names = [f"column_{n}" for n in range(7)]
    fields = {"fields": [{"name": one, "type": "VARCHAR", "description": "as it came"} for one in names]}
    source = {"namespace": "postgres://db.example.org:5432", "name": f"shop.public.in_{job % 40}"}
    target = {"namespace": "postgres://db.example.org:5432", "name": f"shop.public.out_{job}"}
    way = [{"type": "DIRECT", "subtype": "IDENTITY", "description": "", "masking": False}]
    lineage = {one: {"inputFields": [{**source, "field": one, "transformations": way}]} for one in names}
    said = {
        "eventType": "COMPLETE" if ends else "START",
        "eventTime": f"2026-03-01T{run // 3600 % 24:02}:{run // 60 % 60:02}:{run % 60:02}.{ends}Z",
        "producer": "https://example.org/bench",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {
            "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"run {run}")),
            "facets": {"parent": {**facet, "run": {"runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"dag {run // 20}"))},
                                  "job": {"namespace": "airflow", "name": "nightly"}}},
        },
        "job": {
            "namespace": "airflow", "name": f"nightly.task_{job}",
            "facets": {"jobType": {**facet, "processingType": "BATCH", "integration": "AIRFLOW", "jobType": "TASK"}},
        },
        "inputs": [{**source, "facets": {"schema": {**facet, **fields}}}],
        "outputs": [
            {**target, "facets": {"schema": {**facet, **fields}, "columnLineage": {**facet, "fields": lineage}}}
        ],
    }  # fmt: skip
    return json.dumps(said).encode()


def request(port: int, path: str, body: bytes, token: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
    return (head + f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body


def sent(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Send requests over some connections; return the seconds it took and the milliseconds of each answer."""
    took: list[float] = []

    def send(some: list[bytes]) -> None:
        with socket.create_connection(("127.0.0.1", port)) as open_:
            for one in some:
                began, answer = time.perf_counter(), b""
                open_.sendall(one)
                while b"\r\n\r\n" not in answer:
                    answer += open_.recv(65_536)
                head, _, rest = answer.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 201"), answer[:500]
                length = re.search(rb"(?i)content-length: (\d+)", head)
                left = int(length[1]) - len(rest) if length else 0
                while left > 0:
                    left -= len(open_.recv(65_536))
                took.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=send, args=(requests[n::connections],)) for n in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, took


def told(events: int, seconds: float, took: list[float], cpu: float) -> dict[str, Any]:
    ranks = statistics.quantiles(took, n=100)
    return {
        "per_s": round(events / seconds), "ms_p50": round(ranks[49], 1), "ms_p99": round(ranks[98], 1),
        "server_cpu_ms_per_event": round(cpu / events * 1000, 3),
    }  # fmt: skip


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answering(port: int, path: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server does not answer")


def floor(bodies: list[bytes], connections: int) -> dict[str, Any]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", FLOOR, str(port)])
    try:
        answering(port, "/")
        requests = [request(port, "/openlineage/api/v1/lineage", body, "none") for body in bodies]
        sent(port, requests[:200], connections)
        before = cpu_of(process.pid)
        seconds, took = sent(port, requests, connections)
        return told(len(bodies), seconds, took, cpu_of(process.pid) - before)
    finally:
        process.terminate()
        process.wait()


def count(port: int, token: str) -> int:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/openlineage/api/v1/stats", headers={"authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return int(json.load(answer)["events"])


def measured(events: int, connections: int) -> dict[str, Any]:
    single, many = [event(n) for n in range(events)], [event(n) for n in range(events, events * 4)]
    lists = [b"[" + b",".join(many[n : n + 50]) + b"]" for n in range(0, len(many), 50)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([BIN / "freehold", "init", f"{folder}/shop"], check=True, capture_output=True)
        subprocess.run([BIN / "freehold", "-C", f"{folder}/shop", "run"], check=True, capture_output=True)
        port = free_port()
        words = ["--scope", "lineage:write", "--scope", "catalog:read", "--for", "7d"]
        made = subprocess.run(
            [BIN / "freehold", "-C", f"{folder}/shop", "token", "create", "bench", *words],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        token = made.stdout.split()[0]
        process = subprocess.Popen(
            [BIN / "freehold", "-C", f"{folder}/shop", "serve", "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            answering(port, "/ready")
            path = "/openlineage/api/v1/lineage"
            sent(port, [request(port, path, event(n), token) for n in range(events * 4, events * 4 + 200)], connections)
            count(port, token)  # the catalog is there
            found: dict[str, Any] = {}
            for name, bodies, at in (("one_by_one", single, path), ("lists_of_50", lists, f"{path}/batch")):
                requests = [request(port, at, body, token) for body in bodies]
                before = cpu_of(process.pid)
                seconds, took = sent(port, requests, connections)
                of = len(single) if name == "one_by_one" else len(many)
                found[name] = told(of, seconds, took, cpu_of(process.pid) - before)
            began = time.perf_counter()
            while count(port, token) < events * 4 + 200:
                time.sleep(0.2)
            found["all_shown_after_s"] = round(time.perf_counter() - began, 1)
            found["kept"] = count(port, token)
            found["server_mb"] = round(
                int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024  # type: ignore[index]
            )
        finally:
            process.terminate()
            process.wait()
    return {**found, "floor": floor(single, connections), "bytes_each": round(statistics.mean(map(len, single)))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--print-only", action="store_true")
    asked = parser.parse_args()
    found = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "events": asked.events, "connections": asked.connections, **measured(asked.events, asked.connections),
    }  # fmt: skip
    print(json.dumps(found, indent=2))
    if not asked.print_only:
        (HERE / "results" / "openlineage.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
