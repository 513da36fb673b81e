"""An estate of four products whose every name is a word of its own, so that a test can see where one is told.

`thorium` reads `selenium` and `wolfram`, `bismuth` reads `wolfram`. Metrics are over one of them or over two.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import strategies as st

FREEHOLD = Path(sys.executable).with_name("freehold")
PRODUCTS = {"works.wolfram": "metals", "works.bismuth": "metals", "lab.selenium": "rare", "lab.thorium": "rare"}
READS = {"bismuth": ("wolfram",), "thorium": ("selenium", "wolfram")}
GROUPS = ("group:idp/metals", "group:idp/rare", "group:idp/readers")

_ESTATE = """\
apiVersion: freehold.dev/v1
kind: Estate
metadata: {id: guarded, name: Guarded}
spec:
  connections: {warehouse: {url: "duckdb:///.freehold/warehouse.db"}}
  environments: {prod: {connection: warehouse}}
  dashboards: [dashboards.csv]
"""
_TEAMS = """\
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: metals}
spec:
  members: ["group:idp/metals"]
  roles: {owner: ["user:idp/mona"], steward: ["user:idp/stew"]}
---
apiVersion: freehold.dev/v1
kind: Team
metadata: {id: rare}
spec:
  members: ["group:idp/rare", "service:nightly"]
  roles: {owner: ["user:idp/rita"], steward: ["user:idp/ruth"]}
---
apiVersion: freehold.dev/v1
kind: ServiceAccount
metadata: {id: nightly, owner: rare}
spec: {review_by: 2999-01-31, scopes: ["catalog:read", "metrics:query"]}
"""


def word_of(product: str) -> str:
    """Return the word that every name of a product holds."""
    return product.rpartition(".")[2]


def write(root: Path) -> None:
    """Write the files of the estate."""
    root.mkdir(parents=True)
    (root / "estate.yaml").write_text(_ESTATE)
    (root / "teams.yaml").write_text(_TEAMS)
    (root / "dashboards.csv").write_text(
        "dashboard,owner,reads,column\n"
        "Selenium board,rare,lab.selenium.selenium_out,selenium_amount\n"
        "Bismuth board,metals,works.bismuth.bismuth_out,bismuth_amount\n"
    )
    for product, team in PRODUCTS.items():
        _product(root, product, team)
    (root / "lab" / "objectives.yaml").write_text(
        "apiVersion: freehold.dev/v1\nkind: Objective\n"
        "metadata: {id: more-selenium, name: More selenium, tags: [lab.selenium]}\n"
        "spec: {period: 2011-Q1, key_results: [{metric: adoption, start: 0, target: 1}]}\n"
    )


def made(root: Path) -> Path:
    """Write the estate and publish all of it."""
    write(root)
    subprocess.run([str(FREEHOLD), "-C", str(root), "validate"], check=True, timeout=120)
    subprocess.run([str(FREEHOLD), "-C", str(root), "run"], check=True, capture_output=True, timeout=120)
    return root


def product_file(product: str, access: str = "") -> str:
    """Return the file of a product; `access` is what it says of that, as YAML."""
    word, team = word_of(product), PRODUCTS[product]
    said = f'customProperties: [{{property: "freehold:access", value: {access}}}]\n' if access else ""
    return (
        f"apiVersion: v1.0.0\nkind: DataProduct\nid: {product}\nname: {word.title()}\nversion: 1.0.0\nstatus: active\n"
        f"domain: d{word}\ndescription: {{purpose: All of {word}.}}\n"
        f"outputPorts:\n  - {{name: {word}_out, version: 1.0.0, contractId: {product}.{word}_out}}\n"
        f"team: {{name: {team}}}\n{said}"
    )


def _product(root: Path, product: str, team: str) -> None:
    word = word_of(product)
    folder = root / product.replace(".", "/")
    for part in ("models", "contracts", "metrics"):
        (folder / part).mkdir(parents=True)
    (folder / "product.odps.yaml").write_text(product_file(product))
    own = f"select 1 as {word}_id, timestamp '2026-01-05' as {word}_day, 10 as {word}_amount"
    inputs = {one: next(p for p in PRODUCTS if word_of(p) == one) for one in READS.get(word, ())}
    joined = " ".join(
        f"join {{{{ ref('{asset.rpartition('.')[2]}', '{one}_out') }}}} {one} on {one}.{one}_id = own.{word}_id"
        for one, asset in inputs.items()
    )
    (folder / "models" / f"{word}_out.sql").write_text(
        f"select own.{word}_id, own.{word}_day, own.{word}_amount from ({own}) own {joined}\n"
    )
    (folder / "contracts" / "out.odcs.yaml").write_text(
        f"apiVersion: v3.2.0\nkind: DataContract\nid: {product}.{word}_out\nversion: 1.0.0\nstatus: active\n"
        f"dataProduct: {product}\nschema:\n  - name: {word}_out\n    physicalType: table\n    properties:\n"
        f"      - {{name: {word}_id, logicalType: integer, required: true, primaryKey: true}}\n"
        f"      - {{name: {word}_day, logicalType: timestamp, required: true}}\n"
        f"      - {{name: {word}_amount, logicalType: integer, required: true}}\n"
    )
    others = "".join(
        f"  {one}_set: {{source: {asset}.{one}_out, time: {one}_day, timezone: UTC}}\n" for one, asset in inputs.items()
    )
    both = "".join(
        f"  {word}_by_{one}: {{expression: SUM({word}_set.{word}_amount) / SUM({one}_set.{one}_amount)}}\n"
        for one in inputs
    )
    told = "status: certified, description: All of it, includes: all, excludes: nothing"
    (folder / "metrics" / "m.yaml").write_text(
        f"name: m{word}\ndatasets:\n  {word}_set: {{source: {product}.{word}_out, time: {word}_day, timezone: UTC}}\n"
        f"{others}metrics:\n  {word}_total: {{expression: SUM({word}_set.{word}_amount), {told}}}\n{both}"
    )


lists = st.lists(st.sampled_from(("everyone", "member", "owner", *GROUPS)), max_size=2, unique=True)
seeing = st.fixed_dictionaries(dict.fromkeys(PRODUCTS, lists))
