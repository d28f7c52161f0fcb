"""Parts of `lapilli bench simulate` on the networks of the published systems: their wiring, and rows beside Lava."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (the extra `train`)")

from one_step_cases import random_module  # noqa: E402

from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network  # noqa: E402
from lapilli.simulators import Events, run  # noqa: E402
from lapilli.simulators.bench import Sizes, Watch, bench_part  # noqa: E402
from lapilli.simulators.bench import beside_lava as beside  # noqa: E402
from lapilli.simulators.bench.beside_lava import Bout, beside_lava  # noqa: E402
from lapilli.simulators.bench.one_step import n_steps_of  # noqa: E402
from lapilli.simulators.bench.one_step_network import (  # noqa: E402
    DEPTH,
    IMAGES,
    MLP_RATIO,
    SIDE,
    WIDTHS,
    WINDOWS,
    one_step_bench_network,
    pictures,
)
from lapilli.training.networks.one_step.config import OneStepConfig  # noqa: E402

SMALL = Sizes(batch=2, repeats=1)


def wiring(network: Network) -> list[object]:
    """Layers with their neurons, clocks, and what feeds each at which port."""
    return [
        (
            layer.name,
            layer.shape,
            layer.neuron.model,
            layer.clock,
            sorted(
                (synapse.kind, synapse.source, synapse.port or "", synapse.delay_range) for synapse in layer.synapses
            ),
        )
        for layer in network.layers
        if layer is not network.output
    ]


def test_the_network_of_one_step_is_wired_as_training_exports_it() -> None:
    config = OneStepConfig(widths=WIDTHS, depths=(DEPTH,) * len(WIDTHS), mlp_ratio=MLP_RATIO)
    assert config.groups == WINDOWS
    exported = random_module(config, 0, side=SIDE).export()
    assert wiring(one_step_bench_network(0)) == wiring(exported)


def test_pictures_are_complete_and_each_layer_has_something_to_send() -> None:
    network, events = one_step_bench_network(1), pictures(2, 1)
    dense = events.to_dense()
    assert dense.shape == (2, 3, SIDE, SIDE, IMAGES * WINDOWS)
    assert dense.max() == 255
    assert not dense[..., np.arange(IMAGES * WINDOWS) % WINDOWS != 0].any()
    counts = run(network, events, n_steps=n_steps_of(network)).counts
    assert (counts.sent[:, :-1] > 0).all()
    # An image takes 5.38 million in the network that was trained (results/one_step_cifar10.csv).
    assert 4e6 < counts.syn_ops.sum() / (2 * IMAGES) < 7e6


def test_the_network_of_one_step_has_the_same_first_steps_on_the_reference() -> None:
    network, events = one_step_bench_network(0), pictures(1, 0)
    record = {layer.name: ("spikes",) for layer in network.layers}
    fast, reference = (run(network, events, name, n_steps=40, record=record) for name in ("fast", "reference"))
    assert (fast.counts.sent[0] > 0).sum() > 25
    for name, recording in fast.recordings.items():
        assert np.array_equal(recording.spikes.to_dense(), reference.recordings[name].spikes.to_dense()), name


def small_bout() -> tuple[Bout, Events]:
    neuron = CubaLif(vth_mant=20, current_decay=1024, voltage_decay=256)
    weights = 2 * np.random.default_rng(0).integers(-20, 40, (4, 6))
    network = Network((6,), (Layer("layer0", (4,), neuron, (DenseSynapse("input", weights),)),))
    return Bout("part", "small", network, 9), Events.from_dense(np.random.default_rng(1).random((3, 6, 8)) < 0.4)


@pytest.mark.lava
def test_rows_beside_lava() -> None:
    bout, events = small_bout()
    lava, one, batch = beside_lava(bout, [events.select([0]), events], SMALL, Watch())
    assert [(row.what, row.batch, row.n_steps) for row in (lava, one, batch)] == [
        ("lava", 1, 9),
        ("fast", 1, 9),
        ("fast", 3, 9),
    ]
    assert one.ratio == lava.median / one.median
    assert batch.ratio == lava.median / batch.median
    assert lava.compared == one.compared == batch.compared != ""


@pytest.mark.lava
def test_another_result_than_lavas_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    bout, events = small_bout()

    def without_the_first_spikes(network: Network, events: Events, backend: str, **options: object) -> object:
        return run(network, events, backend, **{**options, "n_steps": 9 if backend == "lava" else 8})  # type: ignore[arg-type]

    monkeypatch.setattr(beside, "run", without_the_first_spikes)
    with pytest.raises(LapilliError, match="small"):
        beside_lava(bout, [events], SMALL, Watch())


@pytest.mark.lava
@pytest.mark.slow
def test_the_part_of_the_spiking_lstm() -> None:
    rows = bench_part("spiking_lstm", SMALL, Watch())
    assert [row.what for row in rows] == ["lava", "fast", "torch, float32", "fast, with counts"]
    assert all(row.compared.startswith("all ") for row in rows[2:])
    assert rows[1].ratio == rows[0].median / rows[1].median
    assert rows[3].ratio == rows[2].median / rows[3].median
