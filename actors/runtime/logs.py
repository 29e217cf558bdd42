"""Logging: short lines on stderr for people, JSON lines in a file that turns over before it fills a disk."""

import json
import logging
import logging.handlers
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

MAX_FILE_BYTES = 10_000_000
KEPT_FILES = 5


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class LogFile(logging.handlers.RotatingFileHandler):
    """The file; one that cannot be written, as on a full disk, is said once and stops nobody."""

    is_failing = False
    was_told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record."""
        self.is_failing = False
        super().emit(record)
        self.was_told = self.was_told and self.is_failing

    def handleError(self, record: logging.LogRecord) -> None:
        """What cannot be written is lost."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self.is_failing = True
        if not self.was_told:
            self.was_told = True
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(
                    f"the log {self.baseFilename} cannot be written: {error.strerror}\n"
                )

    def close(self) -> None:
        """Closes it, if need be without what a full disk did not take."""
        with suppress(OSError):
            super().close()


class LogHandlers(list[logging.Handler]):
    """The handlers of this program's log, and the level that held before them."""

    level_before = logging.WARNING


def set_up_logging(file: Path | None, stderr_level: int = logging.WARNING) -> LogHandlers:
    """Sends the log of this program to stderr and, if given, to a file; returns the handlers, for `tear_down_logging`."""
    root = logging.getLogger()
    handlers = LogHandlers()
    handlers.level_before = root.level
    console = logging.StreamHandler(sys.stderr)
    console.setLevel(stderr_level)
    console.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
    )
    handlers.append(console)
    if file is not None:
        rotating = LogFile(
            file,
            maxBytes=MAX_FILE_BYTES,
            backupCount=KEPT_FILES,
            encoding="utf-8",
            errors="backslashreplace",
        )
        rotating.setFormatter(JsonFormatter())
        handlers.append(rotating)
    # Only now that nothing can fail any more.
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    return handlers


def tear_down_logging(handlers: LogHandlers) -> None:
    """Takes the handlers out again, closes them, and puts the level back."""
    for handler in handlers:
        logging.getLogger().removeHandler(handler)
        handler.close()
    logging.getLogger().setLevel(handlers.level_before)
