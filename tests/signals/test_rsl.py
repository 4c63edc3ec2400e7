"""RSL: what its vectors cannot say.

Nothing a site sends raises or takes long, surveys see every statement, what is written is read
back, and the same answer is made once. The vectors are in spec/vectors/rsl.json.
"""

import itertools
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reservation_middleware import Agent, Check, Decision, Document, Outcome, Policy, profile
from reservation_middleware.decide.reading import Reading
from reservation_middleware.decide.record import record
from reservation_middleware.decide.site import Site
from reservation_middleware.model import LEAVES, PAGE, Preference
from reservation_middleware.signals import CONTENT, Intent, ParsedDocument, Place, Rendering, Words
from reservation_middleware.signals.rsl import Rsl
from reservation_middleware.signals.rsl.findings import RSL
from reservation_middleware.syntax import rsl
from reservation_middleware.syntax.rsl import MAX_CONTENTS, NAMESPACE
from reservation_middleware.syntax.rsl.reader import read, read_feed
from reservation_middleware.syntax.xml import LIMIT, MAX_TAGS, XmlError

ORIGIN = "https://a.example"
TERMS = f"{ORIGIN}/license.xml"
RULES = f"User-agent: *\nAllow: /\nLicense: {TERMS}\n".encode()
SIGNAL = Rsl()


def document(inner: str = "", attributes: str = "") -> bytes:
    return f'<rsl xmlns="{NAMESPACE}" {attributes}>{inner}</rsl>'.encode()


def content(inner: str, url: str = "/") -> str:
    return f'<content url="{url}"><license>{inner}</license></content>'


def fetched(url: str, resource: str, body: bytes | None, **more: object) -> Document:
    return msgspec.structs.replace(
        Document(url=url, resource=resource, outcome=Outcome.FETCHED, status=200, body=body),
        **more,
    )


def decided(
    documents: Sequence[Document], url: str = f"{ORIGIN}/x", policy: Policy | None = None
) -> Decision:
    check = Check(url, agent=Agent("ExampleBot"), policy=policy)
    for one in documents:
        check.feed(one)
    decision = check.decide()
    msgspec.json.encode(record(decision))
    return decision


def of_site(terms: bytes, robots: bytes = RULES, url: str = f"{ORIGIN}/x") -> Decision:
    return decided(
        [
            fetched(f"{ORIGIN}/robots.txt", "robots.txt", robots),
            fetched(TERMS, RSL.name, terms),
        ],
        url,
    )


def idents(decision: Decision) -> set[str]:
    return {note.kind.ident for note in decision.notes}


def feed_source(body: bytes) -> ParsedDocument:
    page = fetched(f"{ORIGIN}/feed", PAGE, body, headers=(("content-type", "text/xml"),))
    return ParsedDocument(page, CONTENT, Words(xml=(NAMESPACE.encode(),)))


# --- grammar ------------------------------------------------------------------------------


def test_everything_stands_where_it_is_written() -> None:
    body = document(
        '\n<content url="/a" server="https://b.example/">\n<license>\n'
        '<permits type="usage">search</permits>\n<payment type="use"/>\n</license></content>',
        'max-age="7"',
    )
    rsl = read(b"\n\n" + body)
    [one] = rsl.contents
    [licence] = one.licenses
    assert (one.line, licence.line, licence.payments[0].line) == (4, 5, 7)
    assert (rsl.max_age, rsl.faults, rsl.conformant) == (7, (), True)


@pytest.mark.parametrize(
    "body", [b"", b"<a/>", b"\0", b"<rsl/>", b"\xff\xfe<", b"<!DOCTYPE a><a/>"]
)
def test_what_is_no_document(body: bytes) -> None:
    with pytest.raises(XmlError):
        read(body)


def test_a_document_is_no_feed() -> None:
    assert read_feed(document()) is None


