"""From facts to words: the template of a document, rendered to Markdown in a sandbox in which every name must be known.

What a fact says is text and never markup: it is escaped where it is set in. What a person wrote is Markdown. A template
sees no clock, no file and no chance, so that the same facts give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any

import jinja2
from jinja2 import meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from freehold.foundation import FreeholdError, Where, near
from freehold.foundation.words import counted
from freehold.insight.documents.declared import DocumentFile
from freehold.insight.documents.facts import NOT_INSTRUMENTED, Row, Rows
from freehold.insight.telling import figure

NONE = "none"
GIVEN = ("document", "period", "as_of", "env", "seq", "narrative", "table", "number", "code")
_SIGNS = re.compile(r"[\\`*\[\]<>|~&#]|(?<!\w)_|_(?!\w)")
_CODE = re.compile(r"[\w.:=/-]+")  # what needs no escaping in code, in a table either
_LINE_START = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=]))(.)")  # what begins a list, or underlines a heading
_BLANK_LINES = re.compile(r"\n{3,}")
_SEEN_BY_CHANCE = ("random", "lipsum", "cycler", "joiner")


def markdown(file: DocumentFile, names: Mapping[str, Any]) -> str:
    """Return a document as Markdown.

    Raises:
        FreeholdError: FH-O107 the template cannot be read, or says what is not there, with the line; FH-O106 it counts
            what is not instrumented.
    """
    try:
        text = _environment().from_string(file.text).render(**names)
    except FreeholdError as error:
        raise FreeholdError(error.code, error.problem, where=_place(file, error), fix=error.fix) from error
    except (jinja2.TemplateError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise _wrong(file, _said(error), _place(file, error)) from error
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in text.splitlines())).strip() + "\n"


def template_findings(file: DocumentFile, columns: Mapping[str, tuple[str, ...]]) -> Iterator[FreeholdError]:
    """Yield which names, and which of the `columns` of facts, a template says and nothing gives."""
    environment = _environment()
    try:
        tree = environment.parse(file.text)
    except jinja2.TemplateSyntaxError as error:
        yield _wrong(file, _said(error), Where(file.where.path, error.lineno, 1))
        return
    if unknown := list(_unknown(file, tree, environment)):
        yield from unknown
        return
    known = (*GIVEN, *file.facts, *file.choices, *file.subjects, *environment.globals)
    undeclared = meta.find_undeclared_variables(environment.parse(file.text))  # which folds what it is given
    for name in sorted(undeclared - set(known)):
        for line in dict.fromkeys(node.lineno for node in tree.find_all(nodes.Name) if node.name == name):
            fix = near(name, known) or f"There are: {', '.join(sorted(known))}."
            yield _wrong(file, f"`{name}` is not there", _column(file, line, name), fix)
    for part, line in _parts(tree, "narrative"):
        if part not in file.narrative:
            fix = near(part, file.narrative) or "Declare it under `spec.narrative`, with what it is to answer."
            yield _wrong(file, f"the narrative has no part `{part}`", _column(file, line, part), fix)
    yield from _columns_findings(file, tree, columns)


def _unknown(file: DocumentFile, tree: nodes.Template, environment: jinja2.Environment) -> Iterator[FreeholdError]:
    """Yield the filters and tests that nobody has, of which Jinja tells but one and without its place."""
    for kind, what, known in ((nodes.Filter, "filter", environment.filters), (nodes.Test, "test", environment.tests)):
        for node in tree.find_all(kind):
            if node.name not in known:
                fix = near(node.name, known) or f"There are: {', '.join(sorted(known))}."
                yield _wrong(file, f"there is no {what} `{node.name}`", _column(file, node.lineno, node.name), fix)


def _columns_findings(
    file: DocumentFile, tree: nodes.Template, columns: Mapping[str, tuple[str, ...]]
) -> Iterator[FreeholdError]:
    for loop in tree.find_all(nodes.For):
        fact = next((n.name for n in [loop.iter, *loop.iter.find_all(nodes.Name)] if isinstance(n, nodes.Name)), "")
        if fact not in columns or not isinstance(loop.target, nodes.Name):
            continue
        for column, line in _parts(loop, loop.target.name):
            if column not in columns[fact]:
                yield _no_column(file, fact, column, line, columns[fact])
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "table" and len(call.args) > 1:
            fact = call.args[0].name if isinstance(call.args[0], nodes.Name) else ""
            shown = call.args[1].items if isinstance(call.args[1], nodes.Dict) and fact in columns else []
            for pair in shown:
                column = pair.value.value if isinstance(pair.value, nodes.Const) else ""
                if column and column not in columns[fact]:
                    yield _no_column(file, fact, column, pair.lineno, columns[fact])


def _no_column(file: DocumentFile, fact: str, column: str, line: int, known: tuple[str, ...]) -> FreeholdError:
    fix = near(column, known) or f"It has: {', '.join(known)}."
    return _wrong(file, f"the fact `{fact}` has no column `{column}`", _column(file, line, column), fix)


def _parts(tree: nodes.Node, name: str) -> Iterator[tuple[str, int]]:
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == name:
            yield node.attr, node.lineno


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, autoescape=True, finalize=_set_in, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    for name in _SEEN_BY_CHANCE:
        made.globals.pop(name, None)
        made.filters.pop(name, None)
    made.filters.update(day=_day, instant=_instant, figure=figure, listed=_listed)
    return made


def _set_in(value: Any) -> Any:
    """Return a value as Markdown shows it: text escaped, nothing ever left blank."""
    if isinstance(value, Markup | jinja2.Undefined):
        return value
    return Markup(escaped(_told(value)))


def escaped(text: str) -> str:
    """Return text as Markdown that shows it, on one line; what stands between backticks is code."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0 or not all(_CODE.fullmatch(part) for part in parts[1::2]):
        parts = ["`".join(parts)]
    shown = (f"`{part}`" if place % 2 else _SIGNS.sub(r"\\\g<0>", part) for place, part in enumerate(parts))
    return _LINE_START.sub(r"\1\\\2", "".join(shown))


