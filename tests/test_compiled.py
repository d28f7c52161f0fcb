"""`simulators.compiled`: what is kept on disk is compiled anew when a source that it reaches has changed."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType

import numba
import pytest

import lapilli
from lapilli.simulators import compiled as decorators
from lapilli.simulators.compiled import compiled, sources_hash

ONE_STEP = """
import json
from lapilli.netx_exports import AdaptiveLif, DenseSynapse, Layer, Network
from lapilli.simulators.fast.lowering import lower
from lapilli.simulators.fast.neurons.adaptive_lif import step
from lapilli.simulators.fast.state import new_state

neuron = AdaptiveLif(1000, 0, 0, 0, 0, 0)
program = lower(Network((1,), (Layer("layer", (1,), neuron, (DenseSynapse("input", [[2]]),)),))).program
state = new_state(program)
state.sums[0] = 3
step(program, state, 0, 0)
print(json.dumps([int(state.neurons[1, 0]), sum(step.stats.cache_hits.values())]))
"""


def test_a_cache_that_names_what_is_gone_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    @compiled
    def twice(number):
        return 2 * number

    assert twice(21) == 42
    cache = twice._cache
    flushed: list[object] = []

    def of_an_older_version(*arguments: object) -> None:
        raise AttributeError("Can't get attribute 'State'")

    monkeypatch.setattr(decorators.FunctionCache, "load_overload", of_an_older_version)
    monkeypatch.setattr(type(cache), "flush", lambda one: flushed.append(one))
    assert cache.load_overload(twice.signatures[0], None) is None
    assert flushed == [cache]


def test_without_a_place_to_write_kernels_run_unkept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Path(decorators.kept_in()).is_dir()
    monkeypatch.setattr(decorators.FunctionCache._impl_class, "_locator_classes", [])

    @compiled
    def thrice(number):
        return 3 * number

    assert thrice(14) == 42
    assert decorators.kept_in() == ""


@pytest.mark.parametrize("error", [OSError("no space"), EOFError(), UnpicklingError("cut off")])
def test_a_full_disk_costs_time_alone(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(decorators.FunctionCache, "load_overload", fail)
    if isinstance(error, OSError):
        monkeypatch.setattr(decorators.FunctionCache, "save_overload", fail)
        monkeypatch.setattr(decorators.FunctionCache, "flush", fail)

    @compiled
    def fourfold(number):
        return 4 * number

    assert fourfold(10) == 40


def one_step(folder: Path) -> tuple[int, int]:
    """The voltage after a step of the kernels that lie in a folder, and how often they were found on disk."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    command = [sys.executable, "-c", ONE_STEP]
    done = subprocess.run(
        command, cwd=folder, env=environment | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    voltage, hits = json.loads(done.stdout)
    return voltage, hits


def test_an_edited_kernel_runs_although_another_file_was_called(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "training", "lava_models", "templates")
    shutil.copytree(Path(lapilli.__file__).parent, tmp_path / "lapilli", ignore=ignored)
    assert one_step(tmp_path) == (3 << 6, 0)
    assert one_step(tmp_path) == (3 << 6, 1)
    arithmetic = tmp_path / "lapilli" / "simulators" / "fast" / "neurons" / "arithmetic.py"
    text = arithmetic.read_text()
    edited = text.replace("min(max(voltage, np.int32(-8388607)), np.int32(8388607))", "np.int32(voltage + 1)")
    assert edited != text
    arithmetic.write_text(edited)
    assert one_step(tmp_path) == ((3 << 6) + 1, 0)
    assert one_step(tmp_path) == ((3 << 6) + 1, 1)


TWO_FIELDS = """
import json
import numpy as np
from tuples.kernel import difference
from tuples.pair import Pair

pair = Pair(less=np.full(1, 3), more=np.full(1, 10))
print(json.dumps([int(difference(pair)), sum(difference.stats.cache_hits.values())]))
"""


def test_fields_of_a_named_tuple_that_change_places_are_seen(tmp_path: Path) -> None:
    kernel = "from lapilli.simulators.compiled import compiled\n\n@compiled\ndef difference(pair):\n    return "
    (tmp_path / "tuples").mkdir()
    (tmp_path / "tuples" / "kernel.py").write_text(f"{kernel}pair.more[0] - pair.less[0]\n")
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    places = [str(tmp_path), *sys.path]
    found = []
    for fields in ("more less", "more less", "less more"):
        text = f"from collections import namedtuple\n\nPair = namedtuple('Pair', '{fields}')\n"
        (tmp_path / "tuples" / "pair.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-B", "-c", TWO_FIELDS],
            env=environment | {"PYTHONPATH": os.pathsep.join(places)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    assert found == [[7, 0], [7, 1], [7, 0]]


ENTRY = """
from lapilli.simulators.compiled import compiled, inlined, intrinsic
from hashed import tail
from hashed.constants import FACTOR
from hashed.middle import middle
from hashed.vector import vector

def _closure(inner):
    @inlined
    def outer(x):
        return inner(x)
    return outer

_chosen = (_closure(middle),)

@compiled
def entry(x):
    return below(x) * FACTOR

@compiled
def below(x):
    return _chosen[0](x) + vector(x) + tail.tail(x)
"""

OTHERS = {
    "constants": "FACTOR, OTHER = 2, 3",
    "middle": """
from lapilli.simulators.compiled import spliced
from hashed.leaf import leaf

@spliced
def middle(x):
    return leaf(x)
""",
    "leaf": """
from lapilli.simulators.compiled import spliced

@spliced
def leaf(x):
    return x + 1
""",
    "tail": """
from lapilli.simulators.compiled import spliced

@spliced
def tail(x):
    return x + 2
""",
    "vector": """
from lapilli.simulators.compiled import intrinsic
from hashed.plain import plain

@intrinsic
def vector(typing, x):
    def generate(context, builder, signature, values):
        return plain(values)
    return x(x), generate
""",
    "plain": """
def plain(values):
    return values[0]
""",
    "unrelated": "x = 1",
}


@pytest.fixture
def no_package() -> Iterator[None]:
    """Forgets the package that a test wrote."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "hashed"]:
        del sys.modules[name]


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, **edited: str) -> ModuleType:
    """A package of kernels in a folder, imported; some of its files edited."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "hashed"]:
        del sys.modules[name]
    (folder / "hashed").mkdir(parents=True)
    for name, text in {"__init__": "", "entry": ENTRY, **OTHERS, **edited}.items():
        (folder / "hashed" / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(folder)
    importlib.invalidate_caches()
    return importlib.import_module("hashed.entry")


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("name", ["entry", "constants", "middle", "leaf", "tail", "vector", "plain", "unrelated"])
def test_the_hash_changes_with_every_file_within_reach(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sources_hash(written(tmp_path / "a", monkeypatch).entry.py_func)
    assert sources_hash(written(tmp_path / "b", monkeypatch).entry.py_func) == first
    edit = {"constants": "FACTOR, OTHER = 3, 2"}.get(name, {**OTHERS, "entry": ENTRY}[name] + "\n# Edited.\n")
    again = sources_hash(written(tmp_path / "c", monkeypatch, **{name: edit}).entry.py_func)
    assert (again == first) == (name == "unrelated")


@pytest.mark.usefixtures("no_package")
def test_the_hash_is_of_what_was_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sources_hash(written(tmp_path / "a", monkeypatch).entry.py_func)
    module = written(tmp_path / "b", monkeypatch)
    (tmp_path / "b" / "hashed" / "leaf.py").write_text(OTHERS["leaf"].replace("x + 1", "x + 7"))
    assert sources_hash(module.entry.py_func) == first


def test_where_numba_keeps_things_otherwise_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(x):
        return 2 * x

    monkeypatch.setattr(decorators, "_KEEPS", False)
    function = compiled(twice)
    assert function(21) == 42
    assert function._cache.cache_path is None


def test_this_numba_keeps_things_as_expected() -> None:
    assert decorators._KEEPS, numba.__version__
