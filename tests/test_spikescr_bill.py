"""SpikeSCR's bill: the dense operations of the notes, the convention from recorded spikes, and exact counts."""

from typing import Any

import numpy as np
import pytest
from spikescr_cases import random_module, random_samples

from lapilli.netx_exports import LapilliError
from lapilli.simulators import run
from lapilli.training.data.samples import in_memory
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork
from lapilli.training.studies.spikescr.bill import WHOLE, bill_rows, said

SMALL = SpikeScrConfig(heads=2, width=16, kernel=5, blocks=2, ffn_ratio=2)


def at_rate_1(module):
    """By all matrix products of a step, attention apart, and by those of the attention."""
    apart = {True: 0, False: 0}
    for node in module.nodes:
        each = node.matrix_operations(module.config, module.n_steps) * node.n_inputs * node.matrix_products
        apart[node.remembers] += each
    return apart[False], apart[True]


@pytest.mark.parametrize(
    ("config", "n_classes", "dense", "millijoules"),
    [
        (SpikeScrConfig(), 20, 256_896, 0.0254),
        (SpikeScrConfig(heads=16, width=256, ffn_ratio=4), 35, 1_697_280, 0.157),
        (SpikeScrConfig(heads=16, width=256, ffn_ratio=4, blocks=2), 35, 3_278_080, 0.304),
    ],
)
def test_dense_operations_are_those_of_the_published_sizes(config, n_classes, dense, millijoules):
    module = SpikeScrNetwork(config, 141, n_classes, 100)
    of_layers, of_attention = at_rate_1(module)
    assert of_layers == dense
    assert of_attention == 2 * 100 * config.width * config.blocks
    assert 100 * (of_layers + of_attention) * 0.9e-9 == pytest.approx(millijoules, abs=6e-4)


@pytest.mark.parametrize("input_as", ["accumulations", "multiplications"])
def test_the_bill_is_that_of_recorded_spikes(input_as):
    module = random_module(SMALL)
    events, network = random_samples(module, 5), module.export()
    rows: Any = {row["layer"]: row for row in bill_rows(module, in_memory(events), input_as)}
    n_steps = module.n_steps + module.depth
    record = {layer.name: {"spikes"} for layer in network.layers}
    result = run(network, events, "reference", n_steps=n_steps, record=record)
    spikes = {name: int(found.spikes.to_dense().sum()) for name, found in result.recordings.items()}
    counts = int(events.to_dense()[:, : module.n_channels].sum())
    width, steps = 16, module.n_steps
    accumulations = {
        "sem": 0 if input_as == "multiplications" else counts * 3 * width,
        "q": spikes["sem"] * width,
        # Spikes of the two keys are met by queries and values of all steps.
        "attention": (spikes["qr"] + spikes["v"]) * steps,
        "pw": (spikes["sem"] + spikes["proj"] + spikes["ffn1b"]) * width,
        "dw": spikes["pw"] * 5,
        "ffn1b": spikes["ffn1a"] * width,
        "qr": 0,
        # The second block reads the sum, which is worth the spikes that make it.
        "q_2": sum(spikes[name] for name in ("sem", "proj", "ffn1b", "sgc", "ffn2b")) * width,
        "head": spikes["sum_2"] * 5 + sum(spikes[name] for name in ("proj_2", "ffn1b_2", "sgc_2", "ffn2b_2")) * 5,
    }
    for name, number in accumulations.items():
        assert rows[name]["accumulations_operations"] == pytest.approx(number / 5, abs=0.06), name
    multiplied = module.n_channels * 3 * width * steps if input_as == "multiplications" else 0
    assert rows["sem"]["multiplications_operations"] == multiplied
    assert rows["attention"]["matrix_operations"] == 2 * steps * width * steps
    whole = rows[WHOLE]
    for name in ("accumulations", "counted", "reads", "writes", "matrix"):
        of_layers = sum(row[f"{name}_operations"] for layer, row in rows.items() if layer != WHOLE)
        assert whole[f"{name}_operations"] == pytest.approx(of_layers, abs=1)
    convention = 0.9e-6 * whole["accumulations_operations"] + 4.6e-6 * whole["multiplications_operations"]
    assert whole["uj_by_convention"] == pytest.approx(convention, rel=1e-4)


def test_counts_are_those_of_the_run():
    module = random_module(SMALL)
    events, network = random_samples(module, 5), module.export()
    rows: Any = {row["layer"]: row for row in bill_rows(module, in_memory(events))}
    counts = run(network, events, "reference", n_steps=module.n_steps + module.depth).counts
    assert set(rows) == {*counts.layers, WHOLE}
    operations = rows[WHOLE]["counted_operations"] + rows[WHOLE]["counted_graded_operations"]
    assert operations == pytest.approx(counts.synapse_ops.sum() / 5, abs=0.1)
    for name in ("reads", "writes"):
        assert rows[WHOLE][f"{name}_operations"] == pytest.approx(counts.named[f"attention_{name}"].sum() / 5, abs=0.1)
        assert rows["attention"][f"{name}_operations"] > 0
    graded = [column for column, synapse in enumerate(counts.synapses) if synapse.source in ("input", "sum_2")]
    assert rows[WHOLE]["counted_graded_operations"] == pytest.approx(np.sum(counts.synapse_ops[:, graded]) / 5, abs=0.1)
    words = list(said(list(rows.values())))
    assert "0.0314 mJ at 100 steps" in words[-1]
    assert f"{rows[WHOLE]['uj_by_convention']} µJ" in words[0]


def test_a_bill_needs_samples():
    module = random_module(SMALL)
    with pytest.raises(LapilliError, match="at least one sample"):
        bill_rows(module, in_memory(random_samples(module).select(slice(0))))
