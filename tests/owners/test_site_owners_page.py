"""docs/site-owners.md, followed to the letter: each command in it is run, each output compared.

The folders and the address of the page are those of a whole machine; here they are in a folder of
the test, and ``systemctl reload nginx`` reloads the nginx that runs in it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from web_servers import free_port, program, running

from support import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.sites]

PAGE = ROOT / "docs" / "site-owners.md"
NGINX = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    types {{ text/html html; image/jpeg jpg; text/plain txt; }}
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    include {folder}/etc/nginx/conf.d/*.conf;
    include {folder}/server.conf;
}}
"""


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def test_the_page_is_followed_to_the_letter(tmp_path: Path) -> None:
    nginx = program("nginx")
    program("curl")
    port = free_port()
    here = {
        "/etc/nginx": f"{tmp_path}/etc/nginx",
        "/var/www": f"{tmp_path}/var/www",
        "http://press.example": f"http://127.0.0.1:{port}",
    }

    def placed(text: str) -> str:
        for name, place in here.items():
            text = text.replace(name, place)
        return text

    (tmp_path / "etc/nginx/conf.d").mkdir(parents=True)
    for name, text in {
        "robots.txt": "User-agent: *\nDisallow: /private/\n",
        "article.html": "a",
        "img/a.jpg": "b",
        "press/index.html": "c",
        "index.html": "d",
    }.items():
        file = tmp_path / "var/www/press" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (intent,) = blocks("toml")
    (tmp_path / "intent.toml").write_text(intent)
    (tmp_path / "server.conf").write_text(f"server {{ listen 127.0.0.1:{port}; }}\n")
    user = "user root;" if os.getuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, user=user))
    start = [
        nginx,
        "-e",
        f"{tmp_path}/start.log",
        "-p",
        str(tmp_path),
        "-c",
        f"{tmp_path}/nginx.conf",
    ]
    control = " ".join(start)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, line in {
        "reservations": f'exec {sys.executable} -m reservation_middleware "$@"',
        "nginx": f'exec {control} "$@"',
        "systemctl": f"exec {control} -s reload",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    (server,) = blocks("nginx")
    with running([*start, "-g", "daemon off;"], port, tmp_path):
        commands = 0
        for block in blocks("console"):
            if "nginx -t" in block:
                (tmp_path / "server.conf").write_text(
                    placed(server).replace("listen 80", f"listen 127.0.0.1:{port}")
                )
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *expected = placed(part).splitlines()
                done = subprocess.run(
                    ["bash", "-c", command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=120,
                )
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                for line in expected:
                    assert line in done.stdout.splitlines(), f"{command}\n{done.stdout}"
                commands += 1
                if command.startswith("reservations generate"):
                    for file in (tmp_path / "out/servers/nginx").glob("*.conf"):
                        file.write_text(placed(file.read_text()))
                if command.startswith("systemctl"):
                    _wait_for_reload(port)
        assert commands == 8
    # The site is as it was.
    assert (
        tmp_path / "var/www/press/robots.txt"
    ).read_text() == "User-agent: *\nDisallow: /private/\n"


def _wait_for_reload(port: int) -> None:
    """nginx answers with its old configuration until new workers are there."""
    import time

    from web_servers import response

    until = time.monotonic() + 30
    while "content-usage" not in {name.lower() for name, _ in response(port, "/")[1]}:
        assert time.monotonic() < until
        time.sleep(0.05)
