"""Spiking LSTM: the module is the exported network in all that is sent, in all states, and in what it decides."""

from typing import Any

import numpy as np
import pytest
import torch

from lapilli.netx_exports import LapilliError, Network
from lapilli.simulators import Events, run
from lapilli.training.networks.lstm.config import SpikingLstmConfig
from lapilli.training.networks.lstm.elements import Sizes
from lapilli.training.networks.lstm.export import cell_name
from lapilli.training.networks.lstm.functions.spiking import Trace
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.time import slayer_input

SIZES = Sizes(6, 4, 7, 1)


def random_module(seed: int, loud: float = 1.0, **options: Any) -> SpikingLstmNetwork:
    """A network of which all numbers are drawn."""
    torch.manual_seed(seed)
    config = SpikingLstmConfig(**{"hidden": (9,), "copies": 1 + seed % 4, "read": "every", **options})
    module = SpikingLstmNetwork(config, SIZES)
    with torch.no_grad():
        for layer in module.layers:
            layer.weight *= 6 * loud
            layer.recurrent *= 1.5 * loud
            layer.bias += torch.randn_like(layer.bias) * loud
            layer.kept.uniform_(0.3, 1.1)
            layer.thresholds *= torch.tensor([0.7, 0.7, 0.7, 0.3]) * torch.empty(4).uniform_(0.5, 1.5)
            layer.starts.uniform_(-1, 3)
            layer.clamp *= loud
        module.head_bias.normal_(0, 0.2)
    return module.eval()


def random_events(seed: int, n_samples: int = 4) -> Events:
    generator = np.random.default_rng(seed)
    dense = generator.integers(-16, 17, (n_samples, SIZES.n_inputs, SIZES.n_steps))
    return Events.from_dense(dense * generator.integers(0, 2, dense.shape))


STATES = ("cell", *(f"{kind}_{gate}" for kind in ("membrane", "gate") for gate in "ifo"), "membrane_t", "gate_g")


def states_of(module: SpikingLstmNetwork, number: int, trace: Trace) -> dict[str, torch.Tensor]:
    """What the copies of a layer send, and their states after resets, (elements, copies, samples, units)."""
    cell = module.layers[number].cell
    i, f, o, t = torch.round(cell.thresholds.detach() * 256 * 64).long()
    clamp = round(float(cell.clamp.detach()) * 256)
    volts = dict(zip("ifgo", trace.volts.long().chunk(4, -1)))
    found = {"spikes": trace.h, "cell": trace.cell, "gate_g": volts["g"].clamp(-clamp, clamp)}
    for name, limit in (("i", i), ("f", f), ("o", o)):
        fires = volts[name] >= limit
        found |= {f"gate_{name}": fires, f"membrane_{name}": volts[name] - fires * limit}
    m = trace.tanh.long()
    return found | {"membrane_t": m - (2 * m >= t) * t + (2 * m <= -t) * t}


def assert_same(module: SpikingLstmNetwork, events: Events) -> Network:
    """Every spike, cell, membrane and gate of every copy, and the readout's voltages; returns the network."""
    network = module.export()
    n_steps = SIZES.n_steps + network.depth
    record = {layer.name: {"spikes", *STATES} for layer in network.layers[:-1]} | {network.output.name: {"voltage"}}
    found = run(network, events, "reference", n_steps=n_steps, record=record).recordings
    traces, scores = module.traces(slayer_input(events, n_steps + 1))
    for number, trace in enumerate(traces):
        expected = states_of(module, number, trace)
        assert set(expected) == {"spikes", *STATES}
        for copy in range(module.config.copies):
            recording = found[f"{cell_name(number)}.{copy}"]
            recorded = dict(recording.states) | {"spikes": recording.spikes.to_dense()}
            steps = slice(1 + number + copy, 1 + number + copy + SIZES.n_steps)
            for name, values in expected.items():
                theirs = values[:, copy].permute(1, 2, 0).long().numpy()
                assert np.array_equal(recorded[name][..., steps], theirs), (number, copy, name)
    first = network.output.clock.phase
    answered = scores[-1:] if module.config.read == "last" else scores
    voltage = found[network.output.name].voltage
    assert np.array_equal(voltage[..., first : first + len(answered)], 64 * answered.permute(1, 2, 0).long().numpy())
    assert not voltage[..., :first].any()
    assert first + len(answered) == n_steps
    return network


