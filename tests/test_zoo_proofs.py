"""Networks of the zoo on their data, where it is at hand, and how an entry is made: nothing in a card is typed."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_run import made_run

from lapilli import cli
from lapilli.netx_exports import Network, load
from lapilli.recipes import RECIPES
from lapilli.simulators import run
from lapilli.simulators.configurations import read_options
from lapilli.simulators.decisions.decide import decide, needed_recording
from lapilli.simulators.files.plain_yaml import read_yaml
from lapilli.sources.inputs import InputOptions, find_inputs
from lapilli.sources.networks import find_network
from lapilli.training.data.catalogue import DATA_SETS
from lapilli.training.data.folders import find_file
from lapilli.training.data.tasks import DataConfig, Task
from lapilli.training.networks.config import NetworkConfig
from lapilli.zoo.card import read_card
from lapilli.zoo.folder import Entry, checked
from lapilli.zoo.making import OTHER_RUNS

ROOT = Path(__file__).resolve().parent.parent
ZOO = ROOT / "zoo"
CARDS = {path.parent.name: read_card(path) for path in sorted(ZOO.glob("*/card.yaml"))}

each_network = pytest.mark.parametrize("name", CARDS)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPILLI_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("LAPILLI_ZOO", str(ZOO))
        yield


def needed(name: str) -> None:
    for file in DATA_SETS[name].files:
        if find_file(file) is None:
            pytest.skip(f"{file} is not here (LAPILLI_SHARED_DATA)")


@pytest.mark.slow
@each_network
def test_decisions_are_those_of_the_card(name: str) -> None:
    card = CARDS[name]
    needed(card.data)
    source = find_network(f"zoo:{name}")
    inputs = find_inputs(InputOptions(), source.run)
    assert len(inputs) == card.samples
    steps = source.steps(inputs.n_steps)
    assert (steps, steps - inputs.n_steps) == (card.steps, card.drain)
    assert source.why_undecided(inputs.n_steps, steps) == ""
    first = inputs.source.select(slice(len(card.decisions)))
    result = run(source.network, first, n_steps=steps, record=needed_recording(source.network))
    assert decide(result, source.network).tolist() == list(card.decisions)
    # A network that has learnt is right far more often than one that guesses: five deviations of the binomial
    # distribution above. The card's accuracy is no measure here, as the first samples may be of one person.
    right = int((first.labels == np.array(card.decisions)).sum())
    chance, n = 1 / len(np.unique(inputs.source.labels)), len(first)
    assert right > n * chance + 5 * np.sqrt(n * chance * (1 - chance))


def test_figures_are_what_simulate_says(capsys: pytest.CaptureFixture[str]) -> None:
    card = CARDS["digits"]
    assert cli.main(["simulate", "zoo:digits", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["samples"], found["steps"]) == (card.samples, card.steps)
    assert found["accuracy"] == card.accuracy
    assert found["syn_ops"] / found["samples"] == card.operations
    assert found["fingerprint"] == card.fingerprint


@each_network
def test_the_licence_is_that_of_the_data(name: str) -> None:
    assert CARDS[name].licence == DATA_SETS[CARDS[name].data].licence


@each_network
def test_the_command_reads_a_configuration_of_its_recipe(name: str) -> None:
    words = shlex.split(CARDS[name].command)
    named = ROOT / "zoo" / name / "config.yaml"
    if f"zoo/{name}/config.yaml" not in words:
        pytest.skip("the run began with another run, which the command names")
    verb = words[1 : words.index(f"zoo/{name}/config.yaml")]
    assert words[0] == "lapilli"
    options: Any = read_options(named, RECIPES["_".join(verb)].options())
    assert (options.data.name, options.seed) == (CARDS[name].data, CARDS[name].seed)
    assert options.data.fit == CARDS[name].trained_on


FACTS = {"seed": 0, "commit": "0123456789ab", "versions": {"torch": "2"}}


class Made:
    """A run of random weights, and a zoo of its own."""

    def __init__(self, folder: Path) -> None:
        self.run, self.zoo = folder / "run", folder / "zoo"
        self.zoo.mkdir()
        found: tuple[Any, Network, Task] = made_run(self.run, DataConfig(), NetworkConfig(hidden=(12,)))
        _, self.network, self.task = found
        words = ["zoo", "add", str(self.run), "mine", "--title", "It guesses.", "--proof-samples", "3"]
        self.words = [*words, "--backends", "[module,reference,fast]"]

    def summary(self, **facts: Any) -> None:
        """Write what came out of the run."""
        (self.run / "summary.json").write_text(json.dumps(facts), encoding="utf-8")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    found = Made(tmp_path)
    monkeypatch.setenv("LAPILLI_ZOO", str(found.zoo))
    return found


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    status = cli.main(words)
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_run_becomes_an_entry_whose_figures_are_measured(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.summary(**FACTS, fingerprint=made.network.fingerprint)
    assert cli.main(made.words) == 0
    entry = made.zoo / "mine"
    card = read_card(entry / "card.yaml")
    test, steps = made.task.test, made.task.run_steps(made.network.depth)
    result = run(
        made.network,
        test.select(slice(None)),
        "reference",
        n_steps=steps,
        record=needed_recording(made.network),
    )
    decisions = decide(result, made.network)
    assert (card.samples, card.steps, card.right) == (len(test), steps, int((decisions == test.labels).sum()))
    assert list(card.decisions) == decisions[:32].tolist()
    assert card.operations == int(result.counts.synapse_ops.sum()) / len(test)
    assert card.proof.backends == ("slayer", "reference", "fast")
    assert card.proof.samples == 3
    assert (card.data, card.licence, card.commit) == ("digits", DATA_SETS["digits"].licence, FACTS["commit"])
    assert load(entry / "model.net") == made.network
    assert (entry / "config.yaml").read_bytes() == (made.run / "config.yaml").read_bytes()
    assert card.command == "lapilli train zoo/mine/config.yaml --run-dir runs/mine"
    capsys.readouterr()
    assert "is there already" in refused(capsys, *made.words)
    assert cli.main(["zoo", "show", "mine"]) == 0


def test_an_entry_says_nothing_that_its_run_denies(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.summary(**FACTS, test_accuracy=1.0)
    assert "and the run's summary says 1.0" in refused(capsys, *made.words)
    made.summary(**FACTS, fingerprint="0" * 64)
    assert "fingerprint is " in refused(capsys, *made.words)
    made.summary(seed=0)
    said = refused(capsys, *made.words)
    assert "commit: missing; a card needs it" in said
    assert "versions: missing" in said
    made.summary(**FACTS, n_steps=3)
    assert "its summary says n_steps 3" in refused(capsys, *made.words)
    assert list(made.zoo.iterdir()) == []


def test_what_a_run_does_not_say_is_asked_for(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    made.summary(**FACTS)
    config = made.run / "config.yaml"
    before = config.read_text(encoding="utf-8")
    config.write_text(before + "start: runs/first\n", encoding="utf-8")
    assert "start: is another run; --command must say how both are trained" in refused(capsys, *made.words)
    config.write_text(before + "something: 1\n", encoding="utf-8")
    assert "holds the options of no recipe" in refused(capsys, *made.words)
    command = "python -m lapilli.training.studies seeds training/configs/spikescr-shd.yaml"
    assert cli.main([*made.words, "--command", command]) == 0
    assert read_card(made.zoo / "mine" / "card.yaml").command == command


def test_of_other_runs_an_entry_keeps_the_name(made: Made) -> None:
    made.summary(**FACTS)
    config = made.run / "config.yaml"
    before = config.read_text(encoding="utf-8")
    config.write_text(before + f"start: {made.run.parent}/first\n", encoding="utf-8")
    assert cli.main([*made.words, "--command", "lapilli train digits"]) == 0
    kept = read_yaml(made.zoo / "mine" / "config.yaml")
    assert kept == {**read_yaml(config), "start": "first"}
    assert checked(Entry(made.zoo / "mine")).name == "mine"


@each_network
def test_a_configuration_names_no_folder_of_one_machine(name: str) -> None:
    config = read_yaml(ROOT / "zoo" / name / "config.yaml")
    assert [config[key] for key in OTHER_RUNS if "/" in (config.get(key) or "")] == []


def test_what_no_card_can_say_is_refused_at_once(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is measured, and so before the summary is read, which is not that of a finished run."""
    _, _, folder, _, *rest = made.words
    assert "name: must be words" in refused(capsys, "zoo", "add", folder, "../mine", *rest)
    assert "title: must be 1 to 400" in refused(capsys, *made.words, "--title", "")
    assert "proof_samples: must be at least 1" in refused(capsys, *made.words, "--proof-samples", "0")
