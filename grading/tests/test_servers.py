# SPDX-License-Identifier: MIT
"""The servers beside the file server: what they promise, and coming back."""
from __future__ import annotations

import pytest

from grading.octavo.guest import read_verdicts
from grading.octavo.machine import TOP, Machine
from grading.octavo.scoring import points

VARIANTS: dict[str, dict[str, object]] = {
    "fast": {},
    "slow": {"append": "fastpath=0 debug=1"},
    "debug": {"debug": True},
    "smp4-seed1": {"smp": 4, "seed": 1},
    "smp4-seed2": {"smp": 4, "seed": 2},
}


def run_program(machine: Machine, name: str, **changes: object) -> None:
    """Runs a program of grading/guest; each of its checks must pass."""
    source = TOP / "grading" / "guest" / f"{name}.c"
    setup: dict[str, object] = {"append": "debug=1", "add": (str(source),)}
    run = machine.run(name, **{**setup, **changes})
    run.expect_complete()
    verdicts = read_verdicts(run.output)
    for check, verdict in verdicts.items():
        if not verdict.passed:
            run.fail(f"{check} passes", verdict.text)
    run.expect_status(0)
    if not verdicts:
        run.fail("a verdict on each check", "none")


@points(3)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["names", "pipe", "disk", "console"])
def test_server(machine: Machine, name: str, variant: str) -> None:
    """A server's protocol, limits, and clients that misbehave or die."""
    run_program(machine, f"server_{name}", **VARIANTS[variant])


@points(3)
@pytest.mark.parametrize("smp", [1, 4])
def test_virtio(machine: Machine, smp: int) -> None:
    """The disk server on a real virtio device, with clients that die."""
    run_program(machine, "server_disk", virtio=True, smp=smp)


def restart(machine: Machine, server: str, commands: str, **changes: object) -> str:
    """The output of commands after a server was killed and came back."""
    kill = f"ps | grep ' {server}$' > p; cat p; "
    pids = {"names": 2, "console": 3, "disk": 4, "fs": 5, "pipe": 6, "sys": 7}
    command = f"{kill} kill {pids[server]}; sleep 3; {commands}"
    setup: dict[str, object] = {"append": "debug=1"}
    run = machine.run(command, **{**setup, **changes})
    run.expect_text(f"init: {server} died (status -1), restarting\n")
    if server not in run.output.splitlines()[0]:
        run.fail(f"the pid of {server}", run.output.splitlines()[0])
    return run.output


@points(2)
@pytest.mark.parametrize("virtio", [False, True], ids=["ram", "virtio"])
def test_disk_restarts(machine: Machine, virtio: bool) -> None:
    """A dead disk driver is replaced, and files are as they were."""
    output = restart(machine, "disk", "echo new > f; cat p f", virtio=virtio)
    assert output.endswith("disk\nnew\n")


@points(2)
def test_fs_restarts(machine: Machine) -> None:
    """A dead file server is replaced, and finished writes are there."""
    output = restart(machine, "fs", "cd /; echo new > f; cat p f")
    assert output.endswith("fs\nnew\n")


@points(2)
def test_pipe_restarts(machine: Machine) -> None:
    """A dead pipe server is replaced, and pipes can be made again."""
    output = restart(machine, "pipe", "echo through | cat | cat")
    assert output.endswith("\nthrough\n")


@points(2)
def test_sys_restarts(machine: Machine) -> None:
    """The server of /sys is replaced; /sys, not a directory in it, is there."""
    commands = "cat memory || cd /sys && cat /p memory"
    output = restart(machine, "sys", "cd /; " + commands)
    assert output.count("frame_bytes 4096\n") == 1
    inside = "cd /sys; kill 7; sleep 3; " + commands
    run = machine.run("ps > p; " + inside, append="debug=1")
    assert "cat: memory: the other end is gone\n" in run.output
    assert run.output.count("frame_bytes 4096\n") == 1


@points(2)
def test_console_restarts(machine: Machine) -> None:
    """A dead console is replaced; a script's status still comes out."""
    setup: dict[str, object] = {"append": "debug=1"}
    run = machine.run("echo before; kill 3; sleep 3; exit 7", **setup)
    run.expect_text("before\n")
    run.expect_text("init: console died (status -1), restarting\n")
    run.expect_status(7)


@points(1)
def test_servers_are_protected(machine: Machine) -> None:
    """In a normal boot nobody can kill a server, or init."""
    kills = "kill 1; kill 2; kill 3; kill 4; kill 5; kill 6; kill 7"
    run = machine.run(f"{kills}; echo well", append="")
    assert run.output.count("not permitted") == 7
    run.expect_text("well\n")


@points(2)
@pytest.mark.parametrize("server", ["disk", "pipe"])
def test_giving_up(machine: Machine, server: str) -> None:
    """A server that dies at every start is given up, and the run with it."""
    killer = str(TOP / "grading" / "guest" / "killer.c")
    run = machine.run(f"killer {server}", append="debug=1", add=(killer,))
    text = run.result.log
    assert text.count(f"init: {server} died (status -1), restarting\n") == 4
    line = f"init: {server} died (status -1) at start 5 times, giving up\n"
    assert text.count(line) == 1
    assert not run.result.completed and not run.result.timed_out


@points(1)
@pytest.mark.parametrize(
    "append, text",
    [
        ("disk=virtio", "init: there is no virtio disk: the system cannot start"),
        ("disk=tape", "init: disk= takes ram or virtio"),
    ],
)
def test_bad_boot_arguments(machine: Machine, append: str, text: str) -> None:
    """Boot arguments that cannot be carried out are named on the console."""
    run = machine.run("echo ran", append=append)
    assert text in run.result.log
    if append == "disk=tape":
        run.expect_output("ran")
    else:
        assert not run.result.completed and run.result.status != 0
