"""Pipelines of a forge that plan on a pull request and apply on merge, as files to be kept in git."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Template
from typing import Any

from freehold import __version__
from freehold.estate.model import Estate
from freehold.estate.schemas import SHIPPED

PLACES = {"github": ".github/workflows/freehold.yml", "gitlab": ".gitlab-ci.yml"}
_TEMPLATES = SHIPPED.parent / "templates" / "pipelines"
_OWN = "GITHUB_TOKEN"  # GitHub gives it to every job
_SHOWN = {"github": 'freehold plan --format markdown >> "$GITHUB_STEP_SUMMARY"', "gitlab": "freehold plan"}
_PREVIEW = "pr-"  # environments so named are made for pull requests


class _Filled(Template):
    delimiter = "%%"


def pipeline(estate: Estate, kind: str, *, runner: str = "", folder: str = "") -> str:
    """Return the pipeline of an estate for `github` or `gitlab`.

    Args:
        estate: its connections say which secrets are wanted, its environments whether each pull request gets its own.
        kind: which forge.
        runner: the label of the runners that reach the warehouse; default: those of the forge, or one of your own
            where state or warehouse are files.
        folder: of the estate in the repository, where it is not the top of it.
    """
    on_server = all_on_servers(estate)
    hosted = {"github": "ubuntu-latest", "gitlab": "docker"}[kind]
    secrets = sorted(secrets_of(estate))
    has_previews = on_server and estate.environment(f"{_PREVIEW}1") is not None
    lines = {"github": _github, "gitlab": _gitlab}[kind](has_previews=has_previews)
    uses_postgres = any(c.url.startswith("postgres") for c in estate.connections.values())
    text = (_TEMPLATES / f"{kind}.yml").read_text(encoding="utf-8")
    for name, piece in lines.items():  # pieces hold marks of their own
        text = text.replace(f"%%{name}", piece)
    text = _Filled(text).substitute(
        branch=estate.reviews.get("branch", "main"),
        audience=estate.reviews.get("audience", "freehold"),
        runner=runner or (hosted if on_server else "self-hosted"),
        reader=runner or hosted if on_server or kind == "github" else "self-hosted",
        secrets=_environment(secrets),
        names=", ".join(secrets) or "none",
        folder=_folder(kind, folder),
        plan="freehold plan --comment" if estate.reviews else _SHOWN[kind],
        clean="" if on_server else ", clean: false",  # the files of state and warehouse stay from job to job
        extras="[postgres]" if uses_postgres or estate.state_url.startswith("postgres") else "",
        version=__version__,
    )
    return "\n".join(line for line in text.splitlines() if line.strip()) + "\n"


def all_on_servers(estate: Estate) -> bool:
    """Return whether every runner can reach state and warehouse: neither is a file of one machine."""
    urls = (estate.state_url, *(c.url for c in estate.connections.values()))
    return not any(url.startswith(("sqlite:", "duckdb:")) for url in urls)


def secrets_of(estate: Estate) -> set[str]:
    """Return the names of the environment variables that hold the secrets an estate refers to."""
    settings = (estate.state_settings, estate.reviews, *(c.settings for c in estate.connections.values()))
    return {name for said in settings for name in _named(said)}


def _named(said: Mapping[str, Any]) -> Iterator[str]:
    for value in said.values():
        if isinstance(value, str) and value.startswith("env:"):
            yield value.removeprefix("env:")


def _environment(secrets: list[str]) -> str:
    if not secrets:
        return ""
    given = {name: "github.token" if name == _OWN else f"secrets.{name}" for name in secrets}
    return "env:\n" + "\n".join(f"  {name}: ${{{{ {value} }}}}" for name, value in given.items())


def _folder(kind: str, folder: str) -> str:
    if not folder:
        return ""
    return f"    - cd {folder}" if kind == "gitlab" else f"defaults:\n  run: {{working-directory: {folder}}}"


def _github(*, has_previews: bool) -> dict[str, str]:
    if not has_previews:
        return {"preview": "", "gone": ""}
    env = f"{_PREVIEW}${{{{ github.event.pull_request.number }}}}"
    return {
        "preview": (
            "      - name: An environment with only what it changes\n"
            "        if: github.event_name == 'pull_request'\n"
            f"        run: freehold apply --yes --env {env}"
        ),
        "gone": (
            "  gone:\n"
            "    if: github.event_name == 'pull_request' && github.event.action == 'closed'\n"
            "    runs-on: %%runner\n"
            "    steps:\n"
            "      - uses: actions/checkout@v5\n"
            "      - uses: actions/setup-python@v6\n"
            '        with: {python-version: "3.12"}\n'
            "      - name: Install\n"
            "        run: pip install 'freehold%%extras==%%version'\n"
            "      - name: Take its environment away\n"
            f"        run: freehold environments drop --if-there {env}"
        ),
    }


def _gitlab(*, has_previews: bool) -> dict[str, str]:
    preview = f"    - freehold apply --yes --env {_PREVIEW}$CI_MERGE_REQUEST_IID"
    return {"preview": preview if has_previews else ""}
