"""Tokens of licences held, on the requests that may carry them and only while they are sent.

A token is put in when the request reaches the downloader and taken out when it leaves it,
so that no retry, redirect, job folder or HTTP cache ever keeps it.
"""

from datetime import datetime
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.signalmanager import SignalManager

from reservation_middleware.decide.licences import authorization
from reservation_middleware.model import Decision, Policy


class Tokens:
    """Puts tokens on requests and takes them off.

    Args:
        policy: with the licences; without a token in them nothing is listened to.
        manager: of the crawler's signals.
    """

    def __init__(self, policy: Policy, manager: SignalManager) -> None:
        self._policy = policy
        self._some = any(server.token for licence in policy.licences for server in licence.servers)
        self._given: WeakKeyDictionary[Request, str] = WeakKeyDictionary()
        if self._some:
            manager.connect(self._reached, signal=signals.request_reached_downloader)
            manager.connect(self._left, signal=signals.request_left_downloader)

    def give(self, request: Request, decision: Decision, now: datetime | None) -> None:
        """Give a request the token that it may carry."""
        token = authorization(decision, self._policy, now) if self._some else None
        if token is not None:
            self._given[request] = token

    def _reached(self, request: Request) -> None:
        token = self._given.get(request)
        if token is None:
            return
        if "Authorization" in request.headers:
            del self._given[request]  # the user's own
        else:
            request.headers["Authorization"] = token

    def _left(self, request: Request) -> None:
        if self._given.pop(request, None) is not None:
            request.headers.pop("Authorization", None)
