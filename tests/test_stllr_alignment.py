"""How far rules that go forward in time point along the gradient."""

import csv
import statistics
from pathlib import Path

import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.training.data import tasks
from lapilli.training.data.digits import Part, digits
from lapilli.training.studies import collect as seeds_module
from lapilli.training.studies.stllr import alignment
from lapilli.training.studies.stllr.alignment import measure

SMALL = """
network: {hidden: [8], recurrent: true, leak: 0.9}
optimizer: {batch_size: 60, lr: 0.01}
method: {name: s-tllr, psi: triangle}
"""


def few_digits(part: Part) -> Events:
    return digits(part).select(slice(0, 120))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(tasks, "digits", few_digits)
    monkeypatch.setattr(seeds_module, "commit", lambda: "aaa")
    monkeypatch.setattr(alignment, "AT", (0, 1))
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    return "small.yaml"


def test_longer_gradients_point_closer_to_the_whole_one(small: str) -> None:
    measure(small, "out.csv", 2, 2)
    with open("out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(r["method"], r["synapse"], r["seed"], r["epochs"]): float(r["cosine"]) for r in rows}
    assert len(rows) == len(found) == 12 * 3 * 2 * 2
    for (method, synapse, seed, epochs), cosine in found.items():
        assert -1 <= cosine <= 1
        if method == "bptt":
            assert cosine == pytest.approx(1, abs=1e-4)
        # 18 steps in all.
        assert found["truncated bptt, 20 steps", synapse, seed, epochs] == pytest.approx(1, abs=1e-4)

    def mean(method: str) -> float:
        return statistics.mean(cosine for (name, *_), cosine in found.items() if name == method)

    assert mean("truncated bptt, 2 steps") < mean("truncated bptt, 5 steps") < mean("truncated bptt, 10 steps")
    assert all(0 < float(row["length_over_bptt"]) < 10 for row in rows)


def test_a_file_of_another_method_is_refused(small: str) -> None:
    Path(small).write_text("method: {name: bptt}")
    with pytest.raises(LapilliError, match=r"method\.name must be s-tllr"):
        measure(small, "out.csv")
