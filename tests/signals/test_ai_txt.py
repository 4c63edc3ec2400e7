"""ai.txt beside its vectors: what is written is read back, nothing raises, nothing takes long."""

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Document, Outcome, profile
from reservation_middleware.model import LEAVES, Offer, Preference
from reservation_middleware.model.vocabulary import TRAIN
from reservation_middleware.signals import Intent, ParsedDocument, Place, Question, Settled
from reservation_middleware.signals.ai_txt import AI_JSON, AI_TXT, WELL_KNOWN, AiTxt, AiTxtFindings
from reservation_middleware.syntax.ai_txt import (
    LIMIT,
    RobotsDialect,
    Shape,
    contact_of,
    read_json,
    read_text,
    robots_like,
    shape,
    text_of,
)
from reservation_middleware.syntax.extension_rules import ExtensionRules
from reservation_middleware.syntax.path import canonical
from reservation_middleware.syntax.robots import Rule

SIGNAL = AiTxt()
PLACES = (AI_TXT, WELL_KNOWN, AI_JSON)
SITE = b"Site-Name: A\nSite-URL: https://a.example\n"
PIECES = [
    *("User-Agent: *", "User-agent: ExampleBot", "Disallow: /", "Disallow: *.jpg", "Allow: .txt"),
    *("Site-Name: A", "Site-URL: https://a.example", "Training: deny", "  Training: allow"),
    *("Training: conditional", "Training-Allow: /a/*", "Training-Deny: /", "Agent: ExampleBot"),
    *("\tIndexing: deny", "Contact: \x00@\x07", "Training-Fee: https://[", "Agent: *", ":", "#"),
    *("Training-Allow: " + "*" * 50 + "x", "Training-License: \u2028", "<html>", "{", "\ud800"),
]


def parsed(
    body: bytes, place: Place = AI_TXT, content_type: str = "text/plain"
) -> AiTxtFindings | None:
    document = Document(
        url=f"https://a.example{place.path}",
        resource=place.name,
        outcome=Outcome.FETCHED,
        status=200,
        headers=(("content-type", content_type),),
        body=body,
    )
    return SIGNAL.parse(ParsedDocument(document, place))


def settled(
    findings: AiTxtFindings | None, target: str = "/x", token: str = "ExampleBot"
) -> Settled | None:
    if findings is None:
        return None
    url = "https://a.example" + target
    question = Question(url, target, canonical(target), Agent(token), profile("record-only"))
    return SIGNAL.settle([findings], question)


def training(body: bytes, target: str = "/x") -> Preference | None:
    found = settled(parsed(body), target)
    return found.usage.get(TRAIN[0]) if found else None


@pytest.mark.parametrize("preference", [Preference.ALLOWED, Preference.DISALLOWED])
@pytest.mark.parametrize("agents", [("*",), ("ExampleBot", "OtherBot")])
def test_it_reads_what_it_writes(preference: Preference, agents: tuple[str, ...]) -> None:
    [written] = SIGNAL.write(Intent(usage=dict.fromkeys(TRAIN, preference), agents=agents))
    found = parsed(written.text.encode())
    assert found
    assert not found.notes
    answer = settled(found)
    assert answer
    assert answer.usage == dict.fromkeys(TRAIN, preference)
    assert settled(found) == answer
    assert (settled(found, token="ThirdBot") is None) == ("*" not in agents)


def test_it_writes_nothing_that_goes_beyond_the_wish() -> None:
    assert SIGNAL.write(Intent()) == ()
    assert SIGNAL.write(Intent(usage={TRAIN[0]: Preference.DISALLOWED})) == ()
    assert SIGNAL.write(Intent(usage={"ai-index": Preference.DISALLOWED})) == ()


def test_an_answer_is_the_same_for_the_same_words() -> None:
    found = parsed(SITE + b"Training: conditional\nTraining-Allow: /a/*\nContact: a@a.example\n")
    assert settled(found, "/x") == settled(found, "/y")
    assert settled(found, "/a/x") == settled(found, "/a/y?z")
    assert settled(found, "/a/x") != settled(found, "/x")


