"""``--fix``: edits of findings, made only where the effects change as the finding says.

Each fix is tried by itself: the site is read again with the edit, and every cell of the effect
matrix that changes must be one that the fix names. No I/O but ``write``.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from .effects import Change, EffectCell, Matrix, agents_of, changes, matrix, paths_of
from .finding import Confidence, Edit, Finding, Fix
from .places import LintedSite
from .source import LintSource

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
#: Cells that are asked for one file: of larger ones fewer paths are looked at.
_MOST_CELLS = 60_000


class Mended(msgspec.Struct, frozen=True):
    """What became of the fixes of one site.

    Attributes:
        places: the site, mended.
        bodies: new octets by source.
        done: findings that were mended.
        refused: findings whose fix would change something else, each with the first such cell.
        changes: cells that are others now.
    """

    places: LintedSite
    bodies: tuple[tuple[LintSource, bytes], ...]
    done: tuple[Finding, ...]
    refused: tuple[tuple[Finding, Change], ...]
    changes: tuple[Change, ...]


def mend(places: LintedSite, findings: Iterable[Finding], *, up_to: Confidence) -> Mended:
    """Try the fixes of findings, one after the other, from the last line up.

    Args:
        places: the site.
        findings: what was found in it.
        up_to: fixes of this confidence, and of higher, are made.
    """
    allowed = (Confidence.CERTAIN,) if up_to is Confidence.CERTAIN else tuple(Confidence)[:2]
    wanted = [
        finding
        for finding in findings
        if finding.fix is not None and finding.source.file and finding.kind.confidence in allowed
    ]
    wanted.sort(key=lambda finding: (finding.source.name, -(finding.line or 0)))
    if not wanted:
        return Mended(places, (), (), (), ())
    current, done, refused = places, [], []
    agents, before = _asked(places)
    first, paths = before, tuple(dict.fromkeys(cell.path for cell in before))
    taken: dict[str, int] = {}
    for finding in wanted:
        fix = finding.fix
        assert fix is not None
        name = finding.source.name
        # An edit that reaches into lines that were edited already waits for the next run.
        if max(edit.end for edit in fix.edits) > taken.get(name, 1 << 60):
            continue
        source = next(s for s in current.all_sources if s.name == name)
        body = edited(source.body, fix.edits)
        tried = _with_body(current, source, body)
        both = tuple(dict.fromkeys((*agents, *agents_of(tried))))
        if len(both) > len(agents):
            agents, before = both, matrix(current, both, paths)
            first = {**matrix(places, both, paths)}
        after = matrix(tried, agents, paths)
        wrong = next((c for c in changes(before, after) if not _is_named(fix, c.cell)), None)
        if wrong is not None:
            refused.append((finding, wrong))
            continue
        current, before = tried, after
        done.append(finding)
        taken[name] = min(edit.start for edit in fix.edits)
    names = {finding.source.name for finding in done}
    bodies = tuple((source, source.body) for source in current.all_sources if source.name in names)
    return Mended(current, bodies, tuple(done), tuple(refused), changes(first, before))


def _asked(places: LintedSite) -> tuple[tuple[str, ...], Matrix]:
    agents = agents_of(places)
    paths = paths_of(places)
    paths = paths[: max(3, _MOST_CELLS // (7 * len(agents)))]
    return agents, matrix(places, agents, paths)


def _is_named(fix: Fix, cell: EffectCell) -> bool:
    """Whether a fix says that a cell may change."""
    return cell.use in fix.uses and (fix.agents is None or cell.agent in fix.agents)


def edited(body: bytes, edits: Sequence[Edit]) -> bytes:
    """A file with some of its lines replaced; the line ends of the others stay as they are."""
    lines = [match[0] for match in _LINE.finditer(body)]
    usual = next(
        (end for end in (b"\r\n", b"\n", b"\r") if lines and lines[0].endswith(end)), b"\n"
    )
    for edit in sorted(edits, key=lambda edit: -edit.start):
        new = [line.encode() + usual for line in edit.lines]
        if edit.start > len(lines) and lines and not lines[-1].endswith((b"\n", b"\r")):
            lines[-1] += usual
        lines[edit.start - 1 : edit.end - 1] = new
    return b"".join(lines)


def _with_body(places: LintedSite, source: LintSource, body: bytes) -> LintedSite:
    """A site in which one document is another one."""

    def changed(other: LintSource) -> LintSource:
        if other.name != source.name:
            return other
        document = msgspec.structs.replace(other.document, body=body)
        return msgspec.structs.replace(other, document=document)

    return msgspec.structs.replace(
        places,
        resources=tuple(map(changed, places.resources)),
        pages=tuple(map(changed, places.pages)),
    )


def diff(places: LintedSite, mended: Mended) -> str:
    """What changed in the files, as a unified diff."""
    old = {source.name: source for source in places.all_sources}
    lines: list[str] = []
    for source, body in mended.bodies:
        before = old[source.name].body.decode("utf-8", "backslashreplace").splitlines(keepends=True)
        after = body.decode("utf-8", "backslashreplace").splitlines(keepends=True)
        lines.extend(
            line if line.endswith("\n") else line + "\n"
            for line in difflib.unified_diff(before, after, source.name, source.name)
        )
    return "".join(lines)


def effects(mended: Mended) -> str:
    """What changed for agents, in a line for all paths of an agent that changed alike."""
    if not mended.done:
        return ""
    if not mended.changes:
        return "effects: none; what each crawler may do is as it was\n"
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for cell, before, after in mended.changes:
        alike.setdefault((cell.path, cell.use, _word(before), _word(after)), []).append(cell.agent)
    lines = ["effects:"]
    for (path, use, before, after), agents in list(alike.items())[:_MOST_LINES]:
        names = ", ".join(agents[:5]) + (f" and {len(agents) - 5} more" if len(agents) > 5 else "")
        lines.append(f"  {path}  {use}: {before} -> {after}  ({names})")
    if len(alike) > _MOST_LINES:
        lines.append(f"  … and {len(alike) - _MOST_LINES} more")
    return "\n".join(lines) + "\n"


_MOST_LINES = 40
_WORDS = {"allowed": "yes", "disallowed": "no", "unknown": "not said"}


def _word(value: str) -> str:
    return _WORDS.get(value, value)


def write(mended: Mended) -> list[Path]:
    """Write the mended files; a file that is not a plain one any more is left alone.

    Raises:
        OSError: it cannot be written.
    """
    written = []
    for source, body in mended.bodies:
        file = source.file
        if file is None or not file.is_file():
            continue
        draft = file.with_name(f".{file.name[:200]}.new")
        draft.write_bytes(body)
        draft.chmod(file.stat().st_mode & 0o777)
        draft.replace(file)
        written.append(file)
    return written
