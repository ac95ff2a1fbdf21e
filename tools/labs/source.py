# SPDX-License-Identifier: MIT
"""What a student's tree has in the place of the reference's functions.

A function of the lab becomes a stub: its comment and its head stay, its body
panics with the lab's name, or does what lab.toml says under `instead`. A
function of a later lab, in a file that the student sees, becomes a call of the
reference's, which comes as an object: a forward. Objects for forwards are made
from `later_text`: the reference file without whatever else it defines."""
from __future__ import annotations

import re
from typing import Iterable, List, Mapping, Optional

import functions
from functions import Function

_STUB = """{head} {{
{unused}    panic("lab {lab}: {name} is yours to write");
}}
"""
_INSTEAD = """{head} {{
    /* Lab {lab}: {name} is yours to write. */
{unused}    {body}
}}
"""
_ASM_STUB = """{name}:
    la a0, lab_stub_{name}
    tail panic
    .pushsection .rodata
lab_stub_{name}:
    .string "lab {lab}: {name} is yours to write"
    .popsection
"""
_PANIC = '#include "lib/panic.h"\n'
COLUMNS = 80


def stub(function: Function, lab: str, body: Optional[str] = None) -> str:
    """The function without its body, or with another one."""
    if not function.head:
        return _ASM_STUB.format(name=function.name, lab=lab)
    unused = "".join(f"    (void){name};\n" for name in function.parameters)
    form = _STUB if body is None else _INSTEAD
    return form.format(
        head=function.head, unused=unused, lab=lab, name=function.name, body=body
    )


def forward_name(name: str) -> str:
    return f"prebuilt_{name}"


def forward_head(function: Function) -> str:
    """The head of the function that a forward calls."""
    head = re.sub(r"\b(static|inline|__attribute__\(\(\w+\)\))\s+", "", function.head)
    return re.sub(rf"\b{function.name}\(", forward_name(function.name) + "(", head)


def forward_call(function: Function, callee: str) -> str:
    call = f"{callee}({', '.join(function.parameters)});"
    return f"    {'return ' if function.returns else ''}{call}\n"


def forward(function: Function) -> str:
    """The function as a call of the reference's."""
    call = forward_call(function, forward_name(function.name))
    declared = filled(f"{forward_head(function)};")
    return f"{declared}\n{function.head} {{\n{call}}}\n"


def filled(head: str) -> str:
    """A declaration with its parameters laid out as clang-format would."""
    flat = re.sub(r"\s+", " ", head).replace("* ", "*")
    flat, contract, ends = flat.partition(" REQUIRES(")
    start, _, rest = flat.partition("(")
    lines = [f"{start}("]
    for part in re.split(r"(?<=,)\s+", rest):
        if len(lines[-1]) + 1 + len(part) > COLUMNS:
            lines.append(" " * len(start))
        lines[-1] += part if lines[-1].endswith("(") else f" {part}"
    if len(lines[-1] + contract + ends) > COLUMNS:
        contract = f"\n   {contract}"
    return "\n".join(lines) + contract + ends


def with_panic(text: str) -> str:
    """The text with lib/panic.h included, if it is not."""
    if _PANIC in text:
        return text
    lines = text.splitlines(keepends=True)
    places = [i for i, line in enumerate(lines) if line.startswith('#include "')]
    behind = [i for i in places if lines[i] < _PANIC]
    at = behind[-1] + 1 if behind else (places or [0])[0]
    if places and not behind and "\n#ifndef " not in "".join(lines[:at]):
        at += 1  # a source's own header comes first
    return "".join(lines[:at] + [_PANIC] + lines[at:])


def with_stubs(
    text: str,
    path: str,
    lab: str,
    names: Iterable[str],
    removed: Iterable[str] = (),
    bodies: Optional[Mapping[str, str]] = None,
) -> str:
    """A file with stubs for `names`, some with bodies, and without `removed`."""
    assembly = path.endswith(".S")
    for name in names:
        found = functions.find(text, name, assembly)
        body = bodies.get(name) if bodies else None
        text = functions.replace(text, found, stub(found, lab, body))
        callee = forward_name(name)
        text = re.sub(rf"^[a-z][^;{{}}#/]*\b{callee}\([^;]*;\n", "", text, flags=re.M)
    for name in removed:
        text = functions.remove(text, functions.find(text, name, assembly))
    return with_panic(text) if "panic(" in text and not assembly else text


def with_forwards(text: str, names: Iterable[str], removed: Iterable[str]) -> str:
    """A file whose functions `names` call the reference's."""
    for name in names:
        found = functions.find(text, name)
        text = functions.replace(text, found, forward(found))
    for name in removed:
        if functions.has(text, name):
            text = functions.remove(text, functions.find(text, name))
    return text


def later_text(text: str, path: str, names: List[str]) -> str:
    """A source file that defines the callees of the forwards of file `path`."""
    if path.endswith(".h"):
        body = f'#include "{path.removeprefix("kernel/")}"\n'
    else:
        body = without_others(text, names)
    for name in names:
        found = functions.find(text, name)
        head, call = forward_head(found), forward_call(found, name)
        if found.is_static:
            body += f"\n{head};\n{head} {{\n{call}}}\n"
        else:
            body = re.sub(rf"\b{name}\b", forward_name(name), body)
    return f'#line 1 "{path}"\n{body}'


def without_others(text: str, names: List[str]) -> str:
    """The text with declarations in the place of public functions not named."""
    for found in reversed(functions.all_in(text)):
        if not found.is_static and found.name not in names:
            text = functions.replace(text, found, found.head + ";\n")
    return text
