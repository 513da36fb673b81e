"""What agents may ask: six tools that read. Each takes a typed question and gives an object with its provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from freehold.catalog import Question as Search
from freehold.foundation import FreeholdError, near
from freehold.metrics import Answer, Catalogue, asked
from freehold.metrics.dimensions import dimensions_of
from freehold.metrics.explaining import formula_of
from freehold.metrics.fingerprint import definition_hash, sources_of
from freehold.metrics.model import Metric
from freehold.metrics.tables import as_object
from freehold.metrics.telling import unit_in_data
from freehold.reliability.incidents import Incident
from freehold.server.asking import Asks
from freehold.server.attained import attained
from freehold.server.incidents import Incidents
from freehold.server.leaving import gone_is_told, leaving_of
from freehold.server.questions import Question
from freehold.server.web.pages.explain import period_of
from freehold.server.web.pages.metrics import metric_row
from freehold.server.web.pages.product import shown_product
from freehold.server.web.pages.products import rows_of, utc
from freehold.server.web.showing import Asked, as_plain

MOST_ROWS = 1_000
_MOST_NODES, _MOST_COLUMNS, _LONGEST_TOLD = 40, 200, 600
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Word = Annotated[str, Field(max_length=2_000)]
_OF_A_PRODUCT = ("id", "version", "status", "tier", "safe_title", "reasons", "limitations", "consumers")
_OF_AN_EXPLANATION = ("moved", "notes", "happened", "reaches_to", "begins_at", "words", "formula", "columns", "sql")


class Takes(BaseModel):
    """What a tool takes."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Searched(Takes):
    """What to find."""

    query: Annotated[str, Field(min_length=1, max_length=200, description="words, or half a name")]
    kind: Literal["", "product", "metric", "asset", "contract"] = Field(
        default="", description="only things of this kind"
    )
    limit: int = Field(default=10, ge=1, le=50)


class Named(Takes):
    """What to describe."""

    name: _Name = Field(
        description="the id of a product (`sales.orders`) or of a metric (`sales.revenue`, `revenue`); where both are "
        "called so, `metric:sales.orders` is the metric"
    )


class Queried(Takes):
    """A question to metrics."""

    metrics: list[_Name] = Field(min_length=1, max_length=10, description="ids or names of metrics")
    by: list[_Name] = Field(
        default=[], max_length=10, description="keys: `month`, `week`, `day`, or a dimension that describe tells"
    )
    where: _Word | None = Field(default=None, description="a SQL condition over dimensions: `channel = 'web'`")
    start: str | None = Field(
        default=None, alias="from", max_length=40, description="the first day, `2026-03` or `2026-03-07`"
    )
    end: str | None = Field(default=None, alias="to", max_length=40, description="the last day, included")
    compare: str | None = Field(
        default=None, max_length=40, description="`prior:1month` adds the value a month before, and the change"
    )
    order: list[_Name] = Field(default=[], max_length=5, description="columns of the answer; `-revenue` descends")
    limit: int = Field(default=100, ge=1, le=MOST_ROWS, description="the most rows")
    uncertified: bool = Field(
        default=False, description="take metrics that nobody certified, too; the answer marks them"
    )


class ToExplain(Takes):
    """A number to explain."""

    metric: _Name
    period: str = Field(
        default="", max_length=10, description="`2026-03` or a day in the period; empty for the last whole one"
    )
    grain: Literal["day", "week", "month"] = "week"
    against: Literal["previous", "year"] = Field(
        default="previous", description="the period before, or the year before"
    )
    where: _Word = Field(default="", description="a SQL condition over dimensions")
    uncertified: bool = Field(default=False, description="explain a metric that nobody certified, too")


class Followed(Takes):
    """What to follow."""

    of: Annotated[str, Field(min_length=1, max_length=400)] = Field(
        description="an asset, a column of one, or `metric:ID`"
    )
    way: Literal["down", "up", "drop"] = Field(
        default="down", description="what it goes into, comes from, or who is hit if it goes"
    )
    depth: int = Field(default=2, ge=1, le=10)


