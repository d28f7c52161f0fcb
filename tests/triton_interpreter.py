"""The kernels for GPUs on Triton's interpreter, with the CPU in the place of the GPU.

Triton decides when it decorates a kernel, so importing this file imports them.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import pytest

pytest.importorskip("triton", reason="torch brings Triton on Linux only")

with pytest.MonkeyPatch.context() as patch:
    patch.setitem(os.environ, "TRITON_INTERPRET", "1")
    from triton import language
    from triton.runtime import interpreter

    from lapilli.training.fused import devices, dispatch
    from lapilli.training.fused.gpu import kernels, refusals
    from lapilli.training.networks.spikescr.gpu import launch

__all__ = ["gpu_in_place_of_cpu", "launch"]

# Of these two types Triton 2.3.1's interpreter does not know the names.
interpreter.Builder.get_int32_ty = lambda self: language.int32
interpreter.Builder.get_double_ty = lambda self: language.float64
# It copies arguments back, which autograd would take for changes of what it keeps. Of data alone it does not know.
interpreter._unwrap = lambda tensor: tensor.data
# Functions that Triton writes in its own language are none that it interprets.
language.sum = lambda values, axis: language.reduce(values, axis, language.standard._sum_combine)
# It patches the language for each launch, which is enough, and again for each function that a kernel calls.
interpreter.InterpretedFunction._patch_lang = lambda self, builder: None


@contextmanager
def gpu_in_place_of_cpu() -> Iterator[None]:
    """Tensors of the CPU are taken for those of a GPU: numba's kernels do not run, SLAYER's code may."""

    def forbidden(*_: object) -> None:
        raise AssertionError("a CPU's kernels ran")

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # A loop over a number of the interpreter's, which is an array of one.
        warnings.filterwarnings("ignore", "Conversion of an array with ndim > 0 to a scalar", DeprecationWarning)
        patch.setattr(devices, "GPU", "cpu")
        patch.setattr(dispatch, "ON_CPU", dispatch.Kernels(*[forbidden] * len(fields(dispatch.Kernels))))
        patch.setattr("torch.utils.cpp_extension.CUDA_HOME", "/cuda")
        patch.setattr(refusals, "_told", set())
        assert isinstance(kernels.forward, interpreter.InterpretedFunction)
        yield
