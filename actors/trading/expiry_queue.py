"""Deadlines by key, the earliest first."""

import heapq

COMPACTION_SLACK = 64


class ExpiryQueue:
    """At most one deadline a key. Arming, disarming and asking for the earliest are cheap.

    A disarmed deadline stays in the heap until it surfaces, or until such leftovers outnumber the living ones.
    """

    def __init__(self) -> None:
        self.deadlines: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self.deadlines)

    def arm(self, key: str, deadline_ns: int) -> None:
        """Sets the key's deadline, in place of any other it had."""
        if self.deadlines.get(key) == deadline_ns:
            return
        self.deadlines[key] = deadline_ns
        heapq.heappush(self.heap, (deadline_ns, key))
        if len(self.heap) > 2 * len(self.deadlines) + COMPACTION_SLACK:
            self.heap = [(due_ns, name) for name, due_ns in self.deadlines.items()]
            heapq.heapify(self.heap)

    def disarm(self, key: str) -> None:
        """Forgets the key's deadline, if it has one."""
        self.deadlines.pop(key, None)

    def find_next(self) -> int | None:
        """The earliest deadline, or None."""
        while self.heap and self.deadlines.get(self.heap[0][1]) != self.heap[0][0]:
            heapq.heappop(self.heap)
        return self.heap[0][0] if self.heap else None

    def pop_due(self, now_ns: int) -> list[str]:
        """The keys whose deadline is `now_ns` or earlier, by deadline; they are disarmed."""
        due = []
        while (deadline_ns := self.find_next()) is not None and deadline_ns <= now_ns:
            key = heapq.heappop(self.heap)[1]
            del self.deadlines[key]
            due.append(key)
        return due
