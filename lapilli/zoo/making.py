"""Makes an entry of the zoo out of a run folder: every figure of its card is measured here, none is typed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lapilli.netx_exports.errors import FormatError, LapilliError
from lapilli.netx_exports.files import existing_file, replacing
from lapilli.netx_exports.json_text import read_json
from lapilli.proofs import Wanted, prove_source
from lapilli.recipes import RECIPES
from lapilli.simulators.configurations import configuration, read_options
from lapilli.simulators.configurations.ranges import Count
from lapilli.simulators.files.plain_yaml import read_yaml, write_yaml
from lapilli.sources.inputs import InputOptions, Inputs, data_config, find_inputs
from lapilli.sources.networks import Source, find_network
from lapilli.training.loop.folder import RunFolder
from lapilli.zoo.card import Card, CardProof, File, Words, card_text
from lapilli.zoo.figures import Figures, figures_of
from lapilli.zoo.folder import CARD, CONFIG, MODEL, check_name, zoo_folder

KEPT_DECISIONS = 32
"""Decisions of the first samples that a card keeps."""

OTHER_RUNS = ("start", "teacher", "source")
"""Keys of a configuration that name runs with which the run began."""

TEST: Literal["test"] = "test"


@configuration("entry")
@dataclass(frozen=True)
class Asked:
    """What a maintainer says of a new entry.

    Arguments:
        name: of the network in the zoo.
        title: what it does, in a sentence.
        command: that trains it; None: found out from the run's configuration.
        proof_samples: on how many samples backends are compared.
        backends: that are compared; None: the trained module and all that can run.
        time_limit_s: of a Lava run.
    """

    name: str
    title: Words
    command: Words | None = None
    proof_samples: Count = 4
    backends: tuple[str, ...] | None = None
    time_limit_s: float | None = None


def add_entry(run_folder: str, asked: Asked, progress: Callable[[int], None]) -> Card:
    """Measure and prove the network of a run, and write its entry.

    Arguments:
        run_folder: of a finished run, with its summary.
        asked: of the entry.
        progress: called with the number of samples finished since its last call.

    Raises:
        LapilliError: when there is an entry of that name; when the run does not say what a card needs; when what is
            measured is not what the run's summary says, or backends differ.
        FormatError: when a file of the run is damaged.
    """
    check_name(asked.name)
    folder = zoo_folder() / asked.name
    if (folder / CARD).exists():
        raise LapilliError(f"{folder} is there already; remove it first")
    source = find_network(run_folder)
    if source.run is None:
        raise LapilliError(f"{run_folder} has no {CONFIG} that says how it was trained")
    summary = _summary(source.run.folder)
    command = asked.command or _command(source.run.folder.config, source.run.config, asked.name)
    inputs = find_inputs(InputOptions(part=TEST), source.run)
    steps = _steps(source, inputs, summary)
    figures = figures_of(source, inputs, steps, progress)
    _check_summary(source, figures, summary)
    proof = _proof(source, inputs, steps, asked)
    model, config = existing_file(source.run.folder.network).read_bytes(), config_of(source.run.folder.config)
    data = data_config(InputOptions(), source.run)
    card = Card(
        title=asked.title,
        data=data.name,
        trained_on=data.fit,
        part=TEST,
        licence=_licence(data.name),
        samples=len(inputs),
        right=figures.right,
        steps=steps,
        drain=steps - inputs.n_steps,
        operations=figures.operations,
        spikes=figures.spikes,
        decisions=figures.decisions[:KEPT_DECISIONS],
        proof=proof,
        model=_file(model),
        config=_file(config),
        fingerprint=source.network.fingerprint,
        seed=summary["seed"],
        commit=summary["commit"],
        versions=summary["versions"],
        command=command,
    )
    _write(folder, {MODEL: model, CONFIG: config, CARD: card_text(card).encode()})
    return card


def _summary(folder: RunFolder) -> Mapping[str, Any]:
    """What a run says that came out."""
    try:
        found = read_json(existing_file(folder.summary).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(str(folder.summary), [str(error)]) from error
    needed = ("seed", "commit", "versions")
    if missing := [name for name in needed if not isinstance(found, Mapping) or name not in found]:
        raise FormatError(str(folder.summary), [f"{name}: missing; a card needs it" for name in missing])
    summary: Mapping[str, Any] = found
    return summary


def config_of(path: Path) -> bytes:
    """A run's configuration for its entry: of the folders of other runs, which lay on one machine, the names alone."""
    content = existing_file(path).read_bytes()
    config = read_yaml(path)
    others = {key: Path(config[key]).name for key in OTHER_RUNS if config.get(key) is not None}
    return write_yaml({**config, **others}).encode() if others else content


def _command(path: Path, config: Mapping[str, Any], name: str) -> str:
    """The command that trains by a configuration, by the recipe whose options it holds."""
    if others := [key for key in OTHER_RUNS if config.get(key) is not None]:
        raise LapilliError(f"{path}: {others[0]}: is another run; --command must say how both are trained")
    for verb, recipe in RECIPES.items():
        kind = recipe.options()
        try:
            read_options(path, kind)
        except LapilliError:
            continue
        return f"lapilli {verb.replace('_', ' ')} zoo/{name}/{CONFIG} --run-dir runs/{name}"
    raise LapilliError(f"{path}: holds the options of no recipe; --command must say how the network is trained")


def _steps(source: Source, inputs: Inputs, summary: Mapping[str, Any]) -> int:
    """As many as a sample ran in the run's own test."""
    steps = summary.get("n_steps", source.steps(inputs.n_steps))
    if not isinstance(steps, int) or steps < inputs.n_steps:
        raise LapilliError(f"{source.path}: its samples have {inputs.n_steps} steps, its summary says n_steps {steps}")
    return steps


def _check_summary(source: Source, figures: Figures, summary: Mapping[str, Any]) -> None:
    """Refuse a network that does not do what its run says."""
    measured = {
        "fingerprint": source.network.fingerprint,
        "test_accuracy": figures.right / len(figures.decisions),
        "operations": figures.operations,
        "spikes": figures.spikes,
    }
    for name, value in measured.items():
        if name in summary and summary[name] != value:
            raise LapilliError(f"{source.path}: {name} is {value}, and the run's summary says {summary[name]}")


def _proof(source: Source, inputs: Inputs, steps: int, asked: Asked) -> CardProof:
    events = inputs.events().select(slice(asked.proof_samples))
    found = prove_source(source, events, Wanted(asked.backends, steps, asked.time_limit_s), lambda n: None)
    proofs = [found.backends] if found.module is None else [found.module, found.backends]
    for proof in proofs:
        if not proof.equal:
            raise LapilliError(f"{source.path}: {proof!r}")
    if found.why_no_module:
        raise LapilliError(f"{source.path}: the trained module was not compared: {found.why_no_module}")
    names = tuple(dict.fromkeys(name for proof in proofs for name in proof.backends))
    return CardProof(names, len(events), found.backends.spikes_compared, found.backends.states_compared)


def _licence(data: str) -> str:
    # Late: data sets need more than what reads cards.
    from lapilli.training.data.catalogue import DATA_SETS

    return DATA_SETS[data].licence


def _file(content: bytes) -> File:
    return File(len(content), hashlib.sha256(content).hexdigest())


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """The files in their order: the card comes last, so that an entry has one when it is whole."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise LapilliError(f"cannot make {folder}: {error.strerror or error}") from error
    for name, content in contents.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)
