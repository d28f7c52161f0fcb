"""From a source LSTM to spikes: closed forms, shifts, and what a converted network does with what it is given."""

from typing import Any

import numpy as np
import pytest
import torch

from lapilli.netx_exports.errors import LapilliError, UnsupportedError
from lapilli.training.networks.lstm.config import ConversionConfig, LstmConfig, PartlySpikingConfig, SpikingLstmConfig
from lapilli.training.networks.lstm.convert import converted, converted_config
from lapilli.training.networks.lstm.elements import Sizes
from lapilli.training.networks.lstm.network import SpikingLstmNetwork
from lapilli.training.networks.lstm.source import LstmNetwork
from lapilli.training.networks.lstm.subsets import PartlySpikingNetwork
from lapilli.training.networks.lstm.transfer import Match, answers, calibrated, matched

RAMP = (np.arange(400) + 0.5) / 400
SIZES = Sizes(4, 3, 6, 1)


def error(match: Match, kept: float, copies: int) -> float:
    return float(((answers(RAMP, match, kept, copies) - RAMP) ** 2).mean())


@pytest.mark.parametrize("copies", [1, 2, 3, 4, 8])
def test_if_neurons_round_to_the_nearest_step(copies: int) -> None:
    found = answers(RAMP, matched(1.0, copies), 1.0, copies)
    assert np.array_equal(found, np.floor(RAMP * copies + 0.5) / copies)


@pytest.mark.parametrize(("kept", "threshold", "shift"), [(0.8, 1.125, 0.375), (0.6, 4 / 3, 4 / 3 - 0.75)])
def test_two_steps_of_a_leaky_neuron_have_a_closed_form(kept: float, threshold: float, shift: float) -> None:
    found = matched(kept, 2)
    assert found == pytest.approx((threshold, shift))
    assert np.array_equal(answers(RAMP, found, kept, 2), np.floor(RAMP * 2 + 0.5) / 2)


@pytest.mark.parametrize(("kept", "copies", "untuned", "tuned"), [(0.6, 2, 0.0145, 0.0105), (0.6, 4, 0.0130, 0.0038)])
def test_errors_are_those_of_the_notes(kept: float, copies: int, untuned: float, tuned: float) -> None:
    # There half of the currents are outside of the ramp, where all agree.
    assert error(Match(1.0, 1 / (2 * copies)), kept, copies) == pytest.approx(2 * untuned, abs=5e-4)
    assert error(matched(kept, copies), kept, copies) == pytest.approx(2 * tuned, abs=5e-4)


@pytest.mark.parametrize("kept", [1.0, 0.7])
@pytest.mark.parametrize("copies", [1, 2, 4])
def test_calibrated_neurons_are_open_as_often_as_the_source(kept: float, copies: int) -> None:
    z = np.random.default_rng(0).beta(2, 6, 20_000) * 1.4 - 0.2
    match = matched(kept, copies)
    wanted = np.clip(z, 0, 1).mean()
    shift = calibrated(z, match, kept, copies)
    assert answers(z, match._replace(shift=shift), kept, copies).mean() == pytest.approx(wanted, abs=1e-3)
    assert abs(answers(z, match, kept, copies).mean() - wanted) > 2e-3


def source(**options: Any) -> LstmNetwork:
    torch.manual_seed(1)
    network = LstmNetwork(LstmConfig(**{"hidden": (7, 5), "read": "every", **options}), SIZES)
    if options.get("activations") == "trainable clip":
        for layer in network.layers:
            layer.clips.data *= torch.tensor([0.8, 1.3, 0.7, 1.1, 1.5])
    return network


def sequences(n_samples: int = 40) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(-16, 17, (n_samples, SIZES.n_inputs, SIZES.n_steps + 1), generator=generator).float()


def spiking(network: LstmNetwork, **options: Any) -> SpikingLstmNetwork:
    conversion = ConversionConfig(**options)
    return converted(network, conversion, converted_config(network.config, conversion), sequences()).eval()


