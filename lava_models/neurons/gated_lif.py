"""Leaky integrate-and-fire neurons behind a gate: stock `LIF`'s arithmetic, and a second port."""

from typing import cast

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import AbstractLIF

from lapilli.lava_models.neurons.lava_neuron import LavaNeuron, LayerReset
from lapilli.netx_exports.network import Layer
from lapilli.netx_exports.neurons.gated_lif import GatedLif


class GatedLifProcess(AbstractLIF):  # type: ignore[misc]
    """LIF neurons whose input `a_in` counts in the steps in which more than 0 comes at `gate_in`.

    Arguments:
        vth, du, dv: for each neuron, as of `lava.proc.lif.LIF`.
    """

    def __init__(self, *, vth: npt.NDArray[np.int32], du: npt.NDArray[np.int32], dv: npt.NDArray[np.int32]) -> None:
        shape = vth.shape
        super().__init__(shape=shape, u=0, v=0, du=du, dv=dv, bias_mant=0, bias_exp=0, name="", log_config=None)
        self.gate_in = InPort(shape=shape)
        self.vth = Var(shape=shape, init=vth)


@implements(proc=GatedLifProcess, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyGatedLif(AbstractPyLifModelFixed):  # type: ignore[misc]
    """Current and voltage are Lava's own: what `CubaLif` means is what they do."""

    gate_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: npt.NDArray[np.int32] = LavaPyType(np.ndarray, np.int32)

    def run_spk(self) -> None:
        """One step."""
        drive, gate = self.a_in.recv(), self.gate_in.recv()
        self.scale_bias()
        self.subthr_dynamics(activation_in=drive * (gate > 0))
        spikes = self.v > np.left_shift(self.vth, self.vth_shift)
        self.reset_voltage(spike_vector=spikes)
        self.s_out.send(spikes)


def _build(layer: Layer, reset: LayerReset | None) -> GatedLifProcess:
    neuron, shape = cast(GatedLif, layer.neuron), layer.shape
    return GatedLifProcess(
        vth=neuron.per_neuron("vth_mant", shape),
        # Lava's model adds 1 to `du`.
        du=neuron.per_neuron("current_decay", shape) - 1,
        dv=neuron.per_neuron("voltage_decay", shape),
    )


GATED_LIF = LavaNeuron(GatedLifProcess, _build, {"current": "u", "voltage": "v"}, {"drive": "a_in", "gate": "gate_in"})
