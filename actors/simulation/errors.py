"""What a simulation raises."""


class SimulationError(RuntimeError):
    """Base of what goes wrong with a simulation itself, not with what runs in it."""


class FenceError(SimulationError):
    """Something was used that the simulated world does not have: threads, subprocesses, TLS, blocking sleep."""


class DeadlockError(SimulationError):
    """Nothing can ever run again, and what was waited for has not happened."""


class InvariantError(AssertionError):
    """What must hold after a run does not; the text says what, and how to repeat the run."""
