"""One Scrapy process for all of these tests: starting Scrapy takes longer than most crawls."""

from collections.abc import Iterator

import pytest
from scrapy_runner import Worker


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """Scrapy with its asyncio reactor, which most plug-ins need."""
    with Worker("asyncio") as started:
        yield started
