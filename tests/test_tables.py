"""Which rows differ by the seed alone, and what their numbers spread over."""

import pytest

from lapilli.simulators.evidence.spread import Spread, grouped, number, repeats_a_seed, spread, telling_columns


def rows(*cells: tuple[str, ...], header: str = "seed price accuracy fingerprint machine") -> list[dict[str, str]]:
    return [dict(zip(header.split(), row)) for row in cells]


TABLE = rows(
    ("0", "0.0", "0.98", "ab", "here"),
    ("0", "3.0", "0.90", "cd", "here"),
    ("1", "0.0", "0.96", "ef", "there"),
    ("1", "3.0", "0.94", "gh", "there"),
)


def test_spread() -> None:
    assert spread([0.5]) == Spread(0.5, 0.0, 1)
    found = spread([1.0, 2.0, 4.0])
    assert found.mean == pytest.approx(7 / 3)
    assert found.n == 3
    # ((4/3)² + (1/3)² + (5/3)²) / 2
    assert found.std == pytest.approx((42 / 18) ** 0.5)


def test_rows_that_differ_by_the_seed_alone() -> None:
    assert telling_columns(TABLE) == ["price"]
    low, high = grouped(TABLE, ["price"])
    assert low.seeds == high.seeds == ("0", "1")
    assert low.values == {"price": "0.0", "accuracy": spread([0.98, 0.96])}
    assert high.values["accuracy"] == spread([0.90, 0.94])


def test_a_case_tells_more_than_equal_numbers() -> None:
    """Measured numbers that happen to coincide do not split a case."""
    with_case = [
        row | {"case": f"price={row['price']}", "epoch": epoch} for row, epoch in zip(TABLE, ("5", "6", "6", "5"))
    ]
    assert telling_columns(with_case) == ["case"]
    groups = grouped(with_case, ["case"])
    assert [group.values["case"] for group in groups] == ["price=0.0", "price=3.0"]
    assert groups[0].values["epoch"] == spread([5, 6])
    # Without it they would, and a case would fall apart.
    without = [{name: value for name, value in row.items() if name != "case"} for row in with_case]
    assert telling_columns(without) == ["price", "epoch"]


def test_rows_that_nothing_tells_apart() -> None:
    repeated = rows(("0", "1", "0.5", "a", "x"), ("0", "1", "0.6", "b", "x"))
    assert repeats_a_seed(grouped(repeated, ["price"]))
    assert not repeats_a_seed(grouped(repeated, ["price", "accuracy"]))
    assert not repeats_a_seed(grouped(TABLE, ["price"]))
    assert grouped([], ["price"]) == []


def test_blank_cells_are_no_zeros() -> None:
    group = grouped(rows(("0", "1", "0.5", "a", "x"), ("1", "1", "", "a", "x")), ["price"])[0]
    assert "accuracy" not in group.values
    assert group.values["fingerprint"] == "a"


def test_number() -> None:
    assert number("1e3") == 1000
    assert [number(text) for text in ("", "a", "nan", "inf", "1,000")] == [None] * 5
