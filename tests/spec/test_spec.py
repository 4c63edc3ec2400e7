"""The specification is complete: code, pages, vectors and schemas say the same.

A test here names whatever a new signal still lacks. What the vectors themselves say is
tests/spec/test_vectors.py's business.
"""

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource
from test_vectors import answer

from reservation_middleware import Agent, Check, Document, Outcome, profile
from reservation_middleware.decide.batch import FOREIGN, Given, GivenDocument, GivenPolicy
from reservation_middleware.decide.licences import EXPIRED
from reservation_middleware.decide.profiles import PROFILES
from reservation_middleware.decide.reading import PLACES, STALE, UNREAD
from reservation_middleware.decide.reading import TRUNCATED as PAGE_TRUNCATED
from reservation_middleware.decide.resolve import CONFLICT, RESOLVED
from reservation_middleware.model import (
    CRAWL,
    LEAVES,
    PAGE,
    SHORTHANDS,
    NoteKind,
    Offer,
    Preference,
    Reason,
)
from reservation_middleware.signals import CONTENT, HEADERS, SIGNALS, Signal
from support import DECIDE_ONLY, ROOT, SPEC, Json, load_vectors, vector_files

#: Vectors files that belong to no single signal.
TOPICS = {"path", "groups", "decision", "scenarios"}
#: Notes that need a body or a field too large for a vector; each is emitted by a test below.
TOO_LARGE = {
    *("robots-truncated", "robots-meta-too-long", "tdmrep-file-too-large"),
    "content-signals-too-long",
}
#: Notes about a fetch that failed in a way that no document tells; tests/runtime/test_retries.py.
OF_FETCHES = {"robots-not-asked"}

REQUIREMENT = re.compile(
    r"^- \*\*([A-Z][A-Z-]*-[1-9][0-9]*)\*\* \((required|recommended|observed)\) \S", re.MULTILINE
)
BOLD_ID = re.compile(r"^\W*\*\*([A-Z][A-Z-]*-\d+)\*\*", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
NAMES = [signal.name for signal in SIGNALS]

each_signal = pytest.mark.parametrize("signal", SIGNALS, ids=NAMES)


def page(name: str) -> str:
    return (SPEC / f"{name}.md").read_text("utf-8")


def section(text: str, title: str) -> str:
    """The part of a page under one heading."""
    found = re.search(rf"^## {title}\b.*?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table row, headings and rulers included."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def requirements(text: str) -> dict[str, str]:
    """Requirement ids of a page with their kinds."""
    found = REQUIREMENT.findall(text)
    ids = [ident for ident, _ in found]
    assert ids == BOLD_ID.findall(text), "a requirement line is not of the agreed form"
    assert len(ids) == len(set(ids))
    return dict(found)


@cache
def all_requirements() -> Mapping[str, str]:
    every: dict[str, str] = {}
    for name in ["decision", *(f"signals/{name}" for name in NAMES)]:
        own = requirements(page(name))
        assert not set(own) & set(every)
        every |= own
    return every


@cache
def records() -> tuple[Json, ...]:
    return tuple(answer(vector.input) for vector in load_vectors())


@cache
def validator(name: str) -> Any:
    schemas = [msgspec.json.decode(path.read_bytes()) for path in (SPEC / "schemas").iterdir()]
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    registry: Registry[Any] = Registry().with_resources(resources)
    [schema] = [schema for schema in schemas if schema["$id"].endswith(f"/{name}.schema.json")]
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=registry)


def errors(name: str, value: object) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(name).iter_errors(value)]


# ---- signals, pages and vectors files are one to one


def test_every_signal_has_a_page_and_every_page_a_signal() -> None:
    pages = {path.stem for path in (SPEC / "signals").glob("*.md")} - {"TEMPLATE"}
    assert pages == set(NAMES)


def test_every_signal_has_vectors_and_every_vectors_file_a_signal_or_topic() -> None:
    assert set(vector_files()) == set(NAMES) | TOPICS
    assert {stem: file.signal for stem, file in vector_files().items()} == {
        stem: stem for stem in vector_files()
    }


def test_signal_names_are_unique() -> None:
    assert len(NAMES) == len(set(NAMES))


