"""A network as integers: the contract between training, files and simulators."""

from collections.abc import Mapping, Sequence
from typing import Any

from netx_exports.errors import FormatError, LapilliError, NetworkError, UnsupportedError
from netx_exports.inspection import inspect
from netx_exports.network import Layer, Network
from netx_exports.neurons import (
    AdaptiveLif,
    CubaLif,
    Delta,
    IzhikevichResonateAndFire,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
)
from netx_exports.nir_reader import from_nir, load_nir
from netx_exports.nir_writer import save_nir, to_nir
from netx_exports.reader import load
from netx_exports.synapses import INPUT, ConvSynapse, DenseSynapse, DirectSynapse, IdentitySynapse
from netx_exports.writer import save

__all__ = [
    "INPUT",
    "AdaptiveLif",
    "ConvSynapse",
    "CubaLif",
    "Delta",
    "DenseSynapse",
    "DirectSynapse",
    "FormatError",
    "IdentitySynapse",
    "IzhikevichResonateAndFire",
    "LapilliError",
    "Layer",
    "Network",
    "NetworkError",
    "ResonateAndFire",
    "Sigma",
    "SigmaDelta",
    "UnsupportedError",
    "from_nir",
    "from_slayer",
    "inspect",
    "load",
    "load_nir",
    "save",
    "save_nir",
    "to_nir",
]


def from_slayer(
    module: Any,
    input_shape: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Network:
    """The network that a SLAYER module computes, as `netx_exports.slayer.from_slayer` (needs torch and lava-dl)."""
    from netx_exports import slayer

    return slayer.from_slayer(module, input_shape, names, metadata)