@pytest.mark.parametrize("seed", range(8))
def test_module_and_reference_are_equal(seed: int) -> None:
    module = random_module(seed, hidden=(9,) if seed < 5 else (9, 6), read="last" if seed % 3 == 2 else "every")
    network = assert_same(module, random_events(seed))
    assert module.depth == network.depth
    sent = module.traces(slayer_input(random_events(seed), SIZES.n_steps + 1))[0][-1].h
    assert set(sent.unique().tolist()) == {-1.0, 0.0, 1.0}


@pytest.mark.parametrize("seed", range(3))
def test_saturated_cells_are_equal(seed: int) -> None:
    module = random_module(seed, loud=200.0)
    assert_same(module, random_events(seed))
    (trace,), _ = module.traces(slayer_input(random_events(seed), SIZES.n_steps + 1))
    assert trace.volts.abs().max() == (1 << 23) - 1


def test_costs_are_the_operations_of_the_exported_weights() -> None:
    module, events = random_module(2, hidden=(9, 6)), random_events(2)
    network = module.export()
    values = slayer_input(events, SIZES.n_steps + 1)
    with torch.no_grad():
        answers = module.answers(values)
        found = module.costs(values, answers)
    traces, _ = module.traces(values)
    first = network.layers[0]
    fed = next(synapse for synapse in first.synapses if synapse.source == "input")
    operations = float((np.abs(np.sign(events.to_dense())).sum((0, 2)) * fed.fan_out((6,), first.shape)).sum())
    for layer in network.layers:
        for synapse in layer.synapses:
            if synapse.source == "input" or type(synapse).__name__ == "HandOverSynapse":
                continue
            number, copy = (int(part) for part in synapse.source.removeprefix("lstm_").split("."))
            sent = traces[number].h[:, copy].abs().sum((0, 1)).numpy()
            operations += float((sent * synapse.fan_out((len(sent),), layer.shape)).sum())
    assert found.operations.item() == pytest.approx(operations / len(events))
    assert found.spikes.item() == pytest.approx(sum(float(trace.h.abs().sum()) for trace in traces) / len(events))


def test_training_computes_with_the_exported_integers() -> None:
    module = random_module(1)
    values = slayer_input(random_events(1), SIZES.n_steps + 1)
    with torch.no_grad():
        before = module.answers(values)
        module.train()
        assert all(torch.equal(one, other) for one, other in zip(before, module.answers(values)))
    with module.unrounded(), torch.no_grad():
        assert not torch.equal(before[-1], module.answers(values)[-1])


def test_weights_alone_are_trained_where_asked_for() -> None:
    for train, numbers in (("weights", 0), ("jointly", 4)):
        module = random_module(1, train=train)
        named = {name.rpartition(".")[2] for name, part in module.named_parameters() if part.requires_grad}
        assert len(named & {"thresholds", "kept", "starts", "clamp"}) == numbers
        assert {"weight", "recurrent", "bias", "head", "head_bias"} <= named


def test_numbers_that_left_their_range_come_back() -> None:
    module = random_module(1, copies=2).train()
    (layer,) = module.layers
    with torch.no_grad():
        layer.kept.fill_(1.5)
        layer.thresholds.fill_(-1)
    module(slayer_input(random_events(1), SIZES.n_steps + 1))
    assert layer.kept.tolist() == [1.0] * 4
    assert layer.thresholds.tolist() == [1 / 16] * 4


def test_inputs_beyond_what_is_exact_are_refused() -> None:
    with pytest.raises(LapilliError, match="sums over 600 inputs of up to 127"):
        SpikingLstmNetwork(SpikingLstmConfig(unit=127), SIZES._replace(n_inputs=600))
    loud = Events.from_dense(np.full((1, SIZES.n_inputs, SIZES.n_steps), 20_000))
    with pytest.raises(LapilliError, match="sums over 6 inputs of up to 20000"):
        random_module(0)(slayer_input(loud, SIZES.n_steps + 1))
