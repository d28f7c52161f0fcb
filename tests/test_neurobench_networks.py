"""NeuroBench's metrics of networks: as NeuroBench has them of the snnTorch module that is the same."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
pytest.importorskip("neurobench", reason="neurobench is not installed (the extra `test`)")

import snntorch  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from neurobench.models import SNNTorchModel  # noqa: E402
from neurobench_itself import Spiking, sparse, theirs  # noqa: E402
from random_networks import Case, cases  # noqa: E402
from test_counting import connections_one_by_one  # noqa: E402
from torch import nn  # noqa: E402

from lapilli.netx_exports import (  # noqa: E402
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    LapilliError,
    Layer,
    Network,
    ResonateAndFire,
    UnsupportedError,
)
from lapilli.netx_exports.neurons.cuba_lif import NEVER_SPIKES  # noqa: E402
from lapilli.netx_exports.neurons.kinds import NEURONS  # noqa: E402
from lapilli.simulators import Events, RunResult, run  # noqa: E402
from lapilli.simulators.bill.neurobench import membrane_updates, network_metrics  # noqa: E402
from lapilli.training.neurobench.metrics import neurobench_metrics, over_steps, static_metrics  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


def dense(source: str, layer: Any, **options: Any) -> DenseSynapse:
    return DenseSynapse(source, layer.weight.detach().numpy().astype(int), weight_bits=9, **options)


def integers(layer: Any, low: int, high: int, multiple: int = 1) -> Any:
    """The layer with whole weights, some of them zero."""
    with torch.no_grad():
        layer.weight.copy_(torch.randint(low // multiple, high // multiple + 1, layer.weight.shape) * multiple)
    return sparse(layer, 0.2)


def spikes_with_silence(n_samples: int, before: int, spiking: int, after: int, n_inputs: int = 8) -> Any:
    """(samples, steps, inputs)."""
    inputs = torch.zeros(n_samples, before + spiking + after, n_inputs)
    inputs[:, before : before + spiking] = (torch.rand(n_samples, spiking, n_inputs) < 0.4).float()
    return inputs


def ran(network: Network, inputs: Any) -> RunResult:
    """All layers have come to rest before the end: a layer lags by a step behind the same layer in torch."""
    events = Events.from_dense(inputs.numpy().transpose(0, 2, 1).astype(int))
    done = run(network, events, "reference", record=("spikes", "voltage"))
    for layer in network.layers:
        spikes = done.recordings[layer.name].spikes
        assert spikes is not None
        assert spikes.n_events > 50
        assert int(spikes.step.max()) < events.n_steps - len(network.layers)
    return done


def without_buffers(module: nn.Module, footprint: int) -> int:
    """NeuroBench counts the buffers of snnTorch's neurons too."""
    return footprint - sum(buffer.numel() * buffer.element_size() for buffer in module.buffers())


def integrators(**options: Any) -> dict[str, Any]:
    """Neurons that forget nothing and begin anew after a spike, in the step itself."""
    return {"beta": 1.0, "reset_mechanism": "zero", "reset_delay": False, "init_hidden": True, **options}


def test_a_feed_forward_network() -> None:
    """Integrate and fire: each metric of NeuroBench is that of the network."""
    torch.manual_seed(0)
    first, second = integers(nn.Linear(8, 20, bias=False), -30, 60), integers(nn.Linear(20, 6, bias=False), -20, 40)
    module = Spiking(
        first,
        snntorch.Leaky(**integrators(threshold=100.0)),
        second,
        snntorch.Leaky(**integrators(threshold=70.0, output=True)),
    )
    network = Network(
        (8,),
        (
            Layer("hidden", (20,), CubaLif(100, 4096, 0), (dense("input", first),)),
            Layer("out", (6,), CubaLif(70, 4096, 0), (dense("hidden", second),)),
        ),
    )
    # All membranes count in a batch's first step: nothing must change then.
    inputs = spikes_with_silence(5, 1, 40, 4)
    done = ran(network, inputs)
    found = network_metrics(network, done.counts, done.recordings).as_neurobench()
    footprint = without_buffers(module, static_metrics(module).footprint)
    expected = theirs(SNNTorchModel(module), inputs, 5)
    assert found == expected | {"Footprint": footprint}
    assert found["MembraneUpdates"] < 26 * 45


