"""`reservations lint` as it is typed: forms, exit statuses, ignores, baselines, fixes, bad input."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from forked_cli import CommandLine, Done, command_line
from lxml import html as lxml_html

from web import Answer, WebThread

#: Several levels and confidences, one with a fix, and words that are hostile in some form.
ROBOTS = (
    "User-agent: *\n"
    "Content-Singal: ai-train=no\n"
    "Disalow: /x\n"
    "\n"
    "User-agent: OpenAI\n"
    "Disallow: /y\n"
    "Noindex: /<b>|`](javascript:x) ::error::%0A\n"
)
TDM = '[{"location": "/", "tdm-reservation": 1}]'


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("cache")) as run:
        yield run


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "robots.txt").write_text(ROBOTS)
    return folder


def idents(done: Done) -> list[str]:
    return [finding["ident"] for finding in json.loads(done.out)["findings"]]


# ---- forms


def test_text_is_worst_first_with_place_remedy_and_link(cli: CommandLine, site: Path) -> None:
    done = cli("lint", "public", cwd=site.parent)
    lines = done.out.splitlines()
    assert done.status == 1
    heads = [line for line in lines if line.startswith("public/")]
    assert all(
        re.match(r"public/robots\.txt:\d+:\d+ (error|warning|info) [a-z-]+ \S", line)
        for line in heads
    )
    levels = [line.split()[1] for line in heads]
    assert levels == sorted(levels, key=["error", "warning", "info"].index)
    assert "    write: Content-Signal: ai-train=no" in lines
    assert "    https://www.rfc-editor.org/rfc/rfc9309#section-2.2" in lines


def test_json_is_the_contracts(cli: CommandLine, site: Path) -> None:
    found = json.loads(cli("lint", "public", "--format", "json", cwd=site.parent).out)
    assert found.keys() == {"version", "findings", "not_tested"}
    assert found["version"] == 1
    places = [(entry["path"], entry["line"]) for entry in found["findings"]]
    assert places == sorted(places)
    for entry in found["findings"]:
        assert entry.keys() == {
            *("ident", "level", "confidence", "path", "line", "column", "summary", "remedy"),
            *("reference", "since", "fixable", "fingerprint"),
        }
        assert re.fullmatch(r"[0-9a-f]{64}", entry["fingerprint"])


def test_sarif_keeps_its_schema(cli: CommandLine, site: Path) -> None:
    log = json.loads(cli("lint", "public", "--format", "sarif", cwd=site.parent).out)
    jsonschema.validate(log, SARIF)
    [run] = log["runs"]
    ranks = [["error", "warning", "note"].index(result["level"]) for result in run["results"]]
    assert ranks == sorted(ranks)
    for result in run["results"]:
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["helpUri"].endswith(result["ruleId"])
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "public/robots.txt"


def test_what_is_not_sarif_fails_the_schema(cli: CommandLine, site: Path) -> None:
    log = json.loads(cli("lint", "public", "--format", "sarif", cwd=site.parent).out)
    log["runs"][0]["results"][0]["level"] = "info"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SARIF)


def test_github_annotates_the_ten_worst_and_summarises_all(cli: CommandLine, site: Path) -> None:
    text = "User-agent: *\n" + "".join(f"Disallow: a{number}/\n" for number in range(9))
    (site / "robots.txt").write_text(text + "Noindex: /\n" * 5)
    summary = site.parent / "summary.md"
    done = cli(
        *("lint", "public", "--format", "github"), cwd=site.parent, GITHUB_STEP_SUMMARY=str(summary)
    )
    commands = done.out.splitlines()
    assert len(commands) == 10
    assert all(
        re.match(r"::(error|warning|notice) file=public/robots.txt,line=\d+,col=\d+,title=", line)
        for line in commands
    )
    assert summary.read_text().count("public/robots") == 14


def test_hostile_words_stay_words(cli: CommandLine, site: Path) -> None:
    page = cli("lint", "public", "--format", "html", cwd=site.parent).out
    tree = lxml_html.document_fromstring(page)
    assert tree.xpath("//b | //script | //a[starts-with(@href, 'javascript')]") == []
    assert len(tree.xpath("//h1")) == 1
    markdown = cli("lint", "public", "--format", "markdown", cwd=site.parent).out
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in rows)
    assert "<b>" not in markdown
    github = cli("lint", "public", "--format", "github", cwd=site.parent).out
    assert [line for line in github.splitlines() if not line.startswith("::")] == []
    assert "%250A" in github


# ---- exit statuses and bad input


def test_fail_on(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_text("User-agent: *\nDisalow: /x\n")  # info only
    statuses = [
        cli("lint", "public", "--fail-on", level, cwd=site.parent).status
        for level in ("info", "warning", "error", "never")
    ]
    assert statuses == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["none.txt"], 2, "cannot read none.txt: No such file or directory"),
        ([], 2, "a PATH, a URL or - is needed"),
        (["--explain", "site-noindx"], 2, "did you mean 'site-noindex-line'"),
        (["public", "--intent", "none.toml"], 2, "none.toml: there is no such file"),
        (["public", "--baseline", "public/robots.txt"], 2, "no baseline"),
        (["public", "--prune"], 2, "--prune needs --baseline FILE"),
        (["https://a.example", "--live", "https://a.example"], 2, "give a PATH with it"),
        (["mailto://a@b"], 2, "is not an http or https URL"),
    ],
)
def test_bad_usage_is_one_line(
    cli: CommandLine, site: Path, arguments: list[str], status: int, words: str
) -> None:
    done = cli("lint", *arguments, cwd=site.parent)
    assert done.status == status
    assert words in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("name", "body", "status", "ident"),
    [
        ("robots.txt", bytes(range(256)) * 40, 1, "site-binary"),
        ("robots.txt", "User-agent: *\nDisallow: /a\n".encode("utf-16"), 1, "site-utf-16"),
        ("robots.txt", b"Disallow: /\n" * 60_000, 1, "robots-truncated"),
        ("tdmrep.json", b"\xff\xfe{", 1, "tdmrep-file-not-json"),
        ("page.html", b"\xff" * 10_000, 0, ""),
        ("noise.bin", bytes(range(256)), 3, ""),
        ("empty.txt", b"", 3, ""),
    ],
)
def test_odd_files(
    cli: CommandLine, tmp_path: Path, name: str, body: bytes, status: int, ident: str
) -> None:
    (tmp_path / name).write_bytes(body)
    done = cli("lint", name, "--format", "json", cwd=tmp_path)
    assert done.status == status
    found = json.loads(done.out)
    assert (ident in idents(done)) is bool(ident)
    # Never clean for what was not tested.
    assert bool(found["not_tested"]) is (status == 3)


def test_a_file_of_100_mb(cli: CommandLine, tmp_path: Path) -> None:
    with (tmp_path / "robots.txt").open("wb") as file:
        file.write(b"User-agent: *\nDisallow: /a\n")
        file.truncate(100_000_000)  # a hole: nothing is written to the disk
    done = cli("lint", "robots.txt", "--format", "json", cwd=tmp_path)
    assert done.status == 1
    assert {"site-binary", "robots-truncated"} <= set(idents(done))


def test_an_empty_folder_was_not_tested(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    done = cli("lint", "public", cwd=tmp_path)
    assert done.status == 3
    assert "not tested: public: no file in it is of a kind that is read" in done.out


def test_what_cannot_be_read_in_a_folder_is_said(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_text("User-agent: *\nDisallow: /x\n")
    (site / "ai.txt").mkdir()  # a folder where a file should be is none
    (site / "trust.txt").symlink_to(site / "nowhere")
    (site / "page.html").write_text("<!doctype html>")
    done = cli("lint", "public", cwd=site.parent)
    assert done.status == 0
    assert "in 2 documents" in done.out


def test_standard_input_is_told_by_its_content(cli: CommandLine) -> None:
    robots = cli("lint", "-", "--format", "json", text="User-agent: OpenAI\nDisallow: /\n")
    assert idents(robots) == ["site-agent-generic"]
    tdmrep = cli("lint", "-", "--format", "json", text='{"location": "/", "tdm-reservation": 1}')
    assert "tdmrep-file-not-array" in idents(tdmrep)
    page = cli("lint", "-", "--format", "json", text='<meta name="robot" content="noai">')
    assert "robots-meta-misspelt" in idents(page)
    assert cli("lint", "-", text="").status == 3


# ---- ignores and baselines


def test_a_comment_with_a_reason_ignores_one_line(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_text(
        "User-agent: *\n"
        "# reservations: ignore[site-noindex-line] an old crawler reads it\n"
        "Noindex: /a\n"
        "Noindex: /b # reservations: ignore[site-noindex-line] this one, too\n"
        "Noindex: /c\n"
    )
    done = cli("lint", "public", "--format", "json", cwd=site.parent)
    lines = [entry["line"] for entry in json.loads(done.out)["findings"]]
    assert lines == [5]
    everything = cli("lint", "public", "--format", "json", "--no-ignores", cwd=site.parent)
    assert idents(everything) == ["site-noindex-line"] * 3


def test_ignores_in_the_configuration(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_text("User-agent: *\nNoindex: /a\n")
    configuration = site.parent / "reservations.toml"
    configuration.write_text(
        "[lint.ignore]\n"
        'site-noindex-line = { glob = "public/*", reason = "an old crawler reads it" }\n'
        'site-binary = [{ reason = "never here" }]\n'
    )
    done = cli("lint", "public", cwd=site.parent)
    assert done.status == 0
    assert "stale: [lint.ignore] site-binary, glob *" in done.out
    # The table is lint's alone: other verbs skip it.
    assert cli("decide", cwd=site.parent, text="").status == 0
    agents = cli("check", "http://127.0.0.1:9/", cwd=site.parent)
    assert "lint" not in agents.err
    for table, words in (
        ('site-binry = { reason = "x" }', "did you mean 'site-binary'"),
        ("site-binary = {}", "reason"),
        ('site-binary = { reason = " " }', "the reason is empty"),
    ):
        configuration.write_text(f"[lint.ignore]\n{table}\n")
        done = cli("lint", "public", cwd=site.parent)
        assert done.status == 2
        assert words in done.err
        assert "reservations.toml" in done.err


def test_a_baseline_holds_fingerprints_not_counts(cli: CommandLine, site: Path) -> None:
    robots = site / "robots.txt"
    robots.write_text("User-agent: *\nNoindex: /a\nNoindex: /b\n")
    made = cli("lint", "public", "--baseline", "known.json", cwd=site.parent)
    assert made.status == 0
    # Lines above come and go; one finding is mended, another is new.
    robots.write_text("# new\n\nUser-agent: *\n  Noindex:  /b\nNoindex: /c\n")
    done = cli("lint", "public", "--baseline", "known.json", "--format", "json", cwd=site.parent)
    assert [entry["line"] for entry in json.loads(done.out)["findings"]] == [5]
    text = cli("lint", "public", "--baseline", "known.json", cwd=site.parent).out
    assert "stale: baseline: site-noindex-line public/robots.txt" in text
    cli("lint", "public", "--baseline", "known.json", "--prune", cwd=site.parent)
    assert len(json.loads((site.parent / "known.json").read_text())["fingerprints"]) == 1
    assert "stale" not in cli("lint", "public", "--baseline", "known.json", cwd=site.parent).out


def test_equal_lines_have_different_fingerprints(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_text("User-agent: *\nNoindex: /a\nNoindex: /a\n")
    found = json.loads(cli("lint", "public", "--format", "json", cwd=site.parent).out)
    assert len({entry["fingerprint"] for entry in found["findings"]}) == 2


# ---- fixes


def test_fix_mends_what_is_certain_and_changes_no_effect(cli: CommandLine, site: Path) -> None:
    done = cli("lint", "public", "--fix", cwd=site.parent)
    text = (site / "robots.txt").read_text()
    assert text == ROBOTS.replace("Disalow", "Disallow")
    assert "-Disalow: /x\n+Disallow: /x\n" in done.err
    assert "effects: none" in done.err


def test_fix_all_shows_the_effects(cli: CommandLine, site: Path) -> None:
    done = cli("lint", "public", "--fix-all", cwd=site.parent)
    assert "Content-Signal: ai-train=no\n" in (site / "robots.txt").read_text()
    assert re.search(r"/ {2}ai-train-gen: not said -> no {2}\(\*, unnamed-crawler, ", done.err)


def test_a_fix_that_would_change_something_else_is_not_made(cli: CommandLine, site: Path) -> None:
    # The slash gives the group a rule, as the finding says; but this name stands for a use, so that
    # every crawler's answer would change.
    text = "User-agent: __usage_ai-training\nDisallow: private/\n"
    (site / "robots.txt").write_text(text)
    done = cli("lint", "public", "--fix-all", cwd=site.parent)
    assert (site / "robots.txt").read_text() == text
    assert re.search(
        r"not mended: public/robots.txt:2 site-rule-without-slash: .* ai-train", done.err
    )


def test_line_ends_and_other_lines_stay(cli: CommandLine, site: Path) -> None:
    (site / "robots.txt").write_bytes(b"\xef\xbb\xbfUser-agent: *\r\nDisalow: /x\r\n# \xff\r\n")
    cli("lint", "public", "--fix", cwd=site.parent)
    assert (site / "robots.txt").read_bytes() == b"User-agent: *\r\nDisallow: /x\r\n# \xff\r\n"


def test_the_file_as_mended_is_what_is_reported(cli: CommandLine, site: Path) -> None:
    done = cli("lint", "public", "--fix", "--format", "json", cwd=site.parent)
    assert "robots-misspelling-read" not in idents(done)


# ---- live


PAGES: Mapping[str, Answer] = {
    "http://a.example/robots.txt": Answer(body=b"User-agent: OpenAI\nDisallow: /x\n"),
    "http://a.example/": Answer(
        headers=(("content-type", "text/html"), ("x-robots-tg", "noai")), body=b"<p>x</p>"
    ),
    "http://b.example/robots.txt": Answer(503),
}


def test_a_live_site(cli: CommandLine) -> None:
    with WebThread(PAGES) as web:
        done = cli("lint", "http://a.example/", "--proxy", web.proxy_url, "--format", "json")
        found = json.loads(done.out)["findings"]
        by_ident = {entry["ident"]: entry for entry in found}
        assert by_ident["site-agent-generic"]["url"] == "http://a.example/robots.txt"
        assert by_ident["robots-meta-misspelt"]["url"] == "http://a.example/"
        assert by_ident["robots-meta-misspelt"]["line"] is None
        dead = cli("lint", "http://b.example/", "--proxy", web.proxy_url, "--fail-on", "never")
        assert dead.status == 3
        assert "not tested: http://b.example/" in dead.out


def test_a_folder_beside_the_wire(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    (folder / ".well-known").mkdir(parents=True)
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /x\n")
    (folder / ".well-known" / "tdmrep.json").write_text(TDM)
    (folder / "_headers").write_text("/*\n  TDM-Reservation: 1\n")
    (folder / "index.html").write_text("<p>x</p>")
    with WebThread(PAGES) as web:
        done = cli(
            *("lint", "public", "--live", "http://a.example", "--proxy", web.proxy_url),
            *("--format", "json"),
            cwd=tmp_path,
        )
    deployed = [ident for ident in idents(done) if ident.startswith("deploy-")]
    assert sorted(deployed) == ["deploy-different", "deploy-dot-folder", "deploy-header-lost"]


# ---- explain


def test_explain(cli: CommandLine) -> None:
    done = cli("lint", "--explain", "site-group-joined")
    assert done.status == 0
    for words in ("## Why", "## Before", "## Which parsers", "## Reference"):
        assert words in done.out


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


_TEXT = {"type": "string", "minLength": 1}
_MESSAGE = _object(["text"], text=_TEXT)
_LEVEL = {"enum": ["none", "note", "warning", "error"]}
_LINE = {"type": "integer", "minimum": 1}
#: What of SARIF 2.1.0 is used, as its schema has it (§3.13 to §3.49): objects closed.
SARIF = _object(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": _object(
            ["tool"],
            tool=_object(
                ["driver"],
                driver=_object(
                    ["name"],
                    name=_TEXT,
                    semanticVersion=_TEXT,
                    informationUri=_TEXT,
                    rules={
                        "type": "array",
                        "items": _object(
                            ["id"],
                            id=_TEXT,
                            shortDescription=_MESSAGE,
                            fullDescription=_MESSAGE,
                            help=_MESSAGE,
                            helpUri={"type": "string", "pattern": "^https://"},
                            defaultConfiguration=_object([], level=_LEVEL),
                            properties={"type": "object"},
                        ),
                    },
                ),
            ),
            invocations={
                "type": "array",
                "items": _object(
                    ["executionSuccessful"],
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications={
                        "type": "array",
                        "items": _object(["message"], message=_MESSAGE, level=_LEVEL),
                    },
                ),
            },
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={
                "type": "array",
                "items": _object(
                    ["message"],
                    ruleId=_TEXT,
                    ruleIndex={"type": "integer", "minimum": 0},
                    level=_LEVEL,
                    message=_MESSAGE,
                    locations={
                        "type": "array",
                        "items": _object(
                            [],
                            physicalLocation=_object(
                                ["artifactLocation"],
                                artifactLocation=_object(
                                    ["uri"], uri={"type": "string", "pattern": "^[^/]"}
                                ),
                                region=_object([], startLine=_LINE, startColumn=_LINE),
                            ),
                        ),
                    },
                    partialFingerprints={
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                    },
                ),
            },
        ),
    },
)


def test_nothing_is_left_behind(cli: CommandLine, site: Path) -> None:
    cli("lint", "public", "--fix-all", cwd=site.parent)
    assert sorted(path.name for path in site.iterdir()) == ["robots.txt"]
    shutil.rmtree(site)
