"""The documents for people and machines: /docs and /openapi.json.

/docs is Swagger UI, served from the files of an installed package: a browser that shows it asks nobody else.
"""

import gzip
import hashlib
import html
import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gateway.errors import Header, RefusedError

Message = MutableMapping[str, Any]  # Any: as ASGI has it
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}

# The page runs and fetches nothing that is not the gateway's own; only the pictures in Swagger UI's style sheet are
# written out as data there. Nobody may frame the page and have its buttons clicked.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <noscript>This page needs JavaScript; <a href="openapi.json">the document it shows</a> does not.</noscript>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/start.js"></script>
  </body>
</html>
"""

# No validator: it would send the document to somebody else.
_START = """\
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
"""


_ACCEPTS_GZIP = re.compile(rb"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Page:
    """An ASGI application that answers one document, which stays as it is while the process lives.

    Attributes:
        content_type: What it is.
        plain: As it is.
        gzipped: Compressed once, when the process starts.
        etag: Tells whether it is the one that a client has.
    """

    content_type: bytes
    plain: bytes
    gzipped: bytes
    etag: bytes

    async def __call__(self, scope: Message, _receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            RefusedError: It wants something else than to read the page.
        """
        if scope["method"] not in ("GET", "HEAD"):
            raise RefusedError(405, "this page can only be read", headers=((b"allow", b"GET, HEAD"),))
        asked = dict(scope["headers"])
        accepts_gzip = _ACCEPTS_GZIP.search(asked.get(b"accept-encoding", b"")) is not None
        status, headers, body = self.reply(asked.get(b"if-none-match", b""), accepts_gzip=accepts_gzip)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def reply(self, if_none_match: bytes, *, accepts_gzip: bool) -> tuple[int, list[Header], bytes]:
        """Answer status, headers and body for a client that has the pages named in its `If-None-Match`."""
        headers: list[Header] = [
            (b"etag", self.etag),
            (b"cache-control", b"no-cache"),  # to be kept, but to be asked for again: a new release has new pages
            (b"vary", b"accept-encoding"),
            (b"content-security-policy", _POLICY.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        if self.etag in (known.strip() for known in if_none_match.split(b",")) or if_none_match.strip() == b"*":
            return 304, headers, b""
        body = self.gzipped if accepts_gzip else self.plain
        headers += [(b"content-type", self.content_type), (b"content-length", b"%d" % len(body))]
        if accepts_gzip:
            headers.append((b"content-encoding", b"gzip"))
        return 200, headers, body


def pages(document: Mapping[str, Any]) -> dict[str, Page]:
    """Make the pages that show an OpenAPI document, by their paths."""
    shown = _PAGE.format(title=html.escape(document["info"]["title"]))
    assets = _folder()
    return {
        "/openapi.json": _page("application/json", json.dumps(document, ensure_ascii=False).encode()),
        "/docs": _page("text/html; charset=utf-8", shown.encode()),
        "/docs/start.js": _page("text/javascript; charset=utf-8", _START.encode()),
        **{
            f"/docs/{name}": _page(f"{kind}; charset=utf-8", (assets / name).read_bytes())
            for name, kind in _ASSETS.items()
        },
    }


def _folder() -> Path:
    """Where the package with Swagger UI has its files; nothing of it is imported."""
    found = find_spec("swagger_ui")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the package swagger-ui-py, which has the files of Swagger UI, is not installed")
    return Path(found.submodule_search_locations[0]) / "static"


def _page(content_type: str, plain: bytes) -> Page:
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'  # weak: compressed or not, it is the same page
    return Page(content_type.encode(), plain, gzip.compress(plain, mtime=0), etag.encode())
