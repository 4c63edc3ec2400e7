"""From an intent to files and back: what is written, what is kept, what is told to be lost."""

import base64
import gzip
import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from web_servers import INTENT

from reservation_middleware.decide.batch import decide_lines
from reservation_middleware.model import LEAVES, SHORTHANDS, ConfigurationError
from reservation_middleware.owners.generate import Generated, generate
from reservation_middleware.owners.generate.marked import without_block
from reservation_middleware.owners.generate.writable import check_writable
from reservation_middleware.owners.intent import (
    AgentIntent,
    Crawl,
    LicenceIntent,
    PathIntent,
    SiteIntent,
    Use,
    read_intent,
)
from support import shared_data

ORIGIN = "https://press.example"


def meant(tmp_path: Path, text: str = INTENT) -> SiteIntent:
    file = tmp_path / "intent.toml"
    file.write_text(text)
    intent = read_intent(file)
    check_writable(intent, file.name)
    return intent


def plain(**uses: str) -> SiteIntent:
    use = {term.replace("_", "-"): Use(value) for term, value in uses.items()}
    return SiteIntent(site=ORIGIN, use=use, licence=LicenceIntent())


def site(found: Generated, name: str) -> str:
    return found.files[f"site/{name}"].decode()


def decided(found: Generated, target: str, agent: str = "*") -> dict[str, str | None]:
    """What the batch face makes of the files, header fields and tags at a path and query."""
    head = next(head for head in found.heads if head.region is regions_of(found).of(target))
    documents = [
        {"url": f"{ORIGIN}/{name.removeprefix('site/')}", "status": 200, "body": body.decode()}
        for name, body in found.files.items()
        if name.startswith("site/")
    ]
    page = {
        "url": ORIGIN + target,
        "status": 200,
        "headers": [["content-type", "text/html"], *head.fields],
        "body": head.page.decode(),
    }
    line = {
        "url": ORIGIN + target,
        "agent": agent,
        "purposes": list(LEAVES),
        "profile": "record-only",
        "documents": [*documents, page],
    }
    ((answer, good),) = decide_lines([json.dumps(line).encode()])
    assert good, answer
    record = json.loads(answer)
    return {**record["usage"], "crawl": record["crawl"]}


def regions_of(found: Generated) -> "_Regions":
    return _Regions(found)


class _Regions:
    def __init__(self, found: Generated) -> None:
        self._heads = found.heads

    def of(self, target: str) -> object:
        from reservation_middleware.syntax.path import Pattern, judged

        return next(
            head.region
            for head in self._heads
            if not head.region.pattern or Pattern(head.region.pattern).matches(judged(target))
        )


# --- the contract's example ----------------------------------------------------------------


def test_the_contracts_example_survives(tmp_path: Path) -> None:
    found = generate(meant(tmp_path), {})
    assert found.survived, found.lost
    report = json.loads(found.files["report.json"])
    assert report["survived"] is True
    assert report["files"] == sorted(name for name in found.files if name != "report.json")
    row = next(row for row in report["matrix"] if (row["path"], row["leaf"]) == ("", "tdm"))
    assert (row["meant"], row["before"], row["after"]) == ("licence", "unknown", "disallowed")
    assert "rsl (rsl)" in row["signals"]
    index = next(row for row in report["matrix"] if (row["path"], row["leaf"]) == ("", "ai-index"))
    assert (index["meant"], index["implied"], index["after"]) == (None, True, "disallowed")
    # As the batch face reads it, at pages that were not among the samples.
    assert decided(found, "/a?b") == {
        **dict.fromkeys(LEAVES, "disallowed"),
        "search": "allowed",
        "crawl": "allowed",
    }
    press = decided(found, "/press/2026/x")
    assert (press["ai-train-gen"], press["ai-train-nongen"], press["ai-input"]) == (
        "allowed",
        "allowed",
        "disallowed",
    )
    assert decided(found, "/press/archive/x.pdf")["ai-train-gen"] == "disallowed"
    assert decided(found, "/press/archive/x.pdf.html")["ai-train-gen"] == "allowed"
    assert decided(found, "/a", "GPTBot")["crawl"] == "disallowed"
    assert decided(found, "/a", "ClaudeBot")["crawl"] == "allowed"
    assert "Article 4(3) of Directive (EU) 2019/790" in site(found, "robots.txt")
    rsl = site(found, "license.xml")
    assert (
        '<payment type="subscription"><custom>https://press.example/tdm-policy.json</custom><amount currency="EUR">100</amount></payment>'
        in rsl
    )
    policy = json.loads(site(found, "tdm-policy.json"))
    assert policy["assigner"]["vcard:hasEmail"] == "mailto:rights@press.example"
    assert policy["permission"][0]["duty"] == [
        {"action": "obtainConsent"},
        {"action": "compensate"},
    ]


