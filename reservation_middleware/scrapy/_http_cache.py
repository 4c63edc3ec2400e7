"""The crawl's HTTP cache: policies are kept beside the pages, blocked bodies are not kept.

A crawl that can be done again from its HTTP cache, without the network, needs its policies for
that. Scrapy's cache would leave out those that its policy does not store, such as a missing
tdmrep.json under RFC 2616, so they are stored and looked up here, in the cache's own storage.
Reference: https://docs.scrapy.org/en/latest/topics/downloader-middleware.html#httpcache
"""

import shutil
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any, NamedTuple

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcache import HttpCacheMiddleware
from scrapy.extensions.httpcache import DbmCacheStorage, FilesystemCacheStorage
from scrapy.http import Response

from reservation_middleware.decide.bot_check import outcome_of
from reservation_middleware.model import Outcome
from reservation_middleware.runtime.transport import (
    Answer,
    Ask,
    MachineFaultError,
    PrivateAddressError,
    Transport,
    TransportClosedError,
)
from reservation_middleware.syntax.redact import PRIVATE_FIELDS

from ._transport import every, unpacked

#: Fields that are about a body as it was sent, or about one crawl only; they are not stored.
_NOT_KEPT = PRIVATE_FIELDS | {"content-encoding", "content-length", "transfer-encoding"}


class _Copy(NamedTuple):
    """An answer from the HTTP cache, and whether the cache's policy has it asked for anew."""

    answer: Answer
    is_fresh: bool


class HttpCache:
    """The HTTP cache of a crawl, as far as there is one.

    Args:
        crawler: whose it is.
        count: adds one to a stat.
    """

    def __init__(self, crawler: Crawler, count: Callable[[str], None]) -> None:
        self._crawler = crawler
        self._count = count
        self._found: HttpCacheMiddleware | None = None
        self._is_on = crawler.settings.getbool("HTTPCACHE_ENABLED")

    def keeping(self, send: Transport) -> Transport:
        """A transport that keeps answers in the HTTP cache, and has them from there.

        A copy is taken where the cache's policy calls it fresh, where the site does not answer,
        or answers that it cannot, and always with ``HTTPCACHE_IGNORE_MISSING``.
        """
        if not self._is_on:
            return send

        async def ask_or_look_up(ask: Ask) -> Answer:
            cache = self._middleware()
            if cache is None:
                return await send(ask)
            request = Request(ask.url)
            if not cache.policy.should_cache_request(request):
                return await send(ask)
            copy = self._retrieve(cache, request, ask.limit)
            if copy is not None and (copy.is_fresh or cache.ignore_missing):
                self._count("policy_http_cache/hit")
                return copy.answer
            if cache.ignore_missing:
                self._count("policy_http_cache/ignore")
                raise MachineFaultError("not in the HTTP cache, and HTTPCACHE_IGNORE_MISSING is on")
            if copy is None:
                ask = ask._replace(conditions=())  # "not modified" could not be kept
            try:
                answer = await send(ask)
            except (TransportClosedError, PrivateAddressError):
                raise
            except Exception:
                if copy is None:
                    raise
                self._count("policy_http_cache/errorrecovery")
                return copy.answer
            if answer.status == 304:
                return answer
            if outcome_of(*answer[:3])[0] is not Outcome.UNREACHABLE:
                self._store(cache, request, answer)
                return answer
            if copy is None:
                return answer
            self._count("policy_http_cache/errorrecovery")
            return copy.answer

        return ask_or_look_up

    def forget(self, request: Request, response: Response) -> None:
        """Take the body of a response out that was blocked after it was stored.

        What was in the cache before this crawl stays: an earlier crawl was allowed to keep it.
        """
        cache = self._middleware() if self._is_on else None
        if cache is None or "cached" in response.flags or request.meta.get("dont_cache"):
            return
        storage = cache.storage
        spider: Any = self._crawler.spider
        if isinstance(storage, FilesystemCacheStorage):
            folder = Path(storage._get_request_path(spider, request))  # noqa: SLF001 - no other way
            if folder.exists():
                shutil.rmtree(folder)
                self._count("http_cache/removed")
        elif isinstance(storage, DbmCacheStorage):
            key = storage._fingerprinter.fingerprint(request).hex()  # noqa: SLF001 - no other way
            if f"{key}_time" in storage.db:
                # Most kinds of dbm leave what is deleted in their file.
                storage.db[f"{key}_data"] = bytes(len(storage.db[f"{key}_data"]))
                del storage.db[f"{key}_time"], storage.db[f"{key}_data"]
                self._count("http_cache/removed")
        elif storage.retrieve_response(spider, request) is not None:
            # Storages have no way to remove: this says that the cache does not have it
            # (RFC 9111 §5.2.1.7), and has it no longer.
            gone = Response(response.url, status=504, headers={"Date": formatdate(usegmt=True)})
            storage.store_response(spider, request, gone)
            self._count("http_cache/removed")

    def _middleware(self) -> HttpCacheMiddleware | None:
        """Scrapy's middleware; None where it is not used."""
        if self._found is None:
            self._found = self._crawler.get_downloader_middleware(HttpCacheMiddleware)
            self._is_on = self._found is not None
        return self._found

    def _retrieve(self, cache: HttpCacheMiddleware, request: Request, limit: int) -> _Copy | None:
        try:
            response = cache.storage.retrieve_response(self._crawler.spider, request)
            if response is None or Outcome.of(response.status) is Outcome.UNREACHABLE:
                return None
            body = unpacked(response, limit)
        except Exception:  # noqa: BLE001 - as Scrapy does: what cannot be read is missing
            self._count("policy_http_cache/retrieve_error")
            return None
        answer = Answer(response.status, every(response.headers), body)
        return _Copy(answer, bool(cache.policy.is_cached_response_fresh(response, request)))

    def _store(self, cache: HttpCacheMiddleware, request: Request, answer: Answer) -> None:
        headers: dict[str, list[str]] = {}
        for name, value in answer.headers:
            if name not in _NOT_KEPT:
                headers.setdefault(name, []).append(value)
        headers.setdefault("date", [formatdate(usegmt=True)])
        response = Response(
            request.url,
            status=answer.status,
            headers={
                name: [value.encode("latin-1") for value in values]
                for name, values in headers.items()
            },
            body=answer.body,
        )
        cache.storage.store_response(self._crawler.spider, request, response)
        self._count("policy_http_cache/store")
