"""What the kernels for GPUs do not compute, and what is said then."""

import importlib.util
import warnings
from typing import Any

import torch
from torch.utils import cpp_extension

from lapilli.netx_exports.errors import UnsupportedError
from lapilli.training.fused.bias import Bias
from lapilli.training.fused.dynamics import has_hooks
from lapilli.training.fused.neurons import exact_feedback
from lapilli.training.networks.slayer import slayer

_told: set[str] = set()


def by_slayer(problem: str) -> bool:
    """Say once that SLAYER's CUDA extension must run, and why. Returns True.

    Raises:
        UnsupportedError: where that cannot be built.
    """
    if cpp_extension.CUDA_HOME is None:
        raise UnsupportedError(
            "training on a GPU", [f"{problem}: only SLAYER's CUDA extension computes that, which needs nvcc"]
        )
    if problem not in _told:
        _told.add(problem)
        warnings.warn(f"training on a GPU: {problem}: SLAYER's CUDA extension runs", RuntimeWarning, stacklevel=2)
    return True


def readable(values: torch.Tensor) -> bool:
    """Whether the kernels can read it; if not, SLAYER's code is announced."""
    problems = {
        "an empty batch": values.numel() == 0,
        f"input of {values.dtype}": values.dtype != torch.float32,
        "autocast, whose products round": torch.is_autocast_enabled(),
    }
    return not any(by_slayer(problem) for problem, found in problems.items() if found)


def problem_of(block: Any, spiking: bool, feedback: torch.Tensor | None) -> str:
    """What the kernels do not compute of a block; "" if nothing."""
    neuron, recurrent = block.neuron, feedback is not None
    rounds = feedback is not None and not exact_feedback(neuron, len(feedback))
    delay = block.delay if spiking else None
    strange_delay = delay is not None and (
        type(delay) is not slayer.axon.Delay or has_hooks(delay) or delay.sampling_time != 1
    )
    shifts = spiking and not recurrent and block.delay_shift
    problems = {
        "Triton is not installed": importlib.util.find_spec("triton") is None,
        "graded spikes": neuron.graded_spike,
        "a neuron's debug mode": neuron.debug,
        "a state that persists, with a shift by a step": shifts and neuron.persistent_state,
        "a delay that is not SLAYER's own": strange_delay,
        "normalisation of a recurrent block": recurrent and type(neuron.norm) not in (Bias, type(None)),
        "recurrent spikes whose sums could round": rounds,
    }
    return next((problem for problem, found in problems.items() if found), "")


def size_problem_of(block: Any, shape: torch.Size, spiking: bool) -> str:
    """The same of its parameters' sizes, once it knows them."""
    neuron, delay = block.neuron, block.delay if spiking else None
    if {neuron.current_decay.numel(), neuron.voltage_decay.numel()} - {1, shape[1:-1].numel()}:
        return "decays of single channels"
    wrong = delay is not None and delay.init and len(delay.delay) != shape[1]
    return "delays of another number of channels" if wrong else ""
