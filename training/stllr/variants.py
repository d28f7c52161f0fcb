"""What tables compare: the rule beside its special cases and controls, or a ladder from the algorithm to a chip."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from training.stllr.config import (
    INTEGER_UNIT,
    MethodConfig,
    OnlineNetworkConfig,
    RuleConfig,
    UnrolledConfig,
    ottt,
    sltt,
)
from training.stllr.recipe import OnlineOptimizerConfig

CUT = 10
"""Steps of truncated back-propagation through time."""

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


Variant = Mapping[str, Any]
"""Options of `train_stllr` in which one of the compared trainings differs from the configuration file."""

VariantsName = Literal["methods", "ladder"]


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


def rungs_of(
    rule: RuleConfig, network: OnlineNetworkConfig, optimizer: OnlineOptimizerConfig
) -> dict[str, dict[str, Any]]:
    """From the publication's algorithm towards a chip: each rung is the one above with one more change.

    A chip resets to zero, so the last rung does too: its neurons are those that are exported.
    """
    straight = replace(rule, signal="dfa")
    late = replace(straight, error_delay=DELAY)
    single = replace(optimizer, kind="sgd", batch_size=1)
    whole = round(network.threshold * INTEGER_UNIT) / INTEGER_UNIT
    integers = replace(network, arithmetic="integer", reset="zero", threshold=whole, bias=False)
    return {
        "1 bp": {"method": replace(rule, signal="bp")},
        "2 dfa": {"method": straight},
        f"3 error {DELAY} steps late": {"method": late},
        "4 gradient descent, batch 1": {"method": late, "optimizer": single},
        "5 weights of 8 bits, integers": {"method": late, "optimizer": single, "network": integers},
    }
