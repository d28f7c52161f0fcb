"""The controls: full and truncated back-propagation through time, and where the rule meets them."""

from typing import Any

import numpy as np
import pytest
import torch
from test_stllr_rule import PSI, assert_same, drawn_inputs, frames, gradients, network_of

from lapilli.netx_exports import LapilliError
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig, UnrolledConfig, ottt
from lapilli.training.stllr.learner import OnlineLearner
from lapilli.training.stllr.unrolled import UnrolledLearner

STEPS = 12


class PlainSpike(torch.autograd.Function):
    """A step with the derivative of a fast sigmoid."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(v)
        return (v > 0).double()

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0] / (100 * ctx.saved_tensors[0].abs() + 1) ** 2


def plain_gradients(
    network: Any, values: Any, labels: list[int], window: int, loss: str, cut: int, recurrent: bool = True
) -> dict[str, Any]:
    """Of a recurrent layer and a leaky readout, written out; all losses of a piece of `cut` steps at its end."""
    config = network.config
    w, r = (part.weight.detach().clone().requires_grad_() for part in network.hidden[0].parts)
    out = network.readout.parts[0].weight.detach().clone().requires_grad_()
    x = torch.from_numpy(values).double()
    u, y, z = torch.zeros(len(x), len(w)), torch.zeros(len(x), len(w)), torch.zeros(len(x), len(out))
    u, y, z = u.double(), y.double(), z.double()
    target = torch.tensor(labels)
    seen = []
    for t in range(STEPS):
        u = config.leak * u + x[..., t] @ w.T + (y if recurrent else y.detach()) @ r.T
        y = PlainSpike.apply(u - config.threshold)
        u = u - config.threshold * y.detach()
        z = config.readout_leak * z + y @ out.T
        if t >= STEPS - window:
            seen.append(z)
        if (t + 1) % cut == 0 or t == STEPS - 1:
            if seen and loss == "mean":
                torch.nn.functional.cross_entropy(sum(seen) / len(seen), target).backward()
            elif seen:
                torch.stack([torch.nn.functional.cross_entropy(part, target) for part in seen]).sum().backward()
            seen = []
            u, y, z = u.detach(), y.detach(), z.detach()
    names = ("layers.0.synapses.0", "layers.0.synapses.1", "readout.synapses.0")
    return {name: weight.grad.numpy().reshape(-1) for name, weight in zip(names, (w, r, out))}


def network_and_data(seed: int) -> tuple[Any, Any, list[int]]:
    config = OnlineNetworkConfig(hidden=(9,), recurrent=True, leak=0.9, readout_leak=0.95, weight_scale=1.5)
    values, labels = drawn_inputs(seed, 5, (6,), STEPS)
    return network_of(config, (6,), seed), values, labels


@pytest.mark.parametrize("loss", ["each step", "mean"])
@pytest.mark.parametrize("window", [STEPS, 4])
@pytest.mark.parametrize("seed", range(2))
def test_bptt_is_autograd_of_a_plain_network(loss: Any, window: int, seed: int) -> None:
    network, values, labels = network_and_data(seed)
    learner = UnrolledLearner(network, UnrolledConfig(window=window, loss=loss), STEPS)
    expected = plain_gradients(network, values, labels, window, loss, STEPS)
    assert_same(gradients(learner, values, labels, (6,)), expected, 1e-9)
    assert all(np.abs(value).max() > 0 for value in expected.values())


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_truncated_bptt_is_autograd_cut_there(cut: int) -> None:
    network, values, labels = network_and_data(4)
    learner = UnrolledLearner(network, UnrolledConfig(steps=cut), STEPS)
    expected = plain_gradients(network, values, labels, STEPS, "each step", cut)
    assert_same(gradients(learner, values, labels, (6,)), expected, 1e-9)


def test_gradients_that_do_not_pass_through_recurrent_synapses() -> None:
    network, values, labels = network_and_data(6)
    learner = UnrolledLearner(network, UnrolledConfig(recurrent_gradient=False), STEPS)
    expected = plain_gradients(network, values, labels, STEPS, "each step", STEPS, recurrent=False)
    found = gradients(learner, values, labels, (6,))
    assert_same(found, expected, 1e-9)
    whole = gradients(UnrolledLearner(network, UnrolledConfig(), STEPS), values, labels, (6,))
    assert np.abs(whole["layers.0.synapses.1"] - found["layers.0.synapses.1"]).max() > 1e-6
    assert np.array_equal(whole["readout.synapses.0"], found["readout.synapses.0"])


@pytest.mark.parametrize("arithmetic", ["float", "integer"])
def test_truncated_to_all_steps_is_bptt(arithmetic: Any) -> None:
    config = OnlineNetworkConfig(
        hidden=(9,), recurrent=True, threshold=0.5, weight_scale=2.0, arithmetic=arithmetic, bias=arithmetic == "float"
    )
    values, labels = drawn_inputs(7, 5, (6,), STEPS)
    found = [
        gradients(
            UnrolledLearner(network_of(config, (6,), 7), UnrolledConfig(steps=steps), STEPS), values, labels, (6,)
        )
        for steps in (None, STEPS, STEPS + 5)
    ]
    for other in found[1:]:
        assert all(np.array_equal(found[0][name], other[name]) for name in found[0])


@pytest.mark.parametrize("psi", PSI)
def test_the_rule_without_traces_is_bptt_cut_at_every_step(psi: Any) -> None:
    """Both then see one step alone, also in convolutions: an independent way to the same numbers."""
    config = OnlineNetworkConfig(
        conv=(ConvConfig(3, 3, 2), ConvConfig(4)), hidden=(7,), bias=True, weight_scale=2.0, weight_standardisation=True
    )
    shape = (2, 7, 6)
    values, labels = drawn_inputs(8, 4, shape, STEPS)
    rule = RuleConfig(a_post=0.0, l_pre=0.0, l_readout=0.0, psi=psi, window=7)
    online = gradients(OnlineLearner(network_of(config, shape, 8), rule, STEPS), values, labels, shape)
    control = UnrolledConfig(steps=1, psi=psi, window=7)
    unrolled = gradients(UnrolledLearner(network_of(config, shape, 8), control, STEPS), values, labels, shape)
    assert_same(online, unrolled, 1e-9)
    assert all(np.abs(value).max() > 0 for value in unrolled.values())


def test_ottt_of_one_layer_is_bptt_without_recurrent_path_and_without_a_readout_that_remembers() -> None:
    """So these two are all that OTTT leaves out."""
    config = OnlineNetworkConfig(hidden=(9,), recurrent=True, leak=0.9, readout="instantaneous", weight_scale=1.5)
    values, labels = drawn_inputs(9, 5, (6,), STEPS)
    online = gradients(OnlineLearner(network_of(config, (6,), 9), ottt(), STEPS).double(), values, labels, (6,))
    control = UnrolledConfig(recurrent_gradient=False)
    unrolled = gradients(UnrolledLearner(network_of(config, (6,), 9), control, STEPS), values, labels, (6,))
    assert_same(online, unrolled, 1e-9)
    assert all(np.abs(value).max() > 0 for value in unrolled.values())


def test_ottt_of_one_layer_is_bptt_where_nothing_resets() -> None:
    """Without spikes of its own that come back, a leaky layer's full gradient is error times trace."""
    config = OnlineNetworkConfig(hidden=(9,), leak=0.9, readout="instantaneous", threshold=50.0)
    values, labels = drawn_inputs(5, 5, (6,), STEPS)
    ottt = RuleConfig(a_post=0.0, l_pre=None)
    online = gradients(OnlineLearner(network_of(config, (6,), 5), ottt, STEPS), values, labels, (6,))
    unrolled = gradients(UnrolledLearner(network_of(config, (6,), 5), UnrolledConfig(), STEPS), values, labels, (6,))
    assert_same(online, unrolled, 1e-9)
    assert np.abs(unrolled["layers.0.synapses.0"]).max() > 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"window": 13}, "method.window: must be 1…12, the steps of a sample, or null, got 13"),
        ({"steps": 0}, "method.steps: must be at least 1, got 0"),
        ({"steps": 5, "loss": "mean"}, "method.steps: the loss of the mean needs all 12 steps at once, got 5"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], words: str) -> None:
    with pytest.raises(LapilliError, match=words):
        UnrolledLearner(network_and_data(0)[0], UnrolledConfig(**values), STEPS)


def test_a_loss_that_is_no_number_changes_nothing() -> None:
    network, values, labels = network_and_data(0)
    with torch.no_grad():
        network.readout.parts[0].weight[0, 0] = float("nan")
    with pytest.raises(LapilliError, match="the loss up to step 3 is nan, no number; lower the learning rate"):
        UnrolledLearner(network, UnrolledConfig(steps=3), STEPS).learn(
            frames(values, labels, (6,)), lambda: pytest.fail("weights were changed")
        )
