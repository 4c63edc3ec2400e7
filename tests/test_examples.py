"""The examples and the README's blocks run as they stand, against the loopback web."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from web import Answer, WebThread

ROOT = Path(__file__).parents[1]
HTML = (("content-type", "text/html"),)
PAGES = {
    "http://a.example/robots.txt": Answer(body=b"User-agent: *\nDisallow: /private/\n"),
    "http://a.example/open": Answer(headers=HTML, body=b"<p>open</p>"),
    "http://a.example/private/x": Answer(headers=HTML, body=b"<p>private</p>"),
    "http://a.example/reserved": Answer(headers=(*HTML, ("tdm-reservation", "1")), body=b"x"),
    "http://a.example/": Answer(headers=HTML, body=b"<p>home</p>"),
}
URLS = [f"http://a.example/{path}" for path in ("open", "private/x", "reserved")]


def run(*command: str, proxy: str, cwd: Path = ROOT) -> str:
    environment = {**os.environ, "http_proxy": proxy, "HTTP_PROXY": proxy, "NO_COLOR": "1"}
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
    for line in re.findall(r"print\(.*\)  # (\w.*)$", block, re.MULTILINE):
        if "blocked" not in line:
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
