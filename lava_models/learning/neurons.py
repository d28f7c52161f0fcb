"""Learning neurons of S-TLLR: leaky integrate-and-fire neurons that send what the synapses' learning rule multiplies.

    y1 = Ψ(v)                 secondary activation of the voltage after integration, before the reset
    y2 = Σ l_post^… Ψ         trace of Ψ, read before the current Ψ is added
    y3 = d                    learning signal that arrives on the third-factor port in the same step

(arXiv 2306.15220; `docs/how-to/learning.md`.) In fixed point y3 is 64 + d, because Lava clips negative values where a
neuron spikes, and a neuron whose d is 0 sends y1 = y2 = 0: the synapses' traces of y decay at random, so 64 alone would
not mean "nothing to learn".
"""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.neuron import LearningNeuronModelFixed, LearningNeuronModelFloat
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.neuron import LearningNeuronProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.lif.models import AbstractPyLifModelFixed, AbstractPyLifModelFloat
from lava.proc.lif.process import AbstractLIF

from lapilli.lava_models.rows import RowWriter
from lapilli.lava_models.sample_clock import starts_sample

SIGNAL_ZERO = 64
"""What y3 is where the learning signal is 0; the learning rule subtracts it."""

SIGNAL_RANGE = (-64, 63)
Y_MAX = 127
"""Traces have 7 bits."""

TRACE_FRACTION_BITS = 6
_TRACE_LIMIT = (1 << 23) - 1

Activation = Literal["a", "b", "c", "d"]

RECORDED = ("voltage", "spikes", "y1", "y2", "y3")
"""What a neuron writes of each step where a writer is given; the voltage before the reset."""


class LearningLif(LearningNeuronProcess, AbstractLIF):  # type: ignore[misc]
    """Leaky integrate-and-fire neurons, reset to 0, with a port for the learning signal and three for y1, y2, y3.

    Arguments:
        shape: (neurons,).
        vth, du, dv, bias_mant, bias_exp: as of `lava.proc.lif.LIF`.
        post_decay: factor of the trace of Ψ in a step; in fixed point in units of 1/4096.
        psi: floating point: which Ψ of the paper, "a" to "d", of v - vth.
        psi_peak, psi_shift: fixed point: Ψ = max(psi_peak - (|v - vth| >> psi_shift), 0).
        post_shift: fixed point: y2 is the trace divided by 2^post_shift, at most 127.
        period: steps of a sample; in the first of each, current, voltage and trace start from 0, and a learning signal
            of the sample before is dropped. None: never.
        writers: of `RECORDED`, rows of each step, in fixed point.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        vth: npt.ArrayLike,
        du: npt.ArrayLike,
        dv: npt.ArrayLike,
        bias_mant: npt.ArrayLike = 0,
        bias_exp: int = 0,
        post_decay: float = 0,
        psi: Activation = "b",
        psi_peak: int = Y_MAX,
        psi_shift: int = 5,
        post_shift: int = 0,
        period: int | None = None,
        writers: Mapping[str, RowWriter] | None = None,
    ) -> None:
        super().__init__(
            shape=shape,
            learning_rule=None,
            u=0,
            v=0,
            du=du,
            dv=dv,
            bias_mant=bias_mant,
            bias_exp=bias_exp,
            name="",
            log_config=None,
            post_decay=post_decay,
            psi=psi,
            psi_peak=psi_peak,
            psi_shift=psi_shift,
            post_shift=post_shift,
            period=period,
            writers=dict(writers or {}),
        )
        self.vth = Var(shape=(1,), init=vth)
        self.trace = Var(shape=shape, init=0)


@implements(proc=LearningLif, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyLearningLifFixed(LearningNeuronModelFixed, AbstractPyLifModelFixed):  # type: ignore[misc]
    """In integers, current and voltage exactly as of `lava.proc.lif.LIF`."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32, precision=24)
    vth: int = LavaPyType(int, np.int32, precision=17)
    trace: Any = LavaPyType(np.ndarray, np.int32, precision=24)

    def run_spk(self) -> None:
        """One step."""
        starts = starts_sample(self.time_step, self.proc_params["period"])
        if starts:
            self.u[:] = self.v[:] = self.trace[:] = 0
        self.scale_bias()
        self.subthr_dynamics(activation_in=self.a_in.recv())
        # The feedback synapse still holds the error of the last step of the sample before.
        signal = self.a_third_factor_in.recv() * (not starts)
        threshold = np.left_shift(self.vth, self.vth_shift)
        self._factors(np.abs(self.v - threshold), np.clip(signal, *SIGNAL_RANGE))
        spikes = self.v > threshold
        self._write(spikes)
        self.reset_voltage(spike_vector=spikes)
        self.s_out.send(spikes)
        self.s_out_bap.send(spikes)
        self.s_out_y1.send(self.y1)
        self.s_out_y2.send(self.y2)
        self.s_out_y3.send(self.y3)

    def _factors(self, distance: npt.NDArray[np.int32], signal: npt.NDArray[np.int32]) -> None:
        parameters = self.proc_params
        psi = np.maximum(parameters["psi_peak"] - (distance >> parameters["psi_shift"]), 0).astype(np.int32)
        learns = signal != 0
        read = np.minimum(self.trace >> (TRACE_FRACTION_BITS + parameters["post_shift"]), Y_MAX)
        self.y1, self.y2, self.y3 = psi * learns, read * learns, (SIGNAL_ZERO + signal).astype(np.int32)
        kept = (self.trace.astype(np.int64) * int(parameters["post_decay"])) >> self.decay_shift
        self.trace[:] = np.minimum(kept + (psi << TRACE_FRACTION_BITS), _TRACE_LIMIT)

    def _write(self, spikes: npt.NDArray[np.bool_]) -> None:
        values = (self.v, spikes, self.y1, self.y2, self.y3)
        for name, value in zip(RECORDED, values):
            if writer := self.proc_params["writers"].get(name):
                writer.write(self.time_step - 1, value)


