"""The web page of ``reservations serve``: a real server on loopback that asks real sites on loopback."""

import asyncio
import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest
from forked_cli import started
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from loopback import Loopback, world

from reservation_middleware import ConfigurationError
from reservation_middleware.owners.inspect.budget import Reach
from reservation_middleware.owners.intent import read_intent
from reservation_middleware.owners.serve.app import serve
from reservation_middleware.owners.serve.intent_form import filled, toml, written
from reservation_middleware.owners.serve.limits import Buckets, client_key
from reservation_middleware.owners.serve.looks import BusyError, Looks
from reservation_middleware.owners.serve.openapi import DESCRIPTION
from reservation_middleware.owners.serve.reports import KeptReport, ReportStore, new_ident
from reservation_middleware.owners.serve.server import ClientAddress, Limit, Settings
from reservation_middleware.owners.watch.effect import AgentCells, Effect, EffectLine, WatchedCell
from reservation_middleware.owners.watch.history import History

HTML = (("Content-Type", "text/html"),)
ROBOTS = b"User-agent: *\nContent-Signal: ai-train=no\nAllow: /\n"
PAGES = {
    "/robots.txt": (200, (), ROBOTS),
    "/": (200, HTML, b"<!doctype html><p>hello"),
    "/hostile": (200, HTML, b'<meta name="robots" content="noai, <script>alert(1)</script>">'),
    "/away": (302, (("Location", "http://127.0.0.2:1/"),), b""),
}
MANY = Limit(1000, 0.001)
OPEN = Settings(reach=Reach.ANYWHERE, client=MANY, site=MANY, forms=MANY)


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks one server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, **fields: str) -> Reply:
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", path, urlencode(fields).encode(), Content_Type=kind)

    def report(self, url: str) -> Reply:
        """Begin a look, follow its events to the end, and get its report."""
        begun = self.post("/check", url=url)
        assert begun.status == 303, begun.text
        place = begun.headers["location"]
        self.get(place.replace("/report/", "/events/"))
        return self.get(place)


@contextlib.contextmanager
def running(settings: Settings = OPEN) -> Iterator[Client]:
    """A server in a thread with a loop of its own."""
    address: list[str] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()

    def listening(url: str) -> None:
        address.append(url)
        ready.set()

    task = loop.create_task(serve(settings, "127.0.0.1", 0, listening))

    async def ended() -> None:
        await asyncio.wait({task})
        ready.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(ended()))
    thread.start()
    try:
        assert ready.wait(60)
        yield Client(address[0])
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Loopback]:
    with Loopback("127.0.0.1", PAGES) as found:
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with running() as found:
        yield found


def at(site: Loopback, path: str = "/") -> str:
    return f"http://127.0.0.1:{site.port}{path}"


def test_from_one_field_to_a_report_with_a_link(client: Client, site: Loopback) -> None:
    home = client.get("/")
    assert home.status == 200
    assert home.text.count("<input") == 1
    begun = client.post("/check", url=at(site))
    assert begun.status == 303
    place = begun.headers["location"]
    assert re.fullmatch(r"/report/[A-Za-z0-9_-]{22}", place)
    stream = client.get(place.replace("/report/", "/events/"))
    assert stream.headers["content-type"] == "text/event-stream"
    assert "event: request\ndata: " in stream.text
    assert stream.text.endswith(f"event: done\ndata: {place}\n\n")
    report = client.get(place)
    assert report.status == 200
    assert "Crawlers may NOT use this page for AI training" in report.text
    assert "Content-Signal: ai-train=no" in report.text
    assert place in report.text  # the link to be shared
    again = client.get(place.replace("/report/", "/events/"))
    assert again.text == f"event: done\ndata: {place}\n\n"
    assert client.get(f"/check?{urlencode({'url': at(site)})}").status == 303


