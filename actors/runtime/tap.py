"""The recording tap: what each actor handled and sent, in the order it happened, taken at the moment of dequeue."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from messages.codec import class_name_of
from messages.recording import Opening, RecordPacker, encode_records

RECORDS_TOGETHER = 256
"""Encoded at once: more would hold up the event loop."""
LISTS_TOGETHER = 8
"""Packed at once, by the thread."""
LONGEST_WAIT_NS = 250_000_000
"""Twice of it, what is kept and what was handed over before, is half a second."""


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


class BlockWriter(Protocol):
    """Packs blocks of encoded lists and appends them to a file, in order, until the first failure."""

    def put(self, block: list[bytes]) -> None:
        """Takes a block."""
        ...

    def wait(self) -> None:
        """Returns when everything is with the operating system, or writing has failed."""
        ...

    def close(self) -> None:
        """Writes what waits; the file stays open."""
        ...


class DirectWriter:
    """Writes at once."""

    def __init__(
        self,
        file: BinaryIO,
        pack: Callable[[list[bytes]], bytes],
        on_failure: Callable[[OSError], None],
    ) -> None:
        self.file, self.pack, self.on_failure = file, pack, on_failure
        self.has_failed = False

    def put(self, block: list[bytes]) -> None:
        """Packs and writes."""
        try:
            if not self.has_failed and not self.file.closed:
                append(self.file, self.pack(block))
        except OSError as error:
            self.has_failed = True
            self.on_failure(error)

    def wait(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing waits."""


WriterMaker = Callable[
    [BinaryIO, Callable[[list[bytes]], bytes], Callable[[OSError], None]], BlockWriter
]


def append(file: BinaryIO, data: bytes) -> None:
    """Writes all of it to an unbuffered file, which may take a part only. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class RecordingTap:
    """Writes a recording to a file.

    Records are encoded some hundred at a time, and packed and written when there are enough for one packed frame, or when
    time is up: by the writer, which may be a thread. A killed process leaves whole handlings, and all but those of the last
    half second. When the file cannot be written any more (a full disk), the recording ends there, it is logged once, and
    trading goes on.
    """

    def __init__(
        self, path: Path, opening: Opening, make_writer: WriterMaker = DirectWriter
    ) -> None:
        """Only the classes that the opening names are recorded, or all if it names none.

        Raises OSError if the file cannot be opened or its opening not be written.
        """
        self.path = path
        # Unbuffered, so that nothing is left to be written where writing has failed.
        self.file: BinaryIO = path.open("wb", buffering=0)
        packer = RecordPacker()
        try:
            append(self.file, packer.pack([opening]))
        except OSError:
            self.file.close()
            raise
        self.failure: OSError | None = None
        """Why the recording ended early."""
        self._writer = make_writer(self.file, packer.pack_encoded, self._end_early)
        self._classes = frozenset(opening.classes)
        self._records: list[tuple[str, str, int, bytes]] = []
        self._lists: list[bytes] = []
        """Encoded lists of the records before those."""
        self._due_ns = 0
        """When what is kept must be handed over."""

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Keeps an `Entry`."""
        records = self._records
        if len(records) >= RECORDS_TOGETHER or time_ns >= self._due_ns:
            self._make_room(time_ns)
        if not self._classes or class_name_of(frame) in self._classes:
            records.append(("Entry", actor, time_ns, frame))

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Keeps an `Output`."""
        if not self._classes or class_name_of(frame) in self._classes:
            self._records.append(("Output", actor, time_ns, frame))

    def flush(self) -> None:
        """Hands what is kept to the operating system."""
        self._hand_over()
        self._writer.wait()

    def _make_room(self, time_ns: int) -> None:
        """Between two handlings: what belongs together is never split."""
        self._encode()
        if time_ns >= self._due_ns:
            self._writer.wait()  # for what was handed over before: it has been written long since
            self._hand_over()
            if (
                time_ns >= self._due_ns + LONGEST_WAIT_NS
            ):  # after a pause what is kept is old already
                self._writer.wait()
            self._due_ns = time_ns + LONGEST_WAIT_NS
        elif len(self._lists) >= LISTS_TOGETHER:
            self._hand_over()

    def _encode(self) -> None:
        if self._records:
            self._lists.append(encode_records(self._records))
            self._records.clear()

    def _hand_over(self) -> None:
        self._encode()
        if self._lists:
            self._writer.put(self._lists)
            self._lists = []

    def _end_early(self, error: OSError) -> None:
        self.failure = error
        logging.getLogger("actors.tap").error(
            "%s: the recording ends here, it cannot be written any more (%s)", self.path, error
        )

    def close(self) -> None:
        """Writes what is left and closes the file."""
        self._hand_over()
        self._writer.close()
        try:
            self.file.close()
        except OSError as error:
            if self.failure is None:
                self._end_early(error)
