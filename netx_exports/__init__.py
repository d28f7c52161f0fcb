"""A network as integers: the contract between training, files and simulators.

What reads and writes files is loaded when it is first used: running a network needs no h5py.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.errors import FormatError, LapilliError, NetworkError, UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import (
    AdaptiveLif,
    CubaLif,
    Delta,
    GatedLif,
    IzhikevichResonateAndFire,
    Requantiser,
    ResonateAndFire,
    Sigma,
    SigmaDelta,
    SpikeAttention,
    SpikingLstm,
    Sum,
    WindowLif,
)
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.kinds import (
    INPUT,
    ConvSynapse,
    DenseSynapse,
    DirectSynapse,
    HandOverSynapse,
    IdentitySynapse,
    JoinSynapse,
    RotarySynapse,
    TapsSynapse,
    WindowConvSynapse,
)
from lapilli.netx_exports.windows import Windows

if TYPE_CHECKING:
    from lapilli.netx_exports.inspection import inspect
    from lapilli.netx_exports.netx.reader import load
    from lapilli.netx_exports.netx.writer import save
    from lapilli.netx_exports.nir.reader import from_nir, load_nir
    from lapilli.netx_exports.nir.writer import save_nir, to_nir

__all__ = [
    "INPUT",
    "AdaptiveLif",
    "Clock",
    "ConvSynapse",
    "CubaLif",
    "Delta",
    "DenseSynapse",
    "DirectSynapse",
    "FormatError",
    "GatedLif",
    "HandOverSynapse",
    "IdentitySynapse",
    "IzhikevichResonateAndFire",
    "JoinSynapse",
    "LapilliError",
    "Layer",
    "Network",
    "NetworkError",
    "Readout",
    "Requantiser",
    "ResonateAndFire",
    "RotarySynapse",
    "Sigma",
    "SigmaDelta",
    "SpikeAttention",
    "SpikingLstm",
    "Sum",
    "TapsSynapse",
    "UnsupportedError",
    "WindowConvSynapse",
    "WindowLif",
    "Windows",
    "from_nir",
    "from_slayer",
    "inspect",
    "load",
    "load_nir",
    "save",
    "save_nir",
    "to_nir",
]

_HOMES = {
    "from_nir": "nir.reader",
    "inspect": "inspection",
    "load": "netx.reader",
    "load_nir": "nir.reader",
    "save": "netx.writer",
    "save_nir": "nir.writer",
    "to_nir": "nir.writer",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def from_slayer(
    module: Any,
    input_shape: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    readout: Readout | None = None,
) -> Network:
    """The network that a SLAYER module computes, as `slayer.blocks.from_slayer` (needs torch and lava-dl)."""
    from lapilli.netx_exports.slayer import blocks as slayer

    return slayer.from_slayer(module, input_shape, names, metadata, readout)
