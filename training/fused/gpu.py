"""SLAYER's blocks on a GPU: products of torch, neurons on Triton's kernels; SLAYER's CUDA extension where that must be."""

import importlib.util
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.utils import cpp_extension

from netx_exports.errors import UnsupportedError
from training.fused.arrivals import Arrivals, quantised, quantised_weight
from training.fused.convolution import window_of
from training.fused.dynamics import Dynamics, fused_dynamics, settle
from training.fused.events import exact_sums
from training.fused.gpu_products import ConvProduct, DenseProduct, full_precision
from training.fused.neurons import exact_feedback
from training.slayer import slayer

