"""Checkpoints: what goes in comes out, nothing is executed, and a kill in the middle of a write harms nothing."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from lapilli.netx_exports import FormatError, LapilliError
from lapilli.training.loop.checkpoints import SafetensorsCheckpointIO

IO = SafetensorsCheckpointIO()

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
tensors = st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool]).flatmap(
    lambda dtype: st.lists(st.integers(0, 3), max_size=3).map(lambda shape: torch.ones(shape).to(dtype))
)
trees = st.recursive(
    plain | tensors,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.integers() | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(two, torch.Tensor) and one.dtype == two.dtype and torch.equal(one, two)
    if isinstance(one, dict):
        return type(two) is dict and list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return type(one) is type(two) and len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and one == two


@given(tree=trees)
def test_what_goes_in_comes_out(tree: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "checkpoint.safetensors"
    IO.save_checkpoint({"tree": tree}, path)
    assert same(IO.load_checkpoint(path), {"tree": tree})


def test_floats_and_shared_tensors_keep_every_bit(tmp_path: Path) -> None:
    numbers = torch.randn(7, dtype=torch.float64)
    checkpoint = {"lr": 0.1 + 0.2, "inf": float("-inf"), "one": numbers, "same": numbers, "part": numbers[::2]}
    IO.save_checkpoint(checkpoint, tmp_path / "c")
    assert same(IO.load_checkpoint(tmp_path / "c"), checkpoint)


def test_an_object_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        IO.save_checkpoint({"names": {1, 2}}, tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Stranger:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "executed"),)

    for write in (lambda path: torch.save(Stranger(), path), lambda path: path.write_bytes(pickle.dumps(Stranger()))):
        write(tmp_path / "c")
        with pytest.raises(FormatError, match="not a checkpoint of lapilli, or a damaged one"):
            IO.load_checkpoint(tmp_path / "c")
    assert not (tmp_path / "executed").exists()


def test_every_truncation_is_a_clear_error(tmp_path: Path) -> None:
    IO.save_checkpoint({"a": torch.arange(5), "b": [1, {"c": 2.0}]}, tmp_path / "c")
    whole = (tmp_path / "c").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "c").write_bytes(whole[:length])
        with pytest.raises(FormatError):
            IO.load_checkpoint(tmp_path / "c")


@pytest.mark.parametrize(
    "tree", ['["tensor", "9"]', '["set", []]', '["dict", [[1]]]', "[1, 2, 3]", "[", '"text"', '["list", []]']
)
def test_a_description_that_makes_no_sense_is_a_clear_error(tree: str, tmp_path: Path) -> None:
    safetensors.torch.save_file({"0": torch.zeros(1)}, tmp_path / "c", {"checkpoint": tree})
    with pytest.raises(FormatError, match="not a checkpoint of lapilli"):
        IO.load_checkpoint(tmp_path / "c")


def test_a_safetensors_file_of_something_else_is_a_clear_error(tmp_path: Path) -> None:
    safetensors.torch.save_file({"weight": torch.zeros(1)}, tmp_path / "c")
    with pytest.raises(FormatError, match="not a checkpoint of lapilli"):
        IO.load_checkpoint(tmp_path / "c")


def test_a_missing_file_and_an_unwritable_place_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot read .*missing: No such file"):
        IO.load_checkpoint(tmp_path / "missing")
    with pytest.raises(LapilliError, match=r"cannot write .*No such file"):
        IO.save_checkpoint({}, tmp_path / "nowhere" / "c")


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    IO.save_checkpoint({"epoch": 1}, tmp_path / "c")

    def half(tensors: Any, path: Path, metadata: Any) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", half)
    with pytest.raises(LapilliError, match=r"cannot write .*: No space left on device"):
        IO.save_checkpoint({"epoch": 2}, tmp_path / "c")
    assert IO.load_checkpoint(tmp_path / "c") == {"epoch": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["c"]


def test_removing_is_quiet_about_what_is_not_there(tmp_path: Path) -> None:
    IO.save_checkpoint({}, tmp_path / "c")
    IO.remove_checkpoint(tmp_path / "c")
    IO.remove_checkpoint(tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_the_description_is_plain_json(tmp_path: Path) -> None:
    IO.save_checkpoint({"state": {0: torch.zeros(2)}}, tmp_path / "c")
    with safetensors.safe_open(tmp_path / "c", "pt") as opened:
        assert json.loads(opened.metadata()["checkpoint"]) == ["dict", [["state", ["dict", [[0, ["tensor", "0"]]]]]]]
