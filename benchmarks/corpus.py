"""What the benchmarks work on: real robots.txt files and pages, or generated ones of their shape.

Real material is read from ../shared/data where that is present. The robots.txt files are
from 2019, so 30 % of them are given the groups for AI agents that files have today. All
of it is the same for the same seed.
"""

import base64
import gzip
import random
import re
import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from reservation_middleware import Document, Outcome
from reservation_middleware.decide.reading import PLACES, Reading
from reservation_middleware.decide.site import Site

from . import made_up
from .made_up import word

DATA = Path(__file__).parents[2] / "shared" / "data"

_PLACES = {place.name: place for place in PLACES}

#: The token that no file of 2019 names: it obeys the group for everyone.
OWN = "ExampleBot"

#: Agents that sites name today; also the thirty that are asked about at once.
AI_AGENTS: tuple[str, ...] = (
    *("GPTBot", "ClaudeBot", "CCBot", "Google-Extended", "Bytespider", "Amazonbot"),
    *("Applebot-Extended", "meta-externalagent", "PerplexityBot", "anthropic-ai", "cohere-ai"),
    *("ChatGPT-User", "OAI-SearchBot", "Diffbot", "ImagesiftBot", "Omgilibot", "FacebookBot"),
    *(
        "YouBot",
        "AI2Bot",
        "Timpibot",
        "DuckAssistBot",
        "PanguBot",
        "Kangaroo",
        "VelenPublicWebCrawler",
    ),
    *("Webzio-Extended", "iaskspider", "ICC-Crawler", "ISSCyberRiskCrawler", "Sidetrade", "Scrapy"),
)

_AGENT_LINE = re.compile(r"^user-agent[ \t]*:[ \t]*([A-Za-z0-9_.-]+)", re.IGNORECASE | re.MULTILINE)
_RULE_LINE = re.compile(r"^(?:dis)?allow[ \t]*:[ \t]*(/\S*)", re.IGNORECASE | re.MULTILINE)


class Host(NamedTuple):
    """One host with its robots.txt."""

    name: str
    body: bytes

    @property
    def origin(self) -> str:
        """Where its pages are."""
        return f"https://{self.name}"

    @property
    def text(self) -> str:
        """The file as text, as peers want it."""
        return self.body.decode("utf-8", "replace")


class Question(NamedTuple):
    """May this agent fetch this page?"""

    host: int
    url: str
    agent: str


class Page(NamedTuple):
    """One HTML page."""

    name: str
    body: bytes


def real() -> bool:
    """Whether there is real material."""
    return (DATA / "robots-2019.jsonl.gz").exists()


@cache
def hosts(count: int | None = None, seed: int = 2026) -> tuple[Host, ...]:
    """Hosts with their files, 30 % of them with groups for AI agents."""
    source = DATA / "robots-2019.jsonl.gz"
    rng = random.Random(seed)
    bodies: list[bytes] = []
    if source.exists():
        with gzip.open(source) as lines:
            bodies.extend(_body(msgspec.json.decode(line)["body"]) for line in lines)
    else:
        bodies.extend(made_up.robots(rng) for _ in range(2000))
    if count is not None and count < len(bodies):
        bodies = rng.sample(bodies, count)
    return tuple(
        Host(f"h{number}.example", _with_ai_groups(body, rng) if rng.random() < 0.3 else body)
        for number, body in enumerate(bodies)
    )


def site(host: Host, *, rng: random.Random | None = None) -> Site:
    """What a host says: its robots.txt, and a tdmrep.json on 0.4 % of the hosts."""
    has = rng is not None and rng.random() < 0.004
    rules = b'[{"location": "/", "tdm-reservation": 1}]'
    return Site(
        (
            reading(host.origin, "robots.txt", host.body),
            reading(host.origin, "tdmrep.json", rules if has else None),
        )
    )


