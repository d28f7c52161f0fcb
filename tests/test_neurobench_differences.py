"""Where ours differ from NeuroBench's metrics on purpose: each row of docs/reference/neurobench.md."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")
pytest.importorskip("neurobench", reason="neurobench is not installed (the extra `test`)")

import snntorch  # noqa: E402
from neurobench.metrics.utils.layers import single_layer_MACs  # noqa: E402
from neurobench.models import SNNTorchModel, TorchModel  # noqa: E402
from neurobench_itself import Spiking, sparse, theirs  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.utils import prune  # noqa: E402
from torch.nn.utils import weight_norm as old_weight_norm  # noqa: E402
from torch.nn.utils.parametrizations import weight_norm  # noqa: E402

from lapilli.netx_exports import LapilliError, UnsupportedError  # noqa: E402
from lapilli.training.neurobench.metrics import neurobench_metrics, over_steps, static_metrics  # noqa: E402
from lapilli.training.neurobench.operations import FanOuts, operations  # noqa: E402


def test_what_fails_is_not_zero() -> None:
    """Operations of a fused recurrent layer: NeuroBench raises a string, catches the TypeError and writes 0.0."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(4, 6, batch_first=True)
            self.out = nn.Linear(6, 2)

        def forward(self, series: Any) -> Any:
            return self.out(self.rnn(series)[0])

    net, inputs = Net(), torch.randn(2, 3, 4)
    assert theirs(TorchModel(net), inputs, 2)["SynapticOperations"] == 0.0
    with pytest.raises(
        UnsupportedError, match=r"^neurobench: rnn \(RNN\): its states between the steps cannot be seen"
    ):
        neurobench_metrics(net, [inputs])
    assert static_metrics(net).connection_sparsity == theirs(TorchModel(net), inputs, 2)["ConnectionSparsity"]


@pytest.mark.filterwarnings("ignore:.?torch.nn.utils.weight_norm.? is deprecated")
@pytest.mark.parametrize("normalise", [old_weight_norm, prune.identity])
def test_weights_that_a_hook_computes(normalise: Callable[..., Any]) -> None:
    """Weight norm and pruning make the weight anew in each call: NeuroBench cannot copy it, and writes 0.0."""
    net, inputs = nn.Sequential(sparse(nn.Linear(8, 6)), nn.ReLU()), torch.randn(5, 8)
    normalise(net[0], "weight")
    expected = theirs(TorchModel(net), inputs, 5)
    assert expected["SynapticOperations"] == 0.0
    found = neurobench_metrics(net, [inputs])
    assert found.effective_macs == int(torch.count_nonzero(net[0].weight)) < found.dense
    assert found.static.connection_sparsity == expected["ConnectionSparsity"] > 0


def test_weights_that_a_parametrisation_computes() -> None:
    """NeuroBench's ones are overwritten by it, so that it adds up weights, and it finds no weights in the layer."""
    net, inputs = nn.Sequential(sparse(nn.Linear(8, 6)), nn.ReLU()), torch.randn(5, 8)
    weight_norm(net[0])
    expected = theirs(TorchModel(net), inputs, 5)
    assert expected["ConnectionSparsity"] is None
    assert expected["SynapticOperations"]["Dense"] < 24
    found = neurobench_metrics(net, [inputs])
    assert found.effective_macs == int(torch.count_nonzero(net[0].weight))
    assert (found.static.weights, found.dense) == (48, 48)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_not_a_number_is_not_counted(wrong: float) -> None:
    """NeuroBench counts NaN as an input that is not zero."""
    net, inputs = nn.Sequential(nn.Linear(4, 6), nn.ReLU()), torch.zeros(1, 4)
    inputs[0, 1] = wrong
    assert theirs(TorchModel(net), inputs, 1)["SynapticOperations"]["Effective_MACs"] == 6
    with pytest.raises(
        LapilliError, match=r"^neurobench: 0 \(Linear\): inputs: NaN or infinity, which cannot be counted$"
    ):
        neurobench_metrics(net, [inputs])
    net = nn.Sequential(nn.Identity(), nn.ReLU())
    with pytest.raises(LapilliError, match=r"^neurobench: 1: outputs: NaN or infinity"):
        neurobench_metrics(net, [inputs.abs()])


