"""Neuron models one by one: what their equations say, and which parameters are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lapilli.netx_exports import (
    INPUT,
    AdaptiveLif,
    ConvSynapse,
    CubaLif,
    Delta,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    IzhikevichResonateAndFire,
    JoinSynapse,
    Layer,
    Network,
    NetworkError,
    ResonateAndFire,
    RotarySynapse,
    Sigma,
    SigmaDelta,
    TapsSynapse,
    WindowConvSynapse,
)
from lapilli.netx_exports.neurons.kinds import DECAY_UNITY, LARGEST_THRESHOLD, Neuron
from lapilli.netx_exports.synapses.kinds import SYNAPSES
from lapilli.simulators import Events, Reset, run
from lapilli.simulators.results import Recording


def fed_directly(neuron: Neuron, values: list[int], reset: Reset | None = None) -> Recording:
    """One neuron whose input current is `values`, one for each step."""
    network = Network((1,), (Layer("a", (1,), neuron, (DirectSynapse(),)),), graded_input=True)
    events = Events.from_dense(np.array(values)[None, None])
    return run(network, events, "reference", record=("spikes", *neuron.states), reset=reset).recordings["a"]


def state(recording: Recording, name: str) -> list[int]:
    return [int(value) for value in getattr(recording, name)[0, 0]]


def spike_values(recording: Recording) -> list[int]:
    assert recording.spikes is not None
    return [int(value) for value in recording.spikes.to_dense()[0, 0]]


def test_the_threshold_of_adaptive_neurons_grows_and_relaxes() -> None:
    found = fed_directly(AdaptiveLif(10, 4, 4096, 4096, 2048, 1024), [10, 0, 20, 0])
    assert spike_values(found) == [1, 0, 0, 0]
    assert state(found, "voltage") == [640, 0, 1280, 0]
    # Threshold 10, a spike adds 4 and twice 10 to the refractory state; halves of what is above rest, three quarters.
    assert state(found, "threshold") == [896, 768, 704, 672]
    assert state(found, "refractory") == [1280, 960, 720, 540]


def test_a_resonator_answers_when_it_has_come_round() -> None:
    quarter = ResonateAndFire(5, 4096, 0)
    found = fed_directly(quarter, [10, 0, 0, 0, 0, 0, 0, 0, 0])
    assert state(found, "real") == [640, 0, -640, 0, 640, 0, -640, 0, 640]
    assert state(found, "imag") == [0, 640, 0, -640, 0, 640, 0, -640, 0]
    assert spike_values(found) == [0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_izhikevichs_resonator_is_reset() -> None:
    found = fed_directly(IzhikevichResonateAndFire(5, 4096, 0), [10, 0, 0, 0, 0])
    assert spike_values(found) == [0, 1, 0, 0, 0]
    assert state(found, "imag") == [0, 319, 0, -319, 0]
    assert state(found, "real") == [640, 0, -319, 0, 319]


def test_changes_are_encoded_and_added_up_again() -> None:
    found = fed_directly(Delta(3, spike_exp=0), [5, 7, 8, 8, 1])
    assert spike_values(found) == [5, 0, 3, 0, -7]
    assert state(found, "residue") == [0, 2 << 6, 0, 0, 0]
    assert state(fed_directly(Sigma(), [5, 0, 3, 0, -7]), "sigma") == [5, 5, 8, 8, 1]


def test_sigma_delta_neurons_rectify_what_they_add_up() -> None:
    relu = fed_directly(SigmaDelta(1, bias_mant=-2, spike_exp=0), [64, 64, 64, -256])
    assert state(relu, "activation") == [0, 0, 64, 0]
    assert spike_values(relu) == [0, 0, 1, -1]
    unit = fed_directly(SigmaDelta(1, bias_mant=-2, activation="unit", spike_exp=0), [64, 64, 64, -256])
    assert state(unit, "activation") == [-64, 0, 64, -192]


@pytest.mark.parametrize(
    ("neuron", "name", "rest"),
    [
        (AdaptiveLif(10, 4, 0, 0, 0, 0), "threshold", 640),
        (AdaptiveLif(10, 4, 0, 0, 0, 0), "voltage", 0),
        (ResonateAndFire(5, 0, 4096), "real", 0),
        (SigmaDelta(0), "sigma", 0),
        (Delta(0), "activation", 0),
    ],
)
def test_a_reset_brings_every_model_to_rest(neuron: Neuron, name: str, rest: int) -> None:
    found = state(fed_directly(neuron, [10, 10, 0, 0], Reset(10, 2)), name)
    assert found[1] != rest
    assert found[2] == rest


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Layer("a", (2,), AdaptiveLif(-1, 1, 1, 1, 1, 1), (DirectSynapse(),)), "vth_mant: must be whole numbers"),
        (
            Layer("a", (2,), ResonateAndFire([1, 2], 1, 1), (DirectSynapse(),)),  # type: ignore[arg-type]
            "vth_mant: must be one integer",
        ),
        (Layer("a", (2,), ResonateAndFire(1, 5000, 1), (DirectSynapse(),)), "sin_decay: must be whole numbers in"),
        (
            Layer("a", (2,), SigmaDelta(1, activation="tanh"), (DirectSynapse(),)),  # type: ignore[arg-type]
            "activation: must be one of relu",
        ),
        (Layer("a", (2,), SigmaDelta(1, [1, 2, 3]), (DirectSynapse(),)), "bias_mant: shape must be"),
        (Layer("a", (2,), Delta(1, 7), (DirectSynapse(),)), "spike_exp: must be whole numbers in 0…6"),
        (
            Layer("a", (2,), Sigma(), (DenseSynapse(INPUT, np.ones((2, 2)), port="imag"),)),
            "port: neurons of model SIGMA have the ports input, got 'imag'",
        ),
        (
            Layer("a", (2,), ResonateAndFire(1, 1, 1), (DenseSynapse(INPUT, np.ones((2, 2)), port="input"),)),
            "port: neurons of model RF_PHASE have the ports real, imag, got 'input'",
        ),
    ],
)
def test_what_is_wrong_is_named(layer: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Network((2,), (layer,), graded_input=True)


@pytest.mark.parametrize(
    "neuron",
    [
        lambda vth_mant: CubaLif(vth_mant, DECAY_UNITY, DECAY_UNITY),
        lambda vth_mant: ResonateAndFire(vth_mant, DECAY_UNITY, 0),
        lambda vth_mant: IzhikevichResonateAndFire(vth_mant, DECAY_UNITY, 0),
    ],
)
def test_neurons_never_spike_above_the_largest_threshold_and_do_below(neuron: Callable[[int], Neuron]) -> None:
    # The voltage is at its limit in the first step; a resonator has come round four steps later.
    strong = [1 << 17, 0, 0, 0, 0]
    assert not neuron(LARGEST_THRESHOLD).never_spikes
    assert neuron(LARGEST_THRESHOLD + 1).never_spikes
    assert sum(spike_values(fed_directly(neuron(LARGEST_THRESHOLD), strong))) > 0
    assert sum(spike_values(fed_directly(neuron(LARGEST_THRESHOLD + 1), strong))) == 0


# A hand-over always names its port: `tests/test_lstm_kinds.py`.
@pytest.mark.parametrize("kind", [kind for kind, synapse in SYNAPSES.items() if synapse.reads_events])
def test_the_port_of_a_synapse_is_in_the_fingerprint_and_the_first_is_the_same_as_none(kind: str) -> None:
    def network(port: str | None) -> Network:
        shape = (1, 2, 2)
        made = {
            "dense": DenseSynapse(INPUT, np.full((4, 4), 4), port=port),
            "conv": ConvSynapse(INPUT, np.ones((1, 1, 1, 1)), port=port),
            "identity": IdentitySynapse(INPUT, 4, port=port),
            "direct": DirectSynapse(port=port),
            "taps": TapsSynapse(INPUT, np.full((2, 4), 4), port=port),
            "rotary": RotarySynapse(INPUT, np.full((3, 2, 2), 4), port=port),
            "window_conv": WindowConvSynapse(INPUT, np.ones((1, 1, 1, 1)), (0, 0), (2, 2), port=port),
            "join": JoinSynapse(INPUT, 1, port=port),
        }
        layer = Layer("a", shape, ResonateAndFire(1, 2, 3), (made[kind],))
        return Network(shape, (layer,), graded_input=True)

    assert network(None) == network("real") != network("imag")


def test_parameters_are_in_the_fingerprint() -> None:
    neurons: list[Neuron] = [
        SigmaDelta(5),
        SigmaDelta(5, activation="unit"),
        SigmaDelta(5, spike_exp=5),
        SigmaDelta(5, 1),
        Delta(5),
        Sigma(),
        ResonateAndFire(5, 1, 2),
        IzhikevichResonateAndFire(5, 1, 2),
        ResonateAndFire(5, 2, 1),
        *(AdaptiveLif(*np.roll([1, 2, 3, 4, 5, 6], shift).tolist()) for shift in range(6)),
    ]
    conv = ConvSynapse(INPUT, np.ones((1, 1, 1, 1)))
    networks = {Network((1, 1, 1), (Layer("a", (1, 1, 1), neuron, (conv,)),)).fingerprint for neuron in neurons}
    assert len(networks) == len(neurons)
