"""The recording tap: what each actor handled and sent, in the order it happened, taken at the moment of dequeue."""

import io
import logging
from pathlib import Path
from typing import BinaryIO, Protocol

from messages.recording import Entry, Opening, Output, RecordingWriter


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

    What one handler got and sent goes to the file in one write, so that a killed process leaves whole handlings. When
    the file cannot be written any more (a full disk), the recording ends there, it is logged once, and trading goes on.
    """

    def __init__(self, path: Path, opening: Opening) -> None:
        """Raises OSError if the file cannot be opened or its opening not be written."""
        self.path = path
        self.file: BinaryIO = path.open("wb")
        self.writer = RecordingWriter(self.file)
        self.writer.write(opening)
        self.writer.flush()
        self.buffer = io.BytesIO()
        self.buffer_writer = RecordingWriter(self.buffer)
        self.failure: OSError | None = None
        """Why the recording ended early."""

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Appends an `Entry`."""
        self._write_out()
        self.buffer_writer.write(Entry(actor=actor, time_ns=time_ns, frame=frame))

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Appends an `Output`."""
        self.buffer_writer.write(Output(actor=actor, time_ns=time_ns, frame=frame))

    def flush(self) -> None:
        """Hands the buffer to the operating system."""
        self._write_out()
        if self.failure is None and not self.file.closed:
            try:
                self.file.flush()
            except OSError as error:
                self._end_early(error)

    def _write_out(self) -> None:
        if self.buffer.tell() == 0:
            return
        data = self.buffer.getvalue()
        self.buffer.seek(0)
        self.buffer.truncate()
        if self.failure is None:
            try:
                self.file.write(data)
            except OSError as error:
                self._end_early(error)

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