def test_one_graded_spike_moves_the_batch() -> None:
    """Which operations are MACs depends on what else is in the batch; ours does so under NeuroBench's names only."""
    net = Spiking(nn.Linear(4, 6, bias=False), snntorch.Leaky(0.5, init_hidden=True, output=True))
    inputs = torch.zeros(4, 1, 4)
    inputs[:, 0, :2] = 1
    inputs[3, 0, 3] = 0.5
    together = theirs(SNNTorchModel(net), inputs, 4)["SynapticOperations"]
    alone = theirs(SNNTorchModel(net), inputs, 1)["SynapticOperations"]
    assert (together["Effective_ACs"], together["Effective_MACs"]) == (0, 54 / 4)
    assert (alone["Effective_ACs"], alone["Effective_MACs"]) == (36 / 4, 18 / 4)
    for batch_size, expected in ((4, together), (1, alone)):
        found = neurobench_metrics(net, inputs.split(batch_size), over_steps)
        assert found.as_neurobench()["SynapticOperations"] == expected
        assert found.graded == 6 / 4


def test_single_precision() -> None:
    """NeuroBench sums in float32: above 2^24 it loses operations."""
    net, inputs = nn.Sequential(nn.Linear(4097, 4097, bias=False)), torch.ones(1, 4097)
    assert theirs(TorchModel(net), inputs, 1)["SynapticOperations"]["Dense"] == 4097**2 - 1
    assert neurobench_metrics(net, [inputs]).dense == 4097**2


def test_a_module_without_children() -> None:
    """NeuroBench looks at a module's children only."""
    inputs = torch.ones(2, 3)
    expected = theirs(TorchModel(nn.Linear(3, 2)), inputs, 2)
    assert expected["ConnectionSparsity"] is None
    assert expected["SynapticOperations"]["Dense"] == 0
    found = neurobench_metrics(nn.Linear(3, 2), [inputs])
    assert (found.static.connection_sparsity, found.dense) == (0.0, 6)


def test_what_is_not_there_is_not_zero() -> None:
    net, inputs = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3)), torch.ones(2, 3)
    assert theirs(TorchModel(net), inputs, 2)["ActivationSparsity"] == 0.0
    found = neurobench_metrics(net, [inputs])
    assert not {"ActivationSparsity", "ConnectionSparsity"} & set(found.as_neurobench())
    with pytest.raises(LapilliError, match="no activation module ran"):
        _ = found.activation_sparsity
    with pytest.raises(LapilliError, match="the module has no connections"):
        _ = found.static.connection_sparsity


def test_a_layer_in_two_places() -> None:
    """NeuroBench hooks it twice, fails and writes 0.0."""
    shared = nn.Linear(3, 3)
    net, inputs = nn.Sequential(nn.Sequential(shared), nn.Sequential(shared)), torch.ones(1, 3)
    assert theirs(TorchModel(net), inputs, 1)["SynapticOperations"] == 0.0
    assert neurobench_metrics(net, [inputs]).dense == 18


def test_states_left_over() -> None:
    """NeuroBench resets the kinds of neurons that are direct children; others begin where the last batch ended."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Sequential(nn.Linear(4, 6), snntorch.Synaptic(0.9, 0.9, init_hidden=True)),
        nn.Linear(6, 3),
        snntorch.Leaky(0.9, init_hidden=True, output=True),
    )
    inputs = 3 * torch.rand(4, 5, 4)
    of_batches = [theirs(SNNTorchModel(net), inputs, size)["SynapticOperations"] for size in (4, 2)]
    assert of_batches[0] != of_batches[1]
    ours = [neurobench_metrics(net, inputs.split(size), over_steps).as_neurobench() for size in (4, 2, 1)]
    assert ours[0]["SynapticOperations"] == ours[1]["SynapticOperations"] == ours[2]["SynapticOperations"]


def test_cells_without_states() -> None:
    """Torch takes zeros for a state that is not given; NeuroBench then takes the first sample for the whole batch."""
    cell, inputs = nn.RNNCell(4, 6), torch.randn(3, 4)
    assert single_layer_MACs(inputs, cell)[0] == 24
    assert operations("", FanOuts(cell), (inputs,), {}).effective == 72
    assert operations("", FanOuts(cell), (), {"input": inputs, "hx": torch.zeros(3, 6)}).effective == 72


def test_dense_of_an_lstm() -> None:
    """NeuroBench leaves zeros of an LSTM's state zeros where all are to be ones."""
    cell, inputs = nn.LSTMCell(4, 6), torch.randn(3, 4)
    zeros = (torch.zeros(3, 6), torch.zeros(3, 6))
    assert single_layer_MACs((inputs, zeros), cell, total=True)[0] == 3 * (24 * 4 + 2 * 6)
    assert operations("", FanOuts(cell), (inputs, zeros), {}).dense == 3 * (24 * 4 + 24 * 6 + 3 * 6)


