# SPDX-License-Identifier: MIT
"""The kernel's half of every address space, as QEMU's own page walk sees it."""
from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Dict, List, NamedTuple

import bootlib
import pytest

from grading.octavo import scoring
from grading.octavo.scoring import points

DIRECT_BASE = 0xFFFFFFC000000000
PAGE = 4096
STACK_PITCH = 5 * PAGE  # a hart's kernel stack, and the page below it
TIMEOUT = 20.0  # host seconds


class Mapping(NamedTuple):
    start: int
    physical: int
    size: int
    rights: str  # rwxugad, a dash for each that is missing

    def holds(self, address: int) -> bool:
        return self.start <= address < self.start + self.size


def symbols(kernel: Path) -> Dict[str, int]:
    """Addresses of the kernel's symbols."""
    env = bootlib.build_env(False)
    nm = env["OBJCOPY"][0].replace("objcopy", "nm")
    text = subprocess.run([nm, str(kernel)], stdout=subprocess.PIPE, check=True).stdout
    words = [line.split() for line in text.decode().splitlines()]
    return {word[2]: int(word[0], 16) for word in words if len(word) == 3}


def read_until(link: socket.socket, mark: bytes) -> bytes:
    data = b""
    while not data.endswith(mark):
        part = link.recv(65536)
        if not part:
            raise EOFError("QEMU closed its monitor")
        data += part
    return data


def ask_monitor(path: Path, question: str) -> List[str]:
    """One command to QEMU's monitor, and the lines of its answer."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(TIMEOUT)
        link.connect(str(path))
        read_until(link, b"(qemu) ")
        link.sendall(question.encode() + b"\n")
        answer = read_until(link, b"(qemu) ").decode()
    return answer.replace("\r", "").splitlines()


def wait_for(path: Path, mark: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not path.exists() or mark not in path.read_text(errors="replace"):
        if time.monotonic() > end:
            scoring.fail(f"'{mark}' on the console", "it did not come")
        time.sleep(0.05)


def kernel_mappings(harts: int, folder: Path) -> List[Mapping]:
    """What a machine that runs a program has mapped above user memory."""
    serial, monitor = folder / "serial", folder / "monitor"
    options = bootlib.Options(command="echo up; sleep 1000000", smp=harts)
    options.icount = False
    options.qemu_args = ["-monitor", f"unix:{monitor},server=on,wait=off"]
    media = bootlib.prepare_media(options, folder)
    command = bootlib.qemu_command(options, media, serial)
    process = bootlib.start_qemu(command)
    try:
        wait_for(serial, "up\n")
        lines = ask_monitor(monitor, "info mem")
    finally:
        bootlib.stop_qemu(process)
    rows = [line.split() for line in lines if line.startswith("ffffff")]
    return [Mapping(int(a, 16), int(b, 16), int(c, 16), d) for a, b, c, d in rows]


@points(2)
@pytest.mark.parametrize("harts", [1, 4])
def test_kernel_map(harts: int, tmp_path: Path) -> None:
    """The kernel's map: W^X, at one offset, global, with guards below stacks."""
    kernel = bootlib.build_dir(False) / "kernel.elf"
    names = symbols(kernel)
    mappings = kernel_mappings(harts, tmp_path)

    def rights(address: int) -> str:
        return next((m.rights for m in mappings if m.holds(address)), "unmapped")

    for mapping in mappings:
        if mapping.start - mapping.physical != DIRECT_BASE:
            scoring.fail("every mapping at DIRECT_BASE + physical", str(mapping))
        if "w" in mapping.rights and "x" in mapping.rights:
            scoring.fail("no page writable and executable", str(mapping))
        if not mapping.rights.endswith("-gad"):
            scoring.fail("global, not the user's, A and D set", str(mapping))
    expected = {
        names["kernel_start"]: "r-x-gad",
        names["kernel_text_end"] - PAGE: "r-x-gad",
        names["kernel_text_end"]: "r---gad",
        names["kernel_rodata_end"] - PAGE: "r---gad",
        names["kernel_rodata_end"]: "rw--gad",
        names["kernel_end"]: "rw--gad",
        DIRECT_BASE + 0x80000000: "unmapped",  # the firmware
        DIRECT_BASE: "unmapped",
    }
    for hart in range(8):
        guard = names["kernel_stacks"] + hart * STACK_PITCH
        expected[guard] = "unmapped"
        expected[guard + PAGE] = "rw--gad"
        expected[guard + STACK_PITCH - PAGE] = "rw--gad"
    for address, wanted in expected.items():
        if rights(address) != wanted:
            scoring.fail(f"{address:x} is {wanted}", rights(address))
