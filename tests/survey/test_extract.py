"""The kernel: captures in, rows out."""

import base64
import json

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pytest
from hypothesis import given
from hypothesis import strategies as st
from survey_support import files_of_2019, panel, real

from reservation_middleware.survey.captures import Capture, arrow
from reservation_middleware.survey.extract import Extracted, Kernel
from reservation_middleware.survey.schema import TABLES

ROBOTS = "https://a.example/robots.txt"


def extracted(*captures: Capture) -> Extracted:
    return Kernel().extract(arrow(captures))


def rows(found: Extracted, table: str) -> list[dict[str, object]]:
    made: list[dict[str, object]] = found.tables[table].to_pylist()
    return made


def test_tables_have_exactly_the_columns_of_the_contract() -> None:
    found = extracted(Capture(ROBOTS, "w", 200, body=b"User-agent: *\nDisallow: /\n"))
    assert list(found.tables) == ["sites", "agents", "statements", "pages"]
    for name, batch in found.tables.items():
        assert batch.schema.equals(TABLES[name], check_metadata=True)
        batch.validate(full=True)
        assert all(field.metadata[b"description"] for field in batch.schema)
    assert TABLES["sites"].names == [
        *("host", "surt_host_name", "registrable_domain", "wave", "origin", "capture", "status"),
        *("digest", "bytes", "fetched_at", "signals", "conflicts", "agents_named"),
    ]
    assert TABLES["agents"].names == ["host", "wave", "origin", "agent", "access", "line"]


def test_a_file_seen_twice_is_parsed_once() -> None:
    kernel = Kernel()
    body = b"User-agent: GPTBot\nDisallow: /\n"
    captures = [
        Capture(f"https://h{number}.example/robots.txt", "w", 200, body=body) for number in range(9)
    ]
    found = kernel.extract(arrow(captures))
    assert kernel.store.parsed == 1
    assert {row["host"] for row in rows(found, "agents")} == {
        f"h{number}.example" for number in range(9)
    }
    documents = {row["document"] for row in rows(found, "statements")}
    assert "https://h3.example/robots.txt" in documents
    assert not any(
        "survey.invalid" in json.dumps(row, default=str) for row in rows(found, "statements")
    )


@pytest.mark.parametrize(
    ("capture", "word", "access"),
    [
        (Capture(ROBOTS, "w"), "no-capture", "unknown"),
        (Capture(ROBOTS, "w", problem="timeout"), "defer", "unknown"),
        (Capture(ROBOTS, "w", body=b""), "no-capture", "unknown"),
        (Capture(ROBOTS, "w", 200, body=b""), "no-rules", "none"),
        (Capture(ROBOTS, "w", 200), "no-rules", "none"),
        (Capture(ROBOTS, "w", 200, body=b"# nothing\n"), "no-rules", "none"),
        (Capture(ROBOTS, "w", 200, body=b"Sitemap: /x\n"), "no-rules", "none"),
        (Capture(ROBOTS, "w", 200, body=b"User-agent: *\nDisallow: /\n"), "with-rules", "full"),
        (Capture(ROBOTS, "w", 200, body=b"<html>no</html>"), "not-robots", "unknown"),
        (Capture(ROBOTS, "w", 200, body=b"This is not available."), "not-robots", "unknown"),
        (Capture(ROBOTS, "w", 200, body=b"\x89PNG\r\n\x1a\n\0\0"), "not-robots", "unknown"),
        (Capture(ROBOTS, "w", 404, body=b"User-agent: *\nDisallow: /\n"), "absent", "none"),
        (Capture(ROBOTS, "w", 410), "absent", "none"),
        (Capture(ROBOTS, "w", 403), "forbidden", "unknown"),
        (Capture(ROBOTS, "w", 451), "forbidden", "unknown"),
        (Capture(ROBOTS, "w", 429), "defer", "unknown"),
        (Capture(ROBOTS, "w", 503), "defer", "unknown"),
        (Capture(ROBOTS, "w", 301), "redirect-unresolved", "unknown"),
        (
            Capture(ROBOTS, "w", 200, ("cf-mitigated", "challenge"), b"User-agent: *"),
            "forbidden",
            "unknown",
        ),
        (Capture(ROBOTS, "w", 202, (), b""), "defer", "unknown"),
    ],
)
def test_how_asking_ended(capture: Capture, word: str, access: str) -> None:
    found = extracted(capture)
    (site,) = rows(found, "sites")
    assert site["capture"] == word
    (agent,) = rows(found, "agents")
    assert (agent["agent"], agent["access"]) == ("*", access)


def test_every_family_speaks_and_contradictions_are_kept() -> None:
    body = (
        b"User-agent: *\nContent-Signal: ai-train=yes\nContent-Usage: train-ai=n\nAllow: /\n\n"
        b"User-agent: gptbot\nUser-agent: ClaudeBot\nDisallow: /\n"
    )
    found = extracted(Capture(ROBOTS, "w", 200, body=body))
    (site,) = rows(found, "sites")
    assert site["signals"] == ["aipref", "content-signals", "robots", "robots-agents"]
    assert "ai-train-gen:aipref>content-signals" in site["conflicts"]  # type: ignore[operator]
    assert site["agents_named"] == 2
    agents = {row["agent"]: row["access"] for row in rows(found, "agents")}
    assert agents == {"GPTBot": "full", "ClaudeBot": "full", "*": "explicit-allow"}
    usage = [row for row in rows(found, "statements") if row["signal"] == "content-signals"]
    assert {row["category"] for row in usage} == {"ai-train-gen", "ai-train-nongen"}
    assert {row["line"] for row in usage} == {2}


