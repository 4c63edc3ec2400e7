"""The table of servers, platforms and frameworks that get a folder: what is in it, what to do.

``status`` says what was run by this project's tests, and with what; nothing else is claimed.
"""

from typing import Literal

import msgspec

NOT_RUN = "*Not run*: its form was parsed by this project's tests, no server has run it."


class ServerFolder(msgspec.Struct, frozen=True, kw_only=True):
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

SERVERS: tuple[ServerFolder, ...] = (
    ServerFolder(
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
            "With the module headers-more (Debian: `apt-get install libnginx-mod-http-headers-more-filter`) include `more.conf` instead of `headers.conf`, once: inner blocks keep its fields. Of several `Link` or `X-Robots-Tag` fields of a proxied application nginx before 1.23 keeps the first.",
            "Where the server has a `location = /robots.txt` already, take it out: `files.conf` has one.",
            "An application that sends Content-Usage, Content-Signal or tdm-reservation itself sends it beside ours: `proxy_hide_header NAME;`, or `more.conf`, which takes its place.",
        ),
    ),
    ServerFolder(
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
    ServerFolder(
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
    ServerFolder(
        name="netlify",
        title="Netlify",
        template="headers-file",
        files=("_headers",),
        by_path=False,
        steps=(
            _PUBLISH,
            "Put `_headers` there, too, or append it to the one that is there.",
            _VERIFY,
        ),
    ),
    ServerFolder(
        name="cloudflare-pages",
        title="Cloudflare Pages",
        template="headers-file",
        files=("_headers",),
        by_path=False,
        steps=(
            _PUBLISH,
            "Put `_headers` there, too, or append it to the one that is there.",
            _VERIFY,
        ),
        notes=("Pages Functions answer without these fields: use the Worker there.",),
    ),
    ServerFolder(
        name="cloudflare-rule",
        title="Cloudflare, a response header transform rule",
        files=("rules.json",),
        steps=(
            "Look at the rules that the zone has: a PUT replaces all rules of the phase.",
            "PUT `rules.json` to `https://api.cloudflare.com/client/v4/zones/ZONE/rulesets/phases/http_response_headers_transform/entrypoint` with a token that may edit transform rules, or type its rules into the dashboard.",
            "Publish the files of `site/` at the origin. Cloudflare's managed robots.txt is put before yours: turn it off, or look that it says the same.",
            _VERIFY,
        ),
    ),
    ServerFolder(
        name="cloudflare-worker",
        title="Cloudflare Worker",
        files=("worker.js", "wrangler.toml"),
        steps=("Name your routes in `wrangler.toml`.", "`npx wrangler deploy`", _VERIFY),
        status="Run by this project's tests in workerd (miniflare) where that is installed, else in Node with the platform's names replaced.",
        notes=("It serves the generated files itself.",),
    ),
    ServerFolder(
        name="vercel",
        title="Vercel",
        files=("vercel.json",),
        by_path=False,
        steps=(_PUBLISH, "Put the `headers` of `vercel.json` into yours.", _VERIFY),
    ),
    ServerFolder(
        name="cloudfront",
        title="Amazon CloudFront",
        files=("function.js",),
        steps=(
            "Create a CloudFront Function of `function.js` (runtime cloudfront-js-2.0) and attach it to the event viewer response of each behaviour.",
            "Publish the files of `site/` at the origin.",
            _VERIFY,
        ),
        status="Its function is run by this project's tests in Node. *Not run* on CloudFront.",
        notes=(
            "CloudFront runs no function for an origin's answers of 400 and more: these come without the fields. A response headers policy covers them.",
        ),
    ),
    ServerFolder(
        name="wordpress",
        title="WordPress (must-use plugin)",
        files=("reservations.php",),
        steps=(
            "Copy `reservations.php` to `wp-content/mu-plugins/`.",
            "Where a robots.txt lies in the web root, WordPress is not asked for it: use the one of `site/`.",
            _VERIFY,
        ),
        status="Its code is run by this project's tests with PHP 8.2 and WordPress's names replaced. *Not run* in WordPress.",
        notes=(
            "Images, and pages that a cache serves without PHP, get no fields from it: take the folder of your web server beside it.",
        ),
    ),
    ServerFolder(
        name="django",
        title="Django",
        files=("reservations.py",),
        steps=(
            "Copy `reservations.py` beside `manage.py`.",
            'Put `"reservations.ReservationsMiddleware"` first in `MIDDLEWARE`.',
            _VERIFY,
        ),
        status="Run by this project's tests with Django.",
        notes=("Static files that the web server serves need the web server's folder, too.",),
    ),
    ServerFolder(
        name="flask",
        title="Flask and other WSGI applications",
        files=("reservations.py",),
        steps=(
            "Copy `reservations.py` beside your application.",
            "`from reservations import Reservations` and `app.wsgi_app = Reservations(app.wsgi_app)`",
            _VERIFY,
        ),
        status="Run by this project's tests with Flask.",
    ),
    ServerFolder(
        name="starlette",
        title="Starlette, FastAPI and other ASGI applications",
        files=("reservations.py",),
        steps=(
            "Copy `reservations.py` beside your application.",
            "`from reservations import Reservations` and, as the last line, `app = Reservations(app)`.",
            _VERIFY,
        ),
        status="Run by this project's tests with Starlette.",
    ),
    ServerFolder(
        name="nextjs",
        title="Next.js",
        files=("reservations.mjs",),
        by_path=False,
        steps=(
            "Copy all of `site/` into `public/`, with the dot folder `.well-known`.",
            'Copy `reservations.mjs` beside `next.config.mjs`, and there: `import { headers } from "./reservations.mjs"; export default { headers };`',
            _VERIFY,
        ),
        status="Run by this project's tests in Next.js.",
        notes=("Redirects of `next.config` come without the fields: Next.js adds none to them.",),
    ),
    ServerFolder(
        name="hugo",
        title="Hugo",
        files=("reservations.html",),
        checks="tags",
        steps=(
            "Copy all of `site/` into `static/`, with the dot folder `.well-known`.",
            'Copy `reservations.html` to `layouts/partials/`, and in the head of your base template: `{{ partial "reservations.html" . }}`',
            "`hugo`, publish, then `sh verify.sh https://YOUR-SITE /a-page/`.",
        ),
        status="Run by this project's tests with Debian's Hugo.",
        notes=(
            "Header fields come from the server that publishes the pages: take its folder, too.",
        ),
    ),
    ServerFolder(
        name="jekyll",
        title="Jekyll",
        files=("reservations.html", "_config.reservations.yml"),
        checks="tags",
        by_path=False,
        steps=(
            "Copy all of `site/` into the folder of `_config.yml`, with the dot folder `.well-known`.",
            "Copy `reservations.html` to `_includes/`, and in the head of your layout: `{% include reservations.html %}`",
            "`jekyll build --config _config.yml,_config.reservations.yml`, publish, then `sh verify.sh https://YOUR-SITE /a-page.html`.",
        ),
        status="Run by this project's tests with Debian's Jekyll.",
        notes=(
            "Header fields come from the server that publishes the pages: take its folder, too.",
        ),
    ),
    ServerFolder(
        name="mkdocs",
        title="MkDocs",
        files=("reservations_hook.py",),
        checks="tags",
        steps=(
            "Copy all of `site/` into `docs/`, with the dot folder `.well-known`.",
            "Copy `reservations_hook.py` beside `mkdocs.yml`, and there: `hooks: [reservations_hook.py]` and `exclude_docs: |` with `!/.well-known/` in the next line, indented.",
            "`mkdocs build`, publish, then `sh verify.sh https://YOUR-SITE /a-page/`.",
        ),
        status="Run by this project's tests with MkDocs. Zensical: *not run*.",
        notes=(
            "Header fields come from the server that publishes the pages: take its folder, too.",
        ),
    ),
)