@implements(proc=LearningLif, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyLearningLifFloat(LearningNeuronModelFloat, AbstractPyLifModelFloat):  # type: ignore[misc]
    """In floating point, with any of the paper's secondary activations."""

    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, float)
    vth: float = LavaPyType(float, float)
    trace: Any = LavaPyType(np.ndarray, float)

    def run_spk(self) -> None:
        """One step."""
        starts = starts_sample(self.time_step, self.proc_params["period"])
        if starts:
            self.u[:] = self.v[:] = self.trace[:] = 0
        self.subthr_dynamics(activation_in=self.a_in.recv())
        signal = self.a_third_factor_in.recv()
        if not np.isfinite(signal).all():
            raise ValueError(f"learning signal: must be finite, got {signal} in step {self.time_step}")
        psi = secondary_activation(self.proc_params["psi"], self.v - self.vth)
        self.y1, self.y2, self.y3 = psi, self.trace.copy(), signal * (not starts)
        self.trace[:] = self.proc_params["post_decay"] * self.trace + psi
        spikes = self.v > self.vth
        self.reset_voltage(spike_vector=spikes)
        self.s_out.send(spikes)
        self.s_out_bap.send(spikes)
        self.s_out_y1.send(self.y1)
        self.s_out_y2.send(self.y2)
        self.s_out_y3.send(self.y3)


def secondary_activation(form: Activation, excess: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ψ of `excess` = v - vth (section 1.3 of the paper's digest; (c) as the authors' code has it)."""
    if form == "a":
        return 1 / (100 * np.abs(excess) + 1) ** 2
    if form == "b":
        return 0.3 * np.maximum(1 - np.abs(excess), 0)
    if form == "c":
        share = 1 / (1 + np.exp(-4 * excess))
        return 4 * share * (1 - share)
    return 1 / (1 + (10 * excess) ** 2)
