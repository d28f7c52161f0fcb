"""NetX files of other writers: what says nothing is passed over, what Lava runs anyway is read, and is proven."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, inspect, load, save, save_nir
from lapilli.netx_exports.netx.reader import read_file
from lapilli.netx_exports.synapses.fitting import lossless_dense
from lapilli.simulators import Events, prove, run


def group(file: h5py.File, number: int, kind: str, shape: tuple[int, ...], **arrays: Any) -> h5py.Group:
    """A group as mlGeNN's exporter writes it: h5py makes an empty dataset where neither shape nor data are given."""
    layer = file.create_group(f"/layer/{number}")
    layer.create_dataset("shape", data=shape, dtype="i8")
    layer.create_dataset("type", data=kind, dtype="S10")
    if kind != "input":
        layer.create_dataset("inFeatures", dtype="i4")
        layer.create_dataset("outFeatures", dtype="i4")
    for name, values in arrays.items():
        layer.create_dataset(name, data=values, dtype="i4" if name.startswith("delay") else "f4")
    return layer


def neuron(layer: h5py.Group, threshold: int, ref_delay: int) -> None:
    found = layer.create_group("neuron")
    found.create_dataset("gradedSpike", dtype="b1")
    for name, value in {"iDecay": 743, "vDecay": 200, "vThMant": threshold, "refDelay": ref_delay}.items():
        found.create_dataset(name, data=value, dtype="i4")
    found.create_dataset("type", data="CUBA")


RNG = np.random.default_rng(0)
W_IN, W_REC, W_OUT = (RNG.integers(-60, 127, shape) for shape in ((12, 20), (12, 12), (4, 12)))
D_IN, D_REC = RNG.integers(0, 60, (12, 20)), RNG.integers(0, 60, (12, 12))


def write_mlgenn(path: Path, ref_delay: int = 0, **delays: Any) -> Path:
    with h5py.File(path, "w") as file:
        group(file, 0, "input", (20,))
        neuron(group(file, 1, "dense_rec", (12,), weight=W_IN, weight_rec=W_REC, **delays), 120, ref_delay)
        neuron(group(file, 2, "dense", (4,), weight=W_OUT), 1 << 16, ref_delay)
    return path


def meant(d_in: Any = None, d_rec: Any = None) -> Network:
    synapses = (lossless_dense("input", W_IN, d_in), lossless_dense("recurrent1", W_REC, d_rec))
    hidden = Layer("recurrent1", (12,), CubaLif(120, 743, 200), synapses)
    output = Layer("dense2", (4,), CubaLif(1 << 16, 743, 200), (lossless_dense("recurrent1", W_OUT),))
    return Network((20,), (hidden, output))


@pytest.mark.parametrize("ref_delay", [0, 1])
def test_what_mlgenn_writes(tmp_path: Path, ref_delay: int) -> None:
    assert load(write_mlgenn(tmp_path / "mlgenn.net", ref_delay)) == meant()


def test_a_recurrent_layer_with_delays_of_both_synapses(tmp_path: Path) -> None:
    network = load(write_mlgenn(tmp_path / "both.net", delay=D_IN, delay_rec=D_REC))
    assert network == meant(D_IN, D_REC)
    save(network, tmp_path / "again.net")
    assert load(tmp_path / "again.net") == network
    events = Events.from_dense(np.random.default_rng(1).random((2, 20, 90)) < 0.2)
    proof = prove(network, events, ("reference", "fast"), n_steps=90 + network.depth)
    assert proof.equal
    assert load(write_mlgenn(tmp_path / "one.net", delay_rec=D_REC)) == meant(None, D_REC)
    assert load(write_mlgenn(tmp_path / "number.net", delay=3, delay_rec=D_REC)) == meant(np.full((1, 1), 3), D_REC)


