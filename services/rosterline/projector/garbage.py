"""Python's search for garbage, while a district's worth of records is made.

Records are freed as soon as nothing refers to them; only cycles have to be searched for, and
records form none. At the usual pace the search takes a fifth of a first load's time.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

ALLOCATIONS = 100_000


@contextmanager
def searched_rarely() -> Iterator[None]:
    """Search after many more allocations than usual, for the length of the block."""
    usual = gc.get_threshold()
    gc.set_threshold(ALLOCATIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
