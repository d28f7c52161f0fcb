"""Modules of snnTorch, and graphs as Norse's writer makes them, go through the stepper and the quantisation."""

from typing import Any

import numpy as np
import pytest

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `test`)")
torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
snntorch = pytest.importorskip("snntorch", reason="snntorch is not installed (the extra `test`)")

from float_graphs import chain, flat  # noqa: E402
from snntorch.export_nir import export_to_nir  # noqa: E402

from lapilli.netx_exports.nir.floating.reader import from_float_nir  # noqa: E402
from lapilli.netx_exports.nir.quantising.choices import Reset  # noqa: E402
from lapilli.netx_exports.nir.quantising.quantise import quantise  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402
from lapilli.simulators.float_nir.calibration import calibrated, float_reset  # noqa: E402
from lapilli.simulators.float_nir.run import frames, run_float  # noqa: E402
from lapilli.simulators.float_nir.stepper import FloatStepper  # noqa: E402

THRESHOLDS = {"Leaky": 1.8, "Synaptic": 4.0}

pytestmark = pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated:DeprecationWarning")


def noise(n: int, n_samples: int = 20, n_steps: int = 100) -> Events:
    dense = np.random.default_rng(2).random((n_samples, n, n_steps)) < 0.15
    return Events.from_dense(dense.astype(int))


def neurons(kind: str, n: int, reset: str) -> Any:
    options = {"init_hidden": True, "reset_mechanism": reset, "reset_delay": False}
    beta, threshold = torch.full((n,), 0.93), torch.full((n,), THRESHOLDS[kind])
    if kind == "Leaky":
        return snntorch.Leaky(beta, threshold, **options)
    return snntorch.Synaptic(torch.full((n,), 0.6), beta, threshold, **options)


def in_torch(module: Any, events: Events) -> Any:
    """(steps, samples, outputs)."""
    for part in module.modules():
        if isinstance(part, (snntorch.Leaky, snntorch.Synaptic)):
            part.reset_mem()
    with torch.no_grad():
        sent = [module(torch.tensor(frame, dtype=torch.float32)) for frame in frames(events, events.n_steps)]
    return np.stack([np.asarray(one) for one in sent])


@pytest.mark.parametrize(
    ("kind", "mechanism", "reset"),
    [
        ("Leaky", "zero", "zero"),
        ("Leaky", "subtract", "subtract"),
        ("Leaky", "subtract", "approximate"),
        ("Synaptic", "zero", "zero"),
        ("Synaptic", "subtract", "approximate"),
    ],
)
def test_a_module_of_snntorch(kind: str, mechanism: str, reset: Reset) -> None:
    torch.manual_seed(4)
    hidden, output = torch.nn.Linear(16, 30), torch.nn.Linear(30, 5)
    hidden.weight.data *= 2
    output.weight.data *= 2
    module = torch.nn.Sequential(hidden, neurons(kind, 30, mechanism), output, neurons(kind, 5, mechanism))
    graph, events = from_float_nir(export_to_nir(module, torch.zeros(16))), noise(16)
    stepper = FloatStepper(graph, len(events), float_reset(reset))
    ours, highest = [], 0.0
    for frame in frames(events, events.n_steps):
        ours.append(stepper.step(frame)[graph.layers[-1].name])
        highest = max(highest, *(float(voltage.max()) for voltage in stepper.voltages.values()))
    theirs = in_torch(module, events)
    assert theirs.sum() > 100
    # Where more than one threshold is left over, snnTorch takes it off before it looks for the next spike.
    assert highest < THRESHOLDS[kind]
    # Single precision there, double precision here.
    assert np.mean(np.stack(ours) != theirs) < 1e-3

    done = run_float(graph, events, float_reset(reset))
    network = quantise(graph, calibrated(graph, events, done, reset)).network
    result = run(network, events, n_steps=events.n_steps + network.depth)
    totals = result.spikes.to_dense().sum(-1)
    assert abs(totals.sum() - done.totals.sum()) < 0.1 * done.totals.sum()
    assert np.corrcoef(totals.reshape(-1), done.totals.reshape(-1))[0, 1] > 0.9
    assert np.mean(totals.argmax(1) == done.totals.argmax(1)) >= 0.8


@pytest.mark.parametrize("reset", ["zero", "approximate"])
def test_a_graph_as_norse_writes_it(reset: Reset) -> None:
    """Of `LIFCell` and `LIFBoxCell` with r = w_in = 1, and of `Conv2d` without the size of its input (norse 1.1)."""
    rng = np.random.default_rng(3)
    once = np.ones(1)
    box = nir.LIF(once / 100, r=once, v_leak=once * 0, v_threshold=once * 0.08, v_reset=once * 0)
    cell = nir.CubaLIF(
        tau_mem=once / 100, tau_syn=once / 200, r=once, w_in=once, v_leak=once * 0, v_threshold=once * 0.05,
        v_reset=once * 0,
    )  # fmt: skip
    kernel = nir.Conv2d(None, rng.normal(0.2, 0.5, (3, 1, 3, 3)), 1, 0, 1, 1, rng.normal(0, 0.02, 3))
    dense = nir.Affine(rng.normal(0.3, 1, (4, 12)), np.zeros(4))
    graph = from_float_nir(chain((1, 4, 4), kernel, box, flat(3, 2, 2), dense, cell), 1e-3)
    assert [layer.shape for layer in graph.layers] == [(3, 2, 2), (4,)]
    assert np.allclose(graph.layers[0].neurons.voltage_decay, 0.1)
    events = Events.from_dense((np.random.default_rng(6).random((10, 1, 4, 4, 100)) < 0.3).astype(int))
    done = run_float(graph, events, float_reset(reset))
    network = quantise(graph, calibrated(graph, events, done, reset)).network
    result = run(network, events, n_steps=events.n_steps + network.depth)
    assert done.spikes["1"].sum() > 1000
    counts = result.counts.sent[:, 1:].sum(axis=0)
    assert abs(counts[0] - done.spikes["1"].sum()) < 0.05 * done.spikes["1"].sum()
    assert abs(counts[1] - done.spikes["4"].sum()) < 0.1 * done.spikes["4"].sum()
