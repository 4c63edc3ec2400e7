"""The vectors from another language: spec/run.mjs, which must also be able to fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from support import ROOT, SPEC, Json, load_vectors, skip_without_extra

DECIDE = (sys.executable, "-m", "reservation_middleware", "decide")
#: Answers every line with the same record, whatever was asked.
PARROT = (sys.executable, "-c", 'import sys\nfor _ in sys.stdin: print(\'{"action": "block"}\')')


def run(spec: Path, *command: str) -> tuple[int, list[str]]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, spec / "run.mjs", *command],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SPEC, tmp_path / "spec"))


def test_runner_is_short_and_without_dependencies() -> None:
    lines = (SPEC / "run.mjs").read_text("utf-8").splitlines()
    assert len(lines) < 60
    imports = re.findall(r'from "([^"]+)"', "\n".join(lines))
    assert imports
    assert all(name.startswith("node:") for name in imports)


def test_all_vectors_pass() -> None:
    for vector in load_vectors():
        skip_without_extra(vector)
    code, lines = run(SPEC, *DECIDE)
    assert lines == [f"{len(load_vectors())} passed, 0 failed"]
    assert code == 0


def test_a_falsified_vector_fails(copy: Path) -> None:
    path = copy / "vectors" / "tdmrep.json"
    file: Json = msgspec.json.decode(path.read_bytes())
    vector = next(one for one in file["vectors"] if one["expect"].get("action") == "block")
    vector["expect"]["action"] = "proceed"
    path.write_bytes(msgspec.json.encode(file))
    code, lines = run(copy, *DECIDE)
    assert lines == [
        f'{vector["id"]}: action: expected "proceed", got "block"',
        f"{len(load_vectors()) - 1} passed, 1 failed",
    ]
    assert code == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expect", "got"),
    [
        ({"verdict": "allowed"}, '"disallowed"'),
        ({"crawl": "unknown"}, '"allowed"'),
        ({"stage": "content"}, '"site"'),
        ({"usage": {"tdm": None}}, '{"search":"unknown"'),
        ({"reasons": [{"signal": "tdmrep", "inferred": True}]}, '[{"signal":"tdmrep"'),
        ({"reasons": []}, '[{"signal":"tdmrep"'),
        ({"reasons_from": []}, '[{"ident":"tdmrep-file-not-array"'),
        ({"reasons_from": ["tdmrep", "robots"]}, '[{"ident":"tdmrep-file-not-array"'),
        ({"notes": ["conflict"]}, '[{"ident":"tdmrep-file-not-array"'),
        ({"notes": []}, '[{"ident":"tdmrep-file-not-array"'),
        ({"absent_notes": ["tdmrep-file-not-array"]}, '[{"ident":"tdmrep-file-not-array"'),
        ({"offers": [{"kind": "policy"}]}, "[]"),
        ({"consulted": ["tdmrep.json", "robots.txt"]}, '["robots.txt","tdmrep.json"]'),
        ({"not_reached": []}, '["ai.txt",".well-known/ai.txt"'),
        ({"expires": None}, '"2026-01-02T00:00:00Z"'),
    ],
    ids=str,
)
def test_every_kind_of_expectation_can_fail(copy: Path, expect: Json, got: str) -> None:
    page = "https://a.example"
    vector = {
        "id": "one",
        "input": {
            "url": f"{page}/x",
            "now": "2026-01-01T00:00:00Z",
            "documents": [
                {"url": f"{page}/robots.txt", "status": 404, "body": ""},
                {
                    "url": f"{page}/.well-known/tdmrep.json",
                    "body": '{"location": "/", "tdm-reservation": 1}',
                },
            ],
        },
        "expect": expect,
    }
    shutil.rmtree(copy / "vectors")
    (copy / "vectors").mkdir()
    (copy / "vectors" / "one.json").write_bytes(msgspec.json.encode({"vectors": [vector]}))
    code, [wrong, total] = run(copy, *DECIDE)
    assert wrong.startswith(f"one: {next(iter(expect))}: expected ")
    assert f"got {got}" in wrong
    assert total == "0 passed, 1 failed"
    assert code == 1


@pytest.mark.parametrize(
    "command",
    [PARROT, (sys.executable, "-c", ""), ("no-such-command",)],
    ids=["nonsense", "nothing", "no command"],
)
def test_a_program_that_does_not_decide_fails(command: tuple[str, ...]) -> None:
    code, lines = run(SPEC, *command)
    assert re.fullmatch(r"\d+ passed, \d+ failed", lines[-1])
    assert not lines[-1].endswith(" 0 failed")
    assert code == 1
