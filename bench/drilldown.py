"""Why a number moved: how often the planted causes are told, beside two other ways to find them, and what a case costs.

    python bench/drilldown.py [--cases 200] [--print-only]

A case is a table of counts by four or five keys of 3 to 12 values, before and after. Each cell has a rate, the product
of a weight for each of its values (Zipf) and of a factor of its own (log-normal), and a third of the cells are empty;
both sides are drawn from it (Poisson), the second with everything moved by up to a quarter. Then one to three slices
of one to three keys, which have between 1 and 25 % of the total and no cell in common, are moved, each by a factor of
its own between 0.2 and 0.7, or 1.4 and 3. A case of a share is one of failures among attempts: attempts are drawn on
either side with weights of their own, which is no cause; the chance to fail of the causes is.

Told is right if it is a planted slice, by name or by having the very same rows. `first told` is how often what is told
first is one of those planted; F1 weighs all that is told against all that was planted. The others are Adtributor
(Bhagwan et al. 2014: one key is to blame) and the slice of the largest difference, explained away and again. They are
given the trend that the scan finds. Cases are drawn by seeds from 1,000,000 on; the constants of the scan were chosen
on seeds below 1,000.
Prints a table and writes bench/results/drilldown.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from freehold.metrics.scanning import scanned

HERE = Path(__file__).parent
FIRST_SEED = 1_000_000
EVENTS = 40_000
SHARE = 0.9  # of attempts that succeed
KINDS = {
    **{f"a slice of {n} key{'s' if n > 1 else ''}": ((n,), False) for n in (1, 2, 3)},
    "two slices": ((0, 0), False),
    "three slices": ((0, 0, 0), False),
    "of a share": ((0,), True),
}  # by name: the keys of each cause, 0 for any number, and whether it is of a share
Slice = frozenset[tuple[str, str]]
Told = Sequence[Slice]


@dataclass(frozen=True)
class Case:
    """Cells with what each was, or was to be, and what it is, and what was planted."""

    keys: tuple[str, ...]
    leaves: list[tuple[str, ...]]
    before: list[float]
    after: list[float]
    causes: tuple[Slice, ...]

    def rows(self, slice_: Slice) -> frozenset[int]:
        """Return which cells a slice has."""
        named = [(self.keys.index(key), value) for key, value in slice_]
        return frozenset(i for i, leaf in enumerate(self.leaves) if all(leaf[k] == value for k, value in named))


def drawn(seed: int, causes: tuple[int, ...], *, of_share: bool) -> Case:
    """Return a case with a cause of each of so many keys."""
    chance = np.random.default_rng((seed, *causes, of_share))
    sizes = {f"key {k}": int(chance.integers(3, 13)) for k in range(int(chance.integers(4, 6)))}
    weights = [chance.permutation(1.0 / np.arange(1, n + 1)) for n in sizes.values()]
    leaves = list(itertools.product(*([f"value {i}" for i in range(n)] for n in sizes.values())))
    rates = np.prod(np.array(np.meshgrid(*weights, indexing="ij")).reshape(len(sizes), -1), axis=0)
    rates = rates * chance.lognormal(0, 0.5, len(rates)) * (chance.random(len(rates)) > 1 / 3)
    rates *= EVENTS / rates.sum()
    keys = tuple(sizes)
    blank = Case(keys, leaves, [], [], ())
    planted: list[tuple[Slice, list[int]]] = []
    for layers in causes:
        planted.append(_planted(chance, blank, sizes, rates, layers, [one for _, one in planted]))
    factor = np.ones(len(rates))
    for _, members in planted:
        factor[members] = chance.uniform(0.2, 0.7) if of_share or chance.random() < 0.5 else chance.uniform(1.4, 3)
    before, after = _sides(chance, rates, factor, of_share=of_share)
    there = [i for i in range(len(leaves)) if before[i] or after[i]]
    sides = ([float(side[i]) for i in there] for side in (before, after))
    return Case(keys, [leaves[i] for i in there], *sides, tuple(one for one, _ in planted))


def _planted(
    chance: np.random.Generator, case: Case, sizes: dict[str, int], rates: Any, layers: int, taken: list[list[int]]
) -> tuple[Slice, list[int]]:
    """Return a slice that has between 1 and 25 % of the total, and no cell that another cause has."""
    names, others = list(sizes), {i for one in taken for i in one}
    while True:
        number = layers or int(chance.integers(1, 4))
        chosen = chance.choice(len(names), number, replace=False)
        slice_ = frozenset((names[k], f"value {chance.integers(sizes[names[k]])}") for k in chosen)
        members = sorted(case.rows(slice_))
        if 0.01 <= rates[members].sum() / rates.sum() <= 0.25 and others.isdisjoint(members):
            return slice_, members


def _sides(chance: np.random.Generator, rates: Any, factor: Any, *, of_share: bool) -> tuple[Any, Any]:
    """Return what each cell was to be, before any trend, and what it is; of a share both are failures."""
    if not of_share:
        return chance.poisson(rates), chance.poisson(rates * chance.uniform(0.75, 1.25) * factor)
    attempts = [chance.poisson(rates * chance.lognormal(0, 0.3, len(rates))) for _ in range(2)]
    failing = [np.full(len(rates), 1 - SHARE), np.minimum((1 - SHARE) / factor, 0.6)]
    seen = [chance.binomial(n, p) for n, p in zip(attempts, failing, strict=True)]
    usual, drawn_to = seen[0].sum() / attempts[0].sum(), 0.1 * attempts[0].sum() / len(rates)
    return attempts[1] * (seen[0] + drawn_to * usual) / (attempts[0] + drawn_to), seen[1]


def by_scan(case: Case) -> Told:
    """Return what `freehold explain` tells."""
    return [frozenset(one.values) for one in scanned(case.keys, case.leaves, case.before, case.after).causes]


def expectation(case: Case) -> Case:
    """Return a case with what each cell was to be by the trend, for those who know none."""
    usual = scanned(case.keys, case.leaves, case.before, case.after).trend
    return replace(case, before=[value * usual for value in case.before])


def by_difference(case: Case) -> Told:
    """Return the slice of the largest difference, the simplest of equals, explained away, and so on."""
    expected, actual = np.array(case.before), np.array(case.after)
    cuboids = [
        (chosen, *np.unique([[leaf[k] for k in chosen] for leaf in case.leaves], axis=0, return_inverse=True))
        for layers in (1, 2, 3)
        for chosen in itertools.combinations(range(len(case.keys)), layers)
    ]
    told: list[Slice] = []
    first = 0.0
    while len(told) < 5:
        best, where = 0.0, None
        for chosen, values, group in cuboids:
            off = np.abs(np.bincount(group, actual - expected))
            at = int(np.argmax(off))
            if off[at] > best * 1.0001:
                best, where = float(off[at]), (chosen, values[at], group == at)
        if where is None or best < 0.06 * first:
            break
        first = first or best
        told.append(frozenset((case.keys[k], str(v)) for k, v in zip(where[0], where[1], strict=True)))
        expected = np.where(where[2], actual, expected)
    return told


def by_adtributor(case: Case, least: float = 0.1, enough: float = 0.67) -> Told:
    """Return the values of the one key that surprises most: Bhagwan et al., Adtributor (NSDI 2014), as they set it."""
    expected, actual = np.array(case.before), np.array(case.after)
    change = (actual.sum() - expected.sum()) or 1e-9
    found: list[tuple[float, list[Slice]]] = []
    for k, key in enumerate(case.keys):
        values, group = np.unique([leaf[k] for leaf in case.leaves], return_inverse=True)
        was, now = np.bincount(group, expected), np.bincount(group, actual)
        p, q = np.maximum(was / was.sum(), 1e-12), np.maximum(now / now.sum(), 1e-12)
        surprise = 0.5 * (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q)))
        power = (now - was) / change
        chosen = []
        for at in np.argsort(-surprise):
            if power[at] > least:
                chosen.append(at)
            if power[chosen].sum() > enough:
                break
        if power[chosen].sum() > enough:
            found.append((float(surprise[chosen].sum()), [frozenset({(key, str(values[at]))}) for at in chosen]))
    return max(found, key=lambda one: one[0])[1] if found else []


WAYS: dict[str, Callable[[Case], Told]] = {
    "freehold": by_scan,
    "largest difference": by_difference,
    "Adtributor": by_adtributor,
}


def measured(causes: tuple[int, ...], cases: int, *, of_share: bool, first_seed: int) -> dict[str, dict[str, Any]]:
    """Return for each way how well it tells the causes of so many cases, and what that costs."""
    seen: dict[str, list[tuple[bool, int, int, int, float]]] = {name: [] for name in WAYS}
    for seed in range(first_seed, first_seed + cases):
        case = drawn(seed, causes, of_share=of_share)
        rows = {case.rows(one) for one in case.causes}
        levelled = expectation(case)
        for name, way in WAYS.items():
            given = case if way is by_scan else levelled
            began = time.process_time()
            told = way(given)
            spent = time.process_time() - began
            right = [case.rows(one) in rows for one in told]
            seen[name].append((any(right[:1]), sum(right), len(told), len(rows), spent))
    return {name: _summed(one) for name, one in seen.items()}


def _summed(cases: list[tuple[bool, int, int, int, float]]) -> dict[str, Any]:
    firsts, right, told, planted, spent = zip(*cases, strict=True)
    return {
        "cases": len(cases),
        "first_told_is_right": round(sum(firsts) / len(cases), 3),
        "f1": round(2 * sum(right) / (sum(told) + sum(planted)), 3),
        "cpu_ms_a_case": round(sum(spent) / len(spent) * 1000, 1),
        "slowest_ms": round(max(spent) * 1000, 1),
    }


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--print-only", action="store_true")
    given = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    for kind, (causes, of_share) in KINDS.items():
        for way, one in measured(causes, given.cases, of_share=of_share, first_seed=given.first_seed).items():
            found[f"{kind}, {way}"] = one
            print(
                f"{kind:<18} {way:<20} {one['first_told_is_right']:6.1%} first  F1 {one['f1']:.2f}  "
                f"{one['cpu_ms_a_case']:6.1f} ms a case"
            )
    result = {
        "kinds": found,
        "machine": {"events": EVENTS, "first_seed": given.first_seed, "cores": os.cpu_count(),
                    "python": platform.python_version()},
    }  # fmt: skip
    if not given.print_only:
        HERE.joinpath("results").mkdir(exist_ok=True)
        HERE.joinpath("results/drilldown.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
