"""Inputs of `hostile` by the signal that they are aimed at, each at the limits of its place.

A test sees to it that every signal has some. Pages and the oldest cases are in
``hostile.py``; how inputs are made is ``hostile_inputs.py``'s business.
"""

from collections.abc import Mapping

from reservation_middleware.model.agents import catalogue
from reservation_middleware.signals import SIGNALS

from .hostile_inputs import (
    CAP,
    ORIGIN,
    Builder,
    Case,
    lines,
    many,
    nested,
    page,
    policy,
    robots,
    site_file,
)
from .hostile_responses import CAWG, MEDIA, PAYMENT, PLUS, POINTERS, ROBOTS_META, RSL_CASES
from .hostile_vectors import repeated

_PERMIT = '{"action":"tdm:mine","duty":[{"action":"compensate"}],"target":"#"},'
#: All digits in an order in which every number of three is found: a path that many patterns match.
_DIGITS = "/" + "".join(f"{n:03}" for n in range(1000))
#: A literal that takes long to be found missing where it is searched for, and such a path: its
#: halves are there.
_SLOW = "a" * 64 + "b" + "a" * 30
_NEARLY = "/" + "a" * 4_020 + "b" + "a" * 30 + "c" + "a" * 4_100


def _tokens() -> list[str]:
    return [agent.token for agent in catalogue().agents if agent.purposes]


def _agents_with_groups(scale: float) -> str:
    tokens = _tokens()
    room = CAP * scale / len(tokens)
    return "".join(lines(room, "Disallow:/*#\n", f"User-agent: {token}\n") for token in tokens)


def _agents_share(scale: float) -> str:
    tokens = _tokens()
    own = "".join(f"User-agent: {token}\nDisallow: /own/{token}\n" for token in tokens)
    agents = "".join(f"User-agent: {token}\n" for token in tokens)
    return own + lines(CAP * scale - len(own), "Disallow:/#\n", agents)


def _sharing(scale: float) -> Case:
    names = [f"User-agent: Bot{n}\n" for n in range(30)]
    own = "".join(f"{name}Disallow: /own{n}\n" for n, name in enumerate(names))
    shared = lines(480_000 * scale, "Allow:/#*$\n", "".join(names))
    return robots(own + shared, "/47")._replace(agents=30)


