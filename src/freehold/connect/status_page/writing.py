"""The files of a status page: HTML that needs no script, JSON, and Atom. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, partial
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FunctionLoader, StrictUndefined

from freehold.connect.status_page.standing import (
    PublicIncident,
    PublicProduct,
    Standing,
    StatusPage,
    incident_json,
    to_json,
)
from freehold.insight.documents.page import body

_ATOM = "http://www.w3.org/2005/Atom"
WORDS = {
    Standing.AVAILABLE: "Available",
    Standing.LATE: "Late: the data before it is read",
    Standing.DISTURBED: "Disturbed",
    Standing.OUTAGE: "Outage",
    Standing.UNKNOWN: "Not known: nothing was due",
}


def files_of(page: StatusPage, base: str = "") -> dict[str, bytes]:
    """Return the files of a status page, by their paths.

    Args:
        page: what they say.
        base: the path that pages are served under, `/status/`; empty where they are files beside each other.
    """
    found = {
        "index.html": _html("index", page, base),
        "status.json": _json(_overall(page)),
        "feed.atom": _feed(page, page.name, page.incidents, "urn:freehold:status"),
        "style.css": _shipped("style.css").encode(),
    }
    for one in page.products:
        feed = _feed(page, f"{page.name}: {one.name}", one.incidents, f"urn:freehold:status:{one.id}")
        found[f"{one.id}/index.html"] = _html("product", page, base or "../", one)
        found[f"{one.id}/status.json"] = _json({"as_of": page.as_of.isoformat(), **to_json(one)})
        found[f"{one.id}/feed.atom"] = feed
    return found


def _overall(page: StatusPage) -> dict[str, Any]:
    return {
        "name": page.name, "as_of": page.as_of.isoformat(), "state": page.standing,
        "products": [_without_incidents(one) for one in page.products],
        "incidents": [incident_json(one) for one in page.incidents],
    }  # fmt: skip


def _without_incidents(one: PublicProduct) -> dict[str, Any]:
    return {name: value for name, value in to_json(one).items() if name != "incidents"}


def _json(said: Any) -> bytes:
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()


def _html(template: str, page: StatusPage, base: str, product: PublicProduct | None = None) -> bytes:
    shown: str = _environment().get_template(f"{template}.html").render(page=page, base=base, product=product)
    return shown.encode()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(_shipped), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.globals["words"] = WORDS
    made.filters["markdown"] = partial(body, below=3)
    made.filters["minute"] = lambda at: f"{at:%Y-%m-%d %H:%M} UTC"
    return made


def _shipped(name: str) -> str:
    return (files("freehold") / "builtin" / "status_page" / name).read_text(encoding="utf-8")


def _feed(page: StatusPage, title: str, incidents: Sequence[PublicIncident], id_: str) -> bytes:
    """Return what was said of incidents as Atom (RFC 4287), the newest first."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(f"{{{_ATOM}}}feed")
    entries = sorted(
        ((update, one) for one in incidents for update in one.updates), key=lambda e: (e[0].at, e[0].id), reverse=True
    )
    ends = [one.ended_at for one in incidents if one.updates and one.ended_at is not None]
    newest = max([*(update.at for update, _ in entries), *ends], default=page.as_of)
    for name, text in (("id", id_), ("title", title), ("updated", newest.isoformat())):
        _child(feed, name, text)
    _child(_child(feed, "author"), "name", page.name)
    for update, one in entries:
        entry = _child(feed, "entry")
        of = ", ".join(product.name for product in page.products if product.id in one.products)
        is_over = one.ended_at is not None and one.ended_at <= update.at  # words of before stay as they were
        state = "resolved" if is_over else WORDS[one.standing].lower()
        for name, text in (("id", f"urn:uuid:{update.id}"), ("title", f"{of}: {state}")):
            _child(entry, name, text)
        _child(entry, "updated", update.at.isoformat())
        _child(entry, "content", update.text).set("type", "text")
    ElementTree.indent(feed)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _child(above: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    made = ElementTree.SubElement(above, f"{{{_ATOM}}}{name}")
    made.text = text
    return made
