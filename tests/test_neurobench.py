"""NeuroBench's metrics of torch modules: NeuroBench itself on the same module and data, number by number."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
pytest.importorskip("neurobench", reason="neurobench is not installed (the extra `test`)")

import snntorch  # noqa: E402
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from neurobench.metrics.utils.layers import single_layer_MACs  # noqa: E402
from neurobench.models import SNNTorchModel, TorchModel  # noqa: E402
from neurobench_itself import Spiking, sparse, theirs  # noqa: E402
from torch import nn  # noqa: E402

from lapilli.training.neurobench.metrics import TorchMetrics, neurobench_metrics, over_steps  # noqa: E402
from lapilli.training.neurobench.operations import FanOuts, operations  # noqa: E402


def of_images() -> nn.Module:
    """Convolutions with strides, groups, dilation and padding of zeros and of the opposite border."""
    return nn.Sequential(
        sparse(nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(4, 6, 3, padding=2, dilation=2, padding_mode="circular"), nn.BatchNorm2d(6), nn.ReLU()),
        nn.Flatten(),
        sparse(nn.Linear(6 * 5 * 5, 10)),
        nn.Sigmoid(),
        nn.Linear(10, 3, bias=False),
    )


def of_series() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 4, 3, padding="same", padding_mode="reflect"), nn.ReLU(), nn.Conv1d(4, 2, 2), nn.ReLU()
    )


def of_volumes() -> nn.Module:
    return nn.Sequential(nn.Conv3d(1, 2, (2, 3, 1), stride=(1, 2, 1)), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4))


def of_vectors() -> nn.Module:
    """Linear layers over the last of three axes, one of which is used twice."""
    twice = nn.Linear(6, 6)
    return nn.Sequential(sparse(nn.Linear(8, 6)), nn.ReLU(), twice, nn.ReLU(), twice)


ANNS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "images": (of_images, (2, 10, 10)),
    "series": (of_series, (3, 9)),
    "volumes": (of_volumes, (1, 3, 5, 2)),
    "vectors": (of_vectors, (5, 8)),
}

SNNS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "Leaky": (
        lambda: Spiking(
            sparse(nn.Linear(8, 20)),
            snntorch.Leaky(0.9, init_hidden=True),
            nn.Linear(20, 5),
            snntorch.Leaky(0.8, init_hidden=True, output=True, reset_mechanism="zero"),
        ),
        (8,),
    ),
    "convolutions": (
        lambda: Spiking(
            nn.Conv2d(2, 3, 3, padding=1),
            snntorch.Leaky(0.5, init_hidden=True, threshold=0.3),
            nn.AvgPool2d(2),
            nn.Conv2d(3, 2, 2, bias=False),
            snntorch.Synaptic(0.9, 0.5, init_hidden=True, threshold=0.2),
            nn.Flatten(),
            sparse(nn.Linear(2 * 2 * 2, 3)),
            snntorch.Leaky(beta=0.5, init_hidden=True, output=True),
        ),
        (2, 6, 6),
    ),
    "no decay": (
        lambda: Spiking(
            nn.Linear(8, 9),
            snntorch.Leaky(1.0, threshold=2.0, init_hidden=True, reset_delay=False),
            sparse(nn.Linear(9, 4)),
            snntorch.Alpha(0.9, 0.8, init_hidden=True),
            nn.Linear(4, 3),
            snntorch.Lapicque(beta=0.5, init_hidden=True, output=True),
        ),
        (8,),
    ),
}

RECURRENT: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "RLeaky": (
        lambda: Spiking(
            nn.Linear(8, 20),
            sparse(snntorch.RLeaky(0.9, linear_features=20, init_hidden=True, threshold=0.3)),
            nn.Linear(20, 5),
            snntorch.Leaky(0.8, init_hidden=True, output=True),
        ),
        (8,),
    ),
    "RSynaptic": (
        lambda: Spiking(
            nn.Linear(8, 12),
            snntorch.RSynaptic(0.5, 0.9, linear_features=12, init_hidden=True, reset_mechanism="zero"),
            nn.Linear(12, 4),
            snntorch.Leaky(0.8, init_hidden=True, output=True),
        ),
        (8,),
    ),
    "convolution": (
        lambda: Spiking(
            nn.Conv2d(2, 3, 3, padding=1),
            sparse(snntorch.RLeaky(0.9, conv2d_channels=3, kernel_size=3, init_hidden=True, threshold=0.2)),
            nn.Flatten(),
            nn.Linear(48, 4),
            snntorch.RLeaky(0.5, V=0.5, all_to_all=False, init_hidden=True, output=True),
        ),
        (2, 4, 4),
    ),
}


def built(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build()


def assert_equal(
    build: Callable[[], nn.Module], model: Any, inputs: Any, batch_size: int, forward: Any
) -> TorchMetrics:
    """Every metric of NeuroBench. States are buffers, so each side gets a module that has not run yet."""
    ours = neurobench_metrics(built(build), inputs.split(batch_size), forward)
    expected = theirs(model(built(build)), inputs, batch_size)
    found = ours.as_neurobench()
    # NeuroBench adds up the sparsities of the batches, weighed by samples.
    sparsity = 0.0
    for batch in inputs.split(batch_size):
        of_batch = neurobench_metrics(built(build), [batch], forward)
        sparsity += of_batch.activation_sparsity * len(batch) / len(inputs)
    assert found["ActivationSparsity"] == pytest.approx(sparsity, rel=1e-12)
    assert found | {"ActivationSparsity": sparsity} == expected
    assert list(found) == list(expected)
    return ours


@pytest.mark.parametrize("batch_size", [7, 3, 1])
@pytest.mark.parametrize("name", ANNS)
def test_equal_on_anns(name: str, batch_size: int) -> None:
    build, shape = ANNS[name]
    torch.manual_seed(1)
    inputs = torch.randn(7, *shape) * (torch.rand(7, *shape) < 0.7)
    found = assert_equal(build, TorchModel, inputs, batch_size, nn.Module.__call__)
    assert 0 < found.effective_macs < found.dense
    assert found.effective_acs == 0
    assert 0 < found.activation_sparsity < 1


@pytest.mark.parametrize("batch_size", [7, 3, 1])
@pytest.mark.parametrize("name", [*SNNS, *RECURRENT])
def test_equal_on_snns(name: str, batch_size: int) -> None:
    build, shape = (SNNS | RECURRENT)[name]
    torch.manual_seed(1)
    inputs = (torch.rand(7, 12, *shape) < 0.4).float()
    found = assert_equal(build, SNNTorchModel, inputs, batch_size, over_steps)
    assert 0 < found.effective_acs < found.dense
    assert 0 < found.activation_sparsity < 1
    assert found.membrane_updates > 0


# One layer, one call.


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[nn.Module, Any]:
    """A convolution of any geometry and an input for it, both with zeros."""
    n_axes = draw(st.integers(1, 3))
    groups = draw(st.integers(1, 2))
    padding_mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))

    def axes(low: int, high: int) -> Any:
        return tuple(draw(st.integers(low, high)) for _ in range(n_axes))

    torch.manual_seed(draw(st.integers(0, 2**31)))
    layer = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[n_axes - 1](
        groups * draw(st.integers(1, 2)),
        groups * draw(st.integers(1, 2)),
        axes(1, 3),
        stride=axes(1, 3),
        padding=axes(0, 2),
        dilation=axes(1, 2),
        groups=groups,
        padding_mode=padding_mode,
    )
    values = torch.randint(-1, 3, (draw(st.integers(1, 3)), layer.in_channels, *axes(5, 7))).float()
    return sparse(layer), values if draw(st.booleans()) else values.clamp(max=1)


@given(convolutions())
@settings(max_examples=150)
def test_one_convolution(case: tuple[nn.Module, Any]) -> None:
    layer, values = case
    of_call = operations("layer", FanOuts(layer), (values,), {})
    assert (of_call.effective, of_call.accumulates) == single_layer_MACs(values, layer)
    assert of_call.dense == single_layer_MACs(values, layer, total=True)[0]
    assert not (of_call.accumulates and of_call.graded)


@given(convolutions())
@settings(max_examples=30)
def test_one_convolution_connection_by_connection(case: tuple[nn.Module, Any]) -> None:
    """Without NeuroBench: every input alone, and the outputs that it reaches."""
    layer, values = case
    layer.bias = None
    effective = graded = 0
    for place in values.nonzero().tolist():
        alone = torch.zeros((1, *values.shape[1:]), dtype=torch.float64)
        where = (0, *place[1:])
        alone[where] = 1
        # Where padding repeats an input, the same output is reached several times.
        magnitudes = layer._conv_forward(alone, (layer.weight != 0).double(), None)
        effective += int(magnitudes.sum())
        graded += int(magnitudes.sum()) * (values[tuple(place)] not in (-1, 1))
    of_call = operations("layer", FanOuts(layer), (values,), {})
    assert (of_call.effective, of_call.graded) == (effective, graded)


def test_fan_outs_follow_the_weights() -> None:
    layer, values = nn.Conv2d(1, 1, 2, bias=False), torch.ones(1, 1, 3, 3)
    fan_outs = FanOuts(layer)
    assert operations("", fan_outs, (values,), {}).effective == 16
    with torch.no_grad():
        layer.weight[0, 0, 0, 0] = 0
    assert operations("", fan_outs, (values,), {}).effective == 12
    layer.weight = nn.Parameter(torch.zeros(1, 1, 2, 2))
    assert operations("", fan_outs, (values,), {}).effective == 0


CELLS = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}


def states(cell: nn.Module, n_samples: int) -> Any:
    hidden = torch.randn(n_samples, 6)
    return (hidden, torch.randn(n_samples, 6)) if isinstance(cell, nn.LSTMCell) else hidden


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("seed", range(5))
def test_cells_with_their_states(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    cell = CELLS[name](4, 6)
    arguments = (torch.randn(3, 4), states(cell, 3))
    of_call = operations("cell", FanOuts(cell), arguments, {})
    assert (of_call.effective, of_call.accumulates) == single_layer_MACs(arguments, cell)
    assert of_call.dense == single_layer_MACs(arguments, cell, total=True)[0] == of_call.effective
    assert of_call.graded == of_call.effective


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
@pytest.mark.parametrize("seed", range(20))
def test_cells_with_zeros_anywhere(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    cell = sparse(CELLS[name](4, 6, bias=bool(seed % 2)), 0.8)
    arguments = [torch.randn(3, 4), states(cell, 3)]
    arguments[0][torch.rand(3, 4) < 0.6] = 0
    for state in arguments[1] if name == "LSTM" else arguments[1:]:
        state[torch.rand(3, 6) < 0.6] = 0
    of_call = operations("cell", FanOuts(cell), arguments, {})
    assert of_call.effective == single_layer_MACs(tuple(arguments), cell)[0]


def test_a_network_of_cells() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.LSTMCell(4, 6)
            self.out = nn.Linear(6, 2)

        def forward(self, series: Any) -> Any:
            state = (torch.full((len(series), 6), 0.5), torch.full((len(series), 6), 0.5))
            for step in range(series.shape[1]):
                state = self.cell(series[:, step], state)
            return torch.relu(self.out(state[0]))

    torch.manual_seed(0)
    net, inputs = Net(), torch.randn(5, 7, 4)
    found = neurobench_metrics(net, inputs.split(2)).as_neurobench()
    expected = theirs(TorchModel(net), inputs, 2)
    # Neither knows an activation here, and NeuroBench says 0.0 to that.
    assert expected.pop("ActivationSparsity") == 0.0
    assert found == expected