def scores(network: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = network.eval()(sequences())
    return found


@pytest.mark.parametrize("activations", ["hard", "trainable clip"])
def test_many_steps_bring_a_converted_network_near_its_source(activations: str) -> None:
    network = source(activations=activations)
    distances = [(scores(spiking(network, copies=copies)) - scores(network)).abs().mean() for copies in (1, 4, 32)]
    assert distances[1] < 1.5 * distances[0]
    assert distances[2] < 0.7 * distances[0]


def test_nothing_spiking_is_the_source_itself() -> None:
    network = source(activations="trainable clip")
    conversion = ConversionConfig(copies=1, spiking=("i",))
    config = converted_config(network.config, conversion)
    assert isinstance(config, PartlySpikingConfig)
    found = converted(network, conversion, config)
    found.config = PartlySpikingConfig(**{**vars_of(config), "spiking": ("i",)})
    object.__setattr__(found.config, "spiking", ())
    assert torch.allclose(scores(found), scores(network), atol=1e-5)


def vars_of(config: PartlySpikingConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


def test_the_default_subset_in_floating_point_is_nearly_the_integer_network() -> None:
    network = source()
    conversion = ConversionConfig(copies=2)
    exact = spiking(network, copies=2)
    common = {name: value for name, value in vars_of_spiking(exact.config).items() if name != "name"}
    near = converted(network, conversion, PartlySpikingConfig(**common))
    assert isinstance(near, PartlySpikingNetwork)
    with torch.no_grad():
        first, other = (found.eval().answers(sequences())[0] for found in (exact, near))
    assert (first == other).float().mean() > 0.97
    assert not torch.equal(first, other)


def vars_of_spiking(config: SpikingLstmConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


@pytest.mark.parametrize("subset", [("i", "f", "g", "o", "t"), ("o", "t"), ("i", "f", "g", "o")])
def test_other_subsets_are_trained_but_not_exported(subset: tuple[Any, ...]) -> None:
    network = spiking(source(), spiking=subset)
    loss = network(sequences()).square().mean()
    loss.backward()
    assert all(float(layer.recurrent.grad.abs().max()) > 0 for layer in network.layers)
    with pytest.raises(UnsupportedError, match=f"activations {', '.join(subset)} with direct encoding have no integer"):
        network.export()


def test_rate_encoding_draws_and_evaluates_alike() -> None:
    network = spiking(source(), encoding="rate")
    assert torch.equal(scores(network), scores(network))
    assert not torch.equal(scores(network), scores(spiking(source())))
    with pytest.raises(UnsupportedError, match="rate encoding have no integer network"):
        network.export()


def test_what_cannot_be_converted_is_named() -> None:
    with pytest.raises(LapilliError, match="activations: IF neurons follow clipped ramps"):
        spiking(source(activations="standard"))
    conversion = ConversionConfig(shift="calibrated")
    with pytest.raises(LapilliError, match="shift: calibrated needs a batch"):
        converted(source(), conversion, converted_config(source().config, conversion))
    with pytest.raises(UnsupportedError, match="an LSTM that does not spike has no integer network"):
        source().export()


def test_standard_activations_are_those_of_torch() -> None:
    network = source(activations="standard", hidden=(7,))
    (layer,) = network.layers
    theirs = torch.nn.LSTM(SIZES.n_inputs, 7)
    with torch.no_grad():
        for name, values in (
            ("weight_ih_l0", layer.weight),
            ("weight_hh_l0", layer.recurrent),
            ("bias_ih_l0", layer.bias),
        ):
            getattr(theirs, name).copy_(values)
        theirs.bias_hh_l0.zero_()
        expected, _ = theirs(sequences()[..., 1:].permute(2, 0, 1) / 16)
        assert torch.allclose(network.answers(sequences())[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "place", "value"),
    [
        ({}, "starts", [2.0, 2.0, 2.0]),
        ({"shift": "none"}, "starts", [0.0, 0.0, 0.0]),
        ({"kept": 0.8}, "starts", [0.0, 0.0, 0.0]),
        ({"kept": 0.8}, "thresholds", [4.5, 4.5, 4.5, 1.0]),
        ({"kept": 0.8, "thresholds": "as IF"}, "thresholds", [4.0, 4.0, 4.0, 1.0]),
    ],
)
def test_numbers_of_a_converted_layer(options: dict[str, Any], place: str, value: list[float]) -> None:
    (layer,) = spiking(source(hidden=(7,)), **options).layers
    assert getattr(layer, place).tolist() == pytest.approx(value)


def test_a_leaky_neurons_shift_is_a_part_of_its_bias() -> None:
    network = source(hidden=(7,))
    (layer,) = spiking(network, kept=0.8).layers
    raised = (layer.bias - network.layers[0].bias).reshape(4, 7)
    assert torch.allclose(raised[[0, 1, 3]], torch.tensor(2 + 4 * 0.375))
    assert torch.equal(raised[2], torch.zeros(7))
