# SPDX-License-Identifier: MIT
"""Runs Octavo under QEMU from the host; behind tools/boot and the tests.

Idea        A scripted run puts its commands into the boot arguments:
            `... mark=NONCE run=COMMANDS`. init prints a line `[NONCE begin]`,
            runs the commands in the shell, prints `[NONCE end STATUS]` and
            powers off. What lies between the marks is the commands' output.
            A kernel panic prints lines from `panic: ` on and leaves QEMU with
            status 125. The guest's serial line is a file, not a pipe: a pipe
            that fills up would change the guest's timing.
Use         result = boot(Options(command="ls; cat README"))
            assert result.status == 0 and "init" in result.output
Invariants  Every QEMU that boot() starts has ended when boot() returns. A run
            changes no disk but the one that Options.disk names.
"""
from __future__ import annotations

import fcntl
import io
import os
import shlex
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from guestclock import GuestClock
from symbols import FaultLines, Symbols, elf_span
from transcript import Transcript

TOP = Path(__file__).resolve().parent.parent

STATUS_TIMEOUT = 124
STATUS_PANIC = 125
STATUS_CUT_SHORT = 126  # the system stopped before the commands had ended

LOG_LIMIT = 32 << 20  # bytes of serial output after which a run is stopped
POLL_S = 0.005
KEY_DIGITS = 16


class BootError(Exception):
    """The run could not be set up: its text says why, for the user."""


@dataclass
class Options:
    """What to run, and on which machine."""

    command: Optional[str] = None  # for the shell; None: an interactive boot
    smp: int = 1
    mem: int = 128  # MiB
    cpu: Optional[str] = None  # QEMU's -cpu
    icount: bool = True
    virtio: bool = False  # a virtio-blk disk; otherwise the disk is in RAM
    disk: Optional[str] = None  # virtio-blk on this image, which keeps writes
    add: List[str] = field(default_factory=list)  # .c: programs; else files
    image_kib: Optional[int] = None  # of the private disk; None: by the machine
    timeout: float = 60.0  # host seconds
    limit: Optional[float] = None  # seconds of the guest's time
    monitor: Optional[str] = None  # Unix socket of QEMU's monitor
    memory: Optional[str] = None  # file that holds the RAM, and keeps it
    debug: bool = False  # the DEBUG=1 build
    seed: Optional[int] = None
    tick: Optional[int] = None
    append: str = ""  # further boot arguments
    nonce: str = "octavo"
    unit: Optional[str] = None  # a lab's unit kernel, 02-pagetable
    key: Optional[str] = None  # 16 hex digits for programs that report checks
    trace: Optional[str] = None  # file for QEMU's trace of traps
    gdb: Optional[str] = None  # Unix socket; the machine waits for GDB
    log: Optional[str] = None  # file that keeps the serial output
    qemu_args: List[str] = field(default_factory=list)


@dataclass
class Result:
    """How a scripted run ended."""

    status: int  # of the last command, or one of STATUS_*
    output: str  # of the commands
    log: str  # everything on the serial line
    panic: Optional[str]  # the kernel's panic text
    timed_out: bool  # it had to be stopped
    completed: bool  # the end mark was seen
    seconds: float  # on the host
    stopped: str = ""  # why it had to be, if not by the host's clock


# --- The build ---------------------------------------------------------------


def build_dir(debug: bool) -> Path:
    """Where a build is; make REFERENCE=1 in a student's tree has its own."""
    ready_made = "reference-" if os.environ.get("OCTAVO_REFERENCE") else ""
    return TOP / "build" / (ready_made + ("debug" if debug else "release"))


def make(targets: Sequence[str], debug: bool) -> None:
    """Brings targets up to date; one make at a time in this tree."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    (TOP / "build").mkdir(exist_ok=True)
    with open(TOP / "build" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "-s", f"DEBUG={int(debug)}", *targets]
        if subprocess.run(command, cwd=TOP, env=env).returncode != 0:
            raise BootError("the build failed")


def build_env(debug: bool) -> Dict[str, List[str]]:
    """The build's own settings, as words: CC, USER_CFLAGS, MKFS, QEMU..."""
    path = build_dir(debug) / "build.env"
    if not path.exists():
        raise BootError(f"{path.relative_to(TOP)} is missing: run make first")
    lines = path.read_text().splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name: shlex.split(value) for name, _, value in pairs}


