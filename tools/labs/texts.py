# SPDX-License-Identifier: MIT
"""The files that only a student's tree has: README.md, handout.mk, the
workflow that grades it on GitHub, and .gitignore."""
from __future__ import annotations

from pathlib import Path
from typing import List

from grading.octavo.lab import Lab

_README = """# Octavo, lab {number}: {title}

This is a whole operating system in which some functions are yours to write.
Each panics with the name of this lab until then. Start with
`labs/{folder}/README.md`.

| file | functions |
|---|---|
{rows}

```
make                    # builds the system with your functions
make grade              # grades it: each test, its points, and why it failed
make grade TEST=name    # one test
make qemu               # boots to a shell
make qemu REFERENCE=1   # the same with the reference's functions
make gdb                # stops in the debugger (docs/howto/debug.md)
make check              # layout and style
make submit             # the archive to hand in
```

The book is in `docs/book`: open `index.html` there, or read the chapters as text.
`tools/setup --check` says which tools are missing; `make` installs them.

Code of later labs has no source here: it comes as objects below `prebuilt/`.
Objects of the functions of this lab are there, too, for `REFERENCE=1` alone:
a grade is made from your sources, with a fresh copy of everything else. Change
what you like elsewhere to find out how things work; only the files in the table
are handed in.
"""

_MK = """# SPDX-License-Identifier: MIT
# handout.mk: which lab this tree is for. Read by the Makefile.
LAB := {name}
LAB_FILES := {files}
PREBUILT := {ready}
REFERENCE_FILES := {reference}

# Files of the whole tree that documents speak of and that are not here.
ABSENT := {absent}

# Helpers wait for your functions to use them.
LAB_CFLAGS := -Wno-error=unused-function -Wno-error=unused-variable \\
  -Wno-error=unused-const-variable
"""

_WORKFLOW = """# SPDX-License-Identifier: MIT
name: grade
on: [push, workflow_dispatch]
permissions:
  contents: read
jobs:
  grade:
    runs-on: ubuntu-24.04
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - run: make grade
      - if: always()
        run: cat build/grade/{name}/summary.md >>"$GITHUB_STEP_SUMMARY"
      - if: always()
        uses: actions/upload-artifact@v4
        with:
          name: grade
          path: build/grade/{name}
"""

_IGNORE = """/build/
/{name}-submission.tar.gz
__pycache__/
.pytest_cache/
.mypy_cache/
tags
"""


def rows(lab: Lab) -> str:
    return "\n".join(
        f"| `{path}` | {', '.join(f'`{name}`' for name in names)} |"
        for path, names in sorted(lab.functions.items())
    )


def write(
    lab: Lab, ready: List[str], reference: List[str], absent: List[str], out: Path
) -> None:
    """Writes them all; `ready` names what comes as objects, `reference` what does
    so for REFERENCE=1 alone, `absent` what stays behind."""
    files = [path for path in lab.files if not path.endswith(".h")]
    names = {"name": lab.name, "files": " ".join(files), "ready": " ".join(ready)}
    names["reference"] = " ".join(reference)
    names["absent"] = " ".join(absent)
    (out / "README.md").write_text(
        _README.format(
            number=lab.number, title=lab.title, folder=lab.folder, rows=rows(lab)
        )
    )
    (out / "handout.mk").write_text(_MK.format(**names))
    (out / ".gitignore").write_text(_IGNORE.format(name=lab.name))
    workflow = out / ".github" / "workflows" / "grade.yml"
    workflow.parent.mkdir(parents=True, exist_ok=True)
    workflow.write_text(_WORKFLOW.format(name=lab.name))