def _told(value: Any) -> str:
    if value is None or value == "":
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date):
        return _day(value)
    if isinstance(value, int | float):
        return figure(value)
    if isinstance(value, list | tuple):
        return _listed(value)
    return str(value)


def table(rows: Rows | Iterable[Row], columns: Mapping[str, str], none: str = "None.") -> Markup:
    """Return rows as a table, `columns` being its headings with what stands below them.

    A fact that is not instrumented is said to be so; `none` is said where there are no rows.
    """
    if isinstance(rows, Rows) and not rows.is_instrumented:
        return Markup(f"*{NOT_INSTRUMENTED.capitalize()}: {escaped(rows.note)}.*")
    there = list(rows)
    if not there:
        return Markup(f"*{escaped(none)}*")
    lines = [[_set_in(heading) for heading in columns], ["---"] * len(columns)]
    lines += [[_set_in(row[column]) for column in columns.values()] for row in there]
    return Markup("\n".join(f"| {' | '.join(cells)} |" for cells in lines))


def number(rows: Rows | Iterable[Row], what: str) -> str:
    """Return how many rows there are, as `12 deployments`, or that they are not instrumented."""
    if isinstance(rows, Rows) and not rows.is_instrumented:
        return f"{what}: {NOT_INSTRUMENTED}"
    return counted(len(list(rows)), what)


def code(text: str, language: str = "") -> Markup:
    """Return text as a block of code, whatever stands in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 0)
    return Markup(f"{fence}{language}\n{text}\n{fence}")


def _day(value: date) -> str:
    if not isinstance(value, date):
        raise TypeError(f"`{value}` is no date")
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def _instant(value: datetime) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"`{value}` is no instant")
    return f"{_day(value)}, {value:%H:%M} UTC"


_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(_told(value) for value in values) or NONE


def _said(error: Exception) -> str:
    said = str(getattr(error, "message", None) or error).rstrip(".")
    return said.replace("'freehold.insight.documents.facts.Row object'", "a row").replace("'", "`")


def _wrong(file: DocumentFile, problem: str, where: Where, fix: str = "") -> FreeholdError:
    fix = fix or "See docs/concepts/documents.md for what a template may say."
    return FreeholdError("FH-O107", f"The template of `{file.id}`: {problem}.", where=where, fix=fix)


def _place(file: DocumentFile, error: BaseException) -> Where:
    """Return the line of the template that an error came from."""
    line = getattr(error, "lineno", None) or 0
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    found = re.findall(r"'(\w+)'", str(error)) if line else []
    return _column(file, line, found[-1]) if found else Where(file.where.path, line, 1 if line else 0)


def _column(file: DocumentFile, line: int, word: str) -> Where:
    """Return where a word stands in a line of the template."""
    lines = file.text.splitlines()
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    found = re.search(rf"\b{re.escape(word)}\b", text)
    return Where(file.where.path, line, found.start() + 1 if found else 1)
