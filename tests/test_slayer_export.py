"""`from_slayer`: the numbers of lava-dl's exporter, the spikes of SLAYER, the module untouched, the rest refused."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from of_kind import of_kind

torch = pytest.importorskip("torch")
pytest.importorskip("lava.lib.dl")

from lapilli.netx_exports import (  # noqa: E402
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    Layer,
    Network,
    NetworkError,
    UnsupportedError,
    from_slayer,
    load,
    save,
)
from lapilli.netx_exports.netx.stock import is_plain, stock_problems  # noqa: E402
from lapilli.netx_exports.slayer.lava_dl import cuba, slayer  # noqa: E402
from lapilli.netx_exports.synapses.fitting import lossless_dense  # noqa: E402
from lapilli.simulators.events import Events  # noqa: E402
from lapilli.simulators.plan import RunPlan  # noqa: E402
from lapilli.simulators.reference.backend import run_reference  # noqa: E402

NORM = slayer.neuron.norm.MeanOnlyBatchNorm
Blocks = list[Any]
Prepare = Callable[[Blocks], None]


def neuron(**changes: Any) -> dict[str, Any]:
    return {"threshold": 1.0, "current_decay": 0.3, "voltage_decay": 0.1, **changes}


def dense(n_in: Any, n_out: int, *, params: dict[str, Any] | None = None, **options: Any) -> Any:
    return cuba.Dense(params or neuron(), n_in, n_out, **{"weight_scale": 5, **options})


def conv(n_in: int, n_out: int, kernel: Any, *, params: dict[str, Any] | None = None, **options: Any) -> Any:
    return cuba.Conv(params or neuron(), n_in, n_out, kernel, **{"weight_scale": 5, **options})


def recurrent(n_in: int, n_out: int, *, params: dict[str, Any] | None = None, **options: Any) -> Any:
    return cuba.Recurrent(params or neuron(), n_in, n_out, **{"weight_scale": 5, **options})


def set_delays(*blocks: int, largest: float = 9.0) -> Prepare:
    def prepare(network: Blocks) -> None:
        for number in blocks:
            delay = network[number].delay.delay
            delay.data = torch.linspace(0.5, largest, len(delay))

    return prepare


def set_mean(*blocks: int) -> Prepare:
    def prepare(network: Blocks) -> None:
        for number in blocks:
            norm = network[number].neuron.norm
            norm.running_mean = torch.linspace(-0.3, 0.25, network[number].neuron.shape[0])

    return prepare


def nothing(network: Blocks) -> None:
    """No preparation."""


FLAT, IMAGE = (12,), (2, 8, 10)

# What to build, the input's shape, what to set after a first run (SLAYER draws delays and shapes in it).
EXPORTED: dict[str, tuple[Callable[[], Blocks], tuple[int, ...], Prepare]] = {
    "dense": (lambda: [dense(12, 8), dense(8, 5)], FLAT, nothing),
    "delays": (lambda: [dense(12, 8, delay=True), dense(8, 5, delay=True)], FLAT, set_delays(0, 1)),
    "weight norm": (lambda: [dense(12, 8, weight_norm=True), dense(8, 5)], FLAT, nothing),
    "mask": (lambda: [dense(12, 8, mask=torch.arange(96).reshape(8, 12) % 3 > 0), dense(8, 5)], FLAT, nothing),
    "own decays": (lambda: [dense(12, 8, params=neuron(shared_param=False)), dense(8, 5)], FLAT, nothing),
    "bias": (lambda: [dense(12, 8, params=neuron(norm=NORM)), dense(8, 5)], FLAT, set_mean(0)),
    "bias of 0": (
        lambda: [dense(12, 8, params=neuron(norm=NORM))],
        FLAT,
        lambda blocks: blocks[0].neuron.norm.running_mean.zero_(),
    ),
    "dropout": (lambda: [dense(12, 8, params=neuron(dropout=slayer.neuron.Dropout(0.5))), dense(8, 5)], FLAT, nothing),
    "readout": (lambda: [dense(12, 8), cuba.Affine(neuron(), 8, 3)], FLAT, nothing),
    "recurrent": (lambda: [recurrent(12, 8), recurrent(8, 5)], FLAT, nothing),
    "scale 256": (lambda: [dense(12, 8, params=neuron(scale=256, threshold=0.25), weight_scale=1)], FLAT, nothing),
    "convolutions": (
        lambda: [
            conv(2, 4, (3, 2), stride=(2, 1), padding=(1, 0)),
            conv(4, 4, 3, groups=2, dilation=(1, 2)),
            cuba.Flatten(),
            dense(40, 5),
        ],
        IMAGE,
        nothing,
    ),
    "convolution with bias and weight norm": (
        lambda: [conv(2, 3, 3, params=neuron(norm=NORM), weight_norm=True)],
        IMAGE,
        set_mean(0),
    ),
    "input without neuron": (
        lambda: [cuba.Input(None, delay_shift=False), cuba.Flatten(), dense(160, 5)],
        IMAGE,
        nothing,
    ),
    "flatten first": (lambda: [cuba.Flatten(), dense(160, 5)], IMAGE, nothing),
    "input with neuron": (
        lambda: [cuba.Input(neuron(), weight=1.1, bias=0.5), conv(2, 4, 3), cuba.Flatten(), dense(192, 5)],
        IMAGE,
        nothing,
    ),
    "input with neuron and weight": (lambda: [cuba.Input(neuron(), weight=2), dense(12, 5)], FLAT, nothing),
    "input with neuron alone": (lambda: [cuba.Input(neuron()), dense(12, 5)], FLAT, nothing),
}


def spikes(shape: Sequence[int], n_steps: int = 30) -> Any:
    torch.manual_seed(3)
    return (torch.rand(3, *shape, n_steps) < 0.3).float()


def forward(blocks: Blocks, values: Any) -> Any:
    """SLAYER's answer from empty state (recurrent blocks carry theirs over)."""
    for block in blocks:
        if getattr(block, "neuron", None) is not None:
            block.neuron.current_state, block.neuron.voltage_state = torch.zeros(1), torch.zeros(1)
        block.delay_buffer = None
        values = block(values)
    return values


