"""The metadata stream and the C2PA manifest store of a PDF, through qpdf with bounds.

Reference: ISO 32000-2, metadata streams and associated files.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from threading import Lock
from typing import Any

#: Bytes that one stream may unpack to; a file that needs longer ones to be found its way in
#: is not read.
LONGEST_STREAM = 16 * 1024 * 1024
_LONGEST_PACKET = 4 * 1024 * 1024
#: Associated files that are looked at.
_MOST_FILES = 100
_LIMITS = {
    "flate_max_memory": LONGEST_STREAM,
    "png_max_memory": LONGEST_STREAM,
    "tiff_max_memory": LONGEST_STREAM,
    "run_length_max_memory": LONGEST_STREAM,
    "dct_max_memory": LONGEST_STREAM,
    "doc_max_warnings": 100,
    "max_stream_filters": 2,
}
_ONE = Lock()
_LOGGER = logging.getLogger("pikepdf._core")  # which qpdf's warnings go to
# qpdf unpacks LZW without bounds. It does so only for streams that tell where objects are, so
# the two names together are refused, however they are escaped (ISO 32000-2, name objects).
_LZW = re.compile(rb"/(?:L|#4[cC])(?:Z|#5[aA])(?:W|#57)")
_XREF = re.compile(rb"/(?:X|#58)(?:R|#52)(?:e|#65)(?:f|#66)")


def read(body: bytes, problems: list[str]) -> tuple[list[bytes], list[bytes]]:
    """XMP packets of the document itself, not of pictures in it; and manifest stores."""
    if _LZW.search(body) and _XREF.search(body):
        problems.append("a PDF that may keep its index in LZW")
        return [], []
    try:
        import pikepdf  # noqa: PLC0415 - only whoever meets a PDF pays for it
    except (ImportError, OSError):  # pragma: no cover - a build that does not run here
        problems.append("the PDF library does not start")
        return [], []
    try:
        with _bounded(pikepdf):
            packets, stores = _streams(pikepdf, body)
    except Exception as error:  # noqa: BLE001 - qpdf and its binding have many
        problems.append(f"a PDF that cannot be read: {_words(error)}")
        return [], []
    if any(len(packet) > _LONGEST_PACKET for packet in packets):
        problems.append("the metadata of the PDF are too long")
        return [], stores
    return packets, stores


@contextmanager
def _bounded(pikepdf: Any) -> Iterator[None]:
    """The library with limits, which are the process's: one file at a time, then as before.

    Meanwhile it does not log: what a site's file lacks is a note of ours and no error of
    whoever runs the crawl.
    """
    with _ONE:
        before, disabled = pikepdf.settings.set_qpdf_limits(**_LIMITS), _LOGGER.disabled
        _LOGGER.disabled = True
        try:
            yield
        finally:
            _LOGGER.disabled = disabled
            pikepdf.settings.set_qpdf_limits(**before)


def _streams(pikepdf: Any, body: bytes) -> tuple[list[bytes], list[bytes]]:
    # A search for the objects of a damaged file may take minutes.
    with pikepdf.open(BytesIO(body), inherit_page_attributes=False, attempt_recovery=False) as pdf:
        metadata = pdf.Root.get("/Metadata")
        stores = []
        files = pdf.Root.get("/AF")
        for file in list(files)[:_MOST_FILES] if isinstance(files, pikepdf.Array) else ():
            if not isinstance(file, pikepdf.Dictionary):
                continue
            if file.get("/AFRelationship") != pikepdf.Name("/C2PA_Manifest"):
                continue
            embedded = file.get("/EF")
            store = embedded.get("/F") if isinstance(embedded, pikepdf.Dictionary) else None
            if isinstance(store, pikepdf.Stream):
                stores.append(_content(pikepdf, store))
        if not isinstance(metadata, pikepdf.Stream):
            return [], stores
        return [_content(pikepdf, metadata)], stores


def _content(pikepdf: Any, stream: Any) -> bytes:
    filters = stream.get("/Filter")
    names = list(filters) if isinstance(filters, pikepdf.Array) else [filters]
    if any(name is not None and str(name) != "/FlateDecode" for name in names[:3]):
        raise ValueError("metadata with a filter that is not read")
    return bytes(stream.read_bytes())


def _words(error: BaseException) -> str:
    text = re.sub(r"^stream <[^>]*>(?: \([^)]*\))?: ", "", str(error))
    return " ".join(text.split())[:120] or type(error).__name__
