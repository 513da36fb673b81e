"""All models of an estate together: finding a metric by its name, and the datasets behind a name."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace

from freehold.foundation import Exit, FreeholdError, near
from freehold.metrics.model import Metric, Model
from freehold.metrics.paths import listed


@dataclass(frozen=True)
class Catalogue:
    """Models by name. A metric is called by its own name, or by `model.metric` where two models have one of a name.

    `whole` is the one that this is a part of, made for somebody who may not see all; definitions are told by that.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    whole: Catalogue | None = field(default=None, repr=False, compare=False)

    def metrics(self) -> Iterator[Metric]:
        """Yield all metrics, in the order of models and files."""
        for model in self.models.values():
            yield from model.metrics.values()

    def __contains__(self, name: str) -> bool:
        """Whether a name means a metric, or several."""
        return any(name in (metric.name, metric.id) for metric in self.metrics())

    def metric(self, name: str, within: str | None = None) -> Metric:
        """Return the metric a name means; inside a model its own come first.

        Raises:
            FreeholdError: FH-N107 there is none; FH-N108 there are several.
        """
        if within is not None and name in self.models[within].metrics:
            return self.models[within].metrics[name]
        before, _, last = name.rpartition(".")
        if before in self.models and last in self.models[before].metrics:
            return self.models[before].metrics[last]
        found = [m.metrics[name] for m in self.models.values() if name in m.metrics]
        if len(found) == 1:
            return found[0]
        if found:
            raise FreeholdError(
                "FH-N108", f"{len(found)} models have a metric `{name}`: {listed(m.id for m in found)}.",
                fix=f"Write which, as in `{found[0].id}`; `freehold metrics conflicts` compares them.",
                exit_code=Exit.USAGE,
            )  # fmt: skip
        raise self._unknown(name)

    def lapsing(self, lapsed: Container[str]) -> Catalogue:
        """Return it with metrics lapsed that their files certify, and that lost a badge since."""
        models = {
            name: replace(model, metrics={n: _lapsed(one, lapsed) for n, one in model.metrics.items()})
            for name, model in self.models.items()
        }
        return replace(self, models=models)

    def _unknown(self, name: str) -> FreeholdError:
        by_synonym = [m.id for m in self.metrics() if name.lower() in (s.lower() for s in m.synonyms)]
        known = [n for m in self.metrics() for n in (m.name, m.id)]
        if by_synonym:
            fix = f"People also say `{name}` for {listed(by_synonym, 'or')}."
        else:
            fix = near(name, known) or (
                f"There are {listed(known[::2], most=8)}." if known else "No file defines metrics."
            )
        return FreeholdError("FH-N107", f"There is no metric `{name}`.", fix=fix, exit_code=Exit.USAGE)


def _lapsed(metric: Metric, lapsed: Container[str]) -> Metric:
    return replace(metric, status="lapsed") if metric.status == "certified" and metric.id in lapsed else metric
