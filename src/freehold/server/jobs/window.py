"""The desk as one asker may use it: what they may ask for, and the jobs that they may see.

A job is seen by whoever asked for it, and by whoever may see every product: what it says names whatever it touched.
To anybody else it is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from freehold.foundation import FreeholdError
from freehold.metrics.fingerprint import sources_of
from freehold.reliability.incidents.mitigating import expect_metric
from freehold.server.incidents import seen_incident
from freehold.server.jobs.desk import expect_may_read, unknown_job
from freehold.server.rows_seen import why_some_are_hidden

if TYPE_CHECKING:
    from freehold.access import Action
    from freehold.ledger import Job
    from freehold.server.application import Served
    from freehold.server.identity import Who
    from freehold.server.snapshots import Snapshot

# What each kind does to the products it touches; see `freehold.access.ACTIONS`.
DOES: Mapping[str, Action] = {
    "run": "run",
    "check": "run",
    "backfill": "run",
    "apply": "apply",
    "promote": "apply",
    "rollback": "roll_back",
    "deployments rollback": "roll_back",
    "rules run": "run",
    "objectives measure": "run",
    "items measure": "run",
    "incidents mitigate": "roll_back",
    "collect": "administer",
}
_WORDS = frozenset({"said", "error", "errors"})  # of a job's result: what it said, and of what went wrong


@dataclass(frozen=True)
class Window:
    """The desk, for one asker."""

    served: Served
    who: Who

    def start(
        self, kind: str, arguments: Mapping[str, Any], *, key: str = "", terminal: Mapping[str, Any] | None = None
    ) -> Job:
        """Ask for a job: see `Desk.start`.

        Raises:
            FreeholdError: as there; FH-A113 the asker may not do that to all it would touch, FH-D002 it names nothing,
                FH-D201 there is no such product.
        """
        self.served.jobs.expect(kind, arguments, self.who)
        self._expect_right(kind, arguments)
        return self.served.jobs.start(kind, arguments, self.who, key=key, terminal=terminal)

    def get(self, id: str) -> Job:
        """Return a job that the asker may see.

        Raises:
            FreeholdError: FH-A154 there is none of that id.
        """
        job = self.served.jobs.get(id)
        if job.caller.principal != self.who.principal and not self._sees_all:
            raise unknown_job(id)
        return self._shown(job)

    def expect_may_read(self, job: Job) -> None:
        """Make sure that the asker may read what a job said.

        A person may, a program what was asked for in its owner's name; nobody from whom a policy hides anything, for a
        command says of rows what it has to, whoever asked for it.

        Raises:
            FreeholdError: FH-A102 a token of somebody else; FH-A117 a policy hides something from the asker.
        """
        expect_may_read(self.who, job)
        if why := self._hides:
            raise FreeholdError(
                "FH-A117", f"What a job says may quote rows, so this is not shown. {why}",
                fix="Its run tells what came of it: see `/runs`.",
            )  # fmt: skip

    def cancel(self, id: str) -> Job:
        """Cancel a job: see `Desk.cancel`. Whoever asked for it may, and whoever might have asked for it.

        Raises:
            FreeholdError: FH-A154 there is none of that id; FH-A113 the asker may not do what it does; FH-A102.
        """
        job = self.get(id)
        if job.caller.principal != self.who.principal:
            self._expect_right(job.kind, job.arguments)
        return self.served.jobs.cancel(id, self.who)

    def list(self, *, before: str = "", states: Sequence[str] = (), limit: int = 100) -> tuple[Job, ...]:
        """Return the jobs that the asker may see: see `Desk.list`."""
        by = "" if self._sees_all else self.who.principal
        return tuple(map(self._shown, self.served.jobs.list(before=before, states=states, limit=limit, by=by)))

    def _shown(self, job: Job) -> Job:
        """Return a job without the words of its errors where those may not be read."""
        said = job.result.keys() & _WORDS
        if not said or not self._hides:
            return job
        kept = {name: value for name, value in job.result.items() if name not in _WORDS}
        return replace(job, result=kept)

    @cached_property
    def _hides(self) -> str:
        """Why what a job says is not for the asker; whoever is at the shell can read the warehouse itself."""
        if self.who.assurance == "local":
            return ""
        snapshot = self.served.rights.snapshot(self.who)
        return why_some_are_hidden((snapshot.whole or snapshot).estate, self.who.caller("read what a job said"))

    @property
    def _sees_all(self) -> bool:
        return self.served.rights.snapshot(self.who).seen is None

    def _expect_right(self, kind: str, arguments: Mapping[str, Any]) -> None:
        """Refuse who may not do a kind of job to everything that it would touch."""
        if self.who.assurance == "local":
            return  # whoever sits at the shell may, also while no file can be read
        snapshot, action = self.served.rights.snapshot(self.who), DOES[kind]
        is_mitigation = kind == "incidents mitigate"
        products = self._mitigated(arguments, snapshot) if is_mitigation else _touched(kind, arguments, snapshot)
        if action == "administer" or products is None:
            self.served.rights.expect(self.who, action)
            return
        for product in sorted(products):
            self.served.rights.expect(self.who, action, product)

    def _mitigated(self, arguments: Mapping[str, Any], snapshot: Snapshot) -> frozenset[str] | None:
        """Return the products that mitigating an incident concerns; None where it is of none, or that is not known.

        Freezing a metric concerns those that it is computed from, and none that the incident is of.

        Raises:
            FreeholdError: FH-E350 there is no such incident, or the asker may not see it; FH-E353 no such metric.
        """
        found = seen_incident(self.served.snapshots.ledger, snapshot, str(arguments.get("id", "")))
        frozen, thawed = str(arguments.get("freeze") or ""), str(arguments.get("unfreeze") or "")
        if frozen and frozen not in snapshot.catalogue:
            expect_metric(frozen, [one.id for one in snapshot.catalogue.metrics()])
        if frozen or thawed:
            return _computed_from([name for name in (frozen, thawed) if name], snapshot)
        if named := str(arguments.get("product") or ""):
            return frozenset({named})
        return frozenset({found.product}) if found.product in snapshot.estate.products else None


def _computed_from(metrics: Sequence[str], snapshot: Snapshot) -> frozenset[str] | None:
    """Return the products that metrics are computed from; None where not all of those are seen, or known."""
    catalogue = snapshot.catalogue
    if any(name not in catalogue for name in metrics):
        return None  # one that the files do not have any more, or that is not for the asker
    sources = {source for name in metrics for source in sources_of(catalogue, catalogue.metric(name))}
    products = frozenset(source.rpartition(".")[0] for source in sources)
    return products if products and products <= snapshot.estate.products.keys() else None


def _touched(kind: str, arguments: Mapping[str, Any], snapshot: Snapshot) -> frozenset[str] | None:
    """Return the products that a job would touch, of those that are seen; None for more than those, or for unknown.

    Raises:
        FreeholdError: FH-D002 it names nothing.
    """
    if kind == "rollback":
        return frozenset({str(arguments.get("product", ""))})
    if kind == "deployments rollback":
        return _moved(str(arguments.get("id", "")), snapshot)
    chosen = arguments.get("select") or ()
    if kind in ("run", "check", "backfill") and chosen:
        found = snapshot.graph.select([str(one) for one in chosen])
        return frozenset(snapshot.graph.assets[name].product.id for name in found)
    return frozenset(snapshot.estate.products) if snapshot.seen is None else None


def _moved(id_: str, snapshot: Snapshot) -> frozenset[str] | None:
    """Return the products that a deployment moved; None where not all of them are seen."""
    whole = snapshot.whole or snapshot
    found = next((one for one in whole.deployments if one.id.endswith(id_)), None) if id_ else None
    if found is None:
        return None
    products = frozenset(name.rpartition(".")[0] for name in found.assets)
    return products if snapshot.seen is None or products <= snapshot.seen else None
