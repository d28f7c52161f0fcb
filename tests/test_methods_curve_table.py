"""Curves become rows of a table over seeds, and the table becomes curves again."""

from pathlib import Path

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators.evidence.provenance import read_csv
from lapilli.training.methods.curve_table import KEYS, curve_rows, curves_of_rows
from lapilli.training.methods.temporal import Curve, TemporalCurves
from lapilli.training.studies.collect import Case, collect

CURVES = {
    ("tks", 0): TemporalCurves(Curve((1, 2, 10), (0.25, 0.5, 1.0)), Curve((5, 10), (0.75, 1.0))),
    ("tks", 1): TemporalCurves(Curve((1, 2, 10), (0.125, 0.5, 1.0)), Curve((5, 10), (0.5, 1.0))),
    ("plain", 0): TemporalCurves(Curve((1, 2, 10), (0.0, 0.25, 1.0))),
}


def test_there_and_back_through_a_file(tmp_path: Path) -> None:
    cases = [Case(seed, "make it", {"method": method}) for method, seed in CURVES]
    rows = collect(
        tmp_path / "t.csv", cases, lambda case: curve_rows(CURVES[str(case.options["method"]), case.seed]), KEYS
    )
    assert rows[0]["case"] == "method=tks, protocol=first_frames, frames=1"
    assert len({(row["case"], row["seed"]) for row in rows}) == len(rows) == 13
    for found in (rows, read_csv(tmp_path / "t.csv")):
        assert curves_of_rows(found, "method") == {
            "tks": [CURVES["tks", 0], CURVES["tks", 1]],
            "plain": [CURVES["plain", 0]],
        }


def test_rows_of_another_kind() -> None:
    row = {"method": "tks", "seed": "0", "protocol": "first_frames", "frames": "1", "test_accuracy": "0.5"}
    with pytest.raises(LapilliError, match="curves: rows have no name"):
        curves_of_rows([row], "name")
    with pytest.raises(LapilliError, match="protocol: must be one of first_frames, rebinned, got 'other'"):
        curves_of_rows([row | {"protocol": "other"}], "method")
    with pytest.raises(LapilliError, match="curves of 'tks', seed 0: no rows of the first frames"):
        curves_of_rows([row | {"protocol": "rebinned"}], "method")
