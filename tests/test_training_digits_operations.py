"""The curve of accuracy against operations: rows, picture, going on after a stop."""

from pathlib import Path

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.training.recipes.surrogate_gradient import OptimizerConfig
from lapilli.training.studies import digits_operations as recipe
from lapilli.training.studies.digits_operations import digits_operations

ONE_EPOCH = OptimizerConfig(max_epochs=1)


def test_rows_for_each_price_and_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "curve.csv"
    first = digits_operations(out, [0.0], [0], ONE_EPOCH, progress=False)
    trained = []
    train = vars(recipe)["train"]

    def counted(*arguments: object, **options: object) -> object:
        trained.append(options["seed"])
        return train(*arguments, **options)

    monkeypatch.setattr(recipe, "train", counted)
    rows = digits_operations(out, [0.0, 3.0], [0], ONE_EPOCH, progress=False)
    assert trained == [0]  # the first row was there
    assert [float(str(row["operations_price"])) for row in rows] == [0, 3]
    assert rows[0]["fingerprint"] == first[0]["fingerprint"]
    assert float(str(rows[1]["operations_per_sample"])) < float(str(rows[0]["operations_per_sample"]))
    assert float(str(rows[1]["zero_weights"])) > float(str(rows[0]["zero_weights"]))
    picture = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert "<svg" in picture
    assert picture.count("PathCollection") == 6  # dots, their mean and its legend, of two prices
    # Rows of other code are made anew.
    out.write_text(out.read_text(encoding="utf-8").replace(str(rows[0]["commit"]), "0000000"), encoding="utf-8")
    digits_operations(out, [0.0], [0], ONE_EPOCH, progress=False)
    assert trained == [0, 0]


def test_another_table_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "other.csv"
    out.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(LapilliError, match="no table of this command"):
        digits_operations(out, [0.0], [0], ONE_EPOCH, progress=False)
    assert out.read_text(encoding="utf-8") == "a,b\n1,2\n"
