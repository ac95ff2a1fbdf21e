# SPDX-License-Identifier: MIT
"""The checks behind `make check`; tools/check runs them."""
