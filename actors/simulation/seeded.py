"""The simulation's own randomness."""

from random import Random


class SeededRandom(Random):
    """A generator that belongs to the world and not to what runs in it: the start of a run leaves it alone."""
