"""What NIR's other writers do: a Flatten behind the last neurons, `padding="same"`, one number for all."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lapilli import cli
from lapilli.netx_exports import ConvSynapse, LapilliError, UnsupportedError, load, load_nir
from lapilli.simulators import Events, run

nir = pytest.importorskip("nir", reason="nir is not installed (the extra `test`)")

WEIGHT = np.random.default_rng(0).integers(-40, 41, (3, 2, 3, 3)) / 64


def written(path: Path, padding: Any, behind: bool = False, stride: int = 1, weight: Any = WEIGHT, **more: Any) -> Path:
    side = 6 if padding == "same" and stride == 1 else 4
    ones = np.ones((3, side, side))
    flatten = {"2": nir.Flatten({"input": np.array(ones.shape)}, start_dim=0, end_dim=-1)} if behind else {}
    nodes = {
        "input": nir.Input(np.array([2, 6, 6])),
        "0": nir.Conv2d((6, 6), weight.astype(np.float32), stride, padding, more.get("dilation", 1), 1, np.zeros(3)),
        "1": nir.IF(r=ones, v_threshold=ones, v_reset=ones * 0),
        **flatten,
        "output": nir.Output(np.array([ones.size] if behind else ones.shape)),
    }
    names = list(nodes)
    nir.write(str(path), nir.NIRGraph(nodes, list(pairwise(names)), type_check=False))
    return path


def test_a_flatten_behind_the_last_neurons_moves_none(tmp_path: Path) -> None:
    flattened = load_nir(written(tmp_path / "end.nir", 0, behind=True), 1.0)
    plain = load_nir(written(tmp_path / "plain.nir", 0), 1.0)
    assert flattened == plain
    events = Events.from_dense(np.random.default_rng(1).random((2, 2, 6, 6, 12)) < 0.4)
    assert run(flattened, events).spikes.n_events > 10


def test_an_output_that_is_not_what_the_flatten_gives(tmp_path: Path) -> None:
    path = written(tmp_path / "end.nir", 0, behind=True)
    with h5py.File(path, "r+") as file:
        del file["node/nodes/output/shape"]
        file["node/nodes/output/shape"] = [47]
    with pytest.raises(LapilliError, match=r"must have the shape \(48,\) of '1', which '2' flattens"):
        load_nir(path, 1.0)


@pytest.mark.parametrize(("dilation", "padding"), [(1, (1, 1)), (2, (2, 2))])
def test_same_is_half_of_what_a_kernel_reaches(tmp_path: Path, dilation: int, padding: tuple[int, int]) -> None:
    network = load_nir(written(tmp_path / "same.nir", "same", dilation=dilation), 1.0)
    (synapse,) = network.layers[0].synapses
    assert vars(synapse)["padding"] == padding
    assert type(synapse) is ConvSynapse
    assert network.output.shape == (3, 6, 6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stride": 2}, r"padding`: same keeps the sides only with a stride of 1, got \(2, 2\)"),
        ({"weight": WEIGHT[..., :2, :]}, r"padding`: same would add more on one side than on the other"),
    ],
)
def test_same_that_is_no_padding_of_ours(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        load_nir(written(tmp_path / "same.nir", "same", **changes), 1.0)


def test_one_number_for_all(tmp_path: Path) -> None:
    path = written(tmp_path / "one.nir", 0)
    expected = load_nir(path, 1.0)
    with h5py.File(path, "r+") as file:
        for name, value in {"1/r": 1.0, "1/v_threshold": 1.0, "1/v_reset": 0.0, "0/bias": 0.0, "0/stride": 1}.items():
            del file[f"node/nodes/{name}"]
            file[f"node/nodes/{name}"] = value
    assert load_nir(path, 1.0) == expected


def test_a_reset_by_subtraction_is_refused_where_it_is_said_and_named_where_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path / "a.nir", 0)
    assert cli.main(["export", str(path), "--out", str(tmp_path / "a.net"), "--dt", "1"]) == 0
    assert "NIR does not say how a spike resets: here the voltage becomes 0" in capsys.readouterr().err
    assert load(tmp_path / "a.net") == load_nir(path, 1.0)
    with h5py.File(path, "r+") as file:
        file["node/nodes/1/metadata/reset_mechanism"] = "subtract"
    with pytest.raises(UnsupportedError, match="a reset by subtraction is another neuron"):
        load_nir(path, 1.0)


def test_messages_name_a_node_and_its_kind(tmp_path: Path) -> None:
    nodes = {
        "input": nir.Input(np.array([3])),
        "11": nir.Linear(np.eye(3)),
        "output": nir.Output(np.array([3])),
    }
    nir.write(str(tmp_path / "a.nir"), nir.NIRGraph(nodes, [("input", "11"), ("11", "output")]))
    with pytest.raises(UnsupportedError, match="must be fed by the neurons of one layer, got '11', a Linear"):
        load_nir(tmp_path / "a.nir")
