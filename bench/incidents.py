"""How often the true cause is the first suspect, and among the first three, of faults put into drawn estates.

    python bench/incidents.py [--faults 300] [--first SEED]

Each fault is told to a ledger with all that happened around it, read back from there as an incident would, grouped and
ranked. Beside it two plain rules rank the same candidates: the most recent change upstream, and the change at whatever
deviates most. The seeds are drawn by the operating system unless they are given, and written with the result; nothing
was fitted to them. Writes bench/results/incidents.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from freehold.foundation import SimulatedClock
from freehold.ledger import Ledger
from freehold.reliability.incidents.changes import Happened, happened
from freehold.reliability.incidents.grouping import DAY, Trouble, joined_by_cause, troubles
from freehold.reliability.incidents.judging import symptom_of
from freehold.reliability.incidents.paths import Paths
from freehold.reliability.incidents.priors import Priors
from freehold.reliability.incidents.suspects import LOOKS_BACK, Change, Suspect, Symptom, shared_causes, suspects
from incidents_case import DAYS, ENV, START, Case, case_of, seeds

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "incidents.json"


def ranked(case: Case) -> dict[str, Any] | None:
    """Return where each way of ranking puts the true cause of a case; None where nothing pages."""
    clock = SimulatedClock(START + DAY * DAYS)
    with tempfile.TemporaryDirectory() as folder, Ledger.open("sqlite:///state.db", root=folder, clock=clock) as ledger:
        ledger.append(*case.events)
        return _ranked(case, ledger)


def _ranked(case: Case, ledger: Ledger) -> dict[str, Any] | None:
    apart = troubles(case.alerts, case.paths)
    joined = joined_by_cause(apart, shared_causes(apart, lambda one: _suspects(ledger, case.paths, one)[0]))
    found = [one for one in joined if any(a.page for a in one.alerts)]
    mine = [one for one in found if {a.asset for a in one.alerts} & case.hit]
    if not mine:
        return None
    trouble = max(mine, key=lambda one: len(one.alerts))
    symptom = symptom_of(trouble)
    began = time.perf_counter()
    first, known = _suspects(ledger, case.paths, trouble)
    took = time.perf_counter() - began
    upstream = _upstream(symptom, known.changes, case.paths)
    odd = known.odd
    by_time = sorted(upstream, key=lambda one: (symptom.since - one.at, one.id))
    by_size = sorted(by_time, key=lambda one: -max(abs(odd.get(name) or 0.0) for name in one.assets))
    return {
        "kind": case.kind, "incidents": len(mine), "candidates": len(upstream), "ms": took * 1000,
        "ours": _place([one.change for one in first], case.truth),
        "most recent": _place(by_time, case.truth), "largest deviation": _place(by_size, case.truth),
    }  # fmt: skip


def _suspects(ledger: Ledger, paths: Paths, trouble: Trouble) -> tuple[tuple[Suspect, ...], Happened]:
    """Return the suspects of a trouble, and all that is known to have happened above it."""
    symptom = symptom_of(trouble)
    above = {symptom.asset} | paths.upstream(symptom.asset)
    sources = {name for name in above if not paths.reads[name]}
    known = happened(ledger, ENV, above, trouble.alerts, symptom.since, sources, DAY)
    return suspects(symptom, known.changes, paths, Priors(), observed=known.observed), known


def _upstream(symptom: Symptom, changes: Sequence[Change], paths: Paths) -> list[Change]:
    """Return the changes of what is wrong and of what it is built from, as a person would list them."""
    above = {symptom.asset} | paths.upstream(symptom.asset)
    recent = (one for one in changes if symptom.since - LOOKS_BACK <= one.at <= symptom.since)
    return [one for one in recent if above & set(one.assets)]


def _place(order: Sequence[Change], truth: str) -> int:
    """Return the place of the truth in an order, 1 for the first; 0 where it is not there."""
    return next((n for n, one in enumerate(order, 1) if one.id == truth), 0)


def measured(count: int, first: int) -> dict[str, Any]:
    """Return the shares of cases in which the truth was first, and among the first three."""
    places: dict[str, list[int]] = defaultdict(list)
    kinds: dict[str, list[int]] = defaultdict(list)
    one_incident, unseen, candidates, ms = 0, 0, [], []
    for seed in seeds(count, first):
        found = ranked(case_of(seed))
        if found is None:
            unseen += 1
            continue
        for way in ("ours", "most recent", "largest deviation"):
            places[way].append(found[way])
        kinds[found["kind"]].append(found["ours"])
        one_incident += found["incidents"] == 1
        candidates.append(found["candidates"])
        ms.append(found["ms"])
    seen = len(ms)
    return {
        "faults": count, "unseen": unseen, "seen": seen, "first_seed": first,
        "one_incident": round(one_incident / seen, 3),
        "candidates": sorted(candidates)[seen // 2], "ms": round(sorted(ms)[seen // 2], 1),
        "ways": {way: _shares(found) for way, found in places.items()},
        "kinds": {kind: _shares(found) | {"faults": len(found)} for kind, found in sorted(kinds.items())},
    }  # fmt: skip


def _shares(places: Sequence[int]) -> dict[str, float]:
    return {
        "first": round(sum(one == 1 for one in places) / len(places), 3),
        "three": round(sum(1 <= one <= 3 for one in places) / len(places), 3),
    }


def main() -> None:
    """Measure, print and write."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--faults", type=int, default=300)
    asked.add_argument("--first", type=int, default=0)
    asked.add_argument("--out", type=Path, default=RESULTS)
    given = asked.parse_args()
    found = measured(given.faults, given.first or secrets.randbelow(1_000_000_000))
    found |= {"load": os.getloadavg()[0], "python": platform.python_version()}
    print(json.dumps(found, indent=2))
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