WORDS = st.sampled_from(
    [
        *("all", "ai-all", "ai-train", "search", "train-ai", "x:y", "AI-ALL", "US", "eu", ","),
        *("commercial", "education", " ", "\n", "&amp;", "<", ">", '"', "\x00", "é", "]]>"),
    ]
)
NAMES = st.sampled_from(
    [
        *("content", "license", "permits", "prohibits", "payment", "amount", "standard", "custom"),
        *("accepts", "reporting", "legal", "copyright", "terms", "schema", "alternate", "x:y", "z"),
    ]
)
ATTRIBUTES = st.lists(
    st.tuples(
        st.sampled_from(
            ["url", "type", "server", "encrypted", "lastmod", "currency", "contactUrl", "profile"]
        ),
        st.sampled_from(
            [
                *("", "/", "/x", "*", "https://a.example/x", "//[", "usage", "user", "geo", "free"),
                *(
                    "crawl",
                    "contact",
                    "telemetry",
                    "TRUE",
                    "true",
                    "USD",
                    "mailto:a@a.example",
                    "é",
                ),
            ]
        ),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(NAMES)
    attributes = "".join(f' {key}="{value}"' for key, value in draw(ATTRIBUTES))
    inner = "".join(draw(st.lists(WORDS, max_size=3)))
    if depth < 4:
        inner += "".join(draw(st.lists(elements(depth + 1), max_size=3)))
    return f"<{name}{attributes}>{inner}</{name}>"


DOCUMENTS = st.one_of(
    st.lists(elements(), max_size=4).map(lambda several: document("".join(several), 'xmlns:x="x"')),
    st.binary(max_size=200),
    st.lists(WORDS, max_size=5).map(
        lambda words: document(content(f'<permits type="usage">{"".join(words)}</permits>'))
    ),
)
POLICIES = st.builds(
    lambda user, geo: profile().changed({"user": user, "geo": geo}),
    st.lists(st.sampled_from(["commercial", "education", "personal"]), max_size=2),
    st.lists(st.sampled_from(["US", "EU", "DE", "XX"]), max_size=2),
)
SETTINGS = settings(
    max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@SETTINGS
@given(DOCUMENTS, POLICIES)
@example(
    document(content("<payment><amount currency='\u0131'>\u0663</amount></payment>")), profile()
)
@example(document(content('<prohibits type="usage">all</prohibits>', "https://[")), profile())
def test_no_document_raises(body: bytes, policy: Policy) -> None:
    decided(
        [
            fetched(f"{ORIGIN}/robots.txt", "robots.txt", RULES),
            fetched(TERMS, RSL.name, body),
            fetched(
                f"{ORIGIN}/x",
                PAGE,
                b'<!doctype html><script type="application/rsl+xml">' + body + b"</script>",
                headers=(
                    ("content-type", "text/html"),
                    ("link", f'<{TERMS}>; rel=license; type="application/rsl+xml"'),
                ),
            ),
        ],
        policy=policy,
    )


@pytest.mark.slow
@SETTINGS
@given(DOCUMENTS)
def test_no_feed_raises(body: bytes) -> None:
    feed = b'<rss xmlns:rsl="%b"><item>' % NAMESPACE.encode() + body + b"</item></rss>"
    headers = (("content-type", "application/rss+xml"),)
    decided([fetched(f"{ORIGIN}/x", PAGE, feed, headers=headers)])


@pytest.mark.slow
@SETTINGS
@given(DOCUMENTS, st.text(max_size=30), st.text(max_size=30))
def test_no_header_raises(body: bytes, link: str, challenge: str) -> None:
    headers = (
        ("link", f"<{link}>; rel=license; type=application/rsl+xml, {link} application/rsl+xml"),
        ("www-authenticate", f"License error={challenge}, {challenge} license"),
    )
    page = fetched(f"{ORIGIN}/x", PAGE, body, headers=headers)
    decided([msgspec.structs.replace(page, status=401)])


# --- hostile ------------------------------------------------------------------------------

NONE = '<prohibits type="usage">ai-train</prohibits>'
ALL = '<permits type="usage">all</permits>'
HOSTILE = {
    "a hundred thousand contents": document('<content url="/"/>' * (LIMIT // 18 - 10)),
    "as many licences": document(f'<content url="/">{"<license/>" * (LIMIT // 10 - 20)}</content>'),
    "many contents of one path": document(content(NONE) * (LIMIT // 90 - 10)),
    "many stars": document("".join(content(NONE, f"/*{n}*x*") for n in range(9000))),
    "one long attribute": document(content(NONE, "/" + "a" * (LIMIT - 300))),
    "one long list": document(content(f'<permits type="usage">{"all " * 250_000}</permits>')),
    "one long word": document(content(f'<permits type="usage">{"a" * 1_000_000}</permits>')),
    "many lists": document(content('<permits type="user"/>' * 40_000)),
    "many payments": document(content('<payment type="use"/>' * 40_000)),
    "many unknown elements": document("".join(f"<a{n}/>" for n in range(90_000))),
    "many attributes": document(content(NONE), " ".join(f'a{n}=""' for n in range(80_000))),
    "deep": document("<content>" * 40_000),
    "deep inside": document(content("<permits>" * 40_000 + "</permits>" * 40_000)),
    "too long": document(content(NONE) * 200_000),
    "entities": b"<!DOCTYPE rsl [" + b'<!ENTITY a "aa">' * 1000 + b"]>" + document(),
    "text": b"a" * (LIMIT + 1),
    "zeros": bytes(LIMIT),
    "open": b"<" * LIMIT,
    "quote": document('<content url="' + "/" * (LIMIT - 200)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_document_takes_long(name: str) -> None:
    body = HOSTILE[name]
    decision = of_site(body, url=f"{ORIGIN}/" + "x" * 2000)
    assert len(decision.reasons) <= 30
    assert len(decision.notes) <= 20
    assert len(msgspec.json.encode(record(decision))) < 100_000


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b'<script type="application/rsl+xml">' * 400_000),
        (
            "text/html",
            (b'<script type="application/rsl+xml">' + document() + b"</script>") * 150_000,
        ),
        ("text/html", b'<script type="application/rsl+xml">' + b"<rsl>" * 3_000_000),
        ("text/html", b'<link rel=license type="application/rsl+xml" href=/a>' * 300_000),
        ("text/xml", b'<rss xmlns:rsl="https://rslstandard.org/rsl">' + b"<a>" * 5_000_000),
        (
            "text/xml",
            b'<rss xmlns:rsl="https://rslstandard.org/rsl">' + b"<a/>" * 250_000 + b"</rss>",
        ),
    ],
    ids=["open scripts", "scripts", "one script", "links", "large feed", "feed"],
)
def test_no_page_takes_long(kind: str, body: bytes) -> None:
    decided([fetched(f"{ORIGIN}/x", PAGE, body, headers=(("content-type", kind),))])


@pytest.mark.parametrize(
    "lines",
    [
        b"User-agent: *\n" + b"License: https://a.example/license.xml\n" * 12_000,
        b"".join(b"License: https://a.example/%d\n" % n for n in range(15_000)),
        b"".join(b"User-agent: b%d\nAllow: /\nLicense: /%d\n" % (n, n) for n in range(11_000)),
        b"User-agent: *\nLicense: " + b"a" * 500_000,
    ],
    ids=["one", "loose", "groups", "long"],
)
def test_no_robots_txt_takes_long(lines: bytes) -> None:
    decision = of_site(document(content(NONE)), lines)
    assert len(decision.notes) < 40


def test_many_contents_are_cut_and_noted() -> None:
    short = '<content url="/"><license/></content>'
    assert idents(of_site(document(short * MAX_CONTENTS))) == set()
    assert idents(of_site(document(short * (MAX_CONTENTS + 1)))) == {"rsl-document-too-large"}


@pytest.mark.parametrize(
    "inner",
    [
        content('<permits type="usage">all</permits>') * (MAX_CONTENTS + 1),
        content('<permits type="usage">all</permits>' + "<a/>" * 20_001),
        content('<permits type="usage">all</permits>') + "<content/>" * 20_000,
    ],
    ids=["contents", "inside", "beside"],
)
def test_what_is_not_read_may_prohibit(inner: str) -> None:
    decision = of_site(document(inner))
    assert "rsl-document-too-large" in idents(decision)
    assert set(decision.usage.values()) == {Preference.DISALLOWED}


@pytest.mark.parametrize(("number", "use"), [(500, "allowed"), (501, "disallowed")])
def test_of_many_contents_that_match_none_is_lost(number: int, use: str) -> None:
    """The broadest ones are left out."""
    yes = content('<permits type="usage">all</permits>', "/x")
    body = document(yes + content('<prohibits type="usage">search</prohibits>') * (number - 1))
    decision = of_site(body)
    assert decision.usage["search"] == use
    assert any("beyond 500" in one.text for one in decision.reasons) is (number > 500)


def test_a_document_may_be_as_long_as_xml_is_parsed() -> None:
    assert rsl.LIMIT == LIMIT


@pytest.mark.parametrize("said", [NONE, ALL])
@pytest.mark.parametrize("more", ["<a/>" * MAX_TAGS, " " * LIMIT], ids=["tags", "length"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_of_a_document_beyond_the_bounds_no_prohibition_is_lost(
    said: str, more: str, encoding: str
) -> None:
    decision = of_site(document(content(said) + more).decode().encode(encoding))
    assert idents(decision) == {"rsl-document-too-large"}
    assert set(decision.usage.values()) == {Preference.DISALLOWED}


@pytest.mark.parametrize("body", [b"<p/>" * MAX_TAGS, b"<p>" + b"x" * LIMIT])
def test_what_is_large_and_no_rsl_says_nothing(body: bytes) -> None:
    decision = of_site(body)
    assert idents(decision) == {"rsl-document-invalid"}
    assert set(decision.usage.values()) == {Preference.UNKNOWN}


def test_one_fault_is_not_crowded_out_by_others() -> None:
    many = '<content url="/y" lastmod="x{}"><license/></content>'
    body = document("".join(many.format(n) for n in range(50)) + "<content/>")
    assert idents(of_site(body)) == {"rsl-value-invalid", "rsl-document-nonconformant"}


# --- answers ------------------------------------------------------------------------------


def test_many_pages_of_one_site_are_answered_at_once() -> None:
    paths = "".join(content(NONE, f"/{n}/") for n in range(3000))
    robots = fetched(f"{ORIGIN}/robots.txt", "robots.txt", RULES)
    site = Site(
        [
            Reading(robots, _place("robots.txt")),
            Reading(fetched(TERMS, "rsl", document(paths)), RSL),
        ]
    )
    agent, policy = Agent("ExampleBot"), profile()
    said = [
        Check(f"{ORIGIN}/{n}/x", agent=agent, policy=policy, site=site)
        .decide()
        .usage["ai-train-gen"]
        for n in range(0, 6000, 3)
    ]
    assert said.count(Preference.DISALLOWED) == 1000


def _place(name: str) -> Place:
    return next(place for place in SIGNAL.places if place.name == name)


def test_an_answer_holds_for_all_pages_that_match_the_same_contents() -> None:
    robots = fetched(f"{ORIGIN}/robots.txt", "robots.txt", RULES)
    first = Check(f"{ORIGIN}/a", agent=Agent("ExampleBot"))
    first.feed(robots)
    first.feed(fetched(TERMS, "rsl", document(content(NONE))))
    decision = first.decide()
    assert first.is_remembered
    policy, agent = first._question.policy, first.agent
    again = Check(f"{ORIGIN}/b", agent=agent, policy=policy, site=first.site)
    assert again.is_remembered
    assert again.decide().reasons == decision.reasons


def test_what_a_document_says_depends_on_the_operator() -> None:
    terms = document(
        content('<permits type="usage">all</permits><permits type="user">education</permits>')
    )
    documents = [
        fetched(f"{ORIGIN}/robots.txt", "robots.txt", RULES),
        fetched(TERMS, RSL.name, terms),
    ]
    check = Check(f"{ORIGIN}/x", agent=Agent("ExampleBot"))
    for one in documents:
        check.feed(one)
    site = check._read()
    for user, expected in (([], "disallowed"), (["education"], "allowed"), ([], "disallowed")):
        policy = profile().changed({"user": user})
        asked = Check(f"{ORIGIN}/x", agent=Agent("ExampleBot"), policy=policy, site=site)
        assert asked.decide().verdict == expected


# --- surveys ------------------------------------------------------------------------------


def test_surveys_see_what_a_feed_says_of_its_items() -> None:
    item = '<item><link>{}</link><r:content url="{}"><r:license>{}</r:license></r:content></item>'
    no = '<r:prohibits type="usage">ai-train</r:prohibits>'
    items = item.format("https://a.example/1", "", no) + item.format("", "/2", no)
    feed = f'<rss xmlns:r="{NAMESPACE}"><channel>{items}</channel></rss>'.encode()
    findings = SIGNAL.parse(feed_source(feed))
    assert findings is not None
    assert [one.scope.path for one in findings.statements()] == ["https://a.example/1", "/2"]


def test_surveys_see_all_contents_of_a_document() -> None:
    source = ParsedDocument(
        fetched(TERMS, "rsl", document(content(NONE, "/a") + content(NONE, "/b"))), RSL
    )
    findings = SIGNAL.parse(source)
    assert findings is not None
    assert [(one.scope.path, one.preference) for one in findings.statements()] == [
        ("/a", Preference.DISALLOWED),
        ("/b", Preference.DISALLOWED),
    ]


# --- what is written ----------------------------------------------------------------------


def carried(written: Rendering) -> list[Document]:
    """A page, or a site's robots.txt, with what was written."""
    name, text = written.carrier.name, written.text
    if name == "robots.txt":
        return [fetched(f"{ORIGIN}/robots.txt", "robots.txt", text.encode())]
    if name == "rsl":
        return [fetched(TERMS, RSL.name, text.encode())]
    headers = [("content-type", "text/html")]
    body = text
    if name == "header":
        headers.append(("link", text.partition(": ")[2]))
        body = ""
    page = f"<!doctype html><title>x</title>{body}".encode()
    return [fetched(f"{ORIGIN}/x", PAGE, page, headers=tuple(headers))]


@pytest.mark.parametrize("agents", [("*",), ("ExampleBot", "OtherBot")], ids="+".join)
def test_it_reads_what_it_writes(agents: tuple[str, ...]) -> None:
    written_at_all = set()
    for choice in itertools.product((None, Preference.ALLOWED, Preference.DISALLOWED), repeat=6):
        usage = {leaf: said for leaf, said in zip(LEAVES, choice, strict=True) if said}
        several = SIGNAL.write(Intent(usage=usage, agents=agents, policy=TERMS))
        file = [
            one for written in several if written.carrier.name == "rsl" for one in carried(written)
        ]
        for written in several:
            name = written.carrier.name
            if name == "rsl":
                continue
            written_at_all.add(name)
            decision = decided([*carried(written), *([] if name == "script" else file)])
            said = {leaf: one for leaf, one in decision.usage.items() if one != "unknown"}
            assert said == usage, written.text
            assert not decision.notes
    assert written_at_all == {"robots.txt", "header", "link", "script"}


def test_what_it_cannot_say_it_does_not_write() -> None:
    for usage in (
        {"search": Preference.ALLOWED},
        {"ai-train-gen": Preference.DISALLOWED},
        {"tdm": Preference.DISALLOWED},
        {},
    ):
        assert SIGNAL.write(Intent(usage=usage, policy=TERMS)) == ()


def test_without_an_address_nothing_points_to_the_file() -> None:
    intent = Intent(usage={"search": Preference.DISALLOWED})
    assert [written.carrier.name for written in SIGNAL.write(intent)] == ["script", "rsl"]


# --- bounds -------------------------------------------------------------------------------


def test_words_that_are_repeated_are_kept_once() -> None:
    parts = '<permits type="usage">search all</permits>' * 3_000
    found = read(document(content(parts))).contents[0].licenses[0]
    assert found.permits == {"usage": ("search", "all")}
    twice = read(document(content('<permits type="geo">DE EU DE</permits>')))
    assert twice.contents[0].licenses[0].permits == {"geo": ("DE", "EU")}


def test_texts_inside_each_other_are_not_read_again_and_again() -> None:
    depth = 20
    text = "a" * (LIMIT // depth)
    inner = '<content url="/x"><terms>' * depth + text + "</terms></content>" * depth
    found = read_feed(f'<rss><item xmlns="{NAMESPACE}">{inner}</item></rss>'.encode())
    assert found is not None
    assert not found.cut
    inner = '<content url="/x"><terms>' * depth + 2 * text + "</terms></content>" * depth
    body = f'<rss><item xmlns="{NAMESPACE}">{inner}</item></rss>'.encode()
    found = read_feed(body)
    assert found is not None
    assert found.cut
    # What was not read may prohibit.
    page = fetched(f"{ORIGIN}/x", PAGE, body, headers=(("content-type", "text/xml"),))
    decision = decided([page])
    assert set(decision.usage.values()) == {Preference.DISALLOWED}
    assert "rsl-document-too-large" in idents(decision)


def test_contents_of_one_item_share_its_link() -> None:
    contents = '<r:content url=""/>' * 3_000
    link = "<link>/x</link>"
    found = read_feed(
        f'<rss xmlns:r="{NAMESPACE}"><item>{link}{contents}</item><item>{contents}</item></rss>'.encode()
    )
    assert found is not None
    assert {one.url for one in found.contents[:3_000]} == {"/x"}
    assert {one.url for one in found.contents[3_000:]} == {""}
