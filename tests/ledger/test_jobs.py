"""Jobs as they are kept: begun once, under a lease, in the order they were asked for, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from places import Place, take_back

from freehold.foundation import Caller, FreeholdError
from freehold.ledger import Job, Lease, Ledger, Progress, Said

ANNA = Caller("user:idp/anna", ("group:idp/sales",), assurance="oidc")
BEN = Caller("user:local/ben")


@pytest.fixture
def lease(ledger: Ledger) -> Lease:
    """The lease of a server that works."""
    return ledger.lease("jobs", "one", 60)


def taken_over(ledger: Ledger) -> Lease:
    """Return the lease as another server holds it, once the first is gone."""
    return ledger.lease("jobs", "two", 60, is_gone=lambda _: True)


def ended(ledger: Ledger, job: Job) -> Job:
    """Return how a job stands."""
    found = ledger.jobs.get(job.id)
    assert found is not None
    return found


def test_what_was_asked_for_is_kept_as_it_was_said(ledger: Ledger) -> None:
    """Kind, arguments, terminal, and who asked with what assurance."""
    arguments = {"select": ["sales.orders"], "as_json": True, "why": "prices in pence \N{POUND SIGN}"}
    job = ledger.jobs.ask("run", arguments, ANNA, env="prod", terminal={"columns": 80})
    found = ended(ledger, job)

    assert found == job
    assert found.caller == Caller("user:idp/anna", ("group:idp/sales",), assurance="oidc", job=job.id)
    assert (found.state, found.arguments, found.env, found.terminal) == ("queued", arguments, "prod", {"columns": 80})


def test_the_same_key_is_the_same_job_for_the_same_asker(ledger: Ledger) -> None:
    """Asking again after an answer was lost asks for nothing more; another's key is another's."""
    first = ledger.jobs.ask("run", {}, ANNA, key="monday")

    assert ledger.jobs.ask("run", {"select": ["x"]}, ANNA, key="monday") == first
    assert ledger.jobs.ask("run", {}, BEN, key="monday").id != first.id
    assert ledger.jobs.ask("run", {}, ANNA).id != first.id
    assert [job.key for job in ledger.jobs.all()] == ["", "monday", "monday"]


def test_jobs_are_begun_in_the_order_they_were_asked_for(ledger: Ledger, lease: Lease) -> None:
    """One after the other, each once; what has ended is not begun again."""
    asked = [ledger.jobs.ask("run", {}, ANNA) for _ in range(3)]
    assert [ledger.jobs.ahead_of(job) for job in asked] == [0, 1, 2]
    begun = []
    while job := ledger.jobs.claim(lease, f"proof {len(begun)}"):
        begun.append(job)
        assert ledger.jobs.end(job, "done", 0, {})

    assert [job.id for job in begun] == [job.id for job in asked]
    assert {(job.state, job.exit_code, job.attempt) for job in ledger.jobs.all()} == {("done", 0, 1)}
    assert not ledger.jobs.are_open


def test_what_a_job_says_is_numbered_and_read_from_any_piece_on(ledger: Ledger, lease: Lease) -> None:
    """In its order, with the last of its progress."""
    ledger.jobs.ask("run", {}, ANNA)
    job = ledger.jobs.claim(lease, "proof")
    assert job is not None
    assert ledger.jobs.heard(job, [("stderr", "a\0b"), ("stdout", "é")], Progress(1, 3, "sales.orders"))
    assert ledger.jobs.heard(job, [("stdout", "3")])

    assert ledger.jobs.said(job.id) == (Said(1, "stderr", "a␀b"), Said(2, "stdout", "é"), Said(3, "stdout", "3"))
    assert ledger.jobs.said(job.id, 1, 1) == (Said(2, "stdout", "é"),)
    assert ledger.jobs.tail(job.id, 1) == (Said(3, "stdout", "3"),)
    assert ended(ledger, job).progress == Progress(1, 3, "sales.orders")


def test_who_lost_the_lease_changes_nothing_any_more(ledger: Ledger, lease: Lease) -> None:
    """A server that was stopped and wakes after another took the job over says nothing about it."""
    ledger.jobs.ask("run", {}, ANNA)
    old = ledger.jobs.claim(lease, "old")
    assert old is not None
    newer = taken_over(ledger)
    assert [job.state for job in ledger.jobs.recover(newer, 3)] == ["queued"]
    now = ledger.jobs.claim(newer, "new")
    assert now is not None

    with pytest.raises(FreeholdError, match="is lost") as refused:
        ledger.jobs.claim(lease, "again")
    assert refused.value.code == "FH-L202"
    assert not ledger.jobs.heard(old, [("stdout", "a ghost")])
    assert not ledger.jobs.end(old, "failed", 1, {})
    ledger.jobs.put_back(old, 3)
    assert (ended(ledger, old).state, ended(ledger, old).attempt) == ("running", 2)
    assert ledger.jobs.said(old.id) == ()
    assert ledger.jobs.end(now, "done", 0, {})


def test_what_ends_its_process_each_time_is_given_up(ledger: Ledger, lease: Lease) -> None:
    """After so many attempts; what was handed back in good order does not count."""
    job = ledger.jobs.ask("run", {}, ANNA)
    for counts in (True, False, True):
        begun = ledger.jobs.claim(lease, "proof")
        assert begun is not None
        ledger.jobs.put_back(begun, 3, counts=counts)
    assert (ended(ledger, job).state, ended(ledger, job).attempt) == ("queued", 2)
    begun = ledger.jobs.claim(lease, "proof")
    assert begun is not None
    ledger.jobs.put_back(begun, 3)

    assert ended(ledger, job).state == "lost"
    assert ledger.jobs.claim(lease, "proof") is None


def test_a_job_is_cancelled_at_once_or_when_it_stops(ledger: Ledger, lease: Lease) -> None:
    """One that waits, at once; one that runs is asked; one that has ended stays as it is."""
    first, second = ledger.jobs.ask("run", {}, ANNA), ledger.jobs.ask("check", {}, BEN)
    running = ledger.jobs.claim(lease, "proof")
    assert running is not None
    stopping, waiting = ledger.jobs.cancel(first.id, "user:a"), ledger.jobs.cancel(second.id, "user:a")
    assert stopping is not None
    assert waiting is not None

    assert (stopping.state, stopping.is_unwanted) == ("running", True)
    assert (waiting.state, waiting.result) == ("cancelled", {"cancelled_by": "user:a"})
    assert ledger.jobs.claim(lease, "proof") is None
    assert ledger.jobs.end(running, "done", 0, {})
    assert ledger.jobs.cancel(first.id, "user:b") == ended(ledger, first)
    assert ended(ledger, first).state == "done"
    assert ledger.jobs.cancel("nothing", "user:a") is None


def test_what_was_to_be_cancelled_is_not_begun_again(ledger: Ledger, lease: Lease) -> None:
    """Where its server died before it had stopped it."""
    job = ledger.jobs.ask("run", {}, ANNA)
    ledger.jobs.claim(lease, "proof")
    ledger.jobs.cancel(job.id, "user:a")
    ledger.jobs.recover(taken_over(ledger), 3)

    assert ended(ledger, job).state == "cancelled"


def test_old_jobs_are_forgotten_with_what_they_said(
    opened: Callable[..., Ledger], lease: Lease, ledger: Ledger
) -> None:
    """Those that ended before; open ones never."""
    done, open_ = ledger.jobs.ask("run", {}, ANNA), ledger.jobs.ask("run", {}, ANNA)
    job = ledger.jobs.claim(lease, "proof")
    assert job is not None
    ledger.jobs.heard(job, [("stdout", "words")])
    ledger.jobs.end(job, "done", 0, {})
    at = ended(ledger, done).ended_at
    assert at is not None

    assert ledger.jobs.forget(at) == 0
    assert ledger.jobs.forget(at + timedelta(seconds=1)) == 1
    assert [j.id for j in ledger.jobs.all()] == [open_.id]
    assert ledger.jobs.said(done.id) == ()


def test_jobs_are_listed_by_state_and_page(ledger: Ledger, lease: Lease) -> None:
    """The newest first; a page goes on before the last of the one before."""
    ids = [ledger.jobs.ask("run", {}, ANNA).id for _ in range(4)]
    ledger.jobs.claim(lease, "proof")

    assert [j.id for j in ledger.jobs.all(limit=2)] == [ids[3], ids[2]]
    assert [j.id for j in ledger.jobs.all(before=ids[2])] == [ids[1], ids[0]]
    assert [j.id for j in ledger.jobs.all(states=("running",))] == [ids[0]]


def test_a_state_of_the_second_revision_gets_jobs(opened: Callable[..., Ledger], place: Place) -> None:
    """By the migration, at open, with the very columns and keys that a new state has."""
    opened().close()
    take_back(place, "0002")
    again = opened()
    job = again.jobs.ask("run", {}, ANNA, key="k")

    assert again.jobs.ask("run", {}, ANNA, key="k") == job
    assert again.jobs.claim(again.lease("jobs", "one", 60), "proof") is not None
