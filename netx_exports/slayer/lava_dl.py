"""SLAYER, imported without the notices that it prints."""

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from lava.lib.dl import slayer

cuba = slayer.block.cuba
"""SLAYER's blocks of CUBA neurons."""

CubaNeuron = slayer.neuron.cuba.Neuron
MeanOnlyBatchNorm = slayer.neuron.norm.MeanOnlyBatchNorm

__all__ = ["CubaNeuron", "MeanOnlyBatchNorm", "cuba", "slayer"]
