"""Without the extra a survey says what to install; the other verbs need nothing of it."""

import subprocess
import sys

import pytest

from support import ROOT

NEEDED = ("pyarrow", "duckdb", "fastwarc", "fsspec", "altair", "vl_convert")


def python(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_package_is_named_with_the_extra(name: str) -> None:
    done = python(
        f"import sys\nsys.modules[{name!r}] = None\n"
        "try:\n    import reservation_middleware.survey\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert f"surveys need {name}: pip install 'reservation-middleware[survey]'" in done.stdout


def test_the_verb_says_it_in_one_line_with_status_2() -> None:
    done = python(
        "import sys\nsys.modules['duckdb'] = None\n"
        "sys.argv = ['reservations', 'survey', 'x', '-o', 'y']\n"
        "from reservation_middleware.cli.main import main\nmain()\n"
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "reservation-middleware[survey]" in done.stderr


def test_other_verbs_import_none_of_it() -> None:
    done = python(
        "import sys\nimport reservation_middleware.cli.main\n"
        f"print([name for name in {NEEDED!r} if name in sys.modules])\n"
    )
    assert done.stdout == "[]\n"
