"""What a user or a calibration chooses of a quantisation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lapilli.netx_exports.nir.quantising.scales import Reach

Reset = Literal["zero", "subtract", "approximate"]
"""Of the float network and of the integers: both reset to zero; both lose the threshold; the first loses the threshold,
the second resets to zero."""


@dataclass(frozen=True)
class Choices:
    """Arguments of a quantisation.

    Arguments:
        reset: of spikes.
        reach: of the states of each layer on the calibration events.
        factors: by which a layer's threshold is multiplied; 1 for layers that are not in it.
    """

    reset: Reset
    reach: Mapping[str, Reach]
    factors: Mapping[str, float] = field(default_factory=dict)