def reading(origin: str, resource: str, body: bytes | None) -> Reading:
    """A policy document that was read; None stands for 404."""
    place = _PLACES[resource]
    return Reading(
        Document(
            url=f"{origin}{place.path}",
            resource=resource,
            outcome=Outcome.UNAVAILABLE if body is None else Outcome.FETCHED,
            status=404 if body is None else 200,
            body=body,
        ),
        place,
    )


def questions(of: Sequence[Host], count: int, seed: int = 2026) -> list[Question]:
    """Mixed questions, hosts in random order.

    Half of the paths are made from a rule of the host's own file, half are made up. Of
    the agents a half is ours, a quarter is named by the file, a quarter is a known one.
    """
    rng = random.Random(seed)
    known = [(_AGENT_LINE.findall(host.text), _RULE_LINE.findall(host.text)) for host in of]
    found = []
    for _ in range(count):
        number = rng.randrange(len(of))
        agents, rules = known[number]
        draw = rng.random()
        if draw < 0.5:
            agent = OWN
        elif draw < 0.75 and agents:
            agent = rng.choice(agents)
        else:
            agent = rng.choice((*AI_AGENTS[:12], "Googlebot", "bingbot", "Slurp", "AhrefsBot"))
        path = _from_rule(rng.choice(rules), rng) if rules and rng.random() < 0.5 else _path(rng)
        found.append(Question(number, of[number].origin + path, agent))
    return found


@cache
def pages(count: int | None = None) -> tuple[Page, ...]:
    """HTML pages; fewer than all are a spread sample: from the smallest to the largest."""
    source = DATA / "html-pages.tar.xz"
    found = []
    if source.exists():
        with tarfile.open(source) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None and member.name.endswith(".html"):
                    found.append(Page(Path(member.name).stem[:12], file.read()))
    else:
        rng = random.Random(7)
        for number in range(60):
            size = int(min(max(rng.lognormvariate(11.6, 0.9), 2_000), 1_200_000))
            found.append(Page(f"made-up-{number}", made_up.page(rng, size)))
    if count is None or count >= len(found):
        return tuple(found)
    # The middle of each of `count` equal parts, so that sizes keep their mix.
    found.sort(key=lambda page: len(page.body))
    return tuple(found[(2 * part + 1) * len(found) // (2 * count)] for part in range(count))


# --- the parts of a file of today ---------------------------------------------------------


def _with_ai_groups(body: bytes, rng: random.Random) -> bytes:
    """The file with what sites add against AI agents, in one of the four usual shapes."""
    named = rng.sample(AI_AGENTS, rng.randint(3, 24))
    shape = rng.random()
    if shape < 0.45:  # one group, many agents
        added = "".join(f"User-agent: {agent}\n" for agent in named) + "Disallow: /\n"
    elif shape < 0.75:  # a group for each
        added = "".join(f"User-agent: {agent}\nDisallow: /\n\n" for agent in named)
    elif shape < 0.9:  # as content delivery networks manage it
        blocks = "".join(f"User-agent: {agent}\nDisallow: /\n\n" for agent in named[:9])
        signal = "User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /\n\n"
        return (signal + blocks).encode() + body
    else:  # some parts only, some agents let in
        half = len(named) // 2
        added = (
            "".join(f"User-agent: {agent}\n" for agent in named[:half])
            + "Disallow: /archive/\nDisallow: /*?print=\nAllow: /\n\n"
            + "".join(f"User-agent: {agent}\n" for agent in named[half:])
            + "Disallow: /\n"
        )
    return body.rstrip() + b"\n\n" + added.encode()


def _body(given: str | dict[str, str]) -> bytes:
    return given.encode() if isinstance(given, str) else base64.b64decode(given["base64"])


def _from_rule(rule: str, rng: random.Random) -> str:
    path = rule.removesuffix("$").replace("*", word(rng))
    return path if rng.random() < 0.5 else path + word(rng)


def _path(rng: random.Random) -> str:
    path = "".join(f"/{word(rng)}" for _ in range(rng.randint(1, 4)))
    draw = rng.random()
    return path + (
        ".html" if draw < 0.4 else f"?{word(rng)}={rng.randrange(999)}" if draw < 0.6 else "/"
    )
