# SPDX-License-Identifier: MIT
"""What staff does with labs: source.py (stubs), tree.py (a student's tree),
private.py (trees to build and grade in), wrong.py (wrong solutions), check.py
(make labs-check), batch.py (tools/grade-all)."""