def prepared(build: Callable[[], Blocks], shape: Sequence[int], prepare: Prepare = nothing) -> Blocks:
    torch.manual_seed(1)
    blocks = build()
    with torch.no_grad():
        forward(blocks, spikes(shape))
    prepare(blocks)
    for block in blocks:
        block.eval()
    return blocks


def content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.__setitem__(name, item[()]) if isinstance(item, h5py.Dataset) else None
        )
        types = {name: (file[name].dtype, file[name].shape) for name in found}
    return {name: (*types[name], np.asarray(value).tolist()) for name, value in found.items()}


def stock_export(blocks: Blocks, path: Path) -> None:
    with h5py.File(path, "w") as file:
        for number, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{number}"))


@pytest.mark.parametrize("case", EXPORTED.values(), ids=EXPORTED.keys())
def test_the_file_is_the_one_that_lava_dls_exporter_writes(
    case: tuple[Callable[[], Blocks], tuple[int, ...], Prepare], tmp_path: Path
) -> None:
    build, shape, prepare = case
    blocks = prepared(build, shape, prepare)
    network = from_slayer(blocks, shape)
    assert stock_problems(network) == ()
    save(network, tmp_path / "ours.net")
    stock_export(blocks, tmp_path / "theirs.net")
    assert content(tmp_path / "ours.net") == content(tmp_path / "theirs.net")
    names = [layer.name for layer in network.layers]
    assert from_slayer(blocks, shape, names) == load(tmp_path / "ours.net")


@pytest.mark.parametrize("name", [name for name in EXPORTED if "input with neuron" not in name and name != "readout"])
def test_the_network_spikes_as_slayer_does(name: str) -> None:
    assert_same_spikes(*EXPORTED[name])


def assert_same_spikes(build: Callable[[], Blocks], shape: tuple[int, ...], prepare: Prepare = nothing) -> Network:
    blocks = prepared(build, shape, prepare)
    network = from_slayer(blocks, shape)
    values = spikes(shape)
    # Lava's bias acts from the first step on, in which SLAYER's input arrives already: one empty frame aligns them.
    with torch.no_grad():
        slayers = forward(blocks, torch.nn.functional.pad(values, (1, 0)))[..., 1:].numpy()
    result = run_reference(network, Events.from_dense(values.numpy().astype(int)), RunPlan(values.shape[-1]))
    ours = result.spikes.to_dense()
    assert slayers.sum() > 10
    assert np.array_equal(ours, slayers.reshape(ours.shape))
    return network


