"""Files and images that were blocked: their items say so, where Scrapy would leave them out.

The pipelines of a crawl are changed one by one, not their classes, so that a project's own
subclasses are served, too. Reference: https://docs.scrapy.org/en/latest/topics/media-pipeline.html
"""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from itemadapter import ItemAdapter
from scrapy.crawler import Crawler
from scrapy.pipelines.media import MediaPipeline

from reservation_middleware.model import Decision

#: The status of a file that was blocked; Scrapy's own are downloaded, uptodate and cached.
RESERVED = "reserved"
#: Where an error keeps what its item is to say.
_ENTRY = "_reservation_entry"


def tell_items(crawler: Crawler) -> None:
    """Have the media pipelines of a crawl tell of files that were blocked.

    An item gets ``{"url", "path": None, "checksum": None, "status": "reserved", "reason"}`` in
    its field of results, after the files that were fetched.
    """
    scraper = getattr(crawler.engine, "scraper", None)
    for pipeline in getattr(getattr(scraper, "itemproc", None), "middlewares", ()):
        field = getattr(pipeline, "images_result_field", None) or getattr(
            pipeline, "files_result_field", None
        )
        if isinstance(pipeline, MediaPipeline) and field:
            changed: Any = pipeline
            changed.media_failed = _with_entry(pipeline.media_failed)
            changed.item_completed = _with_entries(pipeline.item_completed, field)


def _with_entry(media_failed: Callable[..., Any]) -> Callable[..., Any]:
    """A pipeline's method of that name, whose error keeps why a file was blocked."""

    @wraps(media_failed)
    def failed(failure: Any, request: Any, info: Any) -> Any:
        decision = getattr(failure.value, "decision", None)
        if not isinstance(decision, Decision):
            return media_failed(failure, request, info)
        entry = {
            "url": request.url,
            "path": None,
            "checksum": None,
            "status": RESERVED,
            "reason": decision.sentence(),
        }
        try:
            returned = media_failed(failure, request, info)
        except Exception as error:
            setattr(error, _ENTRY, entry)
            raise
        if isinstance(getattr(returned, "value", None), Exception):  # a failure of Twisted's
            setattr(returned.value, _ENTRY, entry)
        return returned

    return failed


def _with_entries(item_completed: Callable[..., Any], field: str) -> Callable[..., Any]:
    """A pipeline's method of that name, after which the item tells of blocked files."""

    @wraps(item_completed)
    def completed(results: list[tuple[bool, Any]], item: Any, info: Any) -> Any:
        item = item_completed(results, item, info)
        errors = [getattr(found, "value", None) for ok, found in results if not ok]
        entries = [dict(getattr(error, _ENTRY)) for error in errors if hasattr(error, _ENTRY)]
        if entries and ItemAdapter.is_item(item):
            with suppress(KeyError):  # an item without the field, as Scrapy has it
                adapter = ItemAdapter(item)
                adapter[field] = [*(adapter.get(field) or ()), *entries]
        return item

    return completed
