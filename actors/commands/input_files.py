"""Files that a configuration names, looked at before anything runs."""

import stat
from pathlib import Path


def find_file_problem(file: Path) -> str:
    """Why it is no file that could be read, in words; empty if nothing speaks against it."""
    try:
        is_file = stat.S_ISREG(file.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_file = False
    except OSError as error:  # another user's folder lies in between, or the name is too long
        return f"{str(file)!r} cannot be read: {error.strerror}"
    return "" if is_file else f"there is no file {str(file)!r}"