BEYOND_STOCK: dict[str, tuple[Callable[[], Blocks], tuple[int, ...], Prepare]] = {
    "convolution with delays": (
        lambda: [conv(2, 3, 3, delay=True), conv(3, 3, 3, delay=True)],
        IMAGE,
        set_delays(0, 1),
    ),
    "recurrent with delays": (lambda: [recurrent(12, 8, delay=True), dense(8, 5)], FLAT, set_delays(0)),
    "recurrent with delays twice": (
        lambda: [recurrent(12, 8, delay=True), recurrent(8, 6, delay=True), dense(6, 5, delay=True)],
        FLAT,
        set_delays(0, 1, 2),
    ),
    "bias with delays": (
        lambda: [dense(12, 8, params=neuron(norm=NORM), delay=True), dense(8, 5, params=neuron(norm=NORM))],
        FLAT,
        lambda blocks: (set_mean(0, 1)(blocks), set_delays(0)(blocks))[0],
    ),
    "bias with delays of channels": (
        lambda: [conv(2, 3, 3, params=neuron(norm=NORM), delay=True), cuba.Flatten(), dense(144, 5)],
        IMAGE,
        lambda blocks: (set_mean(0)(blocks), set_delays(0)(blocks))[0],
    ),
    "image into a dense block": (lambda: [dense((10, 8, 2), 6), dense(6, 5)], IMAGE, nothing),
    "pool": (lambda: [cuba.Pool(neuron(), 2, weight_scale=1.1)], IMAGE, nothing),
    "pool with odd sides": (
        lambda: [cuba.Pool(neuron(), (2, 4), weight_scale=1.1, delay=True)],
        (3, 7, 10),
        set_delays(0),
    ),
    "pool with padding": (
        lambda: [cuba.Pool(neuron(), (1, 2), stride=(1, 3), padding=(0, 1), weight_scale=1.1)],
        (3, 7, 9),
        nothing,
    ),
    "pool of many channels": (lambda: [cuba.Pool(neuron(), 2, weight_scale=1.1)], (130, 4, 4), nothing),
    "all weights 0": (
        lambda: [dense(12, 8), dense(8, 4, weight_scale=0), dense(4, 3, params=neuron(norm=NORM))],
        FLAT,
        set_mean(2),
    ),
}


@pytest.mark.parametrize("case", BEYOND_STOCK.values(), ids=BEYOND_STOCK.keys())
def test_what_stock_cannot_export_spikes_as_slayer_does(case: tuple[Any, ...], tmp_path: Path) -> None:
    network = assert_same_spikes(*case)
    save(network, tmp_path / "a.net")
    assert load(tmp_path / "a.net") == network


def test_delays_move_to_the_readers_of_a_layer_with_a_bias() -> None:
    build, shape, prepare = BEYOND_STOCK["bias with delays"]
    network = from_slayer(prepared(build, shape, prepare), shape)
    first, second = (layer.synapses[0] for layer in network.layers)
    assert isinstance(first, DenseSynapse)
    assert isinstance(second, DenseSynapse)
    assert first.delays is None
    assert np.asarray(second.delays).tolist() == [[0, 1, 2, 4, 5, 6, 7, 9]]
    assert is_plain(network)


def test_a_pool_of_many_channels_keeps_to_lavas_number_of_groups() -> None:
    network = from_slayer([cuba.Pool(neuron(), 2, weight_scale=1.1)], (130, 4, 4))
    (synapse,) = network.layers[0].synapses
    assert isinstance(synapse, ConvSynapse)
    assert synapse.groups == 65
    assert np.count_nonzero(synapse.weights) == 130 * 4


def test_the_readouts_voltage_is_slayers() -> None:
    build, shape, _ = EXPORTED["readout"]
    blocks = prepared(build, shape)
    values = spikes(shape)
    with torch.no_grad():
        voltage = forward(blocks, torch.nn.functional.pad(values, (1, 0))).numpy()
    network = from_slayer(blocks)
    plan = RunPlan(values.shape[-1], {"readout2": frozenset({"voltage"})})
    result = run_reference(network, Events.from_dense(values.numpy().astype(int)), plan)
    # SLAYER's readout does not shift its output by a step.
    assert np.array_equal(result.recordings["readout2"].voltage, voltage[..., :-1] * 4096)
    assert result.spikes.n_events == 0