def test_a_signal_that_would_say_too_much_is_left_out_with_the_reason(tmp_path: Path) -> None:
    found = generate(meant(tmp_path), {})
    assert "site/.well-known/tdmrep.json" not in found.files
    assert any(
        sentence.startswith(
            '.well-known/tdmrep.json is left out: it would also say "no" to ai-train-gen'
        )
        for sentence in found.left_out
    )


def test_a_plain_refusal_is_in_every_file() -> None:
    found = generate(plain(ai="no", tdm="no"), {})
    assert found.survived, found.lost
    names = {name.removeprefix("site/") for name in found.files if name.startswith("site/")}
    assert names == {"robots.txt", ".well-known/tdmrep.json", "license.xml", "ai.txt", "trust.txt"}
    assert found.left_out == []
    tags = found.files["html/head.html"].decode()
    assert '<meta name="robots" content="noai">' in tags
    assert '<meta name="tdm-reservation" content="1">' in tags


def test_what_no_signal_has_words_for_is_lost_and_told() -> None:
    found = generate(plain(ai_train_nongen="no"), {})
    assert not found.survived
    assert found.lost == [
        "ai-train-nongen (everywhere else): no is meant, and no signal has words for it alone"
    ]


def test_an_intent_without_uses_says_nothing() -> None:
    found = generate(SiteIntent(site=ORIGIN), {})
    assert found.survived
    assert not [name for name in found.files if name.startswith(("site/", "html/"))]


# --- robots.txt ------------------------------------------------------------------------------

EXISTING = b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /private/\r\n\r\nUser-agent: Bingbot\r\nDisallow: /no-bing/\r\n\r\nSitemap: https://press.example/sitemap.xml"


def test_the_rest_of_robots_txt_is_kept_and_a_second_run_changes_nothing() -> None:
    intent = plain(ai_train="no", search="yes")
    once = generate(intent, {"robots.txt": EXISTING}).files["site/robots.txt"]
    assert once.startswith(EXISTING + b"\n\n# BEGIN reservations")
    assert generate(intent, {"robots.txt": once}).files["site/robots.txt"] == once
    other = generate(plain(ai_train="yes"), {"robots.txt": once}).files["site/robots.txt"]
    assert other.startswith(EXISTING)
    assert b"ai-train=no" not in other
    assert other.count(b"# BEGIN reservations") == 1
    assert generate(intent, {"robots.txt": other}).files["site/robots.txt"] == once


def test_lines_behind_the_block_are_kept() -> None:
    once = generate(plain(ai_train="no"), {"robots.txt": b"User-agent: a\nDisallow: /a\n"}).files[
        "site/robots.txt"
    ]
    more = once + b"\nUser-agent: b\nDisallow: /b\n"
    assert (
        generate(plain(ai_train="no"), {"robots.txt": more})
        .files["site/robots.txt"]
        .endswith(b"\nUser-agent: b\nDisallow: /b\n")
    )


@pytest.mark.parametrize(
    "text",
    [
        b"# BEGIN reservations\nx\n",
        b"# END reservations\n",
        b"# END reservations\n# BEGIN reservations\n",
    ],
)
def test_markers_that_do_not_match_are_an_error(text: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"^robots\.txt: the markers"):
        generate(plain(ai_train="no"), {"robots.txt": text})


def test_in_a_file_that_is_too_long_the_block_stands_first() -> None:
    existing = b"\xef\xbb\xbfUser-agent: a\n" + b"Disallow: /aaaaaaaa\n" * 30_000
    found = generate(plain(ai_train="no"), {"robots.txt": existing})
    assert found.survived, found.lost
    once = found.files["site/robots.txt"]
    assert once.startswith(b"\xef\xbb\xbf# BEGIN reservations")
    assert once.endswith(b"# END reservations\n" + existing.removeprefix(b"\xef\xbb\xbf"))
    assert generate(plain(ai_train="no"), {"robots.txt": once}).files["site/robots.txt"] == once


def test_a_robots_txt_that_is_not_utf_8_is_kept() -> None:
    existing = b"User-agent: *\nDisallow: /caf\xe9/\n"
    found = generate(plain(ai_train="no"), {"robots.txt": existing})
    assert found.survived
    assert found.files["site/robots.txt"].startswith(existing)
    assert found.notes == [
        "robots.txt is not UTF-8: frameworks, the Worker and WordPress leave it to the web server"
    ]
    assert b"robots.txt" not in found.files["servers/flask/reservations.py"]
    plugin = found.files["servers/wordpress/reservations.php"].decode()
    assert "ai-train=no" in plugin