class Health(Takes):
    """Whose health."""

    product: Annotated[str, Field(max_length=200)] = Field(default="", description="one product; empty for all")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it takes and gives, which scope it needs, and what answers it."""

    name: str
    title: str
    told: str
    scope: str
    takes: type[Takes]
    gives: dict[str, Any]
    call: Callable[[Asked, Any], dict[str, Any]]


def _object(*keys: str, **more: Any) -> dict[str, Any]:
    known = {key: {} for key in keys} | more
    known["provenance"] = {"type": "object", "description": "from which data and by which definition this is"}
    return {"type": "object", "properties": known, "required": [*known]}


def search_products(asked_: Asked, takes: Searched) -> dict[str, Any]:
    """Find products, metrics, assets and contracts by any of their names, or by words.

    Exact names come first, then certified ones; each hit says why it is one. Use it where you do not know an id.
    """
    question = Search(takes.query, (takes.kind,) if takes.kind else (), limit=takes.limit).checked()
    found = asked_.served.listing.of(asked_.snapshot).search(question)
    hits = [
        {
            "kind": one.key.kind, "id": one.key.id, "title": one.title, "description": one.description[:_LONGEST_TOLD],
            "certified": one.is_certified, "status": one.status, "owner": one.owner, "product": one.product,
            "state": one.state, "why": list(one.why), "replaced_by": one.replaced_by.id if one.replaced_by else None,
            "sunset": one.sunset or None,
        }
        for one in found.hits
    ]  # fmt: skip
    return {"hits": hits, "total": found.total, "near": list(found.near), "provenance": _of_catalog(asked_)}


def describe(asked_: Asked, takes: Named) -> dict[str, Any]:
    """Describe a product or a metric by its id.

    Of a product: owner, contract with the verdict on each claim, whether it is safe to use now. Of a metric: meaning,
    formula, unit, what it includes, and the dimensions it can be asked by. `also` names what else is called so.
    """
    with gone_is_told(asked_, [takes.name]):
        return _described(asked_, takes)


def _described(asked_: Asked, takes: Named) -> dict[str, Any]:
    products = [p.product.id for p in asked_.snapshot.products]
    catalogue = asked_.snapshot.catalogue
    kind, _, id_ = takes.name.rpartition(":")
    if id_ in products and kind in ("", "product"):
        also = [f"metric:{id_}"] if not kind and id_ in catalogue else []
        return _product(asked_, id_) | {"also": also}
    try:
        return _metric(asked_, catalogue, catalogue.metric(takes.name.removeprefix("metric:"))) | {"also": []}
    except FreeholdError as error:
        if error.code != "FH-N107":
            raise
        fix = near(takes.name, [*products, *(m.id for m in catalogue.metrics())]) or "Find it with search_products."
        raise FreeholdError("FH-N107", f"There is no product or metric `{takes.name}`.", fix=fix) from None


def _product(asked_: Asked, id_: str) -> dict[str, Any]:
    model = as_plain(shown_product(asked_, id_).model)
    assets = [{key: one[key] for key in ("id", "kind", "relation")} for one in model["assets"]]
    told = {key: model[key] for key in _OF_A_PRODUCT} | {"safe": model["safe"]["word"], "assets": assets}
    facts = {f["term"]: f["text"] or f["at"] or (f["mark"] or {}).get("word", "") for f in model["facts"]}
    told |= {"facts": facts, "contracts": _contracts(model), "deprecated": _deprecated(asked_, f"product:{id_}")}
    return {"kind": "product", "described": told, "provenance": _of_catalog(asked_)}


def _contracts(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is promised of columns, and whether it holds; no more of them than can be read."""
    left, found = _MOST_COLUMNS, []
    for part in model["contracts"]:
        columns = part["columns"][:left]
        left -= len(columns)
        told = [
            {"name": c["name"], "type": c["type"], "description": c["description"], "checks": _verdicts(c["checks"])}
            for c in columns
        ]
        head = {key: part[key] for key in ("asset", "name", "version", "description")}
        found.append(head | {"checks": _verdicts(part["checks"]), "columns": told})
    return found


