"""The wheel alone, on the newest Python here: no torch, no Lava, and yet it reads, simulates and profiles.

`LAPILLI_BASE_PYTHON` names another interpreter, from Python 3.10 on.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from base_files import BASE_FILES, BASE_PACKAGES, NEED_MORE_WHEN_THEY_RUN
from reached import ROOT, TESTS, packages_needed

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, save
from lapilli.simulators import Events, RunResult, events_equal, run

WINGS = ("lava_models", "netx_exports", "simulators", "training")


def newest_python() -> str | None:
    """Path of the newest CPython ≥ 3.11 found on the path or among pyenv's versions, or of the one that is named."""
    if named := os.environ.get("LAPILLI_BASE_PYTHON"):
        return named
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += (Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob("3.*/bin")
    found: dict[tuple[int, int], str] = {}
    for folder in folders:
        for path in folder.glob("python3.*") if folder.is_dir() else ():
            match = re.fullmatch(r"python3\.(\d+)", path.name)
            if match and int(match[1]) >= 11 and _works(path):
                found.setdefault((3, int(match[1])), str(path))
    return found[max(found)] if found else None


def _works(python: Path) -> bool:
    # Shims of version managers are on the path also for versions that are not chosen.
    program = "import sys, venv, ensurepip; print(sys.version_info.releaselevel)"
    done = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == "final"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip wheel` makes of this folder."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "runs", "*.egg-info", "build", "__pycache__")
    shutil.copytree(ROOT, folder / "source", ignore=ignored, symlinks=True)
    words = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(folder / "source")]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, env=_clean_environment())
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """A fresh environment with the wheel, what it depends on, and what tests need; its folder of programs."""
    python = newest_python()
    if python is None:
        pytest.skip("no Python newer than 3.10 on this machine")
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    programs = folder / "bin"
    words = ["install", "--quiet", str(wheel), "hypothesis>=6.100", "pytest>=7.4,<8", "pytest-timeout>=2.3"]
    subprocess.run([str(programs / "pip"), *words], check=True, env=_clean_environment())
    return programs


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def call(bare: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(bare / "lapilli"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_clean_environment())


def answer(bare: Path, folder: Path, *words: str) -> str:
    """What Python prints that is started in a folder."""
    done = subprocess.run(
        [str(bare / "python"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=_clean_environment(),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_one_package_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"lapilli"}
    tracked = {f"lapilli/{path.relative_to(ROOT)}" for wing in WINGS for path in (ROOT / wing).rglob("*.py")}
    tracked |= {str(path.relative_to(ROOT)) for path in (ROOT / "lapilli").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == tracked
    for data in (
        "py.typed",
        "templates/profile.css",
        "templates/view.js",
        "simulators/bill/tables/loihi1.yaml",
        "training/configs/shd.yaml",
        "training/data/converters/own.yaml",
    ):
        assert f"lapilli/{data}" in names
    assert [name for name in names if name.endswith((".net", "card.yaml"))] == [], "the zoo stays in the repository"


@pytest.mark.slow
def test_that_python_without_torch_or_lava(bare: Path, tmp_path: Path) -> None:
    program = (
        "import sys, importlib.util as u; import lapilli.netx_exports, lapilli.simulators.fast;"
        "print(sys.version_info >= (3, 10), [name for name in ('torch', 'lava', 'lightning') if u.find_spec(name)])"
    )
    assert answer(bare, tmp_path, "-c", program) == "True []"


def test_the_public_names_need_no_torch_lava_or_compiler(bare: Path, tmp_path: Path) -> None:
    """In this environment too, where all of them are."""
    program = (
        "import sys, lapilli; print(lapilli.__version__, lapilli.run.__name__,"
        "sorted({name.split('.')[0] for name in sys.modules} & {'h5py', 'jsonargparse', 'lava', 'numba', 'torch'}))"
    )
    expected = f"{lapilli.__version__} run []"
    assert answer(bare, tmp_path, "-c", program) == expected
    here = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert here.stdout.strip() == expected


def small_files(folder: Path) -> RunResult:
    """A network and events in a folder; what the reference makes of them."""
    rng = np.random.default_rng(0)
    neuron = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)
    hidden = Layer("hidden", (6,), neuron, (DenseSynapse("input", rng.integers(-40, 100, (6, 5)) * 2),))
    output = Layer("output", (3,), neuron, (DenseSynapse("hidden", rng.integers(-40, 100, (3, 6)) * 2),))
    network = Network((5,), (hidden, output))
    events = Events.from_dense(rng.random((4, 5, 30)) < 0.3)
    save(network, folder / "model.net")
    events.save(folder / "events.npz")
    expected = run(network, events, "reference", n_steps=events.n_steps + network.depth)
    assert expected.spikes.n_events > 0
    return expected


@pytest.mark.slow
def test_folders_of_the_same_names_beside_a_script_break_nothing(bare: Path, tmp_path: Path) -> None:
    expected = small_files(tmp_path)
    for wing in WINGS:
        (tmp_path / wing).mkdir()
        (tmp_path / wing / "__init__.py").write_text(f"raise ImportError('{wing} of the user')\n", encoding="utf-8")
    program = "-m", "lapilli"
    assert "simulate" in answer(bare, tmp_path, *program, "--help")
    assert "hidden" in answer(bare, tmp_path, *program, "inspect", "model.net")
    answer(bare, tmp_path, *program, "simulate", "model.net", "--input", "events.npz", "--out", "spikes.npz")
    assert events_equal(Events.load(tmp_path / "spikes.npz"), expected.spikes)


def test_verbs_of_the_base_install(bare: Path, tmp_path: Path) -> None:
    expected = small_files(tmp_path)
    inspected = call(bare, tmp_path, "inspect", "model.net")
    assert inspected.returncode == 0, inspected.stderr
    assert "hidden" in inspected.stdout
    for backend in ("fast", "reference"):
        arguments = ["model.net", "--input", "events.npz", "--out", f"{backend}.npz", "--backend", backend]
        simulated = call(bare, tmp_path, "simulate", *arguments)
        assert simulated.returncode == 0, simulated.stderr
        assert events_equal(Events.load(tmp_path / f"{backend}.npz"), expected.spikes)
    profiled = call(bare, tmp_path, "profile", "model.net", "--input", "events.npz", "--json")
    assert profiled.returncode == 0, profiled.stderr
    assert json.loads(profiled.stdout)["totals"]["hidden"]["syn_ops"] == expected.counts.syn_ops[:, 0].sum()
    proven = call(bare, tmp_path, "prove", "model.net", "--input", "events.npz", "--json")
    assert proven.returncode == 0, proven.stderr
    assert "lava-nc" in json.loads(proven.stdout)["skipped"]["lava"]
    assert call(bare, tmp_path, "doctor").returncode == 0


def test_what_is_missing_is_named(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("config.yaml", "weights.safetensors"):
        (tmp_path / "run" / name).write_text("seed: 0\n", encoding="utf-8")
    wanted = {("train",): "training", ("demo",): "training", ("export", "run", "--out", "x.net"): "training"}
    for words, what in {**wanted, ("bench", "train"): "`lapilli bench train`"}.items():
        done = call(bare, tmp_path, *words)
        assert done.returncode == 2
        assert done.stderr.startswith(f"lapilli: {what} needs ")
        assert done.stderr.count("\n") == 1


def test_a_run_folder_is_read_and_its_data_set_is_named(bare: Path, tmp_path: Path) -> None:
    """The network and how long its samples run are known; data sets need more."""
    (tmp_path / "run").mkdir()
    small_files(tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text("data: {name: digits, drain: 5}\n", encoding="utf-8")
    done = call(bare, tmp_path, "simulate", "run", "--input", "run/events.npz", "--readout", "spike_count", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 35
    assert call(bare, tmp_path, "inspect", "run").returncode == 0
    done = call(bare, tmp_path, "simulate", "run")
    assert done.returncode == 2
    assert done.stderr.startswith("lapilli: data sets need ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.timeout(2700)
def test_base_tests_pass_on_the_newest_python(bare: Path, tmp_path: Path) -> None:
    """The program, not `python -m pytest`: that would import lapilli from this folder."""
    files = [str(TESTS / name) for name in BASE_FILES]
    words = [str(bare / "pytest"), "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-m", "not lava and not slow"]
    done = subprocess.run(
        [*words, f"--basetemp={tmp_path / 'base'}", *files],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=_clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_base_tests_are_those_that_need_no_more_than_the_base_install() -> None:
    """By the imports of every file; those that need more when they run are left out by name."""
    fitting = {path.name for path in TESTS.glob("test_*.py") if packages_needed(path) <= BASE_PACKAGES}
    assert fitting == {*BASE_FILES, *NEED_MORE_WHEN_THEY_RUN}
    assert not {*BASE_FILES} & NEED_MORE_WHEN_THEY_RUN.keys()
