"""`load`: files of other tools, and what it says about files that are wrong."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from of_kind import of_kind

from lapilli.netx_exports import (
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    FormatError,
    IdentitySynapse,
    LapilliError,
    Layer,
    Network,
    Readout,
    UnsupportedError,
    load,
    save,
)
from lapilli.netx_exports.netx.reader import read_file
from lapilli.netx_exports.neurons.kinds import NEURONS
from lapilli.netx_exports.synapses.kinds import SYNAPSES

Edit = Callable[[h5py.File], Any]


def plain_network() -> Network:
    """(2, 6, 6) -> conv (3, 4, 4) with bias -> flatten -> dense 5 -> recurrent 4."""
    convolution = ConvSynapse("input", np.arange(54).reshape(3, 2, 3, 3) - 27)
    conv = Layer("conv1", (3, 4, 4), CubaLif(64, [100, 200, 300], 4096, [1, 2, 3]), (convolution,))
    weights = np.arange(240).reshape(5, 48) // 2 * 2 - 200
    dense = Layer(
        "dense2", (5,), CubaLif(64, 100, 200), (DenseSynapse("conv1", weights, delays=[[0], [1], [2], [3], [9]]),)
    )
    synapses = (
        DenseSynapse("dense2", np.arange(20).reshape(4, 5) * 2),
        DenseSynapse("recurrent3", np.arange(16).reshape(4, 4) * 2),
    )
    return Network((2, 6, 6), (conv, dense, Layer("recurrent3", (4,), CubaLif(64, 100, 200), synapses)))


def extended_network() -> Network:
    """The convolution of `plain_network`, then an identity and a recurrent synapse together."""
    synapses = (IdentitySynapse("conv1", 3), DenseSynapse("skip", np.eye(48) * 4))
    return Network((2, 6, 6), (plain_network().layers[0], Layer("skip", (48,), CubaLif(64, 100, 200), synapses)))


@pytest.fixture
def plain_file(tmp_path: Path) -> Path:
    path = tmp_path / "plain.net"
    save(plain_network(), path)
    return path


@pytest.fixture
def extended_file(tmp_path: Path) -> Path:
    path = tmp_path / "extended.net"
    save(extended_network(), path)
    return path


def put(path: str, value: Any, **options: Any) -> Edit:
    """Edit that replaces a dataset."""

    def edit(file: h5py.File) -> None:
        if path in file:
            del file[path]
        file.create_dataset(path, data=value, **options)

    return edit


def drop(*paths: str) -> Edit:
    """Edit that removes groups or datasets."""

    def edit(file: h5py.File) -> None:
        for path in paths:
            del file[path]

    return edit


def note(**members: Any) -> Edit:
    """Edit that replaces members of the attribute `lapilli`."""

    def edit(file: h5py.File) -> None:
        old = json.loads(file.attrs["lapilli"])
        file.attrs["lapilli"] = np.bytes_(json.dumps({**old, **members}).encode())

    return edit


def problems(path: Path, *edits: Edit) -> tuple[str, ...]:
    """What `load` says about the file after the edits."""
    with h5py.File(path, "r+") as file:
        for edit in edits:
            edit(file)
    with pytest.raises((FormatError, UnsupportedError)) as raised:
        load(path)
    assert str(path) in str(raised.value)
    return raised.value.problems


def test_names_by_type_and_number(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        del file.attrs["lapilli"]
    assert load(plain_file) == plain_network()


def test_every_problem_at_once_with_its_path(plain_file: Path) -> None:
    found = problems(
        plain_file,
        drop("layer/1/groups", "layer/3/neuron/iDecay", "layer/4/weight_rec"),
        put("layer/3/delay", np.array([0, 80, 0, 0, 0], np.float32)),
        put("layer/1/neuron/vThMant", -5),
        put("layer/4/neuron/type", "CUBE"),
    )
    assert found == (
        "`layer/1/groups`: missing",
        "`layer/1/neuron/vThMant`: must be whole numbers in 0…16777215, got -5",
        "`layer/3/delay`: must be whole numbers in 0…62, got 80.0 at [1]",
        "`layer/3/neuron/iDecay`: missing",
        "`layer/4/weight_rec`: missing",
        "`layer/4/neuron/type`: must be one of CUBA, LOIHI, ALIF, RF_PHASE, RF_IZHIKEVICH, SDNN, got 'CUBE'",
    )


WRONG: list[tuple[Edit, str]] = [
    (
        put("layer/3/weight", np.full((5, 48), np.nan)),
        "`layer/3/weight`: must be whole numbers in -256…255, got nan at [0, 0]",
    ),
    (
        put("layer/3/weight", np.full((5, 48), -np.inf)),
        "`layer/3/weight`: must be whole numbers in -256…255, got -inf at [0, 0]",
    ),
    (
        put("layer/3/weight", np.full((5, 48), 57.9999)),
        "`layer/3/weight`: must be whole numbers in -256…255, got 57.9999 at [0, 0]",
    ),
    (
        put("layer/3/weight", np.full((5, 48), 256)),
        "`layer/3/weight`: must be whole numbers in -256…255, got 256 at [0, 0]",
    ),
    (
        put("layer/3/weight", np.zeros((5, 47))),
        "`layer/3/weight`: must have 48 columns, one for each neuron of 'conv1', got 47",
    ),
    (
        put("layer/3/weight", np.zeros((4, 48))),
        "`layer/3/weight`: must have 5 rows, one for each neuron, got shape (4, 48)",
    ),
    (put("layer/3/weight", np.zeros((5, 0))), "`layer/3/weight`: must be numbers, got shape (5, 0)"),
    (put("layer/3/weight", "many"), "`layer/3/weight`: must be numbers, got a string"),
    (put("layer/3/weight", h5py.Empty("f4")), "`layer/3/weight`: is empty"),
    (put("layer/3/weight", np.zeros(3, [("a", "f4")])), "`layer/3/weight`: must be numbers, got [('a', '<f4')]"),
    (put("layer/3/weight", np.zeros((5, 48), complex)), "`layer/3/weight`: must be numbers, got complex128"),
    (put("layer/3/delay", np.full(5, -1)), "`layer/3/delay`: must be whole numbers in 0…62, got -1 at [0]"),
    (put("layer/3/delay", np.zeros(7)), "`layer/3/delay`: must have shape (5,), (48,) or (5, 48), got (7,)"),
    (
        put("layer/3/shape", [1 << 40]),
        "`layer/3/shape`: must be whole numbers in 1…2147483648, got 1099511627776 at [0]",
    ),
    (put("layer/3/shape", [5, 1]), "`layer/3/shape`: must be (N,) or (C, H, W), got (5, 1)"),
    (
        put("layer/3/neuron/iDecay", [1, 2]),
        "`layer/3/neuron/iDecay`: must be one number, or one for each of 5 channels, got shape (2,)",
    ),
    (put("layer/3/neuron/iDecay", 4097), "`layer/3/neuron/iDecay`: must be whole numbers in 0…4096, got 4097"),
    (put("layer/3/neuron/tau", 1.0), "`layer/3/neuron/tau`: unknown here, and might change what runs"),
    (
        put("layer/3/bias", np.ones(4)),
        "`layer/3/bias`: must be one number, or one for each of 5 channels, got shape (4,)",
    ),
    (put("layer/3/gain", 2), "`layer/3/gain`: unknown here, and might change what runs"),
    (put("layer/3/type", 3), "`layer/3/type`: must be one string, got int64 of shape ()"),
    (put("layer/3/type", np.array([b"dense", b"dense"])), "`layer/3/type`: must be one string, got shape (2,)"),
    (put("layer/3/type", np.bytes_(b"\xff\xfe")), "`layer/3/type`: must be text in UTF-8"),
    (put("layer/3/type", "d" * 5000), "`layer/3/type`: must be a string of at most 1024 bytes"),
    (
        put("layer/3/type", "deense"),
        "`layer/3/type`: must be one of conv, dense, dense_rec, flatten, input, got 'deense'",
    ),
    (put("layer/3/type", "input"), "`layer/3/type`: an input group must be the first"),
    (drop("layer/3/type"), "`layer/3/type`: missing"),
    (drop("layer/3/weight"), "`layer/3/weight`: missing"),
    (drop("layer/1/neuron"), "`layer/1/neuron`: missing"),
    (put("layer/1/stride", [0, 1]), "`layer/1/stride`: must be whole numbers in 1…127, got 0 at [0]"),
    (put("layer/1/stride", [1, 1, 1]), "`layer/1/stride`: must be (height, width), got shape (3,)"),
    (put("layer/1/groups", 2), "`layer/1/weight`: 3 x 2 channels in 2 groups do not fit a source of 2 channels"),
    (put("layer/1/shape", [3, 5, 5]), "`layer/1/shape`: must be (3, 4, 4) for this convolution, got (3, 5, 5)"),
    (put("layer/1/shape", [48]), "`layer/1/shape`: must be (C, H, W), got (48,)"),
    (
        put("layer/1/weight", np.zeros((3, 18))),
        "`layer/1/weight`: must be numbers with 4 or 5 dimensions, got shape (3, 18)",
    ),
    (put("layer/2/shape", [47, 1, 1]), "`layer/2/shape`: must hold the 48 neurons of 'conv1', got (47, 1, 1)"),
    (
        put("layer/4/weight_rec", np.zeros((4, 5))),
        "`layer/4/weight_rec`: must have 4 columns, one for each neuron, got 5",
    ),
    (put("layer/six/type", "dense"), "`layer/six`: layers must be numbered 0…5"),
    (lambda file: file.move("layer/3", "layer/9"), "`layer/3`: missing"),
    (note(names=["a"]), "attribute `lapilli`: must name 3 layers, got 1 names"),
    (note(schema=2), "attribute `lapilli`: schema must be 1, got 2"),
    (note(input_shape=[2, -6, 6]), "attribute `lapilli`: has no sound input_shape"),
    (
        note(input_shape=[2, 6, 7]),
        "`layer/0/shape`: must hold as many neurons as the input shape (2, 6, 7), got (2, 6, 6)",
    ),
    (note(metadata=[]), "attribute `lapilli`: has no sound metadata"),
    (note(names=["same", "same", "same"]), "layer 'same': name: already taken"),
    (drop("layer"), "must hold the group `layer` or the group `lapilli`, found nothing"),
    (put("lapilli/schema", 1), "must hold the group `layer` or the group `lapilli`, found both"),
]


@pytest.mark.parametrize(("edit", "message"), WRONG, ids=[message[:60] for _, message in WRONG])
def test_wrong_files_are_refused_with_the_place(plain_file: Path, edit: Edit, message: str) -> None:
    assert message in problems(plain_file, edit)


UNSUPPORTED: list[tuple[Edit, str]] = [
    *[
        (put("layer/3/type", kind), f"`layer/3/type`: layers of type '{kind}' are not run by this release")
        for kind in ("pool", "convT", "unpool", "concat", "kwta", "dense_comp", "average")
    ],
    *[
        (
            put("layer/3/neuron/type", kind),
            f"`layer/3/neuron/type`: neurons of type '{kind}' are not run by this release",
        )
        for kind in ("ADRF_PHASE", "ADRF_IZHIKEVICH", "MYRF")
    ],
    (
        put("layer/3/neuron/gradedSpike", True),
        "graded spikes of these neurons are not run by this release (nor by lava-dl)",
    ),
    (put("layer/3/neuron/weight_exp", 2.0), "the weight exponent of WgtScaleBatchNorm is not run (lava-dl drops it)"),
    (put("layer/3/neuron/wgtExp", 2), "a weight exponent other than 0 is not run (lava-dl drops it)"),
    (put("layer/3/neuron/refDelay", 4), "a refractory delay other than 0 and 1 is not run (lava-dl drops it)"),
    (put("layer/3/bias", np.ones(5)), "delays of a layer with a bias have no one meaning"),
    (put("layer/1/delay", [1, 2, 3]), "delays of a layer with a bias have no one meaning"),
    (put("layer/4/delay", np.ones(4)), "recurrence with delays has no one meaning without delay_rec"),
    (put("layer/4/bias", np.ones(4)), "recurrence with a bias has no one meaning"),
]


@pytest.mark.parametrize(("edit", "message"), UNSUPPORTED)
def test_what_this_release_does_not_run_is_refused_by_name(plain_file: Path, edit: Edit, message: str) -> None:
    with h5py.File(plain_file, "r+") as file:
        edit(file)
    with pytest.raises(UnsupportedError) as raised:
        load(plain_file)
    assert len(raised.value.problems) == 1
    assert message in raised.value.problems[0]


def test_complex_weights_need_resonators(plain_file: Path) -> None:
    found = problems(plain_file, drop("layer/3/weight"), put("layer/3/weight/real", np.zeros((5, 48))))
    assert found == ("`layer/3/weight`: complex weights need resonate-and-fire neurons in a dense layer",)


def test_damage_and_what_is_unsupported_come_together_as_damage(plain_file: Path) -> None:
    found = problems(plain_file, put("layer/1/neuron/type", "ADRF_PHASE"), drop("layer/4/weight"))
    assert found == (
        "`layer/4/weight`: missing",
        "`layer/1/neuron/type`: neurons of type 'ADRF_PHASE' are not run by this release",
    )


def external_link(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file["layer/3/weight"] = h5py.ExternalLink("other.net", "/layer/3/weight")


def soft_cycle(file: h5py.File) -> None:
    del file["layer/3"]
    file["layer/3"] = h5py.SoftLink("/layer/3")


def hard_cycle(file: h5py.File) -> None:
    file["layer/3/again"] = file["layer"]


def virtual(file: h5py.File) -> None:
    del file["layer/3/weight"]
    layout = h5py.VirtualLayout((5, 48), "f4")
    layout[...] = h5py.VirtualSource("other.net", "layer/3/weight", shape=(5, 48))
    file.create_virtual_dataset("layer/3/weight", layout)


def external_storage(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file.create_dataset("layer/3/weight", (5, 48), "f4", external=[("/etc/passwd", 0, 960)])


def unallocated(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file.create_dataset("layer/3/weight", (1 << 17, 1 << 17), "f4")


def unallocated_chunks(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file.create_dataset("layer/3/weight", (1 << 17, 1 << 17), "f4", chunks=(1 << 10, 1 << 10), compression="gzip")


def huge_chunks(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file.create_dataset("layer/3/weight", (1, 1), "f4", chunks=(1 << 14, 1 << 14), maxshape=(None, None))


def references(file: h5py.File) -> None:
    put("layer/3/weight", np.array([file["layer"].ref], dtype=h5py.ref_dtype))(file)


def named_type(file: h5py.File) -> None:
    del file["layer/3/weight"]
    file["layer/3/weight"] = np.dtype("f4")


def odd_name(file: h5py.File) -> None:
    file["layer/3"].id.link(b"type", b"\xff\xfe", h5py.h5g.LINK_HARD)


HOSTILE = {
    external_link: "`layer/3/weight`: must be in this file itself, got ExternalLink",
    soft_cycle: "`layer/3`: must be in this file itself, got SoftLink",
    hard_cycle: "`layer/3/again`: is a group inside itself",
    virtual: "`layer/3/weight`: must be in this file itself, got storage in other files",
    external_storage: "`layer/3/weight`: must be in this file itself, got storage in other files",
    unallocated: "`layer/3/weight`: claims shape (131072, 131072) of float32, but holds 0 bytes",
    unallocated_chunks: "`layer/3/weight`: claims shape (131072, 131072) of float32, but holds 0 bytes",
    huge_chunks: "`layer/3/weight`: claims shape (1, 1) of float32, but holds 0 bytes",
    references: "`layer/3/weight`: must be numbers, got object",
    named_type: "`layer/3/weight`: must be a group or a dataset, got Datatype",
}


@pytest.mark.parametrize("edit", HOSTILE, ids=lambda edit: edit.__name__)
def test_hostile_files_are_refused(plain_file: Path, edit: Any) -> None:
    assert HOSTILE[edit] in problems(plain_file, edit)


def test_a_name_that_is_not_text_is_refused(plain_file: Path) -> None:
    (found,) = problems(plain_file, odd_name)
    assert found == r"`layer/3/b'\xff\xfe'`: has a name that is not UTF-8"


def test_one_bomb_and_many_small_ones_are_refused(plain_file: Path) -> None:
    zeros = np.zeros((1 << 12, 1 << 11), "f4")
    found = problems(
        plain_file,
        *[put(f"layer/3/bomb{number}", zeros, compression="gzip", chunks=(1 << 9, 1 << 11)) for number in range(8)],
    )
    claims = [problem for problem in found if "claims shape" in problem]
    assert 1 <= len(claims) < 8


def test_honest_compression_is_read(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        weights = file["layer/3/weight"][()]
        put("layer/3/weight", weights, compression="gzip", shuffle=True, fletcher32=True, chunks=(2, 48))(file)
    assert load(plain_file) == plain_network()


def test_filters_that_load_plugins_are_refused(plain_file: Path) -> None:
    (found,) = problems(plain_file, put("layer/3/weight", np.zeros((5, 48)), compression="lzf"))
    assert found == "`layer/3/weight`: must be stored plain or with gzip, got filters [32000]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.net", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/zero", "not a regular file"),
        ("text.net", "not an HDF5 file, or a damaged one"),
        ("empty.net", "not an HDF5 file, or a damaged one"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "text.net").write_text("layer/0/type: dense\n")
    (tmp_path / "empty.net").touch()
    with pytest.raises(LapilliError, match=message):
        load(tmp_path / name)


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.95, 0.999])
def test_truncated_files_are_refused(plain_file: Path, kept: float) -> None:
    content = plain_file.read_bytes()
    plain_file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(FormatError, match="not an HDF5 file, or a damaged one"):
        load(plain_file)


def test_files_of_older_tools(plain_file: Path) -> None:
    """Variable-length types, LOIHI neurons with hints, a trailing axis, flat weights, one number for a pair."""
    with h5py.File(plain_file, "r+") as file:
        del file.attrs["lapilli"]
        put("layer/1/type", "conv")(file)
        put("layer/1/neuron/type", "LOIHI")(file)
        for name, value in {"scaleRho": 1.0, "tauRho": 0.5, "theta": 4096, "wgtExp": 0}.items():
            put(f"layer/1/neuron/{name}", value)(file)
        put("layer/1/weight", file["layer/1/weight"][()][..., None])(file)
        put("layer/1/stride", 1)(file)
        put("layer/3/weight", file["layer/3/weight"][()].reshape(-1).astype(">f8"))(file)
        put("layer/3/shape", [5, 1, 1])(file)
        drop("layer/3/inFeatures", "layer/3/outFeatures", "layer/1/kernelSize")(file)
        put("simulation/Ts", 1)(file)
    content = read_file(plain_file)
    expected = plain_network()
    dense = expected.layers[1]
    layers = (expected.layers[0], Layer(dense.name, (5, 1, 1), dense.neuron, dense.synapses), expected.layers[2])
    assert content.network == Network((2, 6, 6), layers)
    assert content.ignored == ("simulation",)
    assert content.form == "plain"


def test_a_dense_layer_without_neuron_gets_lava_dls_default(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        del file["layer/3/neuron"]
    neuron = of_kind(CubaLif, load(plain_file).layers[1].neuron)
    assert [int(np.asarray(n)) for n in (neuron.vth_mant, neuron.current_decay, neuron.voltage_decay)] == [
        1 << 17,
        0,
        4096,
    ]


def test_a_trailing_average_is_a_readout(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        file.create_dataset("layer/5/type", (1,), "S10", [b"average"])
        put("layer/5/shape", [2, 1, 1])(file)
    network = load(plain_file)
    assert network == replace(plain_network(), readout=Readout("spike_count", 2))
    save(network, plain_file)
    assert load(plain_file) == network
    assert problems(plain_file, put("layer/5/type", "average"), put("layer/5/shape", [3])) == (
        "`layer/5/shape`: must divide the 4 neurons of 'recurrent3', got (3,)",
    )


def delays_of(path: Path, shape: tuple[int, ...]) -> Any:
    with h5py.File(path, "r+") as file:
        put("layer/0/delay", np.arange(np.prod(shape)).reshape(shape) % 60)(file)
    (synapse,) = load(path).layers[0].synapses
    assert isinstance(synapse, DenseSynapse)
    return np.broadcast_to(np.asarray(synapse.delays), np.shape(synapse.weights))


def dense_file(path: Path, n_out: int, n_in: int) -> Path:
    layer = Layer("dense1", (n_out,), CubaLif(64, 100, 200), (DenseSynapse("input", np.ones((n_out, n_in)) * 2),))
    save(Network((n_in,), (layer,), {"netx_layout": ["dense"]}), path)
    return path


def test_delays_mean_what_lava_dl_means(tmp_path: Path) -> None:
    path = dense_file(tmp_path / "a.net", 4, 6)
    assert np.array_equal(delays_of(path, (4,)), np.arange(4)[:, None] + np.zeros((4, 6)))
    assert np.array_equal(delays_of(path, (6,)), np.arange(6) + np.zeros((4, 6)))
    assert np.array_equal(delays_of(path, (4, 6)), np.arange(24).reshape(4, 6))
    square = dense_file(tmp_path / "b.net", 4, 4)
    assert np.array_equal(delays_of(square, (4,)), np.arange(4)[:, None] + np.zeros((4, 4)))


def test_delays_of_each_source_go_with_a_bias(tmp_path: Path) -> None:
    path = dense_file(tmp_path / "a.net", 4, 6)
    with h5py.File(path, "r+") as file:
        put("layer/0/bias", np.ones(4))(file)
        put("layer/0/delay", np.arange(6))(file)
    assert load(path).layers[0].neuron.has_bias


def test_delays_of_a_convolution_are_read(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        drop("layer/1/bias")(file)
        put("layer/1/delay", np.array([4, 0, 7], np.float32))(file)
    (synapse,) = load(plain_file).layers[0].synapses
    assert isinstance(synapse, ConvSynapse)
    assert np.asarray(synapse.delays).tolist() == [4, 0, 7]


@pytest.mark.parametrize(
    "weights",
    [
        [[2, -4], [254, -256]],
        [[3, 0], [255, 7]],
        [[-3, 0], [-255, -7]],
        [[3, -1], [255, -256]],
        [[-256, -1], [0, 0]],
        [[0, 0], [0, 0]],
    ],
)
def test_all_weights_of_the_range_are_kept_exactly(tmp_path: Path, weights: list[list[int]]) -> None:
    path = dense_file(tmp_path / "a.net", 2, 2)
    with h5py.File(path, "r+") as file:
        put("layer/0/weight", np.asarray(weights, np.float32))(file)
    (synapse,) = load(path).layers[0].synapses
    assert isinstance(synapse, DenseSynapse)
    assert synapse.effective_weights.tolist() == weights


def encoder_file(path: Path) -> Path:
    synapses = (DirectSynapse(scale=40, offset=36),)
    save(
        Network((2, 3, 3), (Layer("encoder1", (2, 3, 3), CubaLif(25, 4096, 1024), synapses),), graded_input=True), path
    )
    return path


def test_an_input_block_with_a_neuron(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "a.net")
    with h5py.File(path, "r+") as file:
        del file.attrs["lapilli"]
        put("layer/0/weight", np.float32(40))(file)
    network = load(path)
    assert network.graded_input
    synapse = network.layers[0].synapses[0]
    assert isinstance(synapse, DirectSynapse)
    assert (synapse.scale, synapse.offset) == (40, 36)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put("layer/0/weight", 40.5), "`layer/0/weight`: must be whole numbers in -256…255, got 40.5"),
        (put("layer/0/bias", [1, 2]), "`layer/0/bias`: must be one number, got shape (2,)"),
        (put("layer/0/shape", [6, 3]), "`layer/0/shape`: must be (N,) or (C, H, W), got (6, 3)"),
        (
            put("layer/0/neuron/type", "ADRF_PHASE"),
            "`layer/0/neuron/type`: neurons of type 'ADRF_PHASE' are not run by this release",
        ),
    ],
)
def test_input_blocks_that_are_wrong(tmp_path: Path, edit: Edit, message: str) -> None:
    assert message in problems(encoder_file(tmp_path / "a.net"), edit)


def test_an_input_without_neurons_is_no_network(tmp_path: Path) -> None:
    assert problems(encoder_file(tmp_path / "a.net"), drop("layer/0/neuron")) == (
        "`layer`: holds no layer with neurons",
    )


def test_the_input_shape_may_have_to_come_from_the_caller(plain_file: Path) -> None:
    with h5py.File(plain_file, "r+") as file:
        del file.attrs["lapilli"]
        del file["layer/0/shape"]
    with pytest.raises(FormatError, match=r"`layer/1/shape`: .* pass input_shape=\(C, H, W\)"):
        load(plain_file)
    assert load(plain_file, (2, 6, 6)) == plain_network()
    with pytest.raises(FormatError, match=r"`layer/1/shape`: must be \(3, 4, 5\)"):
        load(plain_file, (2, 6, 7))
    with pytest.raises(LapilliError, match=r"input_shape must be \(N,\) or \(C, H, W\), got \(6, 6\)"):
        load(plain_file, (6, 6))


def test_an_input_shape_that_contradicts_the_file(plain_file: Path, extended_file: Path) -> None:
    with pytest.raises(FormatError, match=r"attribute `lapilli`: input_shape is \(2, 6, 6\), not \(72,\)"):
        load(plain_file, (72,))
    with pytest.raises(FormatError, match=r"`lapilli/input_shape`: is \(2, 6, 6\), not \(72,\)"):
        load(extended_file, (72,))
    assert load(extended_file, (2, 6, 6)) == extended_network()


SKIP = "lapilli/layers/1"


@pytest.mark.parametrize(
    ("path", "value", "phrase"),
    [
        ("lapilli/schema", 9, "must be 1, got 9"),
        ("lapilli/metadata", np.frombuffer(b"[1]", np.uint8), "must be a JSON object"),
        ("lapilli/graded_input", 2, "must be whole numbers in 0…1, got 2"),
        ("lapilli/extra", 2, "unknown here, and might change what runs"),
        (
            f"{SKIP}/neuron/type",
            "LIF",
            f"must be one of {', '.join(NEURONS)}, got 'LIF'",
        ),
        (f"{SKIP}/neuron/vth_mant", -1, "must be whole numbers in 0…16777215, got -1"),
        (f"{SKIP}/neuron/current_decay", [1, 2], "shape must be (), (48,) or (48,), got (2,)"),
        (f"{SKIP}/synapses/1/weight_bits", 77, "must be whole numbers in 1…9, got 77"),
        (f"{SKIP}/synapses/1/sign_mode", "any", "must be one of mixed, excitatory, inhibitory, got 'any'"),
        (f"{SKIP}/synapses/1/weights", np.ones((2, 2)), "shape must be (48, 48), got (2, 2)"),
        (f"{SKIP}/synapses/0/type", "sparse", f"must be one of {', '.join(SYNAPSES)}, got 'sparse'"),
        (f"{SKIP}/synapses/0/gain", 1, "unknown here, and might change what runs"),
    ],
)
def test_extended_values_that_are_wrong(extended_file: Path, path: str, value: Any, phrase: str) -> None:
    assert f"`{path}`: {phrase}" in problems(extended_file, put(path, value))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put(f"{SKIP}/name", "conv1"), "layer 'conv1': name: already taken"),
        (put(f"{SKIP}/synapses/0/source", "conv7"), "layer 'skip': synapse 0 from 'conv7': source must be the input, "),
        (drop(f"{SKIP}/neuron/vth_mant"), f"`{SKIP}/neuron/vth_mant`: missing"),
        (drop(f"{SKIP}/shape"), f"`{SKIP}/shape`: missing"),
        (lambda file: file.move(SKIP, "lapilli/layers/7"), "`lapilli/layers/7`: must be numbered 0…1"),
    ],
)
def test_extended_files_that_are_wrong(extended_file: Path, edit: Edit, message: str) -> None:
    assert any(problem.startswith(message) for problem in problems(extended_file, edit))
