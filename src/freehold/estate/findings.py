"""What `validate` should say though the estate can be loaded: promises that nothing keeps, words that lead nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from freehold.estate.declared import Declaration
from freehold.estate.references import Declared
from freehold.foundation import FreeholdError, Where, near

_NOT_YET_OR_NO_MORE = ("proposed", "retired")


def findings(declared: Declared, models: Collection[str]) -> tuple[FreeholdError, ...]:
    """Return the findings of an estate that hangs together, FH-V301 to FH-V399, in the order of their places.

    Args:
        declared: what its documents declare.
        models: the assets that files under `models/` and `seeds/` build.
    """
    found: list[FreeholdError] = []
    for path, one in declared.all:
        if one.kind == "DataProduct" and one.extra["status"] not in _NOT_YET_OR_NO_MORE:
            found += _of_product(declared, models, path, one)
        elif one.kind == "DataContract" and one.objects:
            found += _of_contract(path, one)
    return tuple(sorted(found, key=lambda e: e.where or Where("")))


def _of_product(declared: Declared, models: Collection[str], path: str, one: Declaration) -> Iterator[FreeholdError]:
    for side, name, contract_id, line, column in one.ports:
        if side != "outputPorts":
            continue
        asset, where = f"{one.id}.{name}", Where(path, line, column)
        if not contract_id:
            yield FreeholdError(
                "FH-V301", f"The output port `{name}` promises nothing: it names no contract.", where=where,
                fix=f"Add `contractId: {asset}`, and write that contract.",
            )  # fmt: skip
        if one.extra["mode"] == "publish" and asset not in models and not _lands(declared, contract_id or asset):
            own = [m.removeprefix(f"{one.id}.") for m in models if m.startswith(f"{one.id}.")]
            folder = path.rpartition("/")[0]
            yield FreeholdError(
                "FH-V302", f"Nothing builds the output port `{name}` of `{one.id}`.", where=where,
                fix=near(name, own) or f"Write {folder}/models/{name}.sql, or set `freehold:mode` to watch.",
            )  # fmt: skip


def _lands(declared: Declared, contract_id: str) -> bool:
    """Whether files bring the asset, since its contract names a server with a path, or dbt builds it."""
    found = declared.of.get(("DataContract", contract_id))
    return found is not None and bool(found[1].extra.get("lands"))


def _of_contract(path: str, one: Declaration) -> Iterator[FreeholdError]:
    for element, sla, line, column in one.extra.get("elements", ()):
        name, _, of = element.partition(".")
        if name not in one.objects:
            fix = near(name, one.objects) or f"Known: {', '.join(one.objects)}."
        elif of and of.partition(".")[0] not in one.objects[name]:
            fix = near(of, one.objects[name]) or f"Known: {', '.join(one.objects[name])}."
        else:
            continue
        yield FreeholdError(
            "FH-V303", f"The SLA `{sla}` is about `{element}`, which this contract does not have.",
            where=Where(path, line, column), fix=fix,
        )  # fmt: skip
