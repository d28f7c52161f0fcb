"""SpikeSCR's kernels for GPUs on Triton's interpreter, the CPU in the GPU's place: the tests of the CPU's again."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import test_spikescr_functions as on_cpu
import torch
from triton_interpreter import gpu_in_place_of_cpu, launch

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.spikescr import cpu, devices, network
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork

for _name, _test in vars(on_cpu).items():
    if _name.startswith("test_") and _name != "test_threads_do_not_change_what_is_sent":
        globals()[_name] = _test


@pytest.fixture(autouse=True)
def gpu() -> Iterator[None]:
    with gpu_in_place_of_cpu():
        assert devices.kernels_for(torch.zeros(1)) is launch
        yield


def test_each_kernel_has_its_twin() -> None:
    functions = [
        {name for name, found in vars(module).items() if callable(found) and found.__module__ == module.__name__}
        for module in (cpu, launch)
    ]
    public, twins = ({name for name in names if name[0] != "_"} for names in functions)
    assert public == twins
    assert len(public) == 15


def built(**options: Any) -> SpikeScrNetwork:
    torch.manual_seed(1)
    return SpikeScrNetwork(SpikeScrConfig(width=8, heads=2, kernel=3, **options), 5, 3, 6)


def sample() -> torch.Tensor:
    values = torch.zeros(2, 5, 30)
    values[:, :4, 1:7] = torch.from_numpy(np.random.default_rng(1).poisson(0.6, (2, 4, 6))).float()
    values[:, 4, 1:7] = 1
    return values


def there_and_back(module: SpikeScrNetwork) -> list[torch.Tensor]:
    """What each layer sends, and the costs and gradients."""
    torch.manual_seed(2)
    module.zero_grad()
    answers = module.answers(sample())
    scores = answers[-1]
    weights = torch.arange(scores.numel(), dtype=torch.float32, device=scores.device).reshape(scores.shape)
    costs = module.costs(sample(), answers)
    ((scores * weights).sum() + costs.spikes + costs.operations).backward()
    learned = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    sent = [answer.detach() for answer in answers]
    return [*sent, costs.operations.detach(), *(gradient.clone() for gradient in learned)]


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize(
    "change",
    [{}, {"attention": "v1"}, {"memory_decay": 300, "learn_memory_decay": True}, {"look_ahead": 2, "blocks": 2}],
)
def test_a_network_is_that_of_the_cpu(integers: bool, change: dict[str, Any]) -> None:
    module = built(dropout=0.2, **change)
    module.integers = integers
    state = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(devices, "on_gpu", lambda values: False)
        expected = there_and_back(module)
    module.load_state_dict(state)
    found = there_and_back(module)
    if integers:
        assert all(map(torch.equal, found[: len(module.nodes)], expected))
    assert len(found) == len(expected) > 30
    for mine, theirs in zip(found, expected):
        assert (mine - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("change", [{}, {"attention": "v1"}, {"memory_decay": 300, "learn_memory_decay": True}])
def test_nothing_is_made_on_another_device(integers: bool, change: dict[str, Any]) -> None:
    module, values = built(dropout=0.0, **change), sample()
    module.integers = integers
    # The table of positions is made on the CPU, once, and copied.
    module(values)
    with torch.device("meta"):
        answers = module.answers(values)
        costs = module.costs(values, answers)
        (answers[-1].sum() + costs.operations).backward()
    assert {part.grad.device for part in module.parameters() if part.grad is not None} == {values.device}


def test_without_triton_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "find_spec", lambda name: None)
    monkeypatch.setattr(network, "on_gpu", lambda values: True)
    with pytest.raises(LapilliError, match="spikescr on a GPU needs triton, which is not installed"):
        built()(sample())