def test_what_lava_dls_exporter_drops_of_a_readout(tmp_path: Path) -> None:
    """It writes the weights as the last forward pass left them, and no bias; ours is what the next pass computes."""
    blocks = prepared(
        lambda: [cuba.Affine(neuron(norm=NORM), 12, 4, weight_norm=True, weight_scale=3)], FLAT, set_mean(0)
    )
    with torch.no_grad():
        blocks[0].synapse.weight_g.mul_(2)
    network = from_slayer(blocks)
    stock_export(blocks, tmp_path / "theirs.net")
    save(network, tmp_path / "ours.net")
    ours, theirs = content(tmp_path / "ours.net"), content(tmp_path / "theirs.net")
    assert ours["layer/0/weight"] != theirs["layer/0/weight"]
    assert "layer/0/bias" in ours.keys() - theirs.keys()
    values = spikes(FLAT)
    with torch.no_grad():
        voltage = forward(blocks, torch.nn.functional.pad(values, (1, 0))).numpy()
    plan = RunPlan(values.shape[-1], {"readout1": frozenset({"voltage"})})
    result = run_reference(network, Events.from_dense(values.numpy().astype(int)), plan)
    assert np.array_equal(result.recordings["readout1"].voltage, voltage[..., :-1] * 4096)


def test_what_lava_dls_exporter_forgets_of_a_mask() -> None:
    """The mask acts in the forward pass; a step of the optimiser after it leaves weights that the exporter writes."""
    mask = torch.arange(96).reshape(8, 12) % 2

    def grow(blocks: Blocks) -> None:
        blocks[0].synapse.weight.data += 1

    network = assert_same_spikes(lambda: [dense(12, 8, mask=mask)], FLAT, grow)
    (synapse,) = network.layers[0].synapses
    assert isinstance(synapse, DenseSynapse)
    assert not synapse.effective_weights[mask.numpy() == 0].any()


def test_an_input_block_leads_slayer_by_its_shift() -> None:
    build, shape, _ = EXPORTED["input with neuron"]
    blocks = prepared(build, shape)
    values = spikes(shape)
    with torch.no_grad():
        slayers = forward(blocks, values).numpy()
    network = from_slayer(blocks)
    encoder = network.layers[0].synapses[0]
    assert isinstance(encoder, DirectSynapse)
    assert (encoder.scale, encoder.offset) == (70, 32)
    fed = Events.from_dense(encoder.input_current(values.numpy()))
    ours = run_reference(network, fed, RunPlan(values.shape[-1])).spikes.to_dense()
    assert slayers.sum() > 10
    assert np.array_equal(ours[..., :-1], slayers[..., 1:])


@pytest.mark.parametrize("name", ["dense", "convolutions", "recurrent", "readout", "input without neuron"])
def test_blocks_need_not_have_run(name: str) -> None:
    build, shape, prepare = EXPORTED[name]
    torch.manual_seed(1)
    fresh = from_slayer(build(), shape)
    assert fresh == from_slayer(prepared(build, shape, prepare), shape)


def test_delays_that_were_never_drawn_are_none() -> None:
    block = dense(12, 8, delay=True)
    before = from_slayer([block])
    with torch.no_grad():
        block(spikes(FLAT))
    # SLAYER drew them below 1.
    assert block.delay.delay.shape == (8,)
    assert from_slayer([block]) == before


class Everything(torch.nn.Module):  # type: ignore[name-defined]
    """A network with all that `from_slayer` could disturb."""

    def __init__(self) -> None:
        super().__init__()
        params = neuron(norm=NORM, requires_grad=True, dropout=slayer.neuron.Dropout(0.1))
        self.blocks = torch.nn.ModuleList(
            [
                conv(2, 3, 3, params=params, weight_norm=True),
                cuba.Flatten(),
                dense(144, 8, weight_norm=True, delay=True),
                dense(8, 6, mask=torch.arange(48).reshape(6, 8) % 2),
                recurrent(6, 4, params=neuron(requires_grad=True)),
            ]
        )

    def forward(self, values: Any) -> Any:
        return forward(self.blocks, values)


def everything() -> tuple[Everything, Any]:
    torch.manual_seed(5)
    module = Everything().train()
    optimiser = torch.optim.Adam(module.parameters(), 0.05)
    for _ in range(2):
        module(spikes(IMAGE)).sum().backward()
        optimiser.step()
        optimiser.zero_grad()
    # Parameters newer than what the last forward pass left in `weight`, and out of the range that it clamps to.
    module.blocks[2].delay.delay.data[0] = -3.0
    module.blocks[4].neuron.current_decay.data[:] = 5000.0
    return module, optimiser


def snapshot(module: Any) -> Any:
    state = {name: value.clone() for name, value in module.state_dict().items()}
    buffers = {name: value.clone() for name, value in module.named_buffers()}
    weights = {
        number: block.synapse.weight.clone() for number, block in enumerate(module.blocks) if hasattr(block, "synapse")
    }
    hooks = [list(part._forward_pre_hooks.values()) for part in module.modules()]
    flags = [part.training for part in module.modules()]
    return state, buffers, weights, hooks, flags


