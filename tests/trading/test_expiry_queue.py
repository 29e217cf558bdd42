"""Deadlines against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from actors.trading.expiry_queue import COMPACTION_SLACK, ExpiryQueue

STEPS = st.lists(
    st.tuples(st.sampled_from(["arm", "disarm", "pop"]), st.sampled_from("abcd"), st.integers(0, 9))
)


@given(STEPS)
def test_it_agrees_with_a_dictionary(steps: list[tuple[str, str, int]]) -> None:
    queue = ExpiryQueue()
    model: dict[str, int] = {}
    for step, key, time_ns in steps:
        if step == "arm":
            queue.arm(key, time_ns)
            model[key] = time_ns
        elif step == "disarm":
            queue.disarm(key)
            model.pop(key, None)
        else:
            due = sorted((due_ns, name) for name, due_ns in model.items() if due_ns <= time_ns)
            assert queue.pop_due(time_ns) == [name for _, name in due]
            for _, name in due:
                del model[name]
        assert len(queue) == len(model)
        assert queue.find_next() == min(model.values(), default=None)


def test_leftovers_are_swept() -> None:
    queue = ExpiryQueue()
    for time_ns in range(10_000):
        queue.arm("a", time_ns)
    assert len(queue.heap) <= 2 + COMPACTION_SLACK + 1
    assert queue.pop_due(10_000) == ["a"]