def gru(into: list[float], back: list[float], **options: Any) -> Any:
    """One unit; weights of the reset gate, the update gate and the candidate, biases of zero."""
    cell = nn.GRUCell(1, 1, **options)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_ih.copy_(torch.tensor(into)[:, None])
        cell.weight_hh.copy_(torch.tensor(back)[:, None])
    return cell


def test_update_gate_of_a_gru() -> None:
    """NeuroBench takes 1 - z for 0 where just one thing reaches z, though z is a sigmoid."""
    arguments = (torch.ones(1, 1), torch.ones(1, 1))
    once, twice = gru([0, 1, 1], [0, 0, 1]), gru([0, 1, 1], [0, 1, 1])
    # Weights that are met, and (1 - z) * candidate, z * state.
    assert operations("", FanOuts(once), arguments, {}).effective == 3 + 2
    assert single_layer_MACs(arguments, once)[0] == 3 + 1
    assert operations("", FanOuts(twice), arguments, {}).effective == single_layer_MACs(arguments, twice)[0] == 4 + 2


def test_candidate_of_a_gru() -> None:
    """NeuroBench does not see what the input alone gives."""
    cell, arguments = gru([0, 0, 1], [0, 0, 0]), (torch.ones(1, 1), torch.zeros(1, 1))
    assert operations("", FanOuts(cell), arguments, {}).effective == 1 + 1
    assert single_layer_MACs(arguments, cell)[0] == 1


def test_gru_without_biases() -> None:
    cell, arguments = gru([0, 0, 1], [0, 0, 0], bias=False), (torch.ones(1, 1), torch.zeros(1, 1))
    with pytest.raises(AttributeError):
        single_layer_MACs(arguments, cell)
    assert operations("", FanOuts(cell), arguments, {}).effective == 1 + 1


def test_everything_that_is_not_counted_has_a_name() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.norm, self.unused = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 3)
            self.up = nn.ConvTranspose1d(3, 3, 1)
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, values: Any) -> Any:
            return self.up(self.norm(self.used(values)).unsqueeze(-1)) * self.scale

    found = neurobench_metrics(Net(), [torch.ones(2, 3)])
    assert found.not_counted == (
        "the module (Net)",
        "norm (BatchNorm1d)",
        "up (ConvTranspose1d)",
        "unused (never ran)",
    )


def test_other_activations() -> None:
    net, inputs = nn.Sequential(nn.Linear(3, 4), nn.Hardtanh(0, 1)), torch.randn(6, 3)
    model = TorchModel(net)
    model.add_activation_module(nn.Hardtanh)
    found = neurobench_metrics(net, [inputs], activations=(nn.Hardtanh,))
    assert found.activation_sparsity == theirs(model, inputs, 6)["ActivationSparsity"] > 0


def test_the_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU())
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    seen: list[int] = []
    neurobench_metrics(net, (torch.ones(size, 3) for size in (2, 3)), progress=seen.append)
    with pytest.raises(RuntimeError):
        neurobench_metrics(net, [torch.ones(2, 5)])
    assert seen == [2, 3]
    assert [part.training for part in net.modules()] == [True, True, False, True]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    with pytest.raises(LapilliError, match=r"^neurobench: no samples, nothing to count$"):
        neurobench_metrics(net, [])
