"""What the browser loads: files named by their content, held in memory, and good for ever."""

from __future__ import annotations

import gzip
import json
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from freehold.foundation import Exit, FreeholdError
from freehold.server.problems import answered, not_found

STATIC = Path(__file__).parent / "static"
PREFIX = "/-/static/"
_TYPES = {".js": "text/javascript", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".css": "text/css"}
_FOR_EVER = "public, max-age=31536000, immutable"
_SMALL = 500  # bytes below which compression gains nothing


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent; `packed` is the same as gzip, empty where that gains nothing."""

    type: str
    content: bytes
    packed: bytes


class Assets:
    """The files of the manifest, by the names that sources call them."""

    def __init__(self, folder: Path = STATIC) -> None:
        """Read all files.

        Raises:
            FreeholdError: FH-A005 they were not built.
        """
        try:
            self._names: dict[str, str] = json.loads((folder / "manifest.json").read_text())
            self._files = {name: _asset(folder / name) for name in self._names.values()}
        except FileNotFoundError as error:
            raise FreeholdError(
                "FH-A005",
                f"What pages need was not built: `{error.filename}` is missing.",
                fix="In a checkout: make install. Elsewhere: install the package again.",
                exit_code=Exit.ENVIRONMENT,
            ) from error

    def url(self, name: str) -> str:
        """Return the address of a file by the name its source has: `app.js`."""
        return PREFIX + self._names[name]

    def sent(self, request: Request) -> Response:
        """Return the response to a request for a file."""
        name = request.path_params["name"]
        asset = self._files.get(name)
        if asset is None:
            return answered(request, not_found(request))
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "ETag": f'"{name}"',
            "Vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.type)
        return Response(asset.content, headers=headers, media_type=asset.type)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    type_ = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = gzip.compress(content, 9, mtime=0) if path.suffix != ".woff2" and len(content) > _SMALL else b""
    return Asset(type_, content, packed)
