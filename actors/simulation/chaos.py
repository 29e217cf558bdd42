"""What the weather does to a program: kills at every kind of point, pauses, partitions and clock steps."""

from dataclasses import dataclass
from math import log10

from actors.simulation.plan import Kill, KillPoint, Partition, Pause, Plan, Skew
from actors.simulation.program import Program
from actors.simulation.seeded import SeededRandom
from actors.simulation.weather import Weather

ONE_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class KillPatterns:
    """Bytes that a program says or hears and after which a kill is most telling, such as `b"order.place"`."""

    said: tuple[bytes, ...] = ()
    heard: tuple[bytes, ...] = ()


NO_PATTERNS = KillPatterns()


def draw_kill(
    random: SeededRandom,
    program: str,
    incarnation: int,
    now_ns: int,
    weather: Weather,
    patterns: KillPatterns,
    duration_s: float,
) -> Kill:
    """One kill for an incarnation that starts now; counts are drawn over several orders of magnitude."""
    points: list[KillPoint] = ["time", "step", "write", "statement", "power"]
    if patterns.said:
        points += ["bytes", "bytes"]
    if patterns.heard:
        points += ["heard", "heard"]
    point = random.choice(points)
    pattern = ""
    if point in ("time", "power"):
        most = log10(max(1.0, duration_s))
        after = now_ns + int(10 ** random.uniform(-1, most) * ONE_SECOND_NS)
    elif point == "step":
        after = int(10 ** random.uniform(1, 5))
    elif point == "write":
        after = int(10 ** random.uniform(0, 2.5))
    elif point == "statement":
        after = int(10 ** random.uniform(0, 3))
    else:
        said = patterns.said if point == "bytes" else patterns.heard
        pattern = random.choice(said).decode("latin-1")
        after = int(10 ** random.uniform(0, 1.5)) - 1
    return Kill(
        program,
        incarnation,
        point,
        after,
        pattern=pattern,
        delay_ns=int(random.uniform(0, 50e6)),
        log_share=random.random() if point == "power" else 1.0,
        restart_after_ns=int(random.uniform(*weather.restart_after) * ONE_SECOND_NS),
    )


def draw_troubles(
    seed: int, weather: Weather, plan: Plan, program: Program, others: list[str], duration: float
) -> None:
    """Writes pauses, partitions and clock steps of one program into the plan."""
    random = SeededRandom(f"{seed}:troubles:{program.name}")

    def moment_ns() -> int:
        return int(random.uniform(0, duration) * ONE_SECOND_NS)

    def length_ns() -> int:
        return int(10 ** random.uniform(-1, log10(weather.longest_trouble)) * ONE_SECOND_NS)

    for _ in range(weather.pauses):
        plan.pauses.append(Pause(program.name, moment_ns(), length_ns()))
    for _ in range(weather.partitions if others else 0):
        other = random.choice(others)
        plan.partitions.append(Partition(program.host, other, moment_ns(), length_ns()))
    for _ in range(weather.skews):
        skew_ns = int(random.uniform(-1.5, 1.5) * ONE_SECOND_NS)
        plan.skews.append(Skew(program.name, moment_ns(), skew_ns))
