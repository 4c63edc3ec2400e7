"""The closed sets of words in a survey's tables."""

from enum import StrEnum


class CaptureWord(StrEnum):
    """How asking for a site's robots.txt ended (metric M1)."""

    NO_CAPTURE = "no-capture"
    FORBIDDEN = "forbidden"
    DEFER = "defer"
    ABSENT = "absent"
    REDIRECT = "redirect-unresolved"
    NOT_ROBOTS = "not-robots"
    NO_RULES = "no-rules"
    WITH_RULES = "with-rules"


class Access(StrEnum):
    """How much of a site an agent is denied, from the rules' structure (metric M2)."""

    FULL = "full"
    PARTIAL = "partial"
    NONE = "none"
    EXPLICIT_ALLOW = "explicit-allow"
    UNKNOWN = "unknown"


#: Of several captures of a host in a wave the first of these makes the row: a file that was read
#: says more than an error, an error more than a redirect whose target may be anything.
BEST_FIRST = (
    *(CaptureWord.WITH_RULES, CaptureWord.NO_RULES, CaptureWord.ABSENT, CaptureWord.FORBIDDEN),
    *(CaptureWord.DEFER, CaptureWord.NOT_ROBOTS, CaptureWord.REDIRECT, CaptureWord.NO_CAPTURE),
)
#: With these it is not known what the site allows, so that no agent's access is known.
UNKNOWN = frozenset(
    {
        CaptureWord.NO_CAPTURE,
        CaptureWord.FORBIDDEN,
        CaptureWord.DEFER,
        CaptureWord.REDIRECT,
        CaptureWord.NOT_ROBOTS,
    }
)
