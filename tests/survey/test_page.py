"""The report: one page that stands alone, and its files."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_cli import CommandLine, command_line
from survey_support import write_lines

from reservation_middleware.survey import page
from reservation_middleware.survey.run import Options, survey
from support import ROOT

EVIL = '<script>alert(1)</script>"&'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("page")
    bodies = [
        "User-agent: GPTBot\nDisallow: /\n\nUser-agent: *\nContent-Signal: ai-train=yes\nContent-Usage: train-ai=n\nAllow: /\n",
        f"User-agent: *\nContent-Signal: ai-train: no # {EVIL}\nDisallow:\n\nUser-agent: GPT-Bot\nDisallow: /\n",
        "User-agent: *\nDisallow: /\n",
    ]
    values = [
        {
            "host": f"h{number}.example",
            "wave": wave,
            "status": 200,
            "body": bodies[(number + int(wave)) % 3],
        }
        for number in range(12)
        for wave in ("1", "2")
    ]
    gone: dict[str, object] = {"host": "gone.example", "wave": "2", "status": 503}
    strata = base / "strata.csv"
    strata.write_text(
        "host,category\n"
        + "".join(f'h{number}.example,"{EVIL.replace(chr(34), "")}"\n' for number in range(12))
    )
    survey(
        [str(write_lines(base / "x.jsonl", [*values, gone]))], base / "out", Options(strata=strata)
    )
    return base / "out"


@pytest.fixture(scope="module")
def found(folder: Path) -> page.SurveyReport:
    return page.report(folder)


@pytest.mark.slow
def test_one_page_without_script_or_other_files(found: page.SurveyReport) -> None:
    html = page.html(found)
    assert "<script" not in html
    assert not re.search(r"(?:src|srcset|href)=\"(?!data:|#)", html)
    assert "prefers-color-scheme: dark" in html
    assert html.index("<h1>") < html.index("<section")
    assert html.count("<picture>") >= 6


def test_every_plot_stands_beside_query_numbers_denominator_and_missing_data(
    found: page.SurveyReport,
) -> None:
    assert {answer.section.name for answer in found.answers} >= {
        *("agents", "over-time", "first-denial", "transitions", "signals", "conflicts", "strata"),
        *("near-misses", "definitions", "policy-options", "captures"),
    }
    for answer in found.answers:
        assert answer.result.query
        assert answer.rows
        assert answer.denominator
        assert set(answer.section.columns) <= set(answer.rows[0]), answer.section.name
    assert "1 more nothing is known" in found.answers[0].denominator
    assert "not counted as allowing" in " ".join(found.more)
    assert any(sentence.startswith("In 1 it was") for sentence in found.more)


def test_waves_of_other_sites_are_not_compared(tmp_path: Path) -> None:
    values = [
        {
            "host": f"{wave}{number}.example",
            "wave": wave,
            "status": 200,
            "body": "User-agent: *\nDisallow: /\n",
        }
        for number in range(5)
        for wave in ("a", "b")
    ]
    survey([str(write_lines(tmp_path / "x.jsonl", values))], tmp_path / "out", Options())
    assert not any(text.startswith("In a it was") for text in page.report(tmp_path / "out").more)


@pytest.mark.slow
def test_the_example_study_runs_on_made_up_data(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUDY, str(ROOT / "examples/study"), "-o", str(tmp_path / "study")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    assert "made-up data" in done.stdout
    assert (tmp_path / "study/panel/report/report.html").exists()


STUDY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv.pop(1))
import study
study.DATA = Path("nowhere")
study.main()
"""


@pytest.mark.slow
def test_files(found: page.SurveyReport, tmp_path: Path) -> None:
    written = {path.name for path in page.write(found, tmp_path)}
    assert {"report.html", "report.md", "agents.csv", "agents.svg", "agents.png"} <= written
    for path in tmp_path.glob("*.svg"):
        ET.parse(path)
    for path in tmp_path.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "## Methods" in text
    assert "metrics/m2_agents.sql" in text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as started:
        yield started


@pytest.mark.slow
def test_the_command_line_writes_the_files(folder: Path, tmp_path: Path, run: CommandLine) -> None:
    done = run("report", folder, "-o", tmp_path / "r")
    assert done.status == 0, done.err
    assert "deny everything to at least one agent" in done.out
    assert (tmp_path / "r/report.html").exists()


def test_the_command_line(folder: Path, tmp_path: Path, run: CommandLine) -> None:
    done = run("report", folder, "--format", "json")
    assert json.loads(done.out)["answers"]["agents"]["query"] == "m2_agents"
    path = write_lines(tmp_path / "x.jsonl", [{"host": "a.example", "body": "x"}, 7])
    done = run("survey", path, "-o", tmp_path / "out", "--wave", "w")
    assert (done.status, "1 time: a JSON value that is no object" in done.out) == (0, True)
    done = run("survey", "-", "-o", tmp_path / "stdin", text='{"host": "a.example", "body": ""}\n')
    assert (done.status, done.out.startswith("1 site,")) == (0, True), done.err
    done = run("survey", tmp_path / "gone", "-o", tmp_path / "x")
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "cannot read" in done.err


def test_queries_run_by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the survey's folder, with nothing but DuckDB."""
    import duckdb

    monkeypatch.chdir(folder)
    connection = duckdb.connect()
    connection.execute(Path("metrics/views.sql").read_text("utf-8"))
    for path in sorted(Path("metrics").glob("*.sql")):
        if path.stem != "views":
            connection.execute(path.read_text("utf-8")).fetchall()


def test_an_unfinished_survey_is_said_in_one_line(tmp_path: Path, run: CommandLine) -> None:
    (tmp_path / "survey.json").write_text("{}")
    done = run("report", tmp_path)
    assert done.status == 2
    assert done.err.count("\n") == 1
