"""YAML out: documents as they were read, and plain values in a form that every YAML reader reads alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from freehold.estate.document import ListNode, Node, ScalarNode
from freehold.estate.scalars import Scalar, meaning, needs_quotes

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()%+<>=-]+)*|[0-9]+(?:\.[0-9]+){2,}")


def written(root: Node) -> str:
    """Write a tree of nodes; aliases are written out, quotes and brackets stay as they were."""
    import yaml
    from yaml import events

    stream = [
        events.StreamStartEvent(),
        events.DocumentStartEvent(explicit=False),
        *_events(root),
        events.DocumentEndEvent(explicit=False),
        events.StreamEndEvent(),
    ]
    return str(yaml.emit(stream, Dumper=yaml.CDumper, allow_unicode=True, width=1_000_000))


def inline(value: Any) -> str:
    """Write a plain value on one line, in brackets and braces, as text that YAML 1.1 and 1.2 read alike."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inline(str(k))}: {inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    return scalar(value)


def scalar(value: Scalar) -> str:
    """Write one word, number, truth value or nothing."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, int):
        return str(value)
    return value if _PLAIN.fullmatch(value) and not needs_quotes(value) else _quoted(value)


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    # YAML 1.1 takes `1e16` for a string: it wants the dot.
    return text if "." in text or "e" not in text else text.replace("e", ".0e")


def _quoted(text: str) -> str:
    # A JSON string is a YAML double-quoted string, but for what JSON leaves bare and YAML readers do not print.
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", quoted
    )


def _events(node: Node) -> Iterator[Any]:
    from yaml import events

    if isinstance(node, ScalarNode):
        # Plain stays plain, but for a string that only its tag made one: `!!str 12` becomes '12'.
        plain = not node.style and not (isinstance(node.value, str) and meaning(node.text) != node.text)
        may_quote = isinstance(node.value, str)
        # Nothing, written as nothing, is quoted by the emitter in some places, and would be text.
        text = "null" if node.value is None and not node.text else node.text
        yield events.ScalarEvent(None, None, (plain, may_quote), text, style=node.style or None)
    elif isinstance(node, ListNode):
        yield events.SequenceStartEvent(None, None, implicit=True, flow_style=node.flow)
        for item in node.items:
            yield from _events(item)
        yield events.SequenceEndEvent()
    else:
        yield events.MappingStartEvent(None, None, implicit=True, flow_style=node.flow)
        for key, value in node.entries.values():
            yield from _events(key)
            yield from _events(value)
        yield events.MappingEndEvent()
