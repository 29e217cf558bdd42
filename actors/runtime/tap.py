"""The recording tap: what each actor handled and sent, in the order it happened, taken at the moment of dequeue."""

import logging
from pathlib import Path
from typing import BinaryIO, Protocol

from messages.codec import class_name_of
from messages.recording import Opening, RecordPacker

RECORDS_TOGETHER = 256
LONGEST_WAIT_NS = 500_000_000


class Tap(Protocol):
    """Where the system shows what its actors handle and send."""

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """One message is about to be handled."""
        ...

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """One message has been sent by a handler that returned."""
        ...

    def flush(self) -> None:
        """A quiet moment: hand over what is buffered."""
        ...

    def close(self) -> None:
        """No more will come."""
        ...


class RecordingTap:
    """Writes a recording to a file.

    Records are kept until there are enough for one packed frame, or until half a second has passed, and then written: a
    killed process leaves whole handlings, and all but what came last. When the file cannot be written any more (a full
    disk), the recording ends there, it is logged once, and trading goes on.
    """

    def __init__(self, path: Path, opening: Opening) -> None:
        """Only the classes that the opening names are recorded, or all if it names none.

        Raises OSError if the file cannot be opened or its opening not be written.
        """
        self.path = path
        # Unbuffered, so that nothing is left to be written where writing has failed.
        self.file: BinaryIO = path.open("wb", buffering=0)
        self._pack = RecordPacker().pack
        try:
            self._append(self._pack([opening]))
        except OSError:
            self.file.close()
            raise
        self.failure: OSError | None = None
        """Why the recording ended early."""
        self._classes = frozenset(opening.classes)
        self._records: list[tuple[str, str, int, bytes]] = []
        self._due_ns = 0
        """When what is kept must be written."""

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Keeps an `Entry`."""
        records = self._records
        if len(records) >= RECORDS_TOGETHER or time_ns >= self._due_ns:
            self._write_out()
            self._due_ns = time_ns + LONGEST_WAIT_NS
        if not self._classes or class_name_of(frame) in self._classes:
            records.append(("Entry", actor, time_ns, frame))

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Keeps an `Output`."""
        if not self._classes or class_name_of(frame) in self._classes:
            self._records.append(("Output", actor, time_ns, frame))

    def flush(self) -> None:
        """Hands what is kept to the operating system."""
        self._write_out()

    def _write_out(self) -> None:
        records = self._records
        if not records:
            return
        if self.failure is None and not self.file.closed:
            try:
                self._append(self._pack(records))
            except OSError as error:
                self._end_early(error)
        records.clear()

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:  # an unbuffered file may take a part only
            rest = rest[self.file.write(rest) :]
        self.file.flush()

    def _end_early(self, error: OSError) -> None:
        self.failure = error
        logging.getLogger("actors.tap").error(
            "%s: the recording ends here, it cannot be written any more (%s)", self.path, error
        )

    def close(self) -> None:
        """Closes the file."""
        self.flush()
        try:
            self.file.close()
        except OSError as error:
            if self.failure is None:
                self._end_early(error)