def run_tool(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, cwd=TOP, stderr=subprocess.PIPE, encoding="utf-8")
    if done.returncode != 0:
        raise BootError(f"{what} failed:\n{done.stderr.rstrip()}")


def compile_program(source: str, out: Path, debug: bool) -> Path:
    """Compiles and links one C file as a user program.

    Returns the program with its symbols; out has none."""
    if not Path(source).is_file():
        raise BootError(f"no such file: {source}")
    env = build_env(debug)
    whole = out.with_suffix(".sym")
    command = [*env["CC"], *env["USER_CFLAGS"], *env["USER_LINK"]]
    command += ["-o", str(whole), os.path.abspath(source), *env["USER_LIBS"]]
    run_tool(command, f"compiling {source}")
    strip = [*env["OBJCOPY"], "--strip-debug", str(whole), str(out)]
    run_tool(strip, f"stripping {source}")
    return whole


# --- Images ------------------------------------------------------------------


def split_item(item: str) -> Tuple[str, str]:
    """FILE[:NAME] as (file, name); the name is the file's own by default."""
    path, _, name = item.partition(":")
    return path, name or os.path.basename(path)


def pack_initrd(out: str, items: Sequence[str]) -> None:
    """Writes a ustar archive of FILE[:NAME] items, the same on every host."""
    with tarfile.open(out, "w", format=tarfile.USTAR_FORMAT) as archive:
        for item in items:
            path, name = split_item(item)
            data = Path(path).read_bytes()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755
            archive.addfile(info, io.BytesIO(data))


def make_image(out: Path, options: Options, work: Path) -> Dict[str, Path]:
    """Makes a disk image with the build's files and those of options.add.

    Returns where the added programs are, with symbols, by name."""
    added: Dict[str, Path] = {}
    env = build_env(options.debug)
    items = list(env["IMAGE_FILES"])
    for index, item in enumerate(options.add):
        path, name = split_item(item)
        if not name.endswith(".c"):
            items.append(f"{os.path.abspath(path)}:{name}")
            continue
        program = work / f"add{index}"
        added[name[:-2]] = compile_program(path, program, options.debug)
        items.append(f"{program}:{name[:-2]}")
    size = str(options.image_kib or env["DISK_KIB"][0])
    run_tool([*env["MKFS"], "--size", size, str(out), *items], "mkfs")
    return added


@dataclass
class Media:
    """The files that one run boots from."""

    initrd: Path
    disk: Optional[Path]  # behind virtio-blk
    kernel: Optional[Path] = None  # None: the build's
    added: Dict[str, Path] = field(default_factory=dict)  # programs, by name


def kernel_file(options: Options) -> Path:
    name = f"unit-{options.unit}.elf" if options.unit else "kernel.elf"
    return build_dir(options.debug) / name


def prepare_media(options: Options, work: Path) -> Media:
    """The kernel, initrd and disk for options; what is private to the run is in
    work. With a key, programs and unit kernels that ask for one have it."""
    media = choose_media(options, work)
    if options.key:
        media.initrd = with_key(media.initrd, options.key, work / "keyed.tar")
        if options.unit:
            kernel = kernel_file(options)
            media.kernel = with_key(kernel, options.key, work / "kernel.elf")
    return media


def with_key(file: Path, key: str, out: Path) -> Path:
    """A copy in which each place for a key (user/tests/check.h) has this one."""
    place = b"octavo-key:"
    empty = place + b"0" * KEY_DIGITS
    out.write_bytes(file.read_bytes().replace(empty, place + key.encode()))
    return out


def choose_media(options: Options, work: Path) -> Media:
    build = build_dir(options.debug)
    if options.mem < SMALL_MIB and not (options.virtio or options.disk):
        options = replace(options, image_kib=options.image_kib or SMALL_IMAGE_KIB)
    private = bool(options.add or options.image_kib)
    if options.disk and private:
        raise BootError("--add and --disk exclude each other")
    if options.disk:
        disk = Path(options.disk).absolute()
        if not disk.is_file():
            raise BootError(f"no such disk image: {options.disk}")
        return Media(build / "initrd.tar", disk)
    if not options.virtio and not private:
        return Media(build / "initrd-ram.tar", None)
    image = work / "disk.img"
    added: Dict[str, Path] = {}
    if private:
        added = make_image(image, options, work)
    else:
        shutil.copyfile(build / "disk.img", image)
    if options.virtio:
        return Media(build / "initrd.tar", image, added=added)
    files = build_env(options.debug)["INITRD_FILES"]
    initrd = work / "initrd.tar"
    pack_initrd(str(initrd), [str(TOP / f) for f in files] + [str(image)])
    return Media(initrd, None, added=added)


