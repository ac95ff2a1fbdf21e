# SPDX-License-Identifier: MIT
"""make bench and tools/cost: what they measure, and what they fail on."""
from __future__ import annotations

import json
import re
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree

import bootlib
import pytest
from measure import (
    baseline,
    curves,
    phases,
    plots,
    programs,
    result,
    rows,
    special,
    trace,
)

from grading.octavo.machine import TOP, Machine
from grading.octavo.report import qemu_version
from grading.octavo.scoring import fail, points

# Cheap ones of each kind: a row, a slope, and one measured from outside.
SOME = ("null_syscall", "ipc_rtt_8w", "copy_per_byte", "irq_to_driver")

NAMES = """null_syscall ipc_rtt_0w ipc_rtt_8w ipc_rtt_8w_same_space ipc_rtt_slow_8w
    ipc_rtt_4caps send_oneway notify_signal notify_pingpong irq_to_driver
    move_rtt_1p move_per_page share_per_page cow_per_page move_2m cow_fault_reuse
    cow_fault_copy copy_64b copy_per_byte pager_fault lazy_fault fork_exit_wait
    fork_exec_wait thread_switch yield_switch pipe_rtt_1b pipe_per_kb
    file_create_unlink file_read_256k_per_kb file_read_256k open_close
    boot_to_shell"""


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=TOP,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=100,
    )


def bench(out: Path, *arguments: str, status: int = 0) -> str:
    """Runs tools/bench on the rows of SOME; returns what it printed."""
    command = ["tools/bench", "--no-build", "--out", str(out), *arguments, *SOME]
    done = run(*command)
    if done.returncode != status:
        fail(f"status {status}", f"status {done.returncode}", console=done.stdout)
    return done.stdout


