"""RSL documents: contents with their licences, as written, and what is wrong with them.

Here: the XML vocabulary of RSL 1.0 (``document.py``), and how it is read (``reader.py``, which needs
lxml and is imported where a document is met). Not here: which content matches a page, or what a
licence amounts to for somebody.
Reference: https://rslstandard.org/rsl
"""

from .document import (
    FREE,
    GEO,
    LIMIT,
    MAX_CONTENTS,
    MEDIA_TYPE,
    NAMESPACE,
    USAGE,
    USER,
    Fault,
    License,
    RslContent,
    RslDocument,
    RslPayment,
)

__all__ = [
    "FREE",
    "GEO",
    "LIMIT",
    "MAX_CONTENTS",
    "MEDIA_TYPE",
    "NAMESPACE",
    "USAGE",
    "USER",
    "Fault",
    "License",
    "RslContent",
    "RslDocument",
    "RslPayment",
]