def test_a_file_of_a_byte_order_mark_alone() -> None:
    once = generate(plain(ai_train="no"), {"robots.txt": b"\xef\xbb\xbf"})
    assert once.survived
    text = once.files["site/robots.txt"]
    assert generate(plain(ai_train="no"), {"robots.txt": text}).files["site/robots.txt"] == text


@pytest.mark.slow
def test_real_files_are_kept_and_speak() -> None:
    """Every fortieth of the real files: kept to the octet, and the intent is read from each."""
    intent = SiteIntent(
        site=ORIGIN,
        use={"search": Use.YES, "ai-input": Use.NO, "ai-train": Use.NO, "tdm": Use.NO},
    )
    with gzip.open(shared_data("robots-2019.jsonl.gz")) as lines:
        for line in islice(lines, 0, None, 40):
            body = json.loads(line)["body"]
            text = base64.b64decode(body["base64"]) if isinstance(body, dict) else body.encode()
            found = generate(intent, {"robots.txt": text})
            once = found.files["site/robots.txt"]
            assert found.survived, found.lost
            assert without_block(once, "robots.txt").rstrip(b"\n") == text.rstrip(b"\n")
            assert generate(intent, {"robots.txt": once}).files["site/robots.txt"] == once


def test_crawlers_that_the_rest_names_hear_the_signals_too() -> None:
    found = generate(plain(ai_train="no", search="yes"), {"robots.txt": EXISTING})
    assert found.survived, found.lost
    assert decided(found, "/x", "Bingbot")["ai-train-gen"] == "disallowed"
    assert decided(found, "/no-bing/x", "Bingbot")["crawl"] == "disallowed"
    assert decided(found, "/private/x")["crawl"] == "disallowed"
    assert decided(found, "/x")["crawl"] == "allowed"


def test_what_the_rest_says_otherwise_is_lost_and_told() -> None:
    existing = {"robots.txt": b"User-agent: *\nContent-Signal: ai-train=yes, search=no\nAllow: /\n"}
    found = generate(plain(ai_train="no", search="yes"), existing)
    assert found.lost == [
        "search (everywhere else): yes is meant, no is read by content-signals (robots.txt)"
    ]
    before = {row.leaf: row.before for row in found.rows}
    assert (before["search"], before["ai-train-gen"]) == ("disallowed", "allowed")


def test_a_record_of_trust_txt_is_replaced() -> None:
    found = generate(
        plain(ai_train="no"), {"trust.txt": b"member=https://x.example/\ndatatrainingallowed=yes\n"}
    )
    assert found.survived
    assert site(found, "trust.txt").startswith("member=https://x.example/\n")
    assert site(found, "trust.txt").count("datatrainingallowed") == 1


def test_a_policy_of_the_sites_own_stays() -> None:
    own = b"<!doctype html><title>Terms</title>"
    intent = plain(tdm="licence")
    found = generate(intent, {"tdm-policy.json": own})
    assert "site/tdm-policy.json" not in found.files
    assert "tdm-policy.json is the site's own and stays as it is" in found.notes


def test_two_patterns_that_overlap() -> None:
    intent = SiteIntent(
        site=ORIGIN,
        use={"ai-train": Use.NO, "search": Use.YES, "ai-input": Use.NO},
        path=(
            PathIntent(match="/press/", use={"ai-input": Use.YES}),
            PathIntent(match="*.pdf", use={"ai-train": Use.YES}),
        ),
    )
    found = generate(intent, {})
    assert found.survived, found.lost
    both = decided(found, "/press/a.pdf")
    assert (both["ai-input"], both["ai-train-gen"], both["search"]) == (
        "allowed",
        "allowed",
        "allowed",
    )


def test_a_use_that_is_not_mentioned_may_be_refused_with_others_and_is_marked() -> None:
    intent = SiteIntent(
        site=ORIGIN,
        use={"search": Use.YES, "ai-input": Use.NO, "ai-train": Use.NO, "tdm": Use.NO},
        path=(PathIntent(match="/press/", use={"ai-input": Use.YES}),),
    )
    found = generate(intent, {})
    assert found.survived, found.lost
    assert {(row.path, row.leaf) for row in found.rows if row.implied} == {
        ("", "ai-index"),
        ("/press/", "ai-index"),
    }
    unsaid = msgspec.structs.replace(intent, use={**intent.use, "ai-index": Use.UNSAID})
    found = generate(unsaid, {})
    assert not any(row.implied for row in found.rows)
    assert decided(found, "/x")["ai-index"] == "unknown"


