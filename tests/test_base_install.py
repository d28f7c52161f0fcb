"""`pip install .` alone, on the newest Python here: no torch, no Lava, and yet it reads, simulates and profiles."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, save
from lapilli.simulators import Events, events_equal, run

ROOT = Path(__file__).resolve().parent.parent


def newest_python() -> str | None:
    """Path of the newest CPython ≥ 3.11 found on the path or among pyenv's versions."""
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
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but `pip install .`; its folder of programs."""
    python = newest_python()
    if python is None:
        pytest.skip("no Python newer than 3.10 on this machine")
    folder = tmp_path_factory.mktemp("bare")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "runs", "*.egg-info", "build", ".mypy_cache", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored)
    subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
    programs = folder / "venv" / "bin"
    subprocess.run([str(programs / "pip"), "install", "--quiet", str(source)], check=True, env=_clean_environment())
    return programs


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def call(bare: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(bare / "lapilli"), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_clean_environment())


def test_newer_python_without_torch_or_lava(bare: Path) -> None:
    program = (
        "import sys, importlib.util as u; import netx_exports, simulators, lapilli.simulators.fast;"
        "print(sys.version_info >= (3, 11), [name for name in ('torch', 'lava', 'lightning') if u.find_spec(name)])"
    )
    done = subprocess.run(
        [str(bare / "python"), "-c", program], capture_output=True, text=True, check=True, env=_clean_environment()
    )
    assert done.stdout.strip() == "True []"


def test_verbs_of_the_base_install(bare: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    neuron = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)
    hidden = Layer("hidden", (6,), neuron, (DenseSynapse("input", rng.integers(-40, 100, (6, 5)) * 2),))
    output = Layer("output", (3,), neuron, (DenseSynapse("hidden", rng.integers(-40, 100, (3, 6)) * 2),))
    network = Network((5,), (hidden, output))
    events = Events.from_dense(rng.random((4, 5, 30)) < 0.3)
    save(network, tmp_path / "model.net")
    events.save(tmp_path / "events.npz")
    expected = run(network, events, "reference")
    assert expected.spikes.n_events > 0

    inspected = call(bare, tmp_path, "inspect", "model.net")
    assert inspected.returncode == 0, inspected.stderr
    assert "hidden" in inspected.stdout
    for backend in ("fast", "reference"):
        arguments = ["model.net", "--input", "events.npz", "--output", f"{backend}.npz", "--backend", backend]
        simulated = call(bare, tmp_path, "simulate", *arguments)
        assert simulated.returncode == 0, simulated.stderr
        assert events_equal(Events.load(tmp_path / f"{backend}.npz"), expected.spikes)
    profiled = call(bare, tmp_path, "profile", "model.net", "--input", "events.npz", "--n-steps", "30", "--json")
    assert profiled.returncode == 0, profiled.stderr
    assert json.loads(profiled.stdout)["totals"]["hidden"]["syn_ops"] == expected.counts.syn_ops[:, 0].sum()
    proven = call(bare, tmp_path, "prove", "model.net", "--input", "events.npz", "--json")
    assert proven.returncode == 0, proven.stderr
    assert "lava-nc" in json.loads(proven.stdout)["skipped"]["lava"]
    assert call(bare, tmp_path, "doctor").returncode == 0


def test_what_is_missing_is_named(bare: Path, tmp_path: Path) -> None:
    for words in (["train"], ["demo"], ["export", "run", "--out", "x.net"]):
        done = call(bare, tmp_path, *words)
        assert done.returncode == 2
        assert done.stderr.startswith("lapilli: training needs ")
        assert done.stderr.count("\n") == 1


def test_this_suite_runs_on_python_3_10() -> None:
    assert sys.version_info[:2] == (3, 10)
