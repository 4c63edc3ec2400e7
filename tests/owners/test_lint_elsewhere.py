"""Where else lint runs: pytest's plugin, GitHub's composite action, the pre-commit hook."""

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from loopback import Loopback

from reservation_middleware.model import ConfigurationError
from support import ROOT

HTML = (("Content-Type", "text/html"),)
PAGES = {
    "/robots.txt": (200, (), b"User-agent: *\nDisallow: /closed\n"),
    "/.well-known/tdmrep.json": (404, (), b"no"),
    "/noai": (200, HTML, b'<meta name="robots" content="noai">'),
    "/field": (200, (*HTML, ("TDM-Reservation", "1")), b"<p>"),
    "/open": (200, HTML, b"<p>"),
}


class Response(NamedTuple):
    status_code: int
    headers: Any
    content: bytes


class Client:
    """What test clients have, over a socket."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> Response:
        try:
            with urllib.request.urlopen(self.base + path) as response:
                return Response(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Response(error.code, error.headers, error.read())


def test_the_fixture_on_a_real_server(assert_reserved: Any) -> None:
    with Loopback("127.0.0.1", PAGES) as server:
        client = Client(server.port)
        assert_reserved(client, "/noai", "ai-train")
        assert_reserved(client, "/field", "tdm-all")
        assert_reserved(client, "/closed/x", "search")
        with pytest.raises(AssertionError) as caught:
            assert_reserved(client, "/open", "ai-train")
        assert "is not reserved for ai-train (ai-train-gen: not said" in str(caught.value)
        assert "robots.txt: HTTP 200" in str(caught.value)
        with pytest.raises(AssertionError):
            assert_reserved(client, "/noai", "ai")  # the meta says nothing about the index
        with pytest.raises(ConfigurationError, match="ai-train"):
            assert_reserved(client, "/open", "ai-trian")


@pytest.mark.sites
def test_flask(assert_reserved: Any) -> None:
    flask = pytest.importorskip("flask", reason="Flask is not installed")
    app = flask.Flask("app")
    app.route("/x")(lambda: ("x", {"X-Robots-Tag": "noai"}))
    assert_reserved(app.test_client(), "/x", "ai-train")


@pytest.mark.sites
def test_django(assert_reserved: Any) -> None:
    django = pytest.importorskip("django", reason="Django is not installed")
    code = (
        "import sys\nimport django\nfrom django.conf import settings\n"
        "settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=['*'], SECRET_KEY='x')\n"
        "from django.http import HttpResponse\nfrom django.urls import path\n"
        "def page(request):\n"
        "    response = HttpResponse('x')\n    response['TDM-Reservation'] = '1'\n"
        "    return response\n"
        "urlpatterns = [path('x', page)]\ndjango.setup()\nfrom django.test import Client\n"
        "from reservation_middleware.owners.assertion import assert_reserved\n"
        "assert_reserved(Client(), '/x', 'ai-train')\n"
    )
    assert django
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_plugin_loads_nothing_of_the_package() -> None:
    code = (
        "import sys, pytest_reservations\n"
        "print([name for name in sys.modules if name.startswith('reservation_middleware')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def run_action(folder: Path, **inputs: str) -> "subprocess.CompletedProcess[str]":
    bin_folder = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", **inputs}
    return subprocess.run(
        ["bash", str(ROOT / ".ci" / "lint_action.sh")],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_action(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "robots.txt").write_text("User-agent: OpenAI\nDisallow: /\n")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "robots.txt").write_text("User-agent: GPTBot\nDisallow: /x\n")
    summary = tmp_path / "summary.md"
    done = run_action(
        tmp_path, LINT_PATH="a b\nc\n", LINT_SARIF="out.sarif", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::warning file=a b/robots.txt,line=1,col=13")
    assert '"version": "2.1.0"' in (tmp_path / "out.sarif").read_text()
    assert "site-agent-generic" in summary.read_text()
    assert run_action(tmp_path, LINT_PATH="c").returncode == 0
    assert run_action(tmp_path, LINT_PATH="a b", LINT_FAIL_ON="error").returncode == 0
    # A value is never read as code.
    run_action(tmp_path, LINT_PATH="c; touch spoilt $(touch spoilt)")
    assert not (tmp_path / "spoilt").exists()


def test_the_actions_inputs_are_those_of_the_script() -> None:
    text = (ROOT / "action.yml").read_text()
    names = re.findall(r"^  ([a-z-]+):$", text.partition("runs:")[0], re.MULTILINE)
    script = (ROOT / ".ci" / "lint_action.sh").read_text()
    for name in names:
        variable = f"LINT_{name.upper().replace('-', '_')}"
        assert f"{variable}: ${{{{ inputs.{name} }}}}" in text
        assert variable in script
    # Only the environment block has values that are put in.
    assert "inputs." not in "".join(re.findall(r"run: .*", text))


def test_the_hooks_pattern() -> None:
    text = (ROOT / ".pre-commit-hooks.yaml").read_text()
    [pattern] = re.findall(r"files: (.*)", text)
    for name in ("robots.txt", "public/.well-known/tdmrep.json", "a/_headers", ".htaccess"):
        assert re.search(pattern, name)
    assert not re.search(pattern, "notrobots.txt")
