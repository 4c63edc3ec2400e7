"""The generated snippets in real servers whose configuration is against them.

nginx, Apache and Caddy: blocks with fields of their own, error pages, redirects, static files, a
proxied application that fails, pages from a cache. Every response has every field.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from web_servers import (
    INTENT,
    application,
    free_port,
    generated,
    lost,
    missing,
    own_link_stays,
    program,
    response,
    running,
    verified,
)

from reservation_middleware.owners.generate import Generated

pytestmark = [pytest.mark.slow, pytest.mark.sites]

#: What every server is asked for, with the status.
TARGETS = {
    "/": 200,
    "/index.html?q=1": 200,
    "/img/a.jpg": 200,
    "/not-there": 404,
    "/moved": 301,
    "/inner/page.html": 200,
    "/inner/not-there": 404,
    "/press/page.html": 200,
    "/press/not-there": 404,
    "/press/archive/a.pdf": 200,
    "/press/archive/a.pdf?x": 200,
    "/secret/": 403,
    "/app/200": 200,
    "/app/301": 301,
    "/app/402": 402,
    "/app/404": 404,
    "/app/500": 500,
    "/app/503": 503,
    "/gone/": 502,
}


def web_root(folder: Path) -> Path:
    www = folder / "www"
    for name in (
        "index.html",
        "inner/page.html",
        "press/page.html",
        "press/archive/a.pdf",
        "img/a.jpg",
        "404.html",
        "secret/x",
    ):
        file = www / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"<!doctype html><title>{name}</title>")
    return www


NGINX = """
{modules}
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    types {{ text/html html; image/jpeg jpg; text/plain txt; }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=pages:1m;
    include {folder}/reservations/http.conf;
    add_header X-Of-The-Http-Block yes;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        include {folder}/reservations/{server_include};
        include {folder}/reservations/files.conf;
        error_page 404 /404.html;
        location ~ /\\. {{ deny all; }}
        location /secret/ {{ deny all; }}
        location = /moved {{ return 301 /; }}
        location /inner/ {{
            add_header X-Frame-Options DENY;
            {inner_include}
        }}
        location /app/ {{ proxy_pass http://127.0.0.1:{app}; }}
        location /gone/ {{ proxy_pass http://127.0.0.1:1; }}
        location /cached/ {{
            proxy_pass http://127.0.0.1:{app};
            proxy_cache pages;
            proxy_cache_valid any 1m;
            add_header X-Cache $upstream_cache_status always;
            {inner_include}
        }}
        location ~ \\.jpg$ {{ expires 30d; }}
    }}
}}
"""


@contextmanager
def nginx(
    folder: Path, *, include: str = "headers.conf", inner: bool = True
) -> Iterator[tuple[int, Generated]]:
    words = program("nginx")
    _, found = generated(folder / "out", INTENT)
    web_root(folder)
    snippets = folder / "reservations"
    shutil.copytree(folder / "out" / "servers" / "nginx", snippets)
    shutil.copytree(folder / "out" / "site", snippets / "site")
    for file in snippets.glob("*.conf"):  # the folder that the README names is of the whole machine
        file.write_text(file.read_text().replace("/etc/nginx/reservations", str(snippets)))
    more = Path("/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so")
    if include == "more.conf" and not more.exists():
        pytest.skip("nginx's module headers-more is not installed")
    port = free_port()
    with application() as app:
        (folder / "nginx.conf").write_text(
            NGINX.format(
                folder=folder,
                port=port,
                app=app,
                user="user root;" if os.getuid() == 0 else "",
                modules=f"load_module {more};" if include == "more.conf" else "",
                server_include=include,
                inner_include=f"include {snippets}/{include};" if inner else "",
            )
        )
        start = [
            words,
            "-e",
            f"{folder}/start.log",
            "-p",
            str(folder),
            "-c",
            f"{folder}/nginx.conf",
            "-g",
            "daemon off;",
        ]
        with running(start, port, folder):
            yield port, found


def test_nginx_with_an_include_in_each_block_that_has_fields(tmp_path: Path) -> None:
    with nginx(tmp_path) as (port, found):
        assert lost(found, port, TARGETS) == []
        assert own_link_stays(port)
        # From the cache as from the application.
        states = []
        for _ in range(2):
            _, headers, _ = response(port, "/cached/200")
            assert missing(found, "/cached/200", headers) == []
            states.append(dict(headers)["X-Cache"])
        assert states == ["MISS", "HIT"]
        status, headers, _ = response(port, "/img/a.jpg")
        again, headers, _ = response(port, "/img/a.jpg", If_None_Match=dict(headers)["ETag"])
        assert (status, again, missing(found, "/img/a.jpg", headers)) == (200, 304, [])
        part, headers, _ = response(port, "/img/a.jpg", Range="bytes=0-1")
        assert (part, missing(found, "/img/a.jpg", headers)) == (206, [])
        _, headers, _ = response(port, "/inner/page.html")
        assert dict(headers)["X-Frame-Options"] == "DENY"
        status, said = verified(tmp_path / "out", "nginx", port, *TARGETS)
        assert status == 0, said


def test_nginx_loses_them_in_a_block_with_a_field_of_its_own_and_verify_says_so(
    tmp_path: Path,
) -> None:
    with nginx(tmp_path, inner=False) as (port, found):
        assert lost(found, port, {"/inner/page.html": 200}) != []
        elsewhere = {target: code for target, code in TARGETS.items() if "/inner/" not in target}
        assert lost(found, port, elsewhere) == []
        status, said = verified(tmp_path / "out", "nginx", port, "/inner/page.html")
        assert status == 1
        assert "wrong    /inner/page.html (status 200) lacks  Content-Usage: train-ai=n" in said
        assert "/press/" not in said


def test_nginx_with_headers_more_needs_one_include(tmp_path: Path) -> None:
    with nginx(tmp_path, include="more.conf", inner=False) as (port, found):
        assert lost(found, port, TARGETS) == []
        assert own_link_stays(port)
        _, headers, _ = response(port, "/inner/page.html")
        assert dict(headers)["X-Frame-Options"] == "DENY"
        status, said = verified(tmp_path / "out", "nginx", port, *TARGETS)
        assert status == 0, said


APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
Listen 127.0.0.1:{port}
ServerName press.example
ErrorLog {folder}/error.log
{modules}
TypesConfig /etc/mime.types
DocumentRoot {folder}/www
<Directory {folder}/www>
    Require all granted
    AllowOverride All
    Options -Indexes
</Directory>
DirectoryIndex index.html
ErrorDocument 404 /404.html
Redirect 301 /moved /
<Location /secret/>
    Require all denied
</Location>
<Location /inner/>
    Header set X-Frame-Options DENY
</Location>
ProxyPass /app/ http://127.0.0.1:{app}/app/
ProxyPass /gone/ http://127.0.0.1:1/
CacheRoot {folder}/cache
CacheEnable disk /cached/
CacheHeader on
ProxyPass /cached/ http://127.0.0.1:{app}/cached/
{include}
"""
MODULES = "mpm_event authz_core authz_host dir mime alias headers proxy proxy_http cache cache_disk env setenvif"


@contextmanager
def apache(folder: Path, *, htaccess: bool = False) -> Iterator[tuple[int, Generated]]:
    words = program("apache2")
    _, found = generated(folder / "out", INTENT)
    www = web_root(folder)
    shutil.copytree(folder / "out" / "site", www, dirs_exist_ok=True)
    (folder / "cache").mkdir()
    snippet = folder / "out" / "servers" / "apache" / "reservations.conf"
    if htaccess:
        shutil.copy(snippet, www / ".htaccess")
    port = free_port()
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
        for name in MODULES.split()
    )
    with application() as app:
        (folder / "apache.conf").write_text(
            APACHE.format(
                folder=folder,
                port=port,
                app=app,
                modules=modules,
                include="" if htaccess else f"Include {snippet}",
            )
        )
        with running([words, "-f", f"{folder}/apache.conf", "-DFOREGROUND"], port, folder):
            yield port, found


