"""The rule in the numbers of Lava's learning engine, as near as these come.

    dw = m 2^e x1 y1 d + m' 2^e' x0 y2 d          7-bit factors, `simulators/learning/config.py`

A weight of 64 is 1, an error of 1 is 64, Ψ at the threshold is 127, and the engine divides a product of three factors
by 2^17, one of two by 2^10. So with e = -7 and an impulse of i the learning rate of causal products is
m i 127 / (Ψ(0) 2^17), that of non-causal ones m' 127 / (Ψ(0) 2^10), and that of the readout, whose y1 is 127,
m i 127 / 2^17.
"""

from collections.abc import Iterator
from math import ceil, log, log2, sqrt

from lapilli.netx_exports.errors import LapilliError
from lapilli.simulators.learning import HiddenRule, LearningConfig, ReadoutRule, Term
from lapilli.simulators.learning.config import EXPONENT_RANGE, MANTISSA_RANGE, TRACE_MAX
from lapilli.training.stllr.activations import TRIANGLE_PEAK
from lapilli.training.stllr.config import OnlineNetworkConfig, RuleConfig
from lapilli.training.stllr.errors import UnusableRateError
from lapilli.training.stllr.exported import not_exportable

_LEAST = EXPONENT_RANGE[0]
_ENDLESS = 1e6
"""Time constant of a trace that keeps all, in steps."""

_PSI_SHIFT = 5
"""Ψ falls by 1 where the voltage is 32/4096 farther from the threshold: from 127 to 0 within 1, as the triangle."""

_FEEDBACK_MAX, _FULL_SIGNAL_SHIFT = 126, 7

_UNIT_EXP, _VOLTAGE_EXP_MAX = 12, 23
"""A voltage of 1 is 2^12."""


def engine_rule(rule: RuleConfig, network: OnlineNetworkConfig, rate: float, n_steps: int, seed: int) -> LearningConfig:
    """The engine's numbers for a rule and a learning rate.

    Not as the rule has it: weights change in every step; the error comes a step late, and one more for every layer
    above; learning rates and the trace of Ψ are as coarse as the engine's numbers.

    Arguments:
        rule: with direct feedback and a triangle as Ψ.
        network: what it trains; of integers.
        rate: learning rate of gradient descent.
        n_steps: of a sample.
        seed: of random feedback and random rounding.

    Raises:
        LapilliError: listing all that the engine has not.
        UnusableRateError: for a learning rate below its smallest.
    """
    if problems := list(engine_problems(rule, network)):
        raise LapilliError("; ".join(problems))
    pre = network.leak if rule.l_pre is None else rule.l_pre
    readout = network.readout_keeps if rule.l_readout is None else rule.l_readout
    peak = 127 / TRIANGLE_PEAK
    # The error of a step is that of the logits; the gradient at the voltages is `gain` times that.
    rate *= network.gain
    shift, magnified = _feedback(rate, peak / 2**17, max(network.hidden, default=1))
    causal, impulse = _causal(rate * rule.a_pre, magnified * peak / 2**17, pre, n_steps)
    non_causal, post_shift = _non_causal(rate * rule.a_post, magnified * peak / 2**10)
    readout_causal, readout_impulse = _causal(rate, 127 / 2**17, readout, n_steps)
    return LearningConfig(
        HiddenRule(causal, non_causal, _tau(pre), impulse, round(rule.l_post * 4096), post_shift, psi_shift=_PSI_SHIFT),
        ReadoutRule(readout_causal, _tau(readout), readout_impulse),
        rule.window,
        voltage_exp=_UNIT_EXP - round(log2(network.gain)),
        feedback_shift=shift,
        feedback_seed=seed,
        seed=seed,
    )


def engine_problems(rule: RuleConfig, network: OnlineNetworkConfig) -> Iterator[str]:
    """What of a rule or network the engine has not."""
    if rule.signal != "dfa":
        yield f'method.signal: must be "dfa" in the engine, got {rule.signal!r}'
    if rule.psi != "triangle":
        yield f'method.psi: must be "triangle" in the engine, got {rule.psi!r}'
    if network.conv:
        yield "network.conv: must be empty, only dense synapses learn in the engine"
    if not 0 <= -log2(network.gain) <= _VOLTAGE_EXP_MAX - _UNIT_EXP or log2(network.gain) % 1:
        least = 2 ** (_VOLTAGE_EXP_MAX - _UNIT_EXP)
        yield f"network.gain: must be a power of 2, 1/{least}…1, in the engine, got {network.gain}"
    if network.weight_standardisation:
        yield "network.weight_standardisation: must be false in the engine"
    yield from (f"network.{reason}" for reason in not_exportable(network))


def _feedback(rate: float, unit: float, size: int) -> tuple[int, float]:
    """`feedback_shift`, and how much larger than the rule's the learning signals are with it.

    Signals are rounded down, so they should be large, and learning rates small in turn; 63 is one that a whole error
    meets with the largest weight.
    """
    bound = sqrt(6 / size)
    usual = max(_FULL_SIGNAL_SHIFT, round(log2(_FEEDBACK_MAX / bound)))
    fewer = min(usual - _FULL_SIGNAL_SHIFT, max(0, int(log2(max(1.0, rate / unit)))))
    return usual - fewer, _FEEDBACK_MAX / bound / 2 ** (usual - fewer)


def _causal(rate: float, unit: float, kept: float, n_steps: int) -> tuple[Term, float]:
    """Factor and impulse: the largest impulse with which neither trace nor rate is too large."""
    if not rate:
        return Term(0), 1.0
    wanted = abs(rate) / unit
    if wanted < sqrt(0.5):
        raise UnusableRateError(f"optimizer.lr: {wanted:.2g} of the smallest learning rate that the engine has")
    highest = TRACE_MAX / (n_steps if kept == 1 else min(n_steps, 1 / (1 - kept)))
    impulse = 2 ** max(0, int(log2(max(1.0, min(highest, wanted)))))
    return _nearest(-rate, wanted / impulse), float(impulse)


def _non_causal(rate: float, unit: float) -> tuple[Term, int]:
    """Factor and `post_shift`: no shift but for rates that are too small without."""
    if not rate:
        return Term(0), 0
    wanted = abs(rate) / unit
    shift = min(16, max(0, ceil(-log2(wanted))))
    return _nearest(-rate, wanted * 2**shift), shift


def _nearest(signed: float, size: float) -> Term:
    """The factor nearest to `size` in units of 2^-7, by its ratio; of equal ones that with the finest step."""
    _, exponent, mantissa = min(
        (round(abs(log(m * 2.0 ** (e - _LEAST) / size)), 9), e, m)
        for e in range(_LEAST, EXPONENT_RANGE[1] + 1)
        for m in range(1, MANTISSA_RANGE[1] + 1)
    )
    return Term(mantissa if signed > 0 else -mantissa, exponent)


def _tau(kept: float) -> float:
    """Time constant of what keeps such a share in a step."""
    if kept == 0:
        return 0.0
    return _ENDLESS if kept == 1 else min(_ENDLESS, -1 / log(kept))
