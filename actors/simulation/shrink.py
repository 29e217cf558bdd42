"""The smallest plan of faults that still fails, found by leaving faults out."""

from collections.abc import Callable
from typing import Any

from actors.simulation.plan import Plan

FIELDS = ("cuts", "refusals", "kills", "partitions", "skews", "pauses", "venue")
Faults = list[tuple[str, Any]]


def faults_of(plan: Plan) -> Faults:
    """All faults of a plan, each with the name of its list."""
    return [(field, fault) for field in FIELDS for fault in getattr(plan, field)]


def plan_of(whole: Plan, faults: Faults) -> Plan:
    """The plan of these faults, which are some of the whole plan's."""
    plan = Plan(whole.seed, venue_settings=whole.venue_settings)
    for field in FIELDS:
        setattr(plan, field, [fault for name, fault in faults if name == field])
    return plan


def shrink_plan(plan: Plan, fails: Callable[[Plan], bool], tries: int = 200) -> Plan:
    """Leaves out halves, quarters and at last single faults, as long as the rest fails; runs `fails` so many times.

    Returns the given plan if it does not fail by itself.
    """
    faults = faults_of(plan)
    tries -= 1
    if not fails(plan_of(plan, faults)):
        return plan
    size = max(1, len(faults) // 2)
    while faults and tries > 0:
        start = 0
        has_shrunk = False
        while start < len(faults) and tries > 0:
            fewer = faults[:start] + faults[start + size :]
            tries -= 1
            if fails(plan_of(plan, fewer)):
                faults = fewer
                has_shrunk = True
            else:
                start += size
        if size == 1 and not has_shrunk:
            break
        size = max(1, size // 2)
    return plan_of(plan, faults)
