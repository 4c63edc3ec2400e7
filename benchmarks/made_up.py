"""Files and pages of the shape of real ones, for where nothing real is present."""

import random
import string
from collections.abc import Sequence

#: Rules in the group for everyone, and groups for others, by the share of files that have fewer:
#: what the real files of 2019 have.
_RULES = ((0.08, 1), (0.25, 2), (0.5, 9), (0.75, 30), (0.9, 68), (0.95, 92), (0.99, 273), (1, 2500))
_OTHERS = ((0.55, 0), (0.75, 3), (0.9, 10), (0.95, 16), (0.99, 70), (1, 150))
_DIRECTORIES = (
    *("admin", "wp-admin", "wp-includes", "cgi-bin", "search", "user", "includes", "modules"),
    *("node", "themes", "scripts", "profiles", "cart", "checkout", "login", "tmp", "cache", "tag"),
)


def robots(rng: random.Random) -> bytes:
    """A robots.txt as real ones are: rules, groups, comments, line ends, pages that are none."""
    if rng.random() < 0.03:
        return page(rng, int(rng.lognormvariate(10.3, 1.2))).replace(b"><", b">\n<")
    head = rng.choice((0, 0, 0, 1, 8))
    lines = [f"# {word(rng)} {word(rng)} {word(rng)}" for _ in range(head)]
    lines.append("User-agent: *")
    for _ in range(_drawn(_RULES, rng)):
        lines.append(_rule(rng))
        if rng.random() < 0.06:
            lines.append(rng.choice(("", "", f"# {word(rng)}", "Noindex: /x", "Crawl-delay: 10")))
    for _ in range(_drawn(_OTHERS, rng)):
        name = rng.choice(("Googlebot", "bingbot", "Slurp", "AhrefsBot", "MJ12bot", word(rng)))
        lines += ["", f"User-agent: {name}"]
        lines += [_rule(rng) if rng.random() < 0.4 else "Disallow: /"] * rng.choice((1, 1, 1, 5))
    lines.append("")
    lines += [f"Sitemap: https://a.example/{n}.xml" for n in range(rng.choice((0, 1, 1, 8)))]
    return ("\r\n" if rng.random() < 0.33 else "\n").join((*lines, "")).encode()


def _drawn(shares: Sequence[tuple[float, int]], rng: random.Random) -> int:
    draw, below, least = rng.random(), 0.0, 0
    for share, most in shares:
        if draw < share:
            return round(least + (most - least) * (draw - below) / (share - below))
        below, least = share, most
    return least


def _rule(rng: random.Random) -> str:
    path = "".join(
        f"/{rng.choice(_DIRECTORIES) if rng.random() < 0.5 else word(rng)}"
        for _ in range(rng.choice((1, 1, 2, 2, 3)))
    )
    draw = rng.random()
    if draw < 0.08:
        path = "/*" + path[1:]
    elif draw < 0.14:
        path += "*?" if draw < 0.11 else "/*"
    elif draw < 0.2:
        path += "?"
    elif draw < 0.8:
        path += "/"
    if rng.random() < 0.016:
        path += "$"
    comment = f" # {word(rng)}" if rng.random() < 0.015 else ""
    return f"{'Allow' if rng.random() < 0.075 else 'Disallow'}: {path}{comment}"


def page(rng: random.Random, size: int) -> bytes:
    """A page of about this size: a head with metas, then scripts, styles and paragraphs."""
    metas = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta name="description" content="{" ".join(word(rng) for _ in range(20))}">',
        f'<meta property="og:title" content="{word(rng)}">',
    ]
    if rng.random() < 0.5:
        metas.append('<meta name="robots" content="index, follow, max-image-preview:large">')
    head = f"<!DOCTYPE html><html><head><title>{word(rng)}</title>{''.join(metas)}</head><body>"
    parts, length = [head], len(head)
    while length < size:
        words = " ".join(word(rng) for _ in range(rng.randint(10, 80)))
        kind = rng.random()
        if kind < 0.25:
            part = f'<script>var {word(rng)} = {{"{word(rng)}": "{words}"}};</script>'
        elif kind < 0.6:
            part = f'<div class="{word(rng)} {word(rng)}" data-x="{word(rng)}"><a href="/{word(rng)}">{words}</a></div>'
        else:
            part = f"<p>{words}</p>"
        parts.append(part)
        length += len(part)
    return "".join((*parts, "</body></html>")).encode()


def word(rng: random.Random) -> str:
    """Some letters."""
    return "".join(rng.choices(string.ascii_lowercase, k=rng.randint(2, 12)))
