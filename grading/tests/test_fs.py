# SPDX-License-Identifier: MIT
"""Files: from the shell to the disk image, and over a reboot."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import bootlib
import pytest

from grading.octavo import scoring
from grading.octavo.machine import TOP, Machine
from grading.octavo.scoring import points

MKFS = TOP / "build" / "host" / "mkfs"


@pytest.fixture
def disk(machine: Machine, tmp_path: Path) -> Path:
    """A private copy of the disk image."""
    image = tmp_path / "disk.img"
    build = bootlib.build_dir(machine.setup.debug)
    shutil.copyfile(build / "disk.img", image)
    return image


def check_image(image: Path) -> None:
    """The image is consistent, says the checker that shares no code with fs."""
    done = subprocess.run(
        [str(MKFS), "--check", str(image)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if done.returncode != 0:
        scoring.fail("a consistent image", done.stdout)


def cat(image: Path, path: str) -> bytes:
    command = [str(MKFS), "--cat", str(image), path]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


@points(4)
def test_persistence(machine: Machine, disk: Path) -> None:
    """What one boot writes the next boot reads; the image is consistent."""
    first = machine.run(
        "mkdir d; echo kept > d/f; seq 1 2000 > big; ln d/f g; rm README",
        disk=str(disk),
    )
    first.expect_status(0)
    check_image(disk)
    second = machine.run("cat d/f g; wc big; cat README", disk=str(disk))
    second.expect_complete()
    second.expect_text("kept\nkept\n")
    second.expect_text("2000")
    if second.result.status == 0:
        second.fail("README is gone", "cat README succeeded")
    check_image(disk)
    expected = "".join(f"{n}\n" for n in range(1, 2001)).encode()
    if cat(disk, "/big") != expected:
        second.fail("the lines 1 to 2000 in /big", "something else")


@points(4)
@pytest.mark.parametrize("wait", [0.35, 0.5, 0.8, 1.3])
def test_power_cut(machine: Machine, disk: Path, wait: float) -> None:
    """After a power cut in the middle of writes the image recovers."""
    script = "echo a > f; echo b > g; mkdir d; mv f d/f; rm g; " * 40
    run = machine.run(script, disk=str(disk), timeout=wait)
    if run.result.panic:
        run.fail("no panic", str(run.result.panic))
    machine.run("ls", disk=str(disk)).expect_status(0)
    check_image(disk)


@points(2)
def test_virtio_shell(machine: Machine) -> None:
    """The shell works on a real virtio-blk disk."""
    run = machine.run("ls; cat README | wc; echo hi > f; cat f; rm f", virtio=True)
    run.expect_status(0)
    run.expect_text("README")
    run.expect_text("\nhi\n")


@points(2)
def test_virtio_harts(machine: Machine) -> None:
    """Concurrent commands on virtio-blk and 4 harts all finish."""
    script = "seq 1 500 > a & seq 1 500 > b & seq 1 500 > c; sleep 5; wc a b c"
    run = machine.run(script, virtio=True, smp=4)
    run.expect_status(0)


@points(2)
def test_added_file(machine: Machine, tmp_path: Path) -> None:
    """A file put into the image from the host is read in the guest."""
    data = "".join(f"line {n}\n" for n in range(500))
    path = tmp_path / "data.txt"
    path.write_text(data)
    run = machine.run("cat data.txt", add=(str(path),))
    run.expect_output(data)


@points(2)
def test_added_program(machine: Machine, tmp_path: Path) -> None:
    """A C program from the host is compiled into the image and runs."""
    path = tmp_path / "hello.c"
    path.write_text(
        '#include "posix/posix.h"\n'
        "int main(int argc, char **argv) {\n"
        '    write(1, "hello ", 6);\n'
        "    if (argc > 1) write(1, argv[1], 1);\n"
        '    write(1, "\\n", 1);\n'
        "    return 3;\n"
        "}\n"
    )
    run = machine.run("hello x", add=(str(path),))
    run.expect_output("hello x")
    run.expect_status(3)
