"""Heads that say the same are judged once per origin: what is kept against what is made anew.

Every head of the vectors, mixed and repeated, is asked about on several pages of one origin by
several agents: by one site that has seen all the others, and by one that was never asked.
"""

import random
from collections.abc import Sequence

import msgspec
import pytest

from reservation_middleware import Agent, Check, Decision, Document, Policy, profile
from reservation_middleware.decide.answers import AnswerKey, Answers
from reservation_middleware.decide.head_template import HeadKey, HeadTemplate
from reservation_middleware.decide.reading import RESOURCES, Reading
from reservation_middleware.decide.site import Site
from reservation_middleware.model import PAGE, Headers, Outcome, Stage
from support import load_vectors

ORIGIN = "https://a.example"
ROBOTS = b"""User-agent: *
Disallow: /private/
Content-Usage: /news/ train-ai=n
Content-Signal: /news/ ai-train=yes

User-agent: GPTBot
Disallow: /*.pdf$
"""
TDMREP = b'[{"location": "/news/*", "tdm-reservation": 1, "tdm-policy": "/policy.json"}]'
PATHS = ("/", "/news/1", "/news/2?x", "/b/c/d", "/b/", "/private/x", "/x.pdf", "/terms", "/y#z")
AGENTS = tuple(map(Agent, ("ExampleBot", "GPTBot", "CCBot", "*")))
#: What the vectors lack: addresses of many kinds, more than one, and heads that are nearly alike.
MORE: tuple[Headers, ...] = (
    (("link", '</terms>; rel="license"'),),
    (("link", '<terms>; rel="license"'),),
    (("link", '<?terms>; rel="license"'),),
    (("link", '<//b.example/terms>; rel="license"'),),
    (("link", '</terms>; rel="license"; anchor="/b/"'),),
    (("link", '</terms>; rel="license"; anchor=""'),),
    (("link", '</terms>; rel="license"; anchor="#x"'),),
    (("link", '<x>; rel="next'), ("link", '</terms>; rel="license"')),
    (("link", '<https://a.example/l.xml>; rel="license"; type="application/rsl+xml"'),),
    (("tdm-reservation", "1"), ("tdm-policy", "/policy.json")),
    (("tdm-reservation", "1"), ("tdm-policy", "policy.json")),
    (("tdm-reservation", "1"), ("tdm-policy", "https://b.example/policy.json")),
    (("x-robots-tag", "noai"), ("content-type", "image/png")),
    (("x-robots-tag", "noimageai"), ("content-type", "image/png")),
    (("x-robots-tag", "noimageai"), ("content-type", "text/html")),
    (("x-robots-tag", "gptbot: noai"),),
    (("x-robots-tag", "noai noml"),),
    (("content-type", "text/html"),),
    (),
)


def heads() -> list[tuple[int, Headers]]:
    """The heads of pages in the vectors, and those above, each with a status."""
    found: dict[tuple[int, Headers], None] = {}
    for vector in load_vectors():
        for given in vector.input.get("documents", []):
            names = tuple((name.lower(), value) for name, value in given.get("headers", []))
            if given["url"] == vector.input["url"] and names:
                found.setdefault((given.get("status") or 200, names))
    found.update(((status, head), None) for head in MORE for status in (200, 402, 451, 404))
    return list(found)


def site() -> Site:
    """A site whose own files speak of some of the pages."""
    files = {"robots.txt": ROBOTS, "tdmrep.json": TDMREP}
    return Site(
        Reading(
            Document(
                url=ORIGIN + str(RESOURCES[name].path),
                resource=name,
                outcome=Outcome.FETCHED,
                status=200,
                body=body,
            ),
            RESOURCES[name],
        )
        for name, body in files.items()
    )


def decided(
    site: Site, url: str, agent: Agent, policy: Policy, status: int, head: Headers, body: bytes
) -> tuple[list[object], list[Decision]]:
    """What is wanted and what is decided: at the head, and with the content."""
    check = Check(url, agent=agent, policy=policy, site=site)
    check.decide()
    page = Document(url=url, resource=PAGE, outcome=Outcome.of(status), status=status, headers=head)
    wants: list[object] = []
    decisions = []
    for document in (page, msgspec.structs.replace(page, body=body)):
        check.feed(document)
        wants.append(check.wants())
        decisions.append(check.decide())
        wants.append((check.wants(), check.page_speaks, check.content_speaks))
    return wants, decisions


