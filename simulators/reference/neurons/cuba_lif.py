"""Current-based leaky integrate-and-fire neurons. Source: `lava.proc.lif` of lava-nc 0.10.0, tag `fixed_pt`."""

from lapilli.netx_exports.neurons.cuba_lif import CubaLif
from lapilli.simulators.reference.neurons.arithmetic import integrate
from lapilli.simulators.reference.neurons.population import Int32, Population, Sent


class CubaLifs(Population):
    """A spike sets the voltage to 0."""

    def __init__(self, neuron: CubaLif, shape: tuple[int, ...], n_samples: int) -> None:
        super().__init__(neuron, shape, n_samples)
        self.current_decay = neuron.per_neuron("current_decay", shape)
        self.voltage_decay = neuron.per_neuron("voltage_decay", shape)
        self.threshold = neuron.per_neuron("vth_mant", shape) << 6
        self.bias = neuron.bias(shape)

    def step(self, *arriving: Int32) -> Sent:
        """Take what arrives at each port; which neurons spike, or the values that they send."""
        integrate(self.states, arriving[0], self.current_decay, self.voltage_decay, self.bias)
        spiking = self.states["voltage"] > self.threshold
        self.states["voltage"][spiking] = 0
        return spiking
