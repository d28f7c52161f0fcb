"""The one comparison with silicon that is to be had: a neuron, 1,000 steps, recorded on Lava's CPU model and a Loihi 2.

The recordings are `paper/01_lif/lif_lava_{cpu,loihi}_fixed.csv` of github.com/neuromorphs/NIR (7232ada, BSD-3-Clause);
`du` 4095, `dv` 163, `vth` 25 and the weight 10 are those of the paper's conversion.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators import Events, run

FOLDER = Path(os.environ.get("LAPILLI_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")) / "nir_lif_loihi"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recordings are not here")


@pytest.mark.parametrize("backend", ["reference", "fast"])
@pytest.mark.parametrize(("name", "spiking"), [("cpu", 0), ("loihi", 128)])
def test_the_recorded_neuron(backend: str, name: str, spiking: int) -> None:
    recorded = np.loadtxt(FOLDER / f"lif_lava_{name}_fixed.csv", delimiter=",")
    arriving, voltage, spikes = recorded.T
    assert len(recorded) == 1000
    layer = Layer("a", (1,), CubaLif(25, 4095, 163), (DenseSynapse("input", [[10]]),))
    events = Events.from_dense((arriving != 0).astype(int)[None, None])
    record = {"a": {"voltage", "spikes"}}
    result = run(Network((1,), (layer,)), events, backend, n_steps=1000, record=record)  # type: ignore[arg-type]
    ours = result.recordings["a"]
    assert np.flatnonzero(ours.spikes.to_dense()[0, 0]).tolist() == np.flatnonzero(spikes).tolist()
    assert np.flatnonzero(spikes).tolist() == [461, 511, 711, 761]
    read = np.where(spikes != 0, spiking, ours.voltage[0, 0])
    assert np.array_equal(read, voltage)
