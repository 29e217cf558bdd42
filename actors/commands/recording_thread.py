"""A thread that packs a recording's blocks and appends them to its file, in order, so that this holds up no event loop.

The packing releases the interpreter's lock. A few blocks may wait; whoever brings more waits until there is room, as it
would for a slow disk.
"""

import queue
import threading
from collections.abc import Callable
from typing import BinaryIO

from actors.runtime.tap import append

BLOCKS_WAITING = 4


class ThreadWriter:
    """Writes until the first failure; what comes after that is dropped."""

    def __init__(
        self,
        file: BinaryIO,
        pack: Callable[[list[bytes]], bytes],
        on_failure: Callable[[OSError], None],
    ) -> None:
        """`pack` and `on_failure` are called in the thread."""
        self.file, self.pack, self.on_failure = file, pack, on_failure
        self.has_failed = False
        self._blocks: queue.Queue[list[bytes] | None] = queue.Queue(BLOCKS_WAITING)
        # A daemon: a program that dies without closing must not hang on it.
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def put(self, block: list[bytes]) -> None:
        """Takes a block; waits while too many wait before it."""
        if not self.has_failed:
            self._blocks.put(block)

    def wait(self) -> None:
        """Returns when everything is with the operating system, or writing has failed."""
        self._blocks.join()

    def close(self) -> None:
        """Writes what waits and ends the thread; the file stays open."""
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            try:
                if not self.has_failed:
                    append(self.file, self.pack(block))
            except OSError as error:
                self.has_failed = True
                self.on_failure(error)
            finally:
                self._blocks.task_done()
        self._blocks.task_done()
