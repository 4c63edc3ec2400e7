"""Reads RSL documents and feeds with RSL in them; what is not as RSL 1.0 has it is a fault.

Spellings of RSL 0.9 are read, too. Reference: https://rslstandard.org/rsl
"""

import re
from collections.abc import Callable, Iterator, Sequence

from lxml import etree

from reservation_middleware.syntax.xml import (
    LIMIT,
    TooLargeError,
    XmlError,
    name_of,
    parse,
    text_of,
)

from .document import (
    ABSOLUTE,
    ADDRESS,
    AMOUNT,
    COUNTRY,
    CURRENCY,
    DATE,
    FREE,
    GEO,
    KNOWN_NAMES,
    LEGAL,
    LETTERS,
    MAX_AGE,
    MAX_CONTENTS,
    MAX_ELEMENTS,
    MOST_FAULTS,
    MOST_LICENSES,
    MOST_TEXT,
    MOST_WORDS,
    NAMESPACE,
    OLD,
    OURS,
    PAYMENTS,
    QNAME,
    REPORTS,
    USAGE,
    USAGES,
    USER,
    USERS,
    Fault,
    License,
    RslContent,
    RslDocument,
    RslPayment,
)


def read(body: bytes, charset: str = "", *, single: bool = False) -> RslDocument:
    """Read a document; its namespace makes it RSL, whatever it was served as (§2.2).

    Args:
        body: the document.
        charset: that it was sent with, "" if none was.
        single: whether it must have exactly one content, as where it stands in a page or file.

    Raises:
        XmlError: it is no XML that may be read, or no RSL.
    """
    try:
        root = parse(body, charset)
    except TooLargeError as error:
        return _unread(body, error)
    if name_of(root) != (NAMESPACE, "rsl"):
        raise XmlError("its root is not rsl in the namespace of RSL", root.sourceline)
    reader = _Reader(body)
    contents = reader.contents([element for _, element in reader.children(root, "rsl")])
    if not contents or (single and len(contents) > 1):
        reader.fault("nonconformant", f"{len(contents)} contents", root)
    max_age = reader.max_age(root)
    return RslDocument(contents, reader.faults, max_age)


def read_feed(body: bytes, charset: str = "") -> RslDocument | None:
    """What the items of a feed say; None where it is an RSL document itself (§4.7).

    Args:
        body: the feed.
        charset: that it was sent with, "" if none was.

    Raises:
        XmlError: it is no XML that may be read.
    """
    try:
        root = parse(body, charset)
    except TooLargeError as error:
        return _unread(body, error)
    if name_of(root) == (NAMESPACE, "rsl"):
        return None
    reader = _Reader(body)
    contents = list(root.iter(f"{{{NAMESPACE}}}content"))
    return RslDocument(reader.contents(contents, in_feed=True), reader.faults)


def _unread(body: bytes, error: TooLargeError) -> RslDocument:
    """What a document says of which nothing is read: all of it may prohibit.

    Raises:
        TooLargeError: nothing of RSL is in it.
    """
    if NAMESPACE.encode() not in body.replace(b"\0", b""):  # UTF-16 has zeros
        raise error
    return RslDocument((), (Fault("cut", str(error), None),))


class _Texts:
    """The texts of a document, of which together no more is read than a document may have.

    Args:
        fault: to say what was left out.
    """

    def __init__(self, fault: Callable[[str, str, etree._Element], None]) -> None:
        self._fault = fault
        # Only where texts stand inside each other are there more.
        self._left = LIMIT
        #: Addresses of items, each of which may hold thousands of contents.
        self._links: dict[etree._Element, str] = {}

    def whole(self, element: etree._Element) -> str:
        """All text in an element."""
        text = text_of(element) if self._left >= 0 else ""
        self._left -= len(text)
        if self._left < 0:
            self._fault("cut", "texts inside each other", element)
        return text

    def words(self, element: etree._Element) -> str:
        """The text in an element, as much of it as is kept."""
        return self.whole(element)[:MOST_TEXT]

    def of_item(self, content: etree._Element) -> str:
        """The address of the item of a feed that a content stands in, "" where it has none."""
        parent = content.getparent()
        if parent is None:
            return ""
        known = self._links.get(parent)
        if known is None:
            link = parent.find("link")
            known = self._links[parent] = "" if link is None else self.words(link)
        return known


