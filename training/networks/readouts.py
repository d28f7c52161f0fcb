"""From what a readout gives to scores in each step, of which losses and decisions are made."""

import torch

from lapilli.training.networks.config import ReadoutKind


def step_scores(kind: ReadoutKind, answers: torch.Tensor) -> torch.Tensor:
    """Score of each class in each step, (samples, classes, steps); the class with the largest sum is decided.

    Arguments:
        kind: of the readout.
        answers: what the last block gives, (samples, classes, steps), in SLAYER's unit.

    Returns:
        Voltages ("voltage_sum"), spikes ("spike_count"), or the softmax over the classes of the voltages
        ("softmax_sum"), as in Bittar and Garner (2022), A surrogate gradient spiking baseline for speech
        command recognition. `lapilli.simulators.decisions.decide` sums the same in integers.
    """
    return answers.softmax(1) if kind == "softmax_sum" else answers
