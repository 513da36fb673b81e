"""How soon pages are there, beside the pages of MLflow, Dagster and dbt docs, in one Chromium.

    python bench/pages.py [--peers] [--times 5] [--print-only]

Each page is opened in a browser that has nothing cached, signed in where it has to be, first as this machine is and
then throttled: 10 Mbit/s, 40 ms, a processor four times slower. LCP is the largest contentful paint as the browser
reports it; kB is what went over the wire; `longest` is the longest task that kept the page from answering. The server
beside it: the time between a request and its last byte, over a kept connection, of a page that was asked for before.

Freehold shows its demo, of a year of a shop. The peers run in environments of their own under build/peers: Dagster with
300 assets in layers, dbt docs of 300 models, MLflow as it is when it is new. Goals: LCP <= 400 ms and <= 1,000 ms
throttled, <= 150 kB, no task over 100 ms, p95 of the server <= 50 ms. Figures go to bench/results/pages.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

from checks import PEERS, python_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, StorageState

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "pages.json"
DEMO = ROOT / "build" / "bench" / "pages"
PACKAGES = {
    "mlflow": ["mlflow==3.17.2"],
    "dagster": ["dagster==1.13.27", "dagster-webserver==1.13.27"],
    "dbt": ["dbt-core==1.11.16", "dbt-duckdb==1.11.1"],
}
OURS = {
    "home": "/",
    "products": "/products",
    "product": "/products/sales.orders",
    "metrics": "/metrics",
    "metric": "/metrics/sales.revenue",
    "lineage": "/lineage?of=asset:sales.orders.lines",
    "lineage by columns": "/lineage?of=asset:sales.orders.lines&columns=1",
    "search": "/search?q=revenue",
    "deployments": "/deployments",
}
LAYERS, EACH = 6, 50
SLOW = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
ASKED = 60  # requests of the server alone, of each page
OBSERVE = """
window.__long = 0; window.__lcp = 0;
new PerformanceObserver(l => { for (const e of l.getEntries()) __lcp = e.startTime; })
  .observe({type: 'largest-contentful-paint', buffered: true});
new PerformanceObserver(l => { for (const e of l.getEntries()) __long = Math.max(__long, e.duration); })
  .observe({type: 'longtask', buffered: true});
"""


def opened(browser: Browser, url: str, state: StorageState | None, *, slow: bool) -> dict[str, float]:
    """Open a page with nothing cached, and return what it cost."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state)
    page = context.new_page()
    page.add_init_script(OBSERVE)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    wire: list[float] = []
    session.on("Network.loadingFinished", lambda event: wire.append(event["encodedDataLength"]))
    if slow:
        session.send("Network.emulateNetworkConditions", SLOW)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(url, wait_until="load")
    _settled(page)
    found = {"lcp": page.evaluate("__lcp"), "longest": page.evaluate("__long"), "kb": sum(wire) / 1_000}
    context.close()
    return found


def _settled(page: Page) -> None:
    """Wait until nothing is loaded any more and the largest paint is two seconds old: applications paint late."""
    from playwright.sync_api import Error

    try:
        page.wait_for_load_state("networkidle", timeout=20_000)
    except Error:
        page.wait_for_timeout(3_000)  # it never stops asking
    for _ in range(20):
        before = page.evaluate("__lcp")
        page.wait_for_timeout(1_000)
        if page.evaluate("__lcp") == before:
            return


def measured(browser: Browser, url: str, times: int, state: StorageState | None = None) -> dict[str, float]:
    """Return the medians of a page as it is and throttled."""
    found: dict[str, float] = {}
    for slow, name in ((False, "native"), (True, "throttled")):
        each = [opened(browser, url, state, slow=slow) for _ in range(times)]
        found[f"lcp_{name}_ms"] = round(statistics.median(one["lcp"] for one in each))
        found[f"longest_{name}_ms"] = round(statistics.median(one["longest"] for one in each))
        found["kb"] = round(statistics.median(one["kb"] for one in each))
    return found


def server_alone(url: str, cookies: dict[str, str]) -> dict[str, float]:
    """Return how long the server takes for a page that it has shown before, from request to last byte."""
    spans = []
    with httpx2.Client(cookies=cookies) as client:
        for number in range(ASKED + 5):
            before = time.perf_counter()
            client.get(url).raise_for_status()
            if number >= 5:
                spans.append(1_000 * (time.perf_counter() - before))
    spans.sort()
    return {"server_p50_ms": round(statistics.median(spans), 1), "server_p95_ms": round(spans[int(ASKED * 0.95)], 1)}