def test_crawlers_that_may_come_where_nobody_else_may_read_the_uses() -> None:
    agents = (AgentIntent(token="*", crawl=Crawl.NO), AgentIntent(token="GoodBot", crawl=Crawl.YES))
    intent = SiteIntent(site=ORIGIN, use={"ai-train": Use.NO, "search": Use.YES}, agent=agents)
    found = generate(intent, {})
    assert found.survived, found.lost
    assert decided(found, "/x", "GoodBot")["search"] == "allowed"
    assert decided(found, "/x", "OtherBot")["crawl"] == "disallowed"


def test_where_the_rest_keeps_crawlers_away_that_is_told() -> None:
    found = generate(plain(search="yes"), {"robots.txt": b"User-agent: *\nDisallow: /\n"})
    words = "robots.txt keeps crawlers away, so that they read nothing there"
    assert all(words in sentence for sentence in found.lost)


# --- any intent --------------------------------------------------------------------------------

PATTERNS = (
    "/press/",
    "/press/archive/",
    "*.pdf",
    "*.pdf$",
    "/a",
    "/a*b$",
    "/bücher/",
    "/x'y/",
    "/q?id=",
    "/%7euser/",
)
USES = st.dictionaries(st.sampled_from((*LEAVES, *SHORTHANDS)), st.sampled_from(Use), max_size=5)


@st.composite
def intents(draw: st.DrawFn) -> SiteIntent:
    patterns = draw(st.lists(st.sampled_from(PATTERNS), max_size=3, unique=True))
    tokens = draw(
        st.lists(
            st.sampled_from(("GPTBot", "CCBot", "*", "Google-Extended")), max_size=2, unique=True
        )
    )
    return SiteIntent(
        site=ORIGIN,
        contact=draw(
            st.sampled_from((None, "mailto:a@press.example", "https://press.example/rights"))
        ),
        express_reservation=draw(st.booleans()),
        use=draw(USES),
        path=tuple(PathIntent(match=pattern, use=draw(USES)) for pattern in patterns),
        agent=tuple(
            AgentIntent(token=token, crawl=draw(st.sampled_from(Crawl))) for token in tokens
        ),
        licence=LicenceIntent(
            policy=draw(
                st.sampled_from(
                    (None, "https://press.example/terms.json", "https://elsewhere.example/t")
                )
            )
        ),
    )


@given(intents(), st.sampled_from((b"", EXISTING)))
@example(SiteIntent(site=ORIGIN, use={"tdm": Use.LICENCE}, licence=LicenceIntent()), b"")
@example(SiteIntent(site=ORIGIN), EXISTING)
def test_any_intent_is_read_back_as_it_was_meant_or_it_is_told(
    intent: SiteIntent, robots: bytes
) -> None:
    found = generate(intent, {"robots.txt": robots} if robots else {})
    open_to_all = intent.crawl("*") is not Crawl.NO
    for row in found.rows:
        use = intent.usage(row.sample)[row.leaf]
        right = {Use.YES: "allowed", Use.UNSAID: "unknown"}.get(use, "disallowed")
        # As the batch face reads it, which knows nothing of this package's owners.
        read = (decided(found, row.sample)[row.leaf] or "unknown") if open_to_all else row.after
        if row.survived:
            assert read == right or (row.implied and read == "disallowed"), row
        else:
            assert any(
                sentence.startswith(f"{row.leaf} ({row.path or 'everywhere else'})")
                for sentence in found.lost
            )
        # Silence may be all that can be had, but never the opposite.
        if open_to_all:
            assert read in (right, "unknown") or row.implied, row
    assert found.survived is not bool(found.lost)


@given(
    st.dictionaries(
        st.sampled_from(("search", "ai-input", "ai-train")),
        st.sampled_from((Use.YES, Use.NO)),
        min_size=1,
    )
)
def test_the_usual_intents_always_survive(uses: Mapping[str, Use]) -> None:
    found = generate(SiteIntent(site=ORIGIN, use=dict(uses)), {})
    assert found.survived, found.lost


def test_the_report_has_its_words() -> None:
    report = msgspec.json.decode(generate(plain(ai="no"), {}).files["report.json"])
    assert set(report) == {
        "version",
        "site",
        "survived",
        "matrix",
        "agents",
        "lost",
        "left_out",
        "notes",
        "files",
        "written_by",
    }
    assert set(report["matrix"][0]) == {
        "path",
        "sample",
        "leaf",
        "meant",
        "implied",
        "before",
        "files",
        "after",
        "crawl",
        "signals",
        "survived",
    }