def test_near_misses_are_marked() -> None:
    body = b"User-agent: *\nContent-Signal: ai-train: no\nDisallow:\n\nUser-agent: GPT-Bot\nDisallow: /\n"
    found = extracted(Capture(ROBOTS, "w", 200, body=body))
    near = [
        (row["signal"], row["preference"]) for row in rows(found, "statements") if row["near_miss"]
    ]
    assert ("content-signals", "disallowed") in near
    assert ("robots-agents", "unknown") in near


def test_pages_are_judged_by_their_own_words() -> None:
    silent = Capture(
        "https://a.example/x", "w", 200, ("content-type", "text/html"), b"<p>words</p>"
    )
    speaking = Capture(
        "https://a.example/y",
        "w",
        200,
        ("tdm-reservation", "1", "content-type", "text/html"),
        b"<p>",
    )
    meta = Capture(
        "https://a.example/z",
        "w",
        200,
        ("content-type", "text/html"),
        b'<head><meta name="robots" content="noai">',
    )
    found = extracted(silent, speaking, meta)
    first, second, third = rows(found, "pages")
    assert (first["verdict"], first["action"]) == ("unknown", "proceed")
    assert (second["verdict"], second["action"]) == ("disallowed", "block")
    assert third["ai_train_gen"] == "disallowed"
    assert {row["carrier"] for row in rows(found, "statements")} >= {"header", "meta"}
    assert rows(found, "sites") == []


def test_other_policy_documents_speak_for_their_host() -> None:
    file = b'[{"location": "/", "tdm-reservation": 1}]'
    found = extracted(Capture("https://a.example/.well-known/tdmrep.json", "w", 200, (), file))
    assert {row["signal"] for row in rows(found, "statements")} == {"tdmrep"}
    assert found.counts == {"captures of tdmrep.json": 1}


def test_a_flood_is_bounded_and_told() -> None:
    groups = "".join(f"User-agent: b{number}\nDisallow: /{number}\n" for number in range(13_000))
    body = (groups + "User-agent: GPTBot\n" + "Disallow: /a\n" * 8000).encode()[: 512 * 1024]
    found = extracted(Capture(ROBOTS, "w", 200, body=body))
    assert len(rows(found, "statements")) <= 50_000
    assert len(rows(found, "agents")) > 10_000


words = st.sampled_from(
    [
        "User-agent: ",
        "GPTBot",
        "*",
        "Disallow: ",
        "Allow: ",
        "/",
        "$",
        "\n",
        "\r",
        "\0",
        "%",
        "\ud800",
        "Content-Signal: ",
        "ai-train=no",
        "License: ",
        "é",
        "#",
        "<html>",
        "\ufeff",
    ]
)


@given(
    st.lists(words, max_size=30),
    st.integers(0, 999),
    st.sampled_from(["a.example", "é.example", "1.2.3.4"]),
)
def test_nothing_that_a_site_sends_raises(parts: list[str], status: int, host: str) -> None:
    body = "".join(parts).encode("utf-8", "surrogatepass")
    for url in (f"https://{host}/robots.txt", f"https://{host}/ai.txt", f"https://{host}/x"):
        fields = ("content-type", "text/html", "x-robots-tag", "".join(parts))
        found = extracted(Capture(url, "w", status or None, fields, body))
        for batch in found.tables.values():
            batch.validate(full=True)


@pytest.mark.slow
def test_every_real_file_gives_valid_rows() -> None:
    bodies = [*files_of_2019(), *(text.encode() for text in panel()["bodies"].values())]
    captures = [
        Capture(f"https://h{number}.example/robots.txt", "w", 200, body=body)
        for number, body in enumerate(bodies)
    ]
    found = extracted(*captures)
    assert found.tables["sites"].num_rows == len(bodies)
    for batch in found.tables.values():
        batch.validate(full=True)


def test_deployed_cases_give_their_words() -> None:
    """Each case whose robots.txt or page must say no to training has a row that says so."""
    lost = []
    with real("signal-cases.jsonl").open("rb") as lines:
        cases = [json.loads(line) for line in lines]
    assert len(cases) > 40
    for case in cases:
        captures = []
        for document in case["ask"].get("documents", ()):
            body = document.get("body", "")
            data = body.encode() if isinstance(body, str) else base64.b64decode(body["base64"])
            fields = tuple(part for pair in document.get("headers", ()) for part in pair)
            captures.append(
                Capture(document["url"], "w", document.get("status", 200), fields, data)
            )
        # What only a licence says that robots.txt points to is in no archive beside it.
        if case["want"].get("ai-train-gen") == "disallowed" and not case["id"].startswith("rsl-"):
            spoken = {row["preference"] for row in rows(extracted(*captures), "statements")}
            if "disallowed" not in spoken:
                lost.append(case["id"])
    assert lost == []


def test_batches_of_any_size_give_equal_rows() -> None:
    bodies = files_of_2019()[:60]
    captures = [
        Capture(f"https://h{n}.example/robots.txt", "w", 200, body=b) for n, b in enumerate(bodies)
    ]
    whole = extracted(*captures).tables["agents"]
    kernel = Kernel()
    parts = [
        kernel.extract(arrow(captures[at : at + 7])).tables["agents"] for at in range(0, 60, 7)
    ]
    assert pa.Table.from_batches(parts).equals(pa.Table.from_batches([whole]))
