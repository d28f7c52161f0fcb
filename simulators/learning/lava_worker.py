"""The child interpreter that learns in Lava: builds the graph of a job, runs it, leaves rows in the job's folder.

    EventSource -> AlignedLearningDense -> LearningLif -> AlignedLearningDense -> LearningReadout
                                           ^ third factor      Dense (feedback) <- error

`python -m lapilli.simulators.learning.lava_worker` answers as `lapilli.simulators.lava.worker` does.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lapilli.simulators.lava.worker import RunJob, load_lava, serve
from lapilli.simulators.learning.blueprint import FROM_INPUT, LayerBlueprint, LearningBlueprint
from lapilli.simulators.learning.errors import softmax_error
from lapilli.simulators.learning.lava_job import LearningJob


def run_job(folder: Path) -> float:
    """Run the job in `folder`.

    Leaves the weights after each sample as `weights<synapse>.npy`; where the job asks for records, of each step also
    the traces as `trace<synapse>.npy`, and of each layer `<layer>.<voltage, spikes, y1, y2, y3>.npy`.
    """
    from lapilli.lava_models.runtime import lava_run, run_steps
    from lapilli.lava_models.source import EventSource

    job = LearningJob.load(folder / "job.npz")
    ones = np.ones(len(job.step), np.int32)
    source = EventSource(n_neurons=job.blueprint.n_inputs, step=job.step, neuron=job.neuron, value=ones)
    with lava_run(source):
        _build(job, source, folder)
        return run_steps(source, job.n_steps)


def _build(job: LearningJob, source: Any, folder: Path) -> None:
    from lapilli.lava_models.learning.dense import AlignedLearningDense, stllr_rule
    from lapilli.lava_models.rows import RowWriter

    blueprint = job.blueprint
    neurons = [_neurons(job, number, folder) for number in range(len(blueprint.layers))]
    for number, synapse in enumerate(blueprint.synapses):
        shape = synapse.weights.shape
        process = AlignedLearningDense(
            weights=synapse.weights.astype(np.int32),
            learning_rule=stllr_rule(
                (synapse.causal.mantissa, synapse.causal.exponent),
                (synapse.non_causal.mantissa, synapse.non_causal.exponent),
                synapse.pre_tau,
                synapse.pre_impulse,
                synapse.seed,
                fixed_point=True,
            ),
            weight_exp=synapse.weight_exp,
            sign_mode=synapse.sign_mode,
            period=blueprint.period,
            first_step=job.first_step,
            weight_writer=RowWriter(f"{folder}/weights{number}.npy", len(job.labels), shape, np.int16),
            trace_writer=RowWriter(f"{folder}/trace{number}.npy", job.n_steps, shape[1:], np.int8)
            if job.records
            else None,
        )
        sender = source.s_out if synapse.source == FROM_INPUT else neurons[synapse.source].s_out
        target = neurons[synapse.target]
        sender.connect(process.s_in)
        process.a_out.connect(target.a_in)
        target.s_out_bap.connect(process.s_in_bap)
        target.s_out_y1.connect(process.s_in_y1)
        target.s_out_y2.connect(process.s_in_y2)
        target.s_out_y3.connect(process.s_in_y3)
    for layer, process in zip(blueprint.layers[:-1], neurons):
        _feed_back(blueprint, layer, neurons[-1], process)


def _feed_back(blueprint: LearningBlueprint, layer: LayerBlueprint, readout: Any, neurons: Any) -> None:
    """Connect the readout's error, through a stock Dense with fixed random weights, to the third factor of a layer."""
    from lava.proc.dense.process import Dense
    from lava.utils.weightutils import SignMode

    from lapilli.lava_models.graph import GRADED_BITS

    assert layer.feedback is not None
    feedback = Dense(
        weights=layer.feedback.astype(np.int32),
        weight_exp=-blueprint.feedback_shift,
        sign_mode=SignMode.MIXED,
        num_message_bits=GRADED_BITS,
    )
    readout.error_out.connect(feedback.s_in)
    feedback.a_out.connect(neurons.a_third_factor_in)


def _neurons(job: LearningJob, number: int, folder: Path) -> Any:
    from lapilli.lava_models.learning.neurons import RECORDED, LearningLif
    from lapilli.lava_models.learning.readout import LearningReadout
    from lapilli.lava_models.rows import RowWriter

    blueprint, layer = job.blueprint, job.blueprint.layers[number]

    def writer(name: str) -> RowWriter:
        return RowWriter(f"{folder}/{number}.{name}.npy", job.n_steps, (layer.size,), np.int32)

    shared: dict[str, Any] = {
        "shape": (layer.size,),
        # Lava's model adds 1 to `du`.
        "du": layer.current_decay - 1,
        "dv": layer.voltage_decay,
        "bias_mant": layer.bias_mant,
        "bias_exp": layer.bias_exp,
        "period": blueprint.period,
    }
    if layer.rule is None:
        return LearningReadout(
            **shared,
            error=partial(softmax_error, voltage_exp=blueprint.voltage_exp),
            labels=job.labels,
            window=blueprint.window,
            writer=writer("voltage") if job.records else None,
        )
    rule = layer.rule
    assert rule.psi_shift is not None
    return LearningLif(
        **shared,
        vth=layer.vth_mant,
        post_decay=rule.post_decay,
        psi_peak=rule.psi_peak,
        psi_shift=rule.psi_shift,
        post_shift=rule.post_shift,
        writers={name: writer(name) for name in RECORDED} if job.records else {},
    )


def load() -> RunJob:
    """Import Lava."""
    load_lava()
    return run_job


if __name__ == "__main__":
    serve(load)
