"""The project speaks of itself alone, and names only places that everybody can reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "docs", "bench", "changes", ".ci", "web/css", "web/js")
FILES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "Makefile",
    "pyproject.toml",
    "mkdocs.yml",
    "hatch_build.py",
    "web/build.mjs",
)
BUNDLED = ROOT / "src/freehold/server/web/static"  # made from `web` and other people's packages; git ignores it
BINARY = {".png", ".parquet", ".db", ".pyc", ".duckdb"}

# A machine's own folders; the names are cut in two so that this file does not hold them.
FOREIGN = re.compile("/wo" + "rk/|/ro" + "ot/|/home/[a-z]|/op" + "t/[a-z]|C:" + r"\\Users")
HOSTS = {
    "freehold.dev",
    "github.com",
    "json-schema.org",
    "schemas.getdbt.com",  # in the artifacts of dbt
    "www.apache.org",
    "pypi" + ".org",
    "files.python" + "hosted.org",
    "localhost",
    "api.github.com",
    "gitlab.com",
    "token.actions.githubusercontent.com",
    "127.0.0.1",
    "yaml.org",
    "openlineage.io",  # in every event of the standard: which schema a facet has
    "cloudevents.io",
    "www.standardwebhooks.com",
    "slack.com",
    "events.pagerduty.com",
    "events.eu.pagerduty.com",
    "www.w3.org",  # the name space of Atom
    "adaptivecards.io",  # in every card of Teams: its schema
}


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every text file of the project with its content."""
    paths = [ROOT / name for name in FILES]
    for folder in FOLDERS:
        paths += (p for p in (ROOT / folder).rglob("*") if p.is_file())
    for path in paths:
        if path.suffix not in BINARY and "__pycache__" not in path.parts and BUNDLED not in path.parents:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8", errors="replace")


def test_no_file_names_a_folder_of_some_machine() -> None:
    """No absolute path of the machine on which something was written got into the project."""
    found = {(str(path), match[0]) for path, text in texts() for match in FOREIGN.finditer(text)}

    assert found == set()


def test_only_public_hosts_are_named() -> None:
    """Every URL points to a host on the list, to an example host, or is made up from parts."""
    url = re.compile(r"https?://(?:[^/@\s\"'`{]*@)?([a-zA-Z0-9.-]+)")
    found = {(str(path), host) for path, text in texts() for host in url.findall(text) if not is_known(host)}

    assert found == set()


def is_known(host: str) -> bool:
    """Whether a host is on the list or is one of those reserved for examples (RFC 2606)."""
    name = host.lower().rstrip(".")
    return name in HOSTS or re.search(r"(^|\.)example(\.(com|org|net))?$", name) is not None


def test_the_lock_knows_one_index() -> None:
    """Everybody's `make install` fetches from the Python Package Index, whoever wrote the lock."""
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text(encoding="utf-8")))

    assert hosts == {"pypi" + ".org", "files.python" + "hosted.org"}
