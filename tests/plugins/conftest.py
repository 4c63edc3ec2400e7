"""One Scrapy process per file of these tests: starting Scrapy takes longer than most crawls."""

from collections.abc import Iterator

import pytest
from scrapy_runner import Worker


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Scrapy with its asyncio reactor, which most plug-ins need."""
    with Worker("asyncio") as started:
        yield started
