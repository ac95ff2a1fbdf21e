# SPDX-License-Identifier: MIT
"""GDB going back in time, and stopping where a graded test failed."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List

import pytest

from grading.octavo import gdb, machine, scoring
from grading.octavo.machine import Setup
from grading.octavo.gdb import AT_EXIT, MARK, ask, expect
from grading.octavo.scoring import points


def place(text: str) -> int:
    """The count in a line `At instruction N:`."""
    return int(expect(text, r"instruction (\d+):$")[1])


@points(3)
def test_goto() -> None:
    """goto leads to the same instruction from before and from behind."""
    answers = ask(
        AT_EXIT,
        "goto",
        "info registers",
        "goto -100_000",
        "info registers",
        "goto +100000",
        "info registers",
        "goto 12500000",
        "goto",
    )
    here, before = place(answers[0]), place(answers[2])
    if before != here - 100_000 or place(answers[4]) != here:
        scoring.fail("goto -N and +N are N apart", "they are not", "\n".join(answers))
    if answers[1] != answers[5] or answers[1] == answers[3]:
        scoring.fail("the same registers", "others", answers[5])
    if place(answers[6]) != 12_500_000 or place(answers[7]) != 12_500_000:
        scoring.fail("instruction 12500000", answers[6])


@points(2)
def test_same_counts() -> None:
    """Two recordings of a run have the same counts, and a step counts one."""
    (one,) = ask(AT_EXIT, "goto")
    two, three = ask([*AT_EXIT, "stepi"], "goto", "goto -1")
    if place(one) + 1 != place(two) or place(one) != place(three):
        scoring.fail(f"{place(one)} and one more", two)


@points(2)
def test_rewind() -> None:
    """rewind leads to the kernel's first line, also from the run's end."""
    end, again, stop = ask(["delete"], "continue", "rewind", "goto 13000000")
    expect(end, r"The run ends here\.")
    expect(end, r"^console: hi$")
    expect(again, r"Back at instruction \d+:\n#0  kernel_main ")
    if place(stop) != 13_000_000:
        scoring.fail("instruction 13000000", stop)


@points(3)
def test_back() -> None:
    """back leads to the stops of a breakpoint in the opposite order."""
    script = ["delete", "break ipc_recv"]
    forth = ["continue", "goto"] * 4
    answers = ask(script, *forth, *["back"] * 3)
    stops = [place(answer) for answer in answers[1:8:2]]
    backs = [place(answer) for answer in answers[8:]]
    if backs != stops[2::-1]:
        scoring.fail(f"stops at {stops[2::-1]}", str(backs), "\n".join(answers))


@points(3)
def test_last_write() -> None:
    """last-write finds the store that gave a kernel variable its value."""
    answers = ask(
        [*AT_EXIT, "set $at = &self->state"],
        "output (int)THREAD_RUNNING",
        "last-write $at 4",
        "output *(int *)$at",
        "goto +1",
        "output *(int *)$at",
    )
    became = expect(answers[1], r"became (0x\w+), it was (0x\w+)\.$")
    expect(answers[1], r"^=> 0x\w+ <\w+\+?\d*>:\s+(c\.)?s[bwd]sp|\ts[bhwd]\t")
    if int(became[1], 16) != int(answers[0]):
        scoring.fail(f"it became {answers[0]}, RUNNING", answers[1])
    if int(answers[2]) != int(became[2], 16) or int(answers[4]) != int(became[1], 16):
        scoring.fail("the store changes it", "\n".join(answers))


CORRUPTS = """
#include "tests/check.h"

static long precious = 1;
static char buffer[8];