def read(out: Path) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = json.loads((out / "bench.json").read_text())
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that the others compare with."""
    out = tmp_path_factory.mktemp("kept")
    bench(out)
    return out


def test_rows_have_their_names() -> None:
    """The table of make bench has every row, once."""
    assert sorted(row.name for row in rows.table()) == sorted(NAMES.split())


@points(2)
def test_figures(kept: Path) -> None:
    """The figures of make bench have all fields, and are in order."""
    found = read(kept)
    assert [entry["name"] for entry in found] == list(SOME)
    for entry in found:
        assert set(entry) == set(result.FIELDS)
        assert entry["unit"] == "instructions" and entry["method"]
        assert 0 < entry["min"] <= entry["median"] <= entry["p99"]
        assert entry["value"] == entry["median"]


def test_table(kept: Path, tmp_path: Path) -> None:
    """The table shows value, limit and peers, and marks a missed limit."""
    text = bench(tmp_path)
    for entry in read(kept):
        (line,) = [l for l in text.splitlines() if l.startswith(f"{entry['name']} ")]
        (row,) = [row for row in rows.table() if row.name == entry["name"]]
        cells = line[len(row.name) + 1 + len(row.what) :].split()
        assert result.short(entry["value"]) in cells
        assert result.short(row.limit) in cells
        assert ("!" in cells) == (entry["value"] > (row.limit or entry["value"]))


@points(2)
def test_same_figures_again(kept: Path, tmp_path: Path) -> None:
    """A second run has the same figures, and is not worse than the first."""
    text = bench(tmp_path, "--base", str(kept / "bench.json"))
    assert "worse" not in text
    assert read(tmp_path) == read(kept)


@pytest.mark.parametrize("name", SOME)
def test_worse_fails(kept: Path, tmp_path: Path, name: str) -> None:
    """Any row that costs more than in a kept run is a failure."""
    figures = read(kept)
    (entry,) = [entry for entry in figures if entry["name"] == name]
    was = entry["value"]
    entry["value"] = was - 0.0001 if was < 1 else was - 1
    base = tmp_path / "base.json"
    base.write_text(json.dumps(figures))
    text = bench(tmp_path, "--base", str(base), status=1)
    said = [line for line in text.splitlines() if line.startswith("worse than")]
    assert len(said) == 1 and f" {name}: {was:.10g}, was " in said[0]


def test_better_passes(kept: Path, tmp_path: Path) -> None:
    """Rows that cost less than in a kept run are no failure."""
    figures = read(kept)
    for entry in figures:
        entry["value"] += 1
    base = tmp_path / "base.json"
    base.write_text(json.dumps(figures))
    bench(tmp_path, "--base", str(base))


def test_lost_row_fails() -> None:
    """In a whole run, a row that was measured and is not any more fails."""
    base: List[result.Json] = [{"name": "gone", "unit": "instructions", "value": 1}]
    assert result.worse([], base, whole=True) == ["gone: is not measured any more"]
    assert result.worse([], base, whole=False) == []


def test_kept_run_changes_for_a_reason() -> None:
    """A commit that changes the kept run without saying why is named."""
    said = ["1 a: b\n\nBench: a check more", "2 a: c\n\nnot Bench: x", "3 Bench:"]
    problems = baseline.unexplained(said)
    assert [line.split(":")[0] for line in problems] == ["2 a", "3 Bench"]


def test_keeping_tells_changes() -> None:
    """What --keep changes is told, better rows and those that come and go."""
    sample = programs.Sample(1, 5, 5, 5)
    figures = [result.Figure(row, sample, "") for row in rows.table()[:2]]
    names = [figure.row.name for figure in figures]
    base: List[result.Json] = [
        {"name": names[0], "value": 6},
        {"name": "x", "value": 1},
    ]
    told = [f"{names[0]}: 6 -> 5", "x: 1 -> -", f"{names[1]}: - -> 5"]
    assert result.changes(figures, base) == told
    assert "whole runs" in run("tools/bench", "--keep", names[0]).stdout


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": "x"}]', "{}x"])
def test_bad_base_is_told(tmp_path: Path, text: str) -> None:
    """A file that is no kept run is refused before anything is measured."""
    base = tmp_path / "base.json"
    base.write_text(text)
    said = bench(tmp_path, "--base", str(base), status=2)
    assert "base.json is no kept run" in said
    assert not (tmp_path / "bench.json").exists()


def test_unknown_row_is_told(tmp_path: Path) -> None:
    """A row that there is not is refused, with the names of all."""
    for tool in ("tools/bench", "tools/cost"):
        done = run(tool, "--no-build", "ipc_rtt")
        assert done.returncode == 2
        assert "no row ipc_rtt; there are: " in done.stdout
        assert "ipc_rtt_8w" in done.stdout


def test_rounds(kept: Path) -> None:
    """Rows that no guest program prints have as many rounds as the others."""
    (entry,) = [e for e in read(kept) if e["name"] == "irq_to_driver"]
    header = (TOP / "user" / "bench" / "common" / "bench.h").read_text()
    assert f"BENCH_ROUNDS = {special.ROUNDS}," in header
    assert f" {special.ROUNDS} rounds" in entry["method"]


@points(2)
def test_interrupt_adds_up(kept: Path, tmp_path: Path) -> None:
    """From the trap to the driver's first instruction, which is to read instret,
    QEMU's log has as many instructions as make bench counts."""
    (entry,) = [e for e in read(kept) if e["name"] == "irq_to_driver"]
    build = bootlib.build_dir(False)
    kernel = build / "kernel.elf"
    handler = programs.symbol(kernel, "irq_interrupt", False)
    with special.driver_machine(False) as machine:
        for turn in range(6):
            if turn == 4:
                machine.log_to(tmp_path / "log")
            machine.run_to(handler)
            machine.step()
    # QEMU begins an access to a device again, and logs it twice.
    pcs = [pc for pc, _ in groupby(trace.read_log(tmp_path / "log"))]
    first = programs.symbol(kernel, "trap_entry", False)
    place = pcs.index(handler)
    start = max(i for i in range(place) if pcs[i] == first)
    end = next(i for i in range(place, len(pcs)) if pcs[i] < trace.USER_TOP)
    objdump = bootlib.build_env(False)["OBJDUMP"]
    driver = trace.disassemble(objdump, build / "user" / special.DRIVER)
    assert driver[pcs[end]].mnemonic == "rdinstret"
    assert end - start == entry["median"]


