"""Power Query (M), as far as tables and columns go: what a query navigates to, and what it calls the columns then.

Steps that keep columns, rename them or add some are followed; where another step stands between (a merge, a group, a
pivot), which column is which is not known, and the relations are read as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from freehold.connect.bi.queries import Query

_TOKEN = re.compile(
    r'(?P<text>#?"(?:[^"]|"")*")|(?P<silent>/\*.*?\*/|//[^\n]*)|(?P<word>[^\W\d][\w.]*)|(?P<mark>[^\s\w])|\d[\w.]*',
    re.DOTALL,
)
_KEEPS = {
    *("SelectRows", "TransformColumnTypes", "RemoveColumns", "SelectColumns", "Sort", "Distinct", "ReplaceValue"),
    *("TransformColumns", "Buffer", "StopFolding", "FirstN", "LastN", "Skip", "Range", "RemoveRowsWithErrors"),
    *("ReorderColumns", "ReplaceErrorValues", "FillDown", "FillUp", "AddIndexColumn", "RemoveLastN", "RemoveFirstN"),
    *(
        "RenameColumns",
        "AddColumn",
        "DuplicateColumn",
        "View",
        "RemoveMatchingRows",
        "SelectRowsWithErrors",
        "RowCount",
    ),
}
_NO_WAREHOUSE = ("Excel.Workbook", "Access.Database", "SharePoint.Tables", "Web.Page", "Json.Document", "OData.Feed")
_SQL_FUNCTIONS = ("Value.NativeQuery", "Odbc.Query", "OleDb.Query")


@dataclass
class Origin:
    """Where the rows of a table come from.

    Attributes:
        relations: `schema.table` that are navigated to, in order.
        queries: SQL that is sent.
        renamed: a column's name -> what it is called before.
        added: columns that steps add -> the columns they are computed from.
        is_followed: whether every step keeps columns what they are.
        why: what could not be made out.
    """

    relations: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_followed: bool = True
    why: list[str] = field(default_factory=list)


def origin_of(
    expression: str, shared: Mapping[str, str], queried: Callable[[str], Query], _within: tuple[str, ...] = ()
) -> Origin:
    """Return where a query gets its rows.

    Args:
        expression: the text of the query.
        shared: the model's other queries and parameters by name.
        queried: reads SQL.
    """
    tokens = list(_tokens(expression))
    found = Origin()
    steps = {tokens[i - 1].name for i, token in enumerate(tokens) if token.text == "=" and i}
    _navigate(tokens, shared, found)
    _send(tokens, queried, found)
    _follow(tokens, found)
    others = (t.name for i, t in enumerate(tokens) if t.is_name and not _is_key(tokens, i))
    for name in dict.fromkeys(others):
        if name in shared and name not in steps and name not in _within and _literal(shared[name]) is None:
            _join(found, origin_of(shared[name], shared, queried, (*_within, name)))
    if not _within and not found.relations and not found.queries and not found.why:
        found.why.append("no table of a warehouse is named in it")
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    text: str

    @property
    def is_string(self) -> bool:
        return self.text.startswith('"')

    @property
    def is_name(self) -> bool:
        return self.text.startswith('#"') or self.text[0].isalpha() or self.text[0] == "_"

    @property
    def name(self) -> str:
        """The name or the string that it stands for."""
        if self.text.startswith(('"', '#"')):
            said = self.text[self.text.index('"') + 1 : -1].replace('""', '"')
            return said.replace("#(lf)", "\n").replace("#(tab)", "\t").replace("#(cr)", "\r").replace("#(cr,lf)", "\n")
        return self.text


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "silent":
            yield _Token(match[0])


def _is_key(tokens: list[_Token], at: int) -> bool:
    """Whether a name is the field of a record: `[Schema = …]`, `[amount]`."""
    return at > 0 and tokens[at - 1].text == "["


def _navigate(tokens: list[_Token], shared: Mapping[str, str], found: Origin) -> None:
    """Find `{[Schema="s", Item="t"]}`, and chains of `{[Name="s", Kind="Schema"]}[Data]{[Name="t", Kind="Table"]}`."""
    schema = ""
    if any(token.text in _NO_WAREHOUSE for token in tokens):
        return
    for at, token in enumerate(tokens):
        if token.text != "{" or at + 1 >= len(tokens) or tokens[at + 1].text != "[":
            continue
        record, unknown = _record(tokens, at + 2, shared)
        if not {"Item", "Name"} & record.keys() | unknown:
            continue
        if unknown:
            found.why.append(f"what `{', '.join(sorted(unknown))}` is, is only known when it runs")
            found.is_followed = False
        elif "Item" in record:
            found.relations.append(_dotted(record.get("Schema", ""), record["Item"]))
        elif record.get("Kind") == "Schema":
            schema = record["Name"]
        elif record.get("Kind") in ("Table", "View"):
            found.relations.append(_dotted(schema, record["Name"]))
    found.relations = list(dict.fromkeys(found.relations))


def _record(tokens: list[_Token], at: int, shared: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return the fields of a record that are known, and the names of those that are not."""
    known: dict[str, str] = {}
    unknown: set[str] = set()
    while at + 2 < len(tokens) and tokens[at + 1].text == "=":
        key, value = tokens[at].name, tokens[at + 2]
        literal = value.name if value.is_string else _literal(shared.get(value.name, ""))
        if literal is None and key in ("Schema", "Item", "Name"):
            unknown.add(value.name)
        elif literal is not None:
            known[key] = literal
        at += 4
        if tokens[at - 1].text == "]":
            break
    return known, unknown


