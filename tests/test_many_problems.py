"""Files with thousands of groups or problems: bounded before they are looked at, and said in a few sentences."""

from pathlib import Path

import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, load, save
from lapilli.netx_exports.errors import FormatError
from lapilli.netx_exports.hdf5 import tree

h5py = pytest.importorskip("h5py")


def linked(path: Path, n_links: int) -> Path:
    """A network file, in which a layer has so many further names."""
    layer = Layer("out", (2,), CubaLif(10, 0, 0), (DenseSynapse("input", [[2, 4], [6, 8]]),))
    save(Network((2,), (layer,)), path)
    with h5py.File(path, "r+") as file:
        first = file["layer"]["0"]
        for number in range(n_links):
            file["layer"][f"x{number}"] = first
    return path


def test_links_are_counted_before_they_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_CHILDREN", 40)
    path = linked(tmp_path / "links.net", 50)
    monkeypatch.setattr(tree._Walk, "read_once", lambda *arguments: pytest.fail("a dataset is read"))
    with pytest.raises(FormatError) as raised:
        load(path)
    n_names = int(raised.value.problems[0].split("holds ")[1].split()[0])
    assert n_names >= 51
    assert raised.value.problems == (f"`layer`: holds {n_names} groups and datasets, more than 40",)


def test_a_message_lists_the_first_problems_and_counts_the_others(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as raised:
        load(linked(tmp_path / "links.net", 300))
    assert len(raised.value.problems) >= 300
    assert f"; and {len(raised.value.problems) - 20} more problems" in str(raised.value)
    assert str(raised.value).count(";") == 20


def test_a_name_of_thousands_of_letters_is_cut() -> None:
    error = FormatError("file", ["a" * 500, "b" * 400])
    assert str(error) == f"file: {'a' * 400}…; {'b' * 400}"
    assert error.problems == ("a" * 500, "b" * 400)
