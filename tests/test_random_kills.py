"""A sample of `random_kills.py`: each moment is one of the events by which Python reaches files and modules."""

import pytest
from random_kills import kills


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_left() -> None:
    came, wrong = kills(10, 22, times=False)
    assert wrong == []
    assert sum(sum(counts.values()) for counts in came.values()) == 10
