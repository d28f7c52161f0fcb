"""The notebooks run from top to bottom, and what stands in them is what they give."""

import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from lapilli.training.data.folders import find_file, search_folders

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))

VARIES = "varies"
"""Tag of cells whose output is not the same each time: times, pictures of another matplotlib."""

SPOKEN = "fsdd.npz"
"""Audio of `OF_AUDIO`."""

OF_AUDIO = ("fewer_steps.ipynb", "spiking_lstm.ipynb")

CELL_S = 1200
"""Seconds after which a cell hangs, on a machine with much else to do, too."""

LARGEST = 200_000
"""Bytes of a notebook."""


def needs_missing(name: str) -> str | None:
    """What a notebook needs and this machine lacks."""
    if name in OF_AUDIO:
        return None if find_file(SPOKEN) else f"no {SPOKEN} in {' or '.join(map(str, search_folders()))}"
    if name != "simulator.ipynb":
        return None
    try:
        folder = Path(str(metadata.distribution("lava-dl").locate_file("tests/lava/lib/dl/netx/gts/ntidigits")))
    except metadata.PackageNotFoundError:
        return "lava-dl is not installed"
    return None if (folder / "ntidigits.net").is_file() else f"this lava-dl came without its test vectors in {folder}"


def printed(notebook: Any) -> dict[str, str]:
    """What each code cell printed, by the cell's id; cells that vary left out."""
    return {
        cell["id"]: "".join(output.get("text", "") for output in cell["outputs"])
        for cell in notebook.cells
        if cell["cell_type"] == "code" and VARIES not in cell["metadata"].get("tags", ())
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_and_says_what_is_printed_in_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reason := needs_missing(name):
        pytest.skip(reason)
    # The copy of lapilli that is tested, and nothing that was prepared by another one.
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    if audio := find_file(SPOKEN):
        monkeypatch.setenv("LAPILLI_SHARED_DATA", str(audio.parent))
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path / "data"))
    stored = nbformat.read(FOLDER / name, as_version=4)
    fresh = nbformat.read(FOLDER / name, as_version=4)
    for cell in fresh.cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    resources = {"metadata": {"path": str(tmp_path)}}
    with tempfile.TemporaryDirectory() as sockets:
        # Files instead of open ports; their paths must be short.
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        NotebookClient(fresh, timeout=CELL_S, kernel_name="python3", resources=resources, config=config).execute()
    assert printed(fresh) == printed(stored)
    assert "".join(printed(fresh).values()).count("\n") >= 5


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_small_and_was_executed_in_order(name: str) -> None:
    assert (FOLDER / name).stat().st_size < LARGEST
    notebook = nbformat.read(FOLDER / name, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell["outputs"] if output.get("name") == "stderr"]
    assert all(cell["outputs"] for cell in code[-1:])


def test_there_are_notebooks() -> None:
    names = "fewer_steps", "one_step", "simulator", "spikescr", "spiking_lstm", "stllr", "streaming"
    assert [f"{name}.ipynb" for name in names] == NOTEBOOKS
