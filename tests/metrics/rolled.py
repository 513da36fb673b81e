"""The shop's rollups: declared, built as `freehold run` would build them, and read beside the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from freehold.foundation import Where
from freehold.metrics import Catalogue, Scope, asked, compiled
from freehold.metrics.compiling import Compiled
from freehold.metrics.model import Rollup
from freehold.metrics.query import key_of
from freehold.metrics.rollups import Held, Use, content_of, rollup_query

from .conftest import Shop, plain


def rollup(name: str, metrics: Sequence[str], by: Sequence[str], model: str = "shop") -> Rollup:
    """Return a rollup as a file would declare it."""
    return Rollup(name, model, Where("m.yaml", 1, 1), tuple(metrics), tuple(map(key_of, by)), asset=f"kept.{name}")


def with_rollups(catalogue: Catalogue, rollups: Iterable[Rollup]) -> Catalogue:
    """Return models that declare rollups."""
    found = list(rollups)
    models = {
        name: replace(model, rollups={r.name: r for r in found if r.model == name})
        for name, model in catalogue.models.items()
    }
    return Catalogue(models)


@dataclass
class Rolled:
    """A shop with rollups that are built."""

    shop: Shop
    held: tuple[Held, ...]

    @classmethod
    def built(cls, shop: Shop, *rollups: Rollup) -> Rolled:
        """Build rollups in the engine of a shop, from all rows, whoever may see them."""
        shop.catalogue = with_rollups(shop.catalogue, rollups)
        scope = replace(shop.scope(), policy=lambda _: None)
        shop.session.run("CREATE SCHEMA IF NOT EXISTS kept")
        held = []
        for one in rollups:
            content = content_of(shop.catalogue, one)
            sql = rollup_query(scope, content).sql(shop.dialect)
            shop.session.run(f'DROP TABLE IF EXISTS kept."{one.name}"')
            shop.session.run(f'CREATE TABLE kept."{one.name}" AS {sql}')
            ((rows,),) = shop.session.rows(f'SELECT COUNT(*) FROM kept."{one.name}"')
            held.append(Held(content, exp.table_(one.name, "kept", quoted=True), rows))
        return cls(shop, tuple(held))

    def scope(self, fewest: int = 1) -> Scope:
        """Return what questions are compiled against."""
        return replace(self.shop.scope(fewest), held=self.held)

    def compile(self, *metrics: str, fewest: int = 1, **said: Any) -> Compiled:
        """Return a question as SQL that reads rollups where it can."""
        return compiled(self.scope(fewest), asked(metrics, **said))

    def ask(self, *metrics: str, fewest: int = 1, **said: Any) -> list[tuple[Any, ...]]:
        """Answer a question, from rollups where it can be."""
        return plain(self.shop.session.rows(self.compile(*metrics, fewest=fewest, **said).sql))

    def uses(self, *metrics: str, fewest: int = 1, **said: Any) -> tuple[Use, ...]:
        """Return what each pass of a question is read from."""
        return self.compile(*metrics, fewest=fewest, **said).uses
