"""Values as literals of the languages that snippets are written in, so that none can break out.

A function takes any text and returns a literal with its quotes; what a language has no way to write
raises. ``writable.py`` keeps such values out beforehand.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from html import escape


def javascript(text: str) -> str:
    """A string of JavaScript that may stand in a script element, too."""
    return re.sub(r"[<>&\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text))


def python(text: str) -> str:
    """A string of Python in ASCII."""
    return ascii(text)


def php(text: str) -> str:
    """A single-quoted string of PHP, in which only backslash and quote mean something."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def nginx(text: str) -> str:
    """A quoted parameter of nginx, which has no way to write a dollar where variables may stand.

    Raises:
        ValueError: there is a dollar or a control character.
    """
    return _quoted(text, "$")


def nginx_regex(text: str) -> str:
    """A quoted regular expression of nginx; a dollar means the end there.

    Raises:
        ValueError: there is a control character.
    """
    return _quoted("~" + text, "")


def apache(text: str) -> str:
    """A quoted value of Apache's Header directive, in which % begins a format.

    Raises:
        ValueError: there is ``${``, by which a variable begins, or a control character.
    """
    if "${" in text:
        raise ValueError(f"no way to write {text!r}")
    return _quoted(text.replace("%", "%%"), "")


def apache_plain(text: str) -> str:
    """A quoted parameter of Apache without formats.

    Raises:
        ValueError: as ``apache``.
    """
    if "${" in text:
        raise ValueError(f"no way to write {text!r}")
    return _quoted(text, "")


def caddy(text: str) -> str:
    """A literal token of a Caddyfile, in backquotes; braces begin placeholders.

    Raises:
        ValueError: there is a backquote, a brace or a control character.
    """
    if re.search(r"[`{}]", text) or not text.isprintable():
        raise ValueError(f"no way to write {text!r}")
    return f"`{text}`"


def line(text: str) -> str:
    """A value where the line's end is the only end.

    Raises:
        ValueError: there is a control character.
    """
    if not text.isprintable():
        raise ValueError(f"no way to write {text!r}")
    return text


def block(text: str) -> str:
    """The lines between the markers of a file, with the markers; "" where there are none."""
    found = re.search(
        r"^# BEGIN reservations.*?^# END reservations\n?", text, re.DOTALL | re.MULTILINE
    )
    return found[0] if found else ""


def _quoted(text: str, barred: str) -> str:
    if not text.isprintable() or any(character in text for character in barred):
        raise ValueError(f"no way to write {text!r}")
    return '"' + re.sub(r'\\(?=\\|"|$)|"', r"\\\g<0>", text) + '"'


FILTERS: Mapping[str, Callable[[str], str]] = {
    "javascript": javascript,
    "python": python,
    "php": php,
    "nginx": nginx,
    "nginx_regex": nginx_regex,
    "apache": apache,
    "apache_plain": apache_plain,
    "caddy": caddy,
    "sh": shlex.quote,
    "json": json.dumps,
    "line": line,
    "html": escape,
}
