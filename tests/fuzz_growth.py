"""A search for inputs that take more than linear time: few pieces, repeated.

    python -m tests.fuzz_growth --seconds 60 [--seed 7] [family…]

An input is a beginning, one to three units of few pieces, each repeated, and an end; "№" is another
number each time. What takes 2.7 times as long when doubled, or long at its size, is printed with
what it is made of. Clocks are allowed here: it is no test.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks import hostile_inputs as make
from benchmarks.hostile import decide
from benchmarks.hostile_inputs import CAP, ORIGIN, Case

#: Seconds from which a growth is told from noise, and those that no input may take.
LEAST, SLOW, GROWTH = 0.06, 0.3, 2.7
# fmt: off
WORDS = (" ", "\n", ",", ";", ":", "=", '"', "\\", "<", ">", "/", "*", "$", "%", "(", "#", "№", "a")
PATHS = ("/", "/№", "/*№", "*a", "a*", "a", "ab", "%41", "%C3", "%D8№", "é", "$", "*№$", ".a№")
AGENTS = ("User-agent: *\n", "User-agent: a№\n", "User-agent: GPTBot\n", "User-agent: Bot№\n")
LINES = ("Disallow: ", "Allow: ", "Content-Usage: ", "Content-Signal: ", "DisallowAITraining: ")
NEAR = ("Content-Signals: ", "ai-train=", "ai_train:", "deny", " = ", "no ", "ask,", "Disallow: training\n", "Disallow-Training: /№\n", "AI-Training: no\n", "Usage: №\n", "No training\n")
VALUES = (" train-ai=n", " ai-train=no", "\n", "\n", "License: https://a.example/№\n", "x№=1")
AI = ("Training: deny\n", "Training-Deny: /*№\n", "Agent: a№\n", "Agent: *\n", "  ", "Contact: a@")
TRUST = ("member=a\n", "datatrainingallowed=", "no\n", "yes", "contact=", "№")
NEAR_RULE = '{"location":" https://a.example%s.*","tdm_reservation":1},'
RULE = '{"location":"%s","tdm-reservation":1,"tdm-policy":"/p№"},'
ODRL = ("permission", "duty", "constraint", "assigner", "action", "@graph", "@context", "№")
LD = ("license", "@graph", "image", "author", "identifier", "mainEntity", "dc:rights", "a№")
RSL = ['content url="/№"', 'content url=""', "license", 'permits type="usage"', "payment", "amount", "terms", "link", "item", 'permits type="geo"', 'prohibits type="usage"', "copyright"]
XMP = ("rdf:Alt", "rdf:li", "rdf:value", "rdf:Description", "plus:DataMining", "plus:a№")
FIELDS = ["noai", "ai_train: no ", 'ai-train="deny"', "noimageai", "bot№: ", "unavailable_after: Mon, ", "train-ai=n", "ai-train=no", "</a№>", 'rel="license"', "rel=blocked-by", "Payment ", 'id="№"', "License "]
NAMES = ["link", "content-usage", "content-signal", "content-signals", "x-robots-tag", "www-authenticate", "tdm-reservation", "tdm-policy", "payment-required", "crawler-price"]
HTML = """<meta http-equiv=X-Robots-Tag content=noai>|<meta |<meta|<meta name=robots content=noai>|<meta name="robots" content="noai, x№">|<a |<a|<a rel=license href=/№>
|<link |<link rel=license href="/№">|<script |<script type=application/ld+json>|type=application/ld+json |application/ld+json |</script>
|</script|{"license":"/№"}|<!--|-->|<!--№-->|rel=license |license|license№|isni|noai|name=|content=|rel=|type=|='|="|&#x6c;|&colon;|&
|<p>|<p №>|</p>|<b>|<b id=№>|</b>|<i class=№>|<i><b>|<p><font size=№>|<nobr>|<div property=license>№|<div itemprop=license>|<x№>|</x№>
|<table>|<tr><td>|<tr a=b>|</td a=b>|<select>|<option>|<svg>|<svg><desc>|<math>|<template>|<noscript>|<frameset>|<form>|<button>|<li>
|<html a№=1>|<body a№=1>|<head>|</head>|<title>|<textarea>|<style>|<iframe>|<plaintext>|<base href=/№>| a№| a№=b|\0""".replace("\n", "").split("|")
# fmt: on


class Family(NamedTuple):
    """A place: its size, its pieces, and how a text gets there."""

    size: int
    pieces: Sequence[str]
    wrap: Callable[[str, random.Random], Case]


def of_site(path: str, resource: str, begin: str = "", end: str = "") -> Callable[..., Case]:
    """A file of a site, and a page of it, often with a long address of the same pieces."""

    def wrap(text: str, chance: random.Random) -> Case:
        unit = chance.choice(("a", "ab", "%C3", "é", "/", text[len(text) // 2 :][:40].strip()))
        where = (unit * 8_000)[: chance.choice((1, 300, 8_000, 9_000))].replace("#", "")
        case = make.site_file(path, resource, begin + text.rstrip(",") + end)
        agents, profile = chance.choice((1, 1, 30)), chance.choice(("strict", "record-only"))
        return case._replace(url=f"{ORIGIN}/{where}", agents=agents, profile=profile)

    return wrap


def of_head(text: str, chance: random.Random) -> Case:
    """A head with one field, long or in many lines."""
    length, name = chance.choice((50, 8_000, len(text))), chance.choice(NAMES)
    text = text.replace("\n", " ")
    fields = [(name, text[at : at + length]) for at in range(0, len(text), length)]
    return make.response(chance.choice((200, 401, 402, 451)), *fields)


def items(pieces: Sequence[str], begin: str, end: str, *inner: str) -> Sequence[str]:
    """Whole elements or objects of each piece, alone and inside each other."""
    each = [(begin.format(one), end.format(one.split()[0])) for one in pieces]
    flat = [f"{a}{one}{b}" for a, b in each for one in inner]
    return [*flat, *(f"{a}{b}{inner[0]}{d}{c}" for a, c in each for b, d in each)]


ROBOTS = (*AGENTS, *LINES, *NEAR, *VALUES, *PATHS, "#", ":", "\r")
JSON = ("1", '"/№"', "[]", '"tdm:mine"')
# fmt: off
RULES = tuple(rule % (one + other) for rule in (RULE, NEAR_RULE) for one in PATHS for other in PATHS)
MEMBERS = [[f"{one}," for one in items(some, '{{"{}":', "}}", *JSON)] for some in (ODRL, LD)]
ELEMENTS = items(RSL, "<{}>", "</{}>", "all ", "", "/x")
FAMILIES = {
    "robots": Family(CAP, ROBOTS, of_site("/robots.txt", "robots.txt", AGENTS[0])),
    "ai.txt": Family(CAP, (*ROBOTS, *AI), of_site("/ai.txt", "ai.txt")),
    "trust.txt": Family(CAP, (*TRUST, *WORDS), of_site("/trust.txt", "trust.txt")),
    "tdmrep.json": Family(CAP, RULES, of_site("/.well-known/tdmrep.json", "tdmrep.json", "[", "]")),
    "policy": Family(250_000, MEMBERS[0],
                     lambda text, _: make.policy(f'{{"permission":[{text.rstrip(",")}]}}')),
    "json-ld": Family(CAP, MEMBERS[1], lambda text, _: make.scripts(f"[{text.rstrip(',')}]")),
    "rsl": Family(10**6, ELEMENTS, lambda text, _: make.rsl(text)),
    "feed": Family(10**6, ELEMENTS,
                   lambda text, _: make.feed(f'<item xmlns="{make.RSL}">{text}</item>')),
    "xmp": Family(10**6, items(XMP, "<{}>", "</{}>", "x", ""),
                  lambda text, _: make.image(make.png(make.xmp(text)))),
    "head": Family(10**6, (*FIELDS, *WORDS), of_head),
    "page": Family(400_000, (*HTML, *WORDS), lambda text, _: make.page(text)),
}
# fmt: on


def repeated(unit: str, size: float) -> str:
    number = max(1, int(size / (len(unit) + 3 * unit.count("№"))))
    return "".join(unit.replace("№", str(n)) for n in range(number))


def search(family: Family, chance: random.Random) -> str | None:
    """Try one input; what is wrong with it, if anything is."""

    def some(least: int, most: int) -> str:
        return "".join(chance.choices(family.pieces, k=chance.randint(least, most)))

    head, tail = some(0, 3), some(0, 3)
    units = [(some(1, 5), some(0, 2), chance.random()) for _ in range(chance.choice((1, 1, 2, 3)))]
    seed, total = chance.random(), sum(share for *_, share in units)

    def seconds(size: float) -> float:
        text = "".join(repeated(unit, size * share / total) + then for unit, then, share in units)
        case = family.wrap(head + text + tail, random.Random(seed))
        begun = time.process_time()
        decide(case)
        return time.process_time() - begun

    if (first := seconds(family.size / 4)) < LEAST / 8:
        return None
    second = min(seconds(family.size / 2) for _ in range(2))
    third = min(seconds(family.size) for _ in range(2))
    if third > SLOW or (third > LEAST and third > GROWTH * second):
        return f"{first:.3f} {second:.3f} {third:.3f} s {(head, units, tail, seed)!r}"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("--seconds", 60), ("--seed", 1)):
        parser.add_argument(name, type=int, default=value)
    parser.add_argument("families", nargs="*", default=list(FAMILIES))
    given = parser.parse_args()
    chance, tried, end = random.Random(given.seed), 0, time.monotonic() + given.seconds
    while time.monotonic() < end:
        tried += 1
        name = given.families[tried % len(given.families)]
        if wrong := search(FAMILIES[name], chance):
            sys.stdout.write(f"{name}: {wrong[:1000]}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{tried} inputs\n")


if __name__ == "__main__":
    main()
