"""How a class is decided: the same integers, the same class, ties to the first."""

from dataclasses import replace

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, NetworkError, Readout
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES
from lapilli.simulators import Events, run
from lapilli.simulators.decisions.decide import accuracy, decide, decides, needed_recording, scores


def network(kind: str | None, vth_mant: int = 10) -> Network:
    weights = np.array([[10, 0], [0, 10], [10, 0]])
    layer = Layer("out", (3,), CubaLif(vth_mant, 4096, 0), (DenseSynapse("input", weights),))
    return Network((2,), (layer,), readout=None if kind is None else Readout(kind))


def spikes(*samples: list[tuple[int, int]]) -> Events:
    dense = np.zeros((len(samples), 2, 8), int)
    for number, places in enumerate(samples):
        for neuron, step in places:
            dense[number, neuron, step] = 1
    return Events.from_dense(dense)


def test_voltage_sum_prefers_the_early_spike() -> None:
    readout = network("voltage_sum", NEVER_SPIKES)
    events = spikes([(0, 3), (1, 2)], [(0, 2), (1, 3)])
    result = run(readout, events, "reference", record=needed_recording(readout))
    # 10 << 6, held without a leak from the step after the spike to the last of 8.
    assert scores(result, readout).tolist() == [[640 * 4, 640 * 5, 640 * 4], [640 * 5, 640 * 4, 640 * 5]]
    assert decide(result, readout).tolist() == [1, 0]


def test_spike_count_and_ties() -> None:
    counting = network("spike_count", 5)
    assert needed_recording(counting) == {}
    events = spikes([(1, 1), (1, 3), (0, 2)], [], [(0, 0), (1, 0)])
    result = run(counting, events, "reference")
    assert scores(result, counting).tolist() == [[1, 2, 1], [0, 0, 0], [1, 1, 1]]
    assert decide(result, counting).tolist() == [1, 0, 0]
    assert decide(result, counting).dtype == np.int64


def test_sums_beyond_32_bits_do_not_wrap() -> None:
    weights = np.array([[254], [252]])
    layer = Layer("out", (2,), CubaLif(NEVER_SPIKES, 4096, 0), (DenseSynapse("input", weights, weight_exp=7),))
    readout = Network((1,), (layer,), readout=Readout("voltage_sum"))
    events = Events.from_dense(np.ones((1, 1, 1000), int))
    result = run(readout, events, "reference", record=needed_recording(readout))
    assert scores(result, readout).min() > 2**32


def test_no_samples() -> None:
    for kind in ("voltage_sum", "spike_count"):
        readout = network(kind)
        result = run(readout, spikes(), "reference", record=needed_recording(readout))
        assert decide(result, readout).shape == (0,)


@pytest.mark.parametrize("said", [None, {"kind": "softmax"}, {}, "spike_count", 3])
def test_a_network_that_does_not_say_how_it_decides(said: object) -> None:
    """Whatever its metadata say of it: they may be of a file that was written when they were the readout."""
    silent = replace(network(None), metadata={} if said is None else {"readout": said})
    unfit = "" if said is None else f"; what its metadata say does not fit it: {{'readout': {said!r}}}"
    with pytest.raises(LapilliError) as caught:
        needed_recording(silent)
    kinds = "voltage_sum, spike_count, softmax_sum"
    assert str(caught.value) == f"readout: the network must have one of {kinds} to decide a class, got none{unfit}"
    assert not decides(silent)


def test_a_voltage_that_was_not_recorded() -> None:
    readout = network("voltage_sum")
    result = run(readout, spikes([]), "reference", record={"out": ["spikes"]})
    with pytest.raises(LapilliError, match="the voltage of layer 'out', which decides the class, was not recorded"):
        decide(result, readout)


def test_accuracy() -> None:
    assert accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 0, 3])) == 0.75
    for labels in (None, np.zeros(0, np.int64)):
        with pytest.raises(LapilliError, match="needs events with labels"):
            accuracy(np.zeros(0, np.int64), labels)


def test_an_average_layer_decides_by_the_spikes_of_groups_of_neurons() -> None:
    """As SLAYER's Average block: of six neurons and three outputs, the first output is of neurons 0 and 1."""
    layer = Layer("out", (6,), CubaLif(0, 4096, 4096), (DenseSynapse("input", 2 * np.eye(6, dtype=int)),))
    averaged = Network((6,), (layer,), readout=Readout("spike_count", 3))
    events = Events.from_dense(np.array([[1, 1, 1, 0, 0, 1], [0, 0, 1, 0, 1, 1]])[..., None])
    result = run(averaged, events, "reference", n_steps=2)
    assert scores(result, averaged).tolist() == [[2, 1, 1], [0, 1, 2]]
    assert decide(result, averaged).tolist() == [0, 2]
    with pytest.raises(NetworkError, match="readout: classes: must divide the 6 output neurons, got 4"):
        Network((6,), (layer,), readout=Readout("spike_count", 4))