def assert_equal(first: Any, second: Any) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_module_stays_as_it_is() -> None:
    module, optimiser = everything()
    before = snapshot(module)
    random_state = torch.get_rng_state()
    network = from_slayer(module, IMAGE)
    assert torch.equal(torch.get_rng_state(), random_state)
    after = snapshot(module)
    for first, second in zip(before[:3], after[:3]):
        assert_equal(first, second)
    assert before[3:] == after[3:]
    assert network == from_slayer(module, IMAGE)

    untouched, its_optimiser = everything()
    for one, step in ((module, optimiser), (untouched, its_optimiser)):
        torch.manual_seed(9)
        one(spikes(IMAGE)).sum().backward()
        step.step()
    assert_equal(module.state_dict(), untouched.state_dict())


def test_weight_normalisation_counts_as_the_next_forward_pass_will_see_it() -> None:
    module, _ = everything()
    exported = from_slayer(module, IMAGE).layers[1].synapses[0]
    module.eval()
    with torch.no_grad():
        module(spikes(IMAGE))
    seen = module.blocks[2].neuron.quantize_8bit(module.blocks[2].synapse.weight) * 64
    assert isinstance(exported, DenseSynapse)
    assert np.array_equal(exported.effective_weights, seen.detach().reshape(8, 144))


def test_random_hooks_leave_the_random_state() -> None:
    block = dense(12, 8)
    block.synapse.pre_hook_fx = lambda weight, descale=False: torch.sign(torch.rand_like(weight) - 0.5)
    before = torch.get_rng_state()
    from_slayer([block])
    assert torch.equal(torch.get_rng_state(), before)


def test_names_and_metadata() -> None:
    blocks = [dense(12, 8), cuba.Affine(neuron(), 8, 3)]
    network = from_slayer(blocks, names=["hidden", "out"], metadata={"classes": ["a", "b", "c"]})
    assert [layer.name for layer in network.layers] == ["hidden", "out"]
    assert network.metadata["classes"] == ["a", "b", "c"]
    assert network.metadata["netx_layout"] == ["dense", "dense"]
    with pytest.raises(UnsupportedError, match="names: must name 2 layers, got 1"):
        from_slayer(blocks, names=["hidden"])


def test_blocks_come_in_many_containers() -> None:
    blocks = [dense(12, 8), torch.nn.Dropout(0.2), torch.nn.Identity(), dense(8, 3)]
    expected = from_slayer(blocks)
    holder = torch.nn.Module()
    holder.blocks = torch.nn.ModuleList(blocks)
    for container in (tuple(blocks), torch.nn.Sequential(*blocks), torch.nn.ModuleList(blocks), holder):
        assert from_slayer(container) == expected
    assert from_slayer(blocks[0]) == from_slayer(blocks[:1])


def edited(block: Any, edit: Callable[[Any], Any]) -> Any:
    edit(block)
    return block


def set_hook(function: Any) -> Callable[[Any], None]:
    return lambda block: setattr(block.synapse, "pre_hook_fx", function)


def pruned(block: Any) -> Any:
    torch.nn.utils.prune.random_unstructured(block.synapse, "weight", 0.5)
    return block


