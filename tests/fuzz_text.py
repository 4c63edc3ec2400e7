"""Fuzz input that is text: grammars that stay near the formats, and mutations of real bodies.

Here: how text is made and spoilt. Not here: which family gets what (tests/fuzz_inputs.py),
files (tests/fuzz_files.py), or what must hold (tests/fuzz.py). Everything is drawn from the
given generator, so that an input can be made again from its number.
"""

import json
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from html import escape
from random import Random
from typing import Any

from lxml import etree

#: Text is rarely made longer than this, and never much longer than the second number.
USUAL, MOST = 20_000, 2_000_000

_SYMBOL = re.compile(r"‹([a-z0-9-]+)([*+]?)›")
_DEEPEST = 12

Grammar = Mapping[str, Sequence[str]]

ODD = (
    *("", " ", "\0", "\t", "\x0b", "\x1b[31m", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe"),
    *("é", "ß", "İ", "\u202e", "🤖", "𝟙", "١", "\udc80", "\ud800", "&#0;", "&#x110000;", "%00"),
    *("%", "%zz", "%C3%28", "\\", '"', "'", "<", ">", "]]>", "<!--", "-->", "{", "}", "[", ","),
    *("-1", "0", "00", "1e999", "-0", "0.1", "1" * 25, "9" * 5000, "NaN", "null", "true", "∞"),
    *("a" * 300, "a" * 70_000, ", " * 2_000, "; " * 2_000, "x=" * 2_000, "*" * 500, "../" * 500),
)

#: The same without what no XML may hold.
WELL_FORMED = tuple(
    escape(re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", one)) for one in ODD
)

#: Symbols that every grammar has.
COMMON: dict[str, Sequence[str]] = {
    "odd": ODD,
    "ws": ("", " ", " ", "\t", "\n", "\r\n", "  "),
    "yes": ("y", "n", "yes", "no", "1", "0", "true", "false", "required", "?1", "allow", "deny"),
    "n": ("0", "1", "2", "10", "-1", "0.01", "99999999999999999999", "1e3", "007", "‹odd›"),
    "host": ("a.example", "b.example", "a.example:99999", "[::1]", "127.0.0.1", "‹odd›", "xn--"),
    "path": ("/", "/x", "/x/*", "*", "/*.jpg$", "/%41", "/x?y=z", "/‹odd›", "", "x", "$"),
    "url": (
        *("https://‹host›‹path›", "http://‹host›‹path›", "//‹host›‹path›", "‹path›", "‹odd›"),
        *("mailto:a@b.example", "mailto:", "tel:+1", "data:text/xml,‹odd›", "javascript:1"),
        *("https://a.example/rsl.xml", "https://a.example/policy.json", "https:", "http://[", "#"),
        *("b.example/x", "b.example:8443", "https://a.example/x#y", "/x#‹odd›", "urn:example:1"),
    ),
    "agent": ("*", "ExampleBot", "GPTBot", "examplebot/1.0", "ClaudeBot", "‹odd›", "Example Bot"),
    "word": (
        *("ai-train", "train-ai", "search", "ai-input", "ai-index", "tdm", "all", "ai-all"),
        *("commercial", "non-commercial", "education", "DE", "EU", "USD", "free", "‹odd›"),
    ),
    "day": ("2026-11-21", "2026-11-21T00:00:00Z", "99999-01-01", "0000-00-00", "‹odd›", "tomorrow"),
}


def grown(rng: Random, grammar: Grammar, symbol: str) -> str:
    """A sentence of a grammar, ``‹name›`` being one, ``‹name*›`` some, ``‹name+›`` many."""
    room = [USUAL if rng.random() < 0.97 else 200_000]

    def grow(name: str, depth: int) -> str:
        choice = rng.choice(grammar[name] if name in grammar else COMMON[name])
        if depth > _DEEPEST or room[0] < 0:
            return _SYMBOL.sub("", choice)

        def put(match: re.Match[str]) -> str:
            times = 1
            if match[2] == "*":
                times = rng.choice((0, 1, 1, 2, 3))
            elif match[2] == "+":
                times = rng.choice((1, 2, 3, 5, 8, 40))
            text = "".join(grow(match[1], depth + 1) for _ in range(times))
            room[0] -= len(text) // (depth + 1)
            return text

        return _SYMBOL.sub(put, choice)

    return grow(symbol, 0)


# --- mutations of octets ------------------------------------------------------------------


def mangled(rng: Random, body: bytes, words: Sequence[bytes] = (), gentle: int = 1) -> bytes:
    """A body with some octets flipped, cut out, repeated, or put in.

    Args:
        rng: where chance comes from.
        body: what to spoil.
        words: what to put in now and then.
        gentle: divides the number of changes, for formats with checksums.
    """
    found = bytearray(body)
    for _ in range(max(1, rng.choice((1, 1, 2, 3, 5, 10)) // gentle)):
        at = rng.randrange(len(found) + 1)
        end = min(len(found), at + rng.choice((1, 1, 2, 4, 16, 256, 5000)))
        match rng.randrange(11):
            case 0 if at < len(found):
                found[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(found):
                found[at] = rng.choice((0, 1, 9, 10, 13, 32, 34, 39, 60, 62, 127, 128, 254, 255))
            case 2:
                del found[at:end]
            case 3:
                found[at:at] = rng.randbytes(rng.choice((1, 2, 4, 30)))
            case 4:
                found[at:at] = found[at:end] * _times(rng, end - at)
            case 5:
                del found[at:]
            case 6 if words:
                found[at:end] = rng.choice(words)
            case 7:
                size = rng.choice((1, 2, 4, 8))
                number = rng.choice((0, 1, 2**7, 2**8 - 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1))
                order = rng.choice(("big", "little"))
                found[at : at + size] = (number % 256**size).to_bytes(size, order)
            case 8:
                to = rng.randrange(len(found) + 1)
                found[to:to] = found[at:end]
            case 9:
                found[at:at] = rng.choice(ODD).encode("utf-8", "surrogatepass")
            case _:
                found[at:end] = found[at:end][::-1]
    return bytes(found[:MOST])


def _times(rng: Random, size: int) -> int:
    most = (MOST if rng.random() < 0.03 else USUAL) // max(1, size)
    return rng.randrange(most + 1) if most else 1


def encoded(rng: Random, text: str) -> bytes:
    """Text as octets: UTF-8 mostly."""
    match rng.randrange(40):
        case 0:
            return b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass")
        case 1:
            return b"\xff\xfe" + text.encode("utf-16-le", "surrogatepass")
        case 2:
            return text.encode("utf-16-be", "surrogatepass")
        case 3:
            return text.encode("latin-1", "replace")
        case 4:
            return text.encode("utf-32", "surrogatepass")
        case _:
            return text.encode("utf-8", "surrogatepass")


# --- mutations of tokens ------------------------------------------------------------------


class Tokens:
    """Text in tokens, and a store of tokens from everything known of a format."""

    def __init__(self, pattern: str, texts: Sequence[str]) -> None:
        self._pattern = re.compile(pattern, re.DOTALL)
        self.texts = tuple(dict.fromkeys(texts)) or ("",)
        self.store = tuple(
            dict.fromkeys(token for text in self.texts for token in self._pattern.findall(text))
        ) or ("",)

    def mutated(self, rng: Random) -> str:
        """One of the texts with some tokens gone, doubled, swapped, or from elsewhere."""
        tokens = list(self._pattern.findall(rng.choice(self.texts)))
        for _ in range(rng.choice((1, 1, 2, 3, 6, 12))):
            at = rng.randrange(len(tokens) + 1)
            end = min(len(tokens), at + rng.choice((1, 1, 2, 5, 20)))
            match rng.randrange(8):
                case 0:
                    del tokens[at:end]
                case 1:
                    size = sum(map(len, tokens[at:end]))
                    tokens[at:at] = tokens[at:end] * _times(rng, size)
                case 2:
                    tokens[at:end] = [rng.choice(self.store)]
                case 3:
                    tokens[at:at] = [rng.choice(self.store)]
                case 4:
                    other = list(self._pattern.findall(rng.choice(self.texts)))
                    start = rng.randrange(len(other) + 1)
                    tokens[at:end] = other[start : start + rng.choice((1, 5, 100))]
                case 5:
                    tokens[at:end] = [rng.choice(ODD)]
                case 6 if end < len(tokens):
                    tokens[at], tokens[end] = tokens[end], tokens[at]
                case _:
                    rest = tokens[at:end]
                    rng.shuffle(rest)
                    tokens[at:end] = rest
        return "".join(tokens)[:MOST]


# --- mutations of JSON --------------------------------------------------------------------


class Trees:
    """JSON in trees, and a store of subtrees and names from everything known of a format."""

    def __init__(self, texts: Sequence[bytes], more: Sequence[Any] = ()) -> None:
        known = [*map(_read, texts), *more]
        self.trees = [tree for tree in known if tree is not None] or [{}]
        self.names: list[str] = ["@id", "@type", "@graph", ""]
        self.parts: list[Any] = [None, True, 0, -1, 1.5, 10**30, [], {}, "", "0", "1", *ODD]
        for tree in self.trees:
            self._gather(tree)
        self.names = list(dict.fromkeys(self.names))

    def _gather(self, tree: Any) -> None:
        self.parts.append(tree)
        if isinstance(tree, dict):
            self.names += tree
        for part in _children(tree):
            self._gather(tree[part])

    def mutated(self, rng: Random) -> str:
        """One of the trees with some parts gone, replaced, doubled, wrapped, or too deep."""
        tree = json.loads(json.dumps(rng.choice(self.trees)))
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            tree = self._changed(rng, tree)
        ascii_only = rng.random() < 0.5
        text = json.dumps(tree, ensure_ascii=ascii_only, indent=rng.choice((None, None, 1)))
        match rng.randrange(40):
            case 0:
                return text.replace('"', "'")
            case 1:
                return text[: rng.randrange(len(text) + 1)]
            case 2:
                depth = rng.choice((10, 100, 900, 1100, 50_000))
                return text.replace("[", "[" * depth, 1).replace("]", "]" * depth, 1)
            case 3:
                return f"{text}{rng.choice(ODD)}"
            case 4:
                return re.sub(
                    r":\s*(?=[\"\d{])", f": {rng.choice(('1e400', '9' * 5000, '-'))},", text
                )
            case 5:
                depth = rng.choice((10, 500, 50_000))
                return '{"a":' * depth + text + "}" * depth
            case 6 | 7:  # a comma is forgotten
                at = text.find(",", rng.randrange(len(text) + 1))
                return text[:at] + text[at + 1 :]
            case _:
                return text

    def _changed(self, rng: Random, tree: Any) -> Any:
        where = [one for one in _children(tree) if rng.random() < 0.75]
        if where:
            key = rng.choice(where)
            tree[key] = self._changed(rng, tree[key])
            return tree
        match rng.randrange(8):
            case 0 if isinstance(tree, dict) and tree:
                del tree[rng.choice(list(tree))]
            case 1 if isinstance(tree, dict):
                tree[rng.choice(self.names)] = _copy(rng.choice(self.parts))
            case 2 if isinstance(tree, dict) and tree:
                tree[rng.choice(self.names)] = tree.pop(rng.choice(list(tree)))
            case 3 if isinstance(tree, list) and tree:
                return [*tree, *(tree * rng.choice((1, 20, 300)))][:3000]
            case 4:
                return [tree]
            case 5:
                return {rng.choice(self.names): tree}
            case 6:
                return [tree, _copy(rng.choice(self.parts))]
            case _:
                return _copy(rng.choice(self.parts))
        return tree


def _children(tree: Any) -> Sequence[Any]:
    if isinstance(tree, dict):
        return list(tree)
    return range(min(len(tree), 50)) if isinstance(tree, list) else ()


def _copy(tree: Any) -> Any:
    return json.loads(json.dumps(tree))


def _read(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


# --- mutations of XML ---------------------------------------------------------------------


class Elements:
    """XML in elements, and a store of elements, values and names; what comes out is well-formed."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.roots = [text for text in texts if _element(text) is not None] or [b"<a/>"]
        elements = [one for text in self.roots for one in _all(etree.fromstring(text))]
        self.store = list(dict.fromkeys(etree.tostring(one, with_tail=False) for one in elements))
        self.names = list(dict.fromkeys(name for one in elements for name in one.attrib))
        values = [one.text or "" for one in elements]
        values += [str(value) for one in elements for value in one.attrib.values()]
        self.values = [*dict.fromkeys(values), *WELL_FORMED]

    def mutated(self, rng: Random) -> bytes:
        """One of the documents with elements gone, doubled, moved, nested, or with other values."""
        root = etree.fromstring(rng.choice(self.roots))
        for _ in range(rng.choice((1, 1, 2, 3, 6, 12))):
            known = _all(root)
            one, other = rng.choice(known), rng.choice(known)
            above = one.getparent()
            match rng.randrange(8):
                case 0 if above is not None:
                    above.remove(one)
                case 1 if one.getparent() is not None:
                    times = rng.choice((1, 1, 3, 300))
                    size = len(etree.tostring(one))
                    for _ in range(min(times, USUAL // size)):
                        one.addnext(deepcopy(one))
                case 2:
                    other.append(etree.fromstring(rng.choice(self.store)))
                case 3 if one.attrib:
                    one.set(rng.choice(list(one.attrib)), rng.choice(self.values))
                case 4 if self.names:
                    one.set(rng.choice(self.names), rng.choice(self.values))
                case 5:
                    one.tag = other.tag
                case 6 if rng.random() < 0.1:
                    for _ in range(rng.choice((10, 90, 110, 250))):
                        one = etree.SubElement(one, other.tag)
                case _:
                    one.text = rng.choice(self.values)
        return etree.tostring(root, encoding=rng.choice(("utf-8", "utf-8", "utf-16", "us-ascii")))


def _all(root: etree._Element) -> list[etree._Element]:
    return list(root.iter(etree.Element))


def _element(text: bytes) -> etree._Element | None:
    try:
        return etree.fromstring(text)
    except (etree.XMLSyntaxError, ValueError, LookupError):
        return None
