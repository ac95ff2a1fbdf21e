# SPDX-License-Identifier: MIT
"""The file system on the host: its own code, on a disk in memory.

The C programs in grading/host/fs are built with sanitizers and run case by
case. `test_mutant` breaks the file system in one place at a time and requires
that a case notices: so the cases can fail. mkfs is tested from its command
line."""
from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

import pytest

from grading.octavo import scoring
from grading.octavo.machine import TOP
from grading.octavo.scoring import points

HOST = TOP / "grading" / "host" / "fs"
CORE = TOP / "user" / "servers" / "fs"
MKFS = TOP / "mkfs"
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wshadow"]
FLAGS += ["-O1", "-g"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TIMEOUT = 120

CASES: Dict[str, List[str]] = {
    "ops": [
        "open",
        "names",
        "links",
        "too_many_links",
        "directories",
        "raw_directory",
        "devices",
        "removed_cwd",
        "large_directory",
    ],
    "contents": [
        "sizes",
        "offsets",
        "bad_ranges",
        "removed_open",
        "orphans",
        "bad_memory",
        "inode_table",
        "bad_mounts",
        "damaged_files",
        "tails",
    ],
    "random": ["seed_1", "seed_2", "seed_3"],
    "crash": ["names", "contents", "large_write", "repair", "doubt"],
    "limits": [
        "full_disk",
        "short_write",
        "all_inodes",
        "read_faults",
        "write_faults",
        "flush_faults",
        "mount_faults",
    ],
    "checks": ["damages", "not_images", "log_is_read", "random_damage"],
    "pages": ["contents", "reused", "evicted", "aborted", "no_memory"],
}


class Mutant(NamedTuple):
    """One mistake: `old` in `file` becomes `new`; `case` must notice."""

    name: str
    file: str
    old: str
    new: str
    case: str


MUTANTS = [
    Mutant(
        "a shared page is used for another block",
        "block.c",
        "    while (buf != &cache->idle && !block_own(cache, buf))",
        "    while (false)",
        "pages:evicted",
    ),
    Mutant(
        "a shared block is allocated anew where it is",
        "volume.c",
        "return block_recycle(&v->cache, *block);",
        "return 0;",
        "pages:reused",
    ),
    Mutant(
        "an aborted write stays in a shared page",
        "block.c",
        "if (buf->shared && cache->disk->read",
        "if (false && cache->disk->read",
        "pages:aborted",
    ),
    Mutant(
        "pages are shared without a note",
        "content.c",
        "        if (shared)\n            block_share(buf);\n",
        "        (void)shared;\n",
        "pages:evicted",
    ),
    Mutant(
        "header before slots",
        "log.c",
        "    if (dirty_write(log, true) < 0) {",
        "    header_write(log, log->count);\n    if (dirty_write(log, true) < 0) {",
        "crash:names",
    ),
    Mutant(
        "no flush after slots and installing",
        "log.c",
        "        return -EIO;\n    return log_flush(log);\n}\n\n/* Steps",
        "        return -EIO;\n    return 0;\n}\n\n/* Steps",
        "crash:names",
    ),
    Mutant(
        "header not cleared",
        "log.c",
        "        err = header_write(log, 0);\n    if (err < 0)\n        return err;\n    for",
        "        err = 0;\n    if (err < 0)\n        return err;\n    for",
        "crash:contents",
    ),
    Mutant(
        "doubt forgotten",
        "log.c",
        "log->state = LOG_IN_DOUBT;",
        "log->state = LOG_IDLE;",
        "crash:doubt",
    ),
    Mutant(
        "nothing installed by a mount",
        "log.c",
        "if (err == 0 && log->count > 0)",
        "if (err == 0 && log->count > 1000)",
        "crash:names",
    ),
    Mutant(
        "dirty block not pinned",
        "log.c",
        "    buf->pins++;\n",
        "",
        "random:seed_1",
    ),
    Mutant(
        "bitmap not freed",
        "volume.c",
        "*byte = (uint8_t)(*byte & ~bit);",
        "(void)bit;",
        "contents:sizes",
    ),
    Mutant(
        "counts kept after a failure",
        "volume.c",
        "    v->free_blocks = v->free_blocks_before;\n",
        "",
        "contents:bad_memory",
    ),
    Mutant(
        "inodes kept after a failure",
        "volume.c",
        "v->inodes[i].loaded = false;",
        "(void)v->inodes[i];",
        "limits:write_faults",
    ),
    Mutant(
        "discarded contents stay cached",
        "block.c",
        "    chain_remove(cache, buf);\n    buf->pins = 0;",
        "    buf->pins = 0;",
        "contents:bad_memory",
    ),
    Mutant(
        "stale bytes after a short last block",
        "content.c",
        "if (err == 0 && count < BLOCK_SIZE)",
        "if (err == 0 && count > BLOCK_SIZE)",
        "contents:tails",
    ),
    Mutant(
        "disk full found too late",
        "content.c",
        "if (extend_cost(index) > v->free_blocks)",
        "if (v->free_blocks == 0)",
        "limits:full_disk",
    ),
    Mutant(
        "open inode freed by unlink",
        "fs.c",
        "ip->on.nlink == 0 && ip->refs == 1)",
        "ip->on.nlink == 0)",
        "contents:removed_open",
    ),
    Mutant(
        "parent's link not taken back",
        "fs.c",
        "        dp->on.nlink--;\n",
        "",
        "ops:directories",
    ),
    Mutant(
        "orphans kept at mount",
        "mount.c",
        "if (orphans >> i & 1)",
        "if (orphans >> i & 2)",
        "contents:orphans",
    ),
    Mutant(
        "free place of a directory not used",
        "dir.c",
        "            has_free = true;",
        "            has_free = false;",
        "ops:large_directory",
    ),
    Mutant(
        "way through a removed directory",
        "dir.c",
        "        err = -ENOENT;\n    if (err == 0)\n        err = inode_get",
        "        err = 0;\n    if (err == 0)\n        err = inode_get",
        "ops:removed_cwd",
    ),
]


def mutant_id(mutant: Mutant) -> str:
    return mutant.name.replace(" ", "-")


def core_sources() -> List[Path]:
    """The core: all of the file server but the server."""
    server = ("main.c", "server.c")
    return sorted(p for p in CORE.glob("*.c") if p.name not in server)


def support_sources() -> List[Path]:
    return [HOST / "kit.c", MKFS / "format.c"] + sorted(MKFS.glob("check*.c"))


def compile_c(arguments: List[str], core: Optional[Path] = None) -> None:
    """Runs gcc; `core` is searched for headers before the tree is."""
    includes = [HOST, MKFS] + ([core] if core else []) + [TOP / "user", TOP / "kernel"]
    command = ["gcc"] + FLAGS + [f"-I{path}" for path in includes] + arguments
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    if done.returncode != 0:
        scoring.fail("the test program compiles", done.stdout, " ".join(command))


def run_case(program: Path, case: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), case],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT,
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """Test programs built so far in this session, by name."""
    return {"": tmp_path_factory.mktemp("fs")}


