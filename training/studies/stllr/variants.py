"""What tables compare: the rule beside its special cases and controls, or a ladder from the algorithm to a chip."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lapilli.training.recipes.stllr import OnlineOptimizerConfig, OnlineSummary, train_stllr
from lapilli.training.stllr.config import (
    INTEGER_UNIT,
    MethodConfig,
    OnlineNetworkConfig,
    RuleConfig,
    UnrolledConfig,
    ottt,
    sltt,
)
from lapilli.training.stllr.engine import train_on_engine

CUT = 10
"""Steps of truncated back-propagation through time."""

CONTROL_CUTS = (2, 5, 20)
"""The same, of further controls."""

TRACE_BITS = 7

DELAY = 3
"""Steps that the error of the ladder takes: readout, error neuron, and the way back."""

PUBLISHED: Mapping[str, str] = {
    "s-tllr, a_post -1": "74.69 ± 0.47",
    "s-tllr, a_post 0": "77.09 ± 0.33",
    "s-tllr, a_post +1": "78.23 ± 1.84",
    "s-tllr, dfa": "74.60 ± 0.52",
    "bptt": "70.57 ± 0.96",
}
"""Percent on SHD itself, 700-450-20, best test epoch, second-hand; our data are another draw with another split."""


@dataclass(frozen=True)
class Variant:
    """One of the compared trainings.

    Arguments:
        options: of `train_stllr` in which it differs from the configuration file.
        trains: what trains it.
    """

    options: Mapping[str, Any]
    trains: Callable[..., OnlineSummary] = train_stllr


VariantsName = Literal["methods", "controls", "ladder"]


def methods_of(rule: RuleConfig) -> dict[str, MethodConfig]:
    """Rule, special cases and controls with the same Ψ and window, by name."""
    common: dict[str, Any] = {"psi": rule.psi, "window": rule.window}
    return {
        "s-tllr, a_post -1": replace(rule, a_post=-1.0),
        "s-tllr, a_post 0": replace(rule, a_post=0.0),
        "s-tllr, a_post +1": replace(rule, a_post=1.0),
        "s-tllr, dfa": replace(rule, signal="dfa"),
        "ottt": ottt(**common),
        "sltt": sltt(**common),
        f"truncated bptt, {CUT} steps": UnrolledConfig(steps=CUT, **common),
        "bptt": UnrolledConfig(**common),
    }


def controls_of(rule: RuleConfig) -> dict[str, MethodConfig]:
    """Gradients that leave out a part: the path through a layer's own synapses, or all steps but some."""
    whole = UnrolledConfig(psi=rule.psi, window=rule.window)
    cuts = {f"truncated bptt, {cut} steps": replace(whole, steps=cut) for cut in CONTROL_CUTS}
    return {"bptt, not through recurrent synapses": replace(whole, recurrent_gradient=False), **cuts}


def rungs_of(rule: RuleConfig, network: OnlineNetworkConfig, optimizer: OnlineOptimizerConfig) -> dict[str, Variant]:
    """From the publication's algorithm towards a chip: each rung is the one above and a change.

    A chip resets to zero, so the integers do too: their neurons are those that are exported. The last rung has the rule
    as the engine does it: weights change in every step, and the error takes a step for each layer on its way, not
    `DELAY`.
    """
    straight = replace(rule, signal="dfa")
    late = replace(straight, error_delay=DELAY)
    coarse = replace(late, trace_bits=TRACE_BITS)
    single = replace(optimizer, kind="sgd", batch_size=1)
    rounded = replace(single, rounding="random")
    whole = round(network.threshold * INTEGER_UNIT) / INTEGER_UNIT
    integers = replace(network, arithmetic="integer", reset="zero", threshold=whole, bias=False)
    last = {"method": coarse, "optimizer": rounded, "network": integers}
    return {
        "1 bp": Variant({"method": replace(rule, signal="bp")}),
        "2 dfa": Variant({"method": straight}),
        f"3 error {DELAY} steps late": Variant({"method": late}),
        "4 gradient descent, batch 1": Variant({"method": late, "optimizer": single}),
        "5 weights of 8 bits, integers": Variant({"method": late, "optimizer": single, "network": integers}),
        "6 traces of 7 bits, random rounding": Variant(last),
        "7 lava's learning engine": Variant(last, train_on_engine),
    }
