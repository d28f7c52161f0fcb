"""Integer arithmetic that several neuron kinds share: int32 that wraps where Lava's does."""

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.neurons.neuron import DECAY_UNITY, STATE_LIMIT

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


def integrate(
    states: dict[str, Int32], arriving: Int32, current_decay: Int32, voltage_decay: Int32, bias: Int32
) -> None:
    """Current wraps, voltage saturates; one step of both."""
    total = decayed(states["current"], current_decay) + (arriving << 6)
    # One wrap only: a current beyond three times the limit stays outside of 24 bits.
    too_high, too_low = total > STATE_LIMIT, total <= -STATE_LIMIT
    states["current"] = np.where(too_high, total - 2 * STATE_LIMIT, np.where(too_low, total + 2 * STATE_LIMIT, total))
    total = decayed(states["voltage"], voltage_decay) + states["current"] + bias
    states["voltage"] = np.clip(total, -STATE_LIMIT + 1, STATE_LIMIT - 1)


def decayed(state: Int32, decay: Int32) -> Int32:
    """`state * (4096 - decay) / 4096`, rounded towards zero."""
    return scaled(state.astype(np.int64) * (DECAY_UNITY - decay.astype(np.int64))).astype(np.int32)


def scaled(product: Int64) -> Int64:
    """`product / 4096`, rounded towards zero."""
    return np.sign(product) * (np.abs(product) >> 12)


def saturated(total: Int64) -> Int32:
    """What a 24-bit state holds of a total."""
    return np.clip(total, -STATE_LIMIT + 1, STATE_LIMIT - 1).astype(np.int32)
