"""What a Loihi 2 chip would need for a network, and what it could not express."""

import json
from pathlib import Path

import numpy as np
import pytest

from lapilli.cli import main
from lapilli.netx_exports import (
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Layer,
    Network,
    inspect,
    load,
    save,
)
from lapilli.netx_exports.chip.limits import MEMORY_OF_CORE, NEURONS_OF_CORE
from lapilli.netx_exports.chip.needs import RULES, LayerNeeds, chip_needs
from lapilli.netx_exports.chip.problems import chip_problems
from lapilli.netx_exports.synapses.kinds import Synapse

NEURON = CubaLif(vth_mant=64, current_decay=1024, voltage_decay=128)
STATE = 24 + 24 + 16

# Cores that Intel's compiler gave each layer of PilotNet LIF: the table "Per core distribution" in lava-nc/lava-dl,
# tutorials/lava/lib/dl/netx/pilotnet_snn/benchmark.ipynb, commit 12f0402197673099a99a2805c6c393ef7065318c.
INTEL_CORES_OF_PILOTNET = (13, 25, 13, 3, 3, 2, 12, 1, 1, 1)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int16)


def one_layer(synapse: Synapse, size: int, inputs: int, neuron: CubaLif = NEURON) -> Network:
    return Network((inputs,), (Layer("only", (size,), neuron, (synapse,)),))


def needs_of(synapse: Synapse, size: int, inputs: int) -> LayerNeeds:
    return chip_needs(one_layer(synapse, size, inputs)).layers[0]


def test_dense_counts_every_pair_of_neurons() -> None:
    found = needs_of(DenseSynapse("input", zeros(5, 7)), 5, 7)
    assert found == LayerNeeds("only", 5, 5 * STATE, 5 * 7 * 8, 0, 5, 7, 5, 1, "neurons")


def test_fewer_bits_take_less_memory_and_a_ninth_no_more() -> None:
    bits = [needs_of(DenseSynapse("input", zeros(5, 7), weight_bits=bits), 5, 7).synapse_bits for bits in (4, 8, 9)]
    assert bits == [35 * 4, 35 * 8, 35 * 8]


def test_delays_take_six_bits_a_weight_and_a_slot_a_step() -> None:
    delays = np.zeros((5, 7), int)
    delays[2, 3] = 9
    found = needs_of(DenseSynapse("input", zeros(5, 7), delays=delays), 5, 7)
    assert (found.synapse_bits, found.delay_slots) == (5 * 7 * 14, 5 * 10)


def test_an_identity_has_one_weight_a_neuron() -> None:
    found = needs_of(IdentitySynapse("input", 2, delay=3), 6, 6)
    assert (found.synapse_bits, found.delay_slots, found.axons_in) == (6 * 14, 6 * 4, 6)


def test_a_kernel_is_stored_once_on_every_core() -> None:
    synapse = ConvSynapse("input", zeros(4, 3, 5, 5), padding=(2, 2))
    network = Network((3, 90, 90), (Layer("conv", (4, 90, 90), NEURON, (synapse,)),))
    found = chip_needs(network).layers[0]
    assert found.kernel_bits == found.synapse_bits == 4 * 3 * 25 * 8
    assert found.axons_in is None
    assert (found.cores_at_least, found.limit) == (4, "neurons")  # 32,400 neurons


