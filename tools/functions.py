# SPDX-License-Identifier: MIT
"""Finds whole functions in C and assembly source, and puts others in their place.

The parser knows this tree's layout (clang-format decides it), not C: a function
begins in the first column, its head ends in `) {`, and `}` alone in the first
column ends it. In assembly a function goes from its label in the first column
to the next `.size NAME` or the next label that is not a number.
Use     found = find(text, "pagetable_walk")
        text = replace(text, found, other)
Behind tools/mutants and the labs."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List

# Behind the parameters there may be lock contracts: REQUIRES(...).
_FUNCTION = re.compile(
    r"^((?:[A-Z_]+ )?[a-z_][^;{}#/]*?\b(?!__)([a-z_]\w*)\(([^;{}]*?)\)"
    r"(?:\s+[A-Z][A-Z_]+(?:\([^;{}]*?\))?)*) \{\n.*?^\}\n",
    re.M | re.S,
)
_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*\*/\n\Z")
_LABEL = re.compile(r"^([a-z_]\w*):.*\n", re.M)


class NoFunction(Exception):
    """A function is not there, or not once, or has another type."""


@dataclass(frozen=True)
class Function:
    """A function as it stands in a text."""

    name: str
    head: str  # all before the brace; empty in assembly
    inside: str  # its parameters, as they are written
    text: str
    start: int
    end: int

    @property
    def signature(self) -> str:
        return " ".join(self.head.split())

    @property
    def is_static(self) -> bool:
        return bool(re.match(r"(\w+ )*?static\b", self.head))

    @property
    def returns(self) -> bool:
        """Whether it gives a value back."""
        before = self.head[: self.head.index(self.name + "(")]
        return before.split()[-1:] != ["void"]

    @property
    def parameters(self) -> List[str]:
        """The names of its parameters, in order."""
        parts = [part.strip() for part in split_commas(self.inside)]
        return [parameter_name(p) for p in parts if p not in ("void", "", "...")]


def split_commas(text: str) -> List[str]:
    """Splits at commas that are in no parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def parameter_name(text: str) -> str:
    pointer = re.search(r"\(\*(\w+)\)", text)
    if pointer:
        return pointer[1]
    return re.findall(r"[A-Za-z_]\w*", re.sub(r"\[.*", "", text))[-1]


def all_in(text: str) -> List[Function]:
    """Every C function of a text, in order."""
    return [
        Function(found[2], found[1], found[3], found[0], found.start(), found.end())
        for found in _FUNCTION.finditer(text)
    ]


def labels_in(text: str) -> List[Function]:
    """Every function of an assembly text, in order."""
    marks = list(_LABEL.finditer(text))
    found = []
    for index, mark in enumerate(marks):
        name = mark[1]
        stop = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        size = re.compile(rf"^ *\.size {name}\b.*\n", re.M).search(text, mark.end())
        end = size.start() if size and size.start() <= stop else stop
        body = text[mark.start() : end]
        found.append(Function(name, "", "", body, mark.start(), end))
    return found


def find(text: str, name: str, assembly: bool = False) -> Function:
    """The one function of this name; NoFunction if there is not exactly one."""
    every = labels_in(text) if assembly else all_in(text)
    found = [function for function in every if function.name == name]
    if len(found) != 1:
        raise NoFunction(f"has {len(found)} x {name}")
    return found[0]


def has(text: str, name: str, assembly: bool = False) -> bool:
    every = labels_in(text) if assembly else all_in(text)
    return any(function.name == name for function in every)


def replace(text: str, function: Function, other: str) -> str:
    return text[: function.start] + other + text[function.end :]


def comment_start(text: str, function: Function) -> int:
    """Where the comment right before a function begins, if it has one."""
    found = _COMMENT.search(text, 0, function.start)
    return found.start() if found else function.start


def remove(text: str, function: Function) -> str:
    """The text without a static function, its comment, the empty line behind, and
    its declaration."""
    end = function.end + text[function.end :].startswith("\n")
    text = text[: comment_start(text, function)] + text[end:]
    declared = re.compile(
        rf"^static\b[^;{{}}#/]*?\b{function.name}\([^;{{}}]*;\n\n?", re.M
    )
    found = declared.search(text)
    if not found:
        return text
    comment = _COMMENT.search(text, 0, found.start())
    start = comment.start() if comment else found.start()
    return text[:start] + text[found.end() :]


def substitute(text: str, others: Dict[str, str], assembly: bool = False) -> str:
    """Puts functions in the place of those of the same name and type."""
    for name, other in others.items():
        sound = find(text, name, assembly)
        wrong = find(other, name, assembly)
        if sound.signature != wrong.signature:
            raise NoFunction(f"{name} has another type now: {sound.signature}")
        text = replace(text, sound, other)
    return text
