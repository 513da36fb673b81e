"""`freehold init --from-ossie`: an estate of metrics that Apache Ossie describes, over tables that are there or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.cli.output import counted, emit, say

if TYPE_CHECKING:
    from freehold.metrics.taking import Taken

_MOST_TOLD = 20


def start_from_ossie(path: Path, folder: Path, drafted: Mapping[str, str], name: str, as_json: bool) -> None:
    """Write the estate, and say what was taken and what was left.

    Args:
        path: the file of Ossie.
        folder: where the estate goes; it is new or empty.
        drafted: the files that a database gave, by path; none without one.
        name: what people call the estate.
        as_json: whether to print one JSON object instead of words.

    Raises:
        FreeholdError: FH-V0xx and FH-N4xx for the file, with the place; FH-V401 the folder holds something.
    """
    from freehold.estate.reading import read_documents, read_file
    from freehold.estate.scaffold import write_new
    from freehold.metrics.taking import taken_in

    documents = read_documents(read_file(path.parent, path.name), path.name)
    taken = taken_in(documents, _assets(drafted))
    files = {**(drafted or _frame(name, path.name)), **{_place(one): one.text for one in taken}}
    write_new(folder, files)
    if as_json:
        told = [
            {"model": t.model.name, "file": _place(t), "metrics": list(t.model.metrics), "assets": dict(t.assets),
             "tables": _tables(t), "left": list(t.left)}
            for t in taken
        ]  # fmt: skip
        emit({"dir": str(folder), "files": list(files), "models": told})
        return
    say(f"Wrote {len(files)} files to {folder}.")
    for one in taken:
        _say(one)
    say(f"Next: cd {folder} && freehold validate && freehold metrics list")
    if not drafted:
        say(
            "The tables are looked for in the warehouse that estate.yaml names; --from drafts contracts of those there."
        )


def _say(one: Taken) -> None:
    model = one.model
    said = (counted(len(model.datasets), "datasets"), counted(len(model.joins), "relationships"))
    say(f"Took {model.name}: {', '.join(said)}, {counted(len(model.metrics), 'metrics')}.")
    if one.assets:
        say(f"  Of assets: {_listed([f'{dataset} ({asset})' for dataset, asset in one.assets.items()])}.")
    if tables := _tables(one):
        say(f"  Of tables, as the warehouse names them: {_listed([f'{d} ({s})' for d, s in tables.items()])}.")
    if undated := _undated(one):
        say(f"  Without a time, which `time:` of the dataset would say: {_listed(undated)}.")
    if one.left:
        say(f"  Left: {_listed(one.left, '; ')}.")


def _listed(names: Sequence[str], between: str = ", ") -> str:
    more = f"{between}and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return between.join(names[:_MOST_TOLD]) + more


def _tables(one: Taken) -> dict[str, str]:
    return {name: d.source for name, d in one.model.datasets.items() if name not in one.assets}


def _undated(one: Taken) -> list[str]:
    """Return the datasets that none joins and that have no time: facts of which no month can be asked."""
    model = one.model
    joined = {join.target for join in model.joins}
    return [n for n, d in model.datasets.items() if d.time is None and n not in joined]


def _place(one: Taken) -> str:
    """Return where the file goes: beside the product that most of its datasets are of."""
    from freehold.estate.scaffold import id_from

    products = Counter(asset.rpartition(".")[0] for asset in one.assets.values())
    folder = f"{products.most_common(1)[0][0]}/" if products else ""
    return f"{folder}metrics/{id_from(one.model.name)}.yaml"


def _assets(drafted: Mapping[str, str]) -> Callable[[str], str | None]:
    """Return what finds the asset of a table: by schema and name, or by its name where only one table has it."""
    import yaml

    exact: dict[tuple[str, str], str] = {}
    bare: dict[str, list[str]] = {}
    for path, text in drafted.items():
        if path.endswith(".odcs.yaml"):
            said = yaml.safe_load(text)
            table = said["schema"][0]["physicalName"].lower()
            exact[said["servers"][0]["schema"].lower(), table] = said["id"]
            bare.setdefault(table, []).append(said["id"])

    def asset(source: str) -> str | None:
        *before, table = source.lower().split(".")
        if before and (before[-1], table) in exact:
            return exact[before[-1], table]
        ids = bare.get(table, [])
        return ids[0] if len(ids) == 1 else None

    return asset


def _frame(name: str, source: str) -> dict[str, str]:
    """Return the files around the metrics where no database gave any."""
    from freehold.estate.scaffold import id_from
    from freehold.estate.writing import scalar

    return {
        "estate.yaml": f"""apiVersion: freehold.dev/v1
kind: Estate
metadata: {{id: {id_from(name)}, name: {scalar(name)}}}
spec:
  state: sqlite:///.freehold/state.db
  connections:
    warehouse: {{url: "duckdb:///.freehold/warehouse.db"}} # name the warehouse that has the tables
  environments:
    prod: {{connection: warehouse}}
""",
        "README.md": f"""# {name}

Metrics taken from `{source}` by `freehold init`. Name the warehouse that has their tables in `estate.yaml`, and ask:
`freehold query`.
""",
        ".gitignore": ".freehold/\n",
    }
