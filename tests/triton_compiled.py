"""Compiles the kernels for GPUs to machine code, with what blocks launch them with; needs no GPU and no nvcc.

`python tests/triton_compiled.py` prints in how many forms each was compiled.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from typing import Any

import torch
from triton.compiler.backends.cuda import CUDABackend
from triton.compiler.compiler import ASTSource
from triton.runtime.jit import JITFunction

from lapilli.training.blocks import block_module
from lapilli.training.fused import Bias, devices
from lapilli.training.fused.gpu.launches import Launch
from lapilli.training.networks.slayer import slayer
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork

CAPABILITIES = (80, 90)
"""Of an A100 and an H100."""

compiled: dict[tuple[Any, ...], str] = {}


def compile_only(launch: Launch, first: int, last: int) -> None:
    """In place of a launch, with the types that Triton gives its arguments."""
    arguments = launch.arguments(first, last)
    constants = asdict(launch.modes) | {"lanes": arguments["lanes"]}
    assert list(arguments) == [*list(arguments)[: -len(constants)], *constants]
    compile_kernel(launch.kernel, arguments, constants)


def compile_launched(kernel: Any, grid: Any) -> Callable[..., None]:
    """In place of a launch by Triton itself; arguments that are `constexpr` are constants."""

    def launched(*values: Any) -> None:
        arguments = dict(zip(kernel.arg_names, values, strict=True))
        constants = {kernel.arg_names[i]: values[i] for i in kernel.constexprs}
        compile_kernel(kernel, arguments, constants)

    return launched


def compile_kernel(kernel: Any, arguments: dict[str, Any], constants: dict[str, Any]) -> None:
    """To machine code, once for each form."""
    assert list(arguments) == kernel.arg_names
    places = {kernel.arg_names.index(name): value for name, value in constants.items()}
    varying = [value for name, value in arguments.items() if name not in constants]
    signature = {i: JITFunction._type_of(JITFunction._key_of(value)) for i, value in enumerate(varying)}
    for capability in CAPABILITIES:
        key = (kernel.__name__, capability, *constants.items())
        if key in compiled:
            continue
        source = ASTSource(kernel, signature, places)
        backend = CUDABackend(("cuda", capability))
        options = backend.parse_options({})
        stages: dict[str, Any] = {}
        backend.add_stages(stages, options)
        form, metadata = source.make_ir(options), {"ids_of_folded_args": ()}
        for name, stage in stages.items():
            form = stage(form, metadata)
            compiled.setdefault(key, form) if name == "ptx" else None
        assert form[:4] == b"\x7fELF"


def run(kind: str, learns: bool, dropout: bool, biased: bool) -> None:
    """A block there and back."""
    neuron: dict[str, Any] = {"threshold": 1.0, "current_decay": 0.1, "voltage_decay": 0.03, "requires_grad": learns}
    neuron |= {"dropout": slayer.neuron.Dropout(0.5)} if dropout else {}
    neuron |= {"norm": lambda: Bias(3)} if biased else {}
    through = {"through_state": True} if kind == "Recurrent" else {}
    block = getattr(block_module("fused"), kind)(neuron, 4, 3, **through)
    block(torch.ones(2, 4, 5)).sum().backward()
    with torch.no_grad():
        block(torch.ones(2, 4, 5))


def run_spikescr(integers: bool, **options: Any) -> None:
    """A spiking transformer there and back, and in evaluation."""
    network = SpikeScrNetwork(SpikeScrConfig(width=8, heads=2, kernel=3, **options), 3, 2, 4)
    network.integers = integers
    values = torch.ones(2, 3, 9)
    network(values).sum().backward()
    with torch.no_grad():
        network.eval()(values)


if __name__ == "__main__":
    devices.GPU = "cpu"
    Launch.run = compile_only  # type: ignore[assignment, method-assign]
    JITFunction.__getitem__ = compile_launched
    for dropout, surrogate, decay, integers in product((0.0, 0.1), ("atan", "slayer"), (0, 9), (False, True)):
        learned = {"memory_decay": decay, "learn_memory_decay": bool(decay)}
        run_spikescr(integers, dropout=dropout, surrogate=surrogate, **learned)
    for options in product(("Dense", "Affine", "Recurrent"), (False, True), (False, True), (False, True)):
        run(*options)
    exact = ("forward", "integer_lif", "attend")
    assert not any("fma" in form for (name, *_), form in compiled.items() if name in exact), "a sum could round"
    for name, number in Counter(name for name, *_ in compiled).items():
        print(f"{name}: {number // len(CAPABILITIES)} forms")
