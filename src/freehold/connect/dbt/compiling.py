"""What dbt makes of a project before anything is built: compiled for an environment, without touching the project.

The artifacts are kept in a folder of the estate. In their SQL every relation is called as the project itself would call
it in a schema where nothing stands yet, so that two compilations of one project say the same, whatever stands.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.connect.dbt import artifacts
from freehold.connect.dbt.artifacts import CATALOG, MANIFEST, SEMANTICS, Place
from freehold.connect.dbt.calling import Ended, call, failed, program
from freehold.connect.dbt.manifest import read_project
from freehold.connect.dbt.model import Project
from freehold.connect.dbt.profile import NAME, Connection, profile
from freehold.connect.dbt.versions import folder_of
from freehold.delivery.arrival import duration
from freehold.engines import Relation
from freehold.foundation import FreeholdError

if TYPE_CHECKING:
    from freehold.estate.model import DbtProject, Estate

Standing = Mapping[str, Relation]
"""Where what dbt has built stands, by the unique id of its node."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One dbt project, with all that is needed to call dbt for it in one environment."""

    said: DbtProject
    estate_root: Path
    env: str
    connection: Connection

    @classmethod
    def of(cls, estate: Estate, said: DbtProject, env: str, connection: Connection) -> Caller:
        """Return the caller for a project of an estate."""
        return cls(said, estate.root, env, connection)

    @property
    def project(self) -> Path:
        """The folder of dbt_project.yml."""
        return (self.estate_root / self.said.project).resolve()

    @property
    def target(self) -> Path:
        """Where dbt leaves its artifacts when we call it."""
        return folder_of(self.estate_root, self.said, self.env, "target")

    def schema(self, token: int) -> str:
        """Return where dbt writes for whoever holds a token; custom schemas of the project come behind it."""
        return f"{schemas_of(self.env)}{token}"

    def call(self, words: list[str], token: int, standing: Standing) -> Ended:
        """Call dbt; what it does not build or find in its schema, it reads where it stands.

        Raises:
            FreeholdError: FH-X110 there is no project; FH-X120, FH-X122, FH-X124.
        """
        if not (self.project / artifacts.PROJECT_FILE).is_file():
            raise artifacts.no_project(self.project, self.said.where)
        there = self.connection
        if words[0] == "compile" and there.file is not None and not there.file.exists():
            there = replace(there, url="duckdb://")  # to compile makes no warehouse
        made = profile(there, self.schema(token), self.said.target_name, self.said.output)
        with tempfile.TemporaryDirectory(prefix="freehold-dbt-") as scratch:
            folder = Path(scratch)
            (folder / "profiles.yml").write_text(made.text, encoding="utf-8")
            options = ["--profiles-dir", scratch, "--profile", NAME, "--target", self.said.target_name]
            options += ["--project-dir", str(self.project), "--target-path", str(self.target)]
            options += ["--log-path", str(folder_of(self.estate_root, self.said, self.env, "logs"))]
            if standing and (state := self._state(standing)) is not None:
                (folder / "state").mkdir()
                (folder / "state" / MANIFEST).write_text(json.dumps(state), encoding="utf-8")
                options += ["--defer", "--favor-state", "--state", str(folder / "state")]
            return call(
                *(self.said.command, [words[0], *options, *words[1:]], self.project, self.estate_root),
                environ=made.environ,
                timeout_s=_seconds(self.said.timeout),
                where=self.said.where,
            )

    def _state(self, standing: Standing) -> dict[str, Any] | None:
        """Return a manifest in which every node that stands is where it stands, None if dbt never wrote one here."""
        path = self.target / MANIFEST
        if not path.is_file():
            return None
        said: dict[str, Any] = json.loads(path.read_bytes())
        for id_, node in said["nodes"].items():
            if (place := standing.get(id_)) is not None:
                node |= {"schema": place.schema, "alias": place.name, "relation_name": _called(node, place)}
        return said


def schemas_of(env: str) -> str:
    """Return what the names of all schemas begin with in which dbt builds for an environment."""
    return f"freehold_{hashlib.sha256(env.encode()).hexdigest()[:8]}_"


def compile_project(caller: Caller, standing: Standing) -> Project:
    """Have dbt compile a project for an environment; keep what it makes, and return it.

    Args:
        caller: of the project.
        standing: where what it has built before stands, for models that ask the warehouse while they compile.

    Raises:
        FreeholdError: FH-X121 dbt does not compile it; FH-X110 to FH-X114 and FH-X120 to FH-X124.
    """
    ended = caller.call(["compile", "--full-refresh"], 0, standing)
    if ended.code:
        raise failed(ended, caller.project, caller.estate_root, f"compile the project `{caller.project.name}`")
    read_project(Place(caller.project, caller.target))  # refused before it takes the place of what is good
    folder, fresh = compiled_in(caller), folder_of(caller.estate_root, caller.said, caller.env, "fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    text = _canonical(json.loads((caller.target / MANIFEST).read_bytes()), standing)
    (fresh / MANIFEST).write_text(text, encoding="utf-8")
    _take_along(caller, fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    return read_project(Place(caller.project, folder))


def compiled_in(caller: Caller) -> Path:
    """Return the folder that a project was compiled into last."""
    return folder_of(caller.estate_root, caller.said, caller.env, "compiled")


def _take_along(caller: Caller, fresh: Path) -> None:
    """Keep beside the manifest what only the team's own dbt writes: the columns of sources, and semantic models."""
    theirs = Place(caller.project, caller.project / caller.said.target)
    for name, place in ((CATALOG, theirs), (SEMANTICS, Place(caller.project, caller.target))):
        if (path := place.file(name)) is not None:
            shutil.copy(path, fresh / path.name)


def _canonical(said: dict[str, Any], standing: Standing) -> str:
    """Return a manifest whose SQL calls what stands as the project would call it, were it built in its schema."""
    calls = {}
    for id_, node in said["nodes"].items():
        if (place := standing.get(id_)) is not None and node.get("relation_name"):
            calls[_called(node, place)] = node["relation_name"]
    for node in said["nodes"].values():
        text = node.get("compiled_code")
        if text:
            for stands, usual in calls.items():
                text = text.replace(stands, usual)
            node["compiled_code"] = text
    return json.dumps(said)


def _called(node: Mapping[str, Any], place: Relation) -> str:
    """Return the name of a relation as dbt writes it into SQL: all parts quoted, since it is told so."""
    database = f'"{node["database"]}".' if node.get("database") else ""
    return f'{database}"{place.schema}"."{place.name}"'


def _seconds(timeout: str) -> float:
    return float(timeout[:-1]) if timeout.endswith("s") else duration(timeout).total_seconds()


def is_called(caller: Caller) -> bool:
    """Say whether the command that calls dbt is there."""
    try:
        program(caller.said.command[0], caller.estate_root, caller.said.where)
    except FreeholdError:
        return False
    return True
