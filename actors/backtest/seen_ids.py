"""Which ids of one stream were there: kept as what is missing among them, so that little is remembered of much data."""

from bisect import bisect_right
from operator import attrgetter

_first_of = attrgetter("first")


class IdGap:
    """Ids that were passed over, some of which may have come later."""

    __slots__ = ("first", "found", "last", "missing", "time_ns")

    def __init__(self, first: int, last: int, missing: int, time_ns: int) -> None:
        self.first, self.last = first, last
        self.missing = missing
        """How many have not come."""
        self.time_ns = time_ns
        """When the first message after them is delivered."""
        self.found: set[int] = set()


class SeenIds:
    """The ids of one stream. `step` is by how much they grow where none is missing; 0 where they tell nothing."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.last = -1
        """The greatest."""
        self._first = self._first_time_ns = -1
        self._gaps: list[IdGap] = []

    def go_on(self, first: int, last: int, time_ns: int) -> None:
        """Takes in ids of which none is missing, all greater than those before."""
        if self._first < 0:
            self._first, self._first_time_ns = first, time_ns
        self.last = max(self.last, last)

    def take(self, number: int, time_ns: int) -> bool:
        """Takes in the next id; False if it was there before.

        That is told of ids that count one by one alone: bars are named by their begin, which may lie beside the others'.
        """
        last, step = self.last, self.step
        if number > last:
            if step and last >= 0 and (missing := (number - last) // step - 1) > 0:
                self._gaps.append(IdGap(last + step, number - step, missing, time_ns))
            self.go_on(number, number, time_ns)
            return True
        return step != 1 or self._find_place(number)

    def _find_place(self, number: int) -> bool:
        """An id below the greatest: whether it is one of those that were missing."""
        if number < self._first:
            if missing := self._first - number - 1:
                before = IdGap(number + 1, self._first - 1, missing, self._first_time_ns)
                self._gaps.insert(0, before)
            self._first = number
            return True
        place = bisect_right(self._gaps, number, key=_first_of) - 1
        gap = self._gaps[place] if place >= 0 else None
        if gap is None or number > gap.last or number in gap.found:
            return False
        gap.found.add(number)
        gap.missing -= 1
        return True

    def gaps(self) -> list[IdGap]:
        """Where ids are missing, in order of the ids."""
        return [gap for gap in self._gaps if gap.missing]
