"""lava-dl's own test networks and recordings: they load, and the reference runs them spike for spike as recorded.

The recordings come with the installed lava-dl, beside its tests. Feature maps in them are (W, H, C) where a chip
recorded them and (C, H, W) where SLAYER did.
"""

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from of_kind import of_kind

import lapilli.simulators
from lapilli.netx_exports import (
    INPUT,
    ConvSynapse,
    CubaLif,
    DirectSynapse,
    Layer,
    Network,
    Readout,
    inspect,
    load,
    save,
)
from lapilli.netx_exports.neurons.kinds import Delta, Sigma, SigmaDelta
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.simulators.events import Events
from lapilli.simulators.plan import RunPlan
from lapilli.simulators.reference.backend import run_reference
from lapilli.simulators.reference.neurons.kinds import POPULATIONS
from lapilli.simulators.reference.synapses.conv import convolve
from lapilli.simulators.results import Recording, Reset

EVERYTHING = frozenset({"spikes", "current", "voltage"})

JUST_SPIKED = 128
"""What the chip shows as the voltage of a neuron that has just spiked; the models show 0."""


@pytest.fixture(scope="module")
def vectors() -> Path:
    try:
        folder = Path(str(metadata.distribution("lava-dl").locate_file("tests/lava/lib/dl/netx")))
    except metadata.PackageNotFoundError:
        pytest.skip("lava-dl is not installed")
    if not (folder / "gts/pilotnet_lif/network.net").is_file():
        pytest.skip(f"this lava-dl came without its test vectors in {folder}")
    return folder


def run(network: Network, events: Events, n_steps: int, reset: Reset | None = None) -> dict[str, Recording]:
    plan = RunPlan(n_steps, {layer.name: EVERYTHING for layer in network.layers}, reset)
    return dict(run_reference(network, events, plan).recordings)


def dense_spikes(recording: Recording) -> Any:
    assert recording.spikes is not None
    return recording.spikes.to_dense()[0]


def constant(image: Any, n_steps: int) -> Events:
    """An input current that does not change: lava-dl's tests set it as the bias of the input neurons.

    With a current decay of 4096 a bias and a constant current give the same voltages.
    """
    return Events.from_dense(np.repeat(image[None, ..., None].astype(int), n_steps, axis=-1))


def from_whc(array: Any) -> Any:
    return array.transpose(2, 1, 0, *range(3, array.ndim))


@pytest.mark.parametrize(
    ("file", "n_layers", "input_shape"),
    [
        ("tiny.net", 3, (3, 16, 16)),
        ("mnist.net", 4, (784,)),
        ("gts/pilotnet_lif/network.net", 10, (3, 66, 200)),
        ("gts/ntidigits/ntidigits.net", 3, (1, 1, 64)),
    ],
)
def test_load_and_come_back(vectors: Path, tmp_path: Path, file: str, n_layers: int, input_shape: Any) -> None:
    network = load(vectors / file)
    assert (len(network.layers), network.input_shape) == (n_layers, input_shape)
    inspection = inspect(vectors / file)
    assert inspection.ignored == ("simulation",)
    assert inspection.stock_problems == ()
    save(network, tmp_path / "again.net")
    again = load(tmp_path / "again.net")
    assert again == network
    assert again.metadata == network.metadata


def test_the_last_layer_of_the_mnist_network_has_the_default_neuron(vectors: Path) -> None:
    neuron = of_kind(CubaLif, load(vectors / "mnist.net").output.neuron)
    assert (neuron.vth_mant, neuron.current_decay, neuron.voltage_decay) == (1 << 17, 0, 4096)


@pytest.mark.parametrize(("file", "n_layers"), [("network.net", 9), ("square_network.net", 5)])
def test_sigma_delta_networks_come_back(vectors: Path, tmp_path: Path, file: str, n_layers: int) -> None:
    network = load(vectors / "gts/pilotnet_sdnn" / file)
    assert len(network.layers) == n_layers
    assert inspect(network).stock_problems == ()
    save(network, tmp_path / "again.net")
    assert load(tmp_path / "again.net") == network


def test_pilotnet_of_sigma_delta_neurons(vectors: Path) -> None:
    """Recorded: sigma of two layers over 20 steps of a constant input, and the output of the ninth step."""
    folder = vectors / "gts/pilotnet_sdnn"
    image = from_whc(np.load(folder / "input.npy"))[..., 0]
    network = load(folder / "network.net")
    result = lapilli.simulators.run(network, constant(image, 20), "reference", record=("spikes", "sigma"))
    for number in (1, 2):
        sigma = result.recordings[network.layers[number].name].sigma
        assert sigma is not None
        assert np.array_equal(sigma[0], from_whc(np.load(folder / f"sigma{number}.npy")))
    expected = np.load(folder / "output.npy")
    assert expected.shape == (1, 9)
    assert np.any(expected)
    assert np.array_equal(result.spikes.to_dense()[0][:, :9], expected)