@pytest.mark.parametrize("seed", range(3))
def test_a_recurrent_network(seed: int) -> None:
    """A membrane that halves in each step and is never reset is a current; eleven halvings are exact."""
    torch.manual_seed(seed)
    first, back = (
        integers(nn.Linear(8, 20, bias=False), -64, 120, 8),
        integers(nn.Linear(20, 20, bias=False), -64, 24, 8),
    )
    second = integers(nn.Linear(20, 6, bias=False), -32, 120, 8)
    options = {"beta": 0.5, "reset_mechanism": "none", "init_hidden": True}
    recurrent = snntorch.RLeaky(**options, linear_features=20, threshold=90.0)
    recurrent.recurrent = back
    module = Spiking(first, recurrent, second, snntorch.Leaky(**options, threshold=120.0, output=True))
    network = Network(
        (8,),
        (
            Layer(
                "hidden",
                (20,),
                CubaLif(90 * 4, 2048, 4096),
                (dense("input", first, weight_exp=2), dense("hidden", back, weight_exp=2)),
            ),
            Layer("out", (6,), CubaLif(120 * 4, 2048, 4096), (dense("hidden", second, weight_exp=2),)),
        ),
    )
    inputs = spikes_with_silence(20, 0, 4, 8)
    done = ran(network, inputs)
    found = network_metrics(network, done.counts).as_neurobench()
    footprint = without_buffers(module, static_metrics(module).footprint)
    expected = theirs(SNNTorchModel(module), inputs, 20)
    assert expected.pop("MembraneUpdates") > 0
    assert found == expected | {"Footprint": footprint}
    ours = neurobench_metrics(module, [inputs], over_steps).connections
    assert [one.effective_acs for one in ours] == done.counts.synapse_ops.sum(axis=0).tolist()
    assert ours[1].effective_acs > 0


def test_a_recurrence_that_snntorch_computes_twice() -> None:
    """snnTorch's reset to zero runs the recurrent layer twice in each step, and NeuroBench counts what runs."""
    torch.manual_seed(0)
    first, back = integers(nn.Linear(8, 20, bias=False), -30, 60), integers(nn.Linear(20, 20, bias=False), -30, 10)
    recurrent = snntorch.RLeaky(**integrators(threshold=100.0, linear_features=20, output=True))
    recurrent.recurrent = back
    module = Spiking(first, recurrent)
    synapses = (dense("input", first), dense("hidden", back))
    network = Network((8,), (Layer("hidden", (20,), CubaLif(100, 4096, 0), synapses),))
    inputs = spikes_with_silence(5, 1, 40, 9)
    done = ran(network, inputs)
    found = network_metrics(network, done.counts, done.recordings).as_neurobench()
    into, again = (int(ops) / 5 for ops in done.counts.synapse_ops.sum(axis=0))
    ours = neurobench_metrics(module, [inputs], over_steps).as_neurobench()
    assert found["SynapticOperations"]["Effective_ACs"] == into + again
    assert ours["SynapticOperations"]["Effective_ACs"] == into + 2 * again
    assert ours["SynapticOperations"] == theirs(SNNTorchModel(module), inputs, 5)["SynapticOperations"]
    same = ("ActivationSparsity", "ConnectionSparsity", "ParameterCount", "MembraneUpdates")
    assert {name: found[name] for name in same} == {name: ours[name] for name in same}


@given(cases(models=tuple(NEURONS)))
@settings(max_examples=60)
def test_networks_one_by_one(case: Case) -> None:
    """Every metric of a network against a walk over its connections and over what was recorded."""
    network, n_samples = case.network, len(case.events)
    record = {layer.name: {"spikes", *({"voltage"} & set(layer.neuron.states))} for layer in network.layers}
    done = run(network, case.events, "fast", n_steps=case.n_steps, record=record, reset=case.reset)
    found = network_metrics(network, done.counts)
    assert found.n_steps == case.n_steps
    signed = {layer.name for layer in network.layers if layer.neuron.signed}
    acs, macs, dense_ops = np.zeros(n_samples, int), np.zeros(n_samples, int), 0
    column = 0
    for layer in network.layers:
        for synapse in layer.synapses:
            if not isinstance(synapse, DirectSynapse):
                into = macs if synapse.source in network.graded_sources - signed else acs
                into += done.counts.synapse_ops[:, column]
                every = connections_one_by_one(
                    all_ones(synapse), network.shapes[synapse.source], layer.fed_shape(synapse)
                )
                dense_ops += int(every.sum()) * case.n_steps
            column += 1
    assert np.array_equal(found.effective_acs, acs)
    assert np.array_equal(found.effective_macs, macs)
    assert found.dense == dense_ops
    senders = [layer for layer in network.layers if not layer.neuron.never_spikes]
    events = sum(done.recordings[layer.name].spikes.n_events for layer in senders)
    outputs = sum(layer.size for layer in senders) * case.n_steps * n_samples
    assert (int(found.events.sum()), found.activations * n_samples) == (events, outputs)
    assert found.neuron_updates == done.counts.dendrite_updates[0].sum()
    if all("voltage" in layer.neuron.states for layer in network.layers):
        recorded = network_metrics(network, done.counts, done.recordings).membrane_updates
        assert recorded.tolist() == [changes(network, done, sample) for sample in range(n_samples)]


