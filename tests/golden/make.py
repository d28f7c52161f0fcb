"""Makes the golden files: what lapilli wrote, and what it ran, before it became one package.

It was run once, at commit a79ecc1, in a checkout of that commit, whose import names it uses:

    PYTHONPATH=.:tests python make.py THIS_FOLDER

`tests/test_golden.py` reads the files with today's code. They are not made again: a change of the code that changes
what they mean is a change of what users' files mean. They lie in archives, as HDF5 files are mostly padding.
"""

import json
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from netx_exports.fitting import lossless_dense
from plain_networks import random_plain_network
from random_networks import random_case
from training.digits import digits

from lapilli import cli
from netx_exports import (
    INPUT,
    ConvSynapse,
    CubaLif,
    DenseSynapse,
    DirectSynapse,
    IdentitySynapse,
    Layer,
    Network,
    load,
    save,
    save_nir,
)
from netx_exports.neurons import NEURONS, Delta, IzhikevichResonateAndFire, ResonateAndFire, Sigma, SigmaDelta
from simulators import Events, Reset, RunResult, run
from simulators.decisions import decide, decides, scores
from simulators.learning.fresh import fresh_network
from simulators.learning.labelled_lines import written_lines

HERE = Path()
"""The working folder, so that no file holds the name of a folder of the machine."""

BEFORE: dict[str, dict[str, Any]] = {}

RULE = ("--learning.hidden.causal.mantissa=-3", "--learning.voltage-exp=15", "--learning.seed=3")


def main(folder: Path) -> None:
    """Write every file, in one archive for each subject."""
    subjects = {
        "plain": (plain, resonators, sigma_delta, average),
        "extended": (extended,),
        "kinds": (kinds,),
        "readouts": (readouts, other_files),
        "run": (surrogate_run,),
        "stllr-run": (stllr_run,),
        "learnt": (learnt,),
    }
    for subject, makers in subjects.items():
        for make in makers:
            make()
        pack(folder / f"{subject}.zip")
    (folder / "before.json").write_text(json.dumps(BEFORE) + "\n", encoding="utf-8")


def pack(path: Path) -> None:
    """Move all files that were made into an archive, in order and without their times."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(HERE.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(HERE)))
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
                file.unlink()


def keep(name: str, network: Network, events: Events, n_steps: int, reset: Reset | None = None) -> None:
    """The network, its events, and what the reference made of them."""
    save(network, HERE / f"{name}.net")
    ran(name, load(HERE / f"{name}.net"), events, n_steps, reset)


def ran(name: str, network: Network, events: Events, n_steps: int, reset: Reset | None = None) -> None:
    """What a network made of events, as files beside its own."""
    record = {layer.name: ("spikes", *layer.neuron.states) for layer in network.layers}
    result = run(network, events, "reference", n_steps=n_steps, record=record, reset=reset)
    assert result.spikes.n_events or "readout" in network.metadata, f"{name} is silent"
    events.save(HERE / f"{name}.events.npz")
    np.savez_compressed(HERE / f"{name}.before.npz", **arrays(network, result))
    facts = {"n_steps": n_steps, "fingerprint": network.fingerprint, "output_spikes": result.spikes.n_events}
    facts |= {"reset": [reset.interval, reset.offset]} if reset else {}
    if decides(network):
        facts |= {"decisions": decide(result, network).tolist(), "scores": scores(result, network).tolist()}
    BEFORE[name] = facts


def arrays(network: Network, result: RunResult) -> dict[str, np.ndarray]:
    """States of each layer, (states, samples, neurons, steps); its events, (3 or 4, events); and counts."""
    found: dict[str, np.ndarray] = {}
    for layer in network.layers:
        recording = result.recordings[layer.name]
        states = [getattr(recording, state).reshape(len(result.spikes), -1) for state in layer.neuron.states]
        spikes = recording.spikes
        assert spikes is not None
        found[f"{layer.name}/states"] = np.array(states)
        rows = [spikes.sample_of_event, spikes.step, spikes.neuron]
        found[f"{layer.name}/spikes"] = np.array(rows if spikes.value is None else [*rows, spikes.value], np.int32)
    counts = result.counts
    for name in ("dendrite_updates", "sent", "payload_bits", "synapse_ops"):
        found[f"counts/{name}"] = getattr(counts, name)
    found["counts/neuron_events"] = np.concatenate(counts.neuron_events)
    return found


def spikes_for(network: Network, n_samples: int, n_steps: int, seed: int, labelled: int = 0) -> Events:
    """Random events, graded where the network's input is."""
    rng = np.random.default_rng(seed)
    shape = (n_samples, *network.input_shape, n_steps)
    dense = (rng.random(shape) < 0.35) * (rng.integers(-40, 41, shape) if network.graded_input else 1)
    return Events.from_dense(dense, rng.integers(0, labelled, n_samples) if labelled else None)


