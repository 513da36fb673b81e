"""Why a number moved: the slice that moved otherwise than the rest is told first, whichever way the whole went."""

from __future__ import annotations

import itertools

import pytest

from freehold.metrics.moving import scanned, trend

KEYS = ("country", "channel", "grade")
LEAVES = list(itertools.product(("de", "fr", "us", "uk"), ("web", "shop"), ("a", "b", "c")))
SLICES = {"one key": {"country": "fr"}, "two keys": {"country": "fr", "channel": "web"}, "three keys": dict(
    zip(KEYS, ("us", "shop", "b"), strict=True))}  # fmt: skip


def counts(cause: dict[str, str], factor: float, drift: float) -> tuple[list[float], list[float]]:
    """Return each cell before and after: all of them drift, those of the cause by a factor more."""
    before = [float(100 + 37 * i % 211) for i in range(len(LEAVES))]
    hit = [all(leaf[KEYS.index(k)] == v for k, v in cause.items()) for leaf in LEAVES]
    return before, [n * drift * (factor if is_hit else 1) for n, is_hit in zip(before, hit, strict=True)]


@pytest.mark.parametrize("slice_", SLICES)
@pytest.mark.parametrize("factor", [0.5, 1.8], ids=["falls", "rises"])
@pytest.mark.parametrize("drift", [1.0, 0.96, 1.04, 0.7, 1.5], ids=lambda d: f"while the rest moves by {d}")
def test_the_slice_that_moved_otherwise_is_told_first(slice_: str, factor: float, drift: float) -> None:
    """It is found whichever way the whole went, and its effect has the sign that it had."""
    before, after = counts(SLICES[slice_], factor, drift)
    usual = trend(before, after)

    first, *_ = scanned(KEYS, LEAVES, [n * usual for n in before], after)

    assert dict(first.values) == SLICES[slice_]
    assert (first.effect > 0) == (factor > 1)


def test_nothing_is_told_where_all_moved_alike() -> None:
    """A drift of the whole is the trend, and no slice is blamed for it."""
    before, after = counts({}, 1.0, 0.7)
    usual = trend(before, after)

    assert usual == pytest.approx(0.7)
    assert [c for c in scanned(KEYS, LEAVES, [n * usual for n in before], after) if abs(c.effect) > 1e-6] == []