class Elements(HTMLParser):
    """The elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def test_progress_without_and_with_script(site: Loopback) -> None:
    let_go = threading.Event()
    slow = dict(PAGES)

    class Waiting(dict[str, tuple[int, tuple[tuple[str, str], ...], bytes]]):
        def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
            if key == "/robots.txt":
                let_go.wait(60)
            return super().get(key, default)

    with Loopback("127.0.0.1", slow) as place, running() as client:
        place.pages = Waiting(slow)
        begun = client.post("/check", url=at(place)).headers["location"]
        again = client.post("/check", url=at(place)).headers["location"]
        page = client.get(begun)
        let_go.set()
        client.get(begun.replace("/report/", "/events/"))
        done = client.get(begun)
    assert begun == again  # one look for all who ask for the page
    assert page.status == 200
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page.text
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    policy = page.headers["content-security-policy"]
    assert f"script-src '{_hash(script)}'" in policy
    assert "connect-src 'self'" in policy
    assert "<script" not in done.text
    assert "script-src" not in done.headers["content-security-policy"]
    assert "May AI crawlers use" in done.text


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


PLACES = (
    "/",
    "/intent",
    "/compare",
    "/openapi.json",
    "/healthz",
    "/robots.txt",
    "/nothing",
    "/check?url=",
)


def test_headers_on_every_response(client: Client, site: Loopback) -> None:
    replies = [client.get(place) for place in PLACES]
    replies += [client.report(at(site)), client.get("/api/check?url=x:y"), client.post("/nothing")]
    replies += [client.ask("PUT", "/"), client.get(f"/events/{'a' * 22}"), client.ask("HEAD", "/")]
    replies += [
        client.post("/check", url=at(site)),
        client.post("/intent", site="https://a.example"),
    ]
    for reply in replies:
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        for words in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert words in policy
        assert "unsafe" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in reply.headers
        assert "python" not in reply.headers["server"].lower()
        for style in re.findall(r"<style>(.*?)</style>", reply.body.decode("utf-8"), re.DOTALL):
            assert _hash(style) in policy
        elements = Elements(reply.body.decode("utf-8"))
        for element in elements.of("script", "img", "link", "iframe"):
            assert "src" not in element
            assert "href" not in element
        for _, attributes in elements.found:
            assert "style" not in attributes
            assert not any(name.startswith("on") for name in attributes)


def test_every_field_has_a_label_and_pages_a_skip_link(client: Client) -> None:
    for place in ("/", "/intent", "/check?url="):
        elements = Elements(client.get(place).text)
        labels = {label.get("for") for label in elements.of("label")}
        for field in elements.of("input", "select", "textarea"):
            assert field["id"] in labels
        assert elements.of("html") == [{"lang": "en"}]
        assert len(elements.of("h1")) == 1
        assert elements.of("a")[0] == {"class": "skip", "href": "#main"}
        assert elements.of("main")[0]["id"] == "main"


def test_what_a_site_says_is_escaped(client: Client, site: Loopback) -> None:
    report = client.report(at(site, "/hostile"))
    assert "<script" not in report.text
    bad = client.post("/check", url='"><script>alert(1)</script>')
    assert bad.status == 400
    assert "<script" not in bad.text
    form = client.post("/intent", site='"><script>', robots="</textarea><script>", refused="<b>")
    assert form.status == 400
    assert "<script" not in form.text


def test_the_api_is_the_json_of_check(client: Client, site: Loopback) -> None:
    reply = client.get(f"/api/check?{urlencode({'url': at(site)})}")
    assert reply.headers["content-type"].startswith("application/json")
    found = json.loads(reply.body)
    assert (found["action"], found["exit_status"], found["asked"]) == ("block", 1, at(site))
    assert found["matrix"]
    refused = client.get("/api/check?url=mailto:x")
    assert (refused.status, json.loads(refused.body)) == (
        400,
        {"error": "'mailto:x' is not an http or https URL."},
    )
    dead = json.loads(client.get("/api/check?url=http://127.0.0.1:1/").body)
    assert dead["exit_status"] == 3


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "mailto:x@y.example", "ftp://a.example/", "http://", "http://a b/"),
        *("http://name:word@a.example/", "http://a.example:99999/", "x" * 2001, "http://[::1"),
    ],
)
def test_addresses_that_are_not_asked(client: Client, url: str) -> None:
    reply = client.post("/check", url=url)
    assert reply.status == 400
    assert 'role="alert"' in reply.text


def test_openapi_describes_what_there_is(client: Client) -> None:
    found = json.loads(client.get("/openapi.json").body)
    assert found == DESCRIPTION
    assert found["openapi"].startswith("3.1")
    Draft202012Validator.check_schema(
        found["paths"]["/api/check"]["get"]["parameters"][0]["schema"]
    )
    for path, methods in found["paths"].items():
        for method, described in methods.items():
            place = path.replace("{id}", "a" * 22)
            status = str(client.ask(method.upper(), place).status)
            assert status in described["responses"], (method, path)
    assert json.loads(client.get("/healthz").body) == {"ok": True}


# Limits


def test_buckets() -> None:
    now = [0.0]
    buckets = Buckets(2, 10, clock=lambda: now[0])
    assert [buckets.take("a"), buckets.take("a"), buckets.take("a")] == [0, 0, 10]
    assert buckets.take("b") == 0
    now[0] = 4
    assert buckets.take("a") == 6
    now[0] = 10
    assert (buckets.take("a"), buckets.take("a")) == (0, 10)
    now[0] = 1000
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 10]
    assert client_key("2001:db8::1") == client_key("2001:db8::2") != client_key("2001:db8:1::1")
    assert client_key("::ffff:192.0.2.1") != client_key("::ffff:192.0.2.2")
    assert client_key("<b>") == "unknown"


@pytest.mark.parametrize("limited", ["client", "site", "forms"])
def test_limits(site: Loopback, limited: str) -> None:
    limits = {"client": MANY, "site": MANY, "forms": MANY, limited: Limit(1, 1000)}
    settings = OPEN._replace(client=limits["client"], site=limits["site"], forms=limits["forms"])
    with running(settings) as client:
        replies = [
            client.post("/intent", site="https://a.example")
            if limited == "forms"
            else client.get(f"/api/check?url={quote(at(site))}")
            for _ in range(2)
        ]
    assert [reply.status for reply in replies] == [200, 429]
    assert 900 < int(replies[1].headers["retry-after"]) <= 1000
    assert "Try again in" in replies[1].text


@pytest.mark.parametrize("known_by", list(ClientAddress))
def test_clients_behind_a_proxy(known_by: ClientAddress) -> None:
    with running(OPEN._replace(client=Limit(1, 1000), client_address=known_by)) as client:
        statuses = [
            client.get(
                "/api/check?url=http://127.0.0.1:1/", X_Forwarded_For=f"9.9.9.9, {last}"
            ).status
            for last in ("192.0.2.1", "192.0.2.2", "192.0.2.1")
        ]
    assert statuses == ([200, 429, 429] if known_by is ClientAddress.PEER else [200, 200, 429])


def test_a_client_that_is_refused_takes_nothing_from_a_site() -> None:
    with running(OPEN._replace(client=Limit(1, 1000), site=Limit(1, 1000))) as client:
        replies = [client.get(f"/api/check?url=http://127.0.0.{n}:1/") for n in (1, 2)]
    assert [reply.status for reply in replies] == [200, 429]
    assert "You have asked very often" in replies[1].text


def test_as_many_looks_as_may_wait() -> None:
    async def begin() -> int:
        looks = Looks(ReportStore(":memory:"), Reach.ANYWHERE, lambda _: ())
        begun = 0
        with contextlib.suppress(BusyError):
            for begun in range(1000):
                looks.start(f"http://127.0.0.1:1/{begun}")
        await looks.close()
        return begun

    assert asyncio.run(begin()) == 24


# Reports


def test_reports_go_after_thirty_days(tmp_path: Path) -> None:
    now = [datetime(2026, 11, 1, tzinfo=UTC)]
    reports = ReportStore(tmp_path / "reports.db", now=lambda: now[0])
    ident = new_ident()
    assert reports.until() == datetime(2026, 12, 1, tzinfo=UTC)
    reports.keep(ident, KeptReport("http://a.example/", "<p>page", "{}"))
    now[0] += timedelta(days=29, hours=23)
    found = reports.get(ident)
    assert found is not None
    assert (found.page, found.json) == ("<p>page", "{}")
    now[0] += timedelta(hours=2)
    assert reports.get(ident) is None
    reports.keep(new_ident(), KeptReport("http://b.example/", "", ""))
    reports.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "reports.db")) as file:
        assert file.execute("SELECT url FROM reports").fetchall() == [("http://b.example/",)]
    assert len({new_ident() for _ in range(1000)}) == 1000


def test_a_report_outlives_the_server(site: Loopback, tmp_path: Path) -> None:
    settings = OPEN._replace(data=tmp_path)
    with running(settings) as client:
        place = client.post("/check", url=at(site)).headers["location"]
        client.get(place.replace("/report/", "/events/"))
        before = client.get(place)
    with running(settings) as client:
        assert client.get(place).body == before.body
        assert client.get(f"/report/{'a' * 22}").status == 404
        assert client.get(place[:-1]).status == 404


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports.db").write_bytes(b"something else, and long enough to be looked at")
    with pytest.raises(ConfigurationError, match="file is not a database"):
        ReportStore(tmp_path / "reports.db")
    done = started("serve", "--port", "0", "--data", tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1


# Addresses


PUBLIC = OPEN._replace(reach=Reach.PUBLIC)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "[::1]", "10.0.0.1", "192.168.1.1", "169.254.169.254", "[fe80::1]"),
        *("0.0.0.0", "[::ffff:127.0.0.1]", "100.64.0.1", "[fd00:ec2::254]"),
    ],
)
def test_private_addresses_are_refused_at_once(host: str) -> None:
    with running(PUBLIC) as client:
        reply = client.get(f"/api/check?url={quote(f'http://{host}/')}")
    assert reply.status == 400
    assert "only public sites are asked" in json.loads(reply.body)["error"]


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f.1", "inner.example"])
def test_names_of_private_addresses_are_refused(site: Loopback, name: str) -> None:
    before = len(site.requests)
    with world({"inner.example": ["127.0.0.1"]}, []), running(PUBLIC) as client:
        reply = client.get(f"/api/check?url={quote(f'http://{name}:{site.port}/')}")
    if reply.status == 200:
        found = json.loads(reply.body)
        assert found["exit_status"] == 3
        assert "127.0.0.1" not in reply.text  # what a name stands for in here is not told
    else:
        assert reply.status == 400
    assert len(site.requests) == before


def test_redirects_to_private_addresses_are_not_followed() -> None:
    with Loopback("127.0.0.2", {"/": (200, HTML, b"secret")}) as inner:
        target = f"http://inner.example:{inner.port}/"
        pages = {
            "/robots.txt": (200, (), ROBOTS),
            "/": (302, (("Location", target),), b""),
            "/literal": (302, (("Location", f"http://127.0.0.2:{inner.port}/"),), b""),
            "/ai.txt": (302, (("Location", f"{target}ai.txt"),), b""),
            "/image": (200, HTML, f'<img src="{target}x.jpg"><a href="{target}x.pdf">'.encode()),
        }
        names = {"outer.example": ["127.0.0.1"], "inner.example": ["127.0.0.2"]}
        with (
            Loopback("127.0.0.1", pages) as outer,
            world(names, ["127.0.0.1"]),
            running(PUBLIC) as client,
        ):
            replies = [
                client.get(f"/api/check?url={quote(f'http://outer.example:{outer.port}{path}')}")
                for path in ("/", "/literal", "/image")
            ]
            found = [json.loads(reply.body) for reply in replies]
        assert [entry["exit_status"] for entry in found[:2]] == [3, 3]
        assert found[2]["exit_status"] == 1  # the page itself is public
        assert outer.requests
        assert inner.connections == 0


def test_ports_of_other_protocols_are_refused() -> None:
    with running(PUBLIC) as client:
        assert client.get("/api/check?url=http://example.org:25/").status == 400


# The intent editor

FORM = {
    "site": "press.example",
    "contact": "rights@press.example",
    "express": "yes",
    "use-search": "yes",
    "use-ai-train": "no",
    "use-ai-input": "licence",
    "use-tdm": "no",
    "path-1": '/press/"x"',
    "path-use-1": "ai-train",
    "path-value-1": "yes",
    "refused": "GPTBot, CCBot",
    "policy": "https://press.example/terms.json",
    "amount": "100",
    "robots": "User-agent: *\r\nDisallow: /private/\r\n",
}


def test_the_files_of_an_intent(client: Client) -> None:
    reply = client.post("/intent", **FORM)
    assert reply.status == 200
    assert "read back as you mean it" in reply.text
    assert "Disallow: /private/" in reply.text
    for name in ("site/robots.txt", "servers/nginx/", "intent.toml"):
        assert f"<code>{name}" in reply.text
    archive = zipfile.ZipFile(io.BytesIO(client.post("/intent", do="zip", **FORM).body))
    names = archive.namelist()
    assert "reservations/site/robots.txt" in names
    assert b"Disallow: /private/" in archive.read("reservations/site/robots.txt")
    (script,) = (name for name in names if name == "reservations/servers/nginx/verify.sh")
    assert archive.getinfo(script).external_attr >> 16 == 0o755


def test_the_intent_file_of_a_form_is_read_back(tmp_path: Path) -> None:
    form = filled(FORM)
    (tmp_path / "intent.toml").write_text(toml(form), "utf-8")
    assert read_intent(tmp_path / "intent.toml") == written(form)[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"site": ""}, "site"),
        ({"site": "https://a.example", "use-ai-train": "licence"}, "there is no table [licence]"),
        ({"site": "https://a.example", "use-ai-train": "perhaps"}, "perhaps"),
        ({"site": "https://a.example", "refused": "a b! c"}, "is no product token"),
        ({"site": "https://a.example", "refused": "a " * 41}, "at most 40 crawlers"),
        ({"site": "https://a.example", "robots": "# END reservations\n"}, "markers"),
    ],
)
def test_an_intent_that_cannot_be_is_one_sentence(
    client: Client, fields: dict[str, str], words: str
) -> None:
    reply = client.post("/intent", **fields)
    assert reply.status == 400
    (problem,) = re.findall(r'role="alert">(.*?)</p>', reply.text)
    assert words in problem


# Two dates


def test_two_dates(tmp_path: Path) -> None:
    line = EffectLine(
        "robots.txt", "http://a.example/robots.txt", 2, "Disallow: /<b>", "disallowed"
    )
    agents = ("*", *(f"Bot{number}" for number in range(9)))
    page = "http://a.example/?q=1&r=<b>"
    with running(OPEN._replace(data=tmp_path)) as client:
        assert "There is no history yet" in client.get("/compare").text
        with History(tmp_path / "watch.db") as history:
            start = datetime(2026, 11, 1, tzinfo=UTC)
            for day, cell in enumerate((WatchedCell("yes"), WatchedCell("no", (line,)))):
                look = Effect((AgentCells(agents, {"fetch": cell, "train": cell}),))
                history.record(page, start + timedelta(days=day), look)
            history.record_problem(page, start + timedelta(days=2), "no such host")
        listed = client.get("/compare").text
        assert f"/compare?url={quote(page, safe='/')}" in listed
        found = client.get(f"/compare?url={quote(page)}").text
        assert "fetch, train: yes → no" in found
        assert "and 4 more" in found
        assert "robots.txt line 2: Disallow: /&lt;b&gt;" in found
        assert "2026-11-03 00:00:00 UTC (not reached)" in found
        same = client.get(f"/compare?url={quote(page)}&from=1&to=1").text
        assert "Nothing has changed" in same
        assert client.get("/compare?url=x&from=%FF&to=-1").status == 404
        assert client.get(f"/compare?url={quote(page)}&from={'9' * 500}&to=x").status == 200
    with running() as client:
        assert "There is no history yet" in client.get("/compare?url=x").text


# Hostile requests


def test_bodies_have_a_bound(client: Client) -> None:
    kind = "application/x-www-form-urlencoded"
    assert client.ask("POST", "/check", b"url=" + b"x" * 1_100_000, Content_Type=kind).status == 413
    assert client.ask("POST", "/check", b"&a=" * 1000, Content_Type=kind).status == 400
    assert client.ask("POST", "/check", b"{}", Content_Type="application/json").status == 415
    assert client.ask("POST", "/intent", b"x", Content_Type="multipart/form-data").status == 415


def test_hostile_requests_never_end_in_a_fault_of_the_server(client: Client) -> None:
    chance = random.Random(14)
    pieces = [
        *(
            "%00",
            "%ff",
            "%ed%a0%80",
            "%F0%9F%92%A9",
            "{{7*7}}",
            "..",
            "%2e%2e/",
            "'",
            '"',
            "<script>",
        ),
        *(
            "\\",
            "&url=",
            "url=http://[",
            "url=//",
            "http://x:y@z/",
            "?",
            ";",
            "=",
            "%0d%0aX:1",
            "a" * 500,
        ),
        *("from=1e9", "to=٣", "url=http://127.0.0.1:1/%zz", "url=http://xn--/", "+", "%25%32%35"),
    ]
    places = [
        "/",
        "/check",
        "/report/",
        "/events/",
        "/intent",
        "/compare",
        "/api/check",
        "/healthz",
    ]
    places += [f"/report/{'a' * 22}", f"/events/{'-' * 22}"]
    kind = "application/x-www-form-urlencoded"
    statuses = set()
    for _ in range(300):
        method = chance.choice(["GET", "POST", "HEAD", "PUT", "OPTIONS", "TRACE", "BREW"])
        path = chance.choice(places) + chance.choice(["", "?", "?url=", "/"])
        path += "".join(
            quote(chance.choice(pieces), safe="%?&=/+;") for _ in range(chance.randrange(4))
        )
        fields = chance.choice(
            [*("site", "robots", "refused", "path-1", "use-ai-train", "url", "do")]
        )
        body = f"{fields}={''.join(chance.choices(pieces, k=3))}&site=a.example".encode()
        headers = {"Content_Type": chance.choice([kind, kind, "text/plain", "\x80", ";;"])}
        reply = client.ask(method, path, body if method == "POST" else None, **headers)
        statuses.add(reply.status)
        assert reply.status < 500, (method, path, body, reply.text)
    assert {200, 400, 404, 405, 415} <= statuses


def test_raw_octets_in_a_request(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    import socket

    parts = urlsplit(client.address)
    for request in (
        b"GET /compare?url=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /check?url=http://\xed\xa0\x80.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST /check HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ):
        with socket.create_connection((str(parts.hostname), parts.port), timeout=30) as raw:
            raw.sendall(request)
            answer = raw.recv(200)
        assert re.match(rb"HTTP/1\.[01] [234]\d\d ", answer), (request[:60], answer)
    assert caplog.text == ""
    assert client.get(f"/compare?url={'%F0%9F%92%A9' * 2000}").status == 200


# The verb


@pytest.mark.parametrize("verb", ["check a.example", "watch -", "serve"])
def test_a_missing_extra_is_named(verb: str) -> None:
    program = (
        "import sys; sys.modules['aiohttp'] = None; sys.argv[1:] = sys.argv[1].split();"
        "from reservation_middleware.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, verb], input="", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "reservation-middleware[aiohttp]" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_is_silent_and_a_taken_port_is_one_line() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "reservation_middleware", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr
    line = process.stderr.readline().decode()
    found = re.fullmatch(r"reservations: (http://127\.0\.0\.1:(\d+)/) \(Ctrl-C ends it\)\n", line)
    assert found
    assert Client(found[1]).get("/healthz").status == 200
    # Without --allow-private it does not ask its own machine.
    assert Client(found[1]).get(f"/api/check?url={found[1]}").status == 400
    taken = started("serve", "--port", found[2])
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert taken.status == 2
    assert taken.err.startswith(f"reservations: cannot listen at 127.0.0.1, port {found[2]}: ")
    assert taken.err.count("\n") == 1
