"""The examples and the README's blocks run as they stand, against the loopback web."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis_server import RedisServer, needs_redis

from web import Answer, WebThread

ROOT = Path(__file__).parents[2]
HTML = (("content-type", "text/html"),)
PAGES = {
    "http://a.example/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    "http://a.example/open": Answer(headers=HTML, body=b"<p>open</p>"),
    "http://a.example/private/x": Answer(headers=HTML, body=b"<p>private</p>"),
    "http://a.example/reserved": Answer(headers=(*HTML, ("tdm-reservation", "1")), body=b"x"),
    "http://a.example/": Answer(headers=HTML, body=b"<p>home</p>"),
}
URLS = [f"http://a.example/{path}" for path in ("open", "private/x", "reserved")]


RESERVATIONS = ("-m", "reservation_middleware")


def run(*command: str, proxy: str, cwd: Path = ROOT, **more: str) -> str:
    environment = {**os.environ, "http_proxy": proxy, "HTTP_PROXY": proxy, "NO_COLOR": "1", **more}
    environment.pop("no_proxy", None)
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_spider(tmp_path: Path) -> None:
    output = tmp_path / "items.jsonl"
    with WebThread(PAGES) as web:
        run(
            *("-m", "scrapy", "runspider", str(ROOT / "examples/spider.py")),
            *("-a", f"url={','.join(URLS)}", "-o", str(output)),
            *("-s", "TELNETCONSOLE_ENABLED=False", "-s", "REMOTE_CONTROL_ENABLED=False"),
            proxy=web.proxy_url,
            cwd=tmp_path,
        )
        assert web.count(URLS[1]) == 0
    items = {item["url"]: item for item in map(json.loads, output.read_text().splitlines())}
    assert items[URLS[0]]["verdict"] == "unknown"
    assert items[URLS[0]]["bytes"] == len(b"<p>open</p>")
    assert "Disallow: /private/" in items[URLS[1]]["why"]
    assert "tdm-reservation: 1" in items[URLS[2]]["why"]


def test_aiohttp_crawler() -> None:
    with WebThread(PAGES) as web:
        printed = run("examples/aiohttp_crawler.py", *URLS, proxy=web.proxy_url)
    assert f"fetched {URLS[0]} content unknown" in printed
    assert f"{URLS[1]} robots robots.txt 2 Disallow: /private/" in printed
    assert f"{URLS[2]} tdmrep header None tdm-reservation: 1" in printed


def test_judge_offline() -> None:
    printed = run("examples/judge_offline.py", proxy="http://127.0.0.1:9")
    assert "opt-out        ai-train  block" in printed
    assert "record-only    ai-train  proceed" in printed


CLUSTER = {
    "http://a.example/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    **{f"http://a.example/{n}": Answer(headers=HTML, body=b"<p>open</p>") for n in range(20)},
    "http://a.example/private/x": Answer(headers=HTML, body=b"<p>private</p>"),
    "http://a.example/reserved": Answer(headers=(*HTML, ("tdm-reservation", "1")), body=b"x"),
}


@pytest.mark.slow
@needs_redis
def test_cluster(tmp_path: Path) -> None:
    """The cluster as its README says: observe, report, enforce; one cache, one ledger."""
    folder = tmp_path / "cluster"
    shutil.copytree(ROOT / "examples/cluster", folder)
    asked = [url for url in CLUSTER if not url.endswith("robots.txt")]
    (folder / "urls.txt").write_text("\n".join(asked))
    scrapy = (
        *("-m", "scrapy", "runspider", "scrapy_crawler.py", "-a", "urls=urls.txt"),
        *("-a", "log=scrapy.jsonl", "-o", "items.jsonl"),
        *("-s", "TELNETCONSOLE_ENABLED=False", "-s", "REMOTE_CONTROL_ENABLED=False"),
    )
    aiohttp = ("aiohttp_crawler.py", "urls.txt", "aiohttp.jsonl")
    with RedisServer(tmp_path) as redis, WebThread(CLUSTER) as web:

        def crawl(*command: str, **more: str) -> list[dict[str, Any]]:
            """The events that it logged."""
            log = folder / ("scrapy.jsonl" if command[0] == "-m" else "aiohttp.jsonl")
            log.unlink(missing_ok=True)
            run(
                *command,
                proxy=web.proxy_url,
                cwd=folder,
                RESERVATION_CACHE=redis.url,
                RESERVATION_PROMETHEUS="127.0.0.1:0",
                **more,
            )
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            assert not any(line["level"] in ("WARNING", "ERROR") for line in lines), lines
            return [line["reservation"] for line in lines if "reservation" in line]

        def together(**more: str) -> list[list[dict[str, Any]]]:
            commands = (scrapy, aiohttp)
            with ThreadPoolExecutor() as pool:
                return list(pool.map(lambda command: crawl(*command, **more), commands))

        for events in together():
            assert {event["url"] for event in events} == set(asked)
            assert not any(event["blocked"] for event in events if "/private/" not in event["url"])
        assert web.count("http://a.example/robots.txt") == 1
        assert web.count("http://a.example/reserved") == 2
        seen = web.count("http://a.example/private/x")
        assert seen == 1  # aiohttp: records crawl rules only
        report = run(*RESERVATIONS, "report", "ledger/", proxy=web.proxy_url, cwd=folder)
        assert "would have been" in report
        for events in together(RESERVATION_MODE="enforce"):
            assert sum(event["blocked"] for event in events) == 2
        assert web.count("http://a.example/robots.txt") == 1
        assert web.count("http://a.example/private/x") == seen
        # The record-only profile holds crawl rules and nothing else.
        events = crawl(
            *aiohttp,
            RESERVATION_MODE="enforce",
            RESERVATION_PROFILE="record-only",
        )
        blocked = [event["url"] for event in events if event["blocked"]]
        assert blocked == ["http://a.example/private/x"]
        idents = {event["id"] for event in events}
        logged = "".join(path.read_text() for path in folder.glob("ledger/log/*.jsonl"))
        assert all(ident in logged for ident in idents)
        assert (folder / "ledger.key").is_file()
        for verb in ("verify", "replay"):
            run(*RESERVATIONS, "ledger", verb, "ledger/", proxy=web.proxy_url, cwd=folder)


README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_readme_python_block(block: str) -> None:
    """Every block runs; the client in it goes through the loopback web."""
    code = block.replace("https://example.org/", "http://a.example/").replace(
        "ReservationClient(agent", "ReservationClient(trust_env=True, agent"
    )
    if "async def status" in code:  # called with a page of the loopback web
        code = code.replace("(check,))", "(check,), trust_env=True)")
        code += "\nimport asyncio\nassert asyncio.run(status('http://a.example/')) == 200\n"
    with WebThread(PAGES) as web:
        printed = run("-W", "error", "-c", code, proxy=web.proxy_url)
        if "asyncio.run(main(" in code:  # once more with a page that is reserved
            code = code.replace('main("http://a.example/")', 'main("http://a.example/reserved")')
            printed += run("-W", "error", "-c", code, proxy=web.proxy_url)
    for line in re.findall(r"print\(.*\)  # (\w.*)$", block, re.MULTILINE):
        assert line in printed


def test_readme_settings_are_all_known() -> None:
    from reservation_middleware.scrapy._settings import KNOWN

    names = set(re.findall(r"\bRESERVATION_[A-Z_]+\b", README)) - {"RESERVATION_"}
    assert names <= KNOWN


def test_readme_decide_line() -> None:
    found = re.search(r"echo '(\{.*?\})' \| tr", README, re.DOTALL)
    assert found
    done = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", "decide"],
        input=found[1].replace("\n", ""),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["verdict"] == "disallowed"