# ---- requirements and vectors


@each_signal
def test_requirements_are_named_after_the_signal(signal: Signal[Any]) -> None:
    found = requirements(page(f"signals/{signal.name}"))
    assert found
    assert {ident.rpartition("-")[0] for ident in found} == {signal.name.upper()}


def test_requirements_of_the_decision() -> None:
    found = requirements(page("decision"))
    steps = re.findall(r"^## Step (\d+)", page("decision"), re.MULTILINE)
    assert list(found) == [f"DECISION-{step}" for step in steps]


def test_every_requirement_has_a_vector() -> None:
    tested = {vector.requirement for vector in load_vectors()}
    assert sorted(set(all_requirements()) - tested) == []


def test_every_vector_has_a_requirement() -> None:
    unknown = {vector.id: vector.requirement for vector in load_vectors()}
    assert {
        ident: requirement
        for ident, requirement in unknown.items()
        if requirement not in all_requirements()
    } == {}


def test_required_vectors_have_required_requirements() -> None:
    assert [
        f"{vector.id}: {vector.requirement}"
        for vector in load_vectors()
        if vector.kind == "required" and all_requirements()[vector.requirement] != "required"
    ] == []


def test_vector_ids_are_unique() -> None:
    counts = Counter(vector.id for vector in load_vectors())
    assert [ident for ident, count in counts.items() if count > 1] == []


def test_vector_ids_start_with_their_file() -> None:
    assert [
        vector.id
        for stem, file in vector_files().items()
        for vector in file.vectors
        if not vector.id.startswith(f"{stem}-")
    ] == []


def test_vectors_are_fit_for_real_crawls() -> None:
    """Hosts are single labels under .example, robots.txt is listed, a page has a type."""
    unfit = []
    for vector in load_vectors():
        if vector.id.startswith(DECIDE_ONLY):
            continue
        urls = [vector.input["url"], *(one["url"] for one in vector.input.get("documents", []))]
        origins = [re.match(r"(https?://[a-z0-9-]+\.example(?::\d+)?)(?:/|$)", url) for url in urls]
        if not all(origins):
            unfit.append(f"{vector.id}: a host is not of the agreed form")
            continue
        origin = origins[0]
        if (
            origin
            and f"{origin[1].removesuffix(':443').removesuffix(':80')}/robots.txt" not in urls
        ):
            unfit.append(f"{vector.id}: robots.txt is not listed")
        for document in vector.input.get("documents", []):
            for name, value in document.get("headers", []):
                if value != value.strip() or not value.isprintable():
                    unfit.append(f"{vector.id}: {name} cannot be sent")
    assert unfit == []


# ---- notes


OF_NO_SIGNAL = [CONFLICT, EXPIRED, STALE, RESOLVED, FOREIGN, UNREAD, PAGE_TRUNCATED]


def declared() -> list[NoteKind]:
    return [*(kind for signal in SIGNALS for kind in signal.notes), *OF_NO_SIGNAL]


def test_every_note_is_emitted() -> None:
    emitted = {note["ident"] for record in records() for note in record["notes"]}
    idents = {kind.ident for kind in declared()}
    assert sorted(idents - emitted - TOO_LARGE - OF_FETCHES) == []
    assert sorted(emitted - idents) == []
    assert idents >= TOO_LARGE | OF_FETCHES


def idents_of(document: Document) -> list[str]:
    check = Check("https://a.example/x", agent=Agent("ExampleBot"))
    check.feed(document)
    return [note.kind.ident for note in check.decide().notes]


def test_robots_truncated() -> None:
    body = b"User-agent: *\nDisallow: /private/\n" + b"# filler\n" * 60_000
    robots = Document(
        url="https://a.example/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        body=body,
    )
    assert idents_of(robots) == ["robots-truncated"]
    assert idents_of(msgspec.structs.replace(robots, body=body[:1000])) == []


