"""Tests of Rosterline; tests/README.md says what stands where."""

import pytest

# Assertions in support code shall show what differs, as those in tests do.
pytest.register_assert_rewrite("tests.support")
