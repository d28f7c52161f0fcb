"""Temporal generalisation: curves of scores and of exported networks, the second protocol, the picture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lapilli.netx_exports import LapilliError
from lapilli.simulators import Events
from lapilli.simulators.decisions.prefixes import prefix_accuracies
from lapilli.training.exported.slayer_backend import SlayerBackend
from lapilli.training.methods.temporal import (
    Curve,
    TemporalCurves,
    curve_of_scores,
    draw_curves,
    mean_and_spread,
    rebinned_curve,
    temporal_curves,
)
from lapilli.training.networks.network import NetworkConfig, SlayerNetwork
from lapilli.training.networks.time import slayer_input


def events(n_steps: int = 10) -> Events:
    rng = np.random.default_rng(0)
    dense = rng.random((40, 6, n_steps)) < 0.3
    return Events.from_dense(dense, labels=rng.integers(3, size=40))


def module(readout: str = "voltage_sum") -> SlayerNetwork:
    torch.manual_seed(0)
    config = NetworkConfig(hidden=(8, 7), recurrent=True, readout=readout, hidden_weight_scale=4)  # type: ignore[arg-type]
    return SlayerNetwork(config, 6, 3)


def test_the_mean_of_the_first_steps_decides() -> None:
    scores = np.array([[[1.0, 0, 0, 0], [0, 1, 0, 0.5]], [[0, 0, 0, 0], [0, 0, -1, 2]]])
    found = curve_of_scores(scores, [1, 1])
    # Ties go to class 0: the first sample is right at the end, the second too.
    assert found == Curve((1, 2, 3, 4), (0.0, 0.0, 0.0, 1.0))
    assert curve_of_scores(torch.from_numpy(scores), torch.tensor([1, 1]), depth=3) == Curve((1,), (1.0,))
    loops = [
        np.mean([np.argmax([np.mean(scores[b, c, :t]) for c in range(2)]) == 1 for b in range(2)]) for t in range(1, 5)
    ]
    assert list(found.accuracies) == loops


@pytest.mark.parametrize("readout", ["voltage_sum", "spike_count"])
def test_scores_of_the_module_give_the_curve_of_the_exported_network(readout: str) -> None:
    trained, samples = module(readout), events()
    network = trained.export()
    with torch.no_grad():
        answers = trained(slayer_input(samples, samples.n_steps + network.depth))
    found = curve_of_scores(answers, samples.labels, network.depth)
    assert found.frames == tuple(range(1, 11))
    assert list(found.accuracies) == prefix_accuracies(network, samples).tolist()
    assert len(set(found.accuracies)) > 2
    assert temporal_curves(network, samples, backend=SlayerBackend(trained)) == TemporalCurves(found)


def test_both_protocols() -> None:
    network = module().export()

    def binned(width: float) -> Events:
        dense = events(12).to_dense()
        wide = dense.reshape(40, 6, int(12 / width), int(width)).max(-1)
        return Events.from_dense(wide, labels=events(12).labels)

    found = temporal_curves(network, events(12), binned, [1, 3, 2])
    assert found.rebinned is not None
    assert found.rebinned.frames == (4, 6, 12)
    assert found.rebinned.accuracies[-1] == found.first_frames.accuracies[-1]
    assert found.rebinned.accuracies[0] == prefix_accuracies(network, binned(3))[-1]
    with pytest.raises(LapilliError, match="widths: 1 gives 12 steps, as another width does"):
        rebinned_curve(network, binned, [1, 1])


def test_mean_and_spread() -> None:
    curves = [Curve((1, 2), (0.5, 1.0)), Curve((1, 2), (0.7, 1.0))]
    mean, spread = mean_and_spread(curves, "tks")
    assert mean == pytest.approx([0.6, 1.0])
    assert spread == pytest.approx([0.02**0.5, 0.0])
    assert mean_and_spread(curves[:1], "tks") == ([0.5, 1.0], [0.0, 0.0])
    with pytest.raises(LapilliError, match="curves of 'tks': seeds were measured at different numbers of frames"):
        mean_and_spread([*curves, Curve((1, 3), (0.0, 0.0))], "tks")


def test_the_picture(tmp_path: Path) -> None:
    first = Curve((1, 2, 3), (0.3, 0.5, 0.9))
    other = replace(first, accuracies=(0.1, 0.6, 0.8))
    methods = {
        "plain": [TemporalCurves(first), TemporalCurves(other)],
        "TKS": [TemporalCurves(other, Curve((2, 4), (0.2, 0.4)))],
    }
    draw_curves(methods, tmp_path / "curves.svg", "train at 3, test at fewer")
    picture = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    for text in ("plain (2 seeds)", "TKS (1 seed)", "the first frames only", "all of it in fewer, wider bins"):
        assert f"<!-- {text} -->" in picture
    assert picture.count("FillBetweenPolyCollection") == 3
    again = tmp_path / "again.svg"
    draw_curves(methods, again, "train at 3, test at fewer")
    assert again.read_text(encoding="utf-8") == picture
    draw_curves({"plain": methods["plain"]}, again, "one panel")
    assert again.read_text(encoding="utf-8").count("FillBetweenPolyCollection") == 1


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for scores, labels, depth in (
        (np.zeros((2, 3)), [0, 1], 0),
        (np.zeros((2, 3, 4)), [0], 0),
        (np.zeros((2, 3, 4)), [0, 1], 4),
    ):
        with pytest.raises(LapilliError, match="scores: must be"):
            curve_of_scores(scores, labels, depth)
    empty: list[dict[str, Any]] = [{}, {"plain": []}]
    for nothing in empty:
        with pytest.raises(LapilliError, match="need at least one method"):
            draw_curves(nothing, tmp_path / "no.svg", "")
    assert not list(tmp_path.iterdir())
