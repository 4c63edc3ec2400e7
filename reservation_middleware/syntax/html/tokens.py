"""What a page says, token by token: metas, links, anchors and scripts, with their lines.

No tree is built. What hides tags in HTML hides them here: comments, text of scripts, styles,
titles and the like, values of attributes, ``noscript`` (as for a reader with scripts) and
``template``. Linear in the length of the page.

Reference: https://html.spec.whatwg.org/multipage/parsing.html#tokenization
"""

from collections import defaultdict
from typing import NamedTuple

from turbohtml import Token, TokenType, tokenize

from .elements import MAX_ELEMENTS, MAX_METAS, MAX_TEXT, Element, Html, Meta
from .tags import TagReader, is_data

# Tokens that are read of any page, and characters for each further one. Pages have 130
# characters for each.
_LEAST_TOKENS, _LEAST_LENGTH = 100_000, 20
# Tags that are looked at closely cost as much as so many tokens.
_CLOSELY = 5

_END, _TEXT = TokenType.END_TAG, TokenType.TEXT
_INTERESTING, _WITH_TEXT = frozenset(("a", "link", "meta", "script")), frozenset(("a", "script"))
# Elements that hold nothing, those around everything, and those whose end tag is mostly left out
# and that stand in one that is counted.
_TRANSPARENT = frozenset(
    "area base basefont bgsound br col embed hr img input link meta param source track wbr "
    "html head body li dt dd tr td th tbody thead tfoot option optgroup colgroup".split()
)


def read_tokens(text: str, reader: TagReader) -> Html:
    """Everything of interest in a page.

    Args:
        text: the page, or its beginning up to the end of a tag.
        reader: tells which tags say something.
    """
    found = _Found(reader)
    room = max(_LEAST_TOKENS, len(text) // _LEAST_LENGTH)
    open_elements: defaultdict[str, int] = defaultdict(int)
    depth = 0
    tokens = tokenize(text)
    # One loop with few calls, which most of the time goes into: benchmark `content:with-signals`.
    for token in tokens:
        room -= 1
        if room < 0:
            break
        tag = token.tag
        if tag is None:
            if found.waiting:
                found.add_text(token)
        elif token.type is _END:
            if open_elements[tag]:
                open_elements[tag] -= 1
                depth -= 1
            if tag in _WITH_TEXT:
                found.end(tag)
        else:
            if tag in _INTERESTING and not open_elements["template"]:
                room -= _CLOSELY
                found.look(token, tag, whole=depth == 0)
            if tag not in _TRANSPARENT and not (
                token.self_closing and (open_elements["svg"] or open_elements["math"])
            ):
                open_elements[tag] += 1
                depth += 1
    return found.html(truncated=room < 0)


class _Waiting(NamedTuple):
    """An anchor or a script whose text is still to come."""

    tag: Token
    whole: bool
    number: int  # among the elements, of an anchor
    texts: list[Token]


class _Found:
    """What was found so far, and the anchor and the script whose text is still to come."""

    def __init__(self, reader: TagReader) -> None:
        self.waiting: dict[str, _Waiting] = {}
        self._reader = reader
        self._metas: list[Meta] = []
        self._elements: list[Element] = []

    def look(self, token: Token, tag: str, *, whole: bool) -> None:
        """Keep a tag that says something, or may once its text is known."""
        if tag == "meta" and len(self._metas) < MAX_METAS:
            named = self._reader.named(token)
            if named:
                name, content = named
                self._metas.append(Meta(name.strip().lower(), content.strip(), token.line))
        if tag == "a":
            self.end(tag)
        if len(self._elements) == MAX_ELEMENTS:
            return
        if tag == "script":
            if is_data(token):
                self.waiting[tag] = _Waiting(token, whole, 0, [])
        elif self._reader.is_for(token):
            if tag == "a":
                self.waiting[tag] = _Waiting(token, whole, len(self._elements), [])
            self._elements.append(_element(token, whole=whole))

    def add_text(self, token: Token) -> None:
        """Take a token without a tag, of which texts count."""
        if token.type is _TEXT:
            self.waiting["script" if "script" in self.waiting else "a"].texts.append(token)

    def end(self, tag: str) -> None:
        """End the open anchor or script, if there is one."""
        waiting = self.waiting.pop(tag, None)
        if waiting is None:
            return
        token, whole, number, texts = waiting
        text = "".join(part.data or "" for part in texts)
        if tag == "a":
            anchor = self._elements[number]
            self._elements[number] = anchor._replace(text=text.strip()[:MAX_TEXT])
        elif self._reader.in_script(text) or self._reader.is_for(token):
            script = _element(token, whole=whole)
            body = text.lstrip()
            if body:
                above = text.count("\n", 0, len(text) - len(body))
                script = script._replace(text=text[:MAX_TEXT], line=texts[0].line + above)
            self._elements.append(script)

    def html(self, *, truncated: bool) -> Html:
        """All of it, once there are no more tokens."""
        for tag in tuple(self.waiting):
            self.end(tag)
        full = len(self._metas) == MAX_METAS or len(self._elements) == MAX_ELEMENTS
        return Html(tuple(self._metas), tuple(self._elements), truncated or full)


def _element(token: Token, *, whole: bool) -> Element:
    attributes = {name: value.strip() for name, value in token.attrs or ()}
    return Element(token.tag or "", attributes, "", token.line, whole)
