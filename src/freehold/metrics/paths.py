"""What a name means from a fact's point of view: the one way that leads from its rows to one row of another dataset.

Only many-to-one joins are ever followed, so no row of a fact is counted twice. Where two ways are equally short, or
none avoids a fan-out, the answer is a refusal that names what would do instead.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from freehold.foundation import Exit, FreeholdError, near
from freehold.metrics.model import Field, Join, Model

Path = tuple[Join, ...]
_MOST_PATHS = 200  # from one dataset; a model of circles has endless ways


@dataclass(frozen=True, slots=True)
class Place:
    """A field as reached from a fact: over `path`, in `dataset`."""

    path: Path
    dataset: str
    field: Field

    @property
    def name(self) -> str:
        """How the field is spoken of: `dataset.field`, or by the last role on the way to it."""
        return f"{self.path[-1].name if self.path else self.dataset}.{self.field.name}"


def reachable(model: Model, fact: str) -> dict[str, tuple[Path, ...]]:
    """Return the datasets that can be reached from a fact without fan-out, each with the ways there, shortest first."""
    return _reachable(_Identity(model), fact)


class _Identity:
    """A model as a key of a cache: by which object it is, since its values are too many to hash."""

    __slots__ = ("model",)

    def __init__(self, model: Model) -> None:
        self.model = model

    def __hash__(self) -> int:
        return id(self.model)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.model is self.model


@lru_cache(maxsize=512)
def _reachable(identity: _Identity, fact: str) -> dict[str, tuple[Path, ...]]:
    found: dict[str, list[Path]] = {fact: [()]}
    queue: list[tuple[str, Path]] = [(fact, ())]
    count = 0
    while queue and count < _MOST_PATHS:
        here, path = queue.pop(0)
        for join in identity.model.leaving.get(here, ()):
            if join.target == fact or any(join.target in (j.source, j.target) for j in path):
                continue
            count += 1
            found.setdefault(join.target, []).append((*path, join))
            queue.append((join.target, (*path, join)))
    return {name: tuple(paths) for name, paths in found.items()}


def place_of(model: Model, fact: str, parts: Sequence[str]) -> Place:
    """Return what a dotted name means for a fact: `field`, `dataset.field`, `role.field`, `role.role.field`.

    Raises:
        FreeholdError: FH-N301 nothing is called so; FH-N302 several things are; FH-N303 it lies across a fan-out.
    """
    *heads, name = parts
    if not heads:
        return _bare(model, fact, name)
    path = _path_to(model, fact, heads)
    dataset = path[-1].target if path else fact
    found = model.datasets[dataset].fields.get(name)
    if found is None:
        raise unknown_field(model, dataset, name)
    return Place(path, dataset, found)


def counted_place(model: Model, fact: str, heads: Sequence[str]) -> Place | None:
    """Return the key whose values tell whether a row leads to one of a role; None where rows of the fact are meant."""
    if not heads or tuple(heads) == (fact,):
        return None
    target = heads[-1] if heads[-1] in model.datasets else next(j.target for j in model.joins if j.name == heads[-1])
    place = place_of(model, fact, (*heads, model.datasets[target].keys[0][0]))
    return place if place.path else None


def time_of(model: Model, fact: str) -> Place | None:
    """Return the field that dates the rows of a dataset: its own, or that of a date its rows have a key of."""
    time = model.datasets[fact].time
    return None if time is None else place_of(model, fact, (time,) if "." not in time else time.split("."))


def _path_to(model: Model, fact: str, heads: Sequence[str]) -> Path:
    """Return the way that the words before a field's name describe."""
    path: Path = ()
    here = fact
    for head in heads:
        roles = [j for j in model.joins if j.name == head]
        if head in model.datasets:
            step = _shortest(model, here, head)
        elif roles:
            step = _through(model, here, roles, head)
        else:
            raise _unknown_head(model, here, head)
        path, here = (*path, *step), step[-1].target if step else here
    return path


