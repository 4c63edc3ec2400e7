"""Names of works and of people in schemes that are resolved elsewhere: DOI, ISNI, ISCC.

As an address of their resolver, with the scheme before them or bare; what is not wholly
one of them is none.

References: https://www.doi.org/doi-handbook/, https://isni.org/, ISO 24138 (ISCC)
"""

import re
from collections.abc import Iterator

_SCHEMES = (
    (
        "doi",
        r"(?i)(?:doi:\s*|https?://(?:dx\.|www\.)?doi\.org/)?(10\.[0-9]{4,9}/\S{1,300})",
    ),
    (
        "isni",
        r"(?i)(?:isni:?\s*|https?://(?:www\.)?isni\.org/(?:isni/)?)((?:[0-9]{4}\s?){3}[0-9]{3}[0-9X])/?",
    ),
    ("iscc", r"(?i)(ISCC:[A-Z2-7]{10,80})"),
)


def identified(value: str) -> Iterator[tuple[str, str]]:
    """The scheme and the bare name that a value is, without spaces; at the most one."""
    value = value.strip()
    if len(value) > 500:
        return
    for scheme, pattern in _SCHEMES:
        found = re.fullmatch(pattern, value)
        if found:
            yield scheme, "".join(found[1].split())
            return
