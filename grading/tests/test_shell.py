# SPDX-License-Identifier: MIT
"""The shell and the commands, run from the boot arguments."""
from __future__ import annotations

import pytest

from grading.octavo.machine import Machine
from grading.octavo.scoring import points

# name, script, output, status
SCRIPTS = [
    ("echo", "echo hello world", "hello world", 0),
    ("list", "echo a; echo b", "a\nb", 0),
    ("and_true", "true && echo yes", "yes", 0),
    ("and_false", "false && echo no", "", 1),
    ("or_true", "true || echo no", "", 0),
    ("or_false", "false || echo yes", "yes", 0),
    ("chain", "false && echo no || echo yes", "yes", 0),
    ("status", "sh -c 'exit 3'; echo $?", "3", 0),
    ("status_last", "true; sh -c 'exit 5'", "", 5),
    ("single_quotes", "echo 'a  b' 'c;d|e'", "a  b c;d|e", 0),
    ("double_quotes", 'echo "a  b" "x>y"', "a  b x>y", 0),
    ("backslash", "echo a\\ \\ b \\;", "a  b ;", 0),
    ("quote_joins", "echo a'b'\"c\"d", "abcd", 0),
    ("empty_word", "echo '' x", " x", 0),
    ("comment", "echo a # echo b", "a", 0),
    ("redirect", "echo hi > f; cat f", "hi", 0),
    ("redirect_truncates", "echo longer > f; echo hi > f; cat f", "hi", 0),
    ("append", "echo a > f; echo b >> f; cat f", "a\nb", 0),
    ("input", "echo one two > f; wc < f", None, 0),
    ("pipe", "echo hi | cat", "hi", 0),
    ("pipe_long", "echo hi | cat | cat | cat | cat", "hi", 0),
    ("pipe_status", "true | false", "", 1),
    ("pipe_status_first", "false | true", "", 0),
    ("pipe_big", "seq 1 3000 | cat | wc", None, 0),
    ("pipe_closed_reader", "seq 1 100000 | true; echo done", "done", 0),
    ("subshell", "(echo a; echo b) | cat", "a\nb", 0),
    ("subshell_cd", "mkdir d; (cd d; echo x > f); cat d/f; cat f", None, 1),
    ("subshell_status", "(exit 4); echo $?", "4", 0),
    ("background", "sleep 1 & echo first", "first", 0),
    ("not_found", "nosuchprogram; echo $?", None, 0),
    ("grep", "seq 1 20 | grep 1 | wc", None, 0),
    ("cd", "mkdir d; cd d; echo x > f; cd ..; cat d/f", "x", 0),
    ("cd_missing", "cd nowhere || echo refused", None, 0),
    ("mv", "echo x > a; mv a b; cat b; cat a", None, 1),
    ("ln", "echo x > a; ln a b; rm a; cat b", "x", 0),
    ("rm_missing", "rm nothing", None, 1),
    ("mkdir_twice", "mkdir d && mkdir d", None, 1),
    ("rm_full_directory", "mkdir d; echo x > d/f; rm d", None, 1),
    ("cat_missing", "cat nothing", None, 1),
    ("cat_readme", "cat README | wc > /n; cat README | grep -c Octavo > /m", None, 0),
    ("hexdump", "echo AB | hexdump", None, 0),
    ("seq", "seq 3", "1\n2\n3", 0),
    ("kill", "sleep 1000 & kill $! ; echo $?", None, 0),
    ("script_file", "echo 'echo inner' > s; sh s", "inner", 0),
    ("unclosed_quote", 'sh -c "echo \'a"', None, None),
    ("long_line", "echo " + "x" * 900, "x" * 900, 0),
]


@points(1)
@pytest.mark.parametrize(
    "script, output, status", [row[1:] for row in SCRIPTS], ids=[r[0] for r in SCRIPTS]
)
def test_script(
    machine: Machine, script: str, output: str | None, status: int | None
) -> None:
    """The shell runs a script with the output and status of any Unix shell."""
    run = machine.run(script)
    run.expect_complete()
    if output is not None:
        run.expect_output(output)
    if status is not None:
        run.expect_status(status)


@points(1)
def test_wc(machine: Machine) -> None:
    """wc counts lines, words and bytes of a file and of a pipe."""
    run = machine.run("echo one two > f; echo three >> f; wc f; cat f | wc")
    words = [line.split()[:3] for line in run.lines]
    if words != [["2", "3", "14"], ["2", "3", "14"]]:
        run.fail("2 3 14, twice", run.output)


@points(1)
def test_big_pipe(machine: Machine) -> None:
    """Many kilobytes cross a pipe unharmed and in order."""
    run = machine.run("seq 1 3000 | cat | wc")
    counts = run.output.split()
    bytes_expected = sum(len(str(n)) + 1 for n in range(1, 3001))
    if counts[:3] != ["3000", "3000", str(bytes_expected)]:
        run.fail(f"3000 3000 {bytes_expected}", run.output)


@points(1)
def test_unclosed_quote(machine: Machine) -> None:
    """A syntax error is told on standard error with a nonzero status."""
    run = machine.run('sh -c "echo \'a" && echo accepted || echo refused')
    run.expect_text("refused")
    run.expect_no_text("accepted")


@points(1)
def test_missing_command(machine: Machine) -> None:
    """A missing program is named in an error and gives a nonzero status."""
    run = machine.run("nosuchprogram")
    run.expect_text("nosuchprogram")
    if run.result.status == 0:
        run.fail("a nonzero status", "0")


@points(1)
def test_ls(machine: Machine) -> None:
    """ls names what mkdir, echo and ln made, and nothing that rm removed."""
    run = machine.run("mkdir d; cd d; echo a > one; mkdir two; echo > x; rm x; ls")
    run.expect_text("one")
    run.expect_text("two")
    if any("x" in line.split() for line in run.lines):
        run.fail("no x in the directory", run.output)


@points(1)
def test_ps(machine: Machine) -> None:
    """ps shows the servers and itself."""
    run = machine.run("ps; echo")
    for name in ("init", "names", "console", "disk", "fs", "pipe", "sh", "ps"):
        run.expect_text(name)


@points(1)
def test_kill(machine: Machine) -> None:
    """kill ends a sleeping process, and a process that is gone is an error."""
    run = machine.run("test_fork sleeper & ; echo")
    run.expect_complete()
    run = machine.run("kill 9999 || echo refused")
    run.expect_text("refused")
