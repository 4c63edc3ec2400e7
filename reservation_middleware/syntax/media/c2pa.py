"""Assertions about training and mining of a file's active C2PA manifest.

The library parses and verifies a store that was found and looked through here before
(``jumbf``), so that it never reads one that it found itself. Nothing is fetched: no remote
manifest, no revocation, no time stamp. Reference: https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import msgspec

from . import jumbf

#: Labels of the assertion, without the number that a second one of its kind gets.
LABELS = (
    *("cawg.training-mining", "c2pa.training-mining"),
    "cawg.ai_training_and_data_mining",  # of released SDKs, in no text
)
_TYPES = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "tiff": "image/tiff",
    # A store beside the file: the library's own PDF reader unpacks every object stream, and
    # hashes of a PDF are of its bytes.
    "pdf": "application/c2pa",
}
_SETTINGS = {
    "verify": {
        "verify_after_reading": True,
        "remote_manifest_fetch": False,
        "ocsp_fetch": False,
    },
    "core": {"decode_identity_assertions": False, "allowed_network_hosts": []},
}
#: Entries under names of somebody's own that are kept, and what else is told of one assertion. How
#: many assertions and entries there are is bounded by ``_jumbf``.
_MOST_OWN, _MOST_UNREAD, _LONGEST = 64, 8, 1_000
_RESERVED = ("cawg.", "c2pa.")
#: Bytes of a manifest store as JSON.
_LONGEST_JSON = 8 * 1024 * 1024

Entries = dict[str, tuple[str, str]]
#: Label, entries, whether the manifest was verified, what is no entry, names of bare entries.
Found = tuple[str, Entries, bool, tuple[str, ...], frozenset[str]]


def claims(body: bytes, kind: str, stores: Sequence[bytes], problems: list[str]) -> list[Found]:
    """What each assertion says.

    Args:
        body: the file.
        kind: of the file.
        stores: its manifest stores; more than one are as bad as none.
        problems: gets what cannot be read.
    """
    if not stores:
        return []
    if len(stores) > 1:
        problems.append("several manifest stores")
        return []
    try:
        jumbf.check(stores[0])
        store = _read(body, _TYPES[kind], stores[0])
    except Exception as error:  # noqa: BLE001 - a native library's, and those of its binding
        problems.append(" ".join(str(error).split())[:120] or type(error).__name__)
        return []
    if not isinstance(store, dict):
        return []
    valid = store.get("validation_state") in ("Valid", "Trusted")
    manifests = store.get("manifests")
    active = manifests.get(store.get("active_manifest")) if isinstance(manifests, dict) else None
    assertions = active.get("assertions") if isinstance(active, dict) else None
    found: list[Found] = []
    for assertion in assertions if isinstance(assertions, list) else ():
        label = assertion.get("label") if isinstance(assertion, dict) else None
        label = label.partition("__")[0] if isinstance(label, str) else ""
        if label in LABELS:
            entries, unread, bare = _entries(assertion.get("data"))
            found.append((label, entries, valid, tuple(unread[:_MOST_UNREAD]), bare))
    return found


def _read(body: bytes, media_type: str, store: bytes) -> Any:
    import c2pa  # type: ignore[import-untyped]  # noqa: PLC0415 - only who meets a manifest pays

    # Made each time, which takes a tenth of a reading: a context that was made before a fork
    # is refused after it.
    with (
        c2pa.Settings.from_dict(_SETTINGS) as settings,
        c2pa.Context(settings) as context,
        c2pa.Reader(media_type, BytesIO(body), manifest_data=store, context=context) as reader,
    ):
        text = reader.json()
    if len(text) > _LONGEST_JSON:
        raise ValueError("a manifest that is too long")
    return msgspec.json.decode(text)


def _entries(data: object) -> tuple[Entries, list[str], frozenset[str]]:
    """Use and constraint by entry, what is none, and the names of entries that are a use alone.

    An early text had no ``entries`` around them.
    """
    entries = data.get("entries", data) if isinstance(data, dict) else None
    if not isinstance(entries, dict):
        return {}, ["an assertion whose entries are no map"], frozenset()
    found: Entries = {}
    unread: list[str] = []
    bare: set[str] = set()
    own = 0
    for name, entry in entries.items():
        if isinstance(entry, str) and name.startswith(_RESERVED):
            found[name[:_LONGEST]] = entry[:_LONGEST], ""
            bare.add(name[:_LONGEST])
            continue
        if not isinstance(entry, dict):
            if name != "metadata" or entries is not data:
                unread.append(f"{name[:100]}: no map")
            continue
        if not name.startswith(_RESERVED):
            own += 1
            if own > _MOST_OWN:
                unread.append(name[:100])
                continue
        use = entry.get("use")
        # CDDL and prose do not agree on the name.
        why = entry.get("constraint_info") or entry.get("constraints_info")
        found[str(name)[:_LONGEST]] = (
            use[:_LONGEST] if isinstance(use, str) else "",
            why[:_LONGEST] if isinstance(why, str) else "",
        )
    return found, unread, frozenset(bare)
