"""The house rules of the package: who may import whom, no extras needed, files of one room.

The contracts themselves stand in pyproject.toml; here they are run.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reservation_middleware"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Files past 400 lines, each with the reason why there is no second room inside it.
LONG: dict[str, str] = {
    "signals/ai_txt/declaration.py": "one dialect with its near misses, which change its own words",
    "signals/content_signals.py": "one family with its near misses and the condition use=",
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_import_contracts_are_kept() -> None:
    pytest.importorskip("importlinter", reason="import-linter is not installed")
    # The layers are in the checkout's pyproject.toml, so it must be run there.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = python(code)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_every_module_is_in_a_layer() -> None:
    import tomllib

    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (layers,) = (
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    named = {name.strip() for layer in layers for name in layer.split("|")}
    there = {
        path.stem if path.suffix == ".py" else path.name
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert there - named == set(), "not in a layer of pyproject.toml"


EXTRAS = (
    *("scrapy", "twisted", "aiohttp", "redis", "pyarrow", "duckdb", "fastwarc", "pyspark"),
    *("fsspec", "altair", "vl_convert"),
)

BLOCKED = f"""
import sys
for name in {EXTRAS!r}:
    sys.modules[name] = None
"""

WORKS = """
import reservation_middleware as r
check = r.Check("https://a.example/x", agent=r.Agent("ExampleBot"))
for request in check.wants():
    check.feed(r.Document(url=request.url, resource=request.resource, outcome=r.Outcome.FETCHED,
        body=b"User-agent: *\\nContent-Signal: ai-train=no\\n" if "txt" in request.url else b"[]"))
decision = check.decide()
assert decision.blocked and decision.verdict == "disallowed", decision
from reservation_middleware.decide.batch import decide_lines
((line, good),) = decide_lines([b'{"url": "https://a.example/x"}'])
assert good, line
"""


def test_the_package_works_with_no_extras() -> None:
    done = python(BLOCKED + WORKS)
    assert done.returncode == 0, done.stderr


def test_the_package_imports_no_extra_of_itself() -> None:
    code = f"{WORKS}\nfound = set({EXTRAS!r}) & set(sys.modules)\nassert not found, found"
    done = python(f"import sys\n{code}")
    assert done.returncode == 0, done.stderr


#: Modules, and names of ``os`` and ``signal``, that not every system has.
FOREIGN = {
    *("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "msvcrt", "winreg", "_winapi"),
    *("os.fork", "os.getuid", "os.geteuid", "os.fchmod", "os.register_at_fork", "os.O_CLOEXEC"),
    *("os.O_NOFOLLOW", "os.O_DIRECTORY", "os.O_BINARY", "os.pread", "os.pwrite", "os.statvfs"),
    *("os.posix_fallocate", "socket.AF_UNIX", "signal.SIGKILL", "signal.SIGHUP", "signal.SIGUSR1"),
}


def on_every_system(node: ast.AST) -> Iterator[ast.AST]:
    """A tree without what stands behind the question which system this is."""
    yield node
    if isinstance(node, ast.If) and re.search(r"sys\.platform|os\.name", ast.unparse(node.test)):
        return
    for child in ast.iter_child_nodes(node):
        yield from on_every_system(child)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_needs_one_system(path: Path) -> None:
    used = set()
    for node in on_every_system(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            used |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute):
            used.add(ast.unparse(node))
    assert used & FOREIGN == set()


@pytest.mark.parametrize("extra", ["scrapy", "aiohttp"])
def test_an_adapter_without_its_extra_names_it(extra: str) -> None:
    code = f"""
{BLOCKED}
try:
    import reservation_middleware.{extra}
except ImportError as error:
    text = str(error)
    assert "pip install" in text and "reservation-middleware[{extra}]" in text, text
else:
    raise SystemExit("it was imported")
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_a_docstring(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), name_of(path)


def test_a_module_has_one_room() -> None:
    long = {
        name_of(path): lines
        for path in MODULES
        if (lines := len(path.read_text("utf-8").splitlines())) > 400
    }
    assert {name: lines for name, lines in long.items() if name not in LONG} == {}
    assert set(LONG) - set(long) == set(), "no longer long; strike the reason"


def test_nothing_is_called_utils() -> None:
    assert [path for path in MODULES if "util" in path.stem or "helper" in path.stem] == []


def test_modules_that_docstrings_name_are_there() -> None:
    """Beside the file, in a folder above it, or in the package; so nothing names a moved module."""
    named = re.compile(r"(?<![\w/.])((?:[\w-]+/)*\w+\.py)\b")
    gone = [
        f"{name_of(path)}: {name}"
        for path in MODULES
        for name in named.findall(path.read_text("utf-8"))
        if not any((base / name).exists() for base in (*path.parents[:2], PACKAGE, ROOT))
    ]
    assert gone == []


def test_what_is_counted_agrees_with_its_number() -> None:
    """``1 decisions`` is never printed: ``counted`` writes a number with its noun."""
    plural = re.compile(r":,\}(?: [a-z]+)? [a-z]+s\b")
    allowed = {"cli/demo/evidence.py", "cli/demo/__init__.py"}  # of a web that is always the same
    assert [
        f"{name_of(path)}: {found[0]}"
        for path in MODULES
        for found in plural.finditer(path.read_text("utf-8"))
        if name_of(path) not in allowed
    ] == []


def test_no_test_holds_work_against_a_clock() -> None:
    """Speed is a benchmark's business. What would hang ends by the limit in pyproject.toml."""
    clocks = re.compile(r"perf_counter|process_time|thread_time")
    tests = sorted(path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__))
    assert [path.name for path in tests if clocks.search(path.read_text("utf-8"))] == []


def test_signals_never_import_each_other() -> None:
    """One family knows nothing of another; only ``signals/__init__`` names them all.

    The modules are those of ``SIGNALS``, so a new signal is held to this without being listed here.
    """
    from reservation_middleware.signals import SIGNALS

    rooms = {type(signal).__module__.split(".")[2] for signal in SIGNALS}
    assert len(rooms) == len(SIGNALS)
    for path in sorted((PACKAGE / "signals").rglob("*.py")):
        room = path.relative_to(PACKAGE / "signals").parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for name in names:
                parts = name.removeprefix("reservation_middleware.signals.").split(".")
                imported = parts[0] if parts[0] in rooms else None
                if room != "__init__" and imported not in {None, room}:
                    at_home = (
                        isinstance(node, ast.ImportFrom) and node.level and path.parent.name == room
                    )
                    assert at_home, f"{name_of(path)} imports {name}"


#: Names that both adapters give their own class, since users import them from either.
IN_BOTH_ADAPTERS = {"Agents", "PolicyUnreachableError", "ReservationMiddleware", "ReservedError"}


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    twice = {name: files for name, files in places.items() if len(files) > 1}
    assert set(twice) == IN_BOTH_ADAPTERS, twice
    assert all(
        sorted(file.split("/")[0] for file in files) == ["aiohttp", "scrapy"]
        for files in twice.values()
    )
