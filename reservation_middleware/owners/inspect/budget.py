"""How many requests an inspection may make: a connector that counts, and stops at a bound.

A connector sees every request, those for policies and each hop of a redirect included.
Reference: https://docs.aiohttp.org/en/stable/client_reference.html#connectors
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectionError, ClientRequest, TCPConnector
from aiohttp.connector import Connection

from .public import PublicResolver, refuse_target

#: Requests that one inspection makes at the most.
MAX_REQUESTS = 16


class Reach(StrEnum):
    """Where requests may go."""

    ANYWHERE = "anywhere"
    #: To public addresses and ports of the web only, whatever a name or a redirect leads to.
    PUBLIC = "public"


class BudgetError(ClientConnectionError):
    """A request that was not made, since an inspection has made all that it may."""


class CountingConnector(TCPConnector):
    """Connects as ``TCPConnector`` does, up to ``MAX_REQUESTS`` times.

    Args:
        report: is called before each request with its host and number.
        reach: where requests may go.
        options: arguments of ``TCPConnector``.

    Attributes:
        requests: how many were made.
    """

    def __init__(
        self,
        report: Callable[[str, int], None],
        *,
        reach: Reach = Reach.ANYWHERE,
        **options: Any,
    ) -> None:
        if reach is Reach.PUBLIC:
            options["resolver"] = PublicResolver()
        super().__init__(**options)
        self._reach = reach
        self.requests = 0
        self._report = report

    @property
    def left(self) -> int:
        """How many requests may still be made."""
        return MAX_REQUESTS - self.requests

    async def connect(self, req: ClientRequest, traces: Any, timeout: Any) -> Connection:  # noqa: ASYNC109 - aiohttp's
        """Connect, unless the bound is reached.

        Raises:
            BudgetError: it is.
            PrivateAddressError: the request may not go there.
        """
        if self.left <= 0:
            raise BudgetError(f"not asked: {MAX_REQUESTS} requests are the most for one check")
        self.requests += 1
        if self._reach is Reach.PUBLIC:
            refuse_target(req.url)
        self._report(urlsplit(str(req.url)).hostname or "", self.requests)
        return await super().connect(req, traces, timeout)
