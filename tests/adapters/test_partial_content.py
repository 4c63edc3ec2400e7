"""Parts of a page (206) in real crawls: only a part from its beginning on says anything of it.

Streams of parts through the aiohttp client are tests/aiohttp_adapter/test_streams.py's business.
"""

import pytest

pytest.importorskip("scrapy")

from scrapy_runner import Worker

from reservation_middleware.decide.bodies import Part, part_of_page
from web import Answer, WebThread

A = "http://a.example"
RESERVED = b'<!doctype html><html><head><meta name="robots" content="noai"></head>'
OPEN = b"<!doctype html><html><head><title>x</title></head>"


def part(body: bytes, content_range: str | None) -> Answer:
    fields = [("content-type", "text/html")]
    if content_range is not None:
        fields.append(("content-range", content_range))
    return Answer(status=206, headers=tuple(fields), body=body)


PAGES = {
    f"{A}/robots.txt": Answer(status=404),
    f"{A}/all": part(RESERVED, f"bytes 0-{len(RESERVED) - 1}/{len(RESERVED)}"),
    f"{A}/beginning": part(RESERVED, f"bytes 0-{len(RESERVED) - 1}/5000"),
    f"{A}/open-beginning": part(OPEN, f"bytes 0-{len(OPEN) - 1}/5000"),
    f"{A}/middle": part(RESERVED, f"bytes 100-{99 + len(RESERVED)}/5000"),
    f"{A}/unnamed": part(RESERVED, None),
}


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [
        ("bytes 0-9/10", Part.WHOLE),
        ("Bytes  0-9/10 ", Part.WHOLE),
        ("bytes 0-9/11", Part.BEGINNING),
        ("bytes 0-9/*", Part.BEGINNING),
        ("bytes 1-9/10", Part.ELSEWHERE),
        ("bytes */10", Part.ELSEWHERE),
        ("pages 0-9/10", Part.ELSEWHERE),
        ("", Part.ELSEWHERE),
    ],
)
def test_what_a_content_range_says(content_range: str, expected: Part) -> None:
    assert part_of_page(content_range) is expected


def test_parts_in_a_crawl() -> None:
    with WebThread(PAGES) as web, Worker("asyncio") as worker:
        urls = [url for url in PAGES if not url.endswith("robots.txt")]
        crawl = worker.crawl(
            web.proxy_url,
            requests=urls,
            settings={"USER_AGENT": "ExampleBot/1.0", "RESERVATION_AGENT": "ExampleBot"},
        )
    assert crawl.problems == []
    blocked = sorted(one["asked"].rpartition("/")[2] for one in crawl.failed)
    assert blocked == ["all", "beginning"]
    delivered = {one["url"].rpartition("/")[2]: one["record"] for one in crawl.got}
    assert set(delivered) == {"open-beginning", "middle", "unnamed"}
    for name, record in delivered.items():
        assert "content" in record["not_reached"], name
        assert "content" not in record["consulted"], name
