"""What can be noted about RSL."""

from reservation_middleware.model import Level, NoteKind
from reservation_middleware.signals.near_miss import near_miss_note

_SPEC = "https://rslstandard.org/rsl"

LINK_INVALID = NoteKind(
    "rsl-link-invalid",
    Level.WARNING,
    "what should point to an RSL document is no absolute address, so it points nowhere: {}",
    "Write the whole address, such as https://example.com/license.xml, without brackets.",
    _SPEC,
)
MISSPELT = NoteKind(
    "rsl-misspelt",
    Level.WARNING,
    "a name that is nearly License says nothing: {}",
    "Write License; in links rel=license and type=application/rsl+xml.",
    _SPEC,
)
STRAY = NoteKind(
    "rsl-in-last-group",
    Level.WARNING,
    "a License line below the last group's rules is for that group's agents only: {}",
    "Put it above the first user-agent line, or into the group for *.",
    _SPEC,
)
LINK_RELATIVE = NoteKind(
    "rsl-link-relative",
    Level.WARNING,
    "the address of an RSL document is relative; it was completed: {}",
    "Write the whole address.",
    _SPEC,
)
MANY = NoteKind(
    "rsl-documents-many",
    Level.WARNING,
    "robots.txt points to {} RSL documents, more than are fetched",
    "Put the licences into few documents.",
    _SPEC,
)
UNREACHABLE = NoteKind(
    "rsl-document-unreachable",
    Level.WARNING,
    "an RSL document could not be had ({}), so nothing is licensed by it",
    "Serve the document, or remove what points to it.",
    _SPEC,
)
INVALID = NoteKind(
    "rsl-document-invalid",
    Level.WARNING,
    "what should be RSL cannot be read, so nothing is licensed by it: {}",
    "Serve well-formed XML without a document type, its root rsl in the RSL namespace.",
    _SPEC,
)
NONCONFORMANT = NoteKind(
    "rsl-document-nonconformant",
    Level.WARNING,
    "not valid RSL 1.0, so what it permits does not count: {}",
    "Correct the document after RSL 1.0.",
    _SPEC,
)
TOO_LARGE = NoteKind(
    "rsl-document-too-large",
    Level.WARNING,
    "more than is read of an RSL document, so what it does not prohibit counts as prohibited: {}",
    "Use patterns with * instead of one content per page.",
    _SPEC,
)
VALUE = NoteKind(
    "rsl-value-invalid",
    Level.WARNING,
    "a value that RSL does not have was read as well as may be: {}",
    "Write values as RSL 1.0 has them; case matters.",
    _SPEC,
)
ADDRESS = NoteKind(
    "rsl-address-invalid",
    Level.WARNING,
    "this is no address with a scheme, so no offer leads there: {}",
    "Write the whole address, such as https://licensing.example.com/.",
    _SPEC,
)
ELSEWHERE = NoteKind(
    "rsl-document-elsewhere",
    Level.WARNING,
    "no content of the document is about the site that points to it, so it says nothing there: {}",
    'Write paths, such as url="/", or addresses of the very origin that points to the document.',
    _SPEC,
)
OLD = NoteKind(
    "rsl-vocabulary-old",
    Level.WARNING,
    "RSL 0.9, read as RSL 1.0 has it now: {}",
    "Use the words of RSL 1.0, with spaces between them.",
    _SPEC,
)
TOKEN = NoteKind(
    "rsl-token-required",
    Level.INFO,
    "the server asks for a licence token: {}",
    "None, if that is meant.",
    _SPEC,
)
FOREIGN = NoteKind(
    "rsl-feed-foreign",
    Level.WARNING,
    "a feed cannot license what is on another origin: {}",
    "License only addresses of the feed's own origin.",
    _SPEC,
)
NEAR_MISS = near_miss_note(
    "rsl",
    'Write url="/", or the whole address with https, as the pages have it.',
    _SPEC,
)