def test_boots_are_equal() -> None:
    """A machine that is reset boots in as many instructions; others are told."""
    first, *found = special.boots(False, 4)
    assert found.count(first) >= 2
    assert special.usual([5, 6, 5, 5]).p99 == 5
    with pytest.raises(bootlib.BootError, match="differ: 5 .2 times., 6 .1 times."):
        special.usual([5, 6, 5])


@points(2)
@pytest.mark.parametrize("name", ["null_syscall", "ipc_rtt_8w"])
def test_cost_adds_up(kept: Path, name: str) -> None:
    """tools/cost finds as many instructions as make bench counts."""
    (entry,) = [entry for entry in read(kept) if entry["name"] == name]
    text = run("tools/cost", "--no-build", "--trace", "--lines", name).stdout
    listed = re.findall(r"^ +(\d+) +[0-9a-f]{5,16}  \S", text, re.MULTILINE)
    counts = re.findall(r"^ +(\d+) +[0-9.]+ %  \S", text, re.MULTILINE)
    assert f"{name}: {entry['median']} instructions" in text
    assert listed == [str(n + 1) for n in range(entry["median"])]
    assert sum(map(int, counts)) == entry["median"]
    for what in ("code", "data"):
        told = re.search(rf"kernel's {what}: (\d+) cache lines", text)
        assert told and 0 < int(told.group(1)) < entry["median"]


@points(2)
def test_phases_add_up(kept: Path) -> None:
    """Every instruction of a round trip has its phase, and is above the floor or
    in it."""
    (entry,) = [entry for entry in read(kept) if entry["name"] == "ipc_rtt_8w"]
    text = run("tools/cost", "--no-build", "--phases", "ipc_rtt_8w").stdout
    found = re.findall(
        r"^([a-z ]+?) +(\d+) +(\d+) +(\d+) +(\d+) +([+-]\d+)", text, re.M
    )
    *parts, (name, *sums) = [(phase, *map(int, numbers)) for phase, *numbers in found]
    assert name == "all" and len(parts) == len(phases.FLOOR)
    assert [sum(column) for column in list(zip(*parts))[1:]] == sums
    assert sums[0] + sums[2] == entry["median"]
    assert sums[4] == entry["median"] - sums[1] - sums[3]


def test_address_of_an_instruction() -> None:
    """The address that an instruction touches follows from the registers."""
    registers = {"sp": 0x1000, "a0": (1 << 64) - 8}
    assert trace.address_of("ld\ta5,-16(sp)", registers) == 0xFF0
    assert trace.address_of("amoadd.w\ta4,a5,(sp)", registers) == 0x1000
    assert trace.address_of("sd\ta5,16(a0)", registers) == 8
    assert trace.address_of("jr\t16(sp)", registers) is None
    assert trace.address_of("add\ta5,a5,a4", registers) is None


def test_foreign_code_is_not_named() -> None:
    """Instructions that a program could not have run are not said to be its."""
    code = {
        0x100: trace.Instruction(2, "mv\ta0,s1", "f"),
        0x102: trace.Instruction(4, "beqz\ta0,100 <f>", "f"),
        0x106: trace.Instruction(4, "ecall", "f"),
    }
    assert trace.could_run(code, [0x100, 0x102, 0x100, 0x102, 0x106])
    assert not trace.could_run(code, [0x100, 0x106])
    assert not trace.could_run(code, [0x102, 0x106, 0x10A])
    assert not trace.could_run(code, [0x100])


def test_distribution_is_read() -> None:
    """What a bench program prints is read, and other lines are not."""
    text = "row x 3 5 6 9 9\nnoise\nhist x 2 5:2 9:1 +:0\nrow y 1 2\nhist z 1 +:0\n"
    sample = programs.Sample(3, 5, 6, 9, 2, ((5, 2), (9, 1)))
    assert programs.parse(text) == {"x": sample}


def test_rows_are_those_of_programs() -> None:
    """Every row of a curve or the table is in the program that it names."""
    table = rows.table()
    for row in table + curves.points(table):
        for source in (row.high, row.low):
            if source:
                text = (TOP / "user" / "bench" / f"{source.program}.c").read_text()
                assert f'{{"{source.row}",' in text