def fault_lines(options: Options, media: Media) -> FaultLines:
    """What is to filter the serial line of a run."""
    return FaultLines(Symbols(build_dir(options.debug) / "user", media.added))


# --- QEMU --------------------------------------------------------------------


PAGE = 4096
SMALL_MIB = 16  # a machine with less memory than this ...
SMALL_IMAGE_KIB = 2048  # ... has a RAM disk of this size
RAM_BASE = 0x80000000
FDT_ROOM = 1 << 20  # the device tree lies in RAM's last 2 MiB, at their start


def initrd_address(options: Options, initrd: Path) -> Optional[int]:
    """Where to load the initrd; None where QEMU itself finds a good place.

    QEMU puts it in the middle of RAM, where a small machine has the device
    tree. Then it comes right behind the kernel."""
    start, end = elf_span(kernel_file(options).read_bytes())
    top = RAM_BASE + options.mem * (1 << 20)
    device_tree = (top - FDT_ROOM) // (2 << 20) * (2 << 20)
    size = initrd.stat().st_size
    if start + options.mem * (1 << 19) + size <= device_tree:
        return None
    address = -(-end // PAGE) * PAGE
    if address + size > device_tree:
        raise BootError(
            f"{options.mem} MiB of memory cannot hold an initrd of {size >> 10} KiB"
        )
    return address


def initrd_options(options: Options, media: Media) -> List[str]:
    """QEMU's options for initrd and boot arguments."""
    args = boot_args(options, media)
    address = initrd_address(options, media.initrd)
    if address is None:
        return ["-initrd", str(media.initrd), "-append", args]
    place = f"initrd={address:#x},{media.initrd.stat().st_size}"
    loader = f"loader,file={qemu_path(media.initrd)},addr={address:#x},force-raw=on"
    return ["-device", loader, "-append", f"{place} {args}"]


def boot_args(options: Options, media: Media) -> str:
    """The kernel's command line; run= takes the rest, so it is last."""
    args = ["disk=virtio" if media.disk else "disk=ram"]
    if options.seed is not None:
        args.append(f"seed={options.seed}")
    if options.tick is not None:
        args.append(f"tick={options.tick}")
    if options.append:
        args.append(options.append)
    if options.command is not None:
        args += [f"mark={options.nonce}", f"run={options.command}"]
    return " ".join(args)


def qemu_command(
    options: Options, media: Media, serial: Optional[Path] = None
) -> List[str]:
    """QEMU's command line; without a serial file the terminal is the console."""
    kernel = media.kernel or kernel_file(options)
    command = [*build_env(options.debug)["QEMU"], *machine_options(options)]
    command += ["-bios", "default", "-kernel", str(kernel)]
    command += initrd_options(options, media)
    command += ["-m", f"{options.mem}M", "-smp", str(options.smp)]
    command += ["-no-reboot", "-seed", "1"]
    command += ["-cpu", options.cpu] if options.cpu else []
    if serial is None:
        command += ["-nographic"]
    else:
        command += ["-display", "none", "-monitor", monitor_device(options)]
        command += ["-chardev", f"file,id=console,append=on,path={qemu_path(serial)}"]
        command += ["-serial", "chardev:console"]
    if options.icount:
        # With sleep=off, QEMU 7.2 hangs in the first single step.
        command += ["-icount", "shift=0" if options.gdb else "shift=0,sleep=off"]
    if media.disk:
        command += ["-global", "virtio-mmio.force-legacy=false"]
        command += [
            "-drive",
            f"file={qemu_path(media.disk)},if=none," "format=raw,id=x0",
        ]
        command += ["-device"]
        command += ["virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0"]
    if options.trace:
        command += ["-d", "int", "-D", options.trace]
    if options.gdb:
        socket = qemu_path(Path(options.gdb))
        command += ["-S", "-gdb", "chardev:gdb", "-chardev"]
        command += [f"socket,id=gdb,path={socket},server=on,wait=off"]
    return command + options.qemu_args


def machine_options(options: Options) -> List[str]:
    if options.memory is None:
        return ["-M", "virt"]
    path = qemu_path(Path(options.memory))
    ram = f"memory-backend-file,id=ram,share=on,mem-path={path},size={options.mem}M"
    return ["-M", "virt,memory-backend=ram", "-object", ram]


def monitor_device(options: Options) -> str:
    if options.monitor is None:
        return "none"
    return f"unix:{qemu_path(Path(options.monitor))},server=on,wait=off"


def qemu_path(path: Path) -> str:
    """A path as the value of a QEMU option, where a comma is written twice."""
    return str(path).replace(",", ",,")


def start_qemu(
    command: Sequence[str], stdout: Optional[int] = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    """Starts QEMU apart from the terminal; it ends when this process ends."""
    guard: List[str] = []
    if shutil.which("setpriv"):
        guard = ["setpriv", "--pdeathsig", "KILL"]
    return subprocess.Popen(
        [*guard, *command],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def stop_qemu(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()


@contextmanager
def working_directory() -> Iterator[Path]:
    """A directory for one run's private files, removed at its end."""
    with tempfile.TemporaryDirectory(prefix="octavo-") as name:
        yield Path(name)


# --- A run ------------------------------------------------------------------


def boot(
    options: Options,
    build: bool = True,
    on_output: Optional[Callable[[str], None]] = None,
) -> Result:
    """Boots, runs options.command to its end, and says how it went.

    on_output receives the commands' output as it comes. Raises BootError if
    the run cannot be set up."""
    if options.command is None:
        raise BootError("a scripted run needs a command")
    if build:
        make(["all"], options.debug)
    with working_directory() as work:
        media = prepare_media(options, work)
        serial = work / "serial.log"
        serial.touch()
        if options.limit is not None:
            options = replace(options, monitor=str(work / "monitor"))
        try:
            return run_scripted(options, media, serial, on_output)
        finally:
            if options.log:
                shutil.copyfile(serial, options.log)


def run_scripted(
    options: Options,
    media: Media,
    serial: Path,
    on_output: Optional[Callable[[str], None]],
) -> Result:
    transcript = Transcript(options.nonce)
    began = time.monotonic()
    process = start_qemu(qemu_command(options, media, serial))
    try:
        faults = fault_lines(options, media)
        timed_out, why = follow(process, serial, faults, transcript, options, on_output)
        complaint = b""
        if process.poll() is not None and process.stderr:
            complaint = process.stderr.read()
    finally:
        stop_qemu(process)
    if complaint and not transcript.log:
        text = complaint.decode(errors="replace").rstrip()
        raise BootError(f"QEMU did not start: {text}")
    status = final_status(transcript, process.returncode, timed_out)
    return Result(
        status=status,
        output=transcript.output,
        log=transcript.log,
        panic=transcript.panic if status == STATUS_PANIC else None,
        timed_out=timed_out,
        completed=transcript.status is not None,
        seconds=time.monotonic() - began,
        stopped=why,
    )


def follow(
    process: "subprocess.Popen[bytes]",
    serial: Path,
    faults: FaultLines,
    transcript: Transcript,
    options: Options,
    on_output: Optional[Callable[[str], None]],
) -> Tuple[bool, str]:
    """Reads the serial log until QEMU ends; whether it had to be stopped, and
    why, if not by the host's clock."""
    tell = on_output or (lambda _: None)
    clock = GuestClock(options.limit, Path(options.monitor or ""), process.pid)
    deadline = time.monotonic() + options.timeout
    with open(serial, encoding="utf-8", errors="replace", newline="") as log:
        while True:
            # Asked before the read, so that the last read comes after the end.
            ended = process.poll() is not None
            output = transcript.feed(faults.feed(log.read()))
            why = "" if ended else clock.verdict()
            if log.tell() > LOG_LIMIT:
                why = f"it floods the console: more than {LOG_LIMIT >> 20} MiB"
            late = time.monotonic() > deadline or why != ""
            if ended or late:
                output += transcript.finish()
            if output:
                tell(output)
            if ended or late:
                clock.close()
                return not ended, why
            time.sleep(POLL_S)


def final_status(transcript: Transcript, qemu_status: int, timed_out: bool) -> int:
    """The run's status; the end mark counts, not QEMU's exit status alone."""
    if transcript.status is not None and not timed_out:
        return transcript.status
    if transcript.panic and (qemu_status == STATUS_PANIC or timed_out):
        return STATUS_PANIC
    return STATUS_TIMEOUT if timed_out else STATUS_CUT_SHORT
