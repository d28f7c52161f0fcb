"""The child interpreter of the `loihi2` backend: the worker of the `lava` backend with the chip in place of the CPU.

`python -m lapilli.simulators.loihi2.worker` answers as `lapilli.simulators.lava.worker` does. The rows that it leaves
are Lava's own: spikes of a board arrive late (`latency.py`). Where the extension lacks a model for the chip, nothing
runs, and the names of the Process classes without one are in `without_model.json`.
"""

import json
from pathlib import Path
from typing import Any

from lapilli.simulators.lava.job import LavaJob, load_network
from lapilli.simulators.lava.worker import RunJob, load_lava, serve

WITHOUT_MODEL = "without_model.json"


def run_job(folder: Path) -> float:
    """Run the job in `folder`; leave its rows there as `<layer number>.spikes.npy`."""
    from lapilli.lava_models.graph import GRADED_BITS
    from lapilli.lava_models.loihi2 import ChipInput, run_on_chip, spikes_to_host, without_neurocore_model
    from lapilli.lava_models.runtime import lava_run
    from lapilli.lava_models.source import EventSource

    job = LavaJob.load(folder / "job.npz")
    source = EventSource(n_neurons=job.n_inputs, step=job.step, neuron=job.neuron, value=job.value)
    with lava_run(source):
        neurons = _neurons(job, ChipInput(source.s_out, GRADED_BITS if job.graded_input else 0))
        for number, neuron in enumerate(neurons.values()):
            spikes_to_host(neuron, job.n_steps, str(folder / f"{number}.spikes.npy"))
        if missing := without_neurocore_model(source):
            (folder / WITHOUT_MODEL).write_text(json.dumps(missing))
            return 0.0
        return run_on_chip(source, job.n_steps)


def _neurons(job: LavaJob, border: Any) -> dict[str, Any]:
    from lapilli.lava_models.graph import build
    from lapilli.lava_models.loihi2 import share_parameters
    from lapilli.lava_models.neurons.kinds import LayerReset

    resets = {
        name: LayerReset(job.interval, offset)
        for name, offset in zip(job.layers, job.offsets)
        if job.interval is not None
    }
    if job.graph == "stock":
        from lapilli.lava_models.stock import load_stock

        return load_stock(job.network, border, job.layers, resets.get(job.layers[0]), job.graded_input)
    built = build(load_network(Path(job.network)), border, resets)
    neurons = {name: layer.neuron for name, layer in built.items()}
    share_parameters(neurons.values())
    return neurons


def load_chip() -> RunJob:
    """Import Lava."""
    load_lava()
    return run_job


if __name__ == "__main__":
    serve(load_chip)
