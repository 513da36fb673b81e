"""What only a server can: several processes without a shared file."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from happenings import check

from freehold.foundation import FreeholdError
from freehold.ledger import Ledger


@pytest.fixture
def servers(tmp_path: Path, postgres_url: str) -> Iterator[tuple[Ledger, Ledger]]:
    """Two servers on one workspace of their own."""
    workspace = str(uuid.uuid4())
    both = tuple(Ledger.open(postgres_url, root=tmp_path, workspace=workspace) for _ in range(2))
    yield both[0], both[1]
    for ledger in both:
        ledger.close()


def test_two_servers_append_to_one_chain(servers: tuple[Ledger, Ledger]) -> None:
    """Numbers without a gap, ids once, a seal that holds."""

    def write(number: int) -> tuple[int, ...]:
        return servers[number % 2].append(check(number, id=f"event-{number}"), check(number))

    with ThreadPoolExecutor(8) as threads:
        seqs = [seq for some in threads.map(write, range(100)) for seq in some]

    assert sorted(seqs) == list(range(1, 201))
    assert write(7) == (seqs[14], 201)
    with pytest.raises(FreeholdError, match="with another data"):
        servers[1].append(check(0, id="event-7"))
    servers[0].checkpoint()
    assert servers[1].verify().ok
    with servers[1].evidence() as evidence:
        assert evidence.query("SELECT COUNT(*), MAX(seq) FROM check_completed") == [(201, 201)]


def test_what_is_kept_is_kept_alike(servers: tuple[Ledger, Ledger]) -> None:
    """Leases fence, small values stay, what is erased is gone."""
    one, other = servers
    lease = one.lease("run", "a", 60)
    with pytest.raises(FreeholdError, match="held by a"):
        other.lease("run", "b", 60)
    lease.release()
    assert other.lease("run", "b", 60).epoch == 2
    with pytest.raises(FreeholdError, match="is lost"):
        one.append(check(1), fence=lease)

    one.state.put_many("checks", {"a%": 1, "A": 2, "ab": 3})
    other.state.put("checks", "ab", 4)
    assert one.state.many("checks", "a") == {"a%": 1, "ab": 4}

    item = one.side.put("note", "text", subject="person:1")
    assert other.side.erase_subject("person:1") == 1
    assert one.side.get(item) is None
    one.seal()
    assert one.verify().ok
