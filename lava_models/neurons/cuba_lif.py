"""Current-based leaky integrate-and-fire neurons: stock `LIF`, and `LIFReset` where they start afresh periodically.

Stock neurons act in every step; those of a layer with a clock are stock ones that sleep in between.
"""

from typing import Any, cast

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LIF, LIFReset

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.clock import EVERY_STEP
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.cuba_lif import CubaLif


class ClockedLif(LIF):  # type: ignore[misc]
    """`LIF` that acts in some steps only. Arguments: those of `LIF`, and `period` and `phase` of its clock."""


@implements(proc=ClockedLif, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyClockedLif(AbstractPyLifModelFixed):  # type: ignore[misc]
    """Elsewhere what comes is dropped and silence is sent. Lava's own model of `LIF` cannot be a base."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)

    def run_spk(self) -> None:
        """One step."""
        arriving = self.a_in.recv()
        late = self.time_step - 1 - self.proc_params["phase"]
        if late < 0 or late % self.proc_params["period"]:
            self.s_out.send(np.zeros(self.v.shape, np.int32))
            return
        self.scale_bias()
        self.subthr_dynamics(activation_in=arriving)
        spikes = self.v > np.left_shift(self.vth, self.vth_shift)
        self.reset_voltage(spike_vector=spikes)
        self.s_out.send(spikes)


def _build(layer: Layer, reset: LayerReset | None) -> AbstractProcess:
    if layer.clock != EVERY_STEP:
        return ClockedLif(**_lif_parameters(layer), period=layer.clock.period, phase=layer.clock.phase)
    if reset is None:
        return LIF(**_lif_parameters(layer))
    return LIFReset(**_lif_parameters(layer), reset_interval=reset.interval, reset_offset=reset.offset)


def _lif_parameters(layer: Layer) -> dict[str, Any]:
    neuron, shape = cast(CubaLif, layer.neuron), layer.shape
    return {
        "shape": (layer.size,),
        "vth": neuron.per_neuron("vth_mant", shape),
        # Lava's model adds 1 to `du`.
        "du": neuron.per_neuron("current_decay", shape) - 1,
        "dv": neuron.per_neuron("voltage_decay", shape),
        "bias_mant": neuron.per_neuron("bias_mant", shape),
        "bias_exp": neuron.bias_exp,
    }


CUBA_LIF = LavaNeuron(LIF, _build, {"current": "u", "voltage": "v"}, {"input": "a_in"})
