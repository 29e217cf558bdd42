"""How bad the times are: lines, faults, kills and clocks, drawn from a seed for each round."""

from dataclasses import dataclass, replace

from actors.simulation.link import STEADY_LINK, Link
from actors.simulation.plan import CutMode
from actors.simulation.seeded import SeededRandom


@dataclass(frozen=True)
class Weather:
    """What a run is exposed to; shares are of connections or iterations, times in seconds unless named otherwise."""

    link: Link = STEADY_LINK
    cut_share: float = 0.0
    mean_cut_bytes: int = 4_000
    cut_modes: tuple[CutMode, ...] = ("reset", "reset", "close", "hole")
    refused_share: float = 0.0
    stall_share: float = 0.0
    cpu_ns: tuple[int, int] = (1_000, 12_000)
    kills: int = 0
    partitions: int = 0
    pauses: int = 0
    skews: int = 0
    restart_after: tuple[float, float] = (0.05, 20.0)
    longest_trouble: float = 31.6
    """Of a pause or partition."""
    venue_faults: int = 0
    """What the exchange itself does wrong."""
    has_venue_settings: bool = False
    has_hard_times: bool = False
    """Whether its seed may also have the exchange killed and the key revoked for a while."""

    @classmethod
    def drawn(cls, seed: int) -> "Weather":
        """The weather of a seed: from a calm day to a bad one, each kind of fault drawn by itself."""
        random = SeededRandom(f"{seed}:weather")
        return cls(
            link=replace(Link(), tail_share=random.choice((0.0, 0.01, 0.05))),
            cut_share=random.choice((0.0, 0.2, 0.8)),
            mean_cut_bytes=random.choice((400, 4_000, 40_000)),
            refused_share=random.choice((0.0, 0.1)),
            stall_share=random.choice((0.0, 0.001, 0.02)),
            kills=random.choice((0, 1, 3, 8)),
            partitions=random.choice((0, 0, 1, 3)),
            pauses=random.choice((0, 0, 1)),
            skews=random.choice((0, 0, 1)),
            restart_after=random.choice(((0.05, 0.3), (0.05, 20.0))),
        )

    @classmethod
    def gusty(cls, seed: int) -> "Weather":
        """The weather of a round of half a minute: oftener bad than `drawn`, and sooner over."""
        random = SeededRandom(f"{seed}:gusts")
        return cls(
            link=replace(Link(), tail_share=random.choice((0.0, 0.01, 0.05))),
            cut_share=random.choice((0.0, 0.0, 0.2, 0.8)),
            mean_cut_bytes=random.choice((400, 4_000, 40_000)),
            refused_share=random.choice((0.0, 0.0, 0.1)),
            stall_share=random.choice((0.0, 0.0, 0.001, 0.02)),
            kills=random.choice((0, 1, 2, 4)),
            partitions=random.choice((0, 0, 1, 2)),
            pauses=random.choice((0, 0, 0, 1)),
            skews=random.choice((0, 0, 0, 1)),
            restart_after=random.choice(((0.05, 0.3), (0.05, 5.0))),
            longest_trouble=10.0,
            venue_faults=random.choice((0, 2, 6, 12)),
            has_venue_settings=random.random() < 0.5,
            has_hard_times=True,
        )


CALM = Weather()
"""Steady lines and no faults."""
