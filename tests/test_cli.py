"""The command line: verbs, exit statuses, errors in one sentence, JSON."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapilli import calling, cli, verbs
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout, load, save
from lapilli.simulators import Events, run

NEURON = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    hidden = Layer("hidden", (6,), NEURON, (DenseSynapse("input", rng.integers(-40, 100, (6, 5)) * 2),))
    output = Layer("output", (3,), NEURON, (DenseSynapse("hidden", rng.integers(-40, 100, (3, 6)) * 2),))
    save(Network((5,), (hidden, output), readout=Readout("spike_count")), tmp_path / "model.net")
    events = Events.from_dense(rng.random((4, 5, 30)) < 0.3, labels=[0, 1, 2, 0])
    events.save(tmp_path / "events.npz")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "text.net").write_text("mine", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("notes.txt")
    (tmp_path / "link.svg").symlink_to("notes.txt")
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "--help")
    assert status == 0
    for name in verbs.COMMANDS:
        assert f"  {name}" in out


@pytest.mark.parametrize("name", verbs.COMMANDS)
def test_every_verb_has_help_with_described_options(capsys: pytest.CaptureFixture[str], name: str) -> None:
    status, out, _ = call(capsys, name, "--help")
    assert status == 0
    assert "usage: lapilli " + name in out
    assert "_" not in "".join(word for word in out.split() if word.startswith("--"))


def test_simulate_writes_what_run_gives(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz"), "--out", str(files / "out.npz")]
    status, out, err = call(capsys, "simulate", *arguments, "--n-steps", "40", "--json")
    assert status == 0, err
    summary = json.loads(out)
    written = Events.load(files / "out.npz")
    from lapilli.netx_exports import load

    expected = run(load(files / "model.net"), Events.load(files / "events.npz"), "reference", n_steps=40)
    assert np.array_equal(written.to_dense(), expected.spikes.to_dense())
    assert written.labels.tolist() == [0, 1, 2, 0]
    assert summary["output_spikes"] == expected.spikes.n_events > 0
    assert summary["syn_ops"] == expected.counts.syn_ops.sum()
    assert 0 <= summary["accuracy"] <= 1


def test_prove_exits_0_when_equal(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz"), "--backends", '["reference","fast"]']
    status, out, _ = call(capsys, "prove", *arguments)
    assert status == 0
    assert "equal: 0 differences" in out
    status, out, _ = call(capsys, "prove", *arguments, "--samples", "2", "--json")
    assert json.loads(out)["n_samples"] == 2
    assert json.loads(out)["equal"] is True


def test_prove_exits_1_on_a_difference(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lapilli.simulators.reference.neurons import arithmetic

    monkeypatch.setattr(arithmetic, "STATE_LIMIT", 6000)
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz"), "--backends", '["reference","fast"]']
    status, out, _ = call(capsys, "prove", *arguments)
    assert status == 1
    assert "first in fast: " in out
    assert "step " in out


def test_profile_prints_the_counts_of_run(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz")]
    status, out, _ = call(capsys, "profile", *arguments, "--json")
    profile = json.loads(out)
    from lapilli.netx_exports import load

    counts = run(load(files / "model.net"), Events.load(files / "events.npz"), "reference", n_steps=32).counts
    assert status == 0
    assert profile["per_sample"]["hidden"]["syn_ops"] == counts.syn_ops[:, 0].tolist()
    assert profile["totals"]["output"]["axon_out"] == counts.axon_out[:, 1].sum()
    status, out, _ = call(capsys, "profile", *arguments)
    assert status == 0
    assert "syn_ops" in out
    assert "hidden" in out


def test_inspect_shows_layers_and_stock_lava(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = call(capsys, "inspect", str(files / "model.net"))
    assert status == 0
    assert "hidden" in out
    assert "output" in out
    status, out, _ = call(capsys, "inspect", str(files / "model.net"), "--json")
    assert status == 0
    json.loads(out)


def test_no_accuracy_before_the_last_spikes_are_answered(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz"), "--out", str(files / "out.npz")]
    early = json.loads(call(capsys, "simulate", *arguments, "--n-steps", "31", "--json")[1])
    assert "accuracy" not in early
    assert early["why_no_decisions"] == "the last input spikes are answered in step 32, 31 were run"
    assert "accuracy" in json.loads(call(capsys, "simulate", *arguments, "--n-steps", "32", "--json")[1])
    assert json.loads(call(capsys, "simulate", *arguments, "--json")[1])["steps"] == 32


def test_prove_exits_1_when_a_backend_that_was_asked_for_cannot_run(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(files / "model.net"), "--input", str(files / "events.npz")]
    status, out, _ = call(capsys, "prove", *arguments, "--backends", "[reference,fast,loihi2]")
    assert status == 1
    assert "skipped: backend loihi2" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "unknown command 'fly'"),
        (["inspect", "missing.net"], "cannot read missing.net: No such file or directory"),
        (["inspect"], "lapilli: the following are required: network\n"),
        (["learn", "model.net"], "lapilli: the following are required: --run-dir\n"),
        (["plot", "model.net", "--out", "."], "lapilli: a picture needs the name of a file, got the folder .\n"),
        (
            ["simulate", "model.net", "--out", "o.npz"],
            "no events: give --input FILE.npz or --data NAME, or a run folder",
        ),
        (["simulate", "model.net", "--inptu", "events.npz"], "unrecognized option --inptu; did you mean --input?\n"),
        (["simulate", "model.net", "--n_stpes=3"], "unrecognized option --n-stpes; did you mean --n-steps?\n"),
        (["simulate", "model.net", "--sample", "3"], "unrecognized option --sample; did you mean --samples?\n"),
        (["simulate", "model.net", "--rate", "3"], "lapilli: unrecognized option --rate\n"),
        (["simulate", ""], "lapilli: cannot read a file without a name\n"),
        (
            ["export", "model.net", "--out", "notes.txt"],
            "lapilli: --out: notes.txt is there already, and is no .net or .nir file; it is not written over\n",
        ),
        (["plot", "model.net", "--input", "events.npz", "--out", "link.svg"], "is no .svg or .png file; it is not"),
        (["data", "show", "digits", "--out", "link.svg"], "is no .svg or .png file; it is not"),
        (["train", "digits", "--seeds", "0", "--run-dir", "none"], "seeds: must be at least 1, got 0"),
        (["prove", "model.net", "--input", "events.npz", "--decisions", "link.csv"], "is no .csv file; it is not"),
        (
            ["prove", "model.net", "--input", "events.npz", "--decisions", "notes.txt"],
            "is no .csv file; it is not written",
        ),
        (
            ["bench", "simulate", "--out", "no/rows.csv"],
            "lapilli: cannot write no/rows.csv: No such file or directory\n",
        ),
        (["simulate", "model.net", "--qqqq"], "lapilli: unrecognized option --qqqq\n"),
        (
            ["simulate", "model.net", "other.net"],
            "lapilli: unrecognized arguments: other.net; `lapilli simulate --help` lists the options\n",
        ),
        (
            ["simulate", "model.net", "--input", "events.npz", "--out", "o.npz", "--n-steps", "many"],
            "n-steps: must be a whole number, got many",
        ),
        (
            ["simulate", "model.net", "--input", "events.npz", "--out", "o.npz", "--backend", "gpu"],
            "--backend: must be one of ",
        ),
        (["simulate", "model.net", "--input", "model.net", "--out", "o.npz"], "model.net: not an npz file"),
        (["simulate", "events.npz", "--input", "events.npz", "--out", "o.npz"], "events.npz"),
        (
            ["simulate", "model.net", "--input", "events.npz", "--out", "events.npz"],
            "must not be the file events.npz",
        ),
        (["simulate", "model.net", "--input", "events.npz", "--out", "no/o.npz"], "cannot write no/o.npz"),
        (
            ["simulate", "model.net", "--input", "events.npz", "--out", "model.net"],
            "must not be the file model.net",
        ),
        (["simulate", "model.net", "--input", "events.npz", "--out", "/dev/null"], "is no regular file"),
        (["export", "model.net", "--out", "./model.net"], "--out must not be the file model.net that is read"),
        (["prove", "model.net", "--samples", "-3"], "--samples must be at least 1, got -3"),
        (["bench", "simulate", "--hidden", "[]"], "must be positive"),
        (["prove", "model.net", "--backends", '["fast"]'], "needs at least two different backends"),
        (["bench", "fly"], "bench: must be simulate or train, got 'fly'\n"),
        (["bench", "simulat"], "bench: must be simulate or train, got 'simulat'; did you mean simulate?\n"),
        (
            ["bench", "trian", "--densities", "0.1"],
            "lapilli: bench: must be simulate or train, got 'trian'; did",
        ),
        (["bench", "--parts", "file"], "lapilli: bench: must be simulate or train\n"),
        (["bench", "simulate", "--out", "/dev/null"], "cannot write /dev/null: it exists and is no regular file\n"),
        (["export", "model.net", "--out", "text.net"], "text.net is there already, and is no .net or .nir file"),
        (["export", "model.net", "--out", ""], "lapilli: cannot write a file without a name\n"),
        (["export", "model.net", "--out", "notes.txt/x"], "lapilli: cannot write notes.txt/x: Not a directory\n"),
        (["learn", "model.net", "--input", "events.npz", "--run-dir", ""], "lapilli: --run-dir: must name a folder\n"),
        (["learn", "model.net", "--run-dir"], "lapilli: --run-dir: needs a value\n"),
        (
            ["prove", "model.net", "--backends", "fast,refrence"],
            "lapilli: --backends: must be of fast, reference, lava, loihi2, module, got ['fast', 'refrence']\n",
        ),
        (["bench"], "lapilli: bench: must be simulate or train\n"),
        (["bench", "simulate", "--steps", "0"], "must be positive"),
        (["bench", "simulate", "--steps", "x"], "lapilli: --steps: must be a whole number, got x\n"),
        (
            ["plot", "model.net", "--lines", "no"],
            "--lines: must be one of none, valid, valid and keys, got no; did you mean none?\n",
        ),
        (["listen", "model.net", "a.wav", "--pause-ms", "nan"], "lapilli: --pause-ms: must be a number, got nan\n"),
        (["bench", "simulate", "--seed", "-1"], "bench: seed must be at least 0, got -1"),
        (["export", "missing", "--out", "o.net"], "missing"),
        (["train", "missing.yaml"], "no file missing.yaml, and lapilli has none of that name; it has digits, "),
        (["train", "digit"], "no file digit, and lapilli has none of that name; did you mean digits?\n"),
        (["simulate", "model.net", "--backend", "fsat"], "lava, loihi2, got fsat; did you mean fast?\n"),
        (
            ["simulate", "model.net", "--readout", "spike_cont"],
            "lapilli: --readout: must be one of voltage_sum, spike_",
        ),
        (
            ["simulate", "model.net", "--input", "gone.npz", "--out", "model.net"],
            "--out must not be the file model.net",
        ),
        (["profile", "model.net", "--tables", "LOIHI1"], "spinnaker2, truenorth; did you mean loihi1?\n"),
        (["completion", "zhs"], "arguments: zhs; `lapilli completion --help` lists the options\n"),
        (["completion", "--shell", "zhs"], "bash, zsh, fish, got zhs; did you mean zsh?\n"),
        (["demo", "--run-dir", "model.net"], "lapilli: cannot make run folder model.net: File exists\n"),
        (["demo", "--run-dir", "."], "lapilli: run folder . is not empty, and holds no run; --run-dir names another\n"),
        (
            ["train", "--run-dir", "."],
            "lapilli: run folder . is not empty, and holds no run; --run-dir names another\n",
        ),
        (["train", "lstm", "--run-dir", "model.net"], "lapilli: cannot make run folder model.net: File exists\n"),
        (
            ["train", "curriculum", "--run-dir", "new"],
            "lapilli: --data.name: must be a data set whose bins can be chosen, got digits\n",
        ),
        (["train", "curiculum"], "lapilli has none of that name; did you mean curriculum?\n"),
        (["train", "--optimizer.lr", "fast"], "optimizer.lr"),
    ],
)
def test_wrong_input_is_one_sentence_and_status_2(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(files)
    before = sorted(path.name for path in files.iterdir())
    status, _, err = call(capsys, *words)
    assert status == 2
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1
    assert message in err
    assert "Traceback" not in err
    assert sorted(path.name for path in files.iterdir()) == before


def test_what_a_command_wrote_it_writes_again_whatever_it_is_called(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert call(capsys, "export", str(files / "model.net"), "--out", str(files / "mine.data"))[0] == 0
    assert load(files / "mine.data").fingerprint == load(files / "model.net").fingerprint


def test_labels_that_are_no_classes_are_counted(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = Events.from_dense(np.zeros((4, 5, 3), int), labels=[0, 7, -1, 9])
    events.save(files / "odd.npz")
    status, out, _ = call(capsys, "simulate", str(files / "model.net"), "--input", str(files / "odd.npz"))
    assert status == 0
    assert "of 4 samples); the labels of 3 samples are none of the 3 classes of the network; most frequent" in out


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = call(capsys, "inspect", "missing.net", "--debug")
    assert status == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("lapilli: cannot read missing.net")


def test_a_defect_is_one_sentence_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, words: list[str]) -> int:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(calling, "run_command", broken)
    status, _, err = call(capsys, "doctor")
    assert status == 3
    assert err == "lapilli: a defect of lapilli (ZeroDivisionError: by hand); run with --debug and report it\n"


def test_ctrl_c_is_status_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str, words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(calling, "run_command", interrupted)
    assert call(capsys, "doctor")[0] == 130


def test_installed_command_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "lapilli", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage: lapilli COMMAND" in done.stdout
