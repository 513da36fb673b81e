"""Taking in what Apache Ossie describes: nothing is lost unsaid, and written again it is the same document."""

# ruff: noqa: E501 - files read better whole

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from freehold.estate.explaining import schema_errors
from freehold.estate.reading import read_documents
from freehold.foundation import FreeholdError, Problems
from freehold.metrics import Catalogue
from freehold.metrics.fingerprint import definition_hash
from freehold.metrics.ossie import to_ossie
from freehold.metrics.reading import models_of
from freehold.metrics.taking import Taken, taken_in

from .conftest import shop_catalogue
from .test_ossie import STANDARD, exported, needs_standard

FOREIGN = """
version: 0.2.0.dev0
semantic_model:
  - name: shop
    ai_context: {instructions: Ask twice., synonyms: [corner]}
    custom_extensions: [{vendor_name: OTHER, data: '{"a":  1}'}]
    datasets:
      - name: sales
        source: lake.shop.sales
        primary_key: [id]
        fields:
          - {name: id, expression: {dialects: [{dialect: ANSI_SQL, expression: id}]}}
          - {name: day, datatype: Date, dimension: {is_time: true}, expression: {dialects: [{dialect: ANSI_SQL, expression: sold}]}}
          - name: net
            expression: {dialects: [{dialect: SNOWFLAKE, expression: "gross::NUMBER"}, {dialect: ANSI_SQL, expression: gross - tax}]}
            custom_extensions: [{vendor_name: OTHER, data: nothing of JSON}]
    metrics:
      - name: revenue
        ai_context: What came in.
        expression: {dialects: [{dialect: ANSI_SQL, expression: SUM(sales.net)}]}
"""


def take(text: str, **said: Any) -> tuple[Taken, ...]:
    """Return the models of a file of Ossie."""
    return taken_in(read_documents(text.encode(), "ossie.yaml"), **said)


def written(taken: tuple[Taken, ...]) -> dict[str, Any]:
    """Return what was taken, read from its files and written to Ossie again."""
    documents = {one.model.name: read_documents(one.text.encode(), f"{one.model.name}.yaml")[0] for one in taken}
    assert [e for d in documents.values() for e in schema_errors(d, "SemanticModel")] == []
    models = [model for document in documents.values() for model in models_of(document)]
    return to_ossie(Catalogue({m.name: m for m in models}), [m.name for m in models], documents)


def test_what_we_export_comes_back_as_the_same_document() -> None:
    """Exported, taken in and exported again, not a word differs; and the files are in the short form."""
    said = exported()

    taken = take(yaml.safe_dump(said, sort_keys=False))

    assert written(taken) == said
    assert [one.text.splitlines()[0] for one in taken] == ["name: shop", "name: clocks"]
    assert all(one.left == () for one in taken)


def test_what_we_export_keeps_its_definitions() -> None:
    """Windows, balances, conversions and shares come back out of our extension."""
    before = shop_catalogue()
    documents = [
        read_documents(t.text.encode(), "m.yaml")[0] for t in take(yaml.safe_dump(exported(), sort_keys=False))
    ]
    after = Catalogue({m.name: m for d in documents for m in models_of(d)})

    assert {m.id: definition_hash(before, m) for m in before.metrics()} == {
        m.id: definition_hash(after, m) for m in after.metrics()
    }


def test_an_extension_keeps_its_order() -> None:
    """What stands in ours comes out word for word, in whatever order somebody wrote it."""
    said = yaml.safe_load(FOREIGN)
    data = '{"includes": "VAT", "expression": "net_sum", "unit": "GBP", "filter": "sales.day > \'2011-01-01\'"}'
    said["semantic_model"][0]["metrics"] += [
        {"name": "net_sum", "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": "SUM(sales.net)"}]}},
        {
            "name": "late",
            "expression": {
                "dialects": [
                    {"dialect": "ANSI_SQL", "expression": "SUM(CASE WHEN sales.day > '2011-01-01' THEN sales.net END)"}
                ]
            },
            "custom_extensions": [{"vendor_name": "FREEHOLD", "data": data}],
        },
    ]

    (model,) = written(take(yaml.safe_dump(said)))["semantic_model"]

    assert model["metrics"][2]["custom_extensions"] == [{"vendor_name": "FREEHOLD", "data": data}]


