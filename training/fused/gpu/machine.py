"""What a GPU would train with on this machine."""

import importlib.util

import torch
from torch.utils import cpp_extension


def gpu_dynamics(dynamics: str) -> str:
    """What would train on a GPU, and whether there is one, in a phrase.

    Arguments:
        dynamics: "fused" or "slayer".
    """
    triton = importlib.util.find_spec("triton") is not None
    if dynamics == "fused" and triton:
        code = "lapilli's Triton kernels"
    else:
        nvcc = "" if cpp_extension.CUDA_HOME else ", which needs nvcc: not found"
        code = f"SLAYER's CUDA extension{nvcc}"
        code += "" if triton or dynamics == "slayer" else " (Triton is not installed)"
    here = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA device here"
    return f"{code}; {here}"
