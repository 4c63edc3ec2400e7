"""What a page says, token by token: metas, links, anchors and scripts, with their lines.

No tree is built. What hides tags in HTML hides them here: comments, text of scripts, styles,
titles and the like, values of attributes, ``noscript`` (as for a reader with scripts) and
``template``. Linear in the length of the page.

Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from collections import defaultdict
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

from turbohtml import Token, TokenType, tokenize

from .elements import MAX_ELEMENTS, MAX_METAS, MAX_TEXT, Element, Html, Meta
from .tags import TAGS, TagReader, is_data

# Tokens of any page that are read, and characters for each further one; real pages have 130
# characters for each. Tags of these that are looked at closely.
_LEAST_TOKENS, _LEAST_LENGTH = 150_000, 20
_SHARE_LOOKED_AT = 10

_END, _TEXT = TokenType.END_TAG, TokenType.TEXT
_FOREIGN = frozenset(("svg", "math"))
#: Elements whose text a tokenizer reads up to their end tag; in SVG and MathML they may have none.
RAW = ("script", "title", "style", "noscript", "textarea", "iframe", "noframes", "noembed", "xmp")
_ALWAYS_READ = frozenset(("template", *_FOREIGN, *RAW))
# Elements that hold nothing, those around everything, and those whose end tag is mostly left out
# and that stand in one that is counted.
_TRANSPARENT = frozenset(
    (
        *("area", "base", "basefont", "bgsound", "br", "col", "embed", "hr", "img", "input"),
        *("link", "meta", "param", "source", "track", "wbr", "html", "head", "body"),
        *("li", "dt", "dd", "tr", "td", "th", "tbody", "thead", "tfoot", "option", "optgroup"),
        "colgroup",
    )
)


class UnendedElementError(ValueError):
    """An empty element of SVG or MathML, which a tokenizer of HTML takes to be open."""


def read_tokens(text: str, reader: TagReader, names: AbstractSet[str] = TAGS) -> Html:
    """Everything of interest in a page.

    Args:
        text: the page, or its beginning up to the end of a tag.
        reader: tells which tags say something.
        names: of tags that may do so.

    Raises:
        UnendedElementError: an end tag must be put in before the page can be read.
    """
    most = max(_LEAST_TOKENS, len(text) // _LEAST_LENGTH)
    page = _Page(reader, names, most // _SHARE_LOOKED_AT)
    read = names | _ALWAYS_READ
    tokens, waiting = tokenize(text), page.waiting
    # Most of the time goes into this loop: benchmark `content:with-signals`.
    for token in islice(tokens, most):
        if token.tag in read:
            page.take(token)
        elif waiting and token.type is _TEXT:
            page.add_text(token)
    return page.html(text, truncated=next(tokens, None) is not None)


class _Waiting(NamedTuple):
    """An anchor or a script whose text is still to come."""

    tag: Token
    number: int  # among the elements, of an anchor
    texts: list[Token]


class _Page:
    """What was found so far, and the anchor and the script whose text is still to come.

    Args:
        reader: tells which tags say something.
        names: of tags that may do so.
        room: how many tags may be looked at.
    """

    def __init__(self, reader: TagReader, names: AbstractSet[str], room: int) -> None:
        self.waiting: dict[str, _Waiting] = {}
        self._reader = reader
        self._names = names
        self._room = room
        self._metas: list[Meta] = []
        self._elements: list[Element] = []
        self._tags: list[Token] = []  # of the elements
        self._templates = 0
        self._is_foreign = self._is_raw = False

    def take(self, token: Token) -> None:
        """Take a tag that is read."""
        tag = token.tag or ""
        if tag in RAW:
            self._is_raw = token.type is not _END
        if token.type is _END:
            if tag == "template":
                self._templates = max(self._templates - 1, 0)
            elif tag in _FOREIGN:
                self._is_foreign = False
            elif tag in self.waiting:
                self._end(tag)
        elif tag == "template":
            self._templates += 1
        elif tag in _FOREIGN:
            self._is_foreign = not token.self_closing
        elif self._is_foreign and token.self_closing and tag in RAW:
            raise UnendedElementError(tag)
        elif not self._templates and tag in self._names:
            self._room -= 1
            if self._room >= 0:
                self._look(token, tag)

    def add_text(self, token: Token) -> None:
        """Take text, of which some is waited for."""
        waiting = self.waiting.get("script" if self._is_raw else "a")
        if waiting and not self._templates:
            waiting.texts.append(token)

    def html(self, text: str, *, truncated: bool) -> Html:
        """All of it, once there are no more tokens."""
        for tag in tuple(self.waiting):
            self._end(tag)
        full = len(self._metas) == MAX_METAS or len(self._elements) == MAX_ELEMENTS
        whole = _about_page(text, self._tags)
        elements = (
            element._replace(whole=_place(tag) in whole)
            for element, tag in zip(self._elements, self._tags, strict=True)
        )
        return Html(tuple(self._metas), tuple(elements), truncated or full or self._room < 0)

    def _look(self, token: Token, tag: str) -> None:
        """Keep a tag that says something, or may once its text is known."""
        if tag == "meta" and len(self._metas) < MAX_METAS:
            named = self._reader.named(token)
            if named:
                name, content = named
                self._metas.append(Meta(name.strip().lower(), content.strip(), token.line))
        elif tag == "a" and tag in self.waiting:
            self._end(tag)
        if len(self._elements) == MAX_ELEMENTS:
            return
        if tag == "script":
            if is_data(token):
                self.waiting[tag] = _Waiting(token, 0, [])
        elif self._reader.is_for(token):
            if tag == "a":
                self.waiting[tag] = _Waiting(token, len(self._elements), [])
            self._keep(token, "", token.line)

    def _end(self, tag: str) -> None:
        """End the open anchor or script."""
        token, number, texts = self.waiting.pop(tag)
        text = "".join(part.data or "" for part in texts)
        if tag == "a":
            anchor = self._elements[number]
            text = text.replace("\0", "").strip()  # as a tree builder leaves it out
            self._elements[number] = anchor._replace(text=text[:MAX_TEXT])
        elif self._reader.in_script(text) or self._reader.is_for(token):
            blank = len(text) - len(text.lstrip())
            line = texts[0].line + text.count("\n", 0, blank) if texts else token.line
            self._keep(token, text[:MAX_TEXT], line)

    def _keep(self, token: Token, text: str, line: int) -> None:
        attributes = {name: value.strip() for name, value in token.attrs or ()}
        self._elements.append(Element(token.tag or "", attributes, text, line, whole=False))
        self._tags.append(token)


def _place(token: Token) -> tuple[int, int]:
    return token.line, token.col


def _about_page(text: str, tags: Collection[Token]) -> set[tuple[int, int]]:
    """The places of those links and scripts around which no element is open but body and the like."""
    wanted = {_place(tag) for tag in tags if tag.tag in ("link", "script")}
    last = max(wanted, default=(0, 0))
    found = set()
    opened: defaultdict[str, int] = defaultdict(int)
    depth = 0
    for token in tokenize(text, capture_attributes=False):
        tag = token.tag
        if tag is None:
            continue
        place = _place(token)
        if place > last:
            break
        if token.type is _END:
            if opened[tag]:
                opened[tag] -= 1
                depth -= 1
            continue
        if depth == 0 and place in wanted:
            found.add(place)
        if tag == "a":
            depth -= opened.pop(tag, 0)  # anchors end each other
        is_foreign = opened["svg"] or opened["math"]
        if tag not in _TRANSPARENT and not (token.self_closing and is_foreign):
            opened[tag] += 1
            depth += 1
    return found
