"""Fields of the group `neuron` of the plain layout that several neuron kinds share, with lava-dl's meaning of each."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.arrays import IntArray

if TYPE_CHECKING:
    # Reading files needs h5py; running a network does not.
    from lapilli.netx_exports.hdf5.fields import Fields

# Hints for the training that older versions of SLAYER left in the file; nothing reads them.
_HINTS = {"scaleRho", "tauRho", "theta"}
_DROPPED = {"refDelay", "gradedSpike", "wgtExp", "weight_exp"}


def check_fields(neuron: "Fields", *known: str) -> None:
    """Report fields beside `known`, and what lava-dl reads over although it changes what SLAYER computes."""
    neuron.refuse_unknown({"type", *known, *_DROPPED, *_HINTS})
    if neuron.has("gradedSpike") and neuron.integer("gradedSpike"):
        neuron.unsupported("gradedSpike", "graded spikes of these neurons are not run by this release (nor by lava-dl)")
    if neuron.has("weight_exp"):
        neuron.unsupported("weight_exp", "the weight exponent of WgtScaleBatchNorm is not run (lava-dl drops it)")
    if neuron.has("wgtExp") and neuron.integer("wgtExp"):
        neuron.unsupported("wgtExp", "a weight exponent other than 0 is not run (lava-dl drops it)")
    if neuron.has("refDelay") and neuron.integer("refDelay") not in (None, 0, 1):
        # 0 is no refractory time, and so is 1: the step of the spike itself.
        neuron.unsupported("refDelay", "a refractory delay other than 0 and 1 is not run (lava-dl drops it)")


def read_parameter(neuron: "Fields", name: str, high: int, shape: tuple[int, ...] | None) -> IntArray | None:
    """One number of 0…`high`, or one for each channel."""
    values = neuron.integers(name, low=0, high=high, dtype=np.int32, ndim=(0, 1))
    if values is not None and shape is not None and values.size not in (1, shape[0]):
        neuron.wrong(name, f"must be one number, or one for each of {shape[0]} channels, got shape {values.shape}")
        return None
    return values


def bias_obstacles(bias_mant: npt.ArrayLike, shape: tuple[int, ...]) -> list[str]:
    """Why a plain file cannot hold this bias."""
    if np.shape(bias_mant) in {(), (1,), shape[:1]}:
        return []
    return ["has a bias_mant for each neuron where NetX holds one for each channel"]