def test_answers_of_another_partner_are_not_kept() -> None:
    """One file is read with this and with that beside it, as when only one was fetched anew."""
    rules = parsed(b"User-Agent: *\nAllow: /\n")
    assert rules
    question = Question("https://a.example/x", "/x", "/x", Agent("*"), profile("strict"))
    for word, preference in (("deny", "disallowed"), ("allow", "allowed"), ("deny", "disallowed")):
        beside = parsed(SITE + f"Training: {word}\n".encode(), WELL_KNOWN)
        assert beside
        answer = SIGNAL.settle([rules, beside], question)
        assert answer
        assert answer.usage[TRAIN[0]] == preference


def test_statements_for_surveys_have_path_and_agents() -> None:
    found = parsed(b"User-Agent: A\nUser-Agent: B\nDisallow: *.jpg\n\nUser-Agent: *\nAllow: /\n")
    assert found
    assert [(one.scope.path, one.scope.agents) for one in found.statements()] == [
        ("*.jpg", ("a", "b")),
        ("/", ("*",)),
    ]
    found = parsed(
        SITE + b"Indexing: deny\nTraining-Deny: /p/\nAgent: GPTBot, CCBot\n  Training: deny\n"
    )
    assert found
    assert [(one.text, one.scope.path, one.scope.agents) for one in found.statements()] == [
        ("Indexing: deny", None, ("*",)),
        ("Training: deny", None, ("gptbot", "ccbot")),
        ("Training-Deny: /p/", "/p/", ("*",)),
        ("(no Training field)", None, ("*",)),
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.jpg", "/a.jpg", True),
        ("*.jpg", "/a.jpg_large", True),
        ("*.jpg", "/a.jpgx", False),
        ("*.jpg", "/jpg", False),
        ("*.jpg", "/a.b.JPG/c", True),
        ("*.jpg$", "/a.jpg", True),
        ("*.jpg$", "/a.jpg?b", False),
        ("*.tar.gz", "/a.tar.gz", True),
        ("*.tar.gz", "/a.gz", False),
        ("/img/*.jpg", "/img/a.jpg", True),
        ("/img/*.jpg", "/a.jpg", False),
        ("*", "/", True),
        ("jpg", "/jpg", False),
    ],
)
def test_extension_patterns(pattern: str, path: str, matches: bool) -> None:
    rule = Rule(False, pattern, 1)
    assert ExtensionRules([rule]).deciding(path) == (rule if matches else None)


@pytest.mark.parametrize(
    ("body", "media_type", "found"),
    [
        (b"", "", Shape.NOTHING),
        (b"\xef\xbb\xbf \n<HTML>", "text/plain", Shape.NOTHING),
        (b"<policy/>", "text/html", Shape.NOTHING),
        (b"<policy/>", "text/plain", Shape.OTHER),
        (b" {", "", Shape.JSON),
        (b"Training: deny", "text/html", Shape.TEXT),
        (b"PK\x03\x04\x00", "", Shape.OTHER),
        ("Training: deny".encode("utf-16"), "", Shape.TEXT),
    ],
)
def test_shape(body: bytes, media_type: str, found: Shape) -> None:
    assert shape(body, media_type) is found


def test_a_text_in_utf_16_is_read() -> None:
    assert training("User-Agent: *\nDisallow: /\n".encode("utf-16")) is Preference.DISALLOWED
    assert training("Training: deny\n".encode("utf-16")) is Preference.DISALLOWED


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", RobotsDialect.NO),
        ("User agents such as GPTBot must ask.\nDisallow everything.", RobotsDialect.NO),
        ("User-agent: *", RobotsDialect.NO),
        ("User-agent: *\nDisallow:", RobotsDialect.NO),
        ("Disallow: /", RobotsDialect.RULES),
        (" useragent : *\n allow : /", RobotsDialect.YES),
    ],
)
def test_robots_like(text: str, found: RobotsDialect) -> None:
    assert robots_like(text) is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a@a.example", "a@a.example"),
        ("MAILTO: a@a.example", "a@a.example"),
        ("tel:+49-30-1", "tel:+49-30-1"),
        ("https://a.example/c", "https://a.example/c"),
        ("http://a.example/c", None),
        ("javascript:x@y", None),
        ("ask us", None),
        ("a@a.exa\x07mple", None),
        ("", None),
    ],
)
def test_contact(value: str, found: str | None) -> None:
    assert contact_of(value) == found


