# SPDX-License-Identifier: MIT
"""Measures the system from the host; behind tools/bench and tools/cost."""
