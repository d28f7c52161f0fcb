"""`save`: what it writes is read back equal, byte for byte the same each time, and whole or not at all."""

import contextlib
import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_networks import random_plain_network
from random_networks import cases

from lapilli.netx_exports import CubaLif, DenseSynapse, DirectSynapse, LapilliError, Layer, Network, load, save
from lapilli.netx_exports.netx.stock import is_plain, layer_type, stock_problems
from lapilli.netx_exports.netx.writer import block_types

NEURON = CubaLif(64, 1024, 128)


def dense_network(metadata: dict[str, Any] | None = None, n_out: int = 4) -> Network:
    layer = Layer("dense1", (n_out,), NEURON, (DenseSynapse("input", np.arange(n_out * 6).reshape(n_out, 6) * 2),))
    return Network((6,), (layer,), metadata or {})


def loaded_again(network: Network, folder: Path) -> Network:
    path = folder / "network.net"
    save(network, path)
    again = load(path)
    # The reader notes how the file was laid out; nothing else may change.
    layout = {"netx_layout", "netx_transform"}
    assert {k: v for k, v in again.metadata.items() if k not in layout} == {
        k: v for k, v in network.metadata.items() if k not in layout
    }
    return again


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_plain_networks_come_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    network = random_plain_network(seed)
    assert is_plain(network)
    assert loaded_again(network, tmp_path_factory.getbasetemp()) == network


@pytest.mark.slow
@given(cases(conv_delays=True))
def test_any_network_comes_back_equal(tmp_path_factory: pytest.TempPathFactory, case: Any) -> None:
    assert loaded_again(case.network, tmp_path_factory.getbasetemp()) == case.network


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_what_was_read_is_written_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = tmp_path_factory.getbasetemp() / "again.net"
    save(random_plain_network(seed), path)
    first = load(path)
    save(first, path)
    content = path.read_bytes()
    save(load(path), path)
    assert path.read_bytes() == content


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.slow
@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_metadata_comes_back(tmp_path_factory: pytest.TempPathFactory, metadata: dict[str, Any], plain: bool) -> None:
    network = dense_network(metadata)
    if not plain:
        network = Network(
            (6,), (*network.layers, Layer("b", (4,), NEURON, (DenseSynapse("input", np.ones((4, 6))),))), metadata
        )
    assert is_plain(network) == plain
    assert loaded_again(network, tmp_path_factory.getbasetemp()) == network


def test_long_metadata_and_odd_names_come_back(tmp_path: Path) -> None:
    names = ["Größe", "a.b c", "層"]
    layers, source, size = [], "input", 6
    for name in names:
        layers.append(Layer(name, (3,), NEURON, (DenseSynapse(source, np.ones((3, size)) * 2),)))
        source, size = name, 3
    network = Network((6,), tuple(layers), {"classes": [f"class {number}" for number in range(20_000)]})
    assert is_plain(network)
    assert loaded_again(network, tmp_path) == network


def test_the_same_network_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    script = (
        "import sys; from lapilli.netx_exports import save; from plain_networks import random_plain_network;"
        "from random_networks import random_case;"
        "save(random_plain_network(5), sys.argv[1] + '/plain.net');"
        "save(random_case(['conv and skip', 'two dense'], 1, False, 3).network, sys.argv[1] + '/extended.net')"
    )
    contents = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        path = os.pathsep.join(sys.path)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        subprocess.run([sys.executable, "-c", script, str(folder)], check=True, env=environment)
        contents.append([(folder / name).read_bytes() for name in ("plain.net", "extended.net")])
    assert contents[0] == contents[1]


