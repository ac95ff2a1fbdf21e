# SPDX-License-Identifier: MIT
"""What `make gdb` debugs: a run of its own, or that of a graded test.

Idea        A graded test says in its record how it booted (`command`). The same
            boot arguments, and time that counts instructions, give the same run
            again. On one hart it is recorded by QEMU, which changes nothing of
            it, so that GDB can go back in time. With more harts QEMU can record
            nothing, and time jumps to the next tick at each stop of GDB: the
            run is that of the test up to the first stop."""
from __future__ import annotations

import argparse
import hashlib
import importlib.machinery
import importlib.util
import json
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Dict, List, Optional

import bootlib

RECORDS = bootlib.TOP / "build" / "gdb"
RECORD_S = 10.0  # host seconds of a run that are recorded
EXACT = "shift=0,sleep=off"  # as graded


@dataclass
class Plan:
    """What to boot, and what GDB is to do."""

    options: bootlib.Options
    live: bool = False
    test: Dict[str, object] = field(default_factory=dict)  # for inside/failing.py

    @property
    def recorded(self) -> bool:
        options = self.options
        possible = options.icount and options.smp == 1 and options.command is not None
        return possible and not self.live

    @property
    def script(self) -> str:
        return "test.gdb" if self.test else "init.gdb"

    def environment(self) -> Dict[str, str]:
        return {"OCTAVO_TEST": json.dumps(self.test)} if self.test else {}


def plan_run(args: argparse.Namespace) -> Plan:
    """The plan for commands of the user's own."""
    options = bootlib.Options(
        command=args.run or None,
        smp=args.smp,
        mem=args.mem,
        icount=bool(args.run) and args.smp == 1 and not args.live,
        debug=args.debug,
        append=args.append,
    )
    return Plan(options, args.live)


# --- A graded test -----------------------------------------------------------


def plan_test(name: str) -> Plan:
    """The plan for the test whose name contains `name`; fails are preferred."""
    row = graded(name)
    options = options_of(row)
    if row["status"] != "passed":
        print(f"{row['test']} failed:\n{str(row.get('message', '')).rstrip()}\n")
    else:
        print(f"{row['test']} passed; this is its run.")
    bootlib.make(["all"], options.debug)
    if options.smp > 1:
        print(
            f"On {options.smp} harts GDB can stop where it failed, but not go back, "
            "and after the first stop the run is another one."
        )
    return Plan(options, test=test_facts(row, options))


def graded(name: str) -> Dict[str, object]:
    """The test's row in the grader's record; runs the test if there is none."""
    rows = matching(read_records(bootlib.TOP / "build" / "grade.json"), name)
    if not rows:
        record = RECORDS / "grade.json"
        print(f"{name} has not been graded yet: running it")
        run_grader(name, record)
        rows = matching(read_records(record), name)
    if not rows:
        raise bootlib.BootError(f"no test has a name with {name} in it")
    failed = [row for row in rows if row.get("status") in ("failed", "error")]
    return (failed or rows)[0]


def run_grader(name: str, record: Path) -> None:
    record.parent.mkdir(parents=True, exist_ok=True)
    record.unlink(missing_ok=True)
    python = bootlib.build_env(debug=False)["PYTHON"]
    command = [*python, "-m", "pytest", "-q", "-c", "grading/pytest.ini"]
    command += ["--rootdir", ".", f"--record={record}", "-k", name, "grading/tests"]
    bootlib.make(["all"], debug=False)
    bootlib.make(["all"], debug=True)
    subprocess.run(command, cwd=bootlib.TOP, stdout=subprocess.DEVNULL)


def read_records(path: Path) -> List[Dict[str, object]]:
    """The rows of a record: a list, or an object a line."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    try:
        if text.startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        raise bootlib.BootError(f"{path} is damaged: run make grade again") from None


def matching(rows: List[Dict[str, object]], name: str) -> List[Dict[str, object]]:
    exact = [row for row in rows if row.get("test") == name]
    return exact or [row for row in rows if name in str(row.get("test"))]


def options_of(row: Dict[str, object]) -> bootlib.Options:
    """How the test booted."""
    command = str(row.get("command") or "")
    words = shlex.split(command)
    if not words or words[0] != "tools/boot":
        raise bootlib.BootError(
            f"{row['test']} boots no machine of its own; repeat it with: {command}"
        )
    boot = load_script(bootlib.TOP / "tools" / "boot")
    options: bootlib.Options = boot.options_from(boot.parse(words[1:]))
    # The word in the boot arguments that the grader chose: grading/octavo.
    options.nonce = "n" + hashlib.sha256(command.encode()).hexdigest()[:12]
    return options


def load_script(path: Path) -> ModuleType:
    """A Python program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name, str(path))
    spec = importlib.util.spec_from_loader(path.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_facts(row: Dict[str, object], options: bootlib.Options) -> Dict[str, object]:
    """What tells the failing process from the others."""
    program = (options.command or "").split(" ")[0]
    label = re.search(r"\[(\w+)-(\w+)-", str(row["test"]))
    check = label.group(2) if label and label.group(1) == program else ""
    is_suite = program.startswith("test_")
    return {
        "test": row["test"],
        "program": program if is_suite else "",
        "check": check,
        "panicked": "kernel panicked" in str(row.get("message", "")),
    }


# --- Machines ----------------------------------------------------------------


def with_icount(command: List[str], value: str) -> List[str]:
    """The command line with this -icount, whether or not it has one."""
    if "-icount" not in command:
        return [*command, "-icount", value]
    at = command.index("-icount") + 1
    return command[:at] + [value] + command[at + 1 :]


def live_command(plan: Plan, media: bootlib.Media) -> List[str]:
    """QEMU's command line for a machine that is not recorded."""
    command = bootlib.qemu_command(plan.options, media, Path("/dev/stdout"))
    if plan.options.icount and plan.test:
        return with_icount(command, EXACT)
    return command


def record(plan: Plan, media: bootlib.Media, work: Path) -> Dict[str, str]:
    """Records the run; returns what inside/travel.py needs to replay it."""
    serial, log = work / "serial.log", work / "replay.bin"
    serial.touch()
    socket = plan.options.gdb
    plan.options.gdb = None
    command = bootlib.qemu_command(plan.options, media, serial)
    began = time.monotonic()
    run_recorded(with_icount(command, f"{EXACT},rr=record,rrfile={log}"))
    print(f"Recorded the run in {time.monotonic() - began:.1f} s.", flush=True)
    plan.options.gdb = socket
    command = bootlib.qemu_command(plan.options, media, serial)
    replay = with_icount(command, f"{EXACT},rr=replay,rrfile={log}")
    told = {"qemu": replay, "socket": socket, "serial": str(serial)}
    return {**plan.environment(), "OCTAVO_REPLAY": json.dumps(told)}


def run_recorded(command: List[str]) -> None:
    qemu = bootlib.start_qemu(command)
    try:
        qemu.wait(RECORD_S)
    except subprocess.TimeoutExpired:
        print(f"The run has no end within {RECORD_S:.0f} s; it is recorded so far.")
        qemu.terminate()  # so that it completes the log
        qemu.wait(5)
    finally:
        complaint = qemu.stderr.read() if qemu.stderr and qemu.poll() else b""
        status = qemu.poll()
        bootlib.stop_qemu(qemu)
    if status and complaint:
        text = complaint.decode(errors="replace").strip()
        raise bootlib.BootError(f"QEMU did not start: {text}")
