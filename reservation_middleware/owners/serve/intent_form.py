"""The intent editor: from the fields of a form to an intent, its files, and a zip of them."""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from reservation_middleware.model import LEAVES, Preference
from reservation_middleware.owners.generate import Generated, generate
from reservation_middleware.owners.generate.writable import check_writable
from reservation_middleware.owners.intent import SiteIntent, intent_of
from reservation_middleware.report.words import VALUES as VALUE_WORDS

#: Uses, with their names for people, as the editor asks for them.
USES = (
    ("search", "To be found by search engines"),
    ("ai-index", "In an index for AI search"),
    ("ai-input", "As input of AI answers"),
    ("ai-train", "To train AI models"),
    ("tdm", "Other text and data mining"),
)
VALUES = (
    ("unsaid", "not said"),
    ("yes", "yes"),
    ("no", "no"),
    ("licence", "no, but for a licence"),
)
_FIRST = {"search": "yes", "ai-input": "no", "ai-train": "no", "tdm": "no"}
_PATHS = (1, 2, 3)
_KINDS = {Preference.ALLOWED: "yes", Preference.DISALLOWED: "no", Preference.UNKNOWN: "dim"}
#: Crawlers of one form, and characters of a file that are shown.
_MOST_CRAWLERS, _SHOWN = 40, 20_000
FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("site", "contact", "express", "refused", "welcome", "robots"), ""),
    **dict.fromkeys(("policy", "amount", "currency", "per"), ""),
    **{f"use-{name}": _FIRST.get(name, "unsaid") for name, _ in USES},
    **{f"path-{number}": "" for number in _PATHS},
    **{f"path-use-{number}": "ai-train" for number in _PATHS},
    **{f"path-value-{number}": "yes" for number in _PATHS},
}


def filled(given: Mapping[str, str]) -> dict[str, str]:
    """All fields of the form: those given, else as it is at first; ``express`` only if given."""
    if not given:
        return dict(FIELDS)
    return {name: given.get(name, "").strip() or first for name, first in FIELDS.items()}


def tables(form: Mapping[str, str]) -> dict[str, Any]:
    """The tables of an intent file that say what a form says.

    Raises:
        ValueError: more crawlers are named than a form may name.
    """
    site = form["site"].rstrip("/")
    found: dict[str, Any] = {"site": site if "://" in site or not site else f"https://{site}"}
    if form["contact"]:
        mail = "@" in form["contact"] and ":" not in form["contact"]
        found["contact"] = f"mailto:{form['contact']}" if mail else form["contact"]
    if form["express"]:
        found["express_reservation"] = True
    found["use"] = {
        name: form[f"use-{name}"] for name, _ in USES if form[f"use-{name}"] != "unsaid"
    }
    paths: dict[str, dict[str, str]] = {}
    for number in _PATHS:
        if match := form[f"path-{number}"]:
            use = form[f"path-use-{number}"]
            paths.setdefault(match, {})[use] = form[f"path-value-{number}"]
    if paths:
        found["path"] = [{"match": match, "use": use} for match, use in paths.items()]
    agents = [
        {"token": token, "crawl": crawl}
        for name, crawl in (("refused", "no"), ("welcome", "yes"))
        for token in form[name].replace(",", "\n").split()
    ]
    if len(agents) > _MOST_CRAWLERS:
        raise ValueError(f"at most {_MOST_CRAWLERS} crawlers can be named here")
    if agents:
        found["agent"] = agents
    if form["policy"] or form["amount"]:
        found["licence"] = {"policy": form["policy"]} if form["policy"] else {}
        if form["amount"]:
            price = {"amount": form["amount"], "currency": form["currency"] or "EUR"}
            found["licence"]["price"] = price | ({"per": form["per"]} if form["per"] else {})
    return found


def written(form: Mapping[str, str]) -> tuple[SiteIntent, Generated]:
    """The intent of a form, and what says it.

    Raises:
        ConfigurationError: the intent is none, or contradicts itself; one line.
        ValueError: more crawlers are named than a form may name.
    """
    meant = intent_of(tables(form), "The form")
    check_writable(meant, "The form")
    existing = {"robots.txt": form["robots"].encode()} if form["robots"] else {}
    found = generate(meant, existing)
    return meant, found


def toml(form: Mapping[str, str]) -> str:
    """The intent file of a form; a string of JSON without controls is one of TOML."""
    found = tables(form)
    lines = [f"{key} = {_toml(value)}" for key, value in found.items() if _is_plain(value)]
    lines += ["", "[use]", *(f"{use} = {_toml(value)}" for use, value in found["use"].items())]
    for name in ("path", "agent"):
        for entry in found.get(name, ()):
            lines += ["", f"[[{name}]]", *(f"{key} = {_toml(entry[key])}" for key in entry)]
    if licence := found.get("licence"):
        lines += ["", "[licence]", *(f"{key} = {_toml(licence[key])}" for key in licence)]
    return "\n".join(lines) + "\n"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | bool)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(entry)}' for key, entry in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class ReadRow(NamedTuple):
    """One use on some paths: what was meant, what the site says now, and what it will say.

    Attributes:
        use: the leaf.
        meant: in words.
        before: in words.
        now: in words; with a star where it is implied, with a cross where it was meant otherwise.
        kind: how it is shown.
    """

    use: str
    meant: str
    before: str
    now: str
    kind: str


def matrix(found: Generated) -> dict[str, list[ReadRow]]:
    """What is read, by path; the rest of the site last."""
    order = {leaf: number for number, leaf in enumerate(LEAVES)}
    by_path: dict[str, list[ReadRow]] = {}
    for row in sorted(found.rows, key=lambda row: (not row.path, row.path, order[row.leaf])):
        implied = row.implied and row.after is not Preference.UNKNOWN
        by_path.setdefault(row.path or "Everywhere else", []).append(
            ReadRow(
                row.leaf,
                row.meant if row.meant not in (None, "unsaid") else "not said",
                VALUE_WORDS[row.before],
                VALUE_WORDS[row.after] + ("*" if implied else "" if row.survived else " ✕"),
                _KINDS[row.after],
            )
        )
    return {"Everywhere": next(iter(by_path.values()))} if len(by_path) == 1 else by_path


def shown_files(found: Generated, intent_file: str) -> Iterable[tuple[str, str, bool]]:
    """Names and texts of the files, those to publish first and open."""
    yield "intent.toml", intent_file, False
    places = ("site/", "html/", "servers/")
    names = [name for name in found.files if name.startswith(places)]
    for name in sorted(names, key=lambda name: (places.index(f"{name.split('/')[0]}/"), name)):
        text = found.files[name].decode("utf-8", "replace")
        cut = "\n…" if len(text) > _SHOWN else ""
        yield name, text[:_SHOWN] + cut, name.startswith("site/")


def zipped(found: Generated, intent_file: str) -> bytes:
    """All files in a zip, scripts with the right to run."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted({**found.files, "intent.toml": intent_file.encode()}.items()):
            entry = zipfile.ZipInfo(f"reservations/{name}")
            entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, body)
    return out.getvalue()
