"""Products, teams, calendars and all other kinds but contracts, from documents that have passed their schema."""

from __future__ import annotations

import shlex
from typing import Any

from freehold.estate.contracts import custom, custom_where, entries
from freehold.estate.dashboards import DashboardFiles
from freehold.estate.document import Document, Step
from freehold.estate.files import decision_id
from freehold.estate.model import Calendar, Connection, DbtProject, Environment, Port, Product, Resource, Team

DEFAULT_STATE = "sqlite:///.freehold/state.db"


def product_from(document: Document) -> Product:
    """Return the product a valid ODPS document holds."""
    said = document.value
    ours = custom(said)
    return Product(
        id=said["id"],
        where=document.where("id"),
        name=said.get("name"),
        version=said.get("version"),
        status=said["status"],
        domain=said.get("domain"),
        description=said.get("description", {}),
        input_ports=tuple(_port(document, path, port) for path, port in entries(said, (), "inputPorts")),
        output_ports=tuple(_port(document, path, port) for path, port in entries(said, (), "outputPorts")),
        team=said.get("team", {}).get("name"),
        tier=ours.get("freehold:tier", 3),
        mode=ours.get("freehold:mode", "publish"),
        audience=ours.get("freehold:audience", {}),
        custom=ours,
        custom_where=custom_where(document, (), said),
    )


def team_from(document: Document) -> Team:
    """Return the team a valid document holds."""
    spec = document.value["spec"]
    return Team(
        id=document.value["metadata"]["id"],
        where=document.where("metadata", "id"),
        name=document.value["metadata"].get("name"),
        members=tuple(spec.get("members", ())),
        roles={role: tuple(people) for role, people in spec.get("roles", {}).items()},
        spec=spec,
    )


def calendar_from(document: Document) -> Calendar:
    """Return the calendar a valid document holds."""
    said = document.value
    return Calendar(id=said["metadata"]["id"], where=document.where("metadata", "id"), spec=said["spec"])


def resource_from(document: Document) -> Resource:
    """Return a resource of a kind that this version does not interpret further."""
    said = document.value
    metadata = said["metadata"]
    return Resource(said["kind"], metadata["id"], document.where("metadata", "id"), metadata, said["spec"], document)


def slo_from(document: Document) -> Resource:
    """Return an SLO; OpenSLO calls the id a name, and the name a display name."""
    said = document.value
    metadata = said["metadata"]
    ours = {"id": metadata["name"], "name": metadata.get("displayName", ""), **metadata.get("annotations", {})}
    return Resource("SLO", metadata["name"], document.where("metadata", "name"), ours, said["spec"], document)


def decision_from(document: Document, text: str) -> Resource:
    """Return a decision: the front matter is its metadata, the text below is `spec.text`."""
    return Resource("Decision", decision_id(document), document.where("id"), document.value, {"text": text}, document)


def written_from(document: Document, text: str) -> Resource:
    """Return a document of kind Document: `spec.text` is its template, as far down as it stands in its file."""
    resource = resource_from(document)
    return Resource(
        resource.kind, resource.id, resource.where, resource.metadata, {**resource.spec, "text": text}, document
    )


def connections_from(document: Document) -> dict[str, Connection]:
    """Return the connections of an Estate document, by name."""
    return {
        name: Connection(
            name=name,
            url=said["url"],
            where=document.where_key("spec", "connections", name),
            settings={key: value for key, value in said.items() if key != "url"},
        )
        for name, said in document.value["spec"]["connections"].items()
    }


def state_from(document: Document) -> tuple[str, dict[str, Any]]:
    """Return the URL at which an Estate document keeps the ledger, and what else it says to reach it."""
    said = document.value["spec"].get("state", DEFAULT_STATE)
    if isinstance(said, str):
        return said, {}
    return said["url"], {key: value for key, value in said.items() if key != "url"}


def environments_from(document: Document) -> dict[str, Environment]:
    """Return the environments of an Estate document, by name."""
    return {
        name: Environment(
            name=name,
            connection=said["connection"],
            where=document.where_key("spec", "environments", name),
            protected=said.get("protected", False),
            defer_to=said.get("defer_to"),
            ttl=said.get("ttl"),
        )
        for name, said in document.value["spec"]["environments"].items()
    }


def dashboards_from(document: Document) -> tuple[DashboardFiles, ...]:
    """Return where an Estate document says that dashboards are told of, in its order."""
    found = []
    for index, said in enumerate(document.value["spec"].get("dashboards", ())):
        where = document.where("spec", "dashboards", index)
        entry = {"path": said} if isinstance(said, str) else said
        found.append(DashboardFiles(where=where, **entry))
    return tuple(found)


def dbt_from(document: Document) -> tuple[DbtProject, ...]:
    """Return the dbt projects that an Estate document names."""
    return tuple(
        DbtProject(
            project=said["project"],
            target=said.get("target", "target"),
            where=document.where("spec", "dbt", number),
            command=_words(said.get("command", "dbt")),
            target_name=said.get("target_name", "freehold"),
            output=said.get("output", {}),
            timeout=said.get("timeout", "1h"),
        )
        for number, said in enumerate(document.value["spec"].get("dbt", ()))
    )


def _words(command: str | list[str]) -> tuple[str, ...]:
    """Return the words of a command that may be written as a text; no shell reads it."""
    return tuple(shlex.split(command) if isinstance(command, str) else command)


def defaults_from(document: Document) -> dict[str, Any]:
    """Return the defaults of an Estate document; tiers go by their number."""
    said = dict(document.value["spec"].get("defaults", {}))
    if "tiers" in said:
        said["tiers"] = {int(tier): demands for tier, demands in said["tiers"].items()}
    return said


def _port(document: Document, path: tuple[Step, ...], said: dict[str, Any]) -> Port:
    return Port(
        name=said["name"],
        where=document.where(*path),
        version=said.get("version"),
        contract_id=said.get("contractId"),
        description=said.get("description"),
        custom=custom(said),
    )
