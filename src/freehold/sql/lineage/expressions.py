"""Where the value of an expression comes from: one walk over it, knowing what each function does to its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from sqlglot import exp

from freehold.sql.lineage.frames import Frame, Seen, origins_of_column
from freehold.sql.lineage.relations import (
    AGGREGATION,
    CONDITIONAL,
    IDENTITY,
    MASKED,
    TRANSFORMATION,
    WINDOW,
    Origins,
    Relation,
    pour,
    through,
)

ReadQuery = Callable[[exp.Expr, Frame, Seen], Relation]

_MASKS = {
    "md5", "md5_hex", "md5_binary", "md5_number", "sha", "sha1", "sha1_hex", "sha2", "sha2_hex", "sha256", "sha384",
    "sha512", "sha224", "hash", "hash_agg", "fnv_hash", "farm_fingerprint", "murmur_hash", "xxhash64", "hmac",
    "hmac_sha256", "mask", "mask_hash", "mask_first_n", "mask_last_n", "anonymize", "encrypt", "aes_encrypt",
    "pgp_sym_encrypt", "pseudonymize", "tokenize",
}  # fmt: skip
_MASKING = (exp.MD5, exp.MD5Digest, exp.SHA, exp.SHA2, exp.FarmFingerprint)
_TRANSPARENT = (exp.Alias, exp.Paren, exp.Ordered, exp.Kwarg)
_AGGREGATES = {"array_agg", "string_agg", "listagg", "group_concat", "any_value", "approx_percentile", "object_agg"}


def origins_of(expression: exp.Expr, frame: Frame, seen: Seen, read: ReadQuery) -> Origins:
    """Return every column the value depends on, and how."""
    found: Origins = {}
    _Walk(frame, seen, read, found).go(expression, IDENTITY)
    return found


class _Walk:
    """One walk over one expression; what it finds goes into `found`."""

    __slots__ = ("_found", "_frame", "_read", "_seen")

    def __init__(self, frame: Frame, seen: Seen, read: ReadQuery, found: Origins) -> None:
        self._frame = frame
        self._seen = seen
        self._read = read
        self._found = found

    def go(self, node: exp.Expr, use: int) -> None:
        """Follow one node that goes into the whole by `use`."""
        if isinstance(node, exp.Column):
            self._column(node, use)
        elif isinstance(node, exp.Parameter):
            self._numbered(node, use)
        elif isinstance(node, exp.Dot):
            self._dot(node, use)
        elif isinstance(node, exp.Query):
            self._subquery(node, use)
        elif isinstance(node, (exp.Case, exp.If)):
            self._choice(node, use)
        elif isinstance(node, exp.DecodeCase):
            self._decode(node, use)
        elif isinstance(node, exp.Window):
            self._window(node, use)
        elif isinstance(node, exp.Filter):
            self.go(node.this, use)
            self.go(node.expression, through(use, CONDITIONAL))
        elif isinstance(node, exp.Lambda):
            self._lambda(node, use)
        elif isinstance(node, exp.Exists):
            self._exists(node)
        elif not isinstance(node, (exp.DataType, exp.Identifier, exp.Literal, exp.Var, exp.JSONPath, exp.Table)):
            inner = use if isinstance(node, _TRANSPARENT) else through(_done_by(node), use)
            for child in node.iter_expressions():
                self.go(child, inner)

    def _column(self, node: exp.Column, use: int) -> None:
        if isinstance(node.this, exp.Star):
            relation = self._frame.source(self._seen.word(node.parts[-2]))
            if relation is not None:
                pour(self._found, relation.everything(), use)
            return
        pour(self._found, origins_of_column(node, self._frame, self._seen), use)

    def _numbered(self, node: exp.Parameter, use: int) -> None:
        """Read `$1`, the first column of a staged file; other parameters are values from outside."""
        if isinstance(node.this, exp.Literal) and not node.this.is_string and len(self._frame.sources) == 1:
            pour(self._found, origins_of_column(exp.Column(this=node.copy()), self._frame, self._seen), use)

    def _dot(self, node: exp.Dot, use: int) -> None:
        """Read `(value).field`, and `column.field.field` that is too long for a column."""
        path: list[str] = []
        inner: exp.Expr = node
        while isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
            path.append(self._seen.word(inner.expression))
            inner = inner.this
        if isinstance(inner, exp.Column) and path:
            whole = origins_of_column(inner, self._frame, self._seen)
            fields = {(t, ".".join([c, *reversed(path)])): u for (t, c), u in whole.items()}
            pour(self._found, fields, use)
            return
        for child in node.iter_expressions():
            self.go(child, through(TRANSFORMATION, use))

    def _subquery(self, node: exp.Query, use: int) -> None:
        inner = self._read(node, self._frame, self._seen)
        is_whole = isinstance(node, exp.Subquery) and isinstance(node.parent, (exp.Alias, exp.Select))
        for _, origins in inner.listed():
            pour(self._found, origins, use if is_whole else through(TRANSFORMATION, use))

    def _choice(self, node: exp.Expr, use: int) -> None:
        """Read CASE and IF: conditions decide, results go in."""
        condition, result = through(CONDITIONAL, use), through(TRANSFORMATION, use)
        is_case = isinstance(node, exp.Case)
        if node.this is not None:
            self.go(node.this, condition)
        for key in ("true", "false", "default"):
            if (branch := node.args.get(key)) is not None:
                self.go(branch, result)
        for branch in node.args.get("ifs") or [] if is_case else []:
            self.go(branch.this, condition)
            self.go(branch.args["true"], result)

    def _decode(self, node: exp.DecodeCase, use: int) -> None:
        """Read DECODE(value, search, result, …, default)."""
        value, *rest = node.expressions
        self.go(value, through(CONDITIONAL, use))
        for index, part in enumerate(rest):
            is_search = index % 2 == 0 and index + 1 < len(rest)
            self.go(part, through(CONDITIONAL if is_search else TRANSFORMATION, use))

    def _window(self, node: exp.Window, use: int) -> None:
        if node.this is not None:
            self.go(node.this, through(TRANSFORMATION, use))
        deciding = through(WINDOW, use)
        for part in node.args.get("partition_by") or []:
            self.go(part, deciding)
        if isinstance(order := node.args.get("order"), exp.Expr):
            for child in order.iter_expressions():
                self.go(child, deciding)
        named = node.args.get("alias")
        window = self._frame.windows.get(self._seen.word(named)) if isinstance(named, exp.Identifier) else None
        if isinstance(window, exp.Window):
            self._window(exp.Window(**{k: v for k, v in window.args.items() if k != "this"}), use)

    def _lambda(self, node: exp.Lambda, use: int) -> None:
        names = frozenset(self._seen.word(name) for name in node.expressions)
        inner = replace(self._frame, locals=self._frame.locals | names)
        _Walk(inner, self._seen, self._read, self._found).go(node.this, use)

    def _exists(self, node: exp.Exists) -> None:
        """Read EXISTS: whether there are rows is no value of theirs; what the query reads is noted by reading it."""
        if isinstance(node.this, exp.Query):
            self._read(node.this, self._frame, self._seen)


def _done_by(node: exp.Expr) -> int:
    """Return what a function or operator does to its arguments."""
    use = TRANSFORMATION
    if isinstance(node, (exp.AggFunc, exp.WithinGroup)) or _name(node) in _AGGREGATES:
        use = AGGREGATION
    if isinstance(node, _MASKING) or _name(node) in _MASKS:
        use |= MASKED
    return use


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""


def columns_in(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns of an expression without those of queries inside it."""
    if isinstance(node, exp.Column):
        yield node
    elif not isinstance(node, exp.Query):
        for child in node.iter_expressions():
            yield from columns_in(child)
