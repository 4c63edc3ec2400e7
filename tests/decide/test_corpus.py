"""Real files against the core: nothing raises, and Protego, lexbor and our readers agree.

Needs the data folder beside the checkout; without it everything here is skipped. Counts
are printed: run with ``-rP`` to see them.
"""

# ruff: noqa: T201
import base64
import gzip
import json
import lzma
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
from protego import Protego

from reservation_middleware import Agent, Check, Document, Outcome, Preference, Stage, profile
from reservation_middleware.decide.profiles import PROFILES
from reservation_middleware.decide.reading import PLACES, Reading
from reservation_middleware.decide.record import record
from reservation_middleware.decide.site import Site
from reservation_middleware.signals import ROBOTS_TXT, SIGNALS
from reservation_middleware.syntax.path import canonical
from reservation_middleware.syntax.robots import LIMIT, Group, RobotsFile
from reservation_middleware.syntax.robots_rules import GroupRules

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not (DATA / "robots-2019.jsonl.gz").exists(), reason=f"no corpus: {DATA} is not there"
)

ORIGIN = "https://a.example"
AGENTS = ("*", "ExampleBot", "Googlebot", "GPTBot", "CCBot", "bingbot")
PATHS = ("/", "/index.html", "/search?q=a&b=c", "/private/x%20y", "/robots.txt", "/é/../%2F*$")
WORDS = tuple(dict.fromkeys(word for signal in SIGNALS for word in signal.words))

#: Questions about the rules of one file are asked until this many seconds have gone by …
SECONDS = 50.0
#: … and of one file no more than this many.
MOST = 200


