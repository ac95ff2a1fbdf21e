# SPDX-License-Identifier: MIT
"""One boot: which machine, what it runs, and what came of it.

Use
    run = machine.run("ls; cat README", smp=4, seed=3)
    run.expect_status(0)
    run.expect_output("README")

Each run is a fresh boot whose serial log is kept below build/grade/TEST/. By
default the machine counts instructions (-icount shift=0,sleep=off) and has its
disk in RAM, so that a run is the same every time on any host.

Invariants
  - A run that panics, hangs or stops early is never taken for a result: every
    expect_ method and `lines` fail on it first.
  - What `command` holds can be pasted into a shell at the top of the tree."""
from __future__ import annotations

import hashlib
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, List, Optional

import bootlib

from grading.octavo import scoring

TOP = bootlib.TOP
LOGS = TOP / "build" / "grade"
_CODE = re.compile(r"(\bok \w+ \d+) [0-9a-f]{1,16}\b")
FLOOD = 1 << 16  # characters
SECRET = "OCTAVO_GRADE_SECRET"  # in the environment: this grading's own


@dataclass(frozen=True)
class Setup:
    """The machine and the boot arguments; the command comes apart."""

    smp: int = 1
    mem: int = 128  # MiB
    cpu: Optional[str] = None
    seed: Optional[int] = None
    tick: Optional[int] = None
    append: str = ""
    debug: bool = False  # the DEBUG=1 build
    virtio: bool = False
    disk: Optional[str] = None
    icount: bool = True
    add: tuple[str, ...] = ()
    image_kib: Optional[int] = None
    unit: Optional[str] = None  # a lab's unit kernel
    timeout: float = 60.0  # host seconds
    limit: Optional[float] = None  # seconds of the guest's time

    def options(self, command: Optional[str]) -> bootlib.Options:
        return bootlib.Options(
            command=command,
            smp=self.smp,
            mem=self.mem,
            cpu=self.cpu,
            icount=self.icount and not self.virtio and self.disk is None,
            virtio=self.virtio,
            disk=self.disk,
            add=list(self.add),
            image_kib=self.image_kib,
            timeout=self.timeout,
            limit=self.limit,
            debug=self.debug,
            seed=self.seed,
            tick=self.tick,
            append=self.append,
            unit=self.unit,
        )

    def flags(self) -> List[str]:
        """As options of tools/boot."""
        plain = Setup()
        words: List[str] = []
        for name in ("smp", "mem", "cpu", "seed", "tick", "append", "disk", "unit"):
            value = getattr(self, name)
            if value != getattr(plain, name):
                words += ["--" + name, str(value)]
        words += ["--image-kib", str(self.image_kib)] if self.image_kib else []
        words += [f"--{name}" for name in ("debug", "virtio") if getattr(self, name)]
        words += [] if self.icount else ["--no-icount"]
        for item in self.add:
            words += ["--add", item]
        return words


def rerun_command(command: str, setup: Setup) -> str:
    """A host shell command that repeats a run."""
    what = [] if setup.unit else ["-c", command]
    return shlex.join(["tools/boot", *what, *setup.flags()])


