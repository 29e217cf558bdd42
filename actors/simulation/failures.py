"""What is done about a round that failed: its plan is stored and shrunk; if it does not repeat, it is shown where."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from actors.simulation.entropy import Entropy
from actors.simulation.plan import Plan
from actors.simulation.rounds import SetupOf, run_round, shrink_round
from actors.simulation.trace import Divergence, first_divergence
from actors.simulation.world import Report

SHRINK_TRIES = 100


@dataclass(frozen=True)
class Finding:
    """A failed round, written down. `smallest` is the plan that still fails; the same as the whole if nothing less does."""

    seed: int
    violations: tuple[str, ...]
    whole: Path
    smallest: Path
    faults: int
    smallest_faults: int
    divergence: Divergence | None
    """Where two runs of the same seed part, which must not happen."""

    def describe(self, command: Callable[[Path], str]) -> str:
        """All of it in words; `command` is what repeats a stored plan."""
        lines = [f"seed {self.seed} failed:"]
        lines += [f"  {violation}" for violation in self.violations]
        lines.append(f"  its plan of {self.faults} faults: {self.whole}")
        lines.append(f"  the smallest that still fails, {self.smallest_faults}: {self.smallest}")
        lines.append(f"  repeat it: {command(self.smallest)}")
        if self.divergence is not None:
            lines.append(f"  it is not the same in every run: {self.divergence}")
        return "\n".join(lines)


def investigate(
    setup_of: SetupOf, report: Report, store: Path, tries: int = SHRINK_TRIES
) -> Finding:
    """Stores and shrinks the plan of a failed round. Raises OSError if the folder cannot be written."""
    store.mkdir(parents=True, exist_ok=True)
    whole = store / f"seed-{report.seed}.json"
    whole.write_bytes(report.plan.to_json())
    smallest, smallest_faults = whole, report.plan.size()
    divergence = find_divergence(setup_of, report)
    if divergence is None and tries > 0:
        plan = shrink_round(setup_of, report, tries)
        smallest, smallest_faults = store / f"seed-{report.seed}.smallest.json", plan.size()
        smallest.write_bytes(plan.to_json())
    return Finding(
        seed=report.seed,
        violations=tuple(report.violations),
        whole=whole,
        smallest=smallest,
        faults=report.plan.size(),
        smallest_faults=smallest_faults,
        divergence=divergence,
    )


def find_divergence(setup_of: SetupOf, report: Report) -> Divergence | None:
    """The first difference between two more runs of the seed, if it does not repeat; None if it does.

    If those two are alike and only the report's own differs, its digest is what is shown.
    """
    with Entropy() as entropy:
        lines, digests = [], []
        for _ in range(2):
            again = run_round(
                setup_of(report.seed),
                report.seed,
                plan=copy_plan(report),
                keeps_trace=True,
                entropy=entropy,
            )
            lines.append(again.trace.lines or [])
            digests.append(again.digest)
            if digests[0] == report.digest:
                return None
    found = first_divergence(lines[0], lines[1])
    if found is not None:
        return found
    return Divergence(0, report.digest.encode(), digests[0].encode())


def copy_plan(report: Report) -> Plan:
    """The plan of a report, so that a run cannot change it."""
    return Plan.from_json(report.plan.to_json())