def build(built: Dict[str, Path], name: str) -> Path:
    if name not in built:
        output = built[""] / name
        sources = [HOST / f"{name}.c"] + support_sources() + core_sources()
        compile_c(SANITIZE + [str(s) for s in sources] + ["-o", str(output)])
        built[name] = output
    return built[name]


@pytest.mark.parametrize(
    "program,case",
    [
        pytest.param(
            program,
            case,
            id=f"{program}-{case}",
            marks=pytest.mark.xdist_group(f"host-fs-{program}"),
        )
        for program, cases in CASES.items()
        for case in cases
    ],
)
def test_case(built: Dict[str, Path], program: str, case: str) -> None:
    """The file system on a disk in memory."""
    done = run_case(build(built, program), case)
    if done.returncode != 0:
        scoring.fail("the case passes", f"exit status {done.returncode}", done.stdout)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(name, marks=pytest.mark.xdist_group(f"host-fs-{name}"))
        for name in CASES
    ],
)
def test_all_cases_run(built: Dict[str, Path], program: str) -> None:
    """Every case that a host program has is run here."""
    listed = run_case(build(built, program), "--list").stdout.split()
    if listed != CASES[program]:
        scoring.fail(str(CASES[program]), str(listed))


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything as objects without sanitizers, to link mutants with."""
    folder = tmp_path_factory.mktemp("fs-objects")
    programs = [HOST / f"{name}.c" for name in CASES]
    for source in programs + support_sources() + core_sources():
        prefix = "core-" if source.parent == CORE else "test-"
        output = folder / f"{prefix}{source.stem}.o"
        compile_c(["-c", str(source), "-o", str(output)])
    return folder


def link(objects: Path, program: str, swap: Dict[str, Path], output: Path) -> None:
    """Links a test program, with some objects of the core replaced."""
    others = {f"test-{name}.o" for name in CASES if name != program}
    files = [p for p in sorted(objects.glob("*.o")) if p.name not in others]
    compile_c([str(swap.get(p.name, p)) for p in files] + ["-o", str(output)])


@points(1)
@pytest.mark.xdist_group("host-fs-mutants")
@pytest.mark.parametrize("mutant", MUTANTS, ids=mutant_id)
def test_mutant(mutant: Mutant, objects: Path, tmp_path: Path) -> None:
    """A mistake in the file system is noticed."""
    program, _, case = mutant.case.partition(":")
    text = (CORE / mutant.file).read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        scoring.fail(f"one place to break in {mutant.file}", mutant.old)
    source = tmp_path / mutant.file
    source.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    broken = tmp_path / "broken.o"
    compile_c(["-Wno-error", "-c", str(source), "-o", str(broken)])
    output = tmp_path / "program"
    name = f"core-{Path(mutant.file).stem}.o"
    link(objects, program, {name: broken}, output)
    try:
        if run_case(output, case).returncode == 0:
            scoring.fail(f"{mutant.case} fails on: {mutant.name}", "it passes")
    except subprocess.TimeoutExpired:
        pass  # a mistake that hangs is noticed too


@pytest.fixture(scope="session")
def mkfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("mkfs") / "mkfs"
    sources = sorted(MKFS.glob("*.c")) + core_sources()
    compile_c(SANITIZE + [str(s) for s in sources] + ["-o", str(output)])
    return output


def run_mkfs(mkfs: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(mkfs), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def expect_mkfs(mkfs: Path, *arguments: str, status: int = 0, says: str = "") -> bytes:
    """Runs mkfs; requires the status, and `says` in what it prints."""
    done = run_mkfs(mkfs, *arguments)
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    if done.returncode != status or says not in text:
        scoring.fail(
            f"status {status}" + (f" and '{says}'" if says else ""),
            f"status {done.returncode} and:\n{text}",
            command="mkfs " + " ".join(arguments),
        )
    return done.stdout


@pytest.mark.xdist_group("host-fs-mkfs")
def test_mkfs_copies(mkfs: Path, tmp_path: Path) -> None:
    """mkfs puts files where it is told, and gives them back unchanged."""
    image, small, large = (str(tmp_path / n) for n in ("i.img", "small", "large"))
    Path(small).write_bytes(b"hello\n")
    Path(large).write_bytes(bytes(n * 7 % 251 for n in range(600_001)))
    arguments = [
        small,
        f"{small}:a/b/other",
        f"{large}:a/",
        ":empty",
        ":/deep/er/",
        "@2:d/sys",
    ]
    expect_mkfs(mkfs, "--size", "2048", image, *arguments)
    if Path(image).stat().st_size != 2048 * 1024:
        scoring.fail("2048 KiB", str(Path(image).stat().st_size))
    expect_mkfs(mkfs, "--check", image)
    for path, source in (("small", small), ("/a/b/other", small), ("a/large", large)):
        if expect_mkfs(mkfs, "--cat", image, path) != Path(source).read_bytes():
            scoring.fail(f"{path} has the contents of {source}", "it differs")
    listed = expect_mkfs(mkfs, "--ls", image).decode().splitlines()
    paths = [line.split()[-1] for line in listed]
    expected = ["/", "/small", "/a", "/a/b", "/a/b/other", "/a/large"]
    if paths != expected + ["/empty", "/deep", "/deep/er", "/d", "/d/sys"]:
        scoring.fail(str(expected), str(paths))


@pytest.mark.xdist_group("host-fs-mkfs")
def test_mkfs_is_deterministic(mkfs: Path, tmp_path: Path) -> None:
    """The same files give the same image, byte for byte."""
    sums = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for source in sorted(MKFS.glob("*.c")):
            shutil.copy(source, folder)
        files = [str(p) for p in sorted(folder.iterdir())]
        image = str(folder / "image")
        expect_mkfs(mkfs, image, *files, ":dir")
        sums.append(hashlib.sha256(Path(image).read_bytes()).hexdigest())
    if sums[0] != sums[1]:
        scoring.fail("equal images", " ".join(sums))


@pytest.mark.xdist_group("host-fs-mkfs")
def test_mkfs_complains(mkfs: Path, tmp_path: Path) -> None:
    """Whatever mkfs cannot do it says, and the old image stays."""
    image, big = str(tmp_path / "image"), tmp_path / "big"
    long_name = tmp_path / "fifteen-letters"
    big.write_bytes(b"x" * 1_000_000)
    long_name.write_bytes(b"")
    folder = tmp_path / "folder"
    folder.mkdir()
    expect_mkfs(mkfs, image)
    before = Path(image).read_bytes()
    expect_mkfs(mkfs, status=2, says="which image?")
    expect_mkfs(mkfs, "--size", status=2, says="a number must follow --size")
    expect_mkfs(mkfs, "--size", "4x", image, status=2, says="a number")
    expect_mkfs(mkfs, "--size", "99999999999", image, status=2, says="a number")
    expect_mkfs(mkfs, "--size", "513", image, status=2, says="multiple of 4")
    expect_mkfs(mkfs, "--size", "64", image, status=1, says="too small")
    expect_mkfs(mkfs, "--size", "4294967292", image, status=1, says="too large")
    expect_mkfs(mkfs, "--inodes", "70000", image, status=1, says="too many inodes")
    expect_mkfs(mkfs, "--log", "3", image, status=1, says="log is too small")
    expect_mkfs(mkfs, "--bogus", image, status=2, says="no such option: --bogus")
    for number in ("", "x", "2x", "-1", "65536"):
        expect_mkfs(mkfs, image, f"@{number}:d", status=1, says="not the number")
    expect_mkfs(mkfs, image, "@2:d", "@2:d", status=1, says="d: ")
    expect_mkfs(mkfs, "--check", status=2, says="takes one image")
    expect_mkfs(mkfs, "--cat", image, status=2, says="takes an image and a path")
    expect_mkfs(mkfs, image, "/no/such", status=1, says="/no/such: no such file")
    expect_mkfs(mkfs, image, str(folder), status=1, says="cannot be read")
    expect_mkfs(mkfs, image, str(long_name), status=1, says="14 characters")
    expect_mkfs(mkfs, image, str(big), str(big), status=1, says="exists already")
    small = ["--size", "512", image]
    expect_mkfs(mkfs, *small, str(big), status=1, says="no space left")
    expect_mkfs(mkfs, image, ":", status=1, says="neither a file nor a directory")
    expect_mkfs(mkfs, "--cat", image, "nothing", status=1, says="no such file")
    expect_mkfs(mkfs, "--cat", image, "/", status=1, says="not a file")
    expect_mkfs(mkfs, str(tmp_path / "no" / "image"), status=1, says="no/image: ")
    expect_mkfs(mkfs, "--check", str(big), status=1, says="not whole blocks")
    expect_mkfs(mkfs, "--check", "/no/image", status=1, says="/no/image: ")
    if Path(image).read_bytes() != before or list(tmp_path.glob("*.partial")):
        scoring.fail("the old image and no leavings", "something else")


@pytest.mark.xdist_group("host-fs-mkfs")
def test_mkfs_checks(mkfs: Path, tmp_path: Path) -> None:
    """`mkfs --check` exits 1 and names the problem; it changes nothing."""
    image = tmp_path / "image"
    expect_mkfs(mkfs, "--size", "256", str(image), str(MKFS / "check.h"))
    damaged = bytearray(image.read_bytes())
    damaged[0] ^= 1
    image.write_bytes(damaged)
    expect_mkfs(mkfs, "--check", str(image), status=1, says="not a file system")
    expect_mkfs(mkfs, "--ls", str(image), status=1, says="cannot be mounted")
    if image.read_bytes() != damaged:
        scoring.fail("the image unchanged", "it changed")


@pytest.mark.xdist_group("host-fs-mkfs")
def test_mkfs_help(mkfs: Path) -> None:
    """mkfs --help tells all options."""
    text = expect_mkfs(mkfs, "--help").decode()
    for option in ("--size", "--inodes", "--log", "--check", "--ls", "--cat"):
        if option not in text:
            scoring.fail(f"{option} in the help", text)
