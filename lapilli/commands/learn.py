"""`lapilli learn`."""

from dataclasses import replace
from pathlib import Path

from lapilli.choices import names
from lapilli.learning.options import RunOptions, SampleOptions, Start
from lapilli.learning.samples import learn_samples
from lapilli.learning.stream import learn_stream, refuse_contradictions
from lapilli.netx_exports import LapilliError
from lapilli.simulators.learning import LearningBackend, LearningConfig
from lapilli.simulators.learning.learner import with_readout
from lapilli.sources.inputs import InputOptions
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing, Lines, Split
from lapilli.training.data.sets import PartName


def learn(
    network: str = "",
    /,
    *,
    run_dir: Path,
    new: str | None = None,
    new_readout: bool = False,
    input: str | None = None,  # noqa: A002
    data: str | None = None,
    stream: str | None = None,
    part: PartName | None = None,
    samples: int | None = None,
    classes: str | None = None,
    groups: str | None = None,
    watch: str | None = None,
    layers: str | None = None,
    learning: LearningConfig = LearningConfig(),
    epochs: int | None = None,
    shuffle: int | None = None,
    n_steps: int | None = None,
    backend: LearningBackend = "fast",
    resume: bool = False,
    time_limit_s: float | None = None,
    framing: Framing = Framing(),
    split: Split = Split(),
    lines: Lines | None = None,
    json: bool = False,
) -> None:
    """Let a network learn online from labelled events, as they come; Ctrl-C and --resume lose nothing.

    Each sample is decided before it is learnt.

    Arguments:
        network: file with the network (NetX HDF5) to start from, or run folder.
        run_dir: folder for the results: model.net, report.json, samples.csv, curve.svg, and record.npz to go on from.
        new: sizes of hidden layers of a network with random weights, in place of a network, as "128" or "256,128". "0"
            is none. Its input and classes are those of the events, and its seed is that of --learning.seed.
        new_readout: let the last layer start from weights of 0, with a neuron for each class of the events, so that a
            trained network learns another task. The layers below stay as they are.
        input: event file (.npz) with labels; without it, --data and --stream, the training part of the run.
        data: data set in place of an event file; `lapilli data list` has them.
        stream: samples that come one by one, each decided and learnt at once, in place of a file. They are lines of
            JSON, from a file, a FIFO or, as "-", the standard input. The first line is {"shape": [64], "n_steps": 20,
            "classes": 10}. Each sample has a line {"label": 3, "events": [[step, neuron], ...]}.
        part: part of the data set that is read. Without it, that is "train".
        samples: how many samples are read, from the first on. Without it, all are.
        classes: learn samples of these classes only, as "8,9" or "0:5".
        groups: learn samples of these speakers or users of the data set only, as "4,5".
        watch: event files with labels, separated by commas, on which the network is tested before and after. They may
            hold what it could do before, or samples of new speakers that it does not learn.
        layers: names, or numbers from 0, of the layers that learn, as "hidden,output". They must be the last ones of
            the network. If not given, the last one learns, or all of a network with random weights. The others stay as
            they are.
        learning: the rule.
        epochs: how often all samples are learnt; if not given, once.
        shuffle: seed of the samples' order. Without it, they are learnt as they come.
        n_steps: steps for each sample. Without it, they are those of the input and the network's depth.
        backend: "fast", or "lava" for Lava Processes: the same weights, much slower.
        resume: go on with the interrupted run of the folder, which must have been given the same. A stream goes on with
            the samples that come next.
        time_limit_s: seconds after which a Lava run of up to 16 samples is killed.
        framing: how recordings of a data set become steps, by default as in the run.
        split: which samples of a data set are in which part, by default as in the run.
        lines: inputs of a data set beside the channels, "valid" or "valid and keys". Without it, those of the run hold.
        json: print the report as JSON. From a stream, each sample has a line when it is learnt, and the report is the
            last one.
    """
    if (network == "") == (new is None):
        raise LapilliError("learn: needs the file of a network or --new SIZES, one of them")
    found = None if new is not None else find_network(network)
    known = None if found is None else with_readout(found.network)
    source = None if found is None or known is None else replace(found, network=known)
    given = [origin for origin in (input, data, stream) if origin is not None]
    if len(given) > 1 or not (given or (source is not None and source.run is not None)):
        raise LapilliError("learn: needs --input FILE.npz, --data NAME or --stream FILE, one of them")
    if new is not None and new_readout:
        raise LapilliError("--new-readout: all layers of --new are new")
    chosen_layers = names(layers, "layers")
    if chosen_layers is None and known is not None:
        chosen_layers = [known.output.name]
    options = RunOptions(
        start=Start(
            known=known, new_readout=new_readout, sizes=new, origin=network or f"new {new}", seed=learning.seed
        ),
        source=source,
        layers=chosen_layers,
        read=(None if source is None else source.path, input, stream),
        run_dir=run_dir,
        watch=watch,
        learning=learning,
        n_steps=n_steps,
        backend=backend,
        resume=resume,
        time_limit_s=time_limit_s,
        json=json,
    )
    if stream is None:
        chosen = SampleOptions(
            inputs=InputOptions(input, data, part, samples, framing, split, lines),
            classes=classes,
            groups=groups,
            epochs=epochs,
            shuffle=shuffle,
        )
        learn_samples(options, chosen)
    else:
        of_samples = {"part": part, "samples": samples, "classes": classes, "groups": groups, "lines": lines}
        refuse_contradictions({**of_samples, "epochs": epochs, "shuffle": shuffle})
        learn_stream(options, stream)
