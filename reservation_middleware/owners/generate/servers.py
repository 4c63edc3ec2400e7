"""A folder for each server, platform and framework: a snippet, what to do with it, and ``verify.sh``.

Templates stand in ``templates/``; each value goes through the literal of its language
(``languages.py``). Which of the snippets were run, and with what, is said in each folder's README.
"""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property

import jinja2
import msgspec

from reservation_middleware.owners.intent import SiteIntent

from .heads import Head
from .languages import FILTERS, block
from .read_back import media_type
from .regions import Region
from .server_table import server_folders

#: Header fields that are lists, so that a site may have others of the same name.
LISTS = ("X-Robots-Tag", "Link")
_REQUEST = "%{THE_REQUEST} =~ m#"


class ServedRegion(msgspec.Struct, frozen=True):
    """Header fields and tags of a region, as templates need them."""

    number: int
    region: Region
    fields: tuple[tuple[str, str], ...]
    tags: str
    request_line: str


class HeadField(msgspec.Struct, frozen=True, dict=True):
    """A header field in all regions.

    Attributes:
        name: as it is written.
        rest: its value in the rest of the site, "" for none.
        narrow: for each narrower region its value, "" for none; the longest pattern first.
    """

    name: str
    rest: str
    narrow: tuple[tuple[ServedRegion, str], ...]

    @property
    def is_list(self) -> bool:
        """Whether a site may have other fields of its name."""
        return self.name in LISTS

    @property
    def is_uniform(self) -> bool:
        """Whether it is the same everywhere."""
        return all(value == self.rest for _, value in self.narrow)

    @cached_property
    def expressions(self) -> list[tuple[str, str]]:
        """For each value Apache's expression for the requests that get it."""
        by_value: dict[str, list[str]] = {}
        longer: list[str] = []
        for head, value in self.narrow:
            matches = f"{_REQUEST}{head.request_line}#"
            alone = [matches, *(f"!({other})" for other in longer)]
            by_value.setdefault(value, []).append(" && ".join(alone))
            longer.append(matches)
        by_value.setdefault(self.rest, []).append(" && ".join(f"!({other})" for other in longer))
        return [
            (value, " || ".join(f"({expression})" for expression in expressions))
            for value, expressions in by_value.items()
            if value
        ]


def server_files(
    intent: SiteIntent, heads: Sequence[Head], site: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The files of all server folders, by path in the output folder."""
    served = [
        ServedRegion(
            head.number,
            head.region,
            head.fields,
            head.tags,
            "^[A-Z]+ (?:https?://[^/ ]+)?"
            + head.region.regex("[^ ]*", "(?= HTTP/)").removeprefix("^"),
        )
        for head in heads
    ]
    fields = _fields(served)
    # What is no UTF-8 cannot stand in a program: its server serves it as a file.
    texts = {name: body.decode() for name, body in site.items() if is_utf_8(body)}
    robots_txt = site.get("robots.txt", b"").decode("utf-8-sig", "replace")
    context = {
        "origin": intent.origin,
        "heads": served,
        "narrow": served[:-1],
        "rest": served[-1],
        "fields": fields,
        "lists": LISTS,
        "site": sorted(site),
        "texts": texts,
        "robots_block": block(robots_txt),
        "types": {name: media_type(name) for name in site},
    }
    files: dict[str, bytes] = {}
    for server in server_folders():
        folder = f"servers/{server.name}"
        partial = [field.name for field in fields if not field.is_uniform]
        if server.by_path or server.checks != "headers":
            partial = []
        here = {**context, "server": server, "partial": partial}
        if not server.by_path:
            common = [_common(served)]
            here |= {"heads": common, "narrow": [], "rest": common[0]}
        for file in server.files:
            files[f"{folder}/{file}"] = _render(f"{server.template or server.name}/{file}.j2", here)
        check = {"headers": server.checks == "headers", "tags": server.checks == "tags"}
        files[f"{folder}/verify.sh"] = _render("verify.sh.j2", {**here, **check})
        files[f"{folder}/README.md"] = _render("README.md.j2", here)
    return files


def is_utf_8(body: bytes) -> bool:
    """Whether a file is text in UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _common(heads: Sequence[ServedRegion]) -> ServedRegion:
    """What the regions have in common, for the whole site."""
    rest = heads[-1]
    fields = [field for field in rest.fields if all(field in head.fields for head in heads)]
    lines = [
        line
        for line in rest.tags.splitlines()
        if all(line in head.tags.splitlines() for head in heads)
    ]
    return msgspec.structs.replace(
        rest, fields=tuple(fields), tags="".join(f"{line}\n" for line in lines)
    )


def _cloudflare(head: ServedRegion, narrow: Sequence[ServedRegion]) -> str:
    """Cloudflare's expression for the requests of a region."""

    def matches(other: ServedRegion) -> str:
        pattern = other.region.pattern
        whole = pattern.removesuffix("$") if pattern.endswith("$") else f"{pattern}*"
        return f'raw.http.request.uri strict wildcard r"{whole}"'

    longer = [other for other in narrow if not head.number or other.number < head.number]
    parts = [matches(head)] if head.number else []
    parts += [f"not ({matches(other)})" for other in longer]
    return " and ".join(parts) or "true"


def _fields(heads: Sequence[ServedRegion]) -> list[HeadField]:
    """The header fields of all regions, each once."""
    values = [dict(head.fields) for head in heads]
    names = dict.fromkeys(name for found in values for name in found)
    return [
        HeadField(
            name,
            values[-1].get(name, ""),
            tuple(
                (head, found.get(name, ""))
                for head, found in zip(heads[:-1], values[:-1], strict=True)
            ),
        )
        for name in names
    ]


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - each value is written as a literal of its language
    )
    environment.filters.update({**FILTERS, "cloudflare": _cloudflare})
    return environment


def _render(template: str, context: Mapping[str, object]) -> bytes:
    return _environment().get_template(template).render(context).encode()
