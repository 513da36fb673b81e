"""How `freehold status` says up to when data reaches."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from freehold.cli.status import _until, _verdicts

NOW = datetime(2026, 11, 21, 13, tzinfo=UTC)


def test_checks_that_were_skipped_are_told() -> None:
    """As on the product's page: what was not judged is no pass."""
    assert _verdicts({"pass": 71, "skipped": 3}) == "[green]71 pass[/green] [dim]3 skipped[/dim]"


@pytest.mark.parametrize(
    ("until", "said"),
    [
        (datetime.fromisoformat("2026-11-21"), "2026-11-21 00:00 [dim]13h ago[/dim]"),
        (datetime.fromisoformat("2026-11-22"), "through 2026-11-21"),
        (datetime.fromisoformat("2030-01-01"), "through 2029-12-31"),
        (None, ""),
    ],
    ids=["of days that are over", "of a day that is not over yet", "of years to come", "of nothing"],
)
def test_data_reaches_up_to_a_moment_or_through_a_day(until: datetime | None, said: str) -> None:
    """An age is said of what is past; of what reaches beyond now, its last day."""
    assert _until(until, NOW) == said
