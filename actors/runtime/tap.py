"""The recording tap: what each actor handled and sent, in the order it happened, taken at the moment of dequeue."""

from pathlib import Path
from typing import Protocol

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
    """Writes a recording to a file."""

    def __init__(self, path: Path, opening: Opening) -> None:
        self.file = path.open("wb")
        self.writer = RecordingWriter(self.file)
        self.writer.write(opening)
        self.writer.flush()

    def on_handled(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Appends an `Entry`."""
        self.writer.write(Entry(actor=actor, time_ns=time_ns, frame=frame))

    def on_sent(self, actor: str, time_ns: int, frame: bytes) -> None:
        """Appends an `Output`."""
        self.writer.write(Output(actor=actor, time_ns=time_ns, frame=frame))

    def flush(self) -> None:
        """Hands the buffer to the operating system."""
        self.writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self.file.close()