@pytest.mark.parametrize(
    "name",
    ["opt-out", *(pytest.param(one, marks=pytest.mark.slow) for one in ("strict", "record-only"))],
)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_heads_that_are_kept_are_judged_as_if_they_were_new(name: str, seed: int) -> None:
    rng = random.Random(seed)
    policy = profile(name)
    known = heads()
    assert len(known) > 200
    used = site()
    bodies = (b"", b"<p>x", b'<meta name="robots" content="noai">')
    for _ in range(1_500):
        status, head = rng.choice(known[-60:] if rng.random() < 0.5 else known)
        if rng.random() < 0.2:
            head += rng.choice(known)[1]
        for _ in range(2):
            url, agent = ORIGIN + rng.choice(PATHS), rng.choice(AGENTS)
            given = url, agent, policy, status, head, rng.choice(bodies)
            assert decided(used, *given) == decided(Site(used.readings), *given), given


def _kept(monkeypatch: pytest.MonkeyPatch, asked: Sequence[tuple[str, Headers]]) -> list[bool]:
    """Whether the answer about each page was one that was kept."""
    found: list[bool] = []
    seen: list[bool] = []
    original = Answers.lookup_head

    def looked_up(
        self: Answers, key: AnswerKey, stage: Stage, head: HeadKey
    ) -> HeadTemplate | None:
        template = original(self, key, stage, head)
        seen.append(template is not None)
        return template

    monkeypatch.setattr(Answers, "lookup_head", looked_up)
    used = site()
    for path, head in asked:
        check = Check(ORIGIN + path, agent=AGENTS[0], site=used)
        check.feed(
            Document(
                url=ORIGIN + path, resource=PAGE, outcome=Outcome.FETCHED, status=200, headers=head
            )
        )
        check.decide()
        found.append(any(seen))
        seen.clear()
    return found


def test_what_says_the_same_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    head = (("content-type", "text/html"), ("x-robots-tag", "noai"), ("date", "today"))
    other = (("content-type", "text/html"), ("x-robots-tag", "noai"), ("date", "tomorrow"))
    asked = [("/a", head), ("/b", other), ("/news/1", head), ("/news/2", other)]
    assert _kept(monkeypatch, asked) == [False, True, False, True]


@pytest.mark.parametrize(
    "head",
    [
        (("link", '<terms>; rel="license"'),),
        (("link", '</terms>; rel="license"; anchor="/b/"'),),
        (("x-robots-tag", "noai, " * 300),),
    ],
)
def test_what_depends_on_the_page_or_is_huge_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, head: Headers
) -> None:
    assert _kept(monkeypatch, [("/a", head)] * 2) == [False] * 2


def test_heads_that_change_all_the_time_are_not_kept_for_ever() -> None:
    used = site()
    for number in range(300):
        check = Check(f"{ORIGIN}/x", agent=AGENTS[0], site=used)
        head = (("x-robots-tag", f"noai, x{number}"),)
        check.feed(
            Document(
                url=f"{ORIGIN}/x",
                resource=PAGE,
                outcome=Outcome.FETCHED,
                status=200,
                headers=head,
            )
        )
        assert check.decide().reasons
    table = used.answers.table(check._question)
    assert table is not None
    assert 0 < len(table.heads) <= 64


def test_whoever_asks_again_asks_about_the_same_type() -> None:
    url = f"{ORIGIN}/x"
    head = (("content-type", "image/png"), ("x-robots-tag", "noimageai"))
    check = Check(url, agent=AGENTS[0], site=site())
    check.feed(Document(url=url, resource=PAGE, outcome=Outcome.FETCHED, status=200, headers=head))
    first = check.decide()
    again = check.asked(AGENTS[2], profile()).decide()
    assert first.blocked
    assert again.reasons == first.reasons
