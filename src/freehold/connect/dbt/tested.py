"""dbt's own tests as checks of the assets they are about, and their results as verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from freehold.connect.dbt.model import Project, Test
from freehold.connect.dbt.model import Result as Ran
from freehold.connect.dbt.places import Places
from freehold.foundation import Where
from freehold.quality import Check, Result, Verdict

KINDS = {"not_null": "not_null", "unique": "unique", "accepted_values": "in_set", "relationships": "reference"}
_VERDICTS = {
    "pass": Verdict.PASS,
    "success": Verdict.PASS,
    "warn": Verdict.WARN,
    "fail": Verdict.FAIL,
    "skipped": Verdict.SKIPPED,
}


def checks_of_tests(project: Project, ids: Mapping[str, str], prefix: str) -> dict[str, dict[str, Check]]:
    """Return the checks that the tests of a project are, by asset and by the unique id of the test.

    A test that is about no one model counts for each that it reads.

    Args:
        project: with its tests.
        ids: the asset that each node is.
        prefix: of paths, from the estate to the project.
    """
    places = Places(project)
    found: dict[str, dict[str, Check]] = {}
    for test in project.tests.values():
        where = places.of_test(test)
        placed = Where(f"{prefix}{where.path}", where.line)
        for node in [test.of] if test.of else test.reads:
            if node in ids and node in project.nodes:
                found.setdefault(ids[node], {})[test.id] = _check(test, ids[node], placed)
    for id_, reads in project.unit_tests.items():
        for node in reads:
            if node in ids and node in project.nodes:
                name = id_.split(".")[-1]
                claim = f"dbt unit test {name} of {project.nodes[node].label}"
                found.setdefault(ids[node], {})[id_] = Check(
                    f"{ids[node]}:{name}", ids[node], "custom", claim, Where("")
                )
    return {asset: _named_apart(checks) for asset, checks in found.items()}


def verdict(check: Check, ran: Ran | None) -> Result:
    """Return the verdict of a test on what has just been built; one that did not run says nothing of it."""
    if ran is None:
        return Result(check, Verdict.SKIPPED, reason="dbt did not run it", decided_by="dbt")
    said = _VERDICTS.get(ran.status, Verdict.ERROR)
    message = " ".join(ran.message.split()) if said is not Verdict.PASS else ""
    return Result(
        check,
        said,
        value=ran.failures if said is not Verdict.SKIPPED else None,
        failing=ran.failures if said is not Verdict.SKIPPED else None,
        decided_by="dbt",
        reason=message or ("dbt skipped it" if said is Verdict.SKIPPED else ""),
        cost_s=ran.seconds,
    )


def _check(test: Test, asset: str, where: Where) -> Check:
    of = f" of `{test.column}`" if test.column else ""
    return Check(
        id=f"{asset}:{test.name}",
        asset=asset,
        kind=KINDS.get(test.kind, "custom"),
        claim=f"dbt test {test.kind if test.kind != 'singular' else test.name}{of}",
        where=where,
        columns=(test.column,) if test.column else (),
        blocking=test.severity == "error",
        severity=test.severity,
        arguments={"dbt": test.id, "state": test.state},
    )


def _named_apart(checks: Mapping[str, Check]) -> dict[str, Check]:
    """Return checks under ids that no two share: dbt allows two tests of one name, and tells them apart by a hash."""
    from dataclasses import replace

    names = Counter(check.id for check in checks.values())
    return {
        id_: replace(check, id=f"{check.id}.{id_.rpartition('.')[2]}") if names[check.id] > 1 else check
        for id_, check in checks.items()
    }