class Run:
    """A finished run, with its verdicts."""

    def __init__(
        self, result: bootlib.Result, command: str, log: Path, guest: str
    ) -> None:
        self.result = result
        self.command = command  # of the host, to run it again
        self.guest = guest  # what the guest's shell was given
        self.log = log
        self.key = ""  # what programs prove their verdicts with
        self.nonce = ""  # in the marks around the output
        # What more a failure is to tell, if somebody sets this.
        self.look_back: Optional[Callable[[Run, str], None]] = None

    @property
    def output(self) -> str:
        return self.result.output

    @property
    def console(self) -> str:
        """The serial log without the firmware's banner; of a run that floods it,
        the part that is the same in each such run."""
        log = self.result.log
        log = log[max(log.find("\noctavo: ") + 1, 0) :]
        return log if len(log) < FLOOD else log[:FLOOD] + "\n... and on and on"

    @property
    def broken(self) -> Optional[str]:
        """Why this run has no result, or None if it has one."""
        if self.result.panic:
            return "the kernel panicked: " + self.result.panic.splitlines()[0]
        if self.result.stopped:
            return self.result.stopped
        if self.result.timed_out:
            return f"no end after {self.result.seconds:.0f} s on the host"
        if not self.result.completed:
            return "the machine stopped before the commands had ended"
        return None

    def fail(self, expected: str, got: str) -> None:
        if self.look_back:
            self.look_back(self, got)
        scoring.fail(
            expected,
            self.anonymous(got),
            console=self.anonymous(self.console),
            command=self.command,
            log=str(self.log.relative_to(TOP)),
        )

    def anonymous(self, text: str) -> str:
        """A text without the words that are this grading's own."""
        text = text.replace(self.nonce, "octavo") if self.nonce else text
        return _CODE.sub(r"\1", text)

    def expect_complete(self) -> None:
        if self.broken:
            self.fail(f"`{self.guest}` runs to its end", self.broken)

    def expect_status(self, status: int) -> None:
        self.expect_complete()
        if self.result.status != status:
            self.fail(f"exit status {status}", f"exit status {self.result.status}")

    def expect_output(self, text: str) -> None:
        """The commands printed exactly this (and nothing else)."""
        self.expect_complete()
        if self.output.strip("\n") != text.strip("\n"):
            self.fail(repr(text.strip("\n")), repr(self.output.strip("\n")))

    def expect_text(self, text: str) -> None:
        """The commands' output contains this."""
        self.expect_complete()
        if text not in self.output:
            self.fail(f"{text!r} in the output", repr(self.output[-400:]))

    def expect_no_text(self, text: str) -> None:
        self.expect_complete()
        if text in self.output:
            self.fail(f"no {text!r} in the output", repr(self.output[-400:]))

    @property
    def lines(self) -> List[str]:
        self.expect_complete()
        return self.output.splitlines()


class Machine:
    """Boots machines for one test and keeps their logs."""

    def __init__(self, directory: Path, setup: Setup) -> None:
        self.directory = directory
        self.setup = setup
        self.runs: List[Run] = []
        self.seed: Optional[int] = None

    def prepare(self, **changes: object) -> Setup:
        """This test's setup with some of it changed, as Setup's fields."""
        return replace(self.setup, **changes)  # type: ignore[arg-type]

    def run(self, command: str, **changes: object) -> Run:
        """Boots afresh and runs a command of the guest's shell."""
        setup = self.prepare(**changes)
        self.seed = setup.seed
        run = boot(command, setup, self.log_path())
        self.runs.append(run)
        return run

    def log_path(self) -> Path:
        self.directory.mkdir(parents=True, exist_ok=True)
        return self.directory / f"serial-{len(self.runs) + 1}.log"

    def properties(self) -> Dict[str, object]:
        """What the record of the test says about its last run."""
        found: Dict[str, object] = {}
        if self.runs:
            found["command"] = self.runs[-1].command
            found["log"] = str(self.runs[-1].log.relative_to(TOP))
        if self.seed is not None:
            found["seed"] = self.seed
        return found


def boot(command: str, setup: Setup, log: Path) -> Run:
    """Boots once; the caller has built the system already."""
    rerun = rerun_command(command, setup)
    options = setup.options(command)
    options.log = str(log)
    # Words that no program in the image can know, the same for the same run.
    words = hashlib.sha256((os.environ.get(SECRET, "") + rerun).encode()).hexdigest()
    options.nonce = "n" + words[:12]
    options.key = words[-bootlib.KEY_DIGITS :]
    run = Run(bootlib.boot(options, build=False), rerun, log, command)
    run.key, run.nonce = options.key, options.nonce
    return run