@pytest.mark.lava
def test_an_extended_file_has_no_layers_for_stock_lava_dl(tmp_path: Path) -> None:
    layer = Layer("a", (4,), NEURON, (DenseSynapse("input", np.ones((4, 6))), DenseSynapse("input", np.ones((4, 6)))))
    save(Network((6,), (layer,)), tmp_path / "a.net")
    with h5py.File(tmp_path / "a.net") as file:
        assert list(file) == ["lapilli"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from lava.lib.dl.netx.hdf5 import Network as StockNetwork
    with pytest.raises(KeyError, match="object 'layer' doesn't exist"):
        StockNetwork(str(tmp_path / "a.net"))


def image_network(metadata: dict[str, Any], *, direct: bool) -> Network:
    dense = Layer("dense", (4,), NEURON, (DenseSynapse("encoder" if direct else "input", np.ones((4, 8)) * 2),))
    encoder = Layer("encoder", (2, 2, 2), NEURON, (DirectSynapse(),))
    return Network((2, 2, 2), (encoder, dense) if direct else (dense,), metadata, graded_input=direct)


@pytest.mark.parametrize(
    ("wish", "direct", "expected"),
    [
        (None, False, ["input", "flatten", "dense"]),
        (["dense"], False, ["dense"]),
        (["flatten", "dense"], False, ["flatten", "dense"]),
        (["input", "dense"], False, ["input", "dense"]),
        (["input", "flatten", "flatten", "dense"], False, ["input", "flatten", "flatten", "dense"]),
        (["dense", "flatten"], False, ["dense", "flatten"]),
        (["conv", "dense"], False, ["input", "flatten", "dense"]),
        (["flatten", "input", "dense"], False, ["input", "flatten", "dense"]),
        ("dense", False, ["input", "flatten", "dense"]),
        ([1, None], False, ["input", "flatten", "dense"]),
        (None, True, ["input", "flatten", "dense"]),
        # Without the flatten group lava-dl could not connect the two.
        (["input", "dense"], True, ["input", "flatten", "dense"]),
    ],
)
def test_layout_follows_the_metadata_where_it_fits(
    wish: Any, direct: bool, expected: list[str], tmp_path: Path
) -> None:
    network = image_network({} if wish is None else {"netx_layout": wish}, direct=direct)
    assert block_types(network) == expected
    save(network, tmp_path / "a.net")
    assert load(tmp_path / "a.net") == network
    assert load(tmp_path / "a.net").metadata["netx_layout"] == expected


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LapilliError, match=r"cannot write .*nowhere/a.net: No such file or directory"):
        save(dense_network(), tmp_path / "nowhere" / "a.net")


def test_a_folder_that_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root, as in many containers, may write anywhere: the operating system's answer is put in its place."""

    def denied(*args: Any, **kwargs: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", denied)
    with pytest.raises(LapilliError, match=r"cannot write .*a.net: Permission denied"):
        save(dense_network(), tmp_path / "a.net")
    assert not list(tmp_path.iterdir())


def test_a_path_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.net").mkdir()
    with pytest.raises(LapilliError, match=r"cannot write .*a.net: it exists and is no regular file"):
        save(dense_network(), tmp_path / "a.net")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.net"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """In a process of its own that may write files of 20 kB only: to the program that is a full disk."""
    path = tmp_path / "a.net"
    save(dense_network(), path)
    before = path.read_bytes()
    script = (
        "import resource, signal, sys, numpy as np;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from lapilli.netx_exports import *;"
        "layer = Layer('a', (200,), CubaLif(64, 0, 0), (DenseSynapse('input', np.ones((200, 200)) * 2),));"
        "\ntry: save(Network((200,), (layer,)), sys.argv[1])"
        "\nexcept LapilliError as error: print(error)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == f"cannot write {path}: {os.strerror(errno.EFBIG)}\n"
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.lava
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("seed", range(40))
def test_stock_lava_dl_reads_plain_files(tmp_path: Path, seed: int) -> None:
    """It constructs its Processes with our shapes; that they run the same is tested with the Lava backend."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from lava.lib.dl.netx.hdf5 import Network as StockNetwork
    network = random_plain_network(seed)
    path = tmp_path / "a.net"
    save(network, path)
    if any("all weights are 0" in problem for problem in stock_problems(network)):
        with pytest.raises(OverflowError):
            StockNetwork(str(path))
        return
    stock = StockNetwork(str(path))
    stock.net_config.f.close()
    expected = [
        layer.shape[::-1] if layer_type(layer) in ("conv", "input") else (layer.size,) for layer in network.layers
    ]
    assert [tuple(layer.shape) for layer in stock.layers] == expected