def test_notes_are_bounded() -> None:
    for body in (
        SITE + b"nonsense\n" * 1000 + b"Training: x\n" * 1000,
        b"User-Agent: *\n" + b"Disallow: a\n" * 1000,
        b"Allow: /\n" * 1000,
    ):
        found = parsed(body)
        assert found
        assert len(found.notes) == 10


# ---- whatever a site sends


EXAMPLES = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
LINES = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=30)), max_size=12).map(
    lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["site", "policies", "agents", "training", "name", "url", "allow", "*"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


def check_anything(body: bytes) -> None:
    for place in PLACES:
        found = parsed(body, place)
        if found is None:
            continue
        for one in found.statements():
            assert set(one.covers) <= set(LEAVES)
            msgspec.json.encode(one)
        assert len(found.notes) <= 10
        msgspec.json.encode(found.notes)
        for target in ("/", "/a/b.jpg?c", "/\ud800"):
            answer = settled(found, target)
            if answer:
                assert answer.statements
                assert set(answer.usage) <= set(LEAVES)
                msgspec.json.encode((answer.usage, answer.offers, answer.identifiers))


@EXAMPLES
@given(LINES)
@example(b"\xff\xfeT")
@example(b"Training: deny\xff")
def test_no_text_raises(body: bytes) -> None:
    check_anything(body)


@EXAMPLES
@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    check_anything(body)


@EXAMPLES
@given(VALUES)
@example({"policies": {"training": "\u0000"}, "site": {"contact": 1e308, "url": {}}})
def test_no_json_raises(value: object) -> None:
    check_anything(msgspec.json.encode({"site": {}, "x": value}))
    check_anything(msgspec.json.encode({"policies": value, "agents": {"*": value}}))


def test_a_lone_surrogate_in_json_is_refused_or_read() -> None:
    check_anything(
        b'{"site": {"name": "\\ud800", "url": "x"}, "policies": {"training": "\\udfff"}}'
    )


MANY = 16 * 1024 * 1024
HUGE = {
    "rules": b"User-Agent: *\n" + b"Disallow: *.a*b*c*d\n" * (MANY // 20),
    "extensions": b"User-Agent: *\n" + b"Disallow: *.jpg\n" * (MANY // 16),
    "no line ends": b"User-Agent: * Disallow: /" * (MANY // 25),
    "blanks": b"User-Agent: *\nDisallow: /\n" + b" " * MANY,
    "colons": b":" * MANY,
    "paths": SITE + b"Training: conditional\n" + b"Training-Deny: /*a*b\n" * (MANY // 21),
    "agents": b"Agent: " + b"a," * 1000 + b"\n" + b"  Training: deny\n" * (MANY // 17),
    "blocks": SITE + b"Agent: *\n Training: x\n" * (MANY // 23),
    "nested": b'{"site": ' + b"[" * MANY,
    "members": b'{"policies": {' + b'"a": 1, ' * (MANY // 8) + b'"b": 1}}',
    "patterns": msgspec.json.encode({"policies": {}, "trainingPaths": {"deny": ["/*a"] * 70_000}}),
    "zeros": b"\0" * MANY,
}


@pytest.mark.parametrize("body", HUGE.values(), ids=HUGE)
def test_much_of_anything_takes_no_time(body: bytes) -> None:
    found = parsed(body)
    for number in range(3):
        settled(found, f"/{number}/" + "a.jpg" * 200)


def test_only_so_much_is_read() -> None:
    body = b"# x\n" * (LIMIT // 4)
    assert training(body + b"User-Agent: *\nDisallow: /\n") is None
    assert len(text_of(body * 2)) == LIMIT
    assert read_json(b'{"site": {}}' + b" " * LIMIT) is None
    assert read_json(b'{"site": {}}') is not None


def test_offers_are_bounded() -> None:
    found = parsed(SITE + b"Contact: " + b"a" * 9999 + b"@b\nTraining-License: " + b"c" * 9999)
    answer = settled(found)
    assert answer
    [offer] = answer.offers
    assert isinstance(offer, Offer)
    assert len(offer.contact or "") < 500
    [identifier] = answer.identifiers
    assert len(identifier.value) < 500


def test_an_agent_line_names_product_tokens() -> None:
    found = read_text("Agent: GPTBot/1.0, CCBot\n Training: deny\nAgent:\n Training: allow\n")
    assert sorted(token for tokens, _ in found.blocks for token in tokens) == ["ccbot", "gptbot"]
    assert found.site == {}
    assert found.strays == []
