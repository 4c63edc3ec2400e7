"""The generated snippets in frameworks, site generators and platforms, each really run.

Django, Flask, Starlette and MkDocs come with the dependency group ``sites``, Hugo, Jekyll, PHP and
Node from Debian, miniflare and Next.js from npm (``RESERVATIONS_NODE_MODULES`` names the folder).
What is missing is skipped with one line.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from web_servers import (
    free_port,
    generated,
    lost,
    missing,
    program,
    response,
    running,
    verified,
)

from reservation_middleware.owners.generate import Generated

pytestmark = [pytest.mark.slow, pytest.mark.sites]

#: As INTENT of web_servers.py, but without paths: for those that cannot choose by path.
UNIFORM = """
site = "https://press.example"
[use]
search = "yes"
ai-input = "no"
ai-train = "no"
tdm = "no"
"""
TARGETS = {
    "/": 200,
    "/press/x": 200,
    "/press/archive/a.pdf": 200,
    "/press/archive/a.pdf?x": 200,
    "/500": 500,
    "/press/404": 404,
    "/moved": 302,
}


def needs(module: str) -> None:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed (dependency group sites)")


@contextmanager
def served(folder: Path, server: str, code: str) -> Iterator[tuple[int, Generated]]:
    """A Python program that serves an application at the port of its argument."""
    _, found = generated(folder / "out")
    shutil.copy(folder / "out" / "servers" / server / "reservations.py", folder)
    (folder / "program.py").write_text(code)
    port = free_port()
    with running([sys.executable, str(folder / "program.py"), str(port)], port, folder):
        yield port, found


DJANGO = """
import sys
from wsgiref.simple_server import make_server
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import re_path

def page(request):
    if request.path == "/500":
        raise RuntimeError
    if request.path.endswith("404"):
        raise Http404
    if request.path == "/moved":
        return HttpResponseRedirect("/")
    return HttpResponse("x", headers={"Link": "</a.css>; rel=preload"})

urlpatterns = [re_path("", page)]
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="x",
                   MIDDLEWARE=["reservations.ReservationsMiddleware", "django.middleware.common.CommonMiddleware"])
make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application()).serve_forever()
"""

FLASK = """
import sys
from wsgiref.simple_server import make_server
from flask import Flask, abort, redirect
from reservations import Reservations

app = Flask("x")

@app.route("/", defaults={"path": ""})
@app.route("/<path:path>")
def page(path):
    if path == "500":
        raise RuntimeError
    if path.endswith("404"):
        abort(404)
    if path == "moved":
        return redirect("/")
    return "x", 200, {"Link": "</a.css>; rel=preload"}

app.wsgi_app = Reservations(app.wsgi_app)
make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
"""

STARLETTE = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route
from reservations import Reservations

async def page(request):
    if request.url.path == "/500":
        raise RuntimeError
    if request.url.path.endswith("404"):
        raise HTTPException(404)
    if request.url.path == "/moved":
        return RedirectResponse("/", 302)
    return PlainTextResponse("x", headers={"Link": "</a.css>; rel=preload"})

app = Starlette(routes=[Route("/{path:path}", page)])
app = Reservations(app)
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical")
"""


@pytest.mark.parametrize(
    ("module", "code"), [("django", DJANGO), ("flask", FLASK), ("starlette", STARLETTE)]
)
def test_python_frameworks(tmp_path: Path, module: str, code: str) -> None:
    needs(module)
    with served(tmp_path, module, code) as (port, found):
        assert lost(found, port, TARGETS) == []
        _, headers, _ = response(port, "/")
        links = ", ".join(value for name, value in headers if name.lower() == "link")
        assert links.startswith("</a.css>; rel=preload, <https://press.example/license.xml>")
        status, said = verified(tmp_path / "out", module, port, *TARGETS)
        assert status == 0, said


# --- site generators ---------------------------------------------------------------------------


@contextmanager
def published(folder: Path) -> Iterator[int]:
    """A built site, served by a plain file server."""
    port = free_port()
    words = [
        sys.executable,
        "-m",
        "http.server",
        str(port),
        "--bind",
        "127.0.0.1",
        "-d",
        str(folder),
    ]
    with running(words, port, folder.parent):
        yield port


