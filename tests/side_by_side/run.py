"""Runs situations on both sides."""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from web import WebThread

from .sites import BOT
from .situations import Crawl, Json, Outcome, Side, Situation, compare, pages_of

TESTS = Path(__file__).parent.parent
DEFAULTS: Json = {"USER_AGENT": BOT, "ROBOTSTXT_OBEY": True}
#: Fields of pages' requests that a situation may compare.
FIELDS = ("cookie", "authorization", "proxy-authorization")
SECONDS = 60.0


class Scrapy:
    """Two processes that crawl: with stock Scrapy, and with our add-on in it."""

    def __enter__(self) -> Self:
        self._workers = [_Worker(ours=False), _Worker(ours=True)]
        self._pool = ThreadPoolExecutor(2)
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown()
        for worker in self._workers:
            worker.close()

    @property
    def stats(self) -> set[str]:
        """Names that our crawls had in their stats."""
        return self._workers[1].stats

    def compare(self, situation: Situation) -> Outcome:
        """Do a situation on both sides at a time, and compare."""
        stock, ours = self._pool.map(lambda worker: worker.run(situation), self._workers)
        return compare(situation, stock, ours)


class _Worker:
    """A process of `worker.py`.

    Attributes:
        stats: names that crawls had in their stats.
    """

    def __init__(self, *, ours: bool) -> None:
        self._ours = ours
        self.stats: set[str] = set()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "side_by_side.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=TESTS,
        )

    def close(self) -> None:
        self._process.communicate()

    def run(self, situation: Situation) -> Side:
        """Do a situation's crawls against a server of their own."""
        with (
            tempfile.TemporaryDirectory() as store,
            WebThread() as web,
            socket.socket() as nobody,
        ):
            nobody.bind(("127.0.0.1", 0))  # does not listen: connections are refused
            places = {"{store}": store, "{port}": web.proxy_url.rpartition(":")[2]}
            for url, answer in situation.pages.items():
                web.add(_put(places, url), answer)
            Path(store, "page.html").write_text("<title>a file</title>")
            told: dict[str, list[Any]] = {}
            items: list[Json] = []
            ends: list[str] = []
            log: list[str] = []
            for number, crawl in enumerate(situation.crawls, 1):
                gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
                job = self._job(crawl, gone if crawl.gone else web.proxy_url)
                answer = _taken(places, self._ask(_put(places, job)))
                for name, outcome in answer["told"].items():
                    told[f"{name}, crawl {number}" if name in told else name] = outcome
                items += answer["items"]
                ends.append(answer["ends"])
                log += answer["log"]
                self.stats |= set(answer["stats"])
            seen = [
                one._replace(url=_taken(places, one.url), headers=_taken(places, one.headers))
                for one in web.log
            ]
            made = {
                **_made(Path(store), seen),
                "items": sorted(items, key=json.dumps),
                "ends": ends,
            }
            return Side(told, seen, made, log)

    def _job(self, crawl: Crawl, proxy: str) -> Json:
        environ = {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "127.0.0.1"}
        return {
            "ours": self._ours,
            "ask": [{"url": one} if isinstance(one, str) else one for one in crawl.ask],
            "settings": {**DEFAULTS, **crawl.settings},
            "spider": crawl.spider,
            "kind": crawl.kind,
            "follow": crawl.follow,
            "environ": {**environ, **crawl.environ},
        }

    def _ask(self, job: Json) -> Json:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job).encode() + b"\n")
        stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            line = stdout.readline() if selector.select(SECONDS) else b""
        if not line:
            self._process.kill()
            raise AssertionError("the crawl did not end")
        answer: Json = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer


def _put(places: Json, value: Any) -> Any:
    """A value with what stands for a folder and a port replaced by them."""
    text = json.dumps(value)
    for name, place in places.items():
        text = text.replace(name, place)
    return json.loads(text)


def _taken(places: Json, value: Any) -> Any:
    """A value with a folder and a port replaced by what stands for them."""
    return _put({place: name for name, place in places.items()}, value)


def _made(store: Path, seen: list[Any]) -> Json:
    """What is compared beside pages."""
    made: Json = {file.name: file.read_text() for file in store.glob("*.jsonl")}
    made["order"] = [one.url for one in pages_of(seen)]
    media = store / "media"
    made["media"] = sorted(str(file.relative_to(media)) for file in media.rglob("*"))
    for field in FIELDS:
        pages = [one for one in pages_of(seen) if field in one.headers]
        made[field] = sorted((one.url, one.headers[field]) for one in pages)
    return made