_ROBOTS: Mapping[str, Builder] = {
    "400,000 rules in one group": lambda s: robots(
        "User-agent:*\n" + many("Allow:/#\n", 400_000 * s), "/4711"
    ),
    "400,000 rules in many groups": lambda s: robots(
        many("User-agent:b#\nAllow:/#\nAllow:/a\nAllow:/b\nAllow:/c\n", 100_000 * s)
    ),
    "400,000 rules for several agents": lambda s: robots(
        "User-agent:a\nUser-agent:ExampleBot\nUser-agent:*\n" + many("Disallow:/#\n", 400_000 * s),
        "/4711",
    ),
    "different rules that all match": lambda s: robots(lines(CAP * s, "Allow:*#\n"), _DIGITS),
    "rules with two stars that all match": lambda s: robots(
        lines(CAP * s, "Allow:*0*#\n"), _DIGITS
    ),
    "rules with an anchor": lambda s: robots(lines(CAP * s, "Allow:/*#$\n"), "/4711"),
    "rules with escapes": lambda s: robots(lines(CAP * s, "Allow:/%41#*b\n"), "/A4711b"),
    "rules with half a character": lambda s: robots(lines(CAP * s, "Allow:/*%D8#\n"), "/%D84711"),
    "rules with stars on a URL of 1 MB": lambda s: robots(
        lines(CAP * s, "Disallow:/*a#\n"), "/" + "a1" * 500_000
    ),
    "long needles on a URL of 1 MB": lambda s: robots(
        lines(CAP * s, f"Disallow:/*{'a1' * 40}a#\n"), "/" + "a1" * 500_000
    ),
    "needles that are nearly everywhere": lambda s: robots(
        lines(CAP * s, f"Disallow:/*{_SLOW}*#\n"), _NEARLY
    ),
    "needles of every length that are nearly everywhere": lambda s: robots(
        "User-agent:*\n"
        + "".join(
            f"Disallow:/{'a' * n}*{'a' * before}b{'a' * (length - before - 1)}\n"
            for n in range(int(4 * s))
            for length in range(30, 65)
            for before in range(length)
        ),
        "/" + "a" * 8_000,
    ),
    "long needles on a path of 2,300 characters": lambda s: robots(
        lines(CAP * s, f"Disallow:/*{'a' * 500}b{'a' * 500}*#\n"), "/" + "a" * 2_300
    ),
    "half a character beside a needle that is nearly everywhere": lambda s: robots(
        lines(CAP * s, f"Disallow:/%D8*{_SLOW}*#\n"), "/%D8" + _NEARLY[1:]
    ),
    "prefixes of every length": lambda s: robots(
        "User-agent:*\n" + "".join(f"Disallow:/{'a' * n}\n" for n in range(int(1000 * s))),
        f"/{'a' * 8000}",
    ),
    "30 agents that share a group of 480 KiB beside their own": _sharing,
    "30 agents, 512 KiB of rules": lambda s: robots(lines(CAP * s, "Allow:/#\n"), "/47")._replace(
        agents=30
    ),
    "30 agents, different rules that all match": lambda s: robots(
        lines(CAP * s, "Allow:*#\n"), _DIGITS
    )._replace(agents=30),
}
_ROBOTS_AGENTS: Mapping[str, Builder] = {
    "AI agents with a group each": lambda s: robots(_agents_with_groups(s), "/471"),
    "AI agents that share one group": lambda s: robots(_agents_share(s), "/471"),
    "AI agents that share one group, record-only": lambda s: robots(
        _agents_share(s), "/471"
    )._replace(profile="record-only"),
    "30 agents, AI agents with a group each": lambda s: robots(
        _agents_with_groups(s), "/471"
    )._replace(agents=30),
    "a known agent in thousands of groups": lambda s: robots(
        lines(CAP * s, "User-agent:GPTBot\nDisallow:/#\n", ""), "/471"
    ),
}
_CANEL: Mapping[str, Builder] = {
    "512 KiB of DisallowAITraining": lambda s: robots(
        lines(CAP * s, "DisallowAITraining:/#\n"), "/471"
    ),
    "DisallowAITraining that all match": lambda s: robots(
        lines(CAP * s, "DisallowAITraining:*#\n"), _DIGITS
    ),
    "X-Robots-Tag of 1 MB of DisallowAITraining": lambda s: page(
        None, ("x-robots-tag", "DisallowAITraining, " * int(50_000 * s))
    ),
    "X-Robots-Tag of 1 MB without commas": lambda s: page(
        None, ("x-robots-tag", "DisallowAITraining " * int(50_000 * s))
    ),
}
_RULED: Mapping[str, Builder] = {
    "Content-Usage that all match": lambda s: robots(
        lines(CAP * s, "Content-Usage:train-ai=n,x#=1\n")
    ),
    "Content-Usage in thousands of groups": lambda s: robots(
        lines(CAP * s, "User-agent:a#\nContent-Usage:train-ai=n\n", "")
    ),
}
_CONTENT_SIGNALS: Mapping[str, Builder] = {
    "Content-Signal that all match": lambda s: robots(
        lines(CAP * s, "Content-Signal:ai-train=no,x#=1\n")
    ),
    "Content-Signal in thousands of groups": lambda s: robots(
        lines(CAP * s, "User-agent:a#\nContent-Signal:ai-train=no\n", "")
    ),
    "Content-Signal in thousands of groups of one agent": lambda s: robots(
        lines(CAP * s, "User-agent:*\nContent-Signal:/# ai-train=no\n", "")
    ),
    "30 agents, 512 KiB of Content-Signal": lambda s: robots(
        lines(CAP * s, "Content-Signal:/*# ai-train=no\n")
    )._replace(agents=30),
}
_AI_TXT: Mapping[str, Builder] = {
    "ai.txt of extensions": lambda s: site_file(
        "/ai.txt", "ai.txt", lines(CAP * s, "Disallow:*.a#\n")
    ),
    "ai.txt of rules that all match": lambda s: site_file(
        "/ai.txt", "ai.txt", lines(CAP * s, "Disallow:/*\n")
    ),
    "ai.txt of paths": lambda s: site_file(
        "/ai.txt", "ai.txt", lines(CAP * s, "Training-Deny: /*#\n", "Site-Name: a\n")
    ),
    "ai.txt of agents": lambda s: site_file(
        "/ai.txt", "ai.txt", lines(CAP * s, "Agent: a#\n  Training: deny\n", "Site-Name: a\n")
    ),
    "ai.txt of the same field": lambda s: site_file(
        "/ai.txt",
        "ai.txt",
        "Site-Name: a\n" + "Training: deny\nTraining: allow\n" * int(16_000 * s),
    ),
    "ai.json of 512 KiB": lambda s: site_file(
        "/.well-known/ai.json",
        "ai.json",
        '{"version":"1.0","agents":{' + many('"a#":{"training":"deny"},', 18_000 * s)[:-1] + "}}",
    ),
    "ai.json of 100,000 levels": lambda s: site_file(
        "/.well-known/ai.json", "ai.json", nested(100_000 * s, '{"a":', "1", "}")
    ),
}
_TRUST_TXT: Mapping[str, Builder] = {
    "trust.txt of 512 KiB": lambda s: site_file(
        "/trust.txt", "trust.txt", lines(CAP * s, "datatrainingallowed=x#\n", "")
    ),
    "trust.txt of members": lambda s: site_file(
        "/trust.txt", "trust.txt", lines(CAP * s, "member=https://a#.example\n", "")
    ),
    "trust.txt of white space": lambda s: site_file(
        "/trust.txt", "trust.txt", "member=a\n" + " " * int(CAP * s - 100)
    ),
}
_TDMREP: Mapping[str, Builder] = {
    "tdmrep.json of 512 KiB": lambda s: site_file(
        "/.well-known/tdmrep.json",
        "tdmrep.json",
        "[" + many('{"location":"/*#","tdm-reservation":1},', 12_000 * s)[:-1] + "]",
    ),
    "tdmrep.json with needles that are nearly everywhere": lambda s: site_file(
        "/.well-known/tdmrep.json",
        "tdmrep.json",
        "[" + many(f'{{"location":"/*{_SLOW}*#","tdm-reservation":1}},', 3_800 * s)[:-1] + "]",
    )._replace(url=ORIGIN + _NEARLY),
    "tdmrep.json with a policy each": lambda s: site_file(
        "/.well-known/tdmrep.json",
        "tdmrep.json",
        "["
        + many('{"location":"/#","tdm-reservation":1,"tdm-policy":"/p#"},', 8_000 * s)[:-1]
        + "]",
    ),
    "a policy of 100,000 levels": lambda s: policy(nested(100_000 * s, "[", "", "]")),
    "a policy of many levels inside": lambda s: policy(
        '{"permission":' + nested(900 * s, '{"a":', "1", "}") + "}"
    ),
    "a policy of thousands of permissions": lambda s: policy(
        '{"@type":"Offer","permission":[' + many(_PERMIT, 3_400 * s)[:-1] + "]}"
    ),
    "a policy of openings": lambda s: policy('"@context": [' * int(19_000 * s)),
    "a policy of 10,000 properties": lambda s: policy(
        '{"permission":{' + many('"a:#":"",', 20_000 * s)[:-1] + "}}"
    ),
}
#: The inputs, by the signal that they are aimed at.
BY_SIGNAL: dict[str, Mapping[str, Builder]] = {
    "robots": _ROBOTS,
    "robots-agents": _ROBOTS_AGENTS,
    "canel": _CANEL,
    "aipref": _RULED,
    "content-signals": _CONTENT_SIGNALS,
    "ai-txt": _AI_TXT,
    "trust-txt": _TRUST_TXT,
    "tdmrep": _TDMREP,
    "rsl": RSL_CASES,
    "robots-meta": ROBOTS_META,
    "payment": PAYMENT,
    "pointers": POINTERS,
    # Without the extra nobody looks into files.
    **({"plus": PLUS, "cawg": CAWG} if MEDIA else {}),
}
BY_SIGNAL |= {
    signal.name: repeated(signal.name)
    for signal in SIGNALS
    if signal.name not in {*BY_SIGNAL, "plus", "cawg"}
}