def built(words: Sequence[str], folder: Path) -> None:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_hugo(tmp_path: Path) -> None:
    hugo = program("hugo")
    generated(tmp_path / "out")
    source = tmp_path / "source"
    for name, text in {
        "config.toml": 'baseURL = "https://press.example/"\ntitle = "x"\ndisableKinds = ["taxonomy", "term", "RSS", "sitemap"]\n',
        "layouts/_default/baseof.html": '<!doctype html><html><head>{{ partial "reservations.html" . }}<title>x</title></head><body></body></html>\n',
        "layouts/_default/single.html": "",
        "layouts/_default/list.html": "",
        "layouts/index.html": "",
        "content/press/a.md": "---\ntitle: a\n---\nx\n",
        "content/other/b.md": "---\ntitle: b\n---\nx\n",
    }.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    for name in ("single", "list"):
        (source / f"layouts/_default/{name}.html").write_text('{{ define "main" }}{{ end }}\n')
    (source / "layouts/index.html").write_text('{{ define "main" }}{{ end }}\n')
    (source / "layouts/partials").mkdir()
    shutil.copy(tmp_path / "out/servers/hugo/reservations.html", source / "layouts/partials")
    shutil.copytree(tmp_path / "out/site", source / "static")
    built([hugo, "--quiet"], source)
    press = (source / "public/press/a/index.html").read_text()
    assert 'name="robots"' not in press
    assert "license.xml" in press
    with published(source / "public") as port:
        status, said = verified(tmp_path / "out", "hugo", port, "/press/a/", "/other/b/")
        assert status == 0, said


def test_jekyll(tmp_path: Path) -> None:
    jekyll = program("jekyll")
    generated(tmp_path / "out", UNIFORM)
    source = tmp_path / "source"
    (source / "_layouts").mkdir(parents=True)
    (source / "_includes").mkdir()
    (source / "_config.yml").write_text("title: x\n")
    (source / "_layouts/default.html").write_text(
        "<!doctype html><html><head>{% include reservations.html %}<title>x</title></head><body>{{ content }}</body></html>\n"
    )
    (source / "index.md").write_text("---\nlayout: default\n---\nx\n")
    shutil.copy(tmp_path / "out/servers/jekyll/reservations.html", source / "_includes")
    shutil.copy(tmp_path / "out/servers/jekyll/_config.reservations.yml", source)
    shutil.copytree(tmp_path / "out/site", source, dirs_exist_ok=True)
    configuration = "_config.yml,_config.reservations.yml"
    built(
        [jekyll, "build", "--quiet", "--config", configuration, "-d", str(tmp_path / "public")],
        source,
    )
    with published(tmp_path / "public") as port:
        status, said = verified(tmp_path / "out", "jekyll", port, "/index.html")
        assert status == 0, said
    # Without the setting the dot folder is dropped, and verify.sh says so.
    built([jekyll, "build", "--quiet", "-d", str(tmp_path / "public")], source)
    with published(tmp_path / "public") as port:
        status, said = verified(tmp_path / "out", "jekyll", port)
        assert status == 1
        assert "wrong    /.well-known/tdmrep.json is not served: status 404" in said


def test_mkdocs(tmp_path: Path) -> None:
    needs("mkdocs")
    generated(tmp_path / "out", UNIFORM + '[[path]]\nmatch = "/press/"\nuse = { search = "no" }\n')
    source = tmp_path / "source"
    (source / "docs/press").mkdir(parents=True)
    (source / "docs/index.md").write_text("# x\n")
    (source / "docs/press/a.md").write_text("# a\n")
    (source / "mkdocs.yml").write_text(
        "site_name: x\nhooks: [reservations_hook.py]\nexclude_docs: |\n  !/.well-known/\n"
    )
    shutil.copy(tmp_path / "out/servers/mkdocs/reservations_hook.py", source)
    shutil.copytree(tmp_path / "out/site", source / "docs", dirs_exist_ok=True)
    built([sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(tmp_path / "public")], source)
    with published(tmp_path / "public") as port:
        status, said = verified(tmp_path / "out", "mkdocs", port, "/press/a/")
        assert status == 0, said


