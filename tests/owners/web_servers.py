"""Real web servers on loopback with generated snippets in them: nginx, Apache, Caddy.

Here: an intent whose files are written to a folder, an application that a server stands in front of,
server processes, and one question, what fields a response has. Not here: configurations.
"""

import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reservation_middleware.owners.generate import Generated, generate
from reservation_middleware.owners.generate.folder import write_files
from reservation_middleware.owners.generate.writable import check_writable
from reservation_middleware.owners.intent import SiteIntent, read_intent
from reservation_middleware.syntax.path import Pattern, judged

INTENT = """
site = "https://press.example"
contact = "mailto:rights@press.example"
express_reservation = true
[use]
search = "yes"
ai-input = "no"
ai-train = "no"
tdm = "licence"
[[path]]
match = "/press/"
use = { ai-train = "yes" }
[[path]]
match = "/press/archive/*.pdf$"
use = { ai-train = "no" }
[[agent]]
token = "GPTBot"
crawl = "no"
[licence]
policy = "https://press.example/tdm-policy.json"
price = { amount = "100", currency = "EUR", per = "year" }
"""
LISTS = ("link", "x-robots-tag")


def program(name: str) -> str:
    """The path of a program; where it is not there the test is skipped and says so."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def generated(folder: Path, text: str = INTENT, **existing: bytes) -> tuple[SiteIntent, Generated]:
    """An intent, generated into a folder as the command does it."""
    file = folder.parent / f"{folder.name}.toml"
    file.write_text(text)
    intent = read_intent(file)
    check_writable(intent, file.name)
    found = generate(intent, existing)
    write_files(folder, found.files)
    return intent, found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Application(BaseHTTPRequestHandler):
    """Answers with the status that the path ends with, and a field of its own."""

    def do_GET(self) -> None:
        last = self.path.partition("?")[0].rpartition("/")[2]
        status = int(last) if last.isdigit() else 200
        body = b"<!doctype html><title>app</title>" if status not in (204, 304) else b""
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=60")
        self.send_header("Link", "</app.css>; rel=preload")
        if status in (301, 302):
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def application() -> Iterator[int]:
    """An application on loopback; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@contextmanager
def running(words: Sequence[str], port: int, folder: Path, **environment: str) -> Iterator[None]:
    """A server process that answers at a port."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, stdout=log, stderr=log, env={**os.environ, **environment}
        )
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    text = (folder / "server.log").read_text("utf-8", "replace")
                    assert process.poll() is None, text[-3000:]
                    assert time.monotonic() < until, text[-3000:]
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(30)


def response(
    port: int, target: str, *, method: str = "GET", **fields: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, header fields and body, no redirect followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def missing(found: Generated, target: str, headers: Sequence[tuple[str, str]]) -> list[str]:
    """Fields that a response at a path and query should have and has not, or has otherwise."""
    head = next(
        head
        for head in found.heads
        if not head.region.pattern or Pattern(head.region.pattern).matches(judged(target))
    )
    meant = dict(head.fields)
    ours = {name for other in found.heads for name, _ in other.fields}
    wrong = []
    for name in sorted(ours):
        values = [value for field, value in headers if field.lower() == name.lower()]
        if name.lower() in LISTS:
            values = [one.strip() for value in values for one in value.split(", ")]
        wanted = [meant[name]] if name in meant else []
        if (name.lower() in LISTS and set(wanted) - set(values)) or (
            name.lower() not in LISTS and values != wanted
        ):
            wrong.append(f"{target}: {name}: {values}, not {wanted}")
        if name.lower() in LISTS and not wanted and "noai" in values:
            wrong.append(f"{target}: {name}: {values}, not {wanted}")
    return wrong


def lost(found: Generated, port: int, targets: Mapping[str, int]) -> list[str]:
    """What is missing or wrong at some targets, each with the status that it must have."""
    wrong = []
    for target, status in targets.items():
        got, headers, _ = response(port, target)
        if got != status:
            wrong.append(f"{target}: status {got}, not {status}")
        wrong += missing(found, target, headers)
    return wrong


def own_link_stays(port: int) -> bool:
    """Whether the application's own Link is there beside ours."""
    _, headers, _ = response(port, "/app/200")
    links = ", ".join(value for name, value in headers if name.lower() == "link")
    return "</app.css>; rel=preload" in links and "license.xml" in links


def verified(folder: Path, server: str, port: int, *paths: str) -> tuple[int, str]:
    """What verify.sh says of a server, and its exit status."""
    program("curl")
    done = subprocess.run(
        ["sh", str(folder / "servers" / server / "verify.sh"), f"http://127.0.0.1:{port}", *paths],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr
