"""What is shipped: the assets, whole, in wheel and sdist; and a wheel that serves them where there is no Node."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATIC = "freehold/server/web/static/"
UV = shutil.which("uv") or str(ROOT / ".tools/bin/uv")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout and the wheel that is built from that sdist, where no Node is found."""
    if not Path(UV).is_file():
        pytest.skip("uv, which builds the package, is not there")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "--quiet", "--sdist", "--out-dir", str(folder), str(ROOT)], check=True, timeout=300)
    sdist = next(folder.glob("*.tar.gz"))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    source = next((folder / "unpacked").iterdir())
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)], check=True, timeout=300)
    assert not (source / "web" / "node_modules").exists(), "the sdist needed Node to be built"
    return folder


def test_the_sdist_holds_sources_and_what_was_built(built: Path) -> None:
    """So that a build from it needs no Node."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"hatch_build.py", "web/package-lock.json", "web/build.mjs", f"src/{STATIC}manifest.json"} <= names
    assert not [name for name in names if "node_modules" in name]


def test_the_wheel_holds_every_asset_of_its_manifest(built: Path) -> None:
    """And the licences of what was bundled."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        manifest = json.loads(wheel.read(f"{STATIC}manifest.json"))

    assert {f"{STATIC}{file}" for file in manifest.values()} <= names
    assert len([name for name in names if name.startswith(f"{STATIC}licenses/")]) == 3
    assert "freehold/server/web/templates/layout.html" in names


def test_a_wheel_in_a_clean_environment_serves_its_assets(built: Path, made_estate: Path, tmp_path: Path) -> None:
    """Where neither Node nor npm is on the path, each asset is served, whole and for ever."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")], check=True)
    wheel = next(built.glob("*.whl"))
    subprocess.run([UV, "pip", "install", "--quiet", "--python", str(python), str(wheel)], check=True, timeout=300)
    code = (
        "import asyncio, json, sys\n"
        "from freehold.server import create_app\n"
        "from freehold.server.web.assets import STATIC\n"
        "app = create_app(sys.argv[1])\n"
        "async def ask(path):\n"
        "    sent = []\n"
        "    scope = {'type': 'http', 'http_version': '1.1', 'method': 'GET', 'path': path, 'raw_path': b'/',\n"
        "             'query_string': b'', 'headers': [(b'host', b'127.0.0.1:8765')], 'client': ('127.0.0.1', 1),\n"
        "             'server': ('127.0.0.1', 8765), 'scheme': 'http', 'root_path': ''}\n"
        "    async def receive(): return {'type': 'http.request', 'body': b'', 'more_body': False}\n"
        "    async def send(message): sent.append(message)\n"
        "    await app(scope, receive, send)\n"
        "    body = b''.join(m.get('body', b'') for m in sent)\n"
        "    return sent[0]['status'], dict(sent[0]['headers']).get(b'cache-control', b'').decode(), len(body)\n"
        "names = json.loads((STATIC / 'manifest.json').read_text()).values()\n"
        "print(json.dumps({'from': str(STATIC), 'served': {n: asyncio.run(ask('/-/static/' + n)) for n in names}}))\n"
    )
    environment = {**os.environ, "PATH": str(tmp_path / "venv" / "bin")}
    command = [str(python), "-c", code, str(made_estate)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert str(tmp_path) in told["from"]
    assert len(told["served"]) >= 10
    for name, (status, cached, size) in told["served"].items():
        assert (status, "immutable" in cached, size > 100) == (200, True, True), name


def test_a_build_without_assets_fails(tmp_path: Path) -> None:
    """Rather than ship pages that cannot be shown."""
    hook = runpy.run_path(str(ROOT / "hatch_build.py"))

    with pytest.raises(RuntimeError, match=r"manifest\.json missing"):
        hook["make"](tmp_path)


def test_assets_are_built_anew_when_their_sources_change(tmp_path: Path) -> None:
    """And only then."""
    hook = runpy.run_path(str(ROOT / "hatch_build.py"))
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(ROOT / "src" / STATIC, tmp_path / "src" / STATIC)
    assert not hook["is_stale"](tmp_path)
    (tmp_path / "web/css/tokens.css").write_text("")

    assert hook["is_stale"](tmp_path)


def test_the_lock_of_the_assets_names_no_host() -> None:
    """It holds what was chosen, with its hashes; from which registry is for whoever installs."""
    lock = (ROOT / "web/package-lock.json").read_text()

    assert "resolved" not in lock
    assert not re.search(r"https?://(?!(opencollective|github|tidelift|www)\b)", lock)
    assert lock.count('"integrity"') > 10
