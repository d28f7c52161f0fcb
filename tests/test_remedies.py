"""Each remedy fails without itself where it is needed, and touches no module but the one of Lava that it is for."""

import dataclasses
import importlib
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import lapilli
from lapilli.remedies import install
from lapilli.remedies.conv_geometry import _widened
from lapilli.remedies.dataclass_defaults import factories_for
from lapilli.remedies.finder import REMEDIES, LavaFinder
from lapilli.remedies.object_detection import NEEDED
from lapilli.simulators.lava.client import installed

WITHOUT = "import sys, lapilli; sys.meta_path = [f for f in sys.meta_path if type(f).__name__ != 'LavaFinder']\n"


def python(program: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-W", "error::FutureWarning", "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=False)


class Changing:
    """What can be compared can change, to Python: it has no hash."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Changing) and self.number == other.number


def dataclass_of(module: str) -> Any:
    """A dataclass of that module with a default that can change, decorated both ways."""
    body = {"__annotations__": {"x": Changing, "y": int}, "__module__": module, "x": Changing(3), "y": 4}
    return dataclasses.dataclass(type("Encoder", (), dict(body))), dataclasses.dataclass(eq=False)(
        type("Encoder", (), dict(body))
    )


def test_defaults_that_can_change_become_factories() -> None:
    with factories_for("of.lava"):
        kinds = dataclass_of("of.lava")
    for kind in kinds:
        one, other = kind(), kind()
        assert (one.x, one.y) == (Changing(3), 4)
        assert one.x is not other.x
        assert kind(Changing(7)).x.number == 7


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 takes such defaults")
def test_classes_of_others_are_refused_as_ever() -> None:
    with factories_for("of.lava"), pytest.raises(ValueError, match="mutable default"):
        dataclass_of("of.somebody")
    with pytest.raises(ValueError, match="mutable default"):
        dataclass_of("of.lava")
    assert dataclasses.dataclass.__module__ == "dataclasses"


def test_other_modules_are_found_as_before() -> None:
    install()
    (finder,) = [finder for finder in sys.meta_path if isinstance(finder, LavaFinder)]
    for name in ("json", "numpy", "lapilli", "lava", "lava.magma", "lava.proc.conv.models"):
        assert finder.find_spec(name, None) is None
    assert all(name.startswith("lava.") for name in REMEDIES)


@pytest.mark.lava
@pytest.mark.skipif(sys.version_info < (3, 11) or not installed("lava.magma"), reason="nothing to mend")
def test_lava_cannot_be_imported_without() -> None:
    program = "import lava.magma.compiler.var_model as m; print(m.AxonEncoder().hi is not m.AxonEncoder().hi)"
    assert "mutable default" in python(WITHOUT + program).stderr
    assert python("import lapilli\n" + program).stdout == "True\n"


@pytest.mark.lava
@pytest.mark.skipif(not installed("lava.lib.dl.slayer"), reason="lava-dl is not installed")
def test_slayer_needs_neither_opencv_nor_torchvision() -> None:
    gone = f"import sys; sys.modules.update(dict.fromkeys({NEEDED!r}))\n"
    program = "from lava.lib.dl import slayer; print(hasattr(slayer.obd, 'yolo_base')); slayer.obd.yolo_base"
    assert python(gone + WITHOUT + program).stdout == ""
    done = python(gone + "import importlib.util\nimport lapilli\n" + program)
    assert done.stdout.endswith("False\n")
    assert "object detection needs cv2 and torchvision, which are not installed" in done.stderr


@pytest.mark.lava
@pytest.mark.skipif(not installed("lava.lib.dl.slayer"), reason="lava-dl is not installed")
def test_weight_normalisation_is_quiet_and_all_else_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from lapilli.netx_exports.slayer.lava_dl import slayer

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        dense = slayer.synapse.Dense(3, 2, weight_norm=True)
    assert dense.weight_norm_enabled
    assert [warning for warning in heard if "weight_norm" in str(warning.message)] == []

    import torch

    def loud(module: torch.nn.Module, name: str) -> torch.nn.Module:
        warnings.warn(f"another of {name}", stacklevel=1)
        return module

    monkeypatch.setattr(torch.nn.utils, "weight_norm", loud)
    with pytest.warns(UserWarning, match="another"):
        slayer.synapse.Dense(3, 2).enable_weight_norm()


@pytest.mark.lava
@pytest.mark.skipif(not installed("lava.proc.conv"), reason="lava-nc is not installed")
def test_a_convolutions_geometry_is_wide() -> None:
    conv = importlib.import_module("lava.proc.conv.utils").conv
    geometry = [np.array(pair, np.int8) for pair in ((1, 1), (100, 120), (90, 110), (1, 1))]
    maps = np.arange(60 * 50).reshape(60, 50, 1)
    found = conv(maps, np.ones((1, 1, 1, 1)), *geometry, np.int8(1))
    # 60 + 2 x 90 places in steps of 100, and 50 + 2 x 110 in steps of 120: places 0, 100, 200 and 0, 120, 240.
    expected = np.zeros((3, 3, 1), int)
    expected[1, 1, 0] = maps[100 - 90, 120 - 110, 0]
    assert np.array_equal(found, expected)
    assert _widened(np.array([100, 3], np.int8)) == [100, 3]


def test_the_finder_is_there_without_any_work() -> None:
    assert lapilli.remedies is sys.modules["lapilli.remedies"]
    program = "import sys, lapilli; print([n for n in sys.modules if n.startswith(('lava', 'torch', 'numpy'))])"
    assert python(program).stdout == "[]\n"


def test_official_pictures_say_what_they_need(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed("torch"):
        pytest.skip("torch is not installed")
    from lapilli.netx_exports.errors import LapilliError
    from lapilli.training.data.official.images import _torchvision_datasets

    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(LapilliError, match="need torchvision: pip install torchvision"):
        _torchvision_datasets()
