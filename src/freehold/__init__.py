"""Freehold: the operating system for data and AI products."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from freehold.workbench import OpenEstate

__version__ = "0.1.0.dev0"


def open(folder: Path | str = ".", env: str | None = None) -> OpenEstate:
    """Open an estate to ask its metrics: `with freehold.open() as estate: estate.metrics.query("revenue", by="month")`.

    Args:
        folder: the estate, or a folder inside it.
        env: the environment; default: the protected one.

    Raises:
        FreeholdError: there is no estate, its files are in error, or its warehouse is in use.
    """
    from freehold.workbench import OpenEstate

    return OpenEstate(folder, env)
