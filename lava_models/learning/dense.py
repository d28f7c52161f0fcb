"""A learning Dense whose traces see the spikes that the neurons' factors answer: pre and post aligned.

In stock LearningDense the trace x1 of step t contains the spikes of step t, but the neuron's y1…y3 of step t reflect
those of step t - 1, because a synapse takes a step. Here the spikes of the previous step enter the trace, and the stock
sum-of-products engine then computes S-TLLR as it is written down:

    dw = causal * u0 * x1 * y1 * (y3 - 64) + non_causal * x0 * y2 * (y3 - 64)

(in floating point: y3 in place of y3 - 64).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.model.py.connection import LearningConnectionModelBitApproximate, LearningConnectionModelFloat
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.models import AbstractPyDenseModelBitAcc, AbstractPyDenseModelFloat
from lava.proc.dense.process import LearningDense
from lava.utils.weightutils import SignMode

from lapilli.lava_models.learning.neurons import SIGNAL_ZERO
from lapilli.lava_models.rows import RowWriter
from lapilli.lava_models.sample_clock import ended_sample, starts_sample

SIGN_MODES = {"mixed": SignMode.MIXED, "excitatory": SignMode.EXCITATORY, "inhibitory": SignMode.INHIBITORY}

Coefficient = tuple[int, int]
"""Mantissa m and exponent e of m * 2^e."""


def stllr_rule(
    causal: Coefficient, non_causal: Coefficient, tau: float, impulse: float, seed: int, fixed_point: bool
) -> Loihi3FLearningRule:
    """The rule of a connection for Lava's engine.

    Arguments:
        causal, non_causal: factors of the two products; one of 0 is left out, both of 0 learn nothing.
        tau: of the trace of incoming spikes, exp(-1 / tau) in a step; 0: no memory (fixed point only).
        impulse: what a spike adds to the trace.
        seed: of the traces' stochastic rounding: seed … seed + 3.
        fixed_point: whether y3 carries the offset.
    """
    signal = f"(y3-{SIGNAL_ZERO})" if fixed_point else "y3"
    products = [
        f"({mantissa})*2^{exponent}*{factors}*{signal}"
        for (mantissa, exponent), factors in ((causal, "u0*x1*y1"), (non_causal, "x0*y2"))
        if mantissa or (causal[0] == non_causal[0] == 0 and factors.startswith("u0"))
    ]
    # A tau of 0 makes the unused second trace NaN in floating point.
    return Loihi3FLearningRule(
        dw=" + ".join(products), x1_tau=tau, x1_impulse=impulse, x2_tau=1, t_epoch=1, rng_seed=seed
    )


class AlignedLearningDense(LearningDense):  # type: ignore[misc]
    """Stock LearningDense, of binary spikes, that learns from pairs that belong together.

    Arguments:
        weights: (neurons, source neurons), integers in fixed point.
        learning_rule: as of `stllr_rule`.
        weight_exp: fixed point: the sum of weights is multiplied by 2^weight_exp, rounded down.
        sign_mode: "mixed", "excitatory" or "inhibitory".
        period: steps of a sample; in the first of each, traces and what is on its way start from 0. None: never.
        first_step: steps that were learnt before this run: the random numbers go on where those of one long run would.
        weight_writer: of rows (neurons, source neurons): the weights after each sample.
        trace_writer: of rows (source neurons,): the trace x1 after each step.
    """

    def __init__(
        self,
        *,
        weights: npt.NDArray[Any],
        learning_rule: Loihi3FLearningRule,
        weight_exp: int = 0,
        sign_mode: str = "mixed",
        period: int | None = None,
        first_step: int = 0,
        weight_writer: RowWriter | None = None,
        trace_writer: RowWriter | None = None,
    ) -> None:
        super().__init__(
            weights=weights,
            learning_rule=learning_rule,
            weight_exp=weight_exp,
            sign_mode=SIGN_MODES[sign_mode],
            period=period,
            first_step=first_step,
            weight_writer=weight_writer,
            trace_writer=trace_writer,
        )


class _Aligned:
    """What both models do: the previous step's spikes go into the trace, samples start afresh, rows are written."""

    def _start(self: Any) -> None:
        if starts_sample(self.time_step, self.proc_params["period"]):
            self.a_buff = np.zeros_like(self.a_buff)
            self.x1 = np.zeros_like(self.x1)
            self._previous = None

    def recv_traces(self: Any, s_in: npt.NDArray[Any]) -> None:
        """Take the post-synaptic factors; remember the spikes for the next step."""
        previous = getattr(self, "_previous", None)
        super().recv_traces(np.zeros_like(s_in) if previous is None else previous)  # type: ignore[misc]
        self._previous = s_in.copy()

    def run_lrn(self: Any) -> None:
        """Learn, then write."""
        super().run_lrn()  # type: ignore[misc]
        number = ended_sample(self.time_step, self.proc_params["period"])
        if (writer := self.proc_params["weight_writer"]) and number is not None:
            writer.write(number, self.weights)
        if writer := self.proc_params["trace_writer"]:
            writer.write(self.time_step - 1, self.x1)


@implements(proc=AlignedLearningDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_approximate_loihi")
class PyAlignedLearningDenseFixed(_Aligned, LearningConnectionModelBitApproximate, AbstractPyDenseModelBitAcc):  # type: ignore[misc]
    """Integers, bit for bit what the stock model makes of the same spikes and factors. No weight bits are dropped."""

    def _init_randoms(self) -> None:
        super()._init_randoms()
        first = self.proc_params["first_step"]
        # The traces' generators advance twice in a step, that of the weights once.
        for generators, numbers in ((self._x_random, 2 * first), (self._y_random, 2 * first)):
            if numbers:
                generators._rng_trace_decay.random(numbers - 1)
                generators._rng_impulse_addition.integers(0, 128, size=numbers - 1, dtype=int)
                generators.advance()
        if first:
            self._conn_var_random._rng.random(first - 1)
            self._conn_var_random.advance()

    def run_spk(self) -> None:
        """One step."""
        self._start()
        # What left the sources a step ago; sent before anything is received, or recurrent graphs would wait for ever.
        self.a_out.send(self.a_buff)
        spikes = self.s_in.recv().astype(bool)
        total = self.weights[:, spikes].sum(axis=1)
        exponent = self.proc_params["weight_exp"]
        self.a_buff = np.left_shift(total, exponent) if exponent > 0 else np.right_shift(total, -exponent)
        self.recv_traces(spikes)


@implements(proc=AlignedLearningDense, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyAlignedLearningDenseFloat(_Aligned, LearningConnectionModelFloat, AbstractPyDenseModelFloat):  # type: ignore[misc]
    """Floating point."""

    def run_spk(self) -> None:
        """One step."""
        self._start()
        self.a_out.send(self.a_buff)
        spikes = self.s_in.recv().astype(bool)
        self.a_buff = self.weights[:, spikes].sum(axis=1)
        self.recv_traces(spikes)
