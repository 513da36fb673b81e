"""How long rules take over many subjects, and over a few.

    python bench/rules.py [--assets 100000] [--rules 40]

Prints CPU seconds and memory; the goal is 60 seconds for 100,000 assets by 40 rules, and 2 seconds after one change.
"""

from __future__ import annotations

import argparse
import resource
import time
from datetime import date
from pathlib import Path

from freehold.estate.operating import Rule, RuleSet, Written
from freehold.foundation import Where
from freehold.rules import Outcome, Subject, compiled, evaluate, sweep
from freehold.rules.assets import ASSET

HERE = Where("bench")
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


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--assets", type=int, default=100_000)
    asked.add_argument("--rules", type=int, default=40)
    given = asked.parse_args()
    rules = compiled(rule_set(given.rules), ASSET, Path())
    subjects = [subject(n) for n in range(given.assets)]
    started = time.process_time()
    found = sweep(rules, subjects, [], date(2011, 3, 7))
    swept = time.process_time()
    told = sum(1 for _ in found.results(Outcome.FAILED, Outcome.UNKNOWN))
    listed = time.process_time()
    evaluate(rules, subjects[:10], [], date(2011, 3, 7))
    ended = time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{given.assets:,} assets x {given.rules} rules: {swept - started:.1f} CPU s")
    print(f"{told:,} results that do not pass, made whole: {listed - swept:.1f} CPU s")
    print(f"10 assets x {given.rules} rules: {(ended - listed) * 1000:.1f} CPU ms; {memory:.0f} MB at most")


if __name__ == "__main__":
    main()