@pytest.mark.parametrize(
    ("body", "noted"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', False),
        (b'[{"location": "/", "tdm-reservation": 1}' + b" " * 1024 * 1024 + b"]", True),
        (b"[" + b'{"location": "/", "tdm-reservation": 1},' * 10_000 + b"{}]", True),
    ],
    ids=["small", "bytes", "rules"],
)
def test_tdmrep_file_too_large(body: bytes, noted: bool) -> None:
    file = Document(
        url="https://a.example/.well-known/tdmrep.json",
        resource="tdmrep.json",
        outcome=Outcome.FETCHED,
        body=body,
    )
    assert idents_of(file) == (["tdmrep-file-too-large"] if noted else [])


def test_robots_meta_too_long() -> None:
    value = "noindex, " * 2_000
    head = Document(
        url="https://a.example/x",
        resource=PAGE,
        outcome=Outcome.FETCHED,
        headers=(("x-robots-tag", value),),
    )
    assert idents_of(head) == ["robots-meta-too-long"]
    assert idents_of(msgspec.structs.replace(head, headers=(("x-robots-tag", value[:900]),))) == []


def test_content_signals_too_long() -> None:
    value = "search=yes" + " " * 20_000
    head = Document(
        url="https://a.example/x",
        resource=PAGE,
        outcome=Outcome.FETCHED,
        headers=(("content-signal", value + ", ai-train=no"),),
    )
    assert idents_of(head) == ["content-signals-too-long"]
    short = msgspec.structs.replace(head, headers=(("content-signal", value[:900]),))
    assert idents_of(short) == []


def test_note_idents_are_unique() -> None:
    counts = Counter(kind.ident for kind in declared())
    assert [ident for ident, count in counts.items() if count > 1] == []


@each_signal
def test_note_idents_start_with_the_signal(signal: Signal[Any]) -> None:
    assert [
        kind.ident for kind in signal.notes if not kind.ident.startswith(f"{signal.name}-")
    ] == []


def note_kinds(room: str) -> set[NoteKind]:
    """Those that any module of a room has."""
    found = importlib.import_module(room)
    names = [
        room,
        *(one.name for one in pkgutil.walk_packages(getattr(found, "__path__", []), f"{room}.")),
    ]
    return {
        kind
        for name in names
        for kind in vars(importlib.import_module(name)).values()
        if isinstance(kind, NoteKind)
    }


@each_signal
def test_every_note_kind_of_a_signal_is_declared(signal: Signal[Any]) -> None:
    """In whichever of its files it stands."""
    assert note_kinds(type(signal).__module__) == set(signal.notes)


def test_every_note_kind_of_no_signal_is_declared() -> None:
    assert note_kinds("reservation_middleware.decide") == set(OF_NO_SIGNAL)


@each_signal
def test_notes_are_on_the_page_with_their_level(signal: Signal[Any]) -> None:
    table = {
        cells[0].strip("`"): cells[1].strip("`")
        for cells in rows(section(page(f"signals/{signal.name}"), "Notes"))
        if cells[0].startswith("`")
    }
    assert table == {kind.ident: kind.level.value for kind in signal.notes}


@pytest.mark.parametrize("kind", OF_NO_SIGNAL, ids=lambda kind: kind.ident)
def test_notes_of_no_signal_are_on_the_decision_page(kind: NoteKind) -> None:
    assert [f"`{kind.ident}`", kind.level.value] in [
        cells[:2] for cells in rows(section(page("decision"), "Notes"))
    ]


@pytest.mark.parametrize("kind", declared(), ids=lambda kind: kind.ident)
def test_notes_are_told_in_full(kind: NoteKind) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", kind.ident)
    assert kind.summary
    assert kind.remedy.endswith(".")
    assert kind.reference.startswith("https://")


# ---- terms, carriers, categories


@each_signal
def test_terms_are_leaves_and_on_the_page(signal: Signal[Any]) -> None:
    table: dict[tuple[str, str], set[str]] = {}
    word = ""
    for cells in rows(section(page(f"signals/{signal.name}"), "Mapping")):
        if cells[0].startswith("`"):
            table[word, cells[0].strip("`")] = set(re.findall(r"`([a-z-]+)`", cells[1]))
        elif cells[0].strip("-"):
            word = cells[0].split()[0]
    said = {
        (word, name): set(leaves)
        for name, term in signal.terms.items()
        for word, leaves in (("yes", term.yes), ("no", term.no))
        if leaves
    }
    assert table == said
    assert all(leaves <= set(LEAVES) for leaves in said.values())


