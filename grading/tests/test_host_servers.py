# SPDX-License-Identifier: MIT
"""The servers' data structures, on the host under the sanitizers."""
from __future__ import annotations

import io
import struct
import subprocess
import tarfile
from pathlib import Path

import pytest

from grading.octavo.machine import TOP

SOURCES = TOP / "grading" / "host" / "servers"

FLAGS = ["-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
FLAGS += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def run(work: Path, test: str, sources: list[str], *args: str) -> None:
    """Compiles a test with the sources it is about, and runs it."""
    program = work / test
    include = [SOURCES, SOURCES / "shim", TOP / "user", TOP / "kernel"]
    command = ["gcc", *FLAGS, *(f"-I{path}" for path in include)]
    command += ["-o", str(program), str(SOURCES / f"{test}.c")]
    command += [str(TOP / "user" / source) for source in sources]
    built = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8")
    assert built.returncode == 0, f"gcc failed:\n{built.stderr}"
    done = subprocess.run(
        [str(program), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, f"{test} failed:\n{done.stdout}"


def test_names(tmp_path: Path) -> None:
    """The name table agrees with a plain list over random changes."""
    run(tmp_path, "names", ["servers/names/table.c"])


def test_ring(tmp_path: Path) -> None:
    """A ring keeps every byte in order over random pieces and wraps."""
    run(tmp_path, "ring", ["servers/common/ring.c"])


def test_pipe(tmp_path: Path) -> None:
    """A pipe's bytes arrive once and in order while clients get killed."""
    run(tmp_path, "pipe", ["servers/pipe/pipe.c", "servers/common/ring.c"])


def test_output(tmp_path: Path) -> None:
    """A slow port: the console's writers wait, in order, and lose nothing."""
    sources = ["servers/console/output.c", "servers/common/ring.c"]
    run(tmp_path, "output", sources)


def test_line(tmp_path: Path) -> None:
    """The line editor's keys, marks, limits and raw mode."""
    run(tmp_path, "line", ["servers/console/line.c"])


def test_bootargs(tmp_path: Path) -> None:
    """The boot arguments that init reads, good and bad."""
    run(tmp_path, "bootargs", ["servers/init/bootargs.c"])


def make_archive(path: Path) -> None:
    files = [("empty", b""), ("./init", b"abc"), ("long", b"x" * 1500)]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        directory = tarfile.TarInfo("lon")
        directory.type = tarfile.DIRTYPE
        archive.addfile(directory)
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def test_archive(tmp_path: Path) -> None:
    """The boot archive's files are found; damage is an error, not a fault."""
    archive = tmp_path / "archive.tar"
    make_archive(archive)
    run(tmp_path, "archive", ["servers/init/ustar.c"], str(archive))


def make_program(path: Path) -> None:
    """A program of three segments: text, constants, data with zeros behind."""
    segments = [
        # flags, offset, address, bytes in the file, bytes in memory
        (5, 0x200, 0x10200, 0x1800, 0x1800),
        (4, 0x1A00, 0x12A00, 0x300, 0x300),
        (6, 0x1D00, 0x13D00, 0x500, 0x2500),
    ]
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        *(2, 243, 1, 0x10210, 64, 0, 0, 64, 56, 1 + len(segments), 0, 0, 0),
    )
    note = struct.pack("<IIQQQQQQ", 4, 4, 0x1F0, 0, 0, 8, 8, 1)
    table = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, offset, at, at, size, room, 0x1000)
        for flags, offset, at, size, room in segments
    )
    data = (header + note + table).ljust(0x200, b"\0")
    path.write_bytes(data + bytes(i * 7 % 253 for i in range(0x2200 - 0x200)))


@pytest.mark.parametrize("what", ["made", "built"])
def test_elf(tmp_path: Path, what: str) -> None:
    """The program loader: a real program, every lie in one, every failure."""
    program = tmp_path / "program"
    if what == "made":
        make_program(program)
    else:
        built = TOP / "build" / "release" / "stripped" / "init"
        program.write_bytes(built.read_bytes())
    run(tmp_path, "elf", ["lib/elf.c"], str(program))
