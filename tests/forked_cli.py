"""The command line in a process of its own per case, forked from one that has imported it.

``python forked_cli.py`` takes one case per line of standard input, as JSON, and answers each with
one line: exit status (negative: the signal), output, talk. A case costs some milliseconds where a
new interpreter costs a second; file descriptors, rights and limits are the child's own. Where a
system has no fork, ``command_line`` starts new interpreters.

Not here: what is expected (``test_exit_status.py``).
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

#: What standard streams may be in place of a file.
CLOSED, PIPE, FULL, FOLDER, NOTHING = "closed", "pipe", "full", "folder", "nothing"


class Done(NamedTuple):
    """How a case ended."""

    status: int
    out: str
    err: str


class Cases:
    """Runs cases, one after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *arguments: object, **case: Any) -> Done:
        """Run the command line.

        Args:
            arguments: as they are typed.
            case: ``stdin``, ``stdout``, ``stderr`` (one of the words above), ``text`` (standard
                input), ``cwd``, ``env`` (added), ``nobody`` (without rights), ``limit`` (largest
                size of a file in bytes).
        """
        case["arguments"] = list(map(str, arguments))
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(case, default=str) + "\n")
        self._process.stdin.flush()
        return Done(*json.loads(self._process.stdout.readline()))


@contextmanager
def cases(cache: Path, *, columns: str | None = "160") -> Iterator[Cases]:
    """A process to run cases in.

    Args:
        cache: where copies of policies are kept.
        columns: width of the terminal; None where there is none.
    """
    here = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    here.pop("COLUMNS", None)
    if columns is not None:
        here |= {"COLUMNS": columns, "NO_COLOR": "1"}
    command = [sys.executable, str(Path(__file__))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=here
    ) as process:
        yield Cases(process)
        assert process.stdin
        process.stdin.close()


#: Runs the command line: arguments as they are typed; ``text`` is standard input, ``cwd`` the
#: folder, other keywords are environment variables.
CommandLine = Callable[..., Done]


def started(*arguments: object, text: str = "", cwd: Path | None = None, **env: str) -> Done:
    """Run the command line in a new interpreter, as a shell does."""
    done = subprocess.run(
        [sys.executable, "-m", "reservation_middleware", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def command_line(cache: Path) -> Iterator[CommandLine]:
    """What runs the command line in forks of one process, where the system has them.

    Args:
        cache: where the process that is forked would keep copies of policies; a case keeps them
            where ``XDG_CACHE_HOME`` says when it begins.
    """
    if not hasattr(os, "fork"):
        yield started
        return
    with cases(cache, columns=None) as forks:

        def run(*arguments: object, text: str = "", cwd: Path | None = None, **env: str) -> Done:
            env = {"XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"], **env}
            done = forks.run(*arguments, text=text, cwd=cwd, env=env)
            assert "Traceback" not in done.err, done.err
            return done

        yield run


_PARENT: list[Any] = []


def _child(case: dict[str, Any], out: int, err: int) -> None:
    files = {0: os.open(os.devnull, os.O_RDONLY), 1: out, 2: err}
    if "text" in case:
        text = tempfile.TemporaryFile()  # noqa: SIM115
        text.write(case["text"].encode("utf-8", "surrogateescape"))
        text.seek(0)
        files[0] = text.fileno()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        match case.get(name):
            case "full":
                files[number] = os.open("/dev/full", os.O_WRONLY)
            case "pipe":
                reader, files[number] = os.pipe()
                os.close(reader)
    for number, file in files.items():
        os.dup2(file, number)
    _PARENT.extend([sys.stdin, sys.stdout, sys.stderr])  # going, they would close what is new
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None
        if case.get(name) == CLOSED:
            os.close(number)
        else:  # as the interpreter opens them
            mode = "r" if not number else "w"
            code = case.get("env", {}).get("PYTHONIOENCODING", "utf-8")
            how = "backslashreplace" if number == 2 else "strict"
            stream = open(number, mode, encoding=code, errors=how, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
        if case.get(name) == FOLDER:  # no stream can be made of one
            os.dup2(os.open("/", os.O_RDONLY), number)
    os.chdir(case.get("cwd") or "/")
    os.environ.update(case.get("env", {}))
    if case.get("nobody"):
        os.setuid(65534)
    if "limit" in case:
        import resource
        import signal

        sys.dont_write_bytecode = True  # half a file of it would be read by others
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (case["limit"], case["limit"]))
    sys.argv = ["reservations", *case["arguments"]]


def _serve() -> None:
    # What the verbs import, so that each child has it.
    import reservation_middleware.decide.batch
    import reservation_middleware.ledger.read.replay
    import reservation_middleware.ledger.share.erase
    import reservation_middleware.ledger.share.prove
    import reservation_middleware.ledger.share.rate_card
    import reservation_middleware.ledger.share.stats
    import reservation_middleware.ledger.share.summary
    import reservation_middleware.ledger.verify.ledger
    import reservation_middleware.owners.inspect.forms
    import reservation_middleware.owners.lint.files
    import reservation_middleware.owners.lint.mend
    import reservation_middleware.owners.lint.render
    import reservation_middleware.owners.lint.run
    import reservation_middleware.report.ledger
    import reservation_middleware.report.offers
    import reservation_middleware.report.rollout_fold
    import reservation_middleware.report.rollout_page
    import reservation_middleware.runtime.cache.sqlite
    from reservation_middleware.__main__ import main
    from reservation_middleware.cli.main import app
    from reservation_middleware.syntax.domains import registrable

    del reservation_middleware
    registrable("a.example")  # reads the list of suffixes
    with suppress(SystemExit):
        app(["agents", "GPTBot"], standalone_mode=False)  # reads annotations, once for all
    sys.stdout.flush()
    for line in iter(sys.stdin.readline, ""):
        case = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            # Files are limited, pipes are not: of such cases little is printed.
            pipes = [os.pipe(), os.pipe()] if "limit" in case else []
            outputs = [pipe[1] for pipe in pipes] or [out.fileno(), err.fileno()]
            child = os.fork()
            if not child:
                status = 99
                try:
                    _child(case, *outputs)
                    main()
                    status = 98  # it always exits
                except SystemExit as error:
                    status = error.code if isinstance(error.code, int) else 97
                except BaseException:  # noqa: BLE001
                    import traceback

                    os.write(outputs[1], traceback.format_exc().encode())
                finally:
                    os._exit(status)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = []
            for number, file in enumerate((out, err)):
                if pipes:
                    os.close(pipes[number][1])
                    with os.fdopen(pipes[number][0], "rb") as reader:
                        data = reader.read()
                else:
                    file.seek(0)
                    data = file.read()
                texts.append(data.decode("utf-8", "replace"))
        os.write(_ANSWERS, json.dumps([status, *texts]).encode() + b"\n")


if __name__ == "__main__":
    _ANSWERS = os.dup(1)
    os.dup2(2, 1)
    _serve()
