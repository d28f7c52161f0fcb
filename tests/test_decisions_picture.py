"""Confusion matrices as pictures: what stands in them, and that the same matrix gives the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import LapilliError
from lapilli.simulators.decisions.confusion import Confusion
from lapilli.simulators.decisions.picture import confusion_figure, confusion_picture

pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra `train`)")


def confusion(n_classes: int = 3) -> Confusion:
    found = Confusion()
    found.add(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 2, 2]), n_classes)
    return found


def test_numbers_stand_in_the_cells_and_names_at_the_sides() -> None:
    (axis,) = confusion_figure(confusion(), "digits", {1: "$one$"}).axes
    cells = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axis.texts}
    assert cells == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 0): "1", (2, 2): "2"}
    assert [label.get_text() for label in axis.get_yticklabels()] == ["0", "$one$", "2"]
    assert axis.get_title() == "4 of 6 samples right, 66.67%"
    (image,) = axis.images
    assert np.allclose(image.get_array(), np.array([[3, 3, 0], [0, 6, 0], [2, 0, 4]]) / 6)


def test_many_classes_have_no_numbers() -> None:
    (axis,) = confusion_figure(confusion(100), "many", {}).axes
    assert not axis.texts
    assert len(axis.get_yticks()) == 20


def test_files(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg", "three.png"):
        confusion_picture(confusion(), tmp_path / name, "a $title$")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(LapilliError, match=r"pictures are written as \.png or \.svg, got .*c\.pdf"):
        confusion_picture(confusion(), tmp_path / "c.pdf", "")
