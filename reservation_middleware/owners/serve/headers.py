"""What every response says to browsers: no script but ours, no other origin, no frame, no cookie.

Reference: https://www.w3.org/TR/CSP3/
"""

import base64
import hashlib
from collections.abc import Iterable

from aiohttp import web

from .pages import REPORT_STYLE, SCRIPT, STYLE

_COMMON = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def _hashes(texts: Iterable[str]) -> str:
    return " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in texts
    )


_STYLES = _hashes((STYLE, REPORT_STYLE))
PAGE_POLICY = f"{_COMMON}; style-src {_STYLES}"
#: For the page that shows progress: its script, and the stream of events.
PROGRESS_POLICY = f"{PAGE_POLICY}; script-src {_hashes((SCRIPT,))}; connect-src 'self'"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what every response has."""
    for name, value in _FIXED.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    if request.path != "/":
        response.headers.setdefault("X-Robots-Tag", "noindex, nofollow")
    response.headers["Server"] = "reservations"