def test_a_large_kernel_leaves_less_room_on_each_core() -> None:
    # 150 KB of kernels on each core leave 42 KB: 4,300 neurons of 64 + 16 bits.
    kernel = ConvSynapse("input", zeros(6, 1, 160, 160))
    network = Network((1, 200, 200), (Layer("conv", (6, 41, 41), NEURON, (kernel,)),))
    found = chip_needs(network).layers[0]
    room = (MEMORY_OF_CORE - 6 * 160 * 160 * 8) // (STATE + 16)
    assert 4000 < room < NEURONS_OF_CORE
    assert (found.cores_at_least, found.limit) == (-(-6 * 41 * 41 // room), "memory")


def test_spikes_leave_once_for_each_reader() -> None:
    first = Layer("first", (3,), NEURON, (DenseSynapse("input", zeros(3, 2)), DenseSynapse("first", zeros(3, 3))))
    second = Layer("second", (3,), NEURON, (DenseSynapse("first", zeros(3, 3)), IdentitySynapse("first", 2)))
    found = chip_needs(Network((2,), (first, second)))
    assert [layer.axons_out for layer in found.layers] == [9, 3]
    assert [layer.axons_in for layer in found.layers] == [2 + 3, 3 + 3]
    assert (found.neurons, found.axons_out, found.cores_at_least, found.chips_at_least) == (6, 12, 2, 1)


def test_a_core_has_8192_neurons() -> None:
    cores = [needs_of(IdentitySynapse("input", 2), size, size).cores_at_least for size in (8192, 8193)]
    assert cores == [1, 2]


def test_memory_limits_a_dense_layer() -> None:
    found = needs_of(DenseSynapse("input", zeros(100, 2560)), 100, 2560)
    # 2,560 weights, state and one slot: 76 neurons in 192 KB.
    assert (MEMORY_OF_CORE // (2560 * 8 + STATE + 16), found.cores_at_least, found.limit) == (76, 2, "memory")


def test_a_neuron_larger_than_a_core_is_a_problem() -> None:
    network = one_layer(DenseSynapse("input", zeros(1, 200_000)), 1, 200_000)
    found = chip_needs(network)
    assert (found.layers[0].cores_at_least, found.cores_at_least, found.chips_at_least) == (None, None, None)
    assert found.problems == ("layer 'only': a neuron and its synapses need more than a core's 192 KB",)


def test_chips_have_120_cores() -> None:
    size = 8192 * 120
    assert chip_needs(one_layer(IdentitySynapse("input", 2), size, size)).chips_at_least == 1
    assert chip_needs(one_layer(IdentitySynapse("input", 2), size + 1, size + 1)).chips_at_least == 2


@pytest.mark.lava
def test_no_layer_of_pilotnet_takes_more_than_intels_compiler_gave_it() -> None:
    lavadl = pytest.importorskip("lava.lib.dl.netx", reason="lava-dl is not installed")
    folder = Path(lavadl.__file__).parents[4] / "tests/lava/lib/dl/netx/gts/pilotnet_lif"
    if not folder.is_dir():
        pytest.skip("this lava-dl came without its tests")
    found = chip_needs(load(folder / "network.net"))
    ours = tuple(layer.cores_at_least for layer in found.layers)
    assert ours == (5, 10, 4, 1, 1, 1, 2, 1, 1, 1)
    assert all(bound <= taken for bound, taken in zip(ours, INTEL_CORES_OF_PILOTNET))
    # The same table lists the axons that come in to dense layers.
    assert [layer.axons_in for layer in found.layers[6:]] == [2560, 100, 50, 10]


@pytest.mark.parametrize(
    ("neuron", "problem"),
    [
        (CubaLif(1 << 17, 1, 1), "vth_mant: the chip holds 0…131071, got 131072"),
        (CubaLif(1, 0, 1), "current_decay: the chip holds 1…4096, got 0"),
        (CubaLif(1, 1, 4096), "voltage_decay: the chip holds 0…4095, got 4096"),
        (CubaLif(1, 1, 1, [4096, -4097]), "bias_mant: the chip holds -4096…4095, got -4097…4096"),
        (CubaLif([1, 2], 1, 1), "vth_mant: the chip has one for all neurons of a layer, got 1…2"),
        (CubaLif(1, [3, 2], 1), "current_decay: the chip has one for all neurons of a layer, got 2…3"),
        (CubaLif(1, 1, [3, 2]), "voltage_decay: the chip has one for all neurons of a layer, got 2…3"),
        (CubaLif((1 << 17) - 1, 4096, 4095, [4095, -4096], 7), None),
        (CubaLif([5, 5], [1, 1], [0, 0]), None),
    ],
)
def test_neurons_the_chip_has_no_room_for(neuron: CubaLif, problem: str | None) -> None:
    found = chip_problems(one_layer(DenseSynapse("input", zeros(2, 3)), 2, 3, neuron))
    assert found == ((f"layer 'only': {problem}",) if problem else ())


@pytest.mark.parametrize(
    ("synapse", "problem"),
    [
        (DenseSynapse("input", [[3, 2], [0, 0]], weight_bits=9), "weights: odd ones of both signs need 9 bits"),
        (DenseSynapse("input", [[3, 2], [0, 0]]), None),  # 8 bits: it runs with 2
        (DenseSynapse("input", [[3, 2], [0, 0]], sign_mode="excitatory"), None),
        (IdentitySynapse("input", -3), "weights: odd ones of both signs need 9 bits"),
        (IdentitySynapse("input", -256), None),
        (IdentitySynapse("input", 2, weight_exp=-9), "weight_exp: the chip holds -8…7, got -9"),
        (DenseSynapse("input", zeros(2, 2), weight_exp=-8), None),
    ],
)
def test_synapses_the_chip_has_no_room_for(synapse: Synapse, problem: str | None) -> None:
    found = chip_problems(one_layer(synapse, 2, 2))
    if problem is None:
        assert found == ()
    else:
        assert len(found) == 1
        assert found[0].startswith(f"layer 'only', synapse 0 from 'input': {problem}")


def test_odd_kernels_and_currents_of_the_host_are_problems() -> None:
    encoder = Layer("encoder", (1, 3, 3), NEURON, (DirectSynapse(),))
    conv = Layer("conv", (1, 3, 3), NEURON, (ConvSynapse("encoder", [[[[5]]]]),))
    assert chip_problems(Network((1, 3, 3), (encoder, conv), graded_input=True)) == (
        "layer 'encoder', synapse 0 from 'input': the chip's neurons receive through synapses only, "
        "not currents of the host",
        "layer 'conv', synapse 0 from 'encoder': weights: odd ones of both signs need 9 bits, the chip stores 8",
    )


def test_inspect_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = one_layer(DenseSynapse("input", zeros(100, 2560)), 100, 2560)
    assert inspect(network).loihi2 == chip_needs(network)
    path = tmp_path / "model.net"
    save(network, path)
    assert main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["loihi2"]
    assert found["layers"][0]["synapse_bits"] == 100 * 2560 * 8
    assert (found["cores_at_least"], found["problems"], found["rules"]) == (2, [], RULES)
    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "docs/how-to/loihi2.md" in out
    assert "Loihi 2: estimate: 2 cores at least, one chip" in out


def test_inspect_says_what_the_chip_cannot_express(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(one_layer(DenseSynapse("input", zeros(2, 3)), 2, 3, CubaLif(1 << 17, 1, 1)), tmp_path / "model.net")
    assert main(["inspect", str(tmp_path / "model.net")]) == 0
    out = capsys.readouterr().out
    assert "Loihi 2: layer 'only': vth_mant: the chip holds 0…131071, got 131072" in out
    assert "cores at least, one chip" not in out
