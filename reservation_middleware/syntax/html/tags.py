"""Which tags say something: metas by name and content, others by what they are for.

Reference: https://html.spec.whatwg.org/multipage/semantics.html
"""

from functools import cache
from typing import TYPE_CHECKING

from .words import JSON_LD, WordSearch

if TYPE_CHECKING:
    from turbohtml import Token  # imported with the first page in which a word stands

#: Tags that may say something.
TAGS = frozenset(("a", "link", "meta", "script"))
#: The attributes that say what an element is for.
KINDS = ("rel", "itemprop", "property", "type")
#: Those that are kept of a tag that says something: of what it speaks besides.
ATTRIBUTES = (*KINDS, "href", "content", "about", "resource")
#: Fields that pages are met to send in themselves (``http-equiv``); HTML gives that no meaning.
PRAGMAS = ("x-robots-tag",)
_SCRIPTS = ("application/rsl+xml", JSON_LD.decode())


class TagReader:
    """Tells tags that say something from others, by the words that signals read.

    Args:
        words: in the names and contents of metas.
        element_words: in what links, scripts, metas and anchors are for, and in scripts of data.
    """

    def __init__(self, words: tuple[bytes, ...], element_words: tuple[bytes, ...]) -> None:
        self.everywhere = WordSearch((*words, *element_words, JSON_LD))
        self._metas, self._elements = WordSearch(words), WordSearch(element_words)
        self._in_scripts = element_words

    def named(self, token: "Token") -> tuple[str, str] | None:
        """The name and the content of a meta in which a word stands."""
        name, content = token.attr("name"), token.attr("content")
        if name is None or content is None or not self._metas.occurs(f"{name}\0{content}"):
            return None
        return name, content

    def pragma(self, token: "Token") -> tuple[str, str] | None:
        """The field and the content of a meta without a name that stands for a field of a head."""
        field, content = token.attr("http-equiv") or "", token.attr("content")
        if token.attr("name") is not None or field.strip().lower() not in PRAGMAS:
            return None
        if content is None or not self._metas.occurs(f"{field}\0{content}"):
            return None
        return field, content

    def is_for(self, token: "Token") -> bool:
        """Whether a word stands in what an element is for."""
        kinds = " ".join(filter(None, map(token.attr, KINDS)))
        return bool(kinds) and self._elements.occurs(kinds)

    def speaks(self, token: "Token") -> bool:
        """Whether a tag says something by itself."""
        if token.tag == "meta" and (self.named(token) or self.pragma(token)):
            return True
        return (token.tag != "script" or is_data(token)) and self.is_for(token)

    def in_script(self, text: str) -> bool:
        """Whether a word stands in a script of data, as it is usually written."""
        body = text.encode("utf-8", "replace")
        return bool([word for word in self._in_scripts if word in body])


def is_data(script: "Token") -> bool:
    """Whether a script holds RSL or JSON-LD."""
    media_type = script.attr("type") or ""
    return media_type.partition(";")[0].strip().lower() in _SCRIPTS


@cache
def tag_reader(words: tuple[bytes, ...], element_words: tuple[bytes, ...]) -> TagReader:
    """The reader for some words; made once."""
    return TagReader(words, element_words)