def _verdicts(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{check['mark']['word']}: {check['claim']}" for check in checks]


def _metric(asked_: Asked, catalogue: Catalogue, one: Metric) -> dict[str, Any]:
    row = metric_row(asked_, catalogue, one)
    asks = Asks(asked_.served, asked_.snapshot, asked_.who)
    told = {
        "id": one.id, "status": one.status, "certified": one.status == "certified", "sentence": row.sentence,
        "includes": one.words.get("includes"), "excludes": one.words.get("excludes"), "unit": unit_in_data(row.unit),
        "owner": row.owner, "also_called": list(one.synonyms), "formula": formula_of(one),
        "reads": sorted(sources_of(catalogue, one)), "replaced_by": one.replaced_by,
        "deprecated": _deprecated(asked_, f"metric:{one.id}"),
        "dimensions": [
            {"name": d.name, "type": d.type, "description": d.description}
            for d in dimensions_of(asks.catalogue, [asks.catalogue.metric(one.id)]) if d.is_of_few
        ],
    }  # fmt: skip
    provenance = _of_catalog(asked_) | {"definitions": {one.id: definition_hash(catalogue, one)}}
    return {"kind": "metric", "described": told, "provenance": provenance}


def query_metric(asked_: Asked, takes: Queried) -> dict[str, Any]:
    """Ask one or several metrics for their values, by time and dimensions, from their one definition.

    The answer is what the token's owner may see. Metrics that nobody certified are refused unless `uncertified` is
    true. A question that has no one right answer is refused with what would do instead.
    """
    with gone_is_told(asked_, takes.metrics):
        _expect_certified(asked_.snapshot.catalogue, takes.metrics, uncertified=takes.uncertified)
    asks = Asks(asked_.served, asked_.snapshot, asked_.who)
    words = takes.model_dump(exclude={"uncertified"}) | {"having": None, "zone": None}
    answer = asks.answer(asked(**words | {"limit": takes.limit + 1}), MOST_ROWS + 1)
    answer = asked_.served.usage.answered(answer, words, asked_.who, env=asked_.snapshot.env, channel="mcp")
    told = as_object(asks.catalogue, answer)
    rows, is_cut = told["rows"][: takes.limit], len(told["rows"]) > takes.limit
    provenance = _of_answer(asked_, asks.catalogue, answer) | {"rows": len(rows), "truncated": is_cut or answer.is_cut}
    return {"columns": told["columns"], "rows": rows, "unfinished": told["unfinished"], "provenance": provenance}


def explain_number(asked_: Asked, takes: ToExplain) -> dict[str, Any]:
    """Explain why a metric moved in a period.

    Which slices of rows make up the change, what was deployed, taken back or held then, by which definition and from
    which columns the number is computed, and the SQL. `notes` say what makes the comparison less than whole: tell them.
    """
    catalogue = asked_.snapshot.catalogue
    one = catalogue.metric(takes.metric)
    _expect_certified(catalogue, [one.id], uncertified=takes.uncertified)
    against = "year" if takes.against == "year" else ""
    period = period_of(asked_, catalogue, one, takes.grain, takes.period, against)
    if period is None:
        raise FreeholdError(
            "FH-A143", f"`{one.id}` has no value yet.", fix="What it is computed from has to be published."
        )
    asks = Asks(asked_.served, asked_.snapshot, asked_.who)
    found = asks.explain(one, (period.before, period.after), Question(where=takes.where).condition)
    told = found.to_json()
    if told["moved"]["after"]["value"] is None and told["moved"]["before"]["value"] is None:
        days = f"from {period.before[0]:%Y-%m-%d} to before {period.after[1]:%Y-%m-%d}"
        begins = f" Data begins {found.begins_at:%Y-%m-%d}." if found.begins_at else ""
        raise FreeholdError(
            "FH-A143", f"`{one.id}` has no value {days}.",
            fix=f"Explain a period that it has a value in; `query_metric` lists them.{begins}",
        )  # fmt: skip
    start, end = (instant.isoformat() for instant in period.after)
    words = {"metrics": [one.id], "where": takes.where or None, "start": start, "end": end}
    answer = asks.answer(asked([one.id], where=takes.where or None, start=start, end=end))
    answer = asked_.served.usage.answered(answer, words, asked_.who, env=asked_.snapshot.env, channel="mcp")
    provenance = _of_answer(asked_, asks.catalogue, answer) | {"rows": 1, "truncated": False}
    return {"metric": one.id, **{key: told[key] for key in _OF_AN_EXPLANATION}, "provenance": provenance}


def get_lineage(asked_: Asked, takes: Followed) -> dict[str, Any]:
    """Follow what an asset, a column or a metric goes into or comes from, hop by hop.

    With the way `drop`: who is hit if it goes.
    """
    catalog = asked_.served.listing.of(asked_.snapshot)
    with gone_is_told(asked_, [takes.of]):
        start = catalog.find(takes.of)
    hit: dict[str, Any] = {}
    if takes.way == "drop":
        radius = catalog.blast_radius(start)
        found = radius.reach
        hit = {"assets": radius.assets, "kinds": dict(radius.kinds),
               "metrics": [n.key.id for n in radius.metrics[:_MOST_NODES]],
               "dashboards": [n.key.id for n in radius.dashboards[:_MOST_NODES]], "owners": dict(radius.owners),
               "persons": radius.persons}  # fmt: skip
    else:
        found = catalog.reach(start, down=takes.way == "down", depth=takes.depth)
    hops = [
        {**hop.to_json(), "nodes": [node.to_json() for node in hop.nodes[:_MOST_NODES]],
         "more": hop.count - min(len(hop.nodes), _MOST_NODES)}
        for hop in found.hops
    ]  # fmt: skip
    told = {"of": str(start), "kind": start.key.kind, "way": takes.way, "hops": hops, "is_cut": found.is_cut}
    return told | {"hit": hit, "provenance": _of_catalog(asked_)}


def get_health(asked_: Asked, takes: Health) -> dict[str, Any]:
    """Tell whether products are safe to use now, and why not.

    Failing checks, open incidents, data in quarantine, late deliveries, promises kept, and how far the data reaches.
    """
    if takes.product:
        asked_.snapshot.product(takes.product)
    rows = [row for row in rows_of(asked_.snapshot) if takes.product in ("", row.id)]
    told = [
        {"product": row.id, "safe_to_use": row.safe.word, "reasons": list(row.reasons), "owner": row.owner,
         "fresh_as_of": row.fresh_as_of, "published_at": row.published_at, "quarantined": row.quarantined}
        for row in rows
    ]  # fmt: skip
    asked_for = (one for one in asked_.snapshot.products if takes.product in ("", one.product.id))
    found = {incident.id: incident for one in asked_for for incident in one.incidents}
    known = {one.id: one for one in Incidents(asked_).all()} if found else {}
    incidents = [
        {"incident": one.id, "severity": one.sev, "product": one.product, "assets": list(one.assets),
         "opened_at": one.detected_at, "acknowledged": one.acknowledged_at is not None, **_judged(known.get(one.id))}
        for one in found.values()
    ]  # fmt: skip
    slos = [
        {"slo": one.slo.id, "product": one.slo.product, "promise": str(one.slo), "state": one.state}
        for one in attained(asked_, product=takes.product)
    ]
    return {"products": told, "incidents": incidents, "slos": slos, "provenance": _of_catalog(asked_)}


def _judged(incident: Incident | None) -> dict[str, Any]:
    """Return where an incident began and what is suspected first, as far as that is known and may be seen."""
    if incident is None:
        return {"root": None, "suspect": None}
    first = incident.suspects[0]["said"] if incident.suspects else None
    return {"root": incident.root or None, "suspect": first}


def _expect_certified(catalogue: Catalogue, names: list[str], *, uncertified: bool) -> None:
    found = [catalogue.metric(name) for name in names]
    wrong = next((one for one in found if one.status != "certified"), None)
    if wrong is None or uncertified:
        return
    certified = [m.id for m in catalogue.metrics() if m.status == "certified"]
    instead = f" Certified ones are {', '.join(certified[:8])}." if certified else ""
    raise FreeholdError(
        "FH-A141", f"Nobody certified `{wrong.id}`: it is {wrong.status}.",
        fix=f"Ask with `uncertified: true` and say so wherever you use the number.{instead}",
    )  # fmt: skip


def _of_catalog(asked_: Asked) -> dict[str, Any]:
    snapshot = asked_.snapshot
    return {
        "as_of": snapshot.taken_at,
        "env": snapshot.env,
        "event": snapshot.sequence,
        "waits": snapshot.waits or None,
    }


def _deprecated(asked_: Asked, *names: str) -> dict[str, Any] | None:
    """Return what is told of the first of some things that is to be taken away; None where none is."""
    one = leaving_of(asked_, *names)
    return one.to_json() if one is not None else None


def _of_answer(asked_: Asked, catalogue: Catalogue, answer: Answer) -> dict[str, Any]:
    ids = answer.compiled.lowered.ids
    return {
        "query_id": answer.id,
        "definitions": {ids[name]: hash_ for name, hash_ in answer.definitions.items()},
        "certified": all(catalogue.metric(name).status == "certified" for name in answer.definitions),
        "as_of": utc(answer.data_until),
        "env": asked_.snapshot.env,
        "quality_state": answer.state,
        "policies": list(answer.policies),
        "notes": list(answer.notes),
        "deprecated": _deprecated(
            asked_, *(f"metric:{catalogue.metric(name).id}" for name in answer.definitions),
            *(f"asset:{s.name}" for s in answer.sources),
        ),
        "sources": [
            {"asset": s.name, "version": s.version or None, "state": s.state, "reasons": list(s.reasons)}
            for s in answer.sources
        ],
    }  # fmt: skip


def _tool(title: str, scope: str, takes: type[Takes], call: Callable[[Asked, Any], dict[str, Any]], *keys: str) -> Tool:
    told = " ".join((call.__doc__ or "").split())
    return Tool(call.__name__, title, told, scope, takes, _object(*keys), call)


_CATALOG, _NUMBERS = "catalog:read", "metrics:query"
TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        _tool("Search", _CATALOG, Searched, search_products, "hits", "total", "near"),
        _tool("Describe", _CATALOG, Named, describe, "kind", "described", "also"),
        _tool("Ask metrics", _NUMBERS, Queried, query_metric, "columns", "rows", "unfinished"),
        _tool(
            *("Explain a number", _NUMBERS, ToExplain, explain_number),
            *("metric", *_OF_AN_EXPLANATION),
        ),
        _tool("Lineage", _CATALOG, Followed, get_lineage, "of", "kind", "way", "hops", "is_cut", "hit"),
        _tool("Health", _CATALOG, Health, get_health, "products", "incidents", "slos"),
    )
}
