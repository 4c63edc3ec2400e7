"""The batch face: order, defaults, bad lines of every kind, and memory that does not grow."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from reservation_middleware.decide import batch
from reservation_middleware.decide.batch import decide_lines
from support import ROOT, Json

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORIGIN = "https://a.example"
GOOD = b'{"url":"https://a.example/x"}'
RESERVED = b'[{"location": "/", "tdm-reservation": 1}]'


def decide(*lines: bytes) -> list[Json]:
    return [msgspec.json.decode(line) for line, _ in decide_lines(lines, NOW)]


def one(**given: object) -> Json:
    [record] = decide(msgspec.json.encode({"url": f"{ORIGIN}/x", **given}))
    return record


def robots(body: object, **more: object) -> Json:
    return {"url": f"{ORIGIN}/robots.txt", "status": 200, "body": body, **more}


# ---- good lines


def test_defaults() -> None:
    record = one()
    assert record["agent"] == "*"
    assert record["purposes"] == ["ai-train"]
    assert record["profile"] == "opt-out"
    assert record["stage"] == "site"
    assert record["crawl"] == "unknown"
    assert record["consulted"] == []
    assert record["expires"] is None


def test_order_is_kept_and_nothing_read_ahead() -> None:
    taken: list[int] = []

    def lines() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield msgspec.json.encode({"url": f"{ORIGIN}/{number}"})

    for number, (line, good) in enumerate(decide_lines(lines(), NOW)):
        assert good
        assert msgspec.json.decode(line)["url"] == f"{ORIGIN}/{number}"
        assert len(taken) == number + 1


def test_line_ends_and_blank_lines() -> None:
    records = decide(GOOD + b"\n", b"\n", b"", b" \t\r\n", GOOD + b"\r\n", b"no", GOOD)
    assert [record.get("line", "good") for record in records] == ["good", "good", 6, "good"]


def test_output_has_no_line_end() -> None:
    line = msgspec.json.encode({"url": f"{ORIGIN}/x", "documents": [robots("a\nb\u2028c")]})
    [(output, _)] = decide_lines([line], NOW)
    assert b"\n" not in output


def test_body_as_base64_is_the_same_as_text() -> None:
    text = "User-agent: *\nDisallow: /é\n"
    encoded = base64.b64encode(text.encode()).decode()
    plain, binary = (one(documents=[robots(body)]) for body in (text, {"base64": encoded}))
    assert plain == binary


def test_body_as_base64_need_not_be_text() -> None:
    encoded = base64.b64encode(b"\xff\xfe\0\0User-agent: *\nDisallow: /").decode()
    assert one(documents=[robots({"base64": encoded})])["consulted"] == ["robots.txt"]


def test_page_without_body_is_the_head_stage() -> None:
    page: Json = {"url": f"{ORIGIN}/x", "status": 200, "headers": [["TDM-Reservation", "1"]]}
    assert one(documents=[page])["stage"] == "headers"
    assert one(documents=[{**page, "body": ""}])["stage"] == "content"
    assert one(documents=[page])["verdict"] == "disallowed"


@pytest.mark.parametrize(
    ("how", "crawl"),
    [
        ({}, "disallowed"),
        ({"status": 200}, "disallowed"),
        ({"status": 404}, "allowed"),
        ({"status": 403}, "allowed"),
        ({"status": 301}, "allowed"),
        ({"status": 429}, "disallowed"),
        ({"status": 503}, "disallowed"),
        ({"outcome": "unavailable"}, "allowed"),
        ({"outcome": "unreachable"}, "disallowed"),
        ({"status": 503, "outcome": "unavailable"}, "allowed"),
        ({"status": 404, "outcome": "fetched"}, "disallowed"),
    ],
    ids=str,
)
def test_status_and_outcome(how: Json, crawl: str) -> None:
    document = {"url": f"{ORIGIN}/robots.txt", "body": "User-agent: *\nDisallow: /", **how}
    assert one(documents=[document])["crawl"] == crawl


def test_documents_of_other_origins_and_places_are_left_out() -> None:
    rules = "User-agent: *\nDisallow: /"
    elsewhere = [
        f"http://{ORIGIN[8:]}/robots.txt",
        f"{ORIGIN}:8443/robots.txt",
        "https://b.example/robots.txt",
        f"{ORIGIN}/sub/robots.txt",
        f"{ORIGIN}/y",
    ]
    record = one(documents=[robots(rules, url=url) for url in elsewhere])
    assert record["consulted"] == []
    assert one(documents=[robots(rules, url="HTTPS://A.example:443/robots.txt")])["crawl"] == (
        "disallowed"
    )


def test_robots_txt_may_be_the_page() -> None:
    record = one(url=f"{ORIGIN}/robots.txt", documents=[robots("User-agent: *\nDisallow: /")])
    assert record["consulted"] == ["robots.txt", "headers", "content"]
    assert record["crawl"] == "allowed"


def test_policy_knobs() -> None:
    documents = [robots("User-agent: GPTBot\nDisallow: /")]
    assert one(documents=documents)["action"] == "proceed"
    for policy in (
        {"proxy_agents": "count"},
        {"unknown": "block"},
        {"policy_tokens": {"GPTBot": ["ai-train"]}},
    ):
        assert one(documents=documents, policy=policy)["action"] == "block"
    assert one(documents=documents, policy={"proxy_agents": "off"})["reasons"] == []
    assert one(documents=documents, policy={"proxy_tokens": ["CCBot"]})["reasons"] == []
    assert one(documents=documents, policy={"signals": []})["crawl"] == "allowed"
    assert one(documents=documents, agent="GPTBot", policy={"signals": []})["action"] == "block"
    assert one(documents=documents, policy={"proxy_agents": None}) == one(documents=documents)
    down: Json = {"url": f"{ORIGIN}/robots.txt", "outcome": "unreachable"}
    assert one(documents=[down])["action"] == "block"
    assert one(documents=[down], policy={"unreachable": "proceed"})["action"] == "proceed"
    reserved = {"url": f"{ORIGIN}/.well-known/tdmrep.json", "body": RESERVED.decode()}
    assert one(documents=[reserved])["action"] == "block"
    assert one(documents=[reserved], policy={"reservation": "proceed"})["action"] == "proceed"


@pytest.mark.parametrize(
    ("documents", "after"),
    [
        ([robots("")], timedelta(hours=24)),
        ([robots("", status=404)], timedelta(hours=24)),
        ([robots("", headers=[["cache-control", "max-age=3600"]])], timedelta(hours=1)),
        ([robots("", headers=[["Cache-Control", "public, max-age=1"]])], timedelta(minutes=5)),
        ([robots("", headers=[["cache-control", "no-store"]])], timedelta(minutes=5)),
        ([robots("", headers=[["cache-control", "max-age=9999999999"]])], timedelta(hours=24)),
        ([robots("", status=503)], timedelta(minutes=5)),
        (
            [
                robots("", headers=[["cache-control", "max-age=7200"]]),
                {"url": f"{ORIGIN}/.well-known/tdmrep.json", "outcome": "unreachable"},
                {"url": f"{ORIGIN}/x", "headers": [["cache-control", "max-age=1"]], "body": ""},
            ],
            timedelta(minutes=5),
        ),
    ],
)
def test_expires(documents: list[Json], after: timedelta) -> None:
    record = one(documents=documents, now="2026-01-01T00:00:00Z")
    expected = datetime(2026, 1, 1, tzinfo=UTC) + after
    assert datetime.fromisoformat(record["expires"]) == expected


def test_now_may_be_in_any_zone() -> None:
    record = one(documents=[robots("")], now="2026-01-01T02:00:00+02:00")
    assert datetime.fromisoformat(record["expires"]) == datetime(2026, 1, 2, tzinfo=UTC)


# ---- bad lines

BAD = {
    "not JSON": b"no",
    "cut": b'{"url": "https://a.example/',
    "two values": GOOD + GOOD,
    "list": b"[]",
    "null": b"null",
    "string": b'"https://a.example/"',
    "empty object": b"{}",
    "url of another type": b'{"url": 1}',
    "unknown field": b'{"url":"https://a.example/","purpose":["ai-train"]}',
    "unknown purpose": b'{"url":"https://a.example/","purposes":["training"]}',
    "no purpose": b'{"url":"https://a.example/","purposes":[]}',
    "purpose not in a list": b'{"url":"https://a.example/","purposes":"ai-train"}',
    "unknown profile": b'{"url":"https://a.example/","profile":"lenient"}',
    "profile that is a path": b'{"url":"https://a.example/","profile":"../profiles/strict"}',
    "agent with a space": b'{"url":"https://a.example/","agent":"Example Bot"}',
    "empty agent": b'{"url":"https://a.example/","agent":""}',
    "agent that is a user agent": b'{"url":"https://a.example/","agent":"Bot/1.0"}',
    "now without zone": b'{"url":"https://a.example/","now":"2026-01-01T00:00:00"}',
    "now of another kind": b'{"url":"https://a.example/","now":"yesterday"}',
    "now at the end of time": (
        b'{"url":"https://a.example/","now":"9999-12-31T23:59:59Z",'
        b'"documents":[{"url":"https://a.example/robots.txt","body":""}]}'
    ),
    "unknown knob": b'{"url":"https://a.example/","policy":{"mode":"observe"}}',
    "unknown value of a knob": b'{"url":"https://a.example/","policy":{"unknown":"maybe"}}',
    "unknown proxy_agents": b'{"url":"https://a.example/","policy":{"proxy_agents":"all"}}',
    "unknown signal": b'{"url":"https://a.example/","policy":{"signals":["robot"]}}',
    "documents not in a list": b'{"url":"https://a.example/","documents":{}}',
    "document without url": b'{"url":"https://a.example/","documents":[{"status":200}]}',
    "unknown field of a document": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/","text":""}]}'
    ),
    "unknown outcome": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/","outcome":"ok"}]}'
    ),
    "status in words": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/","status":"200"}]}'
    ),
    "status too large": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/","status":1e99}]}'
    ),
    "headers as object": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/",'
        b'"headers":{"a":"b"}}]}'
    ),
    "header of three": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/",'
        b'"headers":[["a","b","c"]]}]}'
    ),
    "body that is no base64": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/",'
        b'"body":{"base64":"a"}}]}'
    ),
    "base64 that is no ASCII": (
        '{"url":"https://a.example/","documents":[{"url":"https://a.example/",'
        '"body":{"base64":"é"}}]}'
    ).encode(),
    "body of another encoding": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/",'
        b'"body":{"base85":"a"}}]}'
    ),
    "lone surrogate": (
        b'{"url":"https://a.example/","documents":[{"url":"https://a.example/","body":"\\ud800"}]}'
    ),
    "not UTF-8": b'{"url":"https://a.example/\xff"}',
    "UTF-16": '{"url":"https://a.example/"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "NUL": b"\0",
    "deeply nested": b"[" * 100_000,
    "deep inside": b'{"url":' + b"[" * 100_000,
    "not a finite number": b'{"url":"https://a.example/","documents":NaN}',
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD.keys())
def test_bad_line_is_an_error_record_and_the_rest_goes_on(line: bytes) -> None:
    before, wrong, after = list(decide_lines([GOOD, line, GOOD], NOW))
    assert (before[1], wrong[1], after[1]) == (True, False, True)
    assert before == after
    record = msgspec.json.decode(wrong[0])
    assert list(record) == ["error", "line"]
    assert record["error"]
    assert "\n" not in record["error"]
    assert len(record["error"]) < 1000
    assert record["line"] == 2


def test_error_names_the_nearest_word() -> None:
    assert "'ai-train'" in one(purposes=["ai-trian"])["error"]
    assert "'strict'" in one(profile="stricht")["error"]
    assert "'tdmrep'" in one(policy={"signals": ["tdmrp"]})["error"]


def test_line_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_LINE", 1000)
    long = msgspec.json.encode({"url": f"{ORIGIN}/{'x' * 1000}"})
    wrong, good = decide(long, GOOD)
    assert wrong == {"error": "longer than 1000 bytes", "line": 1}
    assert good["url"] == f"{ORIGIN}/x"


def test_long_line_below_the_limit() -> None:
    body = "User-agent: *\nDisallow: /\n" + "# filler\n" * 1_000_000
    assert one(documents=[robots(body)])["crawl"] == "disallowed"


# ---- through a pipe

COMMAND = (sys.executable, "-m", "reservation_middleware", "decide")

#: Runs in a process of its own: a child's peak counts from its parent's size at the fork.
STREAM = r"""
import os, subprocess, sys, threading

