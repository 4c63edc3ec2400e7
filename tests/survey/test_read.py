"""Inputs: each shape gives its captures, and nothing that an input holds raises."""

import bz2
import gzip
import json
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
import pytest
from survey_support import real, record, write_lines

from reservation_middleware.survey.captures import Capture
from reservation_middleware.survey.read import InputError, InputKind, items, sources
from reservation_middleware.survey.read.items import Listed, Unreadable

RULES = b"User-agent: GPTBot\nDisallow: /\n"


def read(path: Path, kind: InputKind | None = None, wave: str | None = None) -> list[Any]:
    return [
        item for source, found in sources(str(path), kind) for item in items(source, found, wave)
    ]


def captures(found: list[Any]) -> list[Capture]:
    return [item for item in found if isinstance(item, Capture)]


def reasons(found: list[Any]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for item in found:
        if isinstance(item, Unreadable):
            counted[item.reason] += item.times
    return counted


def test_json_lines_of_three_shapes(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "a.jsonl",
        [
            {"host": "a.example", "body": "x"},
            {
                "host": "b.example",
                "wave": "w",
                "status": 404,
                "headers": {"Content-Type": "text/plain"},
                "body": None,
            },
            {
                "host": "c.example",
                "wave": 3,
                "status": 200,
                "headers": [["CF-Mitigated", "challenge"]],
                "body": {"base64": "eA=="},
            },
            {
                "https://d.example/robots.txt": {"2024-01-01": "x", "2024-02-01": "y"},
                "e.example": {"2024-01-01": "z"},
            },
            {
                "url": "https://f.example/page",
                "status": 200,
                "headers": [],
                "body": "<p>",
                "fetched_at": "2026-10-05T10:00:00Z",
            },
        ],
    )
    found = captures(read(path))
    assert [(one.url, one.wave, one.status, one.body) for one in found] == [
        ("https://a.example/robots.txt", "all", None, b"x"),
        ("https://b.example/robots.txt", "w", 404, None),
        ("https://c.example/robots.txt", "3", 200, b"x"),
        ("https://d.example/robots.txt", "2024-01-01", None, b"x"),
        ("https://d.example/robots.txt", "2024-02-01", None, b"y"),
        ("https://e.example/robots.txt", "2024-01-01", None, b"z"),
        ("https://f.example/page", "2026-10", 200, b"<p>"),
    ]
    assert found[2].fields == ("cf-mitigated", "challenge")


def test_one_json_document_over_many_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"a.example": {"2024": "x"}, "b.example": {"2025": "y"}}, indent=2))
    assert [one.wave for one in captures(read(path))] == ["2024", "2025"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, lambda data: data])
def test_packed_inputs(tmp_path: Path, pack: Any) -> None:
    path = tmp_path / "a"
    path.write_bytes(pack(b'{"host": "a.example", "body": "x"}\n'))
    assert len(captures(read(path))) == 1


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("1,a.example\n2,b.example\n", [("a.example", 1), ("b.example", 2)]),  # Tranco
        ("origin,rank\nhttps://a.example,1000\n", [("a.example", 1000)]),  # CrUX
        ("https://a.example,5000\n", [("a.example", 5000)]),
        ("a.example\n# no\n\nhttps://B.example/x\n", [("a.example", None), ("b.example", None)]),
        ("name;domain\nx", []),
        ("id,domain\n7,a.example\n", [("a.example", None)]),
    ],
)
def test_lists(tmp_path: Path, text: str, listed: list[tuple[str, int | None]]) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    found = [(one.host, one.rank) for one in read(path) if isinstance(one, Listed)]
    assert found == listed


