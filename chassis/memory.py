"""When Python looks for garbage that only refers to itself."""

import gc

ALLOCATIONS = 50_000
"""How many more objects are made than freed before it looks; the default, 700, is passed many times a second."""


def collect_seldom() -> None:
    """Look seldom, and never at what is there already: the modules and what was wired of them live as long as we do."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, 20, 10)
