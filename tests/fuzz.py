"""Fuzzing end to end: hostile documents through the public face, for three policies.

    python tests/fuzz.py --seconds 300 [family…]
    python tests/fuzz.py --case rsl-feed:0:1234      one input again, and its line for decide

Of every input must hold: nothing raises; two decisions are one; the record encodes, is short
and keeps to spec/schemas/decision.schema.json; and no input takes long or much memory. They
run in a process of their own, so that a crash or a hang in a native library is a failure
like others. Here: what must hold, and the runner. The inputs are tests/fuzz_inputs.py's.
"""

import argparse
import base64
import faulthandler
import itertools
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from fuzz_inputs import FAMILIES, Case, made
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from reservation_middleware import Agent, Check, Document, profile
from reservation_middleware.decide.batch import answers_to
from reservation_middleware.decide.reading import LINKED
from reservation_middleware.decide.record import record
from reservation_middleware.model import PAGE
from support import SPEC

POLICIES = {
    "opt-out": profile("opt-out"),
    "strict": profile("strict").changed({"content_use": "full"}),
    "strict, near misses recorded": profile("strict").changed({"near_miss": "record"}),
}
#: Seconds of one decision, in a run by hand; bytes of a record.
SLOW, LONGEST_RECORD = 2.0, 256 * 1024
#: MiB that memory may grow by, and more for every MiB of input: a parsed page takes 24 times itself.
LARGE, LARGER = 100.0, 24.0
#: Seconds after which a process that works on one input is given up.
HUNG = 60
_SAID = re.compile(rb'"(?:ident|carrier|scheme)":"([^"]*)"')
# Failures of one kind that are told, and rounds of the wants-and-feeds loop.
_MOST_TOLD, _MOST_ROUNDS = 3, 8


class Failure(msgspec.Struct):
    """An input that did not do what it must: its name, what went wrong, and the input."""

    case: str
    what: str
    detail: str
    line: str = ""


class Tally(msgspec.Struct):
    """What came of one family."""

    family: str
    inputs: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_case: str = ""
    slowest_size: int = 0
    largest: float = 0.0
    largest_case: str = ""
    said: list[str] = []
    failures: list[Failure] = []


# --- what must hold -----------------------------------------------------------------------


def decided(case: Case, name: str) -> bytes:
    """The encoded record of a case, fed stage by stage as a crawl does it."""
    check = Check(case.url, agent=Agent("ExampleBot"), policy=POLICIES[name])
    check.wants()
    policies = [one for one in case.documents if one.resource not in (PAGE, *LINKED)]
    linked = [one for one in case.documents if one.resource in LINKED]
    for one in policies:
        check.feed(one)
    _follow(check, linked)
    record(check.decide())
    for one in case.documents:
        if one.resource == PAGE:
            check.feed(msgspec.structs.replace(one, body=None))
            record(check.decide())
            if one.body is not None:
                check.feed(one)
    _follow(check, linked)
    # Documents that nobody points to any more are read all the same.
    for one in linked:
        check.feed(one)
    first = msgspec.json.encode(record(check.decide()))
    if msgspec.json.encode(record(check.decide())) != first:
        raise AssertionError("decided twice, and not the same")
    return first


def _follow(check: Check, documents: list[Document]) -> None:
    for _ in range(_MOST_ROUNDS):
        answers = answers_to(check.wants(), documents)
        if not answers:
            return
        for one in answers:
            check.feed(one)
    raise AssertionError("it goes on wanting what it has")


@cache
def _validator() -> Draft202012Validator:
    schema = msgspec.json.decode((SPEC / "schemas" / "decision.schema.json").read_bytes())
    return Draft202012Validator(schema)


class Judge:
    """Holds cases against what must hold, and measures them."""

    def __init__(self) -> None:
        self._valid: set[int] = set()
        #: Note identifiers and carriers that occurred: how far the input gets.
        self.said: set[str] = set()

    def wrong(self, case: Case) -> Iterator[tuple[str, str]]:
        """What is wrong with the decisions of one case, in short and in full."""
        for name in POLICIES:
            try:
                first = decided(case, name)
                again = decided(case, name)
            except AssertionError as error:
                yield str(error), traceback.format_exc()
                return
            except BaseException as error:  # noqa: BLE001 - native libraries have their own
                yield f"raised {type(error).__name__} {_where(error)}", traceback.format_exc()
                return
            if first != again:
                yield "two checks, and not the same record", f"{first!r}\n{again!r}"
            size = len(first) - len(case.url)
            if size > LONGEST_RECORD:
                yield "a record that is too long", f"{size} bytes"
            # Records are much alike, and the schema takes longer than the decision.
            if hash(first) not in self._valid:
                self._valid.add(hash(first))
                self.said.update(one.decode() for one in _SAID.findall(first))
                for fault in itertools.islice(
                    _validator().iter_errors(msgspec.json.decode(first)), 3
                ):
                    place = "/".join(str(one) for one in fault.schema_path)
                    yield f"schema: {place}", fault.message[:1000]


