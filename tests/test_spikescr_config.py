"""SpikeSCR's configuration and module refuse what could not be exported, before anything is trained."""

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.training.data.augmentation import AugmentConfig
from lapilli.training.data.tasks import DataConfig
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel": 64}, r"kernel: must be 1…63, got 64"),
        ({"kernel": 30, "convolutions": "centred"}, "odd number of taps"),
        ({"width": 512, "heads": 2}, "a head has at most 64 channels, got 256"),
        ({"width": 100, "heads": 8}, "must divide the width"),
        ({"look_ahead": -1}, "look_ahead: must be a number of steps"),
        ({"gated_convolution": False}, "gate: is a part of the gated convolution"),
    ],
)
def test_what_cannot_be_exported_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(LapilliError, match=message):
        SpikeScrConfig(**fields)


def test_the_largest_kernel_is_exported() -> None:
    module = SpikeScrNetwork(SpikeScrConfig(width=16, heads=2, kernel=63), 5, 3, 12).eval()
    assert module.export().output.size == 3


def test_nothing_is_waited_for_behind_the_end_of_a_sample() -> None:
    config = SpikeScrConfig(width=16, heads=2, kernel=5, look_ahead=10**9)
    assert (
        SpikeScrNetwork(config, 5, 3, 12).depth
        == SpikeScrNetwork(SpikeScrConfig(width=16, heads=2, kernel=5, look_ahead="full"), 5, 3, 12).depth
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"n_steps": 0},
        {"n_steps": float("inf")},
        {"n_steps": 10**9},
        {"n_classes": -1},
        {"n_classes": 0},
        {"n_inputs": 2.7},
        {"n_inputs": 10**12},
        {"graded_input": "no"},
    ],
)
def test_facts_that_are_none_are_refused(changes: dict) -> None:
    facts = {"n_inputs": 5, "n_classes": 3, "n_steps": 12, "graded_input": 1}
    config = SpikeScrConfig(width=16, heads=2)
    assert SpikeScrNetwork.from_facts(config, facts).facts == facts
    with pytest.raises((LapilliError, ValueError)):
        SpikeScrNetwork.from_facts(config, facts | changes)


def test_keys_and_shifts_in_time_do_not_go_together() -> None:
    with pytest.raises(LapilliError, match=r"augment\.shift_steps: would move recordings"):
        DataConfig(lines="valid and keys", augment=AugmentConfig(shift_steps=2))
