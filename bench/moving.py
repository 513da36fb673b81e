"""Why a number moved: how often the first cause that is told is the one that was planted, and what a case costs.

    python bench/moving.py [--cases 200] [--print-only]

A case is a table of counts by four keys, before and after. Each cell has a rate, the product of a weight for each of
its values (Zipf) and of a factor of its own (log-normal), and a third of the cells are empty; both sides are drawn from
it (Poisson), the second with everything moved by up to a quarter. Then one slice of one to three keys, which has
between 1 and 25 % of the total, is moved by a factor between 0.2 and 0.7, or 1.4 and 3. What is told first is right if
it is that slice, by name or by having the very same rows. The expectation is what was before times the trend, as
`freehold explain` takes it. Seeds are fixed: 0, 1, 2 … Prints a table and writes bench/results/moving.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from freehold.metrics.moving import scanned, trend

HERE = Path(__file__).parent
SIZES = {"country": 8, "channel": 4, "category": 10, "segment": 5}
EVENTS = 40_000
KINDS = {f"a slice of {n} key{'s' if n > 1 else ''}": n for n in (1, 2, 3)}


@dataclass(frozen=True)
class Case:
    leaves: list[tuple[str, ...]]
    before: list[float]
    after: list[float]
    cause: frozenset[tuple[str, str]]

    def rows(self, slice_: frozenset[tuple[str, str]]) -> frozenset[int]:
        named = [(list(SIZES).index(key), value) for key, value in slice_]
        return frozenset(i for i, leaf in enumerate(self.leaves) if all(leaf[k] == value for k, value in named))


def drawn(seed: int, keys: int) -> Case:
    """Return a case whose cause is a slice of so many keys."""
    chance = np.random.default_rng((seed, keys))
    weights = [chance.permutation(1.0 / np.arange(1, n + 1)) for n in SIZES.values()]
    leaves = list(itertools.product(*([f"{key} {i}" for i in range(n)] for key, n in SIZES.items())))
    rates = np.array([np.prod(cell) for cell in itertools.product(*weights)])
    rates = rates * chance.lognormal(0, 0.5, len(rates)) * (chance.random(len(rates)) > 1 / 3)
    rates *= EVENTS / rates.sum()
    while True:
        chosen = chance.choice(len(SIZES), keys, replace=False)
        names = list(SIZES)
        cause = frozenset((names[k], f"{names[k]} {chance.integers(SIZES[names[k]])}") for k in chosen)
        case = Case(leaves, [], [], cause)
        members = np.zeros(len(leaves), dtype=bool)
        members[list(case.rows(cause))] = True
        if 0.01 <= rates[members].sum() / rates.sum() <= 0.25:
            break
    moved = rates * chance.uniform(0.75, 1.25)
    factor = chance.uniform(0.2, 0.7) if chance.random() < 0.5 else chance.uniform(1.4, 3)
    moved[members] *= factor
    seen = chance.poisson(rates), chance.poisson(moved)
    there = [i for i in range(len(leaves)) if seen[0][i] or seen[1][i]]
    return Case(
        [leaves[i] for i in there], [float(seen[0][i]) for i in there], [float(seen[1][i]) for i in there], cause
    )


def first_told(case: Case) -> frozenset[tuple[str, str]]:
    usual = trend(case.before, case.after)
    found = scanned(list(SIZES), case.leaves, [value * usual for value in case.before], case.after)
    return frozenset(found[0].values) if found else frozenset()


def measured(keys: int, cases: int) -> dict[str, Any]:
    right, spent = 0, []
    for seed in range(cases):
        case = drawn(seed, keys)
        began = time.process_time()
        told = first_told(case)
        spent.append(time.process_time() - began)
        right += bool(told) and (told == case.cause or case.rows(told) == case.rows(case.cause))
    return {
        "cases": cases, "first_told_is_right": round(right / cases, 3),
        "cpu_ms_a_case": round(sum(spent) / len(spent) * 1000, 1), "slowest_ms": round(max(spent) * 1000, 1),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    found = {name: measured(keys, given.cases) for name, keys in KINDS.items()}
    for name, one in found.items():
        print(f"{name:<18} {one['first_told_is_right']:6.1%} right  {one['cpu_ms_a_case']:5.1f} ms a case")
    result = {
        "kinds": found,
        "machine": {"events": EVENTS, "cells": int(np.prod(list(SIZES.values()))), "cores": os.cpu_count(),
                    "python": platform.python_version()},
    }  # fmt: skip
    if not given.print_only:
        HERE.joinpath("results").mkdir(exist_ok=True)
        HERE.joinpath("results/moving.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