class _Reader:
    """One pass over a document; keeps what is wrong with it."""

    def __init__(self, body: bytes) -> None:
        # Lines before the document, which the parser does not see.
        self._skipped = body[: len(body) - len(body.lstrip(b" \t\r\n"))].count(b"\n")
        self._faults: dict[tuple[str, str], Fault] = {}
        self._kinds: set[str] = set()
        self._left = MAX_ELEMENTS
        self._licenses = 0
        self._texts = _Texts(self.fault)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults.values())

    def fault(self, what: str, detail: str, element: etree._Element) -> None:
        # One of each kind always stays, since a single one can make a document invalid.
        if len(self._faults) < MOST_FAULTS or what not in self._kinds:
            key = what, detail[:80]
            if key not in self._faults:
                self._kinds.add(what)
                self._faults[key] = Fault(*key, self.line(element))

    def line(self, element: etree._Element) -> int | None:
        line = element.sourceline
        return line + self._skipped if line else None

    def children(self, parent: etree._Element, kind: str) -> Iterator[tuple[str, etree._Element]]:
        """Children that RSL knows, each with its name; other namespaces are not looked at (§3)."""
        names = KNOWN_NAMES[kind]
        for child in parent.iterchildren(OURS):
            self._left -= 1
            if self._left < 0:
                self.fault("cut", f"more than {MAX_ELEMENTS} elements", child)
                return
            name = names.get(str(child.tag))
            if name is not None:
                yield name, child
            else:
                self.fault("nonconformant", f"{name_of(child)[1][:40]} inside {kind}", child)

    def max_age(self, root: etree._Element) -> int:
        value = (root.get("max-age") or str(MAX_AGE)).strip()
        if re.fullmatch(r"0*[1-9][0-9]{0,6}", value):
            return int(value)
        self.fault("value", f"max-age {value[:40]}", root)
        return MAX_AGE

    def contents(
        self, elements: Sequence[etree._Element], *, in_feed: bool = False
    ) -> tuple[RslContent, ...]:
        if len(elements) > MAX_CONTENTS:
            self.fault("cut", f"more than {MAX_CONTENTS} contents", elements[-1])
        found = (self._content(element, in_feed=in_feed) for element in elements[:MAX_CONTENTS])
        return tuple(content for content in found if content is not None)

    def _content(self, element: etree._Element, *, in_feed: bool) -> RslContent | None:
        url = element.get("url")
        if url is None:
            self.fault("nonconformant", "content without url", element)
            return None
        url = url.strip()
        if in_feed and not url:
            # In a feed "" is the item.
            url = self._texts.of_item(element)
        licenses: list[License] = []
        contacts: list[str] = []
        terms = ""
        for name, child in self.children(element, "content"):
            if name == "license":
                self._licenses += 1
                if self._licenses > MOST_LICENSES:
                    self.fault("cut", f"more than {MOST_LICENSES} licences", child)
                elif len(licenses) == MOST_WORDS:
                    self.fault("cut", f"more than {MOST_WORDS} licences", child)
                else:
                    licenses.append(self._license(child))
            elif name == "copyright":
                given = child.get("contactEmail"), child.get("contactUrl")
                contacts += [address.strip()[:MOST_TEXT] for address in given if address]
            elif name == "terms":
                terms = terms or self._reference(child, name)
        if not licenses:
            self.fault("nonconformant", "content without license", element)
        lastmod = element.get("lastmod")
        if lastmod is not None and not re.fullmatch(DATE, lastmod.strip()):
            self.fault("value", f"lastmod {lastmod[:40]}", element)
        server = (element.get("server") or "").strip()[:MOST_TEXT]
        encrypted = self._boolean(element, "encrypted")
        if server and not re.fullmatch(ADDRESS, server):
            self.fault("address", f"server {server[:60]}", element)
        if encrypted and not server:
            self.fault("nonconformant", "encrypted without server", element)
        return RslContent(
            url,
            server,
            encrypted,
            tuple(licenses),
            tuple(contacts[:MOST_WORDS]),
            terms,
            self.line(element),
        )

    def _boolean(self, element: etree._Element, name: str) -> bool:
        value = (element.get(name) or "false").strip()
        if value not in ("true", "false"):
            self.fault("value", f"{name} {value[:40]}", element)
        return value.lower() in ("true", "1", "yes")

    def _license(self, element: etree._Element) -> License:
        # Each word once: a licence may say the same thousands of times.
        lists: dict[str, dict[str, dict[str, None]]] = {"permits": {}, "prohibits": {}}
        payments: list[RslPayment] = []
        reports: list[str] = []
        contacts: list[str] = []
        for name, child in self.children(element, "license"):
            kind = (child.get("type") or "").strip()
            if name in lists:
                if kind not in (USAGE, USER, GEO):
                    self.fault("nonconformant", f"{name} of type {kind[:40] or 'none'}", child)
                    if kind:
                        continue
                    kind = USAGE
                if kind in lists[name]:
                    self.fault("nonconformant", f"{name} of type {kind} twice", child)
                lists[name].setdefault(kind, {}).update(dict.fromkeys(self._tokens(child, kind)))
            elif name == "payment":
                if len(payments) == MOST_WORDS:
                    self.fault("cut", f"more than {MOST_WORDS} payments", child)
                    continue
                payments.append(self._payment(child, kind))
            elif name == "reporting":
                if kind not in REPORTS or not child.get("profile"):
                    self.fault("nonconformant", f"reporting {kind[:40]} without profile", child)
                reports.append(kind[:40] or "reporting")
            elif kind == "contact":
                contacts.append(self._texts.words(child))
            elif kind not in LEGAL:
                self.fault("nonconformant", f"legal of type {kind[:40] or 'none'}", child)
        return License(
            {kind: tuple(words) for kind, words in lists["permits"].items()},
            {kind: tuple(words) for kind, words in lists["prohibits"].items()},
            tuple(payments),
            tuple(reports[:MOST_WORDS]),
            tuple(contacts[:MOST_WORDS]),
            self.line(element),
        )

    def _tokens(self, element: etree._Element, kind: str) -> Iterator[str]:
        """The known words of a list, in the spelling of RSL 1.0; extension tokens left out."""
        text = self._texts.whole(element)
        if "," in text:
            self.fault("old", "a list with commas", element)
            text = text.replace(",", " ")
        words = text.split(None, MOST_WORDS)
        if len(words) > MOST_WORDS:
            self.fault("cut", f"more than {MOST_WORDS} words", element)
        for word in dict.fromkeys(words[:MOST_WORDS]):
            plain = word.upper() if kind == GEO else word.lower()
            known = (
                re.fullmatch(COUNTRY, plain) is not None
                if kind == GEO
                else plain in (USERS if kind == USER else USAGES)
            )
            if kind == USAGE and plain in OLD:
                self.fault("old", plain, element)
                yield OLD[plain]
            elif known:
                if plain != word:
                    self.fault("value", f"{kind} {word[:40]}", element)
                yield plain
            elif not re.fullmatch(QNAME, word):
                self.fault("nonconformant", f"{kind} {word[:40]}", element)

    def _reference(self, element: etree._Element, name: str) -> str:
        """A URL or a path; "" for a host or another word, which would lead to a made-up address."""
        text = self._texts.words(element)
        if not text or text.startswith("/") or re.fullmatch(ABSOLUTE, text):
            return text
        self.fault("address", f"{name} {text[:60]}", element)
        return ""

    def _payment(self, element: etree._Element, kind: str) -> RslPayment:
        if kind == "inference":
            self.fault("old", "payment inference", element)
            kind = "use"
        elif element.get("type") is not None and not (
            kind in (*PAYMENTS, FREE) or re.fullmatch(QNAME, kind)
        ):
            self.fault("nonconformant", f"payment of type {kind[:40] or 'none'}", element)
        values: dict[str, str] = {}
        accepts = currency = ""
        for name, child in self.children(element, "payment"):
            if name in values:
                self.fault("nonconformant", f"{name} twice in payment", child)
                continue
            values[name] = (
                self._reference(child, name) if name == "custom" else self._texts.words(child)
            )
            if name == "standard" and not re.fullmatch(ABSOLUTE, values[name]):
                self.fault("address", f"standard {values[name][:60] or 'none'}", child)
            if name == "accepts":
                accepts = (child.get("type") or "").strip()[:100]
            elif name == "amount":
                currency = (child.get("currency") or "").strip()
                if not re.fullmatch(CURRENCY, currency):
                    self.fault("value", f"currency {currency[:40] or 'none'}", child)
                if not re.fullmatch(AMOUNT, values[name]):
                    self.fault("value", f"amount {values[name][:40] or 'none'}", child)
        return RslPayment(
            kind[:40],
            values.get("amount", "")[:40],
            currency.upper() if re.fullmatch(LETTERS, currency) else "",
            values.get("standard", ""),
            values.get("custom", ""),
            (accepts,) if accepts else (),
            self.line(element),
        )


__all__ = ["XmlError", "read", "read_feed"]
