"""A port for a server that ends and comes back."""

import random
import socket
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST, USUAL_BEGINNING, MOST_TRIES = 10_000, 32_768, 100


def beginning_of_the_systems_own() -> int:
    """The first port that the system gives to connections by itself, where it says so (Linux)."""
    return int(RANGE.read_text().split()[0]) if RANGE.exists() else USUAL_BEGINNING


def free_port() -> int:
    """A port of loopback that nobody uses, nor is given while its server is away.

    The system gives the ports that it chooses itself to any connection that is opened meanwhile, even to one that is to
    lead to this very port.
    """
    chance = random.SystemRandom()
    end = beginning_of_the_systems_own()
    for _ in range(MOST_TRIES if end > LOWEST else 0):
        port = chance.randrange(LOWEST, end)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
