"""Models that were looked at lately are not compiled anew, and what changed is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from freehold.demo.estate_files import prepare
from freehold.estate import load_estate
from freehold.foundation import FreeholdError, Problems
from freehold.metrics import catalogue_of
from freehold.metrics import estate as looking
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.model import Metric


def test_what_is_wrong_is_found_each_time_and_gone_once_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An estate that is loaded again with the same files is compiled once; one whose files changed is compiled."""
    prepare(tmp_path)
    compiled: list[str] = []
    of_metric = looking._of_metric

    def counted(catalogue: Catalogue, metric: Metric, statements: dict[str, str]) -> Iterator[FreeholdError]:
        compiled.append(metric.name)
        return of_metric(catalogue, metric, statements)

    monkeypatch.setattr(looking, "_of_metric", counted)
    looking._LATELY.clear()
    file = tmp_path / "sales" / "orders" / "metrics" / "sales.yaml"
    right = file.read_text("utf-8")

    def found() -> list[tuple[str, int]]:
        try:
            catalogue_of(load_estate(tmp_path))
        except Problems as problems:
            return [(one.code, one.where.line) for one in problems.errors if one.where]
        return []

    assert (found(), found()) == ([], [])
    assert len(compiled) == len(set(compiled)) > 5

    wrong = right.replace("gross_revenue / orders", "gross_revenue / ordrs")
    file.write_text(wrong, "utf-8")
    ((code, line),) = found()
    assert found() == [(code, line)]

    file.write_text(f"# moved by a line\n{wrong}", "utf-8")
    assert found() == [(code, line + 1)]

    file.write_text(right, "utf-8")
    assert found() == []
