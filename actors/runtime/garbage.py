"""The garbage collector's settings for a process that trades.

What was built at the start lives to the end: frozen, it is not looked at again. A look at what is young is cheap and comes
seldom; the expensive one, at everything, comes so seldom that an order hardly ever waits for it. Messages hold no cycles.
"""

import gc

YOUNG_OBJECTS = 20_000
"""Made and not freed, before the young ones are looked at; Python's own 700 is a few ticks."""


def settle_garbage_collector() -> None:
    """To be called once, when everything has been imported and built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
