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
import socket
import struct
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Type

import bootlib

START_S = 10.0
A0 = 10  # register numbers, as in GDB's packets
PC = 32


class Machine:
    """One machine of one hart, stopped at its first instruction."""

    def __init__(self, options: bootlib.Options) -> None:
        self._options = options
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
            qemu = bootlib.start_qemu(command)
            stack.callback(bootlib.stop_qemu, qemu)
            self._socket = stack.enter_context(socket.socket(socket.AF_UNIX))
            self._socket.settimeout(options.timeout)
            self._connect(work / "gdb")
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

    def step(self) -> None:
        self._ask("s")

    def registers(self) -> List[int]:
        """x0 to x31, and pc."""
        return list(struct.unpack("<33Q", bytes.fromhex(self._ask("g"))))

    def log_to(self, path: Path) -> None:
        """From now on each instruction is a line of the file: trace.py."""
        self._monitor("singlestep on")
        self._monitor(f"logfile {path}")
        self._monitor("log exec,nochain")

    def log_off(self) -> None:
        self._monitor("log none")
        self._monitor("singlestep off")

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
        reply = self._ask(f"qRcmd,{command.encode().hex()}")
        text = ""
        while reply.startswith("O") and reply != "OK":
            text += bytes.fromhex(reply[1:]).decode()
            reply = self._receive()
        if text or reply != "OK":
            raise bootlib.BootError(f"QEMU's monitor: {command}: {text or reply}")

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
