"""The tables of kinds in `fast`: whatever stands in none is refused by name."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.simulators import Events, run
from lapilli.simulators.fast import fast_refusals, lowering, refusals
from lapilli.simulators.fast.kernels.entries import advance_and_count, run_until_full
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.fast.neurons.kind import NeuronKind
from lapilli.simulators.fast.neurons.kinds import FAST_NEURONS
from lapilli.simulators.fast.synapses.kinds import ACCUMULATIONS
from lapilli.simulators.stream import Simulator


@dataclass(frozen=True, eq=False)
class ToyNeuron(CubaLif):
    """Neurons from outside."""

    model: ClassVar[str] = "TOY"


@dataclass(frozen=True, eq=False)
class ToySynapse(DenseSynapse):
    """Synapses from outside."""

    kind: ClassVar[str] = "toy"


def toys(neuron: CubaLif, synapse: DenseSynapse) -> Network:
    return Network((2,), (Layer("toys", (2,), neuron, (synapse,)),))


def test_every_step_and_every_accumulation_has_a_place_of_its_own() -> None:
    steps = [kind.step for kind in FAST_NEURONS.values()]
    assert len({id(step) for step in steps}) == len(steps)
    assert len({id(accumulation) for accumulation in ACCUMULATIONS}) == len(ACCUMULATIONS)


@pytest.mark.parametrize(
    ("network", "phrase"),
    [
        (
            toys(ToyNeuron(1, 0, 0), DenseSynapse("input", [[2, 4], [6, 8]])),
            "layer 'toys': the neuron model TOY is not known",
        ),
        (
            toys(CubaLif(1, 0, 0), ToySynapse("input", [[2, 4], [6, 8]])),
            "layer 'toys', synapse 0 from 'input': the kind toy is not known",
        ),
    ],
)
def test_a_kind_from_outside_is_refused_by_name(network: Network, phrase: str) -> None:
    compiled_so_far = len(run_until_full.signatures), len(advance_and_count.signatures)
    assert fast_refusals(network) == (phrase,)
    events = Events.from_dense([[[1, 0], [0, 1]]])
    with pytest.raises(UnsupportedError) as raised:
        run(network, events)
    assert str(raised.value) == f"backend fast: {phrase}"
    with pytest.raises(UnsupportedError) as raised:
        Simulator(network)
    assert str(raised.value) == f"backend fast: {phrase}"
    assert (len(run_until_full.signatures), len(advance_and_count.signatures)) == compiled_so_far


def test_nothing_is_refused_of_what_runs() -> None:
    assert fast_refusals(toys(CubaLif(1, 0, 0), DenseSynapse("input", [[2, 4], [6, 8]]))) == ()


@dataclass(frozen=True, eq=False)
class FourPorts(CubaLif):
    """Neurons of four inputs; the two that are fed are neither the first nor side by side."""

    model: ClassVar[str] = "FOUR"
    ports = ("gate", "imag", "reset", "real")


def test_the_sums_of_four_ports_lie_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    known = MappingProxyType({**FAST_NEURONS, "FOUR": NeuronKind(step=None)})
    for module in (lowering, refusals):
        monkeypatch.setattr(module, "FAST_NEURONS", known)
    monkeypatch.setattr(lowering, "_MODELS", {"FOUR": 0})
    real, imag = (DenseSynapse("input", [[2, 4]] * 40, port=port) for port in ("real", "imag"))
    rounded = DenseSynapse("input", [[2, 4]] * 40, weight_exp=-3, port="imag")
    program = lower(Network((2,), (Layer("four", (40,), FourPorts(1, 0, 0), (real, imag, rounded)),))).program
    layer = program.layers[0]
    assert (layer["port_entries"], layer["padded"], layer["n_sums"]) == (4 * 64, 64, 3)
    assert program.sums["port"].tolist() == [3, 1, 1]
    # The first accumulator of a port is the port's sum; a further one lies behind all ports.
    first = layer["ports_at"]
    assert program.sums["at"].tolist() == [first + 3 * 64, first + 64, first + 4 * 64]
    assert program.n_sums == 5 * 64