@each_signal
def test_facts_are_on_the_page(signal: Signal[Any]) -> None:
    text = page(f"signals/{signal.name}")
    facts = text.partition("\n## ")[0]
    assert text.startswith("# ")
    for carrier in signal.carriers:
        assert f"`{carrier.name}`" in facts
    assert f"`{signal.name}`" in facts
    assert signal.status.value in facts
    assert signal.since in facts


def test_categories_are_in_the_vocabulary() -> None:
    text = page("vocabulary")
    for word in (*LEAVES, *SHORTHANDS, CRAWL, *Preference):
        assert f"`{word}`" in text
    leaves = [cells[0].strip("`") for cells in rows(section(text, "Leaves"))][2:]
    assert leaves == list(LEAVES)
    shorthands = {
        cells[0].strip("`"): tuple(re.findall(r"`([a-z-]+)`", cells[1].partition("(")[0]))
        for cells in rows(section(text, "Shorthands"))
        if cells[0].startswith("`")
    }
    assert shorthands == dict(SHORTHANDS)


def test_every_term_is_in_the_vocabulary_with_its_leaves() -> None:
    """The table over all signals: which leaves a term's yes and its no cover."""
    text = section(page("vocabulary"), "How native terms map")
    table: dict[tuple[str, str], tuple[set[str], set[str]]] = {}
    for cells in rows(text):
        signal, _, terms = cells[0].partition(" ")
        if len(cells) != 1 + len(LEAVES) or signal not in NAMES:
            continue
        said = list(zip(LEAVES, cells[1:], strict=True))
        for term in re.findall(r"`([^`]+)`", terms):
            table[signal, term] = (
                {leaf for leaf, words in said if "yes" in words.split()},
                {leaf for leaf, words in said if "no" in words.split()},
            )
    assert table == {
        (signal.name, name): (set(term.yes), set(term.no))
        for signal in SIGNALS
        for name, term in signal.terms.items()
    }


def table_of_signals() -> list[list[str]]:
    """Its rows: a link to the page, places, terms, how the family settles."""
    return list(rows(section(page("vocabulary"), "The table of signals")))[2:]


def test_the_table_of_signals_has_each_in_order() -> None:
    table = table_of_signals()
    assert [row[0] for row in table] == [f"[`{name}`](signals/{name}.md)" for name in NAMES]
    assert [row[0] for row in table if not row[2] or not row[3]] == []
    named = {row[0].split("`")[1]: set(re.findall(r"`([^`]+)`", row[2])) for row in table}
    lacking = {
        signal.name: missing
        for signal in SIGNALS
        if (missing := set(signal.terms) - named[signal.name])
    }
    assert lacking == {}


def test_the_table_of_signals_has_every_place_in_order() -> None:
    places = [place for row in table_of_signals() for place in re.findall(r"`([^`]+)`", row[1])]
    assert [*places, HEADERS.name, CONTENT.name] == [place.name for place in PLACES]


# ---- decision.md, record.md, README.md against the code


def test_profiles_are_as_the_decision_page_has_them() -> None:
    table = {
        re.findall(r"`([a-z-]+)`", cells[0])[0]: cells[1:]
        for cells in rows(section(page("decision"), "Step 6"))
        if len(cells) == 6 and cells[0].startswith("`")
    }
    assert table == {
        name: [
            getattr(profile(name), key).value
            for key in ("unknown", "reservation", "unreachable", "proxy_agents", "probes")
        ]
        for name in PROFILES
    }


def fields_in(text: str) -> list[str]:
    return [cells[0].strip("`") for cells in rows(text) if cells[0].startswith("`")]


def test_record_page_has_every_field_in_order() -> None:
    text = page("record")
    # The fullest record: "agents" is there only where a fallback list was given.
    fullest = next(record for record in records() if "agents" in record)
    assert fields_in(text.partition("\n## ")[0]) == list(fullest)
    assert fields_in(section(text, "Reason")) == list(Reason.__struct_fields__)
    assert fields_in(section(text, "Offer")) == list(Offer.__struct_fields__)
    [note, *_] = [note for record in records() for note in record["notes"]]
    assert fields_in(section(text, "Note")) == list(note)


