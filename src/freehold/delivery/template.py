"""Model files shaped as dbt shapes them: SQL with ref, source, config, var, this and is_incremental.

A file is rendered once, with marks where a step will put its own relations and instants. Each step then only replaces
marks in a finished text: no Jinja and no parsing happens while data is built.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from freehold.delivery.kept import Kept
from freehold.foundation import FreeholdError, Where
from freehold.sql import digest, normalised, parse, tables_of

VERSION = "v="  # begins the argument that names a major version
REF = "freehold_ref"  # the schema of a mark that stands for an asset
THIS = "freehold_this"
_START = "freehold:interval_start"
_END = "freehold:interval_end"

_COMPILER = 2  # raise it when a text compiles to something else

Resolve = Callable[[tuple[str, ...], str], str]
"""(arguments, "ref" or "source") -> asset id; raises FreeholdError when there is none."""
Asked = tuple[tuple[str, ...], str, str]
"""What a model asked for: arguments, "ref" or "source", and the asset that it means."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as text with marks.

    Attributes:
        first: the query when there is no live version; `again` when there is one (is_incremental() is true).
        refs: asset ids the query reads, in order of appearance.
        config: what config() said.
    """

    first: str
    again: str
    refs: tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def definition(self) -> str:
        """The text that decides whether two versions of the model mean the same."""
        return self.first if self.first == self.again else f"{self.first}\n;\n{self.again}"

    def fill(
        self, relations: Mapping[str, str], *, again: bool = False, this: str = "", start: str = "", end: str = ""
    ) -> str:
        """Return the query of one step: `relations` maps each ref to SQL that stands where a table may stand."""
        text = self.again if again else self.first
        for asset in self.refs:
            text = text.replace(mark(asset), relations[asset])
        return text.replace(f'"{THIS}"', this).replace(_START, start).replace(_END, end)


def mark(asset: str) -> str:
    """Return the mark that stands for an asset in a compiled text."""
    return f'"{REF}"."{asset}"'


class KeptCompiled:
    """Models compiled earlier, by file and text. What a model names is resolved again and must mean what it meant."""

    def __init__(self, root: Path) -> None:
        self._kept = Kept(root, "compiled", f"{_COMPILER} {version('sqlglot')}")

    def get(self, text: str, where: Where, dialect: str, resolve: Resolve) -> Compiled | None:
        """Return a model compiled earlier, if everything it names still means the same.

        Raises:
            FreeholdError: a name it asks for means nothing now.
        """
        row = self._kept.get(digest(dialect, str(where.path), text))
        if row is None:
            return None
        first, again, asked, config = row
        if any(resolve(tuple(names), kind) != asset for names, kind, asset in asked):
            return None
        return Compiled(first, again or first, tuple(dict.fromkeys(asset for *_, asset in asked)), config)

    def put(
        self,
        text: str,
        where: Where,
        dialect: str,
        compiled: Compiled,
        asked: Sequence[tuple[tuple[str, ...], str, str]],
    ) -> None:
        """Keep a compiled model with what it asked for; one whose settings JSON cannot hold is not kept."""
        config = dict(compiled.config)
        if json.loads(json.dumps(config, default=str)) == config:
            again = "" if compiled.again == compiled.first else compiled.again
            self._kept.put(digest(dialect, str(where.path), text), [compiled.first, again, asked, config])

    def save(self) -> None:
        """Write what is new to disk."""
        self._kept.save()


def compile_sql(
    text: str,
    where: Where,
    dialect: str,
    resolve: Resolve,
    variables: Mapping[str, Any] | None = None,
    kept: KeptCompiled | None = None,
) -> Compiled:
    """Render and parse a model file.

    Raises:
        FreeholdError: FH-M001 the template is wrong; FH-M002 an unknown setting; FH-M003 a var without a value;
            FH-Q001, FH-Q002 the SQL is.
    """
    if kept is not None and not variables and (known := kept.get(text, where, dialect, resolve)):
        return known
    first = _Rendering(resolve, where, variables or {}, again=False)
    again = _Rendering(resolve, where, variables or {}, again=True)
    first_sql = _marked(first.render(text), where, dialect)
    again_text = again.render(text)
    again_sql = _marked(again_text, where, dialect) if again.asked_incremental else first_sql
    asked = [*first.asked, *again.asked]
    made = Compiled(first_sql, again_sql, tuple(dict.fromkeys(asset for *_, asset in asked)), first.settings)
    if kept is not None and not variables:
        kept.put(text, where, dialect, made, asked)
    return made


def same_definition(left: str, right: str, dialect: str) -> bool:
    """Say whether two definitions mean the same under the kernel that runs now."""
    if left == right:
        return True
    parts = left.split("\n;\n"), right.split("\n;\n")
    if len(parts[0]) != len(parts[1]):
        return False
    return all(normalised(a, dialect) == normalised(b, dialect) for a, b in zip(*parts, strict=True))


class _Rendering:
    """One rendering of one file: what it asked for along the way."""

    def __init__(self, resolve: Resolve, where: Where, variables: Mapping[str, Any], *, again: bool) -> None:
        self.asked: list[Asked] = []
        self.settings: dict[str, Any] = {}
        self.asked_incremental = False
        self._resolve = resolve
        self._where = where
        self._variables = variables
        self._again = again

    def render(self, text: str) -> str:
        """Return the text with marks for everything that is known only when a step runs."""
        import jinja2

        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, autoescape=False, extensions=["jinja2.ext.do"]
        )
        try:
            return environment.from_string(text).render(
                ref=lambda *names, **said: self._read((*names, *_version(said)), "ref"),
                source=lambda *names: self._read(names, "source"),
                config=self._config,
                var=self._var,
                is_incremental=self._is_incremental,
                this=f'"{THIS}"',
            )
        except jinja2.TemplateError as error:
            line = getattr(error, "lineno", None) or _line_of(error)
            raise FreeholdError(
                "FH-M001",
                f"The template does not render: {error.message or error}.",
                where=Where(self._where.path, line, 1) if line else self._where,
                fix="A model may call ref, source, config, var, is_incremental and this.",
            ) from error

    def _read(self, names: tuple[Any, ...], kind: str) -> str:
        wanted = tuple(str(n) for n in names)
        try:
            asset = self._resolve(wanted, kind)
        except FreeholdError as error:
            error.where = error.where or self._where
            raise
        self.asked.append((wanted, kind, asset))
        return mark(asset)

    def _config(self, **settings: Any) -> str:
        self.settings.update(settings)
        return ""

    def _var(self, name: str, *default: Any) -> Any:
        if name in ("interval_start", "interval_end"):
            return _START if name == "interval_start" else _END
        if name in self._variables:
            return self._variables[name]
        if default:
            return default[0]
        raise FreeholdError(
            "FH-M003",
            f"The variable `{name}` has no value.",
            where=self._where,
            fix=f"Write var('{name}', default) in the model.",
        )

    def _is_incremental(self) -> bool:
        self.asked_incremental = True
        return self._again


def _marked(sql: str, where: Where, dialect: str) -> str:
    """Parse the text and give every mark an alias, so that a subquery may stand in its place."""
    from sqlglot import exp

    tree = parse(sql, dialect, where)
    for table in tables_of(tree):
        if table.db == REF:
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name.rpartition(".")[2], quoted=True)))
        elif table.name == THIS and not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier("this", quoted=True)))
    return tree.sql(dialect, comments=False)


def _version(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the version that `ref('x', v=1)` asks for, as one more argument; dbt takes `version` as well."""
    wanted = said.get("v", said.get("version"))
    return () if wanted is None else (f"{VERSION}{wanted}",)


def _line_of(error: BaseException) -> int | None:
    """Return the template line an error at render time came from."""
    line = None
    trace = error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