def plain() -> None:
    """Chains as stock lava-dl reads them: dense with delays, recurrent, convolutions in groups, an encoder."""
    for seed in chosen_plain():
        network = random_plain_network(seed)
        keep(f"plain-{seed}", network, spikes_for(network, 2, 14, seed), 14 + network.depth % 8)


def chosen_plain() -> list[int]:
    """Seeds of chains that together have everything, and whose outputs spike."""
    wanted, found = {"conv", "groups", "dilation", "direct", "recurrent", "delays", "bias"}, []
    for seed in range(3000):
        network = random_plain_network(seed)
        if network.n_inputs > 60 or sum(layer.size for layer in network.layers) > 60:
            continue
        new = features(network) & wanted
        if len(new) < min(3, len(wanted)):
            continue
        if run(network, spikes_for(network, 2, 14, seed), n_steps=14 + network.depth % 8).spikes.n_events > 5:
            wanted -= new
            found.append(seed)
        if not wanted:
            return found
    raise AssertionError(f"no chain has {wanted}")


def features(network: Network) -> set[str]:
    """What a chain has."""
    found = {"bias"} if any(layer.neuron.has_bias for layer in network.layers) else set()
    for layer in network.layers:
        found |= {"recurrent"} if layer.recurrent else set()
        for synapse in layer.synapses:
            found.add(synapse.kind)
            if isinstance(synapse, ConvSynapse):
                found |= {"groups"} if synapse.groups > 1 else set()
                found |= {"dilation"} if synapse.dilation != (1, 1) else set()
            if isinstance(synapse, DenseSynapse) and np.size(synapse.delays) > 1 and np.max(synapse.delays) < 20:
                found |= {"delays"}
    return found


def resonators() -> None:
    """Plain files of complex neurons."""
    rng = np.random.default_rng(4)
    for name, kind in (("plain-resonator", ResonateAndFire), ("plain-izhikevich", IzhikevichResonateAndFire)):
        layers = []
        for number, (n_out, n_in) in enumerate(((5, 7), (3, 5))):
            source = f"layer{number - 1}" if number else INPUT
            real, imag = 2 * rng.integers(-60, 61, (2, n_out, n_in))
            pair = (lossless_dense(source, real), DenseSynapse(source, imag, part="imag"))
            layers.append(Layer(f"layer{number}", (n_out,), kind(20, 2400, 2900), pair))
        network = Network((7,), tuple(layers))
        keep(name, network, spikes_for(network, 2, 16, 1), 18)


def sigma_delta() -> None:
    """A plain file of delta, sigma-delta and sigma neurons behind graded input."""
    rng = np.random.default_rng(5)
    encoder = Layer("encoder", (5,), Delta(4), (DirectSynapse(),))
    weights = [2 * rng.integers(-60, 61, size) for size in ((4, 5), (3, 4))]
    hidden = Layer("hidden", (4,), SigmaDelta(20, rng.integers(-60, 61, 4)), (lossless_dense("encoder", weights[0]),))
    output = Layer("output", (3,), Sigma(), (lossless_dense("hidden", weights[1]),))
    network = Network((5,), (encoder, hidden, output), graded_input=True)
    keep("plain-sigma-delta", network, spikes_for(network, 2, 16, 2, labelled=3), 18)