def _where(error: BaseException) -> str:
    """The last line of ours that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "reservation_middleware" in one.filename]
    return f"in {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "in the fuzzer"


def _memory(key: str) -> float:
    """MiB of this process now (VmRSS) or at most (VmHWM); 0 where that cannot be told."""
    try:
        found = re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def _forget_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def measured(case: Case) -> tuple[float, float]:
    """Seconds of one decision, and MiB that memory grew by at the most."""
    _forget_peak()
    before = _memory("VmRSS")
    start = time.perf_counter()
    try:
        decided(case, "strict")
    except BaseException:  # noqa: BLE001 - told by Judge
        return 0.0, 0.0
    return time.perf_counter() - start, max(0.0, _memory("VmHWM") - before)


def line_of(case: Case) -> str:
    """A case as a line for ``reservations decide``."""
    return msgspec.json.encode(
        {
            "url": case.url,
            "agent": "ExampleBot",
            "documents": [
                {
                    "url": one.url,
                    **({"status": one.status} if one.status else {"outcome": one.outcome}),
                    "headers": [
                        [name, value.encode("utf-8", "replace").decode()]
                        for name, value in one.headers
                    ],
                    **({} if one.body is None else {"body": _body(one.body)}),
                }
                for one in case.documents
            ],
        }
    ).decode()


def _body(body: bytes) -> Any:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


# --- one family ---------------------------------------------------------------------------


def work(
    name: str,
    numbers: Iterator[int],
    *,
    seed: int = 0,
    until: float = float("inf"),
    status: Path | None = None,
    strict_time: bool = True,
) -> Tally:
    """Run inputs of one family until a time, and tell what came of them."""
    judge, tally = Judge(), Tally(name, failures=[])
    told: dict[str, int] = {}
    file = status.open("r+b", buffering=0) if status else None
    began = time.perf_counter()
    for number in numbers:
        if time.perf_counter() > until:
            break
        if file:
            file.seek(0)
            file.write(f"{name}:{number}".ljust(40).encode())
        faulthandler.dump_traceback_later(HUNG, exit=True)
        where = f"{name}:{seed}:{number}"
        case = made(name, number, seed)
        seconds, grown = measured(case)
        wrong = list(judge.wrong(case))
        if strict_time and seconds > SLOW:
            # Others may have had the processor; what is slow is slow again.
            seconds = min(seconds, measured(case)[0])
            if seconds > SLOW:
                wrong.append(("slow", f"{seconds:.1f} s"))
        size = sum(len(one.body or b"") for one in case.documents)
        most = LARGE + LARGER * size / 1024**2
        if grown > most:
            grown = measured(case)[1]
            if grown > most:
                wrong.append(("memory", f"{grown:.0f} MiB"))
        for what, detail in wrong:
            told[what] = told.get(what, 0) + 1
            if told[what] <= _MOST_TOLD:
                tally.failures.append(Failure(where, what, detail, line_of(case)))
        tally.inputs += 1
        if seconds > tally.slowest:
            tally.slowest, tally.slowest_case, tally.slowest_size = seconds, where, size
        if grown > tally.largest:
            tally.largest, tally.largest_case = grown, where
    faulthandler.cancel_dump_traceback_later()
    tally.seconds = time.perf_counter() - began
    tally.said = sorted(judge.said)
    return tally


def run(
    names: Sequence[str], *, seconds: float | None = None, inputs: int | None = None, seed: int = 0
) -> dict[str, Tally]:
    """Run families in one process; one that dies is a failure, and another goes on behind it.

    Args:
        names: the families.
        seconds: of each family, from when it starts.
        inputs: of each family, instead.
        seed: gives other inputs.
    """
    tallies = {name: Tally(name, failures=[], said=[]) for name in names}
    left, first, share = list(names), 0, seconds
    with tempfile.TemporaryDirectory() as folder:
        status = Path(folder, "status")
        while left:
            status.write_text(f"{left[0]}:{first}")
            command = [sys.executable, __file__, *left, "--worker", str(status)]
            command += ["--first", str(first), "--seed", str(seed)]
            command += [] if inputs is None else ["--inputs", str(inputs)]
            command += [] if share is None else ["--seconds", str(share)]
            began = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=False)
            for line in done.stdout.splitlines():
                tally = msgspec.json.decode(line, type=Tally)
                _add(tallies[tally.family], tally)
                left, first, share = left[1:], 0, seconds
            if done.returncode == 0 and left:
                raise RuntimeError(done.stderr.decode())
            if done.returncode:
                name, number = status.read_text().split(":")
                at = int(number)
                case = f"{name}:{seed}:{at}"
                said = done.stderr.decode("utf-8", "replace")[-4000:]
                line_ = line_of(made(name, at, seed))
                tallies[name].failures.append(
                    Failure(case, f"died: {done.returncode}", said, line_)
                )
                tallies[name].inputs += at + 1 - first
                left, first = left[left.index(name) :], at + 1
                share = None if share is None else share - (time.perf_counter() - began)
                over = (inputs is not None and first >= inputs) or (
                    share is not None and share <= 0
                )
                if over or len(tallies[name].failures) > 20:
                    left, first, share = left[1:], 0, seconds
    return tallies


def _add(whole: Tally, part: Tally) -> None:
    whole.inputs += part.inputs
    whole.seconds += part.seconds
    whole.failures += part.failures
    whole.said = sorted({*whole.said, *part.said})
    if part.slowest > whole.slowest:
        whole.slowest, whole.slowest_case = part.slowest, part.slowest_case
        whole.slowest_size = part.slowest_size
    if part.largest > whole.largest:
        whole.largest, whole.largest_case = part.largest, part.largest_case


# --- the command --------------------------------------------------------------------------


def table(tallies: Mapping[str, Tally]) -> Iterator[str]:
    """What came of the families, a line each."""
    yield (
        f"{'family':15}{'inputs':>9}{'failures':>10}{'heard':>7}{'slowest':>10}{'of KiB':>8}"
        f"{'+MiB':>6}  slowest input"
    )
    for one in tallies.values():
        yield (
            f"{one.family:15}{one.inputs:9}{len(one.failures):10}{len(one.said):7}"
            f"{one.slowest * 1000:7.0f} ms{one.slowest_size / 1024:8.0f}{one.largest:6.0f}"
            f"  {one.slowest_case}"
        )
    yield f"{'':15}{sum(one.inputs for one in tallies.values()):9}"


def main() -> int:
    """Run, print a table, and return 1 where something failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("families", nargs="*", help=", ".join(FAMILIES))
    parser.add_argument("--seconds", type=float, help="of all families together (default 60)")
    parser.add_argument("--inputs", type=int, help="of each family, instead of seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--case", help="one input again, as family:seed:number")
    parser.add_argument("--output", type=Path, help="a folder for inputs that failed")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.families) - set(FAMILIES):
        parser.error(f"no family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    if given.worker:
        for name in given.families:
            numbers: Iterator[int] = itertools.count(given.first)
            if given.inputs is not None:
                numbers = iter(range(given.first, given.inputs))
            until = time.perf_counter() + given.seconds if given.seconds else float("inf")
            timed = given.inputs is None
            tally = work(
                name, numbers, seed=given.seed, until=until, status=given.worker, strict_time=timed
            )
            sys.stdout.write(msgspec.json.encode(tally).decode() + "\n")
            sys.stdout.flush()
            given.first = 0
        return 0
    if given.case:
        name, seed, number = given.case.split(":")
        sys.stdout.write(line_of(made(name, int(number), int(seed))) + "\n")
        tally = work(name, iter([int(number)]), seed=int(seed))
        return told({name: tally}, given.output)
    families = given.families or list(FAMILIES)
    share = None if given.inputs is not None else (given.seconds or 60) / len(families)
    tallies: dict[str, Tally] = {}
    for name in families:
        tallies |= run([name], seconds=share, inputs=given.inputs, seed=given.seed)
        sys.stderr.write("." if not tallies[name].failures else "F")
        sys.stderr.flush()
    sys.stderr.write("\n")
    return told(tallies, given.output)


def told(tallies: Mapping[str, Tally], output: Path | None) -> int:
    """Print what came of it; write the inputs that failed where somebody wants them."""
    for line in table(tallies):
        sys.stdout.write(line + "\n")
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for failure in failures:
        sys.stdout.write(f"\n{failure.case}: {failure.what}\n{failure.detail[-1500:]}\n")
        if output:
            output.mkdir(parents=True, exist_ok=True)
            path = output / f"{failure.case.replace(':', '-')}.jsonl"
            path.write_text(failure.line + "\n")
            sys.stdout.write(f"input: {path}\n")
        else:
            sys.stdout.write(f"input: {failure.line[:1000]}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
