"""The JSON Schema of each kind of file: the standard's own for contracts, ours for the rest. Read and compiled once."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freehold.foundation import Exit, FreeholdError, near

OURS = "freehold.dev/v1"
CONTRACT_VERSIONS = ("v3.2.0", "v3.1.0", "v3.0.2", "v3.0.1", "v3.0.0")
PRODUCT_VERSIONS = ("v1.0.0", "v0.9.0")
SHIPPED = Path(__file__).parent.parent / "builtin" / "schemas"

KINDS: dict[str, str] = {
    "Estate": "the one file that must exist: connections, environments, defaults",
    "Team": "who answers, by reference to the identity provider",
    "ServiceAccount": "a program that signs in as itself, and who answers for it",
    "Subscription": "who is told of events by webhook: where, of what, with whose eyes",
    "Hook": "who files work items from outside by webhook, in whose name",
    "Tracker": "Jira, Linear or ServiceNow, whose issues are work items",
    "Channel": "where people are told that a decision waits: Slack, Teams or a webhook",
    "Brief": "what a home page says, sent once a week",
    "Alerting": "who is notified of which alerts, and when",
    "Calendar": "the working days and hours of people",
    "DataProduct": "a product: what it reads, what it promises (ODPS 1.0)",
    "DataContract": "the promise about a table or file (ODCS 3.0 to 3.2)",
    "SemanticModel": "datasets, how they join, and metrics (Apache Ossie, or its short form)",
    "Objective": "an objective with its key results",
    "KPI": "a figure somebody answers for",
    "Document": "a document that is written from evidence: facts in its front matter, a template below (Markdown)",
    "RuleSet": "rules over the facts of assets",
    "Waiver": "an exemption from a rule, for a time",
    "Assessment": "answers to what only a person can tell, for a time",
    "DataPolicy": "who may see which rows of an asset, and which columns in another form",
    "SLO": "how often a promise is to be kept, over which window (OpenSLO v1)",
    "Workflow": "the states and moves of a kind of work item",
    "AIUseCase": "a use of AI: purpose, users, risk, evaluation",
    "Decision": "the front matter of a decision in Markdown",
}
_STANDARD = ("DataProduct", "DataContract", "SemanticModel", "Decision", "SLO")
ENVELOPED = tuple(kind for kind in KINDS if kind not in _STANDARD)


@cache
def json_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2019-09) of a kind of file.

    Raises:
        FreeholdError: FH-V113 there is no such kind; names the near ones.
    """
    if kind not in KINDS:
        by_case = {known.lower(): known for known in KINDS}
        meant = f"Did you mean `{by_case[kind.lower()]}`?" if kind.lower() in by_case else near(kind, KINDS)
        raise FreeholdError(
            "FH-V113",
            f"There is no kind `{kind}`.",
            fix=meant or f"Use one of: {', '.join(KINDS)}.",
            exit_code=Exit.USAGE,
        )
    schema = _contract_schema() if kind == "DataContract" else _read(SHIPPED / f"{kind}.json")
    if kind == "KPI":  # its datasets and metrics are those of a semantic model
        schema["$defs"] |= {n: d for n, d in _read(SHIPPED / "SemanticModel.json")["$defs"].items() if n != "Ossie"}
    if kind in ("DataContract", "DataProduct"):
        # Examples are what editors offer; they do not change what is valid.
        names = {f"freehold:{name}" for place, names in custom_properties().items() for name in names
                 if (place == "product") is (kind == "DataProduct")}  # fmt: skip
        schema["$defs"]["CustomProperty"]["properties"]["property"]["examples"] = sorted(names)
    return schema


@cache
def validator(kind: str) -> Any:
    """Return the compiled validator of a kind (a `jsonschema_rs` Draft 2019-09 validator)."""
    import jsonschema_rs

    # That a date is a day of the calendar is a format, which is held to where the schema is ours.
    return jsonschema_rs.Draft201909Validator(json_schema(kind), validate_formats=kind != "DataContract")


@cache
def custom_properties() -> dict[str, dict[str, dict[str, Any]]]:
    """Return the schema of each name under `freehold:`, by the place it may stand in (product, contract, quality …)."""
    places: dict[str, dict[str, dict[str, Any]]] = _read(SHIPPED / "custom_properties.json")["places"]
    return places


@cache
def custom_validator(place: str, name: str) -> Any:
    """Return the compiled validator of the value of one custom property of ours."""
    import jsonschema_rs

    return jsonschema_rs.Draft201909Validator(custom_properties()[place][name], validate_formats=True)


def _contract_schema() -> dict[str, Any]:
    # The package's model takes 0.3 s to import; its schema is a file beside it, found without importing anything.
    spec = find_spec("open_data_contract_standard")
    if spec is None or spec.origin is None:
        raise FreeholdError(
            "FH-V114",
            "The schema of the Open Data Contract Standard is not installed.",
            fix="Install the package open-data-contract-standard, or Freehold again.",
            exit_code=Exit.ENVIRONMENT,
        )
    schema = _read(Path(spec.origin).parent / "schema.json")
    # The file also admits 2.2, whose contracts have another shape altogether.
    schema["properties"]["apiVersion"]["enum"] = list(CONTRACT_VERSIONS)
    return schema


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return read