def test_a_folder_of_files(tmp_path: Path) -> None:
    for name in ("a.example.txt", "2025/b.example", "2025/c.example/robots.txt", "README"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(RULES)
    found = read(tmp_path)
    assert [(one.url, one.wave) for one in captures(found)] == [
        ("https://b.example/robots.txt", "2025"),
        ("https://c.example/robots.txt", "2025"),
        ("https://a.example/robots.txt", "all"),
    ]
    assert reasons(found) == {"a file whose name is no host": 1}


def test_warc_with_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        record("https://a.example/robots.txt", RULES)
        + record(
            "https://a.example/x",
            b"<p>",
            fields=[("Content-Type", "text/html"), ("TDM-Reservation", "1"), ("Set-Cookie", "no")],
        )
        + record("https://a.example/i.png", b"\x89PNG", fields=[("Content-Type", "image/png")])
        + record("https://b.example/robots.txt", b"", status="503 No")
    )
    found = captures(read(path))
    assert [(one.url, one.status, one.wave) for one in found] == [
        ("https://a.example/robots.txt", 200, "2026-10"),
        ("https://a.example/x", 200, "2026-10"),
        ("https://a.example/i.png", 200, "2026-10"),
        ("https://b.example/robots.txt", 503, "2026-10"),
    ]
    assert found[0].body == RULES
    assert "tdm-reservation" in found[1].fields
    assert "set-cookie" not in found[1].fields
    assert found[2].body == b""


def test_an_archive_of_robots_files_leaves_targets_of_redirects_out(tmp_path: Path) -> None:
    path = tmp_path / "CC-robotstxt-1.warc.gz"
    path.write_bytes(
        record("https://a.example/robots.txt", RULES) + record("https://a.example/login", b"<html>")
    )
    found = read(path)
    assert len(captures(found)) == 1
    assert reasons(found) == {"the target of a redirect, no policy document": 1}


def test_a_wat_record_becomes_its_page(tmp_path: Path) -> None:
    envelope = {
        "Envelope": {
            "Payload-Metadata": {
                "HTTP-Response-Metadata": {
                    "Response-Message": {"Status": "200"},
                    "Headers": {"Content-Type": "text/html", "X-Robots-Tag": ["noai", "noindex"]},
                    "HTML-Metadata": {
                        "Head": {
                            "Metas": [{"name": "robots", "content": 'no"ai'}],
                            "Link": [{"path": "LINK@/href", "url": "/l", "rel": "license"}],
                        }
                    },
                }
            }
        }
    }
    data = json.dumps(envelope).encode()
    head = (
        "WARC/1.0\r\nWARC-Type: metadata\r\nWARC-Target-URI: https://a.example/x\r\n"
        "WARC-Date: 2026-10-05T10:00:00Z\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    path = tmp_path / "a.wat.gz"
    path.write_bytes(gzip.compress(head.encode() + data + b"\r\n\r\n"))
    (found,) = captures(read(path))
    assert found.fields == (
        "content-type",
        "text/html",
        "x-robots-tag",
        "noai",
        "x-robots-tag",
        "noindex",
    )
    assert (
        found.body
        == b'<!doctype html><head><meta name="robots" content="no&quot;ai"><link href="/l" rel="license">'
    )


def test_common_crawls_own_samples() -> None:
    (page,) = captures(read(real("cc-sample.warc.gz")))
    assert (page.url, page.status) == ("https://an.wikipedia.org/wiki/Escopete", 200)
    assert reasons(read(real("cc-sample.wat.gz"))) == {}


def test_parquet_of_bodies_and_of_documents(tmp_path: Path) -> None:
    bodies, urls = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(
        pa.table({"host": ["a.example", "no"], "body": ["x", "y"], "wave": ["w", "w"]}), bodies
    )
    pq.write_table(
        pa.table({"url": ["https://a.example/1", "https://a.example/2", ""], "text": ["", "", ""]}),
        urls,
    )
    found = read(bodies)
    assert [(one.url, one.wave, one.body) for one in captures(found)] == [
        ("https://a.example/robots.txt", "w", b"x")
    ]
    assert reasons(found) == {"a row without a host": 1}
    found = read(urls)
    assert [one for one in found if isinstance(one, Listed)] == [Listed("a.example", None, 2)]
    assert reasons(found) == {"a row without a host": 1}


@pytest.mark.parametrize(
    ("table", "words"),
    [({"text": ["x"]}, "it has text"), ({"url": [1]}, "column url is int64")],
)
def test_an_unknown_column_or_type_is_named(
    tmp_path: Path, table: dict[str, Any], words: str
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(table), path)
    with pytest.raises(InputError, match=words):
        read(path)


def test_a_manifest_leads_to_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.warc.gz").write_bytes(record("https://a.example/robots.txt", RULES))
    write_lines(tmp_path / "sub/b.jsonl", [{"host": "b.example", "body": "x"}])
    path = tmp_path / "files.paths"
    path.write_text(
        f"sub/a.warc.gz\n{tmp_path}/sub/b.jsonl\nfile://{tmp_path}/sub/a.warc.gz\nsub/gone.warc.gz\n"
    )
    found = read(path)
    assert [one.url for one in captures(found)] == [
        "https://a.example/robots.txt",
        "https://b.example/robots.txt",
        "https://a.example/robots.txt",
    ]
    assert reasons(found) == {"an input of a manifest cannot be opened": 1}


def test_what_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read(tmp_path / "gone")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(InputError, match="--input"):
        read(tmp_path / "empty")


# --- hostile input ------------------------------------------------------------------------


def test_broken_lines_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"host": "a.example", "body": "x"}\n{"host": \n\xff\xfe\0\n[1, 2]\n7\n{"x": 1}\n'
        b'{"host": "no host", "body": ""}\n{"host": "b.example", "body": {"base64": "!"}}\n'
        b'{"host": "b.example", "headers": [1], "body": ""}\n' + b"[" * 100_000 + b"\n"
        b'{"host": "c.example", "body": "\\ud800"}\n{"host": "d.example", "body": "x"}\n'
    )
    found = read(path)
    assert {one.url for one in captures(found)} >= {
        "https://a.example/robots.txt",
        "https://d.example/robots.txt",
    }
    assert sum(reasons(found).values()) >= 8


