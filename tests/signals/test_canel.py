"""DisallowAITraining and Content-Usage: what vectors cannot say.

Here: reading back what was written, floods, text that never raises, and the table of
older labels against its page. What single documents mean is said by the vectors.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Document, Outcome, profile
from reservation_middleware.model import PAGE, ConfigurationError, LegacyLabels, Preference
from reservation_middleware.model.vocabulary import LEAVES, TRAIN
from reservation_middleware.signals import (
    CONTENT,
    HEADERS,
    ROBOTS_TXT,
    Findings,
    Intent,
    ParsedDocument,
    Question,
    Words,
)
from reservation_middleware.signals.aipref import SUPERSEDED, Aipref, mapped
from reservation_middleware.signals.canel import Canel
from reservation_middleware.syntax.field import MalformedFieldError, dictionary, parameters
from reservation_middleware.syntax.path import canonical
from support import SPEC

URL = "https://a.example/x"
SIGNAL, AIPREF = Canel(), Aipref()
WORDS = Words(metas=SIGNAL.words)
MAP = profile().changed({"legacy_labels": "map"})
YES, NO = Preference.ALLOWED, Preference.DISALLOWED


def question(agent: str = "ExampleBot", path: str = "/x") -> Question:
    return Question(URL, path, canonical(path), Agent(agent), MAP)


def robots(body: bytes | str) -> ParsedDocument:
    text = body.encode() if isinstance(body, str) else body
    url = "https://a.example/robots.txt"
    document = Document(url=url, resource="robots.txt", outcome=Outcome.FETCHED, body=text)
    return ParsedDocument(document, ROBOTS_TXT)


def page(body: bytes = b"", *headers: tuple[str, str]) -> Document:
    return Document(
        url=URL,
        resource=PAGE,
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", "text/html"), *headers),
        body=body,
    )


def usage(found: Findings | None, agent: str = "ExampleBot") -> dict[str, Preference]:
    assert found
    signal = AIPREF if hasattr(found, "superseded") else SIGNAL
    settled = signal.settle([found], question(agent))  # type: ignore[list-item]
    return dict(settled.usage) if settled else {}


# ---- DisallowAITraining


@pytest.mark.parametrize("preference", [YES, NO])
@pytest.mark.parametrize("agents", [("*",), ("ExampleBot", "OtherBot")])
def test_it_reads_what_it_writes(preference: Preference, agents: tuple[str, ...]) -> None:
    said = dict.fromkeys(TRAIN, preference)
    group, head, meta = SIGNAL.write(Intent(usage=said, agents=agents))
    assert usage(SIGNAL.parse(robots(group.text))) == said
    headers = [line.partition(": ")[::2] for line in head.text.splitlines()]
    document = page(b"", *((name.lower(), value) for name, value in headers))
    assert usage(SIGNAL.parse(ParsedDocument(document, HEADERS))) == said
    assert usage(SIGNAL.parse(ParsedDocument(page(meta.text.encode()), CONTENT, WORDS))) == said
    if agents != ("*",):
        assert usage(SIGNAL.parse(robots(group.text)), "ThirdBot") == {}


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"ai-train-gen": NO},
        {"ai-train-gen": NO, "ai-train-nongen": YES},
        {"search": YES, "ai-input": NO},
    ],
)
def test_it_writes_nothing_that_it_cannot_say_exactly(said: dict[str, Preference]) -> None:
    assert SIGNAL.write(Intent(usage=said)) == ()


def test_an_answer_is_the_same_for_the_same_rule() -> None:
    found = SIGNAL.parse(robots("User-agent: *\nDisallowAITraining: /\n"))
    assert found
    assert SIGNAL.settle([found], question()) == SIGNAL.settle([found], question(path="/y"))
    assert len(found.statements()) == 1


def test_statements_are_those_of_all_groups() -> None:
    body = (
        "User-agent: a\nDisallow: /none\nDisallowAITraining: /x\n"
        "User-agent: b\nUser-agent: c\nAllowAITraining: /y\nAllowAITraining:\n"
    )
    found = SIGNAL.parse(robots(body))
    assert found
    assert [(one.scope.path, one.scope.agents, one.preference) for one in found.statements()] == [
        ("/x", ("a",), NO),
        ("/y", ("b", "c"), YES),
    ]


def test_documents_that_say_nothing_are_not_looked_at() -> None:
    assert SIGNAL.parse(robots("User-agent: *\nDisallow: /\n")) is None
    assert SIGNAL.parse(ParsedDocument(page(b"", ("x-robots-tag", "noai")), HEADERS)) is None
    assert (
        SIGNAL.parse(ParsedDocument(page(b'<meta name="robots" content="noai">'), CONTENT)) is None
    )


FLOODS = {
    "paths": b"User-agent: *\n"
    + b"".join(b"DisallowAITraining: /%d*\n" % n for n in range(300_000)),
    "stars": b"User-agent: *\n" + b"DisallowAITraining: /" + b"*a" * 4_000_000 + b"\n",
    "many stars": b"User-agent: *\n" + b"DisallowAITraining: /*a*b*c*d\n" * 300_000,
    "same": b"User-agent: *\n" + b"DisallowAITraining: /\nAllowAITraining: /\n" * 200_000,
    "groups": b"User-agent: examplebot\nDisallow: /\nDisallowAITraining: /\n" * 150_000,
    "agents": b"User-agent: a\nDisallowAITraining: yes\n" * 300_000,
    "loose": b"AllowAITraining: /\n" * 500_000,
    "older labels": b"User-agent: *\n" + b"Content-Usage: /x tdm=n, ai=y;a=b, bots=n\n" * 300_000,
    "binary": bytes(range(256)) * 65_536,
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_in_robots_txt_takes_no_seconds(name: str) -> None:
    check = Check(URL, agent=Agent("ExampleBot"), policy=MAP)
    url = "https://a.example/robots.txt"
    check.feed(Document(url=url, resource="robots.txt", outcome=Outcome.FETCHED, body=FLOODS[name]))
    decision = check.decide()
    assert len(decision.notes) <= 100
    assert len(decision.reasons) <= 40


def test_a_flood_in_a_page_takes_no_seconds() -> None:
    body = b'<meta name="robots" content="x DisallowAITraining">' * 300_000
    headers = [("x-robots-tag", "x DisallowAITraining, " * 1000)] * 50
    check = Check(URL, agent=Agent("ExampleBot"))
    check.feed(page(body, *headers))
    decision = check.decide()
    assert decision.verdict is NO
    assert len(decision.notes) <= 40


@given(st.binary(max_size=200), st.text(max_size=60))
def test_no_robots_txt_raises(raw: bytes, path: str) -> None:
    body = (
        b"User-agent: *\nDisallowAITraining: "
        + raw
        + b"\nallowaitraining:"
        + path.encode("utf-8", "replace")
    )
    found = SIGNAL.parse(robots(body))
    if found:
        SIGNAL.settle([found], question(path="/" + path))
        assert all(one.covers == TRAIN for one in found.statements())


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_directive_raises(before: str, after: str) -> None:
    value = f"{before}DisallowAITraining{after}"
    for source in (
        ParsedDocument(page(b"", ("x-robots-tag", value)), HEADERS),
        ParsedDocument(
            page(f'<meta name="robots" content="{value}">'.encode("utf-8", "replace")),
            CONTENT,
            WORDS,
        ),
    ):
        found = SIGNAL.parse(source)
        if found:
            SIGNAL.settle([found], question())


# ---- Content-Usage: older labels and parameters


def test_the_page_has_the_table_of_older_labels() -> None:
    text = (SPEC / "signals" / "aipref.md").read_text("utf-8")
    section = text.partition("\n## Labels of older drafts\n")[2].partition("\n## ")[0]
    table = {}
    for row in re.findall(
        r"^\| `([a-z-]+)` \| (vocab-0\d) \| ([a-z]+) \| (.*) \| (.*) \|$", section, re.MULTILINE
    ):
        yes = (
            set(LEAVES) - {"ai-index"}
            if "all leaves" in row[3]
            else set(re.findall("`(.*?)`", row[3]))
        )
        no = (
            set(LEAVES)
            if "all leaves" in row[4]
            else yes
            if "same" in row[4]
            else set(re.findall("`(.*?)`", row[4]))
        )
        table[row[0]] = (row[1], {"everything": 3, "training": 2, "itself": 1}[row[2]], yes, no)
    assert table == {
        label: (old.draft, old.breadth, set(old.term.yes), set(old.term.no))
        for label, old in SUPERSEDED.items()
    }


def test_older_labels_are_no_labels_of_today() -> None:
    assert not set(SUPERSEDED) & set(AIPREF.terms)


LABELS = st.dictionaries(st.sampled_from([*SUPERSEDED, *AIPREF.terms]), st.booleans(), min_size=1)


@given(LABELS)
def test_mapping_lifts_nothing_and_covers_each_leaf_by_the_narrowest_label(
    said: dict[str, bool],
) -> None:
    found = mapped(said, AIPREF.terms)
    assert set(found) <= set(said) & set(SUPERSEDED)
    text = ", ".join(f"{label}={'y' if yes else 'n'}" for label, yes in said.items())
    source = robots(f"User-agent: *\nContent-Usage: {text}\n")
    plain = AIPREF.parse(source)
    assert plain
    off = AIPREF.settle([plain], Question(URL, "/x", "/x", Agent("*"), profile()))
    today = dict(off.usage) if off else {}
    heard = usage(plain)
    for leaf, preference in today.items():
        # A no of today stays; a yes may be restricted by an older label as narrow.
        assert heard[leaf] is preference or preference is YES
    broad = {label for label, (old, _) in found.items() if old.breadth == 3}
    for label in broad:
        assert not set(found[label][1]) & set(today)


@given(LABELS)
def test_off_hears_the_labels_of_today_only(said: dict[str, bool]) -> None:
    def settled(labels: dict[str, bool]) -> dict[str, Preference]:
        text = ", ".join(f"{label}={'y' if yes else 'n'}" for label, yes in labels.items())
        found = AIPREF.parse(robots(f"User-agent: *\nContent-Usage: {text}\n"))
        asked = Question(URL, "/x", "/x", Agent("*"), profile())
        one = AIPREF.settle([found], asked) if found else None
        return dict(one.usage) if one else {}

    assert settled(said) == settled({k: v for k, v in said.items() if k in AIPREF.terms})


def test_the_knob_is_off_unless_said() -> None:
    assert profile().legacy_labels is LegacyLabels.OFF
    assert MAP.legacy_labels is LegacyLabels.MAP
    with pytest.raises(ConfigurationError):
        profile().changed({"legacy_labels": "maybe"})


def test_parameters_by_member() -> None:
    assert parameters('a=y;p=1;q, b;x="1 \\"2", c, a=n') == {"b": ('x="1 \\"2"',)}
    assert parameters("a=(1 2);p=?0") == {"a": ("p=?0",)}
    assert parameters("") == {}
    with pytest.raises(MalformedFieldError):
        parameters("a=n;")


@given(st.text(alphabet='abn=;,"/* ()?:@%1.\\', max_size=60))
def test_parameters_are_read_where_the_dictionary_is(value: str) -> None:
    try:
        keys = dictionary(value)
    except MalformedFieldError:
        with pytest.raises(MalformedFieldError):
            parameters(value)
    else:
        assert set(parameters(value)) <= set(keys)


def test_conditions_are_bounded() -> None:
    many = "".join(f";p{n}={n}" for n in range(1000)) + f';long="{"x" * 5000}"'
    (one,) = AIPREF.parse(robots(f"User-agent: *\nContent-Usage: train-ai=n{many}\n")).statements()  # type: ignore[union-attr]
    assert one.conditions == tuple(f"p{n}={n}" for n in range(8))
    value = f'train-ai=n;long="{"x" * 5000}"'
    (one,) = AIPREF.parse(robots(f"User-agent: *\nContent-Usage: {value}\n")).statements()  # type: ignore[union-attr]
    assert len(one.conditions[0]) < 500
