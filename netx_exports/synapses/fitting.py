"""The sign mode and weight bits in which integer weights are kept without loss."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.synapses.kinds import DenseSynapse, SignMode


def lossless_dense(source: str, weights: npt.ArrayLike, delays: npt.ArrayLike | None = None) -> DenseSynapse:
    """Dense synapse whose `effective_weights` are exactly `weights`, in the usual form where that is possible.

    Arguments:
        source: "input", an earlier layer, or the layer itself.
        weights: whole numbers in -256…255, (neurons, source neurons).
        delays: as in `DenseSynapse`.
    """
    sign_mode, weight_bits = _storage(np.asarray(weights))
    return DenseSynapse(source, weights, delays=delays, sign_mode=sign_mode, weight_bits=weight_bits)


def _storage(weights: npt.NDArray[np.generic]) -> tuple[SignMode, int]:
    # SLAYER's weights are even, and then mixed signs in 8 bits hold every one of them.
    if not np.any(np.mod(weights, 2)):
        return "mixed", 8
    if weights.min() >= 0:
        return "excitatory", 8
    if weights.max() <= 0 and weights.min() >= -255:
        return "inhibitory", 8
    # The ninth bit is what Lava's NetX reader asks for as well.
    return "mixed", 9
