"""Part `learning` of `lapilli bench simulate` at small size: weights compared first, the twin beside Lava."""

import numpy as np
import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators.bench import learning
from lapilli.simulators.bench.learning import bench_learning
from lapilli.simulators.bench.measuring import Sizes, Watch
from lapilli.simulators.learning.lava import LavaLearned, run_learning_job

pytestmark = pytest.mark.lava

SMALL = Sizes(n_steps=30, density=0.05, repeats=1)


def test_rows_are_those_of_lava_and_of_the_twin() -> None:
    lava, fast, decided, lava_busy, fast_busy = bench_learning(SMALL, Watch())
    assert [row.what for row in (lava, fast, lava_busy)] == ["lava", "fast", "lava, processor time"]
    assert fast.ratio == pytest.approx(lava.median / fast.median)
    assert decided.ratio == pytest.approx(lava.median / decided.median)
    assert fast_busy.ratio == pytest.approx(lava_busy.median / fast_busy.median)
    assert fast.bar == "", "the bar is of 1,000 steps"
    assert "lava = fast: 92,160 weights" in fast.compared


def test_other_weights_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(job: object) -> LavaLearned:
        right = run_learning_job(job)  # type: ignore[arg-type]
        return LavaLearned(tuple(weights ^ np.int16(2) for weights in right.weights), None, right.seconds)

    monkeypatch.setattr(learning, "run_learning_job", wrong)
    with pytest.raises(LapilliError, match="the twin and Lava learn other weights"):
        bench_learning(SMALL, Watch())