def test_line_format_has_every_field() -> None:
    text = section(page("README"), "The line format")
    given, document = text.split("\nA document:\n")
    assert sorted(fields_in(given)) == sorted(Given.__struct_fields__)
    assert sorted(fields_in(document)) == sorted(GivenDocument.__struct_fields__)
    knobs = section(page("decision"), "Step 6")
    for knob in GivenPolicy.__struct_fields__:
        assert f"`{knob}`" in text
        assert f"| `{knob}` |" in knobs


def test_links_lead_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in sorted(SPEC.rglob("*.md"))
        for link in LINK.findall(path.read_text("utf-8"))
        if not (path.parent / link).exists()
    ]
    assert dead == []


# ---- schemas


def test_schemas_refuse_unknown_fields() -> None:
    for path in (SPEC / "schemas").iterdir():
        assert loose(msgspec.json.decode(path.read_bytes())) == []


def loose(schema: object, where: str = "$") -> list[str]:
    """Object schemas that do not say what else may be there."""
    if isinstance(schema, list):
        return [name for n, one in enumerate(schema) for name in loose(one, f"{where}[{n}]")]
    if not isinstance(schema, dict):
        return []
    own = [where] if schema.get("type") == "object" and "additionalProperties" not in schema else []
    return own + [name for key, one in schema.items() for name in loose(one, f"{where}.{key}")]


@pytest.mark.parametrize("path", sorted((SPEC / "vectors").glob("*.json")), ids=lambda p: p.stem)
def test_vectors_files_keep_their_schema(path: Path) -> None:
    file = msgspec.json.decode(path.read_bytes())
    assert errors("vectors", file) == []
    assert (path.parent / file["$schema"]).resolve() == SPEC / "schemas" / "vectors.schema.json"


def test_inputs_keep_their_schema() -> None:
    assert {
        vector.id: wrong
        for vector in load_vectors()
        if (wrong := errors("decide-input", vector.input))
    } == {}


def test_outputs_keep_their_schema() -> None:
    assert {
        vector.id: wrong
        for vector, record in zip(load_vectors(), records(), strict=True)
        if (wrong := errors("decision", record))
    } == {}
    for record in records():
        if record["expires"] is not None:
            assert datetime.fromisoformat(record["expires"]).tzinfo == UTC


def test_schemas_can_fail() -> None:
    record = records()[0]
    assert errors("decision", {**record, "extra": 1})
    assert errors("decision", {key: value for key, value in record.items() if key != "usage"})
    assert errors("decision", {**record, "usage": {}})
    assert errors("decide-input", {"url": "nonsense"})
    assert errors("decide-input", {"url": "https://a.example/", "purposes": ["nonsense"]})
    assert errors("decide-input", {"url": "https://a.example/", "documents": [{"body": ""}]})
    assert not errors("decide-input", {"url": "https://a.example/"})


def test_input_schema_has_every_field() -> None:
    schema = validator("decide-input").schema
    for properties, struct in (
        (schema["properties"], Given),
        (schema["$defs"]["document"]["properties"], GivenDocument),
        (schema["$defs"]["policy"]["properties"], GivenPolicy),
    ):
        assert sorted(properties) == sorted(struct.__struct_fields__)
    assert schema["properties"]["profile"]["enum"] == list(PROFILES)
    assert schema["$defs"]["purposes"]["items"]["enum"] == [*LEAVES, *SHORTHANDS]


# ---- the command line


def test_every_command_is_in_the_readme() -> None:
    cli = importlib.import_module("reservation_middleware.cli.main")
    [app] = [value for value in vars(cli).values() if isinstance(value, typer.Typer)]
    text = (ROOT / "README.md").read_text("utf-8")
    names = list(commands(typer.main.get_command(app)))
    assert names
    assert [name for name in names if f"reservations {name}" not in text] == []


def commands(command: Any, before: str = "") -> Iterator[str]:
    """The words that lead to each command without subcommands."""
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        yield before.strip()
        return
    for name, one in subcommands.items():
        if not one.hidden:
            yield from commands(one, f"{before} {name}")