def test_apache(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with apache(tmp_path) as (port, found):
        assert lost(found, port, {**TARGETS, "/gone/": 503}) == []
        assert own_link_stays(port)
        for _ in range(2):
            _, headers, _ = response(port, "/cached/200")
            assert missing(found, "/cached/200", headers) == []
        assert "HIT" in dict(headers)["X-Cache"]
        _, headers, _ = response(port, "/img/a.jpg")
        again, headers, _ = response(port, "/img/a.jpg", If_None_Match=dict(headers)["ETag"])
        assert (again, missing(found, "/img/a.jpg", headers)) == (304, [])
        _, headers, _ = response(port, "/inner/page.html")
        assert dict(headers)["X-Frame-Options"] == "DENY"
        status, said = verified(tmp_path / "out", "apache", port, *TARGETS)
        assert status == 0, said


def test_apache_by_htaccess(tmp_path: Path) -> None:
    static = {
        target: code
        for target, code in TARGETS.items()
        if not target.startswith(("/app/", "/gone/", "/moved", "/secret"))
    }
    with apache(tmp_path, htaccess=True) as (port, found):
        assert lost(found, port, static) == []


CADDY = """
{{
    admin off
    auto_https off
    http_port {port}
}}
import {snippet}
http://127.0.0.1:{port} {{
    import reservations
    root * {folder}/www
    redir /moved / 301
    respond /secret/* 403
    handle /inner/* {{
        header X-Frame-Options DENY
        file_server
    }}
    reverse_proxy /app/* 127.0.0.1:{app}
    reverse_proxy /gone/* 127.0.0.1:1
    file_server {{
        hide .*
    }}
    handle_errors {{
        header X-Error yes
        rewrite * /404.html
        file_server
    }}
}}
"""


def test_caddy(tmp_path: Path) -> None:
    words = program("caddy")
    _, found = generated(tmp_path / "out", INTENT)
    www = web_root(tmp_path)
    shutil.copytree(tmp_path / "out" / "site", www, dirs_exist_ok=True)
    snippet = tmp_path / "out" / "servers" / "caddy" / "reservations.caddy"
    port = free_port()
    with application() as app:
        file = tmp_path / "Caddyfile"
        file.write_text(CADDY.format(folder=tmp_path, port=port, app=app, snippet=snippet))
        start = [words, "run", "--config", str(file), "--adapter", "caddyfile"]
        with running(start, port, tmp_path, HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)):
            assert lost(found, port, TARGETS) == []
            assert own_link_stays(port)
            _, headers, _ = response(port, "/img/a.jpg")
            again, headers, _ = response(port, "/img/a.jpg", If_None_Match=dict(headers)["Etag"])
            assert (again, missing(found, "/img/a.jpg", headers)) == (304, [])
            status, said = verified(tmp_path / "out", "caddy", port, *TARGETS)
            assert status == 0, said


def test_verify_knows_a_dead_site_and_bad_usage(tmp_path: Path) -> None:
    generated(tmp_path / "out", INTENT)
    assert verified(tmp_path / "out", "nginx", 1)[0] == 3
    script = tmp_path / "out" / "servers" / "nginx" / "verify.sh"
    for words in ([], ["ftp://press.example"]):
        assert (
            subprocess.run(["sh", str(script), *words], check=False, capture_output=True).returncode
            == 2
        )
