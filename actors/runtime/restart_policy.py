"""Restart policy: how often a failed actor may begin again, and after which wait. Pure."""

from collections import deque
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class RestartPolicy:
    """At most `max_restarts` within `period_s` seconds, the first after `backoff_s`, doubling up to `max_backoff_s`."""

    max_restarts: int = 3
    period_s: float = 60.0
    backoff_s: float = 0.05
    max_backoff_s: float = 5.0

    def __post_init__(self) -> None:
        """Raises ValueError for a limit below 0 or a period or wait that is not above 0."""
        if self.max_restarts < 0:
            raise ValueError(
                f"max_restarts must be 0 (never restart) or more, not {self.max_restarts}"
            )
        for key in ("period_s", "backoff_s", "max_backoff_s"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key} must be above 0, not {getattr(self, key)}")

    def limited_to(self, max_restarts: int | None) -> "RestartPolicy":
        """The same with another limit; None keeps it."""
        return self if max_restarts is None else replace(self, max_restarts=max_restarts)


@dataclass
class RestartRecord:
    """One actor's failures."""

    policy: RestartPolicy
    failures_ns: deque[int] = field(default_factory=deque)
    restarts: int = 0

    def next_backoff_s(self, now_ns: int) -> float | None:
        """Notes a failure; the seconds to wait before the restart, or None when there must be none."""
        period_ns = round(self.policy.period_s * 1e9)
        while self.failures_ns and now_ns - self.failures_ns[0] > period_ns:
            self.failures_ns.popleft()
        if len(self.failures_ns) >= self.policy.max_restarts:
            return None
        self.failures_ns.append(now_ns)
        self.restarts += 1
        wait: float = self.policy.backoff_s * 2 ** (len(self.failures_ns) - 1)
        return min(wait, self.policy.max_backoff_s)