def ran_long_delays() -> Blocks:
    def raise_limit(blocks: Blocks) -> None:
        blocks[0].delay.max_delay = 100
        set_delays(0, largest=70)(blocks)

    return prepared(lambda: [dense(12, 8, delay=True)], FLAT, raise_limit)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "weight scale norm": (
        lambda: [dense(12, 8, params=neuron(norm=slayer.neuron.norm.WgtScaleBatchNorm))],
        r"block 0 \(Dense\): norm: WgtScaleBatchNorm has no exact integer form; use MeanOnlyBatchNorm",
    ),
    "graded spikes": (lambda: [dense(12, 8, params=neuron(graded_spike=True))], "graded_spike=True"),
    "scale": (lambda: [dense(12, 8, params=neuron(scale=100))], "scale: must be a power of two, got 100"),
    "threshold": (
        lambda: [dense(12, 8, params=neuron(threshold=64))],
        "threshold: 64 at scale 64 loses SLAYER's epsilon",
    ),
    "threshold at a large scale": (
        lambda: [dense(12, 8, params=neuron(threshold=2, scale=4096))],
        "threshold: 2 at scale 4096 loses SLAYER's epsilon",
    ),
    "hook beyond 8 bits": (
        lambda: [edited(dense(12, 8, weight_scale=100), set_hook(slayer.utils.quantize_hook_fx))],
        r"weights: must be whole numbers in -256…255, got",
    ),
    "no hook": (lambda: [edited(dense(12, 8), set_hook(None))], r"weights: must be whole numbers in -256…255, got"),
    "decays never drawn": (
        lambda: [dense(12, 8, params=neuron(shared_param=False))],
        "shared_param=False: its decays are drawn when it first runs",
    ),
    "long delays": (ran_long_delays, "delay: must be whole numbers in 0…62, got 70.0"),
    "mask and weight norm": (
        lambda: [dense(12, 8, mask=torch.ones(8, 12), weight_norm=True)],
        "mask: has no effect in SLAYER together with weight_norm",
    ),
    "recurrent weight norm": (lambda: [recurrent(12, 8, weight_norm=True)], "weight_norm: SLAYER never updates"),
    "recurrent bias": (
        lambda: prepared(lambda: [recurrent(12, 8, params=neuron(norm=NORM))], FLAT, set_mean(0)),
        "recurrence with a bias",
    ),
    "recurrent delays at the end": (
        lambda: prepared(lambda: [recurrent(12, 8, delay=True)], FLAT, set_delays(0)),
        r"block 0 \(Recurrent\): delays behind a bias or a recurrence need a dense layer to follow",
    ),
    "delays that add up": (
        lambda: prepared(
            lambda: [recurrent(12, 8, delay=True), dense(8, 5, delay=True)], FLAT, set_delays(0, 1, largest=40)
        ),
        "delays of 'recurrent1' and its own must be at most 62 together, got 80",
    ),
    "pruning": (lambda: [pruned(dense(12, 8))], "pruning: make it permanent with torch.nn.utils.prune.remove first"),
    "readout without dynamics": (
        lambda: [cuba.Affine(neuron(), 12, 3, dynamics=False)],
        "dynamics=False has no neuron",
    ),
    "readout in the middle": (lambda: [cuba.Affine(neuron(), 12, 8), dense(8, 3)], "must be the last block"),
    "no step behind a block": (
        lambda: prepared(
            lambda: [dense(12, 8, delay_shift=False), dense(8, 3, params=neuron(norm=NORM))], FLAT, set_mean(1)
        ),
        r"block 0 \(Dense\): delay_shift=False: the bias of layer 'dense2' begins to act before its input comes; "
        "set delay_shift=True and train again",
    ),
    "input in the middle": (lambda: [dense(12, 8), cuba.Input(None), dense(8, 3)], "must be the first block"),
    "input without a shape": (
        lambda: [cuba.Input(neuron()), dense(12, 8)],
        r"block 0 \(Input\): never ran; pass input_shape",
    ),
    "convolution without a shape": (
        lambda: [conv(2, 3, 3)],
        r"the input's shape is unknown; pass input_shape=\(C, H, W\)",
    ),
    "sizes": (lambda: [dense(12, 8), dense(9, 3)], r"block 1 \(Dense\): has 9 inputs, but 'dense1' has 8 neurons"),
    "average": (lambda: [dense(12, 8), cuba.Average(2)], r"block 1 \(Average\): is not a CUBA block of SLAYER"),
    "other neurons": (
        lambda: [slayer.block.rf.Dense({"threshold": 1, "period": 4, "decay": 0.1}, 12, 8)],
        r"block 0 \(Dense\): is not a CUBA block of SLAYER",
    ),
    "winner takes all": (lambda: [cuba.KWTA(neuron(), 12, 8, 3)], r"block 0 \(KWTA\): is not a CUBA block"),
    "linear": (lambda: [torch.nn.Linear(12, 8)], r"block 0 \(Linear\): is not a CUBA block"),
    "nothing": (lambda: [], "blocks: none with neurons"),
    "no blocks": (lambda: 3, "must have blocks or be a sequence of blocks, got int"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_exact_integer_form_is_refused(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        from_slayer(build())


REFUSED_IMAGES: dict[str, tuple[Callable[[], Any], str]] = {
    "no flatten": (
        lambda: [conv(2, 3, 3), dense(144, 5)],
        r"reads the 144 neurons of an image \(3, 6, 8\); put a Flatten",
    ),
    "at each position": (lambda: [conv(2, 3, 3), dense(3, 5)], r"would read \(3, 6, 8\) once at each position"),
    "flattened": (lambda: [cuba.Flatten(), conv(2, 3, 3)], r"needs a \(C, H, W\) source, got \(2, 8, 10\) flattened"),
    "delays behind a bias": (
        lambda: prepared(
            lambda: [conv(2, 3, 3, params=neuron(norm=NORM), delay=True), conv(3, 3, 3)],
            IMAGE,
            BEYOND_STOCK["bias with delays of channels"][2],
        ),
        r"block 1 \(Conv\): cannot read 'conv1', whose delays lie behind a bias or a recurrence",
    ),
    "pool across channels": (lambda: [cuba.Pool(neuron(), 3)], "windows cross from one channel into the next"),
    "pool with padding": (lambda: [cuba.Pool(neuron(), 2, padding=1)], "windows cross from one channel into the next"),
    "transposed": (lambda: [cuba.ConvT(neuron(), 2, 3, 3)], r"block 0 \(ConvT\): is not a CUBA block"),
    "unpool": (lambda: [cuba.Unpool(neuron(), 2)], r"block 0 \(Unpool\): is not a CUBA block"),
    "decays of columns": (
        lambda: prepared(lambda: [conv(2, 8, 3, params=neuron(shared_param=False))], (2, 8, 10)),
        r"shared_param=False on \(8, 6, 8\): SLAYER on a CPU takes a decay for each column, not channel",
    ),
    "another shape": (lambda: prepared(lambda: [conv(2, 3, 3)], (2, 9, 9)), r"has run as \(3, 7, 7\), but reads"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED_IMAGES.values(), ids=REFUSED_IMAGES.keys())
def test_images_that_are_refused(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        from_slayer(build(), IMAGE)


def test_channels_that_do_not_fit() -> None:
    with pytest.raises(NetworkError, match="do not fit a source of 2 channels"):
        from_slayer([conv(3, 3, 3)], IMAGE)


def test_every_problem_at_once() -> None:
    blocks = [
        dense(12, 8, params=neuron(scale=100, threshold=70, graded_spike=True)),
        cuba.Average(2),
        dense(5, 4, params=neuron(norm=slayer.neuron.norm.WgtScaleBatchNorm)),
    ]
    with pytest.raises(UnsupportedError) as raised:
        from_slayer(blocks, names=["a"])
    places = [problem.split(":")[0] for problem in raised.value.problems]
    assert set(places) == {"block 0 (Dense)", "block 1 (Average)", "block 2 (Dense)", "names"}
    assert places.count("block 0 (Dense)") >= 3


def test_why_a_mask_with_weight_normalisation_is_refused() -> None:
    """SLAYER masks the weights that the normalisation computes anew in the same pass."""
    block = dense(12, 8, mask=torch.zeros(8, 12), weight_norm=True)
    with torch.no_grad():
        assert block(spikes(FLAT)).sum() > 0


def test_why_weight_normalisation_of_recurrent_blocks_is_refused() -> None:
    """SLAYER's recurrence reads the weights that were normalised at construction."""
    block = recurrent(12, 8, weight_norm=True)
    with torch.no_grad():
        before = forward([block], spikes(FLAT))
        block.recurrent_synapse.weight_g.zero_()
        assert torch.equal(forward([block], spikes(FLAT)), before)


def test_why_a_bias_with_recurrence_is_refused() -> None:
    blocks = prepared(lambda: [recurrent(12, 8, params=neuron(norm=NORM))], FLAT, set_mean(0))
    without = copy.deepcopy(blocks[0])
    without.neuron.norm = None
    layer = from_slayer([without], names=["a"]).layers[0]
    plain = of_kind(CubaLif, layer.neuron)
    bias = CubaLif(64, plain.current_decay, plain.voltage_decay, np.asarray(blocks[0].neuron.norm.bias))
    with torch.no_grad():
        slayers = forward(blocks, torch.nn.functional.pad(spikes(FLAT), (1, 0)))[..., 1:].numpy()
    network = Network((12,), (Layer("a", (8,), bias, layer.synapses),))
    ours = run_reference(network, Events.from_dense(spikes(FLAT).numpy().astype(int)), RunPlan(30)).spikes.to_dense()
    assert not np.array_equal(ours, slayers)


def test_why_a_threshold_that_loses_the_epsilon_is_refused() -> None:
    """A voltage equal to the threshold spikes in SLAYER and not in Lava."""

    def spikes_at(threshold: float) -> tuple[float, int]:
        weights = np.full((1, 32), 128)
        block = dense(32, 1, params=neuron(threshold=threshold, current_decay=1, voltage_decay=1))
        block.synapse.weight.data[:] = 2.0
        with torch.no_grad():
            slayers = float(block(torch.ones(1, 32, 4)).sum())
        layer = Layer("a", (1,), CubaLif(int(threshold * 64), 4096, 4096), (lossless_dense("input", weights),))
        ours = run_reference(Network((32,), (layer,)), Events.from_dense(np.ones((1, 32, 4), int)), RunPlan(4))
        return slayers, ours.spikes.n_events

    assert spikes_at(64.0) == (3.0, 0)
    assert spikes_at(63.75) == (3.0, 3)


class Multi(torch.nn.Module):  # type: ignore[name-defined]
    """Neurons behind several synapses, by SLAYER's parts alone."""

    def __init__(self, synapses: Sequence[Any], reads: Any) -> None:
        super().__init__()
        self.neuron = slayer.neuron.cuba.Neuron(**neuron())
        self.synapses, self.reads = torch.nn.ModuleList(synapses), reads
        self.delay, self.delay_shift = None, True
        for synapse in synapses:
            synapse.pre_hook_fx = self.neuron.quantize_8bit


def test_a_block_of_several_synapses_is_a_layer_of_several_synapses() -> None:
    torch.manual_seed(0)
    first, synapses = dense(12, 8), [slayer.synapse.Dense(8, 5, 5), slayer.synapse.Dense(12, 5, 5)]
    network = from_slayer([first, Multi(synapses, ((1, 0), (2, 7)))])
    found = [of_kind(DenseSynapse, synapse) for synapse in network.layers[1].synapses]
    assert [synapse.source for synapse in found] == ["dense1", "input"]
    assert found[0].delays is None
    assert np.unique(np.asarray(found[1].delays)).tolist() == [7]
    for synapse, part in zip(found, synapses):
        quantised = part.pre_hook_fx(part.weight.detach(), descale=True).numpy().reshape(5, -1)
        assert np.array_equal(synapse.effective_weights, quantised)


@pytest.mark.parametrize(
    ("synapses", "reads", "problem"),
    [
        ((8, 12), ((1, 0), (3, 0)), r"reads: must be 1…2 blocks back, got 3"),
        ((8, 12), ((1, 0), (0, 0)), r"reads: must be 1…2 blocks back, got 0"),
        ((8, 12), ((1, 0),), r"reads: must be as many as its 2 synapses, got 1"),
        ((8, 12), ((1, 0), (2, 63)), r"delays: must be 0…62 with those of its neurons, got 63"),
        ((8, 9), ((1, 0), (2, 0)), r"has 9 inputs, but 'input' has 12 neurons"),
    ],
)
def test_what_a_block_of_several_synapses_cannot_read_is_refused(
    synapses: tuple[int, ...], reads: Any, problem: str
) -> None:
    block = Multi([slayer.synapse.Dense(size, 5, 5) for size in synapses], reads)
    with pytest.raises(UnsupportedError, match=problem):
        from_slayer([dense(12, 8), block])


def test_synapses_that_give_different_layers_are_refused() -> None:
    block = Multi([slayer.synapse.Conv(2, 3, 3), slayer.synapse.Conv(2, 3, 1)], ((1, 0), (1, 0)))
    with pytest.raises(UnsupportedError, match="its synapses give neurons of different shapes"):
        from_slayer([block], IMAGE)


def test_biases_of_any_grid_keep_every_bit() -> None:
    """What a module adds to the voltage: in NetX's steps of 64 units where that loses nothing, else in finer ones."""

    class Added(torch.nn.Module):  # type: ignore[name-defined]
        quantised = torch.zeros(8)

    for units, exponent in (([0, 64, -128, 192] * 2, 6), ([0, 8, -24, 64] * 2, 3), ([1, -5, 0, 32767] * 2, 0)):
        block = dense(12, 8)
        block.neuron.norm = Added()
        block.neuron.norm.quantised = torch.tensor(units, dtype=torch.float32) / 4096
        (layer,) = from_slayer([block]).layers
        neurons = of_kind(CubaLif, layer.neuron)
        assert neurons.bias_exp == exponent
        assert neurons.bias((8,)).tolist() == units
    block.neuron.norm.quantised = torch.tensor([1, 40_000] * 4, dtype=torch.float32) / 4096
    with pytest.raises(UnsupportedError, match="bias: its 40000 units in steps of 1 need more than 16 bits"):
        from_slayer([block])