def test_a_line_without_end_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reservation_middleware.survey.read.streams.LINE", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"host": "a.example", "body": "'
        + b"x" * 5000
        + b'"}\n{"host": "b.example", "body": ""}\n'
    )
    found = read(path)
    assert [one.url for one in captures(found)] == ["https://b.example/robots.txt"]
    assert reasons(found) == {"a line that is too long": 1}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_cut_off_inputs(tmp_path: Path, pack: Any) -> None:
    lines = b"".join(b'{"host": "h%d.example", "body": "%d"}\n' % (n, n * n) for n in range(20_000))
    packed = pack(lines)
    path = tmp_path / "a"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    found = read(path, InputKind.JSONL)
    assert reasons(found)["an input that is cut off"] == 1
    if pack is gzip.compress:
        assert len(captures(found)) > 1000


def test_a_broken_record_is_counted_and_the_next_one_sought(tmp_path: Path) -> None:
    good = [record(f"https://h{number}.example/robots.txt", RULES) for number in range(5)]
    broken = bytearray(good[1])
    broken[30:60] = b"\xff" * 30
    path = tmp_path / "a.warc.gz"
    path.write_bytes(good[0] + bytes(broken) + good[2] + b"garbage" * 9 + good[3] + good[4][:-20])
    found = read(path)
    hosts = {one.url.split("/")[2] for one in captures(found)}
    assert {"h0.example", "h2.example", "h3.example"} <= hosts
    assert sum(reasons(found).values()) >= 2


def test_records_without_a_url_and_others(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(
        record("", RULES)
        + record("dns:a.example", b"")
        + record("https://nodots/robots.txt", RULES)
        + record("https://a.example/robots.txt", RULES, kind="revisit")
        + record("https://a.example/robots.txt", RULES, kind="request")
        + record("https://a.example/robots.txt", b"\0" * 700_000)
        + record("https://b.example/robots.txt", RULES, status="999999 x")
    )
    found = read(path)
    assert max(len(one.body or b"") for one in captures(found)) == 512 * 1024 + 1
    assert reasons(found)["a record without a URL"] == 3
    assert reasons(found)["a revisit record, which has no body"] == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 5000,
        b"filedesc://x.arc 0.0.0.0 1 text/plain 9\n1 0 x\n",
        b"\x1f\x8b\x08garbage",
        b"PAR1garbage",
        b"WARC/1.0\r\n",
        b"{" * 9000,
    ],
)
@pytest.mark.parametrize(
    "kind", [InputKind.WARC, InputKind.JSONL, InputKind.LIST, InputKind.PARQUET]
)
def test_any_bytes_as_any_kind(tmp_path: Path, data: bytes, kind: InputKind) -> None:
    path = tmp_path / "a"
    path.write_bytes(data)
    assert captures(read(path, kind)) == []