def test_crossover_is_found() -> None:
    """The size from which a way costs less than a copy is told."""
    cost = {"copy": 1.0, "cow": 0.4, "move": 0.3, "rewrite": 2.0, "refill": 0.9}
    values = {row.name: 9.0 for row in curves.points([])}
    for name, curve in curves.size_curves().items():
        start = 0 if name == "copy" else 4000
        values.update((row.name, start + cost.get(name, 0) * x) for x, row in curve)
    text = plots.report(values)
    assert "cow from 8192 bytes, rewrite from no size" in text
    assert "move from 8192 bytes, refill from 65536 bytes" in text
    assert "(+0.0 %)" in text


@points(2)
def test_crowd(machine: Machine) -> None:
    """Eight clients of one server have their turns, and pay little for it."""
    rows_wanted = "crowd/1 crowd/8 fairness/8"
    run = machine.run(f"bench_harts {rows_wanted}", append=curves.TICKS, timeout=60)
    run.expect_status(0)
    figures = programs.parse(run.output)
    alone, crowd, fairness = (figures[name].p99 for name in rows_wanted.split())
    assert crowd <= 1.5 * alone
    assert fairness <= 1100  # thousandths


@points(3)
@pytest.mark.parametrize("harts", [2, 4, 8])
def test_crowd_on_harts(machine: Machine, harts: int) -> None:
    """Clients on several harts have their turns, and where the kernel decides
    when a hart's turn ends, they seldom find that the server was stopped."""
    rows_wanted = "crowd/8 fairness/8"
    run = machine.run(
        f"bench_harts {rows_wanted}; cat /sys/counters",
        smp=harts,
        append=curves.TICKS,
        timeout=60,
    )
    run.expect_status(0)
    assert programs.parse(run.output)["fairness/8"].p99 <= 2000  # thousandths
    line = re.search(r"^far_wakes +(\d+)", run.output, re.M)
    assert line
    if harts > 2 and qemu_version().startswith(("7.", "8.0.")):
        assert int(line[1]) <= 4000  # of some 750,000 calls


@points(2)
@pytest.mark.parametrize("harts", [2, 4])
def test_spread(machine: Machine, harts: int) -> None:
    """Programs that never wait all have their share of the harts. How equal the
    shares are depends on QEMU; without sched_balance they differ by 3 to 18."""
    row = f"spread/{2 * harts}"
    run = machine.run(f"bench_harts {row}", smp=harts, append=curves.TICKS)
    run.expect_status(0)
    assert programs.parse(run.output)[row].p99 <= 3000  # thousandths


@points(2)
@pytest.mark.parametrize("harts", [2, 4, 8])
@pytest.mark.parametrize("tick", [25, 50, 200])
def test_turns(machine: Machine, tick: int, harts: int) -> None:
    """Harts have their turns, however long these are."""
    run = machine.run(
        f"bench_harts pairs/{harts}", smp=harts, append=f"tick={tick}", timeout=120
    )
    run.expect_status(0)


def test_drawings(tmp_path: Path) -> None:
    """The drawings are SVG, and all of them inside its frame."""
    sample = programs.Sample(9, 5, 6, 9, 1, ((5, 8), (9, 1)))
    table = rows.table()
    plots.draw_latency(tmp_path, [result.Figure(row, sample, "") for row in table])
    points = table + curves.points(table)
    plots.draw(tmp_path, {row.name: len(row.name) for row in points})
    for name in ("latency", "size", "pages", "harts", "clients"):
        root = ElementTree.parse(tmp_path / f"{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        for item in root.iter():
            for x in ("x", "cx", "x1", "x2"):
                assert 0 <= float(item.attrib.get(x, 0)) <= width
            for y in ("y", "cy", "y1", "y2"):
                assert 0 <= float(item.attrib.get(y, 0)) <= height
    texts = (tmp_path / "latency.svg").read_text()
    assert all(f">{row.name}<" in texts for row in table)
