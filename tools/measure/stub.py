# SPDX-License-Identifier: MIT
"""Controls a machine by QEMU's GDB stub, without GDB.

Idea        Where a figure needs to know what runs between two instructions, the
            machine runs at full speed to the first, then logs each instruction
            until it comes to the second. That needs five packets of GDB's
            remote protocol, and QEMU's monitor through one of them.
Use         with Machine(Options(command="bench_ipc -1 null_syscall")) as machine:
                machine.run_to(address)
                machine.log_to(path)
                machine.run_to(address)
Invariant   The machine stands still except within run_to(), and has ended when
            the block is left."""
from __future__ import annotations

import dataclasses
import re
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Optional, Type

import bootlib

START_S = 10.0
CODE_BYTES = 64  # that tell one program from another
COUNT = re.compile(r"instruction count = (\d+)")


def elf_bytes(elf: Path, address: int) -> bytes:
    """The bytes of a program from an address on, CODE_BYTES or to its end."""
    data = elf.read_bytes()
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _, offset, start, _, length = struct.unpack_from(
            "<IIQQQQ", data, table + index * size
        )
        if kind == 1 and start <= address < start + length:
            first = offset + address - start
            return data[first : min(first + CODE_BYTES, offset + length)]
    raise bootlib.BootError(f"{elf.name} has nothing at {address:#x}")


class Machine:
    """One machine of one hart, stopped at its first instruction.

    A machine that counts is recorded by QEMU, which must count exactly for that:
    its instret may go on while the machine stands still."""

    def __init__(self, options: bootlib.Options, counts: bool = False) -> None:
        self._options = options
        self._counts = counts
        self._stack = ExitStack()
        self._rest = b""  # received, not yet a whole packet

    def __enter__(self) -> "Machine":
        with ExitStack() as stack:
            work = stack.enter_context(bootlib.working_directory())
            options = dataclasses.replace(self._options, gdb=str(work / "gdb"))
            media = bootlib.prepare_media(options, work)
            self.serial = work / "serial"
            self.serial.touch()
            command = bootlib.qemu_command(options, media, self.serial)
            if self._counts:
                record = f",rr=record,rrfile={bootlib.qemu_path(work / 'record')}"
                command[command.index("-icount") + 1] += record
            qemu = bootlib.start_qemu(command)
            stack.callback(bootlib.stop_qemu, qemu)
            self._socket = stack.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.settimeout(options.timeout)
            self._connect(work / "gdb")
            # QEMU names a CSR only to a debugger that has asked which it has.
            self._ask("qXfer:features:read:target.xml:0,ffb")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._stack.close()

    def run_to(self, address: int) -> None:
        """Runs until an instruction at the address is about to run."""
        self._expect(f"Z1,{address:x},4", "OK")
        reply = self._ask("c")
        if not reply.startswith("T05"):
            raise bootlib.BootError(f"the machine stopped before {address:#x}: {reply}")
        # Taken back, or it would be hit again where it stands.
        self._expect(f"z1,{address:x},4", "OK")

    def run_to_program(self, elf: Path, address: int) -> None:
        """The same in a user program: others have code at the same address."""
        code = elf_bytes(elf, address)
        self.run_to(address)
        while self.memory(address, len(code)) != code:
            self.step()
            self.run_to(address)

    def step(self) -> None:
        self._ask("s")

    def reset(self) -> None:
        """Begins anew; memory keeps what the boot does not write. Needs the
        option of QEMU that allows it."""
        self._monitor("system_reset")

    def memory(self, address: int, size: int) -> bytes:
        """As the hart would read it now; nothing if it could not."""
        reply = self._ask(f"m{address:x},{size:x}")
        return b"" if reply.startswith("E") else bytes.fromhex(reply)

    def instructions(self) -> int:
        """Those that ran so far, of a machine that counts."""
        found = COUNT.search(self._say("info replay"))
        if not found:
            raise bootlib.BootError("QEMU does not count this machine's instructions")
        return int(found[1])

    def log_to(self, path: Path, registers: bool = False) -> None:
        """From now on each instruction is a line of the file, followed by the
        registers if wanted: trace.py."""
        self._one_at_a_time("on")
        self._monitor(f"logfile {path}")
        self._monitor("log exec,nochain" + (",cpu" if registers else ""))

    def log_off(self) -> None:
        self._monitor("log none")
        self._one_at_a_time("off")

    def _one_at_a_time(self, state: str) -> None:
        """A block of translated code is one instruction; before QEMU 8.1 the
        monitor has the old name only, from 9.0 on the other."""
        try:
            self._monitor(f"one-insn-per-tb {state}")
        except bootlib.BootError:
            self._monitor(f"singlestep {state}")

    def _connect(self, path: Path) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                self._socket.connect(str(path))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise bootlib.BootError("QEMU did not start") from error
                time.sleep(0.01)

    def _monitor(self, command: str) -> None:
        """A command that answers only if it fails."""
        text = self._say(command)
        if text:
            raise bootlib.BootError(f"QEMU's monitor: {command}: {text}")

    def _say(self, command: str) -> str:
        """QEMU's monitor's answer."""
        reply = self._ask(f"qRcmd,{command.encode().hex()}")
        text = ""
        while reply.startswith("O") and reply != "OK":
            text += bytes.fromhex(reply[1:]).decode()
            reply = self._receive()
        if reply != "OK":
            raise bootlib.BootError(f"QEMU's monitor: {command}: {reply}")
        return text

    def _expect(self, packet: str, answer: str) -> None:
        reply = self._ask(packet)
        if reply != answer:
            raise bootlib.BootError(f"QEMU's GDB stub: {packet}: {reply}")

    def _ask(self, packet: str) -> str:
        data = packet.encode()
        self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        return self._receive()

    def _receive(self) -> str:
        while True:
            start = self._rest.find(b"$")
            end = self._rest.find(b"#", start)
            if start >= 0 and end >= 0 and len(self._rest) >= end + 3:
                packet = self._rest[start + 1 : end]
                self._rest = self._rest[end + 3 :]
                self._socket.sendall(b"+")
                return packet.decode()
            try:
                data = self._socket.recv(65536)
            except socket.timeout as error:
                seconds = self._options.timeout
                raise bootlib.BootError(f"no answer in {seconds:.0f} s") from error
            if not data:
                raise bootlib.BootError("the machine ended too early")
            self._rest += data
