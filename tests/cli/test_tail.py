"""`freehold ledger tail`: what it cannot show, it says where to look for."""

from __future__ import annotations

from pathlib import Path

from live_process import freehold


def test_types_that_are_kept_in_segments_are_told_as_such(tmp_path: Path) -> None:
    """Nobody concludes that nothing was asked because `tail` shows no question."""
    root = tmp_path / "shop"
    assert freehold(tmp_path, "init", str(root)).returncode == 0
    assert freehold(root, "ledger", "tail").returncode == 0

    apart, none = (freehold(root, "ledger", "tail", "--type", one) for one in ("usage.query", "run.expected"))

    assert "`usage.query` is kept in segments" in apart.stderr
    assert "No such event" not in apart.stderr
    assert none.stderr.strip() == "No such event."
