"""A turn that is killed at any append loses nothing, and nothing is there twice once another turn was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from troubled import LINES, Troubled, below_of

from freehold.reliability.incidents import alerts_of, incidents

WORKER = Path(__file__).parent / "turn_worker.py"


def killed_turn(root: Path, dies_at: int, when: str) -> int:
    """Let a process take a turn that is killed; return how it ended."""
    done = subprocess.run(
        [sys.executable, str(WORKER), str(root), str(dies_at), when], capture_output=True, timeout=120, check=False
    )
    return done.returncode


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_turn_that_is_killed_is_done_again_and_nothing_is_there_twice(
    tmp_path: Path, dies_at: int, when: str
) -> None:
    """It opens one incident and ends an old one: killed at any append of that, the next turn makes it whole."""
    shop = Troubled(tmp_path)
    old = shop.alert(below_of(3)[2], hours=-60, column="total")
    (first,) = shop.turn().opened
    shop.resolve(old, hours=-59)
    shop.alert(LINES, column="price")
    shop.alert(below_of(1)[0], hours=0.1, column="total")
    shop.close()

    assert killed_turn(tmp_path, dies_at, when) == -signal.SIGKILL

    again = Troubled(tmp_path)
    again.turn()
    again.turn()
    found = incidents(again.ledger)
    assert [one.state for one in found.values()] == ["resolved", "open"]
    assert next(iter(found)) == first
    (opened,) = [one for one in found.values() if one.is_open]
    assert {one.asset for one in alerts_of(again.ledger, opened)} == {LINES, *below_of(1)}
    for type_ in ("incident.opened", "incident.resolved"):
        told = [one["incident"] for one in again.told(type_)]
        assert len(told) == len(set(told)), type_
    joined = [one["alert_id"] for one in again.told("alert.joined")]
    assert len(joined) == len(set(joined))
    again.close()


def test_many_turns_beside_each_other_open_one_incident(tmp_path: Path) -> None:
    """Four processes that all gather at once come to what one of them would."""
    shop = Troubled(tmp_path)
    shop.alert(LINES, column="price")
    shop.alerts(below_of(3), column="total")
    shop.close()
    beside = [subprocess.Popen([sys.executable, str(WORKER), str(tmp_path), "0", "after"]) for _ in range(4)]
    assert [one.wait(timeout=120) for one in beside] == [0, 0, 0, 0]

    again = Troubled(tmp_path)
    again.turn()
    assert len(again.told("incident.opened")) == 1
    assert len(again.told("alert.joined")) == 4
    again.close()