static void good(void) {
    check_equal("precious", precious, 1);
}
static __attribute__((noinline)) void corrupt(long *word) {
    *word = 2;
}
static void bad(void) {
    corrupt(&precious);
    for (int i = 0; i < 8; i++)
        buffer[i] = (char)i;
    check_equal("precious", precious, 1);
}
static const struct check checks[] = {
    {"good", "what nobody writes stays", good},
    {"bad", "what somebody writes stays", bad},
};
int main(int argc, char **argv) {
    return checks_main(argc, argv, checks, 2);
}
"""


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """A record with a test that fails, of a program that corrupts a word."""
    source = tmp_path / "test_planted.c"
    source.write_text(CORRUPTS)
    rows = []
    for harts in (1, 2):
        setup = Setup(add=(str(source),), smp=harts, append="debug=1")
        run = machine.boot("test_planted", setup, tmp_path / f"serial-{harts}.log")
        if "FAIL bad" not in run.output:
            run.fail("FAIL bad", run.output)
        for name in ("good", "bad"):
            row = {
                "test": f"test_x.py::test_x[test_planted-{name}-smp{harts}]",
                "status": "failed",
                "message": "expected: all well",
                "command": run.command,
            }
            rows.append(row)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(rows))
    return path


def debug_test(record: Path, name: str, *commands: str) -> List[str]:
    lines: List[str] = []
    for command in commands:
        lines += [MARK, command]
    text = gdb.session(lines, "--record", str(record), "--test", name)
    return gdb.parts(text)


@points(4)
def test_failing_point(failed: Path) -> None:
    """make gdb TEST=name stops where the check failed; last-write says why."""
    start, trace, wrote, why, code = debug_test(
        failed, "bad-smp1", "backtrace", "last-write &precious", "backtrace", "list"
    )
    expect(start, r"^test_x\.py::test_x\[test_planted-bad-smp1\] failed:$")
    expect(start, r"^Check bad of test_planted fails here: process \d+ ends with ")
    expect(start, r"^console: FAIL bad: precious, expected 1 +got 2")
    expect(trace, r"^#0  process_kill ")
    expect(trace, r" check_fail \(.*\) at user/tests/check\.h:\d+$")
    expect(trace, r" bad \(\) at .*test_planted\.c:\d+$")
    expect(wrote, r"became 0x2, it was 0x1\.$")
    expect(why, r"^#0 .*corrupt \(word=0x\w+.*\) at .*test_planted\.c:11$")
    expect(code, r"^11\s+\*word = 2;$")


@points(2)
def test_exact(failed: Path) -> None:
    """The run is that of the test: the console shows the same to the digit."""
    graded = (failed.parent / "serial-1.log").read_text(errors="replace")
    lines = [line for line in graded.splitlines() if line.startswith(("ok ", "FAIL"))]
    (start,) = debug_test(failed, "bad-smp1")
    shown = re.findall(r"^console: ((?:ok |FAIL).*)$", start, re.M)
    if shown != lines:
        scoring.fail("\n".join(lines), "\n".join(shown), start)


@points(2)
def test_other_check(failed: Path) -> None:
    """The failure of another check of the program is not stopped at."""
    (start,) = debug_test(failed, "good-smp1")
    expect(start, r"The run ends here\.")


@points(2)
def test_failing_harts(failed: Path) -> None:
    """On two harts it stops there, too, and says what it cannot do."""
    start, trace, back = debug_test(failed, "bad-smp2", "backtrace", "rewind")
    expect(start, r"^On 2 harts GDB can stop where it failed, but not go back")
    expect(start, r"^Check bad of test_planted fails here")
    expect(trace, r" bad \(\) at .*test_planted\.c:\d+$")
    expect(back, r"only a recorded run can go back")


@points(1)
def test_unknown_test(failed: Path) -> None:
    """A test that nobody knows is an error that says so."""
    text = gdb.session([], "--record", str(failed), "--test", "no_such_test")
    expect(text, r"^make gdb: no test has a name with no_such_test in it$")


# --- The how-to --------------------------------------------------------------

HOWTO = machine.TOP / "docs" / "howto" / "debug-with-gdb.md"
README = machine.TOP / "README.md"


def examples() -> List[List[str]]:
    """The sessions in the documents, each the lines of blocks that go together."""
    found: List[List[str]] = []
    text = HOWTO.read_text() + README.read_text()
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        lines = block.splitlines()
        if not any(line.startswith("(gdb) ") for line in lines):
            continue
        if lines[0].startswith("$ "):
            found.append([])
        found[-1] += lines
    return found


def steps(lines: List[str]) -> List[List[str]]:
    """Each command with the lines that the how-to shows below it."""
    found: List[List[str]] = []
    for line in lines:
        if line.startswith("(gdb) "):
            found.append([line[len("(gdb) ") :]])
        elif found:
            found[-1].append(line)
    return found


def pattern(line: str) -> str:
    """A line of the how-to as an expression: numbers, spaces and `...` differ."""
    text = re.escape(re.sub(r"^(#\d+ +)", r"\1@", line))
    text = text.replace("@", r"(?:0x\w+ in )?")
    text = re.sub(r"\\\.\\\.\\\.", ".*", text)
    text = re.sub(r"0x[0-9a-f]+", "0x[0-9a-f]+", text)
    text = re.sub(r"(?<![\w.+\[])\d+(?![\w+\]])", r"\\d+", text)
    return re.sub(r"(?:\\ )+", r"\\s+", text).replace("^", r"\^")


@pytest.mark.parametrize("index", range(len(examples())))
@points(3)
def test_howto(index: int) -> None:
    """What README.md and docs/howto/debug-with-gdb.md show is what GDB shows."""
    first, *lines = examples()[index]
    run = re.search(r"RUN=(?:'(.*?)'|(\w+)) ", first)
    assert run
    options = ["--debug"] if "DEBUG=1" in first else []
    script: List[str] = []
    for command, *_ in steps(lines):
        script += [MARK, command]
    text = gdb.session(script, *options, RUN=run[1] or run[2])
    answers = gdb.parts(text)[1:]
    for (command, *wanted), answer in zip(steps(lines), answers):
        at = 0
        for line in wanted:
            if line == "...":
                continue
            found = re.compile(rf"^(?:Temp.*?, )? *{pattern(line)}", re.M).search(
                answer, at
            )
            if not found:
                scoring.fail(f"{command} shows {line!r}", "it does not", answer)
            at = found.end()


@points(1)
def test_howto_whole() -> None:
    """The how-to names every command."""
    text = HOWTO.read_text()
    (listing,) = ask([], "octavo")
    for name in re.findall(r"^([a-z-]+)[ :]", listing, re.M):
        if f"`{name}" not in text and f"(gdb) {name}" not in text:
            scoring.fail(f"{name} in {HOWTO.name}", "it is not there", listing)
