"""The thread that empties the journal's log: the loop does not wait for the disk meanwhile."""

import threading
from collections.abc import Callable


def start_thread(work: Callable[[], None]) -> threading.Thread:
    """A running thread; a daemon, for a program that dies must not hang on it."""
    thread = threading.Thread(target=work, name="journal", daemon=True)
    thread.start()
    return thread