def average() -> None:
    """A plain file that ends in SLAYER's Average block: groups of neurons are classes."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        weights = [2 * rng.integers(-70, 71, size) for size in ((8, 6), (6, 8))]
        neuron = CubaLif(60, 1024, 256)
        hidden = Layer("hidden", (8,), neuron, (lossless_dense(INPUT, weights[0]),))
        output = Layer("output", (6,), neuron, (lossless_dense("hidden", weights[1]),))
        path = HERE / "plain-average.net"
        save(Network((6,), (hidden, output)), path)
        with h5py.File(path, "r+") as file:
            group = file.create_group(f"layer/{len(file['layer'])}")
            group.create_dataset("type", (1,), "S10", [b"average"])
            group.create_dataset("shape", data=np.array([3, 1, 1], np.int64))
        network = load(path)
        assert network.metadata["average_outputs"] == 3
        events = spikes_for(network, 4, 14, seed, labelled=3)
        if len(set(decide(run(network, events, n_steps=16), network).tolist())) == 3:
            ran("plain-average", network, events, 16)
            return
    raise AssertionError("plain-average decides all samples alike")


def extended() -> None:
    """Extended files of every neuron model, with all kinds of synapses and corners of the integers."""
    synapse_kinds = (
        ("two dense", "recurrent", "skip"),
        ("conv", "delayed", "skip"),
        ("direct", "two dense", "recurrent"),
    )
    for number, model in enumerate(NEURONS):
        wanted = synapse_kinds[number % 3]
        for seed in range(2000):
            graded = wanted[0] == "direct"
            case = random_case(wanted, 2, graded, seed, models=[model] * 3)
            if small(case.network) and lively(case):
                keep(f"extended-{model}", case.network, case.events, case.n_steps, case.reset)
                break
        else:
            raise AssertionError(f"no network of {model} spikes")


def small(network: Network) -> bool:
    """Whether its files are."""
    return network.n_inputs <= 30 and sum(layer.size for layer in network.layers) <= 60


def lively(case: Any) -> bool:
    """Whether every layer sends something, and not always everything."""
    sent = run(case.network, case.events, n_steps=case.n_steps, reset=case.reset).counts.sent.sum(axis=0)
    most = [case.n_steps * 2 * layer.size for layer in case.network.layers]
    return all(0 < n < limit for n, limit in zip(sent[1:], most))


def kinds() -> None:
    """Every option of every synapse kind, and a periodic reset; convolutions with delays, which Lava does not know."""
    rng = np.random.default_rng(8)
    conv = ConvSynapse(INPUT, rng.integers(-60, 120, (4, 1, 2, 3)), (1, 2), (1, 1), (2, 1), 2, [0, 3, 1, 2])
    first = Layer("bild ö", (4, 4, 3), CubaLif(rng.integers(30, 90, (4, 4, 3)), 1024, 256), (conv,))
    dense = DenseSynapse("bild ö", rng.integers(0, 256, (5, 48)), -2, rng.integers(0, 4, (1, 48)), 6, "excitatory")
    own = DenseSynapse("dense", rng.integers(-255, 1, (5, 5)), 1, [[2]], 7, "inhibitory")
    second = Layer("dense", (5,), CubaLif(900, 2048, 512, rng.integers(-9, 10, 5), 3), (dense, own))
    skips = (IdentitySynapse("dense", 90, 1, 2), IdentitySynapse("dense", -256, -1))
    third = Layer("skips", (5,), CubaLif(80, 4096, 4096), skips)
    network = Network((2, 4, 5), (first, second, third), {"who": "golden", "steps": [1, 2.5, None]})
    keep("kinds", network, spikes_for(network, 2, 18, 4), 20, Reset(7, 2))


def readouts() -> None:
    """A network for each readout, and one whose classes are groups of neurons."""
    for kind in ("voltage_sum", "softmax_sum", "spike_count"):
        keep_deciding(f"readout-{kind}", {"readout": {"kind": kind}}, 4)
    keep_deciding("readout-groups", {"readout": {"kind": "voltage_sum"}, "average_outputs": 2}, 2)


def keep_deciding(name: str, metadata: dict[str, Any], n_classes: int) -> None:
    """A network that does not decide the same of every sample; readouts of spikes send graded ones."""
    for seed in range(200):
        rng = np.random.default_rng(seed)
        weights = [2 * rng.integers(-70, 71, size) for size in ((9, 6), (4, 9))]
        hidden = Layer("hidden", (9,), CubaLif(60, 1024, 256), (lossless_dense(INPUT, weights[0]),))
        counted = metadata["readout"]["kind"] == "spike_count"
        neuron = SigmaDelta(5, 0, "relu", 0) if counted else CubaLif((1 << 24) - 1, 4096, 256)
        output = Layer("output", (4,), neuron, (lossless_dense("hidden", weights[1]),))
        network = Network((6,), (hidden, output), metadata)
        events = spikes_for(network, 5, 12, seed, labelled=n_classes)
        record = {"output": () if counted else ("voltage",)}
        result = run(network, events, "reference", n_steps=12 + network.depth, record=record)
        if len(set(decide(result, network).tolist())) == min(3, n_classes):
            keep(name, network, events, 12 + network.depth)
            return
    raise AssertionError(f"{name} decides all samples alike")


def command(*words: str | Path) -> None:
    """A command of lapilli."""
    assert cli.main([str(word) for word in words]) == 0


def other_files() -> None:
    """Simulated events, a recording, NIR files and a table, of networks above."""
    name = "readout-softmax_sum"
    given = (HERE / f"{name}.net", "--input", HERE / f"{name}.events.npz")
    steps = BEFORE[name]["n_steps"]
    command("simulate", *given, "--out", HERE / "simulated.npz", "--n-steps", str(steps), "--record",
            "spikes,voltage,current", "--layers", "input,hidden,output", "--samples", "1,3", "--recording",
            HERE / "recording.npz")  # fmt: skip
    command("profile", *given, "--csv", HERE / "profile.csv", "--tables", "horowitz-45nm-int8")
    conv = ConvSynapse(INPUT, np.arange(54).reshape(3, 2, 3, 3) - 20, delays=[0, 1, 2])
    ways = (
        DenseSynapse("conv", np.arange(48).reshape(4, 12) * 4 - 80, weight_exp=-2),
        DenseSynapse("dense", np.eye(4) * -60),
        DenseSynapse(INPUT, np.ones((4, 32)), delays=np.arange(32)[None] % 5),
    )
    layers = (
        Layer("conv", (3, 2, 2), CubaLif([64, 65, 66], 1000, 200), (conv,)),
        Layer("dense", (4,), CubaLif(64, 4096, 0), ways),
    )
    network = Network((2, 4, 4), layers)
    save_nir(network, HERE / "conv.nir")
    ran("conv", network, spikes_for(network, 2, 12, 7), 16)


def surrogate_run() -> None:
    """Folder of a finished training on digits, with most options of the recipe."""
    command("train", "digits", "--run-dir", HERE / "run", "--network.hidden", "[6,5]", "--network.hidden-skips", "true",
            "--network.delays", "3", "--network.learn-decays", "true", "--network.batch-norm", "true",
            "--network.readout", "softmax_sum", "--optimizer.max-epochs", "1")  # fmt: skip
    ran_digits("run", 0)


def stllr_run() -> None:
    """Folder of a finished training by S-TLLR with integers."""
    command("train", "stllr", "stllr-digits", "--run-dir", HERE / "stllr-run", "--network.hidden", "[7]",
            "--network.recurrent", "true", "--network.arithmetic", "integer", "--network.reset", "zero",
            "--network.threshold", "0.5", "--optimizer.max-epochs", "1")  # fmt: skip
    ran_digits("stllr-run", 8)


def ran_digits(folder: str, first: int) -> None:
    """What the network of a run folder makes of some digits."""
    network = load(HERE / folder / "model.net")
    events = digits("test").select(slice(first, first + 6))
    ran(folder, network, events, events.n_steps + network.depth)


def learnt() -> None:
    """Folders of learning runs: a finished one, and one of a stream of which half is learnt."""
    rng = np.random.default_rng(6)
    labels = np.concatenate([np.arange(4), rng.integers(0, 4, 8)])
    rates = np.where(np.arange(16)[None] // 4 == labels[:, None], 0.4, 0.1)
    events = Events.from_dense((rng.random((12, 16, 12)) < rates[:, :, None]).astype(int), labels)
    keep("learner", fresh_network((16,), [10], 4, 5), events, 14)
    lines = list(written_lines(events, 4))
    half, rest = HERE / "half.jsonl", HERE / "rest.jsonl"
    half.write_text("\n".join(lines[:7]) + "\n", encoding="utf-8")
    rest.write_text("\n".join([lines[0], *lines[7:]]) + "\n", encoding="utf-8")
    given = (HERE / "learner.net", *RULE)
    command("learn", *given, "--input", HERE / "learner.events.npz", "--run-dir", HERE / "learnt")
    command("learn", *given, "--stream", half, "--run-dir", HERE / "half-learnt")
    # What a whole stream would have learnt.
    whole = HERE / "whole.jsonl"
    whole.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command("learn", *given, "--stream", whole, "--run-dir", HERE / "whole-learnt")
    shutil.copyfile(HERE / "whole-learnt" / "model.net", HERE / "whole-learnt.net")
    shutil.rmtree(HERE / "whole-learnt")
    for path in (half, whole, HERE / "learnt" / "curve.svg", HERE / "half-learnt" / "curve.svg"):
        path.unlink()
    ran("learnt", load(HERE / "learnt" / "model.net"), events, 14)


if __name__ == "__main__":
    target = Path(sys.argv.pop()).resolve()
    with tempfile.TemporaryDirectory() as working:
        os.chdir(working)
        main(target)