def all_ones(synapse: Any) -> Any:
    if isinstance(synapse, DenseSynapse):
        return DenseSynapse(synapse.source, np.full(np.shape(synapse.weights), 2))
    return replace(synapse, **{"weights" if synapse.kind == "conv" else "weight": synapse_ones(synapse)})


def synapse_ones(synapse: Any) -> Any:
    return np.ones(np.shape(synapse.weights)) if synapse.kind == "conv" else 1


def changes(network: Network, done: RunResult, sample: int) -> int:
    """Membranes of one sample that are not as they were a step before, and all of the first step."""
    found = 0
    for layer in network.layers:
        voltages = done.recordings[layer.name].voltage[sample].reshape(layer.size, -1)
        for neuron in range(layer.size):
            found += 1 + sum(int(voltages[neuron, t] != voltages[neuron, t - 1]) for t in range(1, voltages.shape[1]))
    return found


def small_network(**neuron: Any) -> Network:
    """Two inputs, two layers of three and two neurons; two of its ten weights are zero."""
    hidden = Layer("hidden", (3,), CubaLif(10, 4096, 0, **neuron), (DenseSynapse("input", [[20, 0], [0, 2], [4, 6]]),))
    out = Layer("out", (2,), CubaLif(NEVER_SPIKES, 4096, 0), (DenseSynapse("hidden", [[2, 4, 6], [-2, -4, -6]]),))
    return Network((2,), (hidden, out))


def test_a_network_by_hand() -> None:
    network = small_network(bias_mant=[0, 0, 1])
    done = run(network, Events.from_dense([[[1, 0, 0, 0], [0, 0, 0, 0]]]), record=("voltage",))
    found = network_metrics(network, done.counts, done.recordings)
    # The first hidden neuron spikes once; a readout has weights and operations, but no outputs that could be zero.
    assert found.as_neurobench() == {
        "Footprint": 4 * (12 + 3),
        "ParameterCount": 12 + 3,
        "ConnectionSparsity": round(2 / 12, 4),
        "ActivationSparsity": 11 / 12,
        "SynapticOperations": {"Effective_MACs": 0.0, "Effective_ACs": 2.0 + 2.0, "Dense": 4 * 12.0},
        # All five in the first step; the third in every step by its bias; two of the readout by one spike.
        "MembraneUpdates": 5 + 3 + 2,
    }
    assert found.footprint_on_chip == 12 * 8
    assert found.neuron_updates == 5 * 4


def test_what_a_network_cannot_say() -> None:
    network = small_network()
    done = run(
        network, Events.from_dense([[[1, 0, 0, 0], [0, 0, 0, 0]]]), record={"hidden": ["voltage"], "out": ["spikes"]}
    )
    found = network_metrics(network, done.counts)
    assert found.membrane_updates is None
    assert "MembraneUpdates" not in found.as_neurobench()
    with pytest.raises(
        UnsupportedError, match=r"^neurobench: membrane updates: layer 'out': voltage was not recorded$"
    ):
        network_metrics(network, done.counts, done.recordings)
    two = run(network, Events.from_dense(np.zeros((2, 2, 4), int)), record=("voltage",))
    with pytest.raises(LapilliError, match=r"^recordings: must be of the 1 samples of the counts, got 2$"):
        network_metrics(network, done.counts, two.recordings)
    other = Network((2,), (Layer("hidden", (2,), CubaLif(1, 0, 0), (DenseSynapse("input", np.eye(2)),)),))
    with pytest.raises(LapilliError, match=r"^counts: of another network"):
        network_metrics(other, done.counts)
    with pytest.raises(LapilliError, match=r"^recordings: layer 'hidden' has shape \(2,\), its voltage \(2, 3, 4\)$"):
        membrane_updates(other, two.recordings)
    resonators = Network((2,), (Layer("rf", (2,), ResonateAndFire(1, 0, 4096), (DenseSynapse("input", np.eye(2)),)),))
    counts = run(resonators, Events.from_dense(np.zeros((1, 2, 4), int))).counts
    with pytest.raises(UnsupportedError, match=r"layer 'rf': neurons of model .* have no voltage"):
        network_metrics(resonators, counts, {})


def test_no_other_framework_is_loaded() -> None:
    loaded = "import sys, {}; print(sorted({{name.split('.')[0] for name in sys.modules}}))"
    for name, others in (
        ("lapilli.training.neurobench.metrics", ("snntorch", "neurobench", "lava", "tonic")),
        ("lapilli.simulators.bill.neurobench", ("snntorch", "neurobench", "lava", "torch")),
    ):
        done = subprocess.run(
            [sys.executable, "-c", loaded.format(name)], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert not [other for other in others if repr(other) in done.stdout]


def test_the_examples_of_the_docs(tmp_path: Path) -> None:
    """Each prints what stands below it."""
    text = (ROOT / "docs" / "reference" / "neurobench.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.S)
    assert len(examples) == 2
    for example, printed in examples:
        done = subprocess.run(
            [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == printed