count, *command = sys.argv[1:]
count = int(count)
plain = b'{"url":"https://h%d.example/"}\n'
full = (
    b'{"url":"https://h%d.example/x","documents":[{"url":"https://h%d.example/robots.txt",'
    b'"body":"User-agent: *\\nContent-Usage: train-ai=n, a%d=y\\nDisallow: /%d/"}]}\n'
)
bad = b'{"url":%d,}\n'

def write(pipe):
    with pipe:
        for n in range(count):
            kind = bad if n % 1000 == 7 else full if n % 20 == 3 else plain
            pipe.write(kind % ((n,) * kind.count(b"%")))

os.environ.pop("PYTHONUNBUFFERED", None)
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
threading.Thread(target=write, args=(child.stdin,), daemon=True).start()
lines = errors = reserved = 0
for line in child.stdout:
    expected = b'"line":%d}' % (lines + 1) if lines % 1000 == 7 else b"//h%d.example/" % lines
    assert expected in line, (expected, line)
    lines += 1
    errors += line.startswith(b'{"error"')
    reserved += b'"action":"block"' in line
_, status, usage = os.wait4(child.pid, 0)
scale = 1 if sys.platform == "darwin" else 1024
print(lines, errors, reserved, os.waitstatus_to_exitcode(status), usage.ru_maxrss * scale)
"""


def stream(count: int, command: tuple[str, ...] = COMMAND) -> list[int]:
    """Lines, error records, blocks, exit status and peak memory of a run over made-up lines."""
    if not hasattr(os, "wait4"):
        pytest.skip("no os.wait4 to measure a process with")
    done = subprocess.run(
        [sys.executable, "-c", STREAM, str(count), *command],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=600,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def memory_is_constant(few: int, many: int) -> None:
    *answers, least = stream(few)
    assert answers == [few, few // 1000, few // 20, 1]
    *answers, most = stream(many)
    assert answers == [many, many // 1000, many // 20, 1]
    assert most < 150 * 1024 * 1024
    assert most < least + 8 * 1024 * 1024


def test_ten_thousand_lines_in_constant_memory() -> None:
    memory_is_constant(2_000, 10_000)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_half_a_million_lines_in_constant_memory() -> None:
    memory_is_constant(20_000, 1_000_000)


def test_exit_status_is_zero_if_every_line_was_good() -> None:
    done = subprocess.run(COMMAND, input=GOOD + b"\n", capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    assert msgspec.json.decode(done.stdout)["url"] == f"{ORIGIN}/x"


def test_nothing_in_nothing_out() -> None:
    done = subprocess.run(COMMAND, input=b"", capture_output=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