# --- JavaScript and PHP ------------------------------------------------------------------------

WORKER = """
import worker from "./worker.mjs";
globalThis.fetch = async (request) => {
  const path = new URL(request.url).pathname;
  const status = { "/500": 500, "/press/404": 404, "/moved": 302 }[path] ?? 200;
  return new Response(status === 302 ? null : "x", { status, headers: { "Link": "</a.css>; rel=preload" } });
};
const answers = [];
for (const target of JSON.parse(process.argv[2])) {
  const response = await worker.fetch(new Request("https://press.example" + target));
  answers.push([target, response.status, [...response.headers], await response.text()]);
}
console.log(JSON.stringify(answers));
"""


def node(folder: Path, code: str, *words: str) -> Any:
    (folder / "main.mjs").write_text(code)
    done = subprocess.run(
        [program("node"), str(folder / "main.mjs"), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_worker_in_node(tmp_path: Path) -> None:
    _, found = generated(tmp_path / "out")
    shutil.copy(tmp_path / "out/servers/cloudflare-worker/worker.js", tmp_path / "worker.mjs")
    for target, status, headers, _ in node(tmp_path, WORKER, json.dumps(list(TARGETS))):
        assert status == TARGETS[target]
        assert missing(found, target, headers) == []
        assert "</a.css>; rel=preload, <https" in dict(headers)["link"]
    ((_, status, headers, text),) = node(tmp_path, WORKER, '["/robots.txt"]')
    assert (status, text.encode()) == (200, found.files["site/robots.txt"])


MINIFLARE = """
import { Miniflare } from "miniflare";
const [script, port, origin] = process.argv.slice(2);
const miniflare = new Miniflare({
  modules: true, scriptPath: script, host: "127.0.0.1", port: Number(port), compatibilityDate: "2025-01-01",
  upstream: origin, outboundService: (request) => fetch(request.url.replace(/^https?:..[^/]*/, origin), { redirect: "manual" }),
});
await miniflare.ready;
"""


def node_modules(package: str) -> Path:
    folder = Path(os.environ.get("RESERVATIONS_NODE_MODULES", "/nowhere")) / "node_modules"
    if not (folder / package).is_dir():
        pytest.skip(f"{package} is not installed (npm; RESERVATIONS_NODE_MODULES names the folder)")
    return folder


def test_a_worker_in_workerd(tmp_path: Path) -> None:
    from web_servers import application

    (tmp_path / "node_modules").symlink_to(node_modules("miniflare"))
    _, found = generated(tmp_path / "out")
    script = tmp_path / "out/servers/cloudflare-worker/worker.js"
    (tmp_path / "main.mjs").write_text(MINIFLARE)
    port = free_port()
    with application() as app:
        words = [
            program("node"),
            str(tmp_path / "main.mjs"),
            str(script),
            str(port),
            f"http://127.0.0.1:{app}",
        ]
        with running(words, port, tmp_path):
            targets = {
                "/": 200,
                "/press/x": 200,
                "/press/archive/a.pdf": 200,
                "/press/404": 404,
                "/500": 500,
                "/302": 302,
            }
            assert lost(found, port, targets) == []
            status, said = verified(tmp_path / "out", "cloudflare-worker", port, *targets)
            assert status == 0, said


CLOUDFRONT = """
import { readFileSync } from "node:fs";
const handler = new Function(readFileSync(process.argv[2], "utf8") + "; return handler;")();
const answers = [];
for (const target of JSON.parse(process.argv[3])) {
  const [uri, query] = target.split("?");
  const querystring = query === undefined ? {} : { [query]: { value: "" } };
  const response = handler({ request: { uri, querystring }, response: { headers: { link: { value: "</a.css>; rel=preload" } } } });
  answers.push([target, Object.entries(response.headers).map(([name, { value }]) => [name, value])]);
}
console.log(JSON.stringify(answers));
"""


def test_cloudfronts_function_in_node(tmp_path: Path) -> None:
    _, found = generated(tmp_path / "out")
    script = tmp_path / "out/servers/cloudfront/function.js"
    for target, headers in node(tmp_path, CLOUDFRONT, str(script), json.dumps(list(TARGETS))):
        assert missing(found, target, headers) == []
        assert "</a.css>; rel=preload, <https" in dict(headers)["link"]


def test_next_js_headers_in_node(tmp_path: Path) -> None:
    _, found = generated(tmp_path / "out", UNIFORM)
    shutil.copy(tmp_path / "out/servers/nextjs/reservations.mjs", tmp_path)
    (rule,) = node(
        tmp_path,
        'import { headers } from "./reservations.mjs"; console.log(JSON.stringify(await headers()));',
    )
    assert rule["source"] == "/:path*"
    assert missing(found, "/", [(one["key"], one["value"]) for one in rule["headers"]]) == []


NEXT = {
    "package.json": '{"name": "x", "private": true}',
    "next.config.mjs": 'import { headers } from "./reservations.mjs"; export default { headers, redirects: async () => [{ source: "/moved", destination: "/", permanent: false }] };',
    "app/layout.js": "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
    "app/page.js": "export default function Page() { return <p>x</p>; }",
    "app/api/fail/route.js": "export async function GET() { return new Response('x', { status: 500 }); }",
}


def test_next_js(tmp_path: Path) -> None:
    modules = node_modules("next")
    generated(tmp_path / "out", UNIFORM)
    source = tmp_path / "source"
    for name, text in NEXT.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    shutil.copy(tmp_path / "out/servers/nextjs/reservations.mjs", source)
    shutil.copytree(tmp_path / "out/site", source / "public")
    shutil.copytree(modules, source / "node_modules", symlinks=True)
    next_js = [program("node"), "node_modules/next/dist/bin/next"]
    os.environ["NEXT_TELEMETRY_DISABLED"] = "1"
    built([*next_js, "build"], source)
    port = free_port()
    with running(
        [*next_js, "start", "-p", str(port), "-H", "127.0.0.1"],
        port,
        source,
        NEXT_TELEMETRY_DISABLED="1",
    ):
        status, said = verified(tmp_path / "out", "nextjs", port, "/api/fail")
        assert status == 0, said
        # As its README says: Next.js adds no fields to redirects.
        status, said = verified(tmp_path / "out", "nextjs", port, "/moved")
        assert status == 1
        assert "wrong    /moved (status 307) lacks  Content-Usage" in said


WORDPRESS_CONFIG = """<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}'); define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
define('WP_HOME', 'http://127.0.0.1:{port}'); define('WP_SITEURL', 'http://127.0.0.1:{port}');
define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {{ define('ABSPATH', __DIR__ . '/'); }}
require_once ABSPATH . 'wp-settings.php';
"""
WORDPRESS_INSTALL = """<?php
define('WP_INSTALLING', true);
require 'wp-load.php';
require 'wp-admin/includes/upgrade.php';
wp_install('x', 'admin', 'admin@press.example', true, '', 'secret');
update_option('permalink_structure', '/%postname%/');
update_option('template', 'plain');
update_option('stylesheet', 'plain');
"""
#: PHP's own server gives what is no file to WordPress, as a web server would.
WORDPRESS_ROUTER = """<?php
$path = strtok($_SERVER['REQUEST_URI'], '?');
if ($path !== '/' && is_file(__DIR__ . $path)) { return false; }
if (is_file(__DIR__ . $path . 'index.php') && $path !== '/') { require __DIR__ . $path . 'index.php'; return true; }
$_SERVER['SCRIPT_NAME'] = '/index.php';
require __DIR__ . '/index.php';
"""


@contextmanager
def mariadb(folder: Path) -> Iterator[Path]:
    """A database server that listens at a socket only; it has a database ``wordpress``."""
    server, install = program("mariadbd"), program("mariadb-install-db")
    socket = Path(tempfile.mkdtemp()) / "s"  # a socket's path may not be long
    words = ["--no-defaults", f"--datadir={folder}", "--user=root"]
    built(
        [install, *words, "--auth-root-authentication-method=normal", "--skip-test-db"],
        folder.parent,
    )
    process = subprocess.Popen(
        [
            server,
            *words,
            f"--socket={socket}",
            "--skip-networking",
            "--innodb-buffer-pool-size=16M",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        make = [
            program("mariadb"),
            f"--socket={socket}",
            "-u",
            "root",
            "-e",
            "create database wordpress",
        ]
        while subprocess.run(make, capture_output=True, check=False).returncode:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        yield socket
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(socket.parent)


def test_wordpress(tmp_path: Path) -> None:
    php, source = program("php"), Path("/usr/share/wordpress")
    if not source.is_dir():
        pytest.skip("wordpress is not installed (Debian's package)")
    _, found = generated(tmp_path / "out")
    www = tmp_path / "www"
    shutil.copytree(source, www)
    port = free_port()
    with mariadb(tmp_path / "data") as socket:
        (www / "wp-config.php").write_text(WORDPRESS_CONFIG.format(socket=socket, port=port))
        (www / "install.php").write_text(WORDPRESS_INSTALL)
        (tmp_path / "www/router.php").write_text(WORDPRESS_ROUTER)
        theme = www / "wp-content/themes/plain"
        theme.mkdir(parents=True)
        (theme / "style.css").write_text("/* Theme Name: Plain */\n")
        (theme / "index.php").write_text(
            "<!doctype html><html><head><?php wp_head(); ?></head><body></body></html>"
        )
        built([php, "install.php"], www)
        plugins = www / "wp-content/mu-plugins"
        plugins.mkdir(exist_ok=True)
        shutil.copy(tmp_path / "out/servers/wordpress/reservations.php", plugins)
        with running(
            [php, "-S", f"127.0.0.1:{port}", "-t", str(www), str(www / "router.php")], port, www
        ):
            targets = {
                "/": 200,
                "/hello-world/": 200,
                "/not-there/": 404,
                "/press/not-there/": 404,
                "/wp-json/": 200,
                "/wp-login.php": 200,
                "/wp-admin/": 302,
                "/hello-world": 301,
                "/press/archive/a.pdf": 301,
            }
            assert lost(found, port, targets) == []
            status, text = verified(tmp_path / "out", "wordpress", port, *targets)
            assert status == 0, text
            _, _, robots = response(port, "/robots.txt")
            assert robots.startswith(b"User-agent: *\nDisallow: /wp-admin/")
            _, _, page = response(port, "/hello-world/")
            assert b'<meta name="robots" content="noai">' in page.partition(b"</head>")[0]


WORDPRESS = """
<?php
define('ABSPATH', '/');
$actions = array();
$sent = array();
function add_action($name, $function, $priority = 10) { global $actions; $actions[$name] = $function; }
function add_filter($name, $function, $priority = 10) { add_action($name, $function); }
function status_header($status) {}
require $argv[1];
$_SERVER['REQUEST_URI'] = $argv[2];
if ($argv[3] === 'head') { ob_start(); $actions['init'](); $actions['wp_head'](); $tags = ob_get_clean();
  echo json_encode(array(function_exists('xdebug_get_headers') ? array() : reservations_head()[1], $tags)); }
elseif ($argv[3] === 'robots') { echo json_encode($actions['robots_txt']("User-agent: *\\nDisallow: /wp-admin/\\n")); }
else { $actions['init'](); }
"""


def test_wordpress_names_replaced(tmp_path: Path) -> None:
    php = program("php")
    _, found = generated(tmp_path / "out")
    (tmp_path / "main.php").write_text(WORDPRESS.lstrip())
    plugin = str(tmp_path / "out/servers/wordpress/reservations.php")

    def told(target: str, what: str) -> str:
        done = subprocess.run(
            [php, "main.php", plugin, target, what],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "Warning" not in done.stdout + done.stderr, done.stdout
        return done.stdout

    for target in TARGETS:
        headers, tags = json.loads(told(target, "head"))
        assert missing(found, target, headers) == []
        assert ('name="robots" content="noai"' in tags) is (
            not target.startswith("/press/") or target.endswith(".pdf")
        )
    robots = json.loads(told("/robots.txt", "robots"))
    assert robots.startswith("User-agent: *\nDisallow: /wp-admin/\n\n# BEGIN reservations")
    assert told("/license.xml?x", "file").encode() == found.files["site/license.xml"]