def test_square_pilotnet_of_sigma_delta_neurons(vectors: Path) -> None:
    folder = vectors / "gts/pilotnet_sdnn"
    image = from_whc(np.load(folder / "input.npy"))[:, :33, :33, 0]
    network = load(folder / "square_network.net")
    result = lapilli.simulators.run(network, constant(image, 20), "reference", record=("sigma",))
    for number, layer in enumerate(network.layers[1:], start=1):
        sigma = result.recordings[layer.name].sigma
        assert sigma is not None
        assert np.array_equal(sigma[0], from_whc(np.load(folder / f"sigma{number}_square.npy")))


def test_tinynet_of_sigma_delta_neurons(vectors: Path) -> None:
    """Recorded: what each block sends when it gets what the block before sent (the convolution in one step only)."""
    folder = vectors / "gts/tinynet_sdnn"
    wave = np.load(folder / "input_bias.npy")[..., None] * np.sin(2 * np.pi * np.arange(15) / 15)
    encoder = Layer("encoder", (3, 16, 16), Delta(20), (DirectSynapse(),))
    sent = from_whc(np.load(folder / "input.npy").astype(int))
    assert np.array_equal(answer(encoder, from_whc(wave.astype(int))), sent)

    # Lava's kernels are flipped and (out, width, height, in).
    kernel = np.load(folder / "layer1_kernel.npy").transpose(0, 3, 2, 1)[:, :, ::-1, ::-1]
    neuron = SigmaDelta(20, np.load(folder / "layer1_bias.npy"))
    # In the recording the first values arrive in the first step of neurons with a bias; in a network a step later.
    arriving = convolve(ConvSynapse(INPUT, kernel, stride=(2, 2)), sent[None, ..., 0], (24, 6, 6)).astype(np.int32)
    found = POPULATIONS[neuron.model](neuron, (24, 6, 6), 1).step(arriving.reshape(1, -1))
    assert np.array_equal(found.reshape(24, 6, 6), from_whc(np.load(folder / "layer1.npy"))[..., 0])

    weights = np.load(folder / "layer2_weight.npy")
    dense = Layer("dense", (100,), Sigma(), (lossless_dense(INPUT, weights),))
    incoming = np.load(folder / "layer1.npy").astype(int).reshape(-1, 16)
    # The recorded block was not told that its input is graded: to it, every value is a spike.
    assert np.array_equal(answer(dense, (incoming != 0).astype(int)), np.load(folder / "layer2.npy"))


def answer(layer: Layer, values: Any) -> Any:
    """What a layer sends when `values`, (*shape, steps), come from the input."""
    network = Network(values.shape[:-1], (layer,), graded_input=True)
    result = lapilli.simulators.run(network, Events.from_dense(values[None]), "reference")
    return result.spikes.to_dense()[0]


def test_a_dense_block(vectors: Path) -> None:
    """Recorded: current (in 1/64) and spikes, in the step in which they happen."""
    folder = vectors / "gts/dense"
    weights = np.load(folder / "weight.npy")
    layer = Layer("dense", (256,), CubaLif(6, 4096, 415), (lossless_dense(INPUT, weights),))
    events = Events.from_dense(np.load(folder / "in.npy").astype(int)[None])
    recording = run(Network((200,), (layer,)), events, events.n_steps)["dense"]
    assert recording.current is not None
    assert np.array_equal(recording.current[0], np.load(folder / "current.npy") * 64)
    assert np.array_equal(dense_spikes(recording), np.load(folder / "out.npy"))


