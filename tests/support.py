"""What several tests share: where things are, the vectors, and what a record lacks of them.

Here: paths, the types of a vectors file, `matches`, and files that only some machines have.
Not here: pytest fixtures, servers (tests/web.py), assertions. The format of a vectors file is
told in spec/README.md.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from reservation_middleware import Document
from reservation_middleware.decide.reading import Reading, content_reading, head_key, head_reading

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "spec"
SHARED = ROOT.parent / "shared" / "data"

Json = dict[str, Any]

#: Vectors about documents as they are given, which no crawl is: how addresses are spelled.
DECIDE_ONLY = "decision-origin-"

#: Expectations that are compared with the field of the same name as a whole.
EXACT = ("action", "verdict", "crawl", "stage", "consulted", "not_reached", "expires")


class Expect(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """What must hold of a decision record; what is not set does not matter."""

    action: str | UnsetType = UNSET
    verdict: str | UnsetType = UNSET
    crawl: str | UnsetType = UNSET
    stage: str | UnsetType = UNSET
    usage: dict[str, str | None] | UnsetType = UNSET
    reasons: tuple[Json, ...] | UnsetType = UNSET
    reasons_from: tuple[str, ...] | UnsetType = UNSET
    notes: tuple[str, ...] | UnsetType = UNSET
    absent_notes: tuple[str, ...] | UnsetType = UNSET
    offers: tuple[Json, ...] | UnsetType = UNSET
    identifiers: tuple[Json, ...] | UnsetType = UNSET
    consulted: tuple[str, ...] | UnsetType = UNSET
    not_reached: tuple[str, ...] | UnsetType = UNSET
    expires: str | UnsetType | None = UNSET


class Vector(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One vector; its input stays plain JSON, as harnesses rewrite its hosts."""

    id: str
    kind: Literal["required", "recommended", "observed"]
    requirement: str
    title: str
    source: str
    input: Json
    expect: Expect


class VectorFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A vectors file."""

    schema: str = msgspec.field(name="$schema")
    signal: str
    vectors: tuple[Vector, ...]


@cache
def vector_files(folder: Path = SPEC / "vectors") -> Mapping[str, VectorFile]:
    """Every vectors file by its stem."""
    files = {}
    for path in sorted(folder.glob("*.json")):
        try:
            files[path.stem] = msgspec.json.decode(path.read_bytes(), type=VectorFile)
        except msgspec.MsgspecError as error:
            raise ValueError(f"{path.name}: {error}") from None
    return files


def load_vectors() -> list[Vector]:
    """Every vector of every file."""
    return [vector for file in vector_files().values() for vector in file.vectors]


#: How images, PDF and EPUB begin.
_MEDIA = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II", b"MM", b"%PDF-", b"PK\3\4")


def skip_without_extra(vector: Vector) -> None:
    """Skip the test of a vector about embedded metadata where the extra ``[media]`` is missing."""
    if find_spec("c2pa") and find_spec("pikepdf"):
        return
    for document in vector.input.get("documents", []):
        body = document.get("body")
        if isinstance(body, dict) and base64.b64decode(body["base64"]).startswith(_MEDIA):
            pytest.skip("the extra [media] is not installed, which vectors with files need")


def quarter(cases: Iterable[Any]) -> list[Any]:
    """Cases as parameters of a test, three of four of them slow."""
    return [
        pytest.param(case, marks=pytest.mark.slow if number % 4 else ())
        for number, case in enumerate(cases)
    ]


def by_id(vector: Vector) -> str:
    """Give pytest the name of a vector's test."""
    return vector.id


def matches(expect: Expect, record: Mapping[str, Any]) -> list[str]:
    """Say what in a decision record is not as expected, one line each; nothing if all is."""
    if "error" in record:
        return [f"error: {record['error']}"]
    plain: Json = msgspec.json.decode(msgspec.json.encode(expect))  # lists, as records have
    wrong = [
        f"{key} is {record[key]!r}, not {plain[key]!r}"
        for key in EXACT
        if key in plain and record[key] != plain[key]
    ]
    if expect.usage is not UNSET:
        wrong += [
            f"usage of {leaf} is {record['usage'].get(leaf)!r}, not {wanted!r}"
            for leaf, wanted in expect.usage.items()
            if leaf not in record["usage"] or record["usage"][leaf] != wanted
        ]
    if expect.reasons is not UNSET:
        wrong += _missing("reason", expect.reasons, record["reasons"])
    if expect.offers is not UNSET:
        wrong += _missing("offer", expect.offers, record["offers"])
    if expect.identifiers is not UNSET:
        wrong += _missing("identifier", expect.identifiers, record["identifiers"])
    if expect.reasons_from is not UNSET:
        speaking = {reason["signal"] for reason in record["reasons"]}
        if speaking != set(expect.reasons_from):
            wrong.append(f"reasons are from {sorted(speaking)}, not {sorted(expect.reasons_from)}")
    noted = {note["ident"] for note in record["notes"]}
    if expect.notes is not UNSET:
        wrong += [f"no note {ident}" for ident in expect.notes if ident not in noted]
        if not expect.notes and noted:
            wrong.append(f"notes {sorted(noted)}, not none")
    if expect.absent_notes is not UNSET:
        wrong += [f"note {ident}" for ident in expect.absent_notes if ident in noted]
    return wrong


def page_readings(document: Document) -> tuple[Reading, ...]:
    """The readings of a page that say anything: of its head, and of its content."""
    head = () if head_key(document) is None else (head_reading(document),)
    content = content_reading(document)
    return head if content is None else (*head, content)


def shared_data(name: str) -> Path:
    """Give the path of a file of research data, or skip the test where there is none."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"no shared data file {name}")
    return path


def _missing(what: str, wanted: Sequence[Json], given: Iterable[Json]) -> list[str]:
    """Name the parts that no given object has; an empty list wants none at all."""
    found = list(given)
    if not wanted:
        return [f"{len(found)} {what}s, not none: {found}"] if found else []
    return [
        f"no {what} with {part} among {found}"
        for part in wanted
        if not any(all(k in one and one[k] == v for k, v in part.items()) for one in found)
    ]