@cache
def corpus_2019() -> dict[str, bytes]:
    found = {}
    with gzip.open(DATA / "robots-2019.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            body = entry["body"]
            binary = isinstance(body, dict)
            found[entry["host"]] = (
                base64.b64decode(body["base64"]) if binary else body.encode("utf-8")
            )
    return found


@cache
def panel() -> dict[str, bytes]:
    with lzma.open(DATA / "panel-2025.json.xz") as file:
        bodies = json.load(file)["bodies"]
    return {
        digest: base64.b64decode(body["base64"]) if isinstance(body, dict) else body.encode()
        for digest, body in bodies.items()
    }


def every_file() -> Iterator[tuple[str, bytes]]:
    yield from corpus_2019().items()
    yield from panel().items()


def reading(body: bytes) -> Reading:
    document = Document(
        url=f"{ORIGIN}/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    return Reading(document, ROBOTS_TXT)


def robots_of(host: str) -> RobotsFile:
    return RobotsFile(corpus_2019()[host])


@pytest.mark.slow
def test_every_file_is_decided_under_every_profile() -> None:
    files = asked = 0
    assert ROBOTS_TXT in PLACES
    for name, body in every_file():
        files += 1
        site = Site([reading(body)])
        for number, name_of_profile in enumerate(PROFILES):
            policy = profile(name_of_profile)
            # All pairs of agent and profile are met, though not on one file.
            token = AGENTS[(files + number) % len(AGENTS)]
            for path in PATHS[files % 2 :: 2]:
                check = Check(ORIGIN + path, agent=Agent(token, ("ai",)), policy=policy, site=site)
                decision = check.decide()
                asked += 1
                assert decision.stage is Stage.SITE, name
                assert decision.crawl is not Preference.UNKNOWN, name
        assert msgspec.json.encode(record(decision)), name
    assert files == 2_111 + len(panel())
    print(f"{asked} decisions about {files} files")


def test_a_profile_changes_the_action_only() -> None:
    bodies = list(corpus_2019().values())[::40]
    for body in bodies:
        site = Site([reading(body)])
        agent = Agent("ExampleBot")
        answers = {
            name: Check(f"{ORIGIN}/x", agent=agent, policy=profile(name), site=site).decide()
            for name in PROFILES
        }
        assert len({answer.crawl for answer in answers.values()}) == 1
        assert len({str(answers[name].usage) for name in PROFILES if name != "strict"}) == 1


# --- our readers and Protego --------------------------------------------------------------

FILLERS = ("", "x", "a/b", "%7E", "é.html", "0?q=1&r=2")
SUFFIXES = ("", "x", "/y", "?z=1", ".html", "%20")
FIXED = ("/", "/index.html", "/a/b?c=d", "/%E4%B8%AD", "/wp-admin/admin-ajax.php", "/*", "/$")


def spelled(path: str) -> str:
    """The same path with some of its letters percent-encoded."""
    # Letters of an escape are left alone: what "%0%31" stands for is anybody's guess.
    parts = re.split(r"(%[0-9A-Fa-f]{0,2})", path)
    return "".join(
        f"%{ord(part[1]):02x}".join((part[:1], part[2:]))
        if not part.startswith("%") and part[1:2].isalnum() and part[1:2].isascii()
        else part
        for part in parts
    )


def targets(group: Group, chooser: random.Random) -> Iterator[str]:
    """Paths that the rules of a group are about, or nearly."""
    yield from FIXED
    rules = group.rules
    if len(rules) > 40:
        rules = chooser.sample(rules, 40)
    for rule in rules:
        pattern = rule.path.removesuffix("$")
        made = {
            pattern.replace("*", chooser.choice(FILLERS)) + chooser.choice(SUFFIXES)
            for _ in range(3)
        }
        made |= {pattern.replace("*", ""), pattern.replace("*", "/x/"), rule.path}
        plain = pattern.replace("*", "x")
        made |= {spelled(plain), f"{plain}?{plain}", plain[:-1], plain.upper()}
        for path in sorted(made):
            target = path if path.startswith("/") else f"/{path}"
            # What a URL cannot hold is not asked: clients encode it, or it ends the path.
            yield re.sub(r"[\x00-\x20#\\]", "_", target)


def protego_of(robots: RobotsFile, group: Group) -> Protego:
    """Protego's own reading of a group's rule lines, as they stand in the file."""
    lines = ["User-agent: onlybot", *(robots.line(rule.line) for rule in group.rules)]
    return Protego.parse("\n".join(lines))


def not_utf_8(text: str) -> bool:
    """Whether a canonical text holds octets that are not UTF-8."""
    try:
        text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return True
    return False


def cause(robots: RobotsFile, group: Group, target: str) -> str:
    """Why Protego may rightly disagree, as far as it is known."""
    texts = [robots.line(rule.line) for rule in group.rules]
    if any(len(text.splitlines()) > 1 for text in texts):
        return "Protego ends a line at more than CR and LF"
    if any(rule.path != rule.path.strip() for rule in group.rules):
        return "Protego strips white space that is not ASCII from a pattern"
    compared = [canonical(target), *(canonical(rule.path) for rule in group.rules)]
    if any(not_utf_8(text) for text in compared):
        return "Protego takes all octets that are not UTF-8 for one character"
    return ""


@pytest.mark.slow
def test_rules_agree_with_protego_on_every_question() -> None:
    chooser = random.Random(9309)
    asked = blocked = 0
    start = time.monotonic()
    known: Counter[str] = Counter()
    wrong: list[str] = []
    hosts = list(corpus_2019())
    chooser.shuffle(hosts)
    files = 0
    for host in hosts:
        if time.monotonic() - start > SECONDS:
            break
        files += 1
        robots = robots_of(host)
        groups = {id(group): group for group in map(robots.named, robots.tokens) if group}
        some = [group for group in groups.values() if group.rules]
        left = MOST
        for group in chooser.sample(some, min(len(some), 4)):
            oracle = protego_of(robots, group)
            rules = GroupRules.of(group)
            for target in targets(group, chooser):
                if left == 0:
                    break
                if target.partition("?")[0] == "/robots.txt":
                    continue  # implicitly allowed, whatever the rules say (§2.2.2)
                left -= 1
                asked += 1
                path = canonical(target)
                expected = oracle.can_fetch(f"http://a{target}", "onlybot")
                allowed = rules.allows(target, path)
                rule = rules.deciding(path)
                deciding = rule is None or rule.allow
                blocked += not expected
                if allowed == deciding == expected:
                    continue
                why = cause(robots, group, target)
                known[why or "?"] += 1
                if not why:
                    wrong.append(
                        f"{host} {target!r}: Protego {expected}, allows {allowed}, deciding {rule}"
                    )
    print(f"{asked} questions about {files} files, {blocked} of them disallowed")
    print("disagreements by cause:", dict(known))
    assert asked >= 200_000 or time.monotonic() - start > SECONDS
    assert not wrong, "\n".join(wrong[:20])


def plain_tokens(robots: RobotsFile) -> list[str]:
    """Tokens about which Protego's known deviations cannot show.

    Protego finds tokens inside others, reads a line that lists several as one, keeps
    versions and reads stars out of them.
    """
    # Any other record between user-agent lines splits a group for Protego.
    for group in robots.groups:
        if len(group.tokens) > 1:
            first, last = group.tokens[0][1], group.tokens[-1][1]
            if any(first < record.line < last for record in group.records):
                return []
    tokens = robots.tokens
    if any(problem.what.startswith("agent") for problem in robots.problems):
        return []
    named = {token for group in robots.groups for token, _ in group.tokens}
    for group in robots.groups:
        for token, line in group.tokens:
            written = re.split(r"[:\s]", robots.line(line).partition("#")[0], maxsplit=1)[-1]
            if written.strip(": \t").lower() != token:
                named.discard(token)
    return [
        token
        for token in tokens
        if token in named
        and re.fullmatch(r"[a-z0-9_-]+", token)
        and not any(other != token and other in token for other in tokens)
    ]


def test_whole_files_agree_with_protego_where_it_is_known_to_be_right() -> None:
    chooser = random.Random(2019)
    asked = 0
    wrong: list[str] = []
    for host, body in corpus_2019().items():
        if len(body) > LIMIT:
            continue
        robots = RobotsFile(body)
        tokens = plain_tokens(robots)
        tokens = chooser.sample(tokens, min(len(tokens), 3))
        if not tokens:
            continue
        oracle = Protego.parse(body.decode("utf-8-sig", "replace"))
        for token in tokens:
            group = robots.group_for(token)
            for target in [*FIXED, *(targets(group, chooser) if group else ())][:40]:
                if target.partition("?")[0] == "/robots.txt":
                    continue
                asked += 1
                path = canonical(target)
                allowed = group is None or GroupRules.of(group).allows(target, path)
                if allowed is not oracle.can_fetch(f"http://a{target}", token):
                    wrong.append(f"{host} {token} {target!r}: we {allowed}")
    print(f"{asked} questions, {len(wrong)} disagreements")
    print("\n".join(wrong[:10]))
    assert asked > 20_000
    assert len(wrong) < asked * 0.005


# --- odd files ----------------------------------------------------------------------------


def test_byte_order_marks_do_not_hide_the_first_line() -> None:
    marked = {h: b for h, b in corpus_2019().items() if b.startswith(b"\xef\xbb\xbf")}
    assert len(marked) == 39
    for host, body in marked.items():
        with_mark, without = RobotsFile(body), RobotsFile(body[3:])
        assert with_mark.tokens == without.tokens, host
        assert [g.rules for g in with_mark.groups] == [g.rules for g in without.groups], host


def test_lines_may_end_with_cr_only() -> None:
    hosts = [h for h, b in corpus_2019().items() if b"\r" in b and b"\n" not in b]
    assert hosts == ["www.analog.com", "www.monitor.co.ug", "www.nation.co.ke"]
    for host in hosts:
        body = corpus_2019()[host]
        robots = RobotsFile(body)
        assert robots.line_count == body.count(b"\r") + 1
        assert robots.tokens, host
        assert any(group.rules for group in robots.groups), host


def test_html_pages_served_as_robots_txt_are_noted_and_block_nothing() -> None:
    pages = {
        host: body
        for host, body in corpus_2019().items()
        if body.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype", b"<html"))
    }
    assert len(pages) >= 60
    for host, body in pages.items():
        check = Check(f"{ORIGIN}/x", agent=Agent("ExampleBot"), site=Site([reading(body)]))
        decision = check.decide()
        assert [note.kind.ident for note in decision.notes] == ["robots-is-html"], host
        assert decision.crawl is Preference.ALLOWED, host


def test_files_beyond_the_cap_are_cut_at_a_line_end() -> None:
    long = {host: body for host, body in corpus_2019().items() if len(body) > LIMIT}
    assert sorted(long) == ["docs.oracle.com", "go.com", "www.hermes.com"]
    for host, body in long.items():
        robots = RobotsFile(body)
        assert robots.truncated
        last = robots.line(robots.line_count) or robots.line(robots.line_count - 1)
        assert last.encode() in {line.strip() for line in body.splitlines()}, host
        decision = Check(
            f"{ORIGIN}/x", agent=Agent("ExampleBot"), site=Site([reading(body)])
        ).decide()
        # One of them is an HTML page, which is the better thing to say.
        idents = {note.kind.ident for note in decision.notes}
        assert idents & {"robots-truncated", "robots-is-html"}, host


def test_files_that_are_not_utf_8_are_read() -> None:
    odd = 0
    for host, body in corpus_2019().items():
        try:
            body.decode()
        except UnicodeDecodeError:
            odd += 1
            # One has a no-break space after its *, which Google takes for no star either.
            text = body.lower()
            read = RobotsFile(body).tokens or b"user-agent" not in text
            assert read or b"*\xa0" in text, host
    assert odd == 7