def test_tinynet(vectors: Path) -> None:
    """Recorded by SLAYER, (C, H, W), 16 steps.

    Layer i starts afresh in step i + 1 (counted from 1), when what its source sent first arrives: in the reference
    that is the reset, without which biases would act too early. SLAYER shifts what leaves the input block by one step
    and starts each layer with an empty step; so its input comes one step later than ours, its first layer in the same
    step, its second layer one step earlier. What our layers do before their first reset is no part of the recording.
    """
    folder = vectors / "gts/tinynet"
    image = from_whc(np.load(folder / "input_bias.npy"))
    recordings = run(load(vectors / "tiny.net"), constant(image, 18), 18, Reset(1000))
    expected = {name: np.load(folder / f"{name}.npy")[0] for name in ("input", "layer1", "current", "output")}
    ours = {name: dense_spikes(recording) for name, recording in recordings.items()}
    assert np.array_equal(ours["encoder1"][..., 0:15], expected["input"][..., 1:16])
    assert np.array_equal(ours["conv2"][..., 1:16], expected["layer1"][..., 1:16])
    assert np.array_equal(ours["conv3"][..., 2:17], expected["output"][..., 1:16])
    current = recordings["conv2"].current
    assert current is not None
    assert np.array_equal(current[0, ..., :16], expected["current"] * 64)
    assert all(expected[name][..., 0].sum() == 0 for name in ("input", "layer1", "output"))


def test_pilotnet_lif(vectors: Path) -> None:
    """Recorded on a chip, (W, H, C), 24 steps: spikes, current and voltage of nine layers, in the step they happen.

    Each layer was reset every 17 steps, layer i first in step i + 1.
    """
    folder = vectors / "gts/pilotnet_lif"
    network = load(folder / "network.net")
    image = from_whc(np.load(folder / "image.npy"))
    recordings = run(network, constant(image, 24), 24, Reset(17))
    assert np.array_equal(dense_spikes(recordings["encoder1"]), from_whc(np.load(folder / "input.npy")))
    files = [f"conv-{number}" for number in range(5)] + [f"fc-{number}" for number in range(3)]
    for file, layer in zip(files, network.layers[1:]):
        recording = recordings[layer.name]
        spikes = dense_spikes(recording)
        assert recording.current is not None
        assert recording.voltage is not None
        voltage = np.where(spikes, JUST_SPIKED, recording.voltage[0])
        for suffix, ours in {"": spikes, "-u": recording.current[0], "-v": voltage}.items():
            recorded = np.load(folder / f"{file}{suffix}.npy")
            recorded = from_whc(recorded) if recorded.ndim == 4 else recorded.reshape(ours.shape)
            assert np.array_equal(ours, recorded), f"{file}{suffix}"


def test_pilotnet_lif_input_of_the_spike_injection_test(vectors: Path) -> None:
    """The same input layer, reset every 16 steps."""
    folder = vectors / "gts/pilotnet_lif"
    network = load(folder / "network.net")
    encoder = Network(network.input_shape, network.layers[:1], graded_input=True)
    recordings = run(encoder, constant(from_whc(np.load(folder / "image.npy")), 24), 24, Reset(16))
    assert np.array_equal(dense_spikes(recordings["encoder1"]), from_whc(np.load(folder / "input-s.npy")))


def test_why_the_last_layer_of_pilotnet_lif_is_left_out(vectors: Path) -> None:
    """Its recording is of another run: from step 8 on it contradicts what the layer before it was recorded to send."""
    folder = vectors / "gts/pilotnet_lif"
    network = load(folder / "network.net")
    before = Events.from_dense(np.load(folder / "fc-2.npy").astype(int)[None])
    last = network.output
    (synapse,) = last.synapses
    alone = Network((10,), (Layer("last", (1,), last.neuron, (lossless_dense(INPUT, synapse.effective_weights),)),))
    current = run(alone, before, 24)["last"].current
    assert current is not None
    recorded = np.load(folder / "fc-3-u.npy")[:, :24]
    assert np.array_equal(current[0, :, :8], recorded[:, :8])
    assert current[0, 0, 8] == -1536
    assert recorded[0, 8] == 0


def test_ntidigits(vectors: Path) -> None:
    """Recorded by SLAYER: all 3000 steps, axonal delays up to 62, one step later than ours.

    (lava-dl's own test compares a single step. The average layer that ends the file is work of the host.)
    """
    folder = vectors / "gts/ntidigits"
    network = load(folder / "ntidigits.net")
    assert network.readout == Readout("spike_count", 11)
    values = np.load(folder / "input.npy").astype(int)
    events = Events.from_dense(values.reshape(1, 1, 1, 64, -1))
    recorded = np.load(folder / "output.npy")
    assert recorded.sum() > 20_000
    fast = lapilli.simulators.run(network, events, "fast").spikes.to_dense().reshape(242, -1)
    assert np.array_equal(fast[:, :-1], recorded[:, 1:])
    # The reference takes half a minute for all of it.
    reference = dense_spikes(run(network, events, 400)[network.output.name]).reshape(242, -1)
    assert np.array_equal(reference[:, :-1], recorded[:, 1:400])
