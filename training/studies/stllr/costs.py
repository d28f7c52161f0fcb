"""What a training step costs: peak memory against steps, and multiplications, beside the publication's formulas.

python -m lapilli.training.studies.stllr.costs memory results/stllr_memory.csv
python -m lapilli.training.studies.stllr.costs macs results/stllr_macs.csv
"""

import ctypes
import gc
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.config import ConvConfig
from lapilli.training.stllr.config import MethodConfig, OnlineNetworkConfig, RuleConfig, UnrolledConfig, ottt, sltt
from lapilli.training.stllr.learners import learner_of
from lapilli.training.stllr.network import OnlineNetwork
from lapilli.training.studies.collect import Case, Row, collect, module_command, run_module

LIMIT_S = 600
_IN_PLACE: Any = torch.ops.aten.addmm_  # type: ignore[attr-defined]
"""A product that is added up in place, which torch's counter does not know."""
CLASSES = 20

MEMORY_STEPS = (100, 300, 1000)
"""Steps of a sample for which memory is measured; the first is what the others are compared with."""

_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_TOP_PAD_": "0"}
"""With these glibc gives back at once what is freed; its stock for later would make the peak a matter of chance."""

METHODS: Mapping[str, MethodConfig] = {
    "bptt": UnrolledConfig(),
    "truncated bptt, 10 steps": UnrolledConfig(steps=10),
    "ottt": ottt(),
    "sltt": sltt(),
    "s-tllr": RuleConfig(),
    "s-tllr, dfa": RuleConfig(signal="dfa"),
}
"""All steps teach."""

NETWORKS: Mapping[str, tuple[tuple[int, ...], OnlineNetworkConfig]] = {
    "700-450r-20": ((700,), OnlineNetworkConfig(hidden=(450,), recurrent=True)),
    "140-128r-20": ((140,), OnlineNetworkConfig(hidden=(128,), recurrent=True)),
    "2x34x34-12c5s2-32c3s2-128-20": (
        (2, 34, 34),
        OnlineNetworkConfig(conv=(ConvConfig(12, 5, 2), ConvConfig(32, 3, 2)), hidden=(128,)),
    ),
}
"""Input and layers, by what they are called."""


class OneFrame:
    """A stream that gives the same frame in every step, so that no input is what grows.

    Arguments:
        n_samples, n_steps: how many.
        shape: of a sample's frame.
    """

    def __init__(self, n_samples: int, n_steps: int, shape: tuple[int, ...]) -> None:
        generator = torch.Generator().manual_seed(0)
        self.n_samples, self.n_steps = n_samples, n_steps
        self.labels = torch.arange(n_samples) % CLASSES
        self._frame = (torch.rand(n_samples, *shape, generator=generator) < 0.1).float()

    def __iter__(self) -> Iterator[torch.Tensor]:
        for _ in range(self.n_steps):
            yield self._frame


def memory(out: str, network: str = "700-450r-20", batch: int = 64, repeats: int = 3) -> None:
    """Measure peak memory of a training step for 100, 300 and 1,000 steps, each in a process of its own.

    Arguments:
        out: CSV to write.
        network: which one (`NETWORKS`).
        batch: samples in the step.
        repeats: processes for each row, whose median it is.
    """
    if network not in NETWORKS:
        raise LapilliError(f"network: must be one of {', '.join(NETWORKS)}, got {network!r}")
    if batch < 1 or repeats < 1:
        raise LapilliError(f"batch and repeats: must be at least 1, got {batch} and {repeats}")
    n_neurons = sum(layer.size for layer in network_of(network).hidden)

    def measured(case: Case) -> list[Row]:
        method = str(case.options["method"])
        found = {
            n_steps: statistics.median(peak_mebibytes(method, network, batch, n_steps) for _ in range(repeats))
            for n_steps in MEMORY_STEPS
        }
        return [
            {
                "steps": n_steps,
                "peak_mib": round(peak, 3),
                "over_100_steps": round(peak / found[MEMORY_STEPS[0]], 4),
                "formula_mib": round(kept_steps(METHODS[method], n_steps) * n_neurons * batch * 4 / (1 << 20), 4),
            }
            for n_steps, peak in found.items()
        ]

    command = module_command("lapilli.training.studies.stllr.costs")
    cases = [Case(0, command, {"network": network, "batch": batch, "method": method}) for method in METHODS]
    for row in collect(out, cases, measured, ("steps",)):
        print(f"{row['method']}, {row['steps']} steps: {row['peak_mib']} MiB, {row['over_100_steps']} of 100 steps")


