"""Bit-exact comparison of two runs."""

import numpy as np

from lapilli.simulators import RunResult, events_equal


def assert_same_run(expected: RunResult, found: RunResult) -> None:
    """Output spikes, counts, and all that was recorded are equal."""
    assert events_equal(expected.spikes, found.spikes), "output spikes"
    assert expected.recordings.keys() == found.recordings.keys()
    for name, recording in expected.recordings.items():
        other = found.recordings[name]
        assert recording.states.keys() == other.states.keys(), f"states of {name}"
        for kind, states in recording.states.items():
            others = other.states[kind]
            assert states.dtype == others.dtype
            assert states.shape == others.shape, f"{kind} of {name}"
            differ = np.argwhere(states != others)
            assert not len(differ), (
                f"{kind} of {name} differs {len(differ)} times, first at {differ[0]}: "
                f"{states[tuple(differ[0])]}, {others[tuple(differ[0])]}"
            )
        assert (recording.spikes is None) == (other.spikes is None)
        assert recording.spikes is None or events_equal(recording.spikes, other.spikes), f"spikes of {name}"
    assert expected.counts == found.counts, "counts"
