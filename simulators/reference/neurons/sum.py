"""Neurons that send what they receive."""

import numpy as np

from lapilli.simulators.reference.neurons.arithmetic import saturated
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class Sums(Population):
    """Nothing is kept from step to step."""

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives; the values that are sent."""
        self.states["total"] = saturated(arriving[0].astype(np.int64))
        return self.states["total"]
