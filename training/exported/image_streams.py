"""Networks of windows on many images: one after the other in one run, as they would come, instead of a run for each.

Such a network takes an image every few steps, and answers each much later. A run for one image alone would spend most
of its steps on empty images behind it. Images do not meet in the network, so that answers are those of runs apart.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports import Network
from lapilli.netx_exports.errors import LapilliError
from lapilli.netx_exports.one_step import WindowSchedule, window_schedule_of
from lapilli.simulators.events import Events
from lapilli.simulators.plan import Backend, _ignore
from lapilli.simulators.run import BackendName, run
from lapilli.training.data.samples import Samples

Int64 = npt.NDArray[np.int64]

IMAGES_AT_ONCE = 250


def streamable(network: Network, samples: Samples, n_steps: int) -> WindowSchedule | None:
    """The schedule of a network to which samples can come one behind the other; None: they cannot.

    Arguments:
        network: with its readout.
        samples: each must be an image of one step.
        n_steps: that a sample would run alone: until its answer.
    """
    schedule = window_schedule_of(network)
    decides = network.readout is not None and network.readout.kind == "voltage_sum"
    if schedule is None or not decides or samples.n_steps != 1 or n_steps != schedule.latency:
        return None
    return schedule


def stream_decisions(
    network: Network,
    samples: Samples,
    schedule: WindowSchedule,
    backend: BackendName | Backend = "fast",
    progress: Callable[[int], None] = _ignore,
) -> Int64:
    """Class of each sample, those of `IMAGES_AT_ONCE` one behind the other in one run.

    Arguments:
        network, samples, schedule: of `streamable`.
        backend: as in `lapilli.simulators.run`.
        progress: told of samples as they are done.

    Raises:
        LapilliError: when the backend did not record voltages.
    """
    found = [np.zeros(0, np.int64)]
    for images in samples.chunks(IMAGES_AT_ONCE):
        answers = stream_voltages(network, images, schedule, backend)
        found.append(_by_class(answers, network).argmax(1))
        progress(len(images))
    return np.concatenate(found)


def stream_voltages(
    network: Network, images: Events, schedule: WindowSchedule, backend: BackendName | Backend = "fast"
) -> npt.NDArray[np.int32]:
    """Voltages of the readout in the step in which it answers, (samples, neurons).

    Arguments:
        network, schedule, backend: as of `stream_decisions`.
        images: of one step.
    """
    n_steps = schedule.steps(len(images))
    result = run(network, in_a_row(images, schedule.period), backend, n_steps=n_steps, record=_voltages(network))
    voltage = result.recordings[network.output.name].voltage
    if voltage is None:
        raise LapilliError(f"the backend {result.backend!r} did not record the voltages of {network.output.name!r}")
    return voltage.reshape(-1, n_steps)[:, schedule.latency - 1 :: schedule.period].T


def in_a_row(images: Events, period: int) -> Events:
    """All samples as one: sample i begins in step `i period`."""
    step = images.step + (images.sample_of_event * period).astype(np.int32)
    n_steps = max(1, (len(images) - 1) * period + images.n_steps)
    return replace(images, step=step, offsets=np.array([0, images.n_events]), n_steps=n_steps, labels=None)


def _voltages(network: Network) -> dict[str, set[str]]:
    return {network.output.name: {"voltage"}}


def _by_class(answers: npt.NDArray[np.int32], network: Network) -> Int64:
    assert network.readout is not None
    classes = network.readout.classes or answers.shape[1]
    return answers.reshape(len(answers), classes, -1).sum(2, dtype=np.int64)
