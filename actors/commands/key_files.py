"""Keys as their owner keeps them: in a file that he alone can read, or in variables of the environment.

What is wrong with them is told without showing any of it.
"""

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from actors.binance.signing import Ed25519Signer
from actors.commands.input_files import find_file_problem
from actors.runtime.errors import Fault

if TYPE_CHECKING:
    from actors.commands.configuration import VenueSection

KEY_TEXT = re.compile(r"[\x21-\x7e]+")
PEM_BEGIN = "-----BEGIN"


def read_lines(file: Path) -> list[str]:
    """The lines of a key file that hold anything. Raises OSError, and ValueError for what is no text."""
    text = file.read_text(encoding="utf-8-sig")
    return [line.strip() for line in text.splitlines() if line.strip()]


def find_key_faults(venue: "VenueSection", where: str) -> list[Fault]:
    """Keys that are not there, that others could read, or that cannot be keys."""
    faults = []
    readable = True
    for key, file in (("key_file", venue.key_file), ("private_key_file", venue.private_key_file)):
        if file is None:
            continue
        if problem := find_file_problem(file):
            faults.append(Fault(f"{where}.{key}", problem))
        elif file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            faults.append(
                Fault(f"{where}.{key}", f"{str(file)!r} can be read by others", f"chmod 600 {file}")
            )
        else:
            continue
        readable = False
    if readable:
        if venue.private_key_file is not None:
            faults += find_private_key_faults(venue.private_key_file, f"{where}.private_key_file")
        if venue.key_file is not None:
            wanted = 2 if venue.private_key_file is None else 1
            faults += find_key_file_faults(venue.key_file, wanted, f"{where}.key_file")
    if venue.key_file is None:
        variables = [venue.api_key_variable]
        if venue.private_key_file is None:
            variables.append(venue.api_secret_variable)
        faults += [fault for name in variables for fault in find_variable_faults(name, where)]
    return faults


def find_key_file_faults(file: Path, wanted: int, where: str) -> list[Fault]:
    """What is wrong with a file of so many lines: the key, and its secret unless that is elsewhere."""
    remedy = "the key in its first line" + (", the secret in its second" if wanted == 2 else "")
    try:
        lines = read_lines(file)
    except OSError as error:
        return [Fault(where, f"{str(file)!r} cannot be read: {error.strerror}")]
    except ValueError:
        return [Fault(where, f"{str(file)!r} is no text", remedy)]
    if not wanted <= len(lines) <= 2:
        return [Fault(where, f"{str(file)!r} has {len(lines)} lines, not {wanted}", remedy)]
    if all(KEY_TEXT.fullmatch(line) for line in lines):
        return []
    return [Fault(where, f"{str(file)!r} holds a character that no key has", remedy)]


def find_private_key_faults(file: Path, where: str) -> list[Fault]:
    """What is wrong with a file that should be an Ed25519 private key."""
    try:
        Ed25519Signer(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        return [Fault(where, f"{str(file)!r} cannot be read: {error.strerror}")]
    except UnicodeDecodeError:
        return [Fault(where, f"{str(file)!r} is no text", "give it a PEM")]
    except ValueError:
        return [
            Fault(
                where, f"{str(file)!r} is no Ed25519 private key", "give it a PEM without password"
            )
        ]
    return []


def find_variable_faults(name: str, where: str) -> list[Fault]:
    """What is wrong with a key in a variable of the environment."""
    value = os.environ.get(name, "")
    if not value:
        return [
            Fault(
                where, f"the environment variable {name} is not set", "export it, or give key_file"
            )
        ]
    if value.lstrip().startswith(PEM_BEGIN):
        try:
            Ed25519Signer(value)
        except ValueError:
            return [Fault(where, f"what the environment variable {name} holds is no Ed25519 key")]
    elif not KEY_TEXT.fullmatch(value):
        return [
            Fault(
                where,
                f"the environment variable {name} holds a character that no key has",
                "a blank or a line end?",
            )
        ]
    return []
