"""Apache Ossie: what is written conforms to the standard, says nothing wrong, and comes back as it was."""

# ruff: noqa: E501 - tables and models read better whole

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from freehold.estate import json_schema
from freehold.estate.document import Document
from freehold.estate.reading import read_documents
from freehold.metrics import Catalogue, Scope, asked, compiled
from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.ossie import to_ossie
from freehold.metrics.reading import models_of

from .conftest import MODEL, Shop, _table, catalogue_from, shop_catalogue

STANDARD = Path(__file__).parents[3] / "shared" / "data" / "standards" / "ossie"
needs_standard = pytest.mark.skipif(not STANDARD.is_dir(), reason=f"the published standard is not at {STANDARD}")


def documents() -> dict[str, Document]:
    """Return the shop's files, by the name of their model."""
    return {str(d.value["name"]): d for d in read_documents(MODEL.read_bytes(), "shop.yaml")}


def exported() -> dict[str, object]:
    """Return the shop as Ossie has it."""
    return to_ossie(shop_catalogue(), ["shop", "clocks"], documents())


def read_back(said: dict[str, object]) -> Catalogue:
    """Return the models of a document of Ossie."""
    (document,) = read_documents(yaml.safe_dump(said, sort_keys=False).encode(), "ossie.yaml")
    return Catalogue({model.name: model for model in models_of(document)})


def test_what_is_written_comes_back_as_it_was() -> None:
    """Every metric has the same definition and words after a round trip, those the standard cannot say among them."""
    before, after = shop_catalogue(), read_back(exported())

    told = {m.id: (definition_hash(before, m), dict(m.words), m.synonyms, m.tests) for m in before.metrics()}
    back = {m.id: (definition_hash(after, m), dict(m.words), m.synonyms, m.tests) for m in after.metrics()}

    assert told == back
    assert [m.keys for m in after.models["shop"].datasets.values()] == [
        m.keys for m in before.models["shop"].datasets.values()
    ]


def test_a_second_round_trip_changes_nothing() -> None:
    """Written, read and written again, the document is the same."""
    once = exported()
    (document,) = read_documents(yaml.safe_dump(once, sort_keys=False).encode(), "ossie.yaml")
    models = models_of(document)
    catalogue = Catalogue({m.name: m for m in models})

    again = to_ossie(catalogue, [m.name for m in models], {"shop": document})

    assert once == again


def test_rollups_come_back_as_they_were() -> None:
    """What is kept of a model travels in our extension, words and order included."""
    text = "rollups:\n  daily: {metrics: [revenue, units], by: [day, buyer.country, 'buyer.signed_up:month'], description: For home.}\n"
    whole = MODEL.read_text().split("---")[0] + text
    (document,) = read_documents(whole.encode(), "shop.yaml")
    catalogue = catalogue_from(whole)

    back = read_back(to_ossie(catalogue, ["shop"], {"shop": document}))

    before, after = catalogue.models["shop"].rollups["daily"], back.models["shop"].rollups["daily"]
    assert (before.metrics, before.by, before.description) == (after.metrics, after.by, after.description)


def test_a_metric_the_standard_cannot_say_is_not_said_wrong() -> None:
    """Windows, balances, conversions and shares stand in our extension alone; others stand as one expression."""
    said = exported()
    (shop, _) = said["semantic_model"]  # type: ignore[misc]
    names = {m["name"]: m["expression"]["dialects"][0]["expression"] for m in shop["metrics"]}

    assert not {"revenue_28d", "revenue_mtd", "growth", "balance", "bought", "share", "big_buyers"} & names.keys()
    assert "CAST" not in names["web_share"]
    assert (
        names["web_share"]
        == "COUNT(CASE WHEN orders.is_web THEN orders.order_id END) / NULLIF(COUNT(orders.order_id), 0)"
    )
    assert names["us_revenue"] == "SUM(CASE WHEN buyer.country = 'US' THEN items.amount END)"


def test_an_expression_that_stands_alone_gives_the_same_number(small: Shop) -> None:
    """What other tools are told, read as a metric of its own, gives our number."""
    (shop, _) = exported()["semantic_model"]  # type: ignore[misc]
    for one in shop["metrics"]:
        one.pop("custom_extensions", None)
    for extension in shop["custom_extensions"]:
        extension["data"] = json.dumps({k: v for k, v in json.loads(extension["data"]).items() if k != "metrics"})
    alone = read_back({"version": "0.2.0.dev0", "semantic_model": [shop]})
    other = Shop(alone, small.session, "duckdb")

    for one in shop["metrics"]:
        assert small.ask(f"shop.{one['name']}") == other.ask(one["name"]), one["name"]


@needs_standard
def test_what_is_written_conforms_to_the_published_standard() -> None:
    """The schema that the standard publishes accepts our export."""
    schema = json.loads((STANDARD / "osi-schema.json").read_text())

    assert [str(e) for e in jsonschema_rs.validator_for(schema).iter_errors(exported())] == []


@needs_standard
def test_our_schema_takes_what_the_standard_takes() -> None:
    """The published example conforms to our schema, is read, and each of its metrics compiles."""
    content = (STANDARD / "tpcds_semantic_model.yaml").read_bytes()
    (document,) = read_documents(content, "tpcds.yaml")
    validator = jsonschema_rs.Draft201909Validator(json_schema("SemanticModel"))

    assert [str(e) for e in validator.iter_errors(document.value)] == []

    models = models_of(document)
    catalogue = Catalogue({m.name: m for m in models})
    for metric in catalogue.metrics():
        compiled(Scope(catalogue, _table), asked([metric.id]))


def test_the_short_form_and_the_long_one_are_one_model() -> None:
    """A model written in either form means the same."""
    short = catalogue_from(
        "name: x\ndatasets: {t: {source: a.b, primary_key: [id], time: d, fields: {id: , v: {datatype: Decimal}, "
        "d: {datatype: Date}, w: v * 2}}}\nmetrics: {m: {expression: SUM(t.w), synonyms: [mm]}, r: {expression: m, window: 7d}}"
    )
    long = to_ossie(short, ["x"], {"x": _document(short)})

    assert {m.id: definition_hash(short, m) for m in short.metrics()} == {
        m.id: definition_hash(read_back(long), m) for m in read_back(long).metrics()
    }


def _document(catalogue: Catalogue) -> Document:
    text = (
        "name: x\ndatasets: {t: {source: a.b, primary_key: [id], time: d, fields: {id: , v: {datatype: Decimal}, "
        "d: {datatype: Date}, w: v * 2}}}\nmetrics: {m: {expression: SUM(t.w), synonyms: [mm]}, r: {expression: m, window: 7d}}"
    )
    assert "x" in catalogue.models
    return read_documents(text.encode(), "x.yaml")[0]
