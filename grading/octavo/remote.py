# SPDX-License-Identifier: MIT
"""A machine under a debugger's hand: registers and memory before the first
instruction, and where the hart is stopped afterwards.

This speaks GDB's remote protocol to QEMU itself, since a run must end by the
guest's time, whatever the host does. Nothing is single-stepped.
Use     with Remote(setup, log) as machine:
            machine.go(0x80200000)
            machine.set("sp", 0x1234)
            machine.go(machine.symbol("kernel_main"))
            machine.get("satp")
Invariant   Addresses of memory are what the hart itself would use: physical
            ones until it has switched translation on."""
from __future__ import annotations

import re
import socket
import struct
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Dict, Optional, Type, TypeVar

import bootlib
from guestclock import MTIME_HZ, GuestClock

from grading.octavo import scoring
from grading.octavo.machine import TOP, Setup

ENTRY = 0x80200000  # where the firmware jumps
HOST_S = 60  # host seconds for an answer
BY_HAND = "make qemu-gdb SMP=1"  # then GDB, as the lab's README.md says
NAMES = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 "
    "s8 s9 s10 s11 t3 t4 t5 t6 pc"
).split()


Self = TypeVar("Self", bound="Remote")


class Remote:
    """One hart, stopped at reset."""

    def __init__(self, setup: Setup, log: Path, limit: float = 0.1) -> None:
        self.setup = setup
        self.log = log
        self.limit = limit  # seconds of the guest's time
        self.numbers: Dict[str, int] = {name: i for i, name in enumerate(NAMES)}
        self._work = bootlib.working_directory()

    def __enter__(self: Self) -> Self:
        work = self._work.__enter__()
        options = self.setup.options("true")
        options = replace(options, gdb=str(work / "gdb"), monitor=str(work / "monitor"))
        self.serial = work / "serial.log"
        self.serial.touch()
        media = bootlib.prepare_media(options, work)
        command = bootlib.qemu_command(options, media, self.serial)
        self.symbols = symbols(media.kernel or bootlib.kernel_file(options))
        self.qemu = bootlib.start_qemu(command)
        try:
            self._socket = connected(work / "gdb")
            monitor = Path(options.monitor or "")
            self.clock = GuestClock(self.limit, monitor, self.qemu.pid)
            self._find_registers()
        except BaseException:
            bootlib.stop_qemu(self.qemu)
            raise
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        value: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._socket.close()
        self.clock.close()
        bootlib.stop_qemu(self.qemu)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(self.serial.read_bytes())
        self._work.__exit__(None, None, None)

    def symbol(self, name: str) -> int:
        """A symbol of the kernel, in the high half."""
        if name not in self.symbols:
            self.fail(f"the kernel has a symbol {name}", "it has none")
        return self.symbols[name]

    def offset(self, name: str) -> int:
        """A number of kernel/arch/frame_offsets.h."""
        text = (TOP / "kernel/arch/frame_offsets.h").read_text(encoding="utf-8")
        found = re.search(rf"^#define {name} (\d+)$", text, re.M)
        if not found:
            self.fail(f"frame_offsets.h has {name}", "it has not")
            raise AssertionError("unreachable")
        return int(found[1])

    def fail(self, expected: str, got: str) -> None:
        text = self.serial.read_text(encoding="utf-8", errors="replace")
        scoring.fail(expected, got, console=text, command=BY_HAND)

    def expect(self, what: str, got: int, expected: int) -> None:
        if got != expected:
            self.fail(f"{what}: {expected:#x}", f"{got:#x}")

    # --- What is in the machine ---

    def get(self, name: str) -> int:
        answer = self._ask(f"p{self.numbers[name]:x}")
        return int(struct.unpack("<Q", bytes.fromhex(answer))[0])

    def set(self, name: str, value: int) -> None:
        number = self.numbers[name]
        self._ask(f"P{number:x}={struct.pack('<Q', value).hex()}")

    def read(self, address: int) -> int:
        """Eight bytes of memory."""
        answer = self._ask(f"m{address:x},8")
        return int(struct.unpack("<Q", bytes.fromhex(answer))[0])

    def write(self, address: int, value: int, size: int = 8) -> None:
        data = value.to_bytes(size, "little").hex()
        self._ask(f"M{address:x},{size:x}:{data}")

    def go(self, address: int, what: str = "") -> None:
        """Runs until the hart is about to execute what is at an address; fails
        if it does not get there."""
        self._ask(f"Z1,{address:x},4")
        end = (self.clock.guest_time() or 0) + int(self.limit * MTIME_HZ)
        self._send("c")
        if not self._stopped(end):
            self.fail(f"the hart gets to {what or hex(address)}", "it does not")
        self._ask(f"z1,{address:x},4")

    def _stopped(self, end: int) -> bool:
        """Waits for a stop; False: the guest's time is over, or stands."""
        host_end = time.monotonic() + HOST_S
        while time.monotonic() < host_end:
            self._socket.settimeout(0.2)
            try:
                return self._receive().startswith("T")
            except socket.timeout:
                if self.qemu.poll() is not None or self._is_over(end):
                    return False
            except OSError:
                return False
        raise scoring.Infrastructure(f"no answer in {HOST_S} s")

    def _is_over(self, end: int) -> bool:
        guest = self.clock.guest_time()
        if guest is None:
            return self.clock.is_deaf()
        return guest > end or self.clock.stands_still(guest)

    # --- The protocol ---

    def _find_registers(self) -> None:
        self._socket.settimeout(HOST_S)
        self._ask("qSupported:xmlRegisters=riscv")
        self._xml("target.xml")
        text = self._xml("riscv-csr.xml")
        for name, number in re.findall(r'name="(\w+)"[^>]*regnum="(\d+)"', text):
            self.numbers[name] = int(number)

    def _xml(self, name: str) -> str:
        text = ""
        while True:
            part = self._ask(f"qXfer:features:read:{name}:{len(text):x},ffb")
            text += part[1:]
            if not part.startswith("m"):
                return text

    def _send(self, text: str) -> None:
        check = sum(text.encode()) & 0xFF
        self._socket.sendall(f"${text}#{check:02x}".encode())

    def _ask(self, text: str) -> str:
        self._socket.settimeout(HOST_S)
        self._send(text)
        answer = self._receive()
        if re.fullmatch(r"E\d\d|", answer):
            raise scoring.Infrastructure(f"QEMU's answer to {text} is {answer!r}")
        return answer

    def _receive(self) -> str:
        """The next packet, which is acknowledged."""
        data = b""
        while not re.search(rb"\$[^#]*#..", data):
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("QEMU has ended")
            data += piece
        self._socket.sendall(b"+")
        packet = re.search(rb"\$([^#]*)#", data)
        assert packet
        return packet[1].decode("latin-1")


def connected(path: Path) -> socket.socket:
    """A connection to QEMU, which may not listen yet."""
    end = time.monotonic() + HOST_S
    while True:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(str(path))
            return link
        except OSError as error:
            link.close()
            if time.monotonic() > end:
                raise scoring.Infrastructure(f"no QEMU: {error}") from error
            time.sleep(0.01)


def symbols(kernel: Path) -> Dict[str, int]:
    """The kernel's symbols, the local ones of assembly, too."""
    nm = bootlib.build_env(False)["NM"]
    done = subprocess.run(
        [*nm, str(kernel)], stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    words = (line.split() for line in done.stdout.splitlines())
    return {w[2]: int(w[0], 16) for w in words if len(w) == 3}
