"""Server configuration that adds header fields: ``_headers``, ``.htaccess`` and nginx snippets.

Only lines that add a field are read, and where they hold as far as that can be told from the file
alone. Nothing is executed and no file is included. No I/O. References:
https://docs.netlify.com/routing/headers/, https://httpd.apache.org/docs/2.4/mod/mod_headers.html,
https://nginx.org/en/docs/http/ngx_http_headers_module.html
"""

import re
from collections.abc import Iterator
from fnmatch import translate

import msgspec

from .source import LintSource

#: Lines of one file that are read, characters of one, and blocks that are open at a time.
_MAX_LINES, _LONGEST, _DEEPEST = 20_000, 4_000, 20
_FIELD = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*(.*)")
_HTACCESS = re.compile(
    r"\s*Header\s+(?:always\s+|onsuccess\s+)?(?:set|append|add|merge|setifempty)\s+"
    r"\"?([\w-]+)\"?\s+(\"(?:[^\"\\]|\\.)*\"|\S+)",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\s*<(Files|FilesMatch|IfModule|Directory|\w+)\s+\"?([^\">]*)\"?>", re.IGNORECASE
)
_CLOSE = re.compile(r"\s*</\w+>")
_NGINX = re.compile(
    r"add_header\s+([\w-]+)\s+(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s;]+)\s*(always)?\s*;"
)
_BLOCK = re.compile(r"\s*(?:(server|http|location|if|\w+)\s*([^{;]*))?\{")


class HeaderLine(msgspec.Struct, frozen=True):
    """A line that adds a header field to responses.

    Attributes:
        source: the file.
        line: from 1.
        name: of the field, lower case.
        value: as it is sent.
        block: number of the block in which it stands.
        outer: number of the block around that one; None where there is none.
        pattern: a regular expression of the paths to which it is sent; None where that cannot be
            told from the file.
        always: whether error pages have it, too; None where the file cannot say.
    """

    source: LintSource
    line: int
    name: str
    value: str
    block: int
    outer: int | None
    pattern: str | None
    always: bool | None = None

    @property
    def is_computed(self) -> bool:
        """Whether its value is a variable's, which is known to the running server only."""
        return "$" in self.value or "%{" in self.value

    def is_sent_to(self, path: str) -> bool:
        """Whether responses for a path have it."""
        return self.pattern is not None and re.search(self.pattern, path[:_LONGEST]) is not None


def read_headers(source: LintSource, name: str) -> tuple[HeaderLine, ...]:
    """The lines of a server's configuration that add a field; none where it is another file.

    Args:
        source: the file.
        name: its own name, by which it is told.
    """
    if name == "_headers":
        return tuple(_netlify(source))
    if name == ".htaccess":
        return tuple(_htaccess(source))
    # Snippets of both servers have this name; in nginx no directive is called Header.
    return tuple(_nginx(source)) or tuple(_htaccess(source))


def _lines(source: LintSource) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(source.lines[:_MAX_LINES], 1):
        if not line.lstrip().startswith("#"):
            yield number, line[:_LONGEST]


def _netlify(source: LintSource) -> Iterator[HeaderLine]:
    block, pattern = 0, ""
    for number, line in _lines(source):
        if not line.strip():
            continue
        if not line[0].isspace():
            block += 1
            path = re.sub(r"^https?://[^/]*", "", line.strip())
            parts = re.split(r"(\*|:[A-Za-z]\w*)", path)
            pattern = "^" + "".join(map(_netlify_part, parts)) + r"(?:\?.*)?$"
        elif block and (field := _FIELD.match(line.strip())):
            yield HeaderLine(
                source, number, field[1].lower(), field[2].strip(), block, None, pattern
            )


def _netlify_part(part: str) -> str:
    if part == "*":
        return ".*"
    return "[^/]+" if part.startswith(":") and len(part) > 1 else re.escape(part)


def _htaccess(source: LintSource) -> Iterator[HeaderLine]:
    patterns: list[str | None] = [""]
    blocks, last = [0], 0
    for number, line in _lines(source):
        if _CLOSE.match(line):
            if len(patterns) > 1:
                patterns.pop()
                blocks.pop()
        elif opened := _OPEN.match(line):
            if len(patterns) < _DEEPEST:
                last += 1
                patterns.append(_files(opened[1].lower(), opened[2], patterns[-1]))
                blocks.append(last)
        elif field := _HTACCESS.match(line):
            outer = blocks[-2] if len(blocks) > 1 else None
            value = _unquoted(field[2])
            yield HeaderLine(
                source, number, field[1].lower(), value, blocks[-1], outer, patterns[-1]
            )


def _files(kind: str, argument: str, around: str | None) -> str | None:
    """Which paths a section of an .htaccess is about."""
    if kind == "ifmodule":
        return around
    if around is None:
        return None
    if kind == "files" and not argument.startswith("~"):
        return r"(?:^|/)" + translate(argument).replace(r"\Z", "") + r"(?:\?.*)?$"
    if kind != "filesmatch" or len(argument) > 200 or not _is_plain(argument):
        return None
    return rf"(?:{argument.removesuffix('$')})(?:\?.*)?" + ("$" if argument.endswith("$") else "")


def _is_plain(expression: str) -> bool:
    """Whether a regular expression of a site can be tried without danger: no repeated groups."""
    if re.search(r"\)\s*[*+{]|[*+}]\s*[*+{]|\\\d|\(\?", expression):
        return False
    try:
        re.compile(expression)
    except re.error:
        return False
    return True


def _nginx(source: LintSource) -> Iterator[HeaderLine]:
    patterns: list[str | None] = [""]
    blocks, last = [0], 0
    for number, line in _lines(source):
        code = line.partition(" #")[0]
        for piece in re.findall(r"[^{}]*[{}]|[^{}]+", code):
            if (opened := _BLOCK.fullmatch(piece)) and len(blocks) < _DEEPEST:
                last += 1
                blocks.append(last)
                patterns.append(_location(opened[1] or "", opened[2] or "", patterns[-1]))
                continue
            for field in _NGINX.finditer(piece):
                yield HeaderLine(
                    source,
                    number,
                    field[1].lower(),
                    _unquoted(field[2]),
                    blocks[-1],
                    blocks[-2] if len(blocks) > 1 else None,
                    patterns[-1],
                    field[3] is not None,
                )
            if piece.endswith("}") and len(blocks) > 1:
                blocks.pop()
                patterns.pop()


def _location(kind: str, argument: str, around: str | None) -> str | None:
    """Which paths a block of nginx is about."""
    if kind in ("server", "http"):
        return around
    if kind != "location":
        return None
    words = argument.split()
    if len(words) == 1:
        return "^" + re.escape(words[0])
    if len(words) == 2 and words[0] in ("=", "^~"):
        return "^" + re.escape(words[1]) + (r"(?:\?.*)?$" if words[0] == "=" else "")
    if len(words) == 2 and words[0] in ("~", "~*") and _is_plain(words[1]) and len(words[1]) < 200:
        return ("(?i)" if words[0] == "~*" else "") + words[1]
    return None


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value
