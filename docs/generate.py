"""Writes what pages repeat from elsewhere, the commands and what was measured: `make reference`.

A test fails when a page and what it repeats differ.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click

from freehold.cli import cli
from freehold.insight import Kpi, builtin_kpis
from freehold.metrics.explaining import formula_of
from freehold.quality.compatibility import RULINGS
from freehold.server.api.describing import document

HERE = Path(__file__).parent
COMMANDS = HERE / "reference" / "cli.md"
BENCHMARKS = HERE / "benchmarks.md"
COMPATIBILITY = HERE / "concepts" / "compatibility.md"
RESULTS = HERE.parent / "bench" / "results"
BLOCK = re.compile(r"(<!-- results: (\w+)((?: \w+)*) -->\n).*?(<!-- end of results -->)", re.DOTALL)
OPENAPI = HERE / "reference" / "openapi.json"
KPIS = HERE / "concepts" / "kpis.md"
KPI_ROWS = re.compile(r"(<!-- kpis -->\n).*?(<!-- end of kpis -->)", re.DOTALL)
RULED = re.compile(r"(<!-- rulings -->\n).*?(<!-- end of rulings -->)", re.DOTALL)

HEAD = """\
# Commands

*Written from the commands by `make reference`; do not edit it by hand.*

Every command takes `-C DIR` (before its name) to work on an estate elsewhere, and `--json` to print one object for a
machine: a list is an object whose key is the plural noun. Data goes to stdout, talk and errors to stderr, so both can
be piped apart. Colour is left out where nobody looks and where `NO_COLOR` is set. `--here` (before its name) has a
command done in this process, even where [a server](../concepts/server.md#jobs) has the estate.

| exit code | meaning |
|---|---|
| 0 | done |
| 1 | a finding: a file to mend, a failed check, something kept from being published |
| 2 | usage |
| 3 | the environment: a lock, a disk, a connection, another writer |
| 4 | approval needed |
| 70 | a defect of Freehold, with a report to send |
| 130 | stopped by Ctrl-C |
"""


def benchmarks() -> str:
    """Return the page of benchmarks with every block of results as it was measured last.

    A block names its file and the parts of it to show; without parts it shows all.
    """
    page = BENCHMARKS.read_text(encoding="utf-8")
    return BLOCK.sub(
        lambda found: f"{found[1]}{_measured(RESULTS / f'{found[2]}.json', found[3].split())}{found[4]}", page
    )


def compatibility() -> str:
    """Return the page of compatibility with every ruling as it is."""
    lines = ["| change | to the consumer | to the producer | bump | why |", "|---|---|---|---|---|"]
    for change, ruling in RULINGS.items():
        why = re.sub(r"`?\{(\w+)\}`?", r"*\1*", ruling.reason)
        lines.append(f"| {change.replace('_', ' ')} | {ruling.consumer} | {ruling.producer} | {ruling.bump} | {why} |")
    table = "\n".join(lines)
    return RULED.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", COMPATIBILITY.read_text(encoding="utf-8"))


def kpis() -> str:
    """Return the page of KPIs with a row for each that ships: its sentence, its formula and the events it needs."""
    rows = [
        f"| {' '.join(kpi.tags)} | `{kpi.id}` | {kpi.question} | {_formula(kpi)} | {_events(kpi)} | {kpi.cadence} | "
        f"{', '.join(dict.fromkeys(t.text for t in kpi.targets))} |"
        for kpi in builtin_kpis().values()
    ]
    head = ["| | id | question | value | events | cadence | target |", "|---|---|---|---|---|---|---|"]
    table = "\n".join([*head, *rows])
    return KPI_ROWS.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", KPIS.read_text(encoding="utf-8"))


def _formula(kpi: Kpi) -> str:
    """Return how a value is computed; of one that only divides, what it divides, too."""
    metrics = kpi.model.metrics
    lines = {name: formula_of(metrics[name]) for name in ("value", "numerator", "denominator")}
    if lines["value"] != "numerator / denominator":
        named = [n for n in metrics if n not in (*lines, "n") and re.search(rf"\b{n}\b", lines["value"])]
        return "; ".join([f"`{lines['value']}`", *(f"{n}: `{formula_of(metrics[n])}`" for n in named)])
    return f"`{lines['numerator']}` / `{lines['denominator']}`"


def _events(kpi: Kpi) -> str:
    return ", ".join([*(f"`{name}`" for name in kpi.needs), *(f"(`{name}`)" for name in kpi.wants)])


def render() -> str:
    """Return the page of commands."""
    root = click.Context(cli, info_name="freehold")
    sections = [HEAD, *(_section(context) for context in commands(root))]
    return "\n".join(sections)


def commands(context: click.Context) -> Iterator[click.Context]:
    """Yield a context for every command below a group, groups before what they hold."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        yield below
        if isinstance(command, click.Group):
            yield from commands(below)


def _section(context: click.Context) -> str:
    command = context.command
    depth = "##" if context.parent and context.parent.parent is None else "###"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{depth} {context.command_path}", _prose(command.help or ""), f"```text\n{usage}\n```"]
    rows = [
        f"| {' '.join(f'`{part.strip()}`' for part in names.split(','))} | {meaning.replace('|', chr(92) + '|')} |"
        for names, meaning in _options(context)
    ]
    if rows:
        parts.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    if command.epilog:
        parts.append(_example(command.epilog))
    return "\n\n".join(parts) + "\n"


def _options(context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record and isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            yield record


def _example(epilog: str) -> str:
    label, _, line = epilog.partition(": ")
    return epilog if "`" in epilog else f"{label}: `{line}`"


def _prose(text: str) -> str:
    return inspect.cleandoc(text).replace("\b\n", "")


def _measured(path: Path, parts: list[str]) -> str:
    if not path.exists():
        return "\n*Not measured yet.*\n\n"
    found = json.loads(path.read_text(encoding="utf-8"))
    found = {key: below for key, below in found.items() if not parts or key in parts}
    wide = {key: below for key, below in found.items() if _is_table(below)}
    narrow = {key: below for key, below in found.items() if key not in wide}
    rows = "".join(f"| {name} | {figure} |\n" for name, figure in _flat(narrow))
    small = f"| {path.name} | |\n|---|---:|\n{rows}" if rows else ""
    return "\n" + "\n".join([*(_wide(table) for table in wide.values()), small]) + "\n"


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(below, dict) for below in value.values())


def _wide(table: dict[str, dict[str, object]]) -> str:
    """Return a row for each thing that was measured; what is nested deeper stays in the file."""
    names = list(dict.fromkeys(n for row in table.values() for n, v in row.items() if not isinstance(v, dict | list)))
    lines = [["", *(name.replace("_", " ") for name in names)], ["---", *("---:" for _ in names)]]
    lines += [[name, *(_figure(row.get(n)) for n in names)] for name, row in table.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield every figure of a result with the path that leads to it."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flat(below, f"{name}, {key}" if name else str(key))
    elif isinstance(value, list):
        for number, below in enumerate(value, 1):
            yield from _flat(below, f"{name} {number}")
    else:
        yield name.replace("_", " "), _figure(value)


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value).replace("|", "/")


if __name__ == "__main__":
    COMMANDS.write_text(render(), encoding="utf-8")
    BENCHMARKS.write_text(benchmarks(), encoding="utf-8")
    COMPATIBILITY.write_text(compatibility(), encoding="utf-8")
    KPIS.write_text(kpis(), encoding="utf-8")
    OPENAPI.write_text(document(), encoding="utf-8")
