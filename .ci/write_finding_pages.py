"""Writes docs/findings: a page for each kind of finding, from its declaration, and their list.

    python .ci/write_finding_pages.py            # writes
    python .ci/write_finding_pages.py --check    # 1 if a page is not current

Kinds that are notes of the core get their example from the first vector that emits them.
docs/findings/README.md is written by hand, up to the mark below which the list stands.
"""

import json
import sys
from pathlib import Path

from reservation_middleware.owners.lint.finding import FindingKind
from reservation_middleware.owners.lint.pages import explanation
from reservation_middleware.owners.lint.registry import kinds

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "findings"
MARK = "<!-- The list below is written by .ci/write_finding_pages.py. -->\n"
#: Characters of an example.
_LONGEST = 1500


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    examples = _examples()
    return {f"{ident}.md": _page(kind, examples.get(ident, "")) for ident, kind in kinds().items()}


def listed() -> str:
    """The list of all kinds, as it stands in the README."""
    lines = [MARK, "| finding | level | confidence | |", "| --- | --- | --- | --- |"]
    for ident, kind in sorted(kinds().items()):
        summary = kind.summary.replace("{}", "…").replace("|", "\\|")
        lines.append(f"| [`{ident}`]({ident}.md) | {kind.level} | {kind.confidence} | {summary} |")
    return "\n".join(lines) + "\n"


def _page(kind: FindingKind, example: str) -> str:
    text = explanation(kind)
    if example and not kind.before:
        before, mark, after = text.partition("## What to do")
        text = f"{before}## Example\n\n{example}\n{mark}{after}"
    return text


def _examples() -> dict[str, str]:
    """Of each note the documents of the first vector that emits it."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "spec" / "vectors").glob("*.json")):
        for vector in json.loads(file.read_text("utf-8"))["vectors"]:
            for ident in vector["expect"].get("notes", ()):
                if ident not in found:
                    found[ident] = _documents(vector["input"]["documents"], vector["id"])
    return found


def _documents(documents: list[dict[str, object]], vector: str) -> str:
    parts = []
    for document in documents:
        lines = [f"# {document['url']}"]
        if "status" in document and document["status"] != 200:
            lines.append(f"HTTP {document['status']}")
        if "outcome" in document:
            lines.append(f"({document['outcome']})")
        headers = document.get("headers", [])
        assert isinstance(headers, list)
        lines += [f"{name}: {value}" for name, value in headers]
        body = document.get("body", "")
        if isinstance(body, str) and body:
            lines += ["", body.rstrip("\n")]
        elif body:
            lines += ["", "(octets)"]
        parts.append("\n".join(lines))
    text = "\n\n".join(parts)
    shown = "".join(c if c.isprintable() or c == "\n" else f"\\u{ord(c):04x}" for c in text)
    cut = shown[:_LONGEST] + ("\n…" if len(shown) > _LONGEST else "")
    trimmed = "\n".join(line.rstrip() for line in cut.splitlines())
    fence = "`" * 4
    return f"From the vector `{vector}`:\n\n{fence}text\n{trimmed}\n{fence}\n"


def stale() -> list[str]:
    """Names of pages that are missing, not current, or of no finding."""
    wanted = pages()
    there = {path.name for path in FOLDER.glob("*.md")} - {"README.md"}
    readme = FOLDER / "README.md"
    found = [
        name
        for name, text in wanted.items()
        if name not in there or (FOLDER / name).read_text("utf-8") != text
    ]
    found += sorted(there - wanted.keys())
    if not readme.exists() or not readme.read_text("utf-8").endswith(listed()):
        found.append("README.md")
    return found


def main() -> int:
    """Write or check the pages."""
    if "--check" in sys.argv:
        for name in stale():
            print(f"not current: docs/findings/{name}", file=sys.stderr)
        return 1 if stale() else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in wanted and path.name != "README.md":
            path.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")
    readme = FOLDER / "README.md"
    before = readme.read_text("utf-8").partition(MARK)[0] if readme.exists() else "# Findings\n\n"
    readme.write_text(before + listed(), "utf-8")
    print(f"{len(wanted)} pages in {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