def _shortest(model: Model, fact: str, target: str) -> Path:
    paths = reachable(model, fact).get(target)
    if not paths:
        raise _fan_out(model, fact, target)
    shortest = [p for p in paths if len(p) == len(paths[0])]
    if len(shortest) > 1:
        ways = [".".join(j.name for j in path) for path in shortest]
        raise FreeholdError(
            "FH-N302", f"`{target}` can be reached from `{fact}` in {len(shortest)} ways: {listed(ways)}.",
            fix=f"Say which role is meant, as in `{ways[0]}.{_any_field(model, target)}`.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    return shortest[0]


def _through(model: Model, fact: str, roles: Sequence[Join], head: str) -> Path:
    """Return the shortest way that ends with a join of this name."""
    ways = [(*path, role) for role in roles for path in reachable(model, fact).get(role.source, ()) if role not in path]
    if not ways:
        raise _fan_out(model, fact, roles[0].target, role=head)
    least = min(map(len, ways))
    shortest = [way for way in ways if len(way) == least]
    if len(shortest) > 1:
        spelled = [".".join(j.name for j in path) for path in shortest]
        raise FreeholdError(
            "FH-N302", f"The role `{head}` is played in {len(shortest)} ways seen from `{fact}`: {listed(spelled)}.",
            fix=f"Write the whole way, as in `{spelled[0]}.{_any_field(model, shortest[0][-1].target)}`.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    return shortest[0]


def _bare(model: Model, fact: str, name: str) -> Place:
    """Return the one field of that name: the fact's own, or that of the only dataset within reach that has one."""
    own = model.datasets[fact].fields.get(name)
    if own is not None:
        return Place((), fact, own)
    within = reachable(model, fact)
    holders = [d for d in within if name in model.datasets[d].fields]
    if len(holders) == 1:
        return Place(_shortest(model, fact, holders[0]), holders[0], model.datasets[holders[0]].fields[name])
    if holders:
        raise FreeholdError(
            "FH-N302", f"`{name}` may be {listed([f'{d}.{name}' for d in holders], 'or')}.",
            fix=f"Write which, as in `{holders[0]}.{name}`.",
            exit_code=Exit.USAGE,
        )  # fmt: skip
    beyond = [d for d, dataset in model.datasets.items() if name in dataset.fields]
    if beyond:
        raise _fan_out(model, fact, beyond[0])
    raise FreeholdError(
        "FH-N301", f"Nothing that `{fact}` can be grouped or filtered by is called `{name}`.",
        fix=_nearly(model, fact, name) or f"It has {listed(sorted(model.datasets[fact].fields), most=8)}.",
        exit_code=Exit.USAGE,
    )  # fmt: skip


def _nearly(model: Model, fact: str, name: str) -> str:
    """Return the names that were meant, perhaps: bare where that means one thing, else each with what it is of."""
    held = Counter(field for dataset in reachable(model, fact) for field in model.datasets[dataset].fields)
    means_one = {*model.datasets[fact].fields, *(field for field, count in held.items() if count == 1)}
    if fix := near(name, means_one):
        return fix
    spelled = [known for known in names_within(model, fact) if "." in known]
    close = difflib.get_close_matches(name.casefold(), {known.rpartition(".")[2] for known in spelled}, n=1)
    meant = list(dict.fromkeys(known for known in spelled if known.rpartition(".")[2] in close))
    return f"Did you mean {listed(meant, 'or', most=6)}?" if meant else near(name, spelled)


def names_within(model: Model, fact: str) -> Iterator[str]:
    """Yield the names that mean something from a fact's point of view, bare and with their dataset or role."""
    for dataset, paths in reachable(model, fact).items():
        for name in model.datasets[dataset].fields:
            yield name
            yield f"{dataset}.{name}"
            yield from (f"{path[-1].name}.{name}" for path in paths if path)


def unknown_field(model: Model, dataset: str, name: str) -> FreeholdError:
    """Return the error for a field that a dataset does not have."""
    fields = model.datasets[dataset].fields
    return FreeholdError(
        "FH-N301", f"`{dataset}` has no field `{name}`.",
        fix=near(name, fields) or f"It has {listed(sorted(fields), most=8)}.",
        exit_code=Exit.USAGE,
    )  # fmt: skip


def _unknown_head(model: Model, fact: str, head: str) -> FreeholdError:
    known = {*model.datasets, *(j.name for j in model.joins)}
    return FreeholdError(
        "FH-N301", f"The model `{model.name}` has no dataset and no role `{head}`.",
        fix=near(head, known) or f"From `{fact}` there are {listed(sorted(reachable(model, fact)), most=8)}.",
        exit_code=Exit.USAGE,
    )  # fmt: skip


def _fan_out(model: Model, fact: str, target: str, role: str | None = None) -> FreeholdError:
    spoken = f"The role `{role}`" if role else f"`{target}`"
    instead = sorted(d for d in reachable(model, fact) if d != fact)
    if fact in reachable(model, target):
        problem = f"{spoken} has many rows for one of `{fact}`: each row of `{fact}` would be counted several times."
    elif between := [d for d in model.datasets if d != fact and {fact, target} <= reachable(model, d).keys()]:
        problem = (
            f"Between `{fact}` and `{target}` stands `{between[0]}`, of which one row of `{fact}` may have many: it "
            "would be counted several times."
        )
    else:
        problem = f"{spoken} cannot be reached from `{fact}` by joins to one row at most."
    fix = f"From `{fact}` one can go by its own fields" + (f" and those of {listed(instead)}." if instead else ".")
    return FreeholdError("FH-N303", problem, fix=fix)


def _any_field(model: Model, dataset: str) -> str:
    return next(iter(model.datasets[dataset].fields), "field")


def listed(names: Iterable[str], last: str = "and", most: int = 6) -> str:
    """Return names in backticks: `a`, `b` and `c`; the first few of many."""
    shown = [f"`{name}`" for name in names]
    if len(shown) > most:
        return ", ".join(shown[:most]) + f" and {len(shown) - most} more"
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}" if len(shown) > 1 else "".join(shown)
