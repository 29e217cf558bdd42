"""Runs one program and says what it has taken: seconds, processor time, and the most memory at once. A program of its own.

It stands between the benchmark and what it measures because a child begins with its parent's peak of memory, and this
one's is small. Arguments: the program and its own; standard input and output are the program's, and the last line says it.
"""

import json
import os
import sys
import time


def main() -> int:
    """Runs it; its exit code."""
    begin = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    taken = {
        "seconds": seconds,
        "processor_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss * unit / 2**20,
    }
    print(json.dumps(taken))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
