"""One time step: what a network is built from, its products, and the paper's formulas."""

from typing import Any

import pytest

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.costs import gate_operations, over_activation, printed_energy, products

SIZE: dict[str, Any] = {"widths": (48, 96, 192, 384), "depths": (2, 2, 6, 2)}
PUBLISHED = OneStepConfig(**SIZE)
IMAGE = (3, 32, 32)
SIDES = (16, 8, 4, 2)

TABLE_2 = [
    # Additions and multiplications in millions, and the energy in µJ; the paper prints mJ, and J in the first rows.
    ("ANN Res-19", 2285, 2285, 12_570),
    ("ANN ResNET-12F", 247, 247, 1_358),
    ("ANN VIT-12", 251, 251, 1_380),
    ("SNN Res-20", 142, 8.80, 168.3),
    ("SNN Res-19", 360, 6.80, 355.3),
    ("CNN of one step", 132, 2.14, 128.6),
    ("LSTM of one step", 79, 5.31, 95.5),
]


def test_the_published_network_has_247_million_products():
    found = products(PUBLISHED, IMAGE, 10)
    assert found.total == 246_992_640
    # Convolutions within windows, and the token-wise layers behind them, read spikes.
    assert found.of_spikes == 193_757_184 + 12 * 256 * 48**2


def test_the_published_lstm_has_250_million_operations():
    """The authors' tool counts 250.24 million; 0.47 million of these are layer norms, which are not here."""
    config = OneStepConfig(**SIZE, mixer="lstm")
    found = products(config, IMAGE, 10)
    assert found.total == 246_697_728
    # 16 d² for each place of each window, half of them for spikes; token-wise layers read 2 d channels of spikes.
    places = {48: 256 + 576, 96: 64 + 144, 192: 3 * (16 + 36), 384: 2 * 4}
    assert found.of_spikes == sum(8 * d * d * n for d, n in places.items()) + 12 * 256 * 2 * 48**2
    of_gates = gate_operations(config, IMAGE, 10)
    assert of_gates == sum(2 * 16 * d * n for d, n in places.items())
    assert round((found.total + of_gates) / 1e6) == 250
    layer_norms = 4 * sum(2 * blocks * d * side**2 for d, blocks, side in zip((48, 96, 192, 384), (2, 2, 6, 2), SIDES))
    assert found.total + of_gates + layer_norms == pytest.approx(250.24e6, rel=1e-3)


def test_other_recurrent_layers_have_fewer_products():
    totals = [products(OneStepConfig(mixer=mixer), IMAGE, 10).total for mixer in ("lstm", "gru", "rnn")]
    assert totals == sorted(totals, reverse=True)
    assert products(OneStepConfig(mixer="lstm", directions=1), IMAGE, 10).total < totals[0]
    assert gate_operations(OneStepConfig(), IMAGE, 10) == 0


@pytest.mark.parametrize(
    ("options", "total"), [({}, 14_566_016), ({"mixer": "lstm"}, 14_729_856)], ids=["convolution", "lstm"]
)
def test_the_default_networks_are_sized_for_a_cpu(options, total):
    assert products(OneStepConfig(**options), IMAGE, 10).total == total


def test_the_same_network_without_windows_has_fewer_products():
    plain = products(OneStepConfig(groups=1), IMAGE, 10)
    assert plain.total < products(OneStepConfig(), IMAGE, 10).total
    assert plain.total == products(OneStepConfig(form="ann"), IMAGE, 10).total
    assert products(OneStepConfig(dilated=False), IMAGE, 10).total == plain.total


def test_a_strict_network_has_products_with_real_numbers_only_at_the_image_and_the_readout():
    found = products(OneStepConfig(form="strict"), IMAGE, 10)
    assert found.of_reals == 3 * 4 * 16 * 16**2 + 64 * 10


@pytest.mark.parametrize(("name", "additions", "multiplications", "energy"), TABLE_2)
def test_the_printed_convention_gives_every_row_of_table_2(name, additions, multiplications, energy):
    assert printed_energy(additions, multiplications) == pytest.approx(energy, rel=1e-3)


@pytest.mark.parametrize(("theta", "expected"), [(0.1, 0.058), (0.3, 0.162), (0.5, 0.228), (0.7, 0.243), (0.9, 0.204)])
def test_over_activation_has_the_values_of_the_supplement(theta, expected):
    assert over_activation(theta) == pytest.approx(expected, abs=5e-4)
    assert 3 * 0.5**3 == 0.375


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"widths": (4, 4)}, "depths: must be one for each of the 2 widths, got 3"),
        ({"pixel_unit": 48}, "pixel_unit: must be a power of two, got 48"),
        ({"groups": 3}, "groups"),
        ({"fusion": "product"}, "fusion"),
        ({"theta": 0.3}, "theta"),
        ({"omega_form": "half"}, "omega_form"),
        ({"omega_form": "code", "fusion": "sum"}, "omega_form: code needs the fusion omega, got sum"),
        ({"mixer": "mlp"}, "mixer"),
        ({"mixer": "lstm", "form": "strict"}, "mixer: must be convolution in the form strict, got lstm"),
        ({"mixer": "gru", "form": "ann"}, "mixer: must be convolution in the form ann, got gru"),
        ({"directions": 1}, "directions: 1 needs the mixer lstm, rnn or gru, got convolution"),
        ({"mixer": "rnn", "directions": 3}, "directions"),
        ({"widths": (), "depths": ()}, "widths: must be at least one whole number above 0"),
    ],
)
def test_wrong_options_are_refused_by_name(given, message):
    with pytest.raises(LapilliError, match=message):
        OneStepConfig(**given)
