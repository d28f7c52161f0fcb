"""Published figures of Loihi 2, and what of single parts of a network goes beyond them.

Sources, by the letters used below and in docs/how-to/loihi2.md:

* [brief] Intel Labs, "Taking Neuromorphic Computing to the Next Level with Loihi 2", technology brief, 2021.
* [lava] lava-nc 0.10.0: the widths that its fixed-point models declare "bit-accurate with Loihi's hardware"
  (`lava/proc/lif/models.py`, `lava/proc/dense/models.py`), and `lava/magma/compiler/subcompilers/constants.py`.
* [fugu] sandialabs/Fugu, `fugu/backends/lava_interfaces.py`, written by people who run on the chip.
* [netx] lava-nc/lava-dl, `tutorials/lava/lib/dl/netx`: Intel's own runs of NetX files on the chip.
"""

from collections.abc import Iterator

import numpy as np

from lapilli.netx_exports.arrays import IntArray

NEURONS_OF_CORE = 8192
"""Most neurons that one core runs: 1 million on 128 cores [brief]."""

MEMORY_OF_CORE = 192 * 1024 * 8
"""Bits of memory of one core, which neurons, synapses and axons share [brief]."""

CORES_OF_CHIP = 120
"""Cores that Lava's mapper hands out on one chip [lava], of the 128 that there are [brief]."""

WEIGHT_BITS = 8
"""Bits of a stored weight [lava]; with both signs the lowest of nine bits is always 0."""

DELAY_BITS = 6
"""Bits of a stored delay [lava]."""

STATE_BITS = 24
"""Bits of a neuron's state [lava]."""

BIAS_BITS = 13 + 3
"""Bits of a neuron's bias, mantissa and exponent [lava]."""

ACCUMULATOR_BITS = 16
"""Bits of the sum of one neuron's input of one step [lava]."""

LIF_RANGES = {
    "vth_mant": (0, (1 << 17) - 1),
    # Lava keeps `du`, one less, in 12 bits without a sign.
    "current_decay": (1, 1 << 12),
    "voltage_decay": (0, (1 << 12) - 1),
    "bias_mant": (-(1 << 12), (1 << 12) - 1),
}
"""Smallest and largest value of the parameters of a LIF neuron [lava]; Fugu too keeps thresholds within 17 bits."""

LIF_OF_LAYER = ("vth_mant", "current_decay", "voltage_decay")
"""Parameters that the neurons of a layer share: "only a single one for the entire population" [lava]."""

SMALLEST_WEIGHT_EXP = -8
"""Fugu's smallest exponent of a weight."""

LARGEST_INPUT = (1 << 23) - 1
"""Largest magnitude of a graded spike into the chip: `lava.networks` sends 24 bits, one of them the sign [lava]."""


def odd_weights_problem(weights: IntArray) -> Iterator[str]:
    """Whether weights stored with a sign need the lowest bit, which the chip does not keep."""
    if np.any(weights % 2):
        yield f"weights: odd ones of both signs need 9 bits, the chip stores {WEIGHT_BITS}"


def exponent_problem(weight_exp: int) -> Iterator[str]:
    """Whether the exponent of a synapse's sum is below the chip's."""
    if weight_exp < SMALLEST_WEIGHT_EXP:
        yield f"weight_exp: the chip holds {SMALLEST_WEIGHT_EXP}…7, got {weight_exp}"
