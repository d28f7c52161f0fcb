"""The spikes that reach the learning layers."""

import numpy as np
import numpy.typing as npt

from lapilli.simulators.events import Events
from lapilli.simulators.learning.parts import LearningPart
from lapilli.simulators.run import run

Int64 = npt.NDArray[np.int64]


def feed(part: LearningPart, events: Events, n_steps: int) -> Events:
    """Spikes that reach the learning layers: the input, or what the layers before them make of it."""
    frozen = part.frozen
    if frozen is None:
        spikes = events.with_steps(n_steps)
    else:
        result = run(frozen, events, n_steps=n_steps, record={part.source: {"spikes"}})
        found = result.recordings[part.source].spikes
        assert found is not None
        spikes = found
    return spikes if part.delays is None else _delayed(spikes, part.delays)


def _delayed(events: Events, delays: Int64) -> Events:
    """Events of each neuron so many steps later; what comes after the last step is dropped."""
    step = events.step + delays[events.neuron]
    kept = step < events.n_steps
    sample, step, neuron = events.sample_of_event[kept], step[kept], events.neuron[kept]
    order = np.lexsort((neuron, step, sample))
    offsets = np.searchsorted(sample, np.arange(len(events) + 1))
    return Events(
        step[order].astype(np.int32), neuron[order], offsets.astype(np.int64), events.n_steps, events.shape, None,
        events.labels,
    )  # fmt: skip
