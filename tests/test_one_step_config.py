"""One time step: what a network is built from, its products, and the paper's formulas."""

import pytest

from lapilli.netx_exports.errors import LapilliError
from lapilli.training.networks.one_step.config import OneStepConfig
from lapilli.training.networks.one_step.costs import over_activation, printed_energy, products

PUBLISHED = OneStepConfig(widths=(48, 96, 192, 384), depths=(2, 2, 6, 2))
IMAGE = (3, 32, 32)

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


def test_the_default_network_is_sized_for_a_cpu():
    assert products(OneStepConfig(), IMAGE, 10).total == 14_566_016


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
        ({"widths": (), "depths": ()}, "widths: must be at least one whole number above 0"),
    ],
)
def test_wrong_options_are_refused_by_name(given, message):
    with pytest.raises(LapilliError, match=message):
        OneStepConfig(**given)
