"""RSL documents as values: contents, licences and payments as written, and the words of RSL 1.0.

Nothing is read here. Reference: https://rslstandard.org/rsl
"""

from collections.abc import Mapping

import msgspec

NAMESPACE = "https://rslstandard.org/rsl"
MEDIA_TYPE = "application/rsl+xml"
#: Bytes of a document that is read.
LIMIT = 1024 * 1024
#: Days for which a document holds where it does not say (§3.2).
MAX_AGE = 30

#: Types of permits and prohibits.
USAGE, USER, GEO = "usage", "user", "geo"
USAGES = ("all", "ai-all", "ai-train", "ai-input", "ai-index", "search")
USERS = ("commercial", "non-commercial", "education", "government", "personal")
#: Words of RSL 0.9 and those that took their place; training of generative models alone has none.
OLD: Mapping[str, str] = {
    "train-ai": "ai-train",
    "train-genai": "train-genai",
    "ai-use": "ai-input",
    "ai-summarize": "ai-input",
}
FREE = "free"
PAYMENTS = ("purchase", "subscription", "training", "crawl", "use", "contribution", "attribution")
REPORTS = ("telemetry", "provenance", "audit")
LEGAL = ("warranty", "disclaimer", "attestation", "contact", "proof")
CHILDREN: Mapping[str, tuple[str, ...]] = {
    "rsl": ("content",),
    "content": ("license", "schema", "alternate", "copyright", "terms"),
    "license": ("permits", "prohibits", "payment", "reporting", "legal"),
    "payment": ("standard", "custom", "amount", "accepts"),
}
#: Contents and licences of one document that are read, words of one list, characters of one
#: value, and faults that are kept.
MAX_CONTENTS, MOST_LICENSES, MOST_WORDS, MOST_TEXT, MOST_FAULTS = 5_000, 5_000, 100, 2048, 10
#: Elements of one document that are looked at.
MAX_ELEMENTS = 20_000
#: What stands inside what, by the names that the parser has for it.
KNOWN_NAMES = {
    kind: {f"{{{NAMESPACE}}}{name}": name for name in names} for kind, names in CHILDREN.items()
}
OURS = f"{{{NAMESPACE}}}*"

QNAME = r"[^\W\d][\w.-]*:[^\W\d][\w.-]*"
CURRENCY, LETTERS = "[A-Z]{3}", "[A-Za-z]{3}"
AMOUNT = r"(?a)\d+(\.\d+)?"
COUNTRY = "[A-Z]{2}"
#: An absolute URI (RFC 3986 §4.3); ``host.example:8443`` is none.
ABSOLUTE = r"[A-Za-z][A-Za-z0-9+-]*:[^\s]+|[A-Za-z][A-Za-z0-9+.-]*://[^\s]+"
ADDRESS = r"(?i)https?://[^\s/]\S*"
DATE = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as RSL 1.0 has it.

    Attributes:
        what: ``nonconformant`` (the document is not valid), ``cut`` (there is more than is
            read), ``value`` (read all the same), ``old`` (a spelling of RSL 0.9, read all the
            same) or ``address`` (what should be an address is none).
        detail: in a few words.
        line: where.
    """

    what: str
    detail: str
    line: int | None


class RslPayment(msgspec.Struct, frozen=True):
    """What is asked for: the type is ``free`` where nothing is, and "" where it is not said (§3.7)."""

    type: str
    amount: str = ""
    currency: str = ""
    standard: str = ""
    custom: str = ""
    accepts: tuple[str, ...] = ()
    line: int | None = None


class License(msgspec.Struct, frozen=True):
    """Terms under which a content may be used.

    Attributes:
        permits: words by type (``usage``, ``user``, ``geo``); a type that is there is a closed
            list, even where no word of it is known.
        prohibits: the same for what is prohibited.
        payments: what is asked for, each.
        reports: kinds of reporting that are asked for.
        contacts: where to ask.
        line: where it begins.
    """

    permits: Mapping[str, tuple[str, ...]]
    prohibits: Mapping[str, tuple[str, ...]]
    payments: tuple[RslPayment, ...] = ()
    reports: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    line: int | None = None


class RslContent(msgspec.Struct, frozen=True):
    """Something that is licensed: a path pattern, an absolute URL, or "" for where it stands."""

    url: str
    server: str
    encrypted: bool
    licenses: tuple[License, ...]
    contacts: tuple[str, ...]
    terms: str
    line: int | None


class RslDocument(msgspec.Struct, frozen=True):
    """A document, or what a feed says of its items."""

    contents: tuple[RslContent, ...]
    faults: tuple[Fault, ...]
    max_age: int = MAX_AGE

    @property
    def conformant(self) -> bool:
        """Whether it is a valid RSL 1.0 document, as far as matters here."""
        return not any(fault.what in ("nonconformant", "cut") for fault in self.faults)

    @property
    def cut(self) -> bool:
        """Whether some of it was not read."""
        return any(fault.what == "cut" for fault in self.faults)
