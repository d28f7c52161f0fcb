"""A network as integers: the contract between training, files and simulators."""

from netx_exports.errors import FormatError, LapilliError, NetworkError, UnsupportedError
from netx_exports.network import Layer, Network
from netx_exports.neurons import CubaLif
from netx_exports.synapses import INPUT, ConvSynapse, DenseSynapse, DirectSynapse, IdentitySynapse

__all__ = [
    "INPUT",
    "ConvSynapse",
    "CubaLif",
    "DenseSynapse",
    "DirectSynapse",
    "FormatError",
    "IdentitySynapse",
    "LapilliError",
    "Layer",
    "Network",
    "NetworkError",
    "UnsupportedError",
]