def test_what_others_add_is_kept_word_for_word() -> None:
    """Extensions of other vendors, whatever they hold, and contexts come out as they went in."""
    said = yaml.safe_load(FOREIGN)["semantic_model"][0]

    (model,) = written(take(FOREIGN))["semantic_model"]

    assert model["custom_extensions"] == said["custom_extensions"]
    assert model["ai_context"] == said["ai_context"]
    assert model["datasets"][0]["fields"][2]["custom_extensions"] == [
        {"vendor_name": "OTHER", "data": "nothing of JSON"}
    ]
    assert model["metrics"][0]["ai_context"] == "What came in."


def test_what_is_not_taken_is_named() -> None:
    """An expression for another engine is left, and said to be."""
    (one,) = take(FOREIGN)

    assert one.left == ("the field `sales.net` as SNOWFLAKE has it; `gross - tax` was taken",)


def test_a_dataset_reads_the_asset_of_its_table_where_there_is_one() -> None:
    """The file names the asset; the others keep the name that the warehouse has."""
    (one,) = take(FOREIGN, asset={"lake.shop.sales": "shop.sales"}.get)

    assert one.assets == {"sales": "shop.sales"}
    assert "    source: shop.sales\n" in one.text


def test_fields_that_a_contract_told_are_kept_where_there_is_no_contract() -> None:
    """An export names what it borrowed; read where the contract is not, those fields are there all the same."""
    said = yaml.safe_load(FOREIGN)
    extension = {"vendor_name": "FREEHOLD", "data": '{"from_contract": ["id", "net"]}'}
    said["semantic_model"][0]["datasets"][0]["custom_extensions"] = [extension]

    taken = take(yaml.safe_dump(said))

    assert list(taken[0].model.datasets["sales"].fields) == ["id", "day", "net"]
    assert written(taken)["semantic_model"][0]["datasets"][0]["custom_extensions"] == [extension]


def test_names_that_the_short_form_has_no_place_for_stay_in_the_standards_form() -> None:
    """A model may be called as people speak of it: then its file is in Ossie's form."""
    (one,) = take(FOREIGN.replace("- name: shop", "- name: The corner shop"))

    assert one.text.startswith("version: ")
    assert written((one,))["semantic_model"][0]["name"] == "The corner shop"


BAD = {
    "no semantic model": ("version: 1\nontology: []", "FH-N416", "FH-N416  ossie.yaml:1:1"),
    "an empty file": ("", "FH-N416", "nothing of the kind"),
    "a key that is misspelt": (FOREIGN.replace("datasets:", "data_sets:"), "FH-V1", "ossie.yaml:4:5"),
    "an expression that is none": (FOREIGN.replace("SUM(sales.net)", "SUM(sales.net"), "FH-N201", "ossie.yaml:20:21"),
    "a table in an expression": (
        FOREIGN.replace("SUM(sales.net)", '"SUM((SELECT 1 FROM x))"'), "FH-N202", "ossie.yaml:20:21",
    ),
    "an extension of ours that is no JSON": (
        FOREIGN.replace("vendor_name: OTHER, data: nothing", "vendor_name: FREEHOLD, data: nothing"),
        "FH-N415", "ossie.yaml:16:63",
    ),
    "no YAML": ("semantic_model: [", "FH-V0", "ossie.yaml"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_code_and_place(case: str) -> None:
    """What is wrong is told where it stands, and nothing is taken."""
    text, code, told = BAD[case]

    with pytest.raises((FreeholdError, Problems)) as caught:
        take(text)

    errors = getattr(caught.value, "errors", (caught.value,))
    assert errors[0].code.startswith(code)
    assert told in str(errors[0])


@needs_standard
def test_the_published_example_is_taken_and_comes_back() -> None:
    """All of the standard's own example is taken; a second time its file is the same, byte by byte."""
    taken = take((STANDARD / "tpcds_semantic_model.yaml").read_text())
    once = written(taken)

    again = take(yaml.safe_dump(once, sort_keys=False))

    assert len(taken[0].model.metrics) == 5
    assert taken[0].left == ()
    assert written(again) == once
    assert [e["vendor_name"] for e in once["semantic_model"][0]["custom_extensions"]] == ["SALESFORCE", "DBT"]


@needs_standard
def test_the_published_ontology_is_refused_by_type() -> None:
    """An ontology has concepts and no metrics: it is said to be something else."""
    with pytest.raises(FreeholdError, match="FH-N416"):
        take((Path(STANDARD) / "flights.yaml").read_text())
