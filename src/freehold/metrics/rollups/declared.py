"""The rollups that an estate declares, each with the id of the asset it is built as."""

from __future__ import annotations

from collections.abc import Iterator

from freehold.estate.model import Estate
from freehold.foundation import FreeholdError, Problems
from freehold.metrics.catalogue import Catalogue
from freehold.metrics.rollups.content import Content, content_of


def rollups_of(estate: Estate) -> tuple[Content, ...]:
    """Return what the rollups of an estate hold; without any, no file of metrics is read.

    Raises:
        Problems: what is wrong with them and the models they stand in; errors in other models are not told here.
    """
    from freehold.metrics.estate import read_models
    from freehold.metrics.widening import declares_rollups

    declaring = {name for name, document in estate.semantic_models.items() if declares_rollups(document)}
    if not declaring:
        return ()
    catalogue, errors = read_models(estate, told=declaring)
    found, wrong = contents(catalogue)
    if errors or wrong:
        raise Problems([*errors, *wrong])
    return found


def contents(catalogue: Catalogue) -> tuple[tuple[Content, ...], tuple[FreeholdError, ...]]:
    """Return what all rollups of some models hold, and what is wrong with those that cannot be built."""
    found: list[Content] = []
    errors: list[FreeholdError] = []
    for model in catalogue.models.values():
        for rollup in model.rollups.values():
            try:
                found.append(content_of(catalogue, rollup))
            except FreeholdError as error:
                errors.append(error)
    return tuple(found), (*errors, *_twice(found))


def _twice(found: list[Content]) -> Iterator[FreeholdError]:
    """Yield an error for each rollup that would be built as the asset of another."""
    first: dict[str, Content] = {}
    for one in found:
        before = first.setdefault(one.rollup.asset, one)
        if one.rollup.asset and before is not one:
            yield FreeholdError(
                "FH-N606",
                f"Two rollups would be built as `{one.rollup.asset}`; the first at {before.rollup.where}.",
                where=one.rollup.where, fix="Give one of them another name.",
            )  # fmt: skip
