"""The table of servers, platforms and frameworks that get a folder: what is in it, what to do.

``status`` says what was run by this project's tests, and with what; nothing else is claimed.
"""

from typing import Literal

import msgspec

NOT_RUN = "*Not run*: its form was parsed by this project's tests, no server has run it."


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A folder under ``servers/``.

    Attributes:
        name: of the folder.
        title: for people.
        files: what is in it beside README.md and verify.sh.
        steps: what to do.
        status: what was run.
        notes: what else one should know.
        checks: what verify.sh looks for beside the files.
        by_path: whether header fields may differ from path to path.
        template: the folder of its templates, its name if empty.
    """

    name: str
    title: str
    files: tuple[str, ...]
    steps: tuple[str, ...]
    status: str = NOT_RUN
    notes: tuple[str, ...] = ()
    checks: Literal["headers", "tags", ""] = "headers"
    by_path: bool = True
    template: str = ""


_VERIFY = "Look what is served: `sh verify.sh https://YOUR-SITE /a-page /a-redirect /an-image.jpg /not-there`."
_PUBLISH = (
    "Copy all of `site/` into the folder that is published, with the dot folder `.well-known`."
)

SERVERS: tuple[Server, ...] = (
    Server(
        name="nginx",
        title="nginx",
        files=("http.conf", "headers.conf", "more.conf", "files.conf"),
        steps=(
            "`mkdir -p /etc/nginx/reservations && cp -r ../../site headers.conf more.conf files.conf /etc/nginx/reservations/`",
            "`cp http.conf /etc/nginx/conf.d/reservations.conf`",
            "In the `server` block: `include /etc/nginx/reservations/headers.conf;` and `include /etc/nginx/reservations/files.conf;`",
            "In each `location` that has an `add_header` of its own: `include /etc/nginx/reservations/headers.conf;` again. nginx forgets the outer fields there. `nginx -T | grep -n add_header` finds them.",
            "`nginx -t && systemctl reload nginx`",
            _VERIFY,
        ),
        status="Run by this project's tests with Debian's nginx 1.22, `headers.conf` and `more.conf` (headers-more 0.34).",
        notes=(
            "With the module headers-more (Debian: `apt-get install libnginx-mod-http-headers-more-filter`) include `more.conf` instead of `headers.conf`, once: inner blocks keep its fields.",
            "Where the server has a `location = /robots.txt` already, take it out: `files.conf` has one.",
            "A proxied application that sends one of these fields itself sends it beside ours: `proxy_hide_header NAME;`.",
        ),
    ),
    Server(
        name="apache",
        title="Apache",
        files=("reservations.conf",),
        steps=(
            "`a2enmod headers && cp reservations.conf /etc/apache2/reservations.conf`",
            "In the virtual host: `Include /etc/apache2/reservations.conf` (or append the file to `.htaccess`).",
            _PUBLISH + " A rule that forbids dot folders must let `.well-known` through.",
            "`apachectl configtest && systemctl reload apache2`",
            _VERIFY,
        ),
        status="Run by this project's tests with Debian's Apache 2.4.",
    ),
    Server(
        name="caddy",
        title="Caddy",
        files=("reservations.caddy",),
        steps=(
            "`cp reservations.caddy /etc/caddy/`",
            "At the top of the Caddyfile `import reservations.caddy`, in the site's block `import reservations`.",
            _PUBLISH,
            "`caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile && systemctl reload caddy`",
            _VERIFY,
        ),
        status="Run by this project's tests with Debian's Caddy 2.6.",
    ),
)