@pytest.mark.slow
@pytest.mark.lava
def test_delays_of_both_synapses_in_lava(tmp_path: Path) -> None:
    network = load(write_mlgenn(tmp_path / "both.net", delay=D_IN, delay_rec=D_REC))
    events = Events.from_dense(np.random.default_rng(2).random((2, 20, 70)) < 0.2)
    proof = prove(network, events, ("reference", "fast", "lava"), n_steps=70 + network.depth)
    assert proof.equal
    # Not for want of spikes, nor of delays that change them.
    spikes = run(network, events, n_steps=70 + network.depth, record={"recurrent1": ["spikes"]}).counts
    assert spikes != run(meant(), events, n_steps=70 + network.depth, record={"recurrent1": ["spikes"]}).counts


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"delay": D_IN}, "recurrence with delays has no one meaning without delay_rec"),
        ({"delay": D_IN, "delay_rec": D_IN}, r"delay_rec`: must be one number or of shape \(12, 12\)"),
        ({"delay": np.zeros(12), "delay_rec": D_REC}, r"delay`: must be one number or of shape \(12, 20\)"),
        ({"delay": D_IN, "delay_rec": D_REC + 40}, r"delay_rec`: must be whole numbers in 0…62"),
    ],
)
def test_delays_that_mean_nothing(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(LapilliError, match=message):
        load(write_mlgenn(tmp_path / "delays.net", **arrays))


@pytest.mark.parametrize("name", ["weight", "shape", "type", "neuron/vThMant"])
def test_what_must_say_something_is_missed(tmp_path: Path, name: str) -> None:
    path = write_mlgenn(tmp_path / "empty.net")
    with h5py.File(path, "r+") as file:
        del file[f"layer/2/{name}"]
        file[f"layer/2/{name}"] = h5py.Empty("f4")
    with pytest.raises(LapilliError, match=f"layer/2/{name}`: is empty"):
        load(path)


STALE: dict[str, tuple[str, Any, str]] = {
    "kernelSize": ("layer/2/kernelSize", [1, 1], "`layer/2/kernelSize`: says [1, 1], the weights are of 2 x 3"),
    "inChannels": ("layer/2/inChannels", 9, "`layer/2/inChannels`: says 9, the weights are of 3"),
    "outChannels": ("layer/1/outChannels", 9, "`layer/1/outChannels`: says 9, the weights are of 3"),
    "inFeatures": ("layer/3/inFeatures", 9, "`layer/3/inFeatures`: says 9, the weights are of 4 or 36"),
    "outFeatures": ("layer/3/outFeatures", 9, "`layer/3/outFeatures`: says 9, the weights are of 5"),
}


def write_convolutions(path: Path) -> Path:
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["layer/0/shape"], file["layer/0/type"] = [2, 6, 7], np.array([b"input"], "S10")
        kernels = {1: (3, 2, 3, 3), 2: (4, 3, 2, 3)}
        for number, shape in kernels.items():
            layer = file.create_group(f"layer/{number}")
            layer["type"], layer["shape"] = np.array([b"conv"], "S10"), [[3, 4, 5], [4, 3, 3]][number - 1]
            layer["weight"] = rng.integers(-20, 20, shape).astype(np.float32)
            layer["groups"], layer["inChannels"], layer["outChannels"] = 1, shape[1], shape[0]
            layer["kernelSize"] = shape[2:]
            for name, value in (("stride", 1), ("padding", 0), ("dilation", 1)):
                layer[name] = [value, value]
        layer = file.create_group("layer/3")
        layer["type"], layer["shape"] = np.array([b"dense"], "S10"), [5]
        layer["weight"] = rng.integers(-20, 20, (5, 36)).astype(np.float32)
        for number in (1, 2, 3):
            found = file.create_group(f"layer/{number}/neuron")
            found["type"] = "CUBA"
            for name, value in {"iDecay": 1024, "vDecay": 128, "vThMant": 64, "refDelay": 1}.items():
                found[name] = value
    return path


@pytest.mark.parametrize("name", STALE)
def test_counts_that_the_weights_contradict(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Stock lava-dl builds its layers from the weights and reads none of these."""
    path = write_convolutions(tmp_path / "conv.net")
    sound = read_file(path)
    assert sound.remarks == ()
    place, value, remark = STALE[name]
    with h5py.File(path, "r+") as file:
        if place in file:
            del file[place]
        file[place] = value
    assert load(path) == sound.network
    assert inspect(path).remarks == (f"{remark}, and so is the layer",)
    assert cli.main(["inspect", str(path)]) == 0
    assert f"contradiction in the file: {remark}" in capsys.readouterr().out


def some_network() -> Network:
    return Network((3,), (Layer("a", (3,), CubaLif(64, 1024, 128), (DenseSynapse("input", np.eye(3) * 64),)),))


class TestOtherFiles:
    @pytest.fixture
    def said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        monkeypatch.chdir(tmp_path)
        complaints: list[str] = []
        monkeypatch.setattr(cli, "complain", complaints.append)
        save(some_network(), "a.net")
        Events.from_dense(np.ones((1, 3, 4), int)).save("in.npz")
        return complaints

    @pytest.mark.parametrize("words", [
        "inspect FILE", "simulate FILE --input in.npz --out out.npz", "prove FILE", "profile FILE --input in.npz",
        "plot FILE --input in.npz --out o.png", "learn FILE --input in.npz --run-dir run",
        "simulate a.net --input FILE --out o.npz", "plot FILE --out o.png",
        "export FILE --out out.net", "train --config FILE --run-dir run",
    ])  # fmt: skip
    def test_a_git_lfs_pointer_is_called_that(self, said: list[str], words: str) -> None:
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
        Path("mnist.net").write_text(pointer)
        assert cli.main(words.replace("FILE", "mnist.net").split()) == 2
        assert "it is a Git LFS pointer; `git lfs pull` gets the file itself" in said[0]

    @pytest.mark.parametrize("words", [
        "inspect FILE", "simulate FILE --input in.npz --out out.npz", "prove FILE", "profile FILE --input in.npz",
        "plot FILE --input in.npz --out o.png", "plot FILE --out o.png",
        "learn FILE --input in.npz --run-dir run",
    ])  # fmt: skip
    def test_a_nir_file_is_to_be_exported_first(self, said: list[str], words: str) -> None:
        pytest.importorskip("nir")
        save_nir(some_network(), "small.nir")
        assert cli.main(words.replace("FILE", "small.nir").split()) == 2
        assert "a NIR file, not NetX; `lapilli export small.nir --out small.net` makes a NetX file of it" in said[0]

    def test_the_reverse(self, said: list[str]) -> None:
        Path("a.net").rename("a.nir")
        assert cli.main(["export", "a.nir", "--out", "b.net"]) == 2
        assert "a NetX file, not NIR" in said[0]

    def test_one_kind_of_file_for_another(self, said: list[str]) -> None:
        assert cli.main(["inspect", "in.npz"]) == 2
        assert "not an HDF5 file, an archive, as .npz are" in said[0]
        assert cli.main(["simulate", "a.net", "--input", "a.net", "--out", "o.npz"]) == 2
        assert "not an npz file, an HDF5 file, as NetX and NIR are" in said[1]