@contextmanager
def running(command: list[str], url: str, said: Path, **more: Any) -> Iterator[None]:
    """Run a server until the block ends, and keep what it says in a file; it is there once it answers."""
    with said.open("w", encoding="utf-8") as kept:
        started = subprocess.Popen(command, stdout=kept, stderr=subprocess.STDOUT, start_new_session=True, **more)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        yield
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)  # one that waits for workers of its own for ever
            started.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def ours(browser: Browser, times: int) -> dict[str, dict[str, float]]:
    """Measure our own pages, of the demo."""
    freehold = str(Path(sys.executable).with_name("freehold"))
    if not (DEMO / "estate.yaml").exists():
        subprocess.run([freehold, "demo", "--dir", str(DEMO)], check=True, capture_output=True)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [freehold, "-C", str(DEMO), "serve", "--port", str(port)]
    said = DEMO / "served.log"
    with running(command, f"{base}/ready", said):
        link = re.findall(r"http://\S+/sign-in/link/\S+", said.read_text(encoding="utf-8"))[0]
        context = browser.new_context()
        context.new_page().goto(link)
        state = context.storage_state()
        context.close()
        cookies = {one["name"]: one["value"] for one in state["cookies"]}
        return {
            f"freehold {name}": measured(browser, base + path, times, state) | server_alone(base + path, cookies)
            for name, path in OURS.items()
        }


def mlflow(browser: Browser, times: int) -> dict[str, dict[str, float]]:
    """Measure MLflow's list of experiments, new and empty."""
    python, port = python_of("mlflow", PACKAGES["mlflow"]), free_port()
    folder = PEERS / "mlflow_data"
    folder.mkdir(exist_ok=True)
    base = f"http://127.0.0.1:{port}"
    command = [python, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
    with running(command, f"{base}/health", folder / "said.log", cwd=folder):
        return {"mlflow experiments, empty": measured(browser, f"{base}/#/experiments", times)}


def dagster(browser: Browser, times: int) -> dict[str, dict[str, float]]:
    """Measure Dagster's catalog and its lineage, of 300 assets."""
    python, port = python_of("dagster", PACKAGES["dagster"]), free_port()
    folder = PEERS / "dagster_home"
    folder.mkdir(exist_ok=True)
    (folder / "assets.py").write_text(_DAGSTER, encoding="utf-8")
    base = f"http://127.0.0.1:{port}"
    command = [str(Path(python).with_name("dagster-webserver")), "-f", "assets.py", "-p", str(port)]
    quiet = os.environ | {"DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    with running(command, f"{base}/server_info", folder / "said.log", cwd=folder, env=quiet):
        pages = {"catalog": "/assets", "lineage": "/asset-groups"}
        return {f"dagster {name}, 300 assets": measured(browser, base + p, times) for name, p in pages.items()}


def dbt_docs(browser: Browser, times: int) -> dict[str, dict[str, float]]:
    """Measure dbt's documentation, of 300 models, from a server of files."""
    python, port = python_of("dbt", PACKAGES["dbt"]), free_port()
    folder = PEERS / "dbt_docs"
    if not (folder / "target" / "index.html").exists():
        _write_dbt(folder)
        dbt = str(Path(python).with_name("dbt"))
        for command in (["compile"], ["docs", "generate"]):
            subprocess.run([dbt, *command, "--profiles-dir", "."], cwd=folder, check=True, capture_output=True)
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "-d", str(folder / "target")]
    with running(command, f"{base}/index.html", folder / "said.log"):
        return {
            "dbt docs overview, 300 models": measured(browser, f"{base}/#!/overview", times),
            "dbt docs model, 300 models": measured(browser, f"{base}/#!/model/model.shop.m3_7", times),
        }


_DAGSTER = f"""
from dagster import AssetKey, Definitions, asset

def made(layer, number):
    before = [AssetKey(f"m{{layer - 1}}_{{(number + n) % {EACH}}}") for n in range(2)] if layer else []
    @asset(name=f"m{{layer}}_{{number}}", deps=before, group_name=f"group_{{number % 10}}")
    def one():
        return 1
    return one

defs = Definitions([made(layer, number) for layer in range({LAYERS}) for number in range({EACH})])
"""


def _write_dbt(folder: Path) -> None:
    (folder / "models").mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text("name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\n")
    profile = "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n"
    (folder / "profiles.yml").write_text(profile)
    described = ["models:"]
    for layer in range(LAYERS):
        for number in range(EACH):
            before = [f"{{{{ ref('m{layer - 1}_{(number + n) % EACH}') }}}}" for n in range(2)] if layer else []
            reads = " join ".join(f"{name} t{n}" for n, name in enumerate(before)).replace(" t1", " t1 using (id)")
            sql = f"select t0.id, t0.amount + 1 as amount from {reads}" if before else "select 1 as id, 2 as amount"
            (folder / "models" / f"m{layer}_{number}.sql").write_text(sql)
            described.append(f"  - name: m{layer}_{number}\n    description: Layer {layer}, number {number}.")
    (folder / "models" / "models.yml").write_text("\n".join(described) + "\n")


def main() -> None:
    """Measure, print and keep."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true", help="also the pages of others, installed where they are not")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with ExitStack() as closing:
        playwright = closing.enter_context(sync_playwright())
        path = os.environ.get("FREEHOLD_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        closing.callback(browser.close)
        pages = ours(browser, given.times)
        if given.peers:
            for peer in (mlflow, dagster, dbt_docs):
                pages |= peer(browser, given.times)
        version = browser.version
    machine = {"load before": round(load, 2), "load after": round(os.getloadavg()[0], 2), "chromium": version}
    result = {"pages": pages, "measured": machine | {"times": given.times, "machine": platform.machine()}}
    print(json.dumps(result, indent=1))
    if not given.print_only:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
