"""scrapy-splash: the page that a request to the rendering service is for.

Its middleware answers a page's request by a new one, a POST to the service's endpoint, and makes
of the service's answer a response with the page's URL. The service's own policies and head say
nothing about the page.

scrapy-splash 0.11: https://github.com/scrapy-plugins/scrapy-splash
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings
from w3lib.url import safe_url_string

#: In the meta of requests that go to the service, or are to go there.
SPLASH = "splash"
_EXEMPT = "dont_obey_robotstxt"
#: In the meta of a page's request: whether crawl rules hold for it. Splash's middleware exempts
#: all that it sends to the service.
_OBEYS = "_reservation_obeys_robotstxt"


class Splash:
    """Finds the pages behind requests to the service.

    Args:
        settings: the crawl's, with SPLASH_URL.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self._base = settings.get("SPLASH_URL", "http://127.0.0.1:8050")

    def note(self, request: Request) -> None:
        """Keep in a request that is to go to the service whether crawl rules hold for it."""
        meta = request.meta
        if "splash" in meta and "_splash_processed" not in meta:
            meta[_OBEYS] = not meta.get(_EXEMPT)

    def page_request(self, request: Request) -> Request:
        """The request for the page behind one to the service; any other request as it is."""
        if "_splash_processed" not in request.meta or request.method != "POST":
            return request
        options: Any = request.meta.get("splash")
        args = options.get("args") if isinstance(options, Mapping) else None
        if not isinstance(args, Mapping) or not isinstance(args.get("url"), str):
            return request
        endpoint = urljoin(options.get("splash_url", self._base), options.get("endpoint", ""))
        if safe_url_string(endpoint) != request.url:
            return request  # made of the meta of an earlier response
        meta = dict(request.meta)
        if meta.get(_OBEYS, True):
            meta.pop(_EXEMPT, None)
        headers: Any = args.get("headers")
        try:
            return Request(args["url"], headers=headers or None, meta=meta)
        except (TypeError, ValueError):
            return request


def has_own_head(response: Response) -> bool:
    """Whether a response's fields are the page's; without a script that returns them, they are
    the service's.
    """
    if not hasattr(response, "splash_response_headers"):
        return True
    options = response.request.meta.get("splash") if response.request else None
    if not isinstance(options, Mapping) or not options.get("magic_response", True):
        return False
    data = getattr(response, "data", None)
    return isinstance(data, dict) and "headers" in data