def _literal(expression: str) -> str | None:
    """Return the text that a parameter holds, None if it is no text."""
    tokens = list(_tokens(expression))
    is_alone = len(tokens) == 1 or (len(tokens) > 1 and tokens[1].text == "meta")
    return tokens[0].name if tokens and tokens[0].is_string and is_alone else None


def _send(tokens: list[_Token], queried: Callable[[str], Query], found: Origin) -> None:
    """Find SQL: the second argument of `Value.NativeQuery` and its like, and the option `[Query = "…"]`."""
    for at, token in enumerate(tokens):
        is_option = token.text == "Query" and _is_key_among(tokens, at) and _text_at(tokens, at + 1, "=")
        if token.text in _SQL_FUNCTIONS:
            text = next(iter(_arguments(tokens, at + 1)[1:2]), [])
            if len(text) == 1 and text[0].is_string:
                found.queries.append(queried(text[0].name))
            else:
                found.why.append(f"the SQL that {token.text} sends is put together when it runs")
                found.is_followed = False
        elif is_option:
            if at + 2 < len(tokens) and tokens[at + 2].is_string and not _text_at(tokens, at + 3, "&"):
                found.queries.append(queried(tokens[at + 2].name))
            else:
                found.why.append("the SQL of its `Query` is put together when it runs")
                found.is_followed = False


def _is_key_among(tokens: list[_Token], at: int) -> bool:
    return at > 0 and tokens[at - 1].text in ("[", ",")


def _text_at(tokens: list[_Token], at: int, text: str) -> bool:
    return at < len(tokens) and tokens[at].text == text


def _arguments(tokens: list[_Token], at: int) -> list[list[_Token]]:
    """Return the arguments of a call whose bracket opens at a place."""
    if not _text_at(tokens, at, "("):
        return []
    found: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens[at:]:
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0:
            break
        if token.text == "," and depth == 1:
            found.append([])
        elif depth > 1 or token.text != "(":
            found[-1].append(token)
    return found


def _follow(tokens: list[_Token], found: Origin) -> None:
    """Follow what steps make of columns, and note where that cannot be done."""
    for at, token in enumerate(tokens):
        space, _, function = token.text.partition(".")
        if space != "Table" or not function:
            continue
        arguments = _arguments(tokens, at + 1)
        strings = [t.name for t in arguments[1] if t.is_string] if len(arguments) > 1 else []
        if function == "RenameColumns":
            found.renamed |= {
                new: found.renamed.get(old, old) for old, new in zip(strings[::2], strings[1::2], strict=False)
            }
        elif function == "DuplicateColumn" and len(arguments) > 2 and strings and arguments[2][:1]:
            found.added[arguments[2][0].name] = (strings[0],)
        elif function == "AddColumn" and strings and len(arguments) > 2:
            found.added[strings[0]] = tuple(dict.fromkeys(_fields(arguments[2])))
        elif function == "AddIndexColumn" and strings:
            found.added[strings[0]] = ()
        elif function not in _KEEPS:
            found.is_followed = False


def _fields(tokens: list[_Token]) -> Iterator[str]:
    """Yield the fields of a row that a function mentions: `[amount]`, `[#"unit price"]`."""
    for at, token in enumerate(tokens[1:-1], start=1):
        if tokens[at - 1].text == "[" and tokens[at + 1].text == "]" and token.is_name:
            yield token.name


def _join(found: Origin, other: Origin) -> None:
    """Add what a query gets from another one, which it builds upon."""
    found.relations = list(dict.fromkeys((*found.relations, *other.relations)))
    found.queries += [query for query in other.queries if query not in found.queries]
    found.renamed = {name: other.renamed.get(old, old) for name, old in found.renamed.items()} | {
        name: old for name, old in other.renamed.items() if name not in found.renamed
    }
    found.added = other.added | found.added
    found.is_followed &= other.is_followed
    found.why += [why for why in other.why if why not in found.why]


def _dotted(*parts: str) -> str:
    said = (f'"{part}"' if re.search(r'[."\s]', part) else part for part in parts if part)
    return ".".join(said)
