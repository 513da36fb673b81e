"""How long rules take over many subjects, and over a few, and what it takes to find which results changed.

    python bench/rules.py [--assets 100000] [--rules 40]

First in memory alone. Then a demo estate is given a ledger in which so many rules said something of so many other
assets, with five verdicts of each; the estate is evaluated after a run of one of its assets, evidence and all.
Writes CPU seconds and memory to bench/results/rules.json; the goal is 60 seconds for 100,000 assets by 40 rules, and 2
seconds after one change.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from freehold.delivery.evaluating import evaluate_after
from freehold.estate.operating import Rule, RuleSet, Written
from freehold.foundation import Where
from freehold.ledger import Event, Ledger
from freehold.opening import opened_delivery
from freehold.rules import Last, Outcome, Subject, Sweep, compiled, evaluate, sweep, swept
from freehold.rules.assets import ASSET

HERE = Where("bench")
BATCH = 100  # assets whose events are recorded at once
RESULTS = Path(__file__).parent / "results" / "rules.json"
CHECKS = (
    "owner_is_active",
    "described_columns_share >= 0.95",
    "check_pass_rate_30d >= 0.99",
    "tier <= 2 or has_contract and quality_rule_count > 3",
    "classified_columns_share = 1 and not (mode in ('watch', 'advise'))",
)


def rule_set(number: int) -> RuleSet:
    """Return so many rules over output ports, five kinds of conditions in turn."""
    rules = tuple(
        Rule(f"r{n}", HERE, Written(CHECKS[n % len(CHECKS)], HERE, None), remedy="see {asset}") for n in range(number)
    )
    return RuleSet("bench", HERE, "asset", rules, Written("kind = 'dataset' and is_output_port", HERE, None))


def subject(number: int) -> Subject:
    """Return an asset; every seventh has no checks to tell of."""
    facts = {
        "asset": f"d.p{number}.a", "kind": "dataset", "is_output_port": True, "owner_is_active": number % 3 > 0,
        "described_columns_share": number % 100 / 100, "check_pass_rate_30d": 0.995 if number % 7 else None,
        "tier": number % 4, "has_contract": True, "quality_rule_count": number % 9, "classified_columns_share": 1.0,
        "mode": "publish",
    }  # fmt: skip
    return Subject(f"d.p{number}.a", ASSET.checked(facts, f"d.p{number}.a"))


def as_told(found: Sweep) -> dict[tuple[str, str], Last]:
    """Return what a ledger would have last told of a sweep; results that are alike are one object."""
    alike = {outcome: Last(str(outcome)) for outcome in Outcome}
    return {(rule.id, subject.id): alike[outcome] for rule, subject, outcome in found.outcomes()}


def product_of(_: Subject) -> str:
    """Return the product of an asset."""
    return ""


def measured(assets: int, count: int) -> dict[str, float]:
    """Return CPU seconds of each step, and the most memory in MB."""
    rules = compiled(rule_set(count), ASSET)
    subjects = [subject(n) for n in range(assets)]
    started = time.process_time()
    found = sweep(rules, subjects, [], date(2011, 3, 7))
    evaluated = time.process_time()
    told = sum(1 for _ in found.results(Outcome.FAILED, Outcome.UNKNOWN))
    listed = time.process_time()
    last = as_told(found)
    known = time.process_time()
    changes = sum(1 for _ in swept(found, last, product_of))
    compared = time.process_time()
    last = {(rule.id, one.id): Last("passed") for one in subjects[:1] for rule in rules}
    changes_of_one = sum(1 for _ in swept(sweep(rules, subjects[:1], [], date(2011, 3, 7)), last, product_of))
    ended = time.process_time()
    evaluate(rules, subjects[:10], [], date(2011, 3, 7))
    return {
        "assets": assets,
        "rules": count,
        "evaluated_cpu_s": round(evaluated - started, 2),
        "results_that_do_not_pass": told,
        "made_whole_cpu_s": round(listed - evaluated, 2),
        "compared_cpu_s": round(compared - known, 2),
        "changed_of_all": changes,
        "one_in_memory_cpu_s": round(ended - compared, 4),
        "changed_of_one": changes_of_one,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def said_of(asset: str, rules: int) -> Iterator[Event]:
    """Yield what rules and checks said of an asset."""
    for n in range(rules):
        is_pass = (len(asset) + n) % 3 > 0
        content = {
            "rule": f"bench/r{n}", "rule_set": "bench", "subject": asset, "pass": is_pass, "level": None, "weight": 1,
            "outcome": "passed" if is_pass else "failed", "waiver": None, "name": None, "remedy": None,
            "asserted": False,
        }  # fmt: skip
        yield Event("rule.evaluated", content, subject=asset, env="prod")
    for n in range(5):
        content = {"check_id": f"{asset}.c{n}", "asset": asset, "status": "pass", "blocking": True}
        yield Event("check.completed", content, subject=asset, env="prod")


def fill(ledger: Ledger, assets: int, rules: int) -> None:
    """Record what was said of so many assets that are nobody's."""
    for first in range(0, assets, BATCH):
        numbers = range(first, min(first + BATCH, assets))
        ledger.append(*(event for n in numbers for event in said_of(f"d.p{n // 100}.a{n}", rules)))


def after_one_change(folder: Path, assets: int, rules: int) -> dict[str, Any]:
    """Return what evaluating one asset takes beside so many others, by the least of three."""
    subprocess.run([sys.executable, "-m", "freehold", "demo", "--days", "14", "--dir", str(folder)], check=True)
    with opened_delivery(str(folder), None) as delivery:
        one = next(iter(delivery.graph.assets))
        evaluate_after(delivery, [one])  # all of it, for the first time today
        fill(delivery.ledger, assets, rules)
        spent = []
        for _ in range(4):  # the first one finds millions of events unsealed, which a server has done long before
            wall, cpu = time.perf_counter(), time.process_time()
            evaluate_after(delivery, [one])
            spent.append((time.process_time() - cpu, time.perf_counter() - wall))
        return {
            "events_in_the_ledger": delivery.ledger.seal(),
            "one_change_first_cpu_s": round(spent[0][0], 2),
            "one_change_cpu_s": round(min(cpu for cpu, _ in spent[1:]), 2),
            "one_change_s": round(min(wall for _, wall in spent[1:]), 2),
        }


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--assets", type=int, default=100_000)
    asked.add_argument("--rules", type=int, default=40)
    asked.add_argument("--out", type=Path, default=RESULTS, help="where it is written")
    given = asked.parse_args()
    found: dict[str, Any] = measured(given.assets, given.rules)
    with tempfile.TemporaryDirectory() as folder:
        found |= after_one_change(Path(folder) / "estate", given.assets, given.rules)
    found |= {"load": os.getloadavg()[0], "python": platform.python_version()}
    for name, value in found.items():
        print(f"{name:28} {value}")
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
