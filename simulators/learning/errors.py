"""The error that a readout sends: softmax of its voltages less 1 for the label, in 1/64, in integers."""

import numpy as np
import numpy.typing as npt

from lapilli.simulators.decisions.softmax import SHARE_BITS, UNIT, softmax_shares
from lapilli.simulators.learning.config import SIGNAL_RANGE

ERROR_BITS = 6
"""An error of 1 is 64."""

_UNIT_EXP = UNIT.bit_length() - 1


def softmax_error(voltage: npt.NDArray[np.int32], label: int, voltage_exp: int) -> npt.NDArray[np.int32]:
    """Error of each class, -64…63, rounded half up: 0 where it is below 1/128.

    Arguments:
        voltage: int32, (classes,).
        label: the right class.
        voltage_exp: the softmax is of `voltage / 2^voltage_exp`.
    """
    wide = voltage.astype(np.int64)
    scaled = wide << (_UNIT_EXP - voltage_exp) if voltage_exp <= _UNIT_EXP else wide >> (voltage_exp - _UNIT_EXP)
    error = softmax_shares(scaled[np.newaxis, :, np.newaxis])[0, :, 0]
    error[label] -= 1 << SHARE_BITS
    shift = SHARE_BITS - ERROR_BITS
    return np.clip((error + (1 << (shift - 1))) >> shift, *SIGNAL_RANGE).astype(np.int32)
