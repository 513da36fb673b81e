"""The demo's git repository: what was decided about its files, and when, as commits at simulated times.

Only a repository that the demo has begun is ever written to, and git is asked for nothing that a user configured.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

BRANCH = "main"
_AUTHOR = ("Larkfield Gifts (simulated)", "simulated@larkfield.invalid")


class Repository:
    """The git repository of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def begin(cls, folder: Path, *, without: str) -> Repository | None:
        """Begin a repository in a folder, which keeps one file out; None where there is no git, or one already is."""
        if shutil.which("git") is None or (folder / ".git").exists():
            return None
        found = cls(folder)
        found._git("init", "--quiet")
        found._git("symbolic-ref", "HEAD", f"refs/heads/{BRANCH}")
        exclude = folder / ".git" / "info" / "exclude"
        exclude.parent.mkdir(parents=True, exist_ok=True)
        exclude.write_text(f"{without}\n", encoding="utf-8")
        return found

    def commit(self, title: str, at: datetime) -> None:
        """Commit all files of the folder as they are, if they differ from the last commit."""
        self._git("add", "--all")
        if self._git("status", "--porcelain"):
            self._git("commit", "--quiet", "--message", title, at=at)

    def _git(self, *words: str, at: datetime | None = None) -> str:
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        own |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        for who in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{who}_NAME": _AUTHOR[0], f"GIT_{who}_EMAIL": _AUTHOR[1]}
            own |= {f"GIT_{who}_DATE": at.isoformat(timespec="seconds")} if at else {}
        command = ["git", "-C", str(self._folder), *words]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
