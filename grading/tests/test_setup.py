# SPDX-License-Identifier: MIT
"""The first steps on a machine that lacks something: what setup and make say."""
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Dict, Iterable

import pytest

from grading.octavo.machine import TOP
from grading.octavo.scoring import points

NAMED = ("CROSS", "HOSTCC", "QEMU", "GDB", "PYTHON")
SYSTEMS = ("Debian, Ubuntu", "Fedora", "Arch", "macOS")


class Host:
    """A machine with the programs of this one, except some."""

    def __init__(self, bin: Path) -> None:
        self.bin = bin
        self.env: Dict[str, str] = {"PATH": str(bin), "HOME": str(bin.parent)}
        bin.mkdir()
        for directory in reversed(os.environ["PATH"].split(os.pathsep)):
            for program in Path(directory).glob("*"):
                self._link(program)

    def _link(self, program: Path) -> None:
        link = self.bin / program.name
        link.unlink(missing_ok=True)
        link.symlink_to(program)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.bin / name).unlink(missing_ok=True)

    def fake(self, name: str, script: str) -> None:
        self.remove([name])
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            cwd=TOP,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "bin")


COMPILERS = [
    f"{prefix}-gcc"
    for prefix in (
        "riscv64-unknown-elf",
        "riscv64-elf",
        "riscv64-none-elf",
        "riscv64-linux-gnu",
        "riscv64-suse-linux",
    )
]
DEBUGGERS = ["gdb-multiarch", "riscv64-unknown-elf-gdb", "riscv64-elf-gdb", "gdb"]
MISSING = [
    ("build", "riscv64-gcc", COMPILERS),
    ("build", "host-cc", ["gcc", "cc", "clang"]),
    ("run", "qemu", ["qemu-system-riscv64"]),
    ("gdb", "gdb", DEBUGGERS),
    ("check", "codespell", ["codespell"]),
    ("book", "pandoc", ["pandoc"]),
]


@points(1)
@pytest.mark.parametrize("group, tool, programs", MISSING, ids=[m[1] for m in MISSING])
def test_check(host: Host, group: str, tool: str, programs: list[str]) -> None:
    """tools/setup --check names the missing tool, and installs nothing."""
    host.remove(programs)
    host.fake("apt-get", "echo apt-get was run")
    done = host.run("tools/setup", "--check", group)
    assert f"{group}: missing {tool}: " in done.stdout
    assert "apt-get was run" not in done.stdout
    assert done.returncode == 1


REASONS = {
    "none": "no apt-get on this system",
    "fails": "apt-get update failed",
    "lies": "installed, but still not usable",
    "no sudo": "not root, and there is no sudo",
    "no password": "apt-get update failed",
}
GONE = {"none": "apt-get", "no sudo": "sudo"}


@points(1)
@pytest.mark.parametrize("why", REASONS)
def test_not_installed(host: Host, why: str) -> None:
    """What could not be installed is listed, with the way for each system."""
    host.remove(["qemu-system-riscv64"])
    host.fake("id", "echo 1000" if why in ("no sudo", "no password") else "echo 0")
    host.fake("sudo", "exit 1")
    host.fake("apt-cache", "echo Candidate: 1" if why == "lies" else "exit 0")
    host.fake("apt-get", "exit 100" if why == "fails" else "exit 0")
    if why in GONE:
        host.remove([GONE[why]])
    done = host.run("tools/setup", "run")
    assert f"tools/setup: {REASONS[why]}. Missing:\n  qemu: no " in done.stdout
    assert all(f"\n  {system} " in done.stdout for system in SYSTEMS)
    assert done.returncode == 1


@points(1)
def test_old_qemu(host: Host) -> None:
    """A QEMU that is too old is as good as none, and its version is told."""
    host.fake("qemu-system-riscv64", "echo 'QEMU emulator version 6.2.0 (x)'")
    done = host.run("tools/setup", "--check", "run")
    assert "qemu-system-riscv64 is 6.2, not 7.2 or later" in done.stdout
    assert done.returncode == 1


@points(1)
@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("place", ["environment", "command line"])
def test_named_tool(host: Host, name: str, place: str) -> None:
    """make takes the tool that is named, or says that it does not do."""
    host.fake("apt-get", "exit 1")
    words = ["make", "-s", "gdb" if name == "GDB" else "grade", "TEST=nothing"]
    if place == "environment":
        host.env[name] = "nonesuch"
    else:
        words.append(f"{name}=nonesuch")
    done = host.run(*words)
    assert f"{name}=nonesuch: no " in done.stdout
    assert done.returncode == 2


@points(1)
def test_quick() -> None:
    """When all is there, the check costs less than 0.2 s."""
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        subprocess.run(["tools/setup", "--check", "build"], cwd=TOP, check=True)
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 0.2