def macs(out: str) -> None:
    """Count multiply-accumulate operations of products of matrices and convolutions, in learning and in running.

    Arguments:
        out: CSV to write.
    """
    cases = [
        Case(
            0,
            module_command("lapilli.training.studies.stllr.costs"),
            {"network": network, "method": method, "steps": n_steps, "window": window},
        )
        for network, n_steps, windows in (
            ("700-450r-20", 100, (100, 90, 50, 10)),
            ("2x34x34-12c5s2-32c3s2-128-20", 10, (10, 5, 1)),
        )
        for method in METHODS
        for window in windows
    ]

    def measured(case: Case) -> list[Row]:
        method, n_steps = METHODS[str(case.options["method"])], int(str(case.options["steps"]))
        window = int(str(case.options["window"]))
        name = str(case.options["network"])
        running, learning = counted_macs(network_of(name), replace(method, window=window), n_steps)
        return [
            {
                "running_macs": running,
                "learning_macs": learning,
                "formula_macs": formula_macs(network_of(name), replace(method, window=window), n_steps),
            }
        ]

    for row in collect(out, cases, measured):
        print(f"{row['case']}: {row['learning_macs']:,} counted, {row['formula_macs']:,} by the formula")


def kept_steps(method: MethodConfig, n_steps: int) -> int:
    """Numbers that a neuron keeps by the publication's formula: one for each step that is unrolled, or one for each
    trace of S-TLLR."""
    if isinstance(method, UnrolledConfig):
        return min(method.steps or n_steps, n_steps)
    return 2 if method.a_post else 1


def network_of(name: str) -> OnlineNetwork:
    """One of `NETWORKS`."""
    shape, config = NETWORKS[name]
    return OnlineNetwork(config, shape, CLASSES)


def counted_macs(network: OnlineNetwork, method: MethodConfig, n_steps: int) -> tuple[int, int]:
    """Multiply-accumulate operations of one sample: to run it, and to learn from it beside that.

    torch counts those of products of matrices and of convolutions while they run. What is done once for a neuron
    (decays, Ψ, traces) is not among them, as in the publication's formulas.
    """
    stream = OneFrame(1, n_steps, network.input_shape)
    running = _counted(lambda: network.scores(stream))
    learner = learner_of(network, method, n_steps)
    return running, _counted(lambda: learner.learn(stream, lambda: None)) - running


def formula_macs(network: OnlineNetwork, method: MethodConfig, n_steps: int) -> int:
    """The publication's: twice (error, weights) each connection in all steps for BPTT; in steps of the window, thrice
    for S-TLLR, which has two products for the weights, and twice without the non-causal term."""
    layers = [*network.hidden, network.readout]
    connections = sum(_connections(part, layer.shape) for layer in layers for part in layer.parts)
    if isinstance(method, UnrolledConfig):
        return 2 * n_steps * connections
    return (3 if method.a_post else 2) * (method.window or n_steps) * connections


def _connections(part: Any, shape: tuple[int, ...]) -> int:
    return int(part.weight.numel()) * prod(shape[1:])


def _counted(work: Callable[[], object]) -> int:
    def product(_: Any, first: Any, second: Any, *others: Any, **options: Any) -> int:
        return 2 * int(first[0]) * int(first[1]) * int(second[1])

    counter = FlopCounterMode(display=False, custom_mapping={_IN_PLACE: product})
    with counter:
        work()
    return int(counter.get_total_flops()) // 2


def peak_mebibytes(method: str, network: str, batch: int, n_steps: int) -> float:
    """Peak memory of a step beyond network, optimiser and input, in MiB, in a process of its own.

    Raises:
        LapilliError: when the process fails or takes more than ten minutes.
    """
    words = [method, network, str(batch), str(n_steps)]
    command = [sys.executable, "-m", "lapilli.training.studies.stllr.costs", "child", *words]
    try:
        environment = os.environ | _GIVEN_BACK
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True, env=environment)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise LapilliError(f"memory of {method}: {str(error.stderr)[-300:]}") from error
    return float(done.stdout.split()[-1])


def child(method: str, network: str, batch: int, n_steps: int) -> None:
    """Measure in this process, and print the peak in MiB.

    Linux only: the kernel's own record of the peak (VmHWM), set back before the step, less what is resident before.

    Arguments:
        method: of `METHODS`.
        network: of `NETWORKS`.
        batch: samples.
        n_steps: of a sample.
    """
    if method not in METHODS or network not in NETWORKS or min(batch, n_steps) < 1:
        raise LapilliError(f"no such step: {method}, {network}, {batch} samples, {n_steps} steps")
    torch.set_num_threads(1)
    # Whatever is loaded once is not counted, nor what is free and not yet given back.
    _step_of(method, network, batch, 12)()
    step = _step_of(method, network, batch, n_steps)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _kibibytes("VmRSS")
    step()
    print((_kibibytes("VmHWM") - before) / 1024)


def _step_of(method: str, name: str, batch: int, n_steps: int) -> Callable[[], object]:
    torch.manual_seed(0)
    network = network_of(name)
    optimizer = torch.optim.Adam(network.parameters())
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    learner = learner_of(network, METHODS[method], n_steps)
    stream = OneFrame(batch, n_steps, network.input_shape)
    return lambda: learner.learn(stream, optimizer.step)


def _kibibytes(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


if __name__ == "__main__":
    run_module("costs", [memory, macs, child])
