"""What a page says, token by token: metas, links, anchors and scripts, with their lines.

No tree is built. What hides tags in HTML hides them here: comments, text of scripts, styles,
titles and the like, values of attributes, ``noscript`` (as for a reader with scripts) and
``template``. Linear in the length of the page.

Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import NamedTuple

from turbohtml import Token, TokenType, tokenize

from .elements import MAX_ELEMENTS, MAX_METAS, MAX_TEXT, Element, Html, Meta
from .tags import ATTRIBUTES, TAGS, TagReader, is_data

#: Characters of a tag that is read; a longer one is passed over.
LONG_TAG = 64 * 1024

# Tokens that are read of any page, and characters for each further one; real pages have 130
# characters for each. Benchmark `hostile`: 0.3 µs each, and the same again for tags that are
# taken, which count as so many tokens, and for those that are looked at closely.
_LEAST_TOKENS, _LEAST_LENGTH = 100_000, 20
_TAKEN, _LOOKED_AT = 2, 16
# A tag of 4 KiB counts as 128 tokens more, one of 64 KiB as 32,768, since its attributes are compared.
_LONG = 17
# Characters behind the first ">" in a tag up to which its end is looked for first.
_MORE = 1024

_END, _TEXT = TokenType.END_TAG, TokenType.TEXT
_FOREIGN = frozenset(("svg", "math"))
#: Elements whose text a tokenizer reads up to their end tag; in SVG and MathML they may have none.
RAW = frozenset(
    ("script", "title", "style", "noscript", "textarea", "iframe", "noframes", "noembed", "xmp")
)
_ALWAYS_READ = _FOREIGN | RAW | {"template"}
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


def read_tokens(
    text: str,
    reader: TagReader,
    tags: Mapping[int, str] | None = None,
    *,
    never_empty: AbstractSet[str] = RAW,
) -> Html:
    """Everything of interest in a page.

    Args:
        text: the page, or its beginning up to the end of a tag.
        reader: tells which tags say something.
        tags: names of the tags that may do so, by where they begin; None if any may.
        never_empty: names of elements that must have end tags in SVG and MathML, too.

    Raises:
        UnendedElementError: one of them has none.
    """
    most = max(_LEAST_TOKENS, len(text) // _LEAST_LENGTH)
    page = _Page(text, reader, tags, never_empty, most)
    tokens, waiting = tokenize(page.flat, capture_attributes=False), page.waiting
    read = page.names | _ALWAYS_READ
    # Most of the time goes into this loop: benchmark `content:with-signals`.
    for token in islice(tokens, most):
        if token.tag in read:
            page.take(token)
            if page.room < 0:
                break
        elif waiting and token.type is _TEXT:
            page.add_text(token)
    return page.html(truncated=next(tokens, None) is not None)


class _Waiting(NamedTuple):
    """An anchor or a script whose text is still to come."""

    tag: Token
    at: int
    number: int  # among the elements, of an anchor
    texts: list[Token]


class _Page:
    """What was found so far, and the anchor and the script whose text is still to come.

    Args:
        text: the page.
        reader: tells which tags say something.
        tags: names of the tags that may do so, by where they begin; None if any may.
        never_empty: names of elements that must have end tags in SVG and MathML, too.
        room: how much may be taken and looked at.
    """

    def __init__(
        self,
        text: str,
        reader: TagReader,
        tags: Mapping[int, str] | None,
        never_empty: AbstractSet[str],
        room: int,
    ) -> None:
        self.waiting: dict[str, _Waiting] = {}
        self.room = room
        #: Of tags that may say something.
        self.names = TAGS if tags is None else frozenset(tags.values())
        #: The page as one line, so that the column of a token is its place in the text. Tags
        #: are tokenized without attributes, of which one may have a million, and those that
        #: may say something again by themselves.
        self.flat = text.replace("\n", " ").replace("\r", " ")
        self._text = text
        self._line, self._counted = 1, 0
        self._reader = reader
        self._places: Collection[int] | None = tags
        self._never_empty = never_empty
        self._metas: list[Meta] = []
        self._pragmas: list[Meta] = []
        self._elements: list[Element] = []
        self._found_at: list[int] = []  # where links and scripts begin, -1 for others
        self._templates = 0
        self._is_foreign = self._is_raw = self._is_cut = False

    def take(self, token: Token) -> None:
        """Take a tag that is read."""
        self.room -= _TAKEN
        tag = token.tag or ""
        is_end = token.type is _END
        if tag in RAW:
            self._is_raw = not is_end
            if not (self._is_foreign or tag in self.names):
                return
        if is_end:
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
        elif self._is_foreign and token.self_closing and tag in self._never_empty:
            raise UnendedElementError(tag)
        elif not self._templates and tag in self.names:
            at = token.col
            if self._places is None or at in self._places:
                self._look(tag, at)
            elif tag == "a" and tag in self.waiting:
                self._end(tag)

    def add_text(self, token: Token) -> None:
        """Take text, of which some is waited for."""
        waiting = self.waiting.get("script" if self._is_raw else "a")
        if waiting and not self._templates:
            waiting.texts.append(token)

    def html(self, *, truncated: bool) -> Html:
        """All of it, once there are no more tokens."""
        for tag in tuple(self.waiting):
            self._end(tag)
        cut = truncated or self._is_cut
        is_full = len(self._metas) + len(self._pragmas) == MAX_METAS
        cut = cut or is_full or len(self._elements) == MAX_ELEMENTS
        whole = _about_page(self.flat, {place for place in self._found_at if place >= 0})
        elements = (
            element._replace(whole=True) if place in whole else element
            for element, place in zip(self._elements, self._found_at, strict=True)
        )
        return Html(tuple(self._metas), tuple(elements), cut, tuple(self._pragmas))

    def _look(self, name: str, at: int) -> None:
        """Keep a tag that says something, or may once its text is known."""
        if name == "a" and name in self.waiting:
            self._end(name)
        is_full = len(self._elements) == MAX_ELEMENTS
        if is_full and (name != "meta" or len(self._metas) + len(self._pragmas) == MAX_METAS):
            return
        tag = self._tag_at(at)
        if tag is None:
            self._is_cut = True
            return
        if name == "meta" and len(self._metas) + len(self._pragmas) < MAX_METAS:
            named = self._reader.named(tag)
            if named:
                key, content = named
                self._metas.append(Meta(key.strip().lower(), content.strip(), self._line_at(at)))
            elif pragma := self._reader.pragma(tag):
                key, content = pragma
                self._pragmas.append(Meta(key.strip().lower(), content.strip(), self._line_at(at)))
        if name == "script":
            if is_data(tag):
                self.waiting[name] = _Waiting(tag, at, 0, [])
        elif not is_full and self._reader.is_for(tag):
            if name == "a":
                self.waiting[name] = _Waiting(tag, at, len(self._elements), [])
            self._keep(tag, at, "", at)

    def _tag_at(self, at: int) -> Token | None:
        """A start tag with its attributes; None if it is too long."""
        close = self._text.find(">", at, at + LONG_TAG) + 1
        # A ">" in a value ends nothing.
        for end in (close, close + _MORE, at + LONG_TAG) if close else ():
            self.room -= _LOOKED_AT + ((end - at) ** 2 >> _LONG)
            tag = next(tokenize(self._text[at:end]), None)
            if tag and tag.type is TokenType.START_TAG:
                return tag
        return None

    def _end(self, name: str) -> None:
        """End the open anchor or script."""
        tag, at, number, texts = self.waiting.pop(name)
        text = "".join(part.data or "" for part in texts)
        if name == "a":
            # NULs are left out by a tree builder.
            text = " ".join(text.replace("\0", "").split())
            self._elements[number] = self._elements[number]._replace(text=text[:MAX_TEXT])
            return
        self.room -= 2 * _LOOKED_AT  # at the script once more, and at its text
        start = texts[0].col if texts else at
        text = self._text[start : start + len(text)]  # as it stands in the page, not in one line
        if self._reader.in_script(text) or self._reader.is_for(tag):
            blank = len(text) - len(text.lstrip())
            for written, meant in (("\0", "\ufffd"), ("\r\n", "\n"), ("\r", "\n")):
                text = text.replace(written, meant)
            self._keep(tag, at, text[:MAX_TEXT], start + blank)

    def _keep(self, tag: Token, at: int, text: str, seen: int) -> None:
        values = ((name, tag.attr(name)) for name in ATTRIBUTES)
        attributes = {name: value.strip() for name, value in values if value is not None}
        line = self._line_at(seen)
        self._elements.append(Element(tag.tag or "", attributes, text, line, whole=False))
        self._found_at.append(at if tag.tag in ("link", "script") else -1)

    def _line_at(self, place: int) -> int:
        """The line of a place, asked of places in their order."""
        self._line += self._text.count("\n", self._counted, place)
        self._counted = place
        return self._line


def _about_page(flat: str, places: Collection[int]) -> Collection[int]:
    """The places of those links and scripts around which no element is open but body and the like.

    Of those behind very many tokens that is not known, so that a yes in them does not count.

    Args:
        flat: the page as one line.
        places: of tags.
    """
    if not places:
        return places
    last = max(places)
    found = set()
    opened: defaultdict[str, int] = defaultdict(int)
    depth = 0
    for token in islice(tokenize(flat, capture_attributes=False), _LEAST_TOKENS // 2):
        if token.col > last:
            break
        tag = token.tag
        if tag is None:
            continue
        if token.type is _END:
            if opened[tag]:
                opened[tag] -= 1
                depth -= 1
            continue
        if depth == 0 and token.col in places:
            found.add(token.col)
        if tag == "a":
            depth -= opened.pop(tag, 0)  # anchors end each other
        is_foreign = opened["svg"] or opened["math"]
        if tag not in _TRANSPARENT and not (token.self_closing and is_foreign):
            opened[tag] += 1
            depth += 1
    return found
