"""`lapilli listen`: the decisions of `simulate` on the whole recording, whatever the source of the sound."""

import csv
import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from spoken import RATE, spoken, wav_bytes, write_recordings

from lapilli import cli
from lapilli.listening.listener import Listener, Plan
from lapilli.listening.plans import listening_plan
from lapilli.listening.session import Moment, Utterance
from lapilli.listening.telling import Names, Redrawn, ranking
from lapilli.netx_exports import CubaLif, DenseSynapse, LapilliError, Layer, Network, Readout, load, save
from lapilli.simulators import Events
from lapilli.simulators.decisions.decide import scores
from lapilli.simulators.run import run
from lapilli.sources.inputs import InputOptions
from lapilli.sources.networks import find_network
from lapilli.training.data.audio import SPOKEN_DIGITS
from lapilli.training.data.catalogue import prepared
from lapilli.training.data.folders import find_file
from lapilli.training.data.framing import Framing
from lapilli.training.data.framing import Lines as DataLines
from lapilli.training.data.lines import with_lines
from lapilli.training.data.wav import Wav

ROOT = Path(__file__).resolve().parent.parent
FRAMING = Framing(n_steps=30, bin_ms=10, bands=12, encoder="delta", threshold=0.1)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAPILLI_ZOO", str(ROOT / "zoo"))
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = cli.main(("listen", *words))
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def told(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What is said as JSON."""
    status, out, _ = call(capsys, *words, "--json")
    assert status == 0
    return [json.loads(line) for line in out.splitlines()]


def decided(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == "decision"]


def small(readout: Readout, n_inputs: int = 24, seed: int = 0) -> Network:
    """24 → 16 → 6, graded input, with delays."""
    rng = np.random.default_rng(seed)
    neuron = CubaLif(vth_mant=30, current_decay=1024, voltage_decay=400)
    first = DenseSynapse(
        "input", rng.integers(-40, 90, (16, n_inputs)) * 2, weight_exp=1, delays=rng.integers(0, 6, (1, n_inputs))
    )
    hidden = Layer("hidden", (16,), neuron, (first,))
    last = Layer("output", (6,), neuron, (DenseSynapse("hidden", rng.integers(-40, 60, (6, 16)) * 2),))
    return Network((n_inputs,), (hidden, last), graded_input=True, readout=readout)


def run_folder(path: Path, network: Network, framing: Framing = FRAMING, **data: object) -> Path:
    """A run folder of a network that was trained on spoken digits, without its training."""
    path.mkdir()
    save(network, path / "model.net")
    given = {"n_steps": framing.n_steps, "bin_ms": framing.bin_ms, "bands": framing.bands}
    content = {
        "name": "spoken-digits",
        "framing": {**given, "encoder": framing.encoder, "threshold": framing.threshold},
    }
    (path / "config.yaml").write_text(yaml.safe_dump({"data": content | data}))
    return path


def wav(name: str, samples: np.ndarray, rate: int = RATE) -> str:
    Path(name).write_bytes(wav_bytes(samples, rate))
    return name


def expected_scores(network: Network, framing: Framing, drain: int, folder: Path, lines: DataLines = "none") -> Any:
    """By the data set's whole recordings: the recordings, and the scores of each."""
    recordings = write_recordings(folder / "data")
    samples = prepared("spoken-digits", framing, progress=False).part("test")
    events = with_lines(samples.events(), samples.lengths, lines) if lines != "none" else samples.events()
    record = {network.output.name: {"voltage"}}
    found = run(network, events, n_steps=framing.n_steps + drain, record=record)
    return [recordings[row] for row in samples.rows], scores(found, network)


@pytest.mark.parametrize("kind", ["voltage_sum", "softmax_sum", "spike_count"])
def test_scores_are_those_of_the_whole_recording(kind: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small(Readout(kind, 3))
    run_folder(folder / "run", network)
    recordings, wanted = expected_scores(network, FRAMING, network.depth, folder)
    assert {len(recording) // 80 + 1 > 30 for recording in recordings} == {False, True}
    for recording, row in zip(recordings, wanted):
        (found,) = decided(told(capsys, "run", wav("a.wav", recording)))
        assert found["scores"] == row.tolist()
        assert found["class"] == row.argmax()
        assert found["whole"]
    assert len(np.unique(wanted, axis=0)) > 5


def test_the_network_of_the_zoo_hears_what_simulate_decides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, framing = load(ROOT / "zoo/spoken-digits/model.net"), Framing(100, 10, encoder="delta", threshold=0.07)
    recordings, wanted = expected_scores(network, framing, 43, folder)
    for recording, row in zip(recordings, wanted):
        lines = told(capsys, "zoo:spoken-digits", wav("a.wav", recording))
        (found,) = decided(lines)
        assert found["scores"] == row.tolist()
        assert found["name"] == SPOKEN_DIGITS.ear(framing).classes[row.argmax()]
        assert lines[-1]["event"] == "end"
        assert lines[-1]["hops"] == -(-len(recording) // 80)
    assert len({*wanted.argmax(axis=1).tolist()}) > 2


@pytest.mark.slow
def test_real_recordings_are_decided_as_simulate_decides_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = find_file("fsdd.npz")
    if path is None:
        pytest.skip("fsdd.npz is not here (LAPILLI_SHARED_DATA)")
    with np.load(path) as archive:
        audio, offsets, take, label = (archive[name] for name in ("audio", "offsets", "index", "label"))
    chosen = np.flatnonzero(take < 5)[::15]
    network, framing = load(ROOT / "zoo/spoken-digits/model.net"), Framing(100, 10, encoder="delta", threshold=0.07)
    events = prepared("spoken-digits", framing, progress=False).part("test").select(slice(None, None, 15))
    wanted = scores(run(network, events, n_steps=143, record={network.output.name: {"voltage"}}), network)
    assert len(chosen) == len(wanted) == 20
    right = 0
    for row, number in zip(wanted, chosen):
        sound = audio[offsets[number] : offsets[number + 1]]
        (found,) = decided(told(capsys, "zoo:spoken-digits", wav("a.wav", sound)))
        assert found["scores"] == row.tolist()
        right += found["class"] == label[number]
    assert right >= 18


@pytest.mark.parametrize("lines", ["valid", "valid and keys"])
def test_lines_beside_the_channels(lines: DataLines, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small(Readout("voltage_sum"), n_inputs=24 + len(lines.split(" and ")))
    run_folder(folder / "run", network, lines=lines, drain=5 + network.depth)
    recordings, wanted = expected_scores(network, FRAMING, 5 + network.depth, folder, lines)
    for recording, row in zip(recordings, wanted):
        assert decided(told(capsys, "run", wav("a.wav", recording)))[0]["scores"] == row.tolist()


def test_a_file_alone_listens_with_the_framing_that_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small(Readout("voltage_sum"))
    save(replace(network, readout=None), "alone.net")
    run_folder(folder / "run", network)
    sound = wav("a.wav", spoken(np.random.default_rng(3), 2000))
    (wanted,) = decided(told(capsys, "run", sound))
    words = ["--data", "spoken-digits", "--readout", "voltage_sum", "--window-ms", "300", "--framing.bands", "12"]
    words += ["--framing.bin-ms", "10", "--framing.encoder", "delta", "--framing.threshold", "0.1"]
    assert decided(told(capsys, "alone.net", sound, *words)) == [wanted]


def sequence(rng: np.random.Generator, n_words: int = 4) -> np.ndarray:
    """Words with 400 ms of silence around each."""
    silence = np.zeros(3200, np.int16)
    return np.concatenate([silence, *(part for _ in range(n_words) for part in (spoken(rng, 1600), silence))])


def test_each_utterance_is_decided_as_a_recording_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network, sound = small(Readout("voltage_sum")), sequence(np.random.default_rng(5))
    run_folder(folder / "run", network)
    found = decided(told(capsys, "run", wav("a.wav", sound), "--pause-ms", "60"))
    assert len(found) == 4
    for place, utterance in enumerate(found):
        assert utterance["utterance"] == place
        first, last = (round(utterance[name] * 8) for name in ("begin_ms", "end_ms"))
        assert (first % 80, last % 80) == (0, 0)
        # 50 ms before the first loud hop, 60 ms behind the last.
        word = 3200 + place * 4800
        assert word - 400 <= first < word
        assert word + 1600 < last <= word + 1600 + 480
        (alone,) = decided(told(capsys, "run", wav("b.wav", sound[first:last])))
        assert alone["scores"] == utterance["scores"]


def test_the_table_of_decisions(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    sound = wav("a.wav", sequence(np.random.default_rng(5)))
    found = decided(told(capsys, "run", sound, "--pause-ms", "60", "--decisions", "d.csv"))
    rows = list(csv.reader(Path("d.csv").read_text().splitlines()))
    assert rows[0] == ["sample", "label", "decision", *(f"score_{number}" for number in range(6))]
    assert rows[1:] == [
        list(map(str, [number, "", line["class"], *line["scores"]])) for number, line in enumerate(found)
    ]


def test_words_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    sound = wav("a.wav", spoken(np.random.default_rng(5), 2000))
    lines = told(capsys, "run", sound)
    status, out, err = call(capsys, "run", sound)
    assert (status, err) == (0, "")
    *changes, decision, latency = out.splitlines()
    assert len(changes) == sum(line["event"] == "change" for line in lines) > 0
    for line, words in zip(lines, changes):
        assert words.startswith(f"{line['ms'] / 1000:.2f} s: {line['name']} {max(line['scores']):,} (then ")
    (found,) = decided(lines)
    assert decision.startswith(f"0.00…0.25 s: decided: {found['name']} {max(found['scores']):,} (then ")
    assert latency.startswith("latency of a hop of 10 ms: median ")


def test_the_best_class_changes_when_it_is_ahead_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    plan = listening_plan(find_network("zoo:spoken-digits"), InputOptions(), None)
    sounds = [spoken(np.random.default_rng(seed), 6000) for seed in range(5)]
    listener, n_changes = Listener(plan), 0
    for samples in sounds:
        listener.begin()
        wanted, best = [], None
        for number, block in enumerate(np.split(samples, range(80, 6000, 80)), 1):
            listener.hear(block / 32768)
            first, second = np.sort(listener.scores)[::-1][:2]
            if first > second and listener.scores.argmax() != best:
                best = int(listener.scores.argmax())
                wanted.append((number * 10, best))
        lines = told(capsys, "zoo:spoken-digits", wav("a.wav", samples))
        assert [(line["ms"], line["class"]) for line in lines if line["event"] == "change"] == wanted
        n_changes += len(wanted)
    assert n_changes > len(sounds)


def test_a_sound_that_goes_on_behind_the_window(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    samples = spoken(np.random.default_rng(1), 4000)
    long = wav("a.wav", samples)
    status, out, err = call(capsys, "run", long)
    assert status == 0
    assert err == (
        "lapilli: a.wav goes on, but an utterance is 300 ms long: --window-ms makes it longer, and --pause-ms hears "
        "one after the other\n"
    )
    status, wider, err = call(capsys, "run", long, "--window-ms", "510")
    assert (status, err) == (0, "")
    assert wider.splitlines()[-2].startswith("0.00…0.50 s: decided: ")
    assert out.splitlines()[-2] != wider.splitlines()[-2]


def test_another_rate_and_two_channels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signal_ = pytest.importorskip("scipy.signal")
    run_folder(folder / "run", small(Readout("voltage_sum")))
    slow = spoken(np.random.default_rng(2), 2000)
    fast = signal_.resample_poly(slow / 32768, 2, 1)
    two = np.stack([fast, fast], axis=1)
    Path("b.wav").write_bytes(wav_bytes(two, 16000, code=3, bits=64))
    status, out, err = call(capsys, "run", "b.wav")
    assert status == 0
    assert err == (
        "lapilli: b.wav has 16,000 Hz and is resampled to 8,000 Hz\n"
        "lapilli: b.wav has 2 channels, and their mean is heard\n"
    )
    assert "0.00…0.25 s: decided: " in out


def test_resampling_without_scipy(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.signal", None)
    monkeypatch.setitem(sys.modules, "scipy", None)
    run_folder(folder / "run", small(Readout("voltage_sum")))
    status, _, err = call(capsys, "run", wav("a.wav", np.zeros(900, np.int16), 44100))
    assert status == 2
    assert "must be resampled to 8000 Hz, which needs scipy" in err.replace("\n", " ")
    assert err.endswith("needs scipy.signal: pip install scipy\n")


def test_the_standard_input_and_real_time(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    samples = spoken(np.random.default_rng(2), 800)
    wanted = decided(told(capsys, "run", wav("a.wav", samples)))
    with open("a.wav", "rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert decided(told(capsys, "run", "-", "--realtime")) == wanted


def test_of_a_pipe_no_more_is_waited_for_than_is_heard(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    read = 0
    with open(wav("a.wav", spoken(np.random.default_rng(2), 8000)), "rb") as file:

        def reading(size: int) -> bytes:
            nonlocal read
            found = file.read(size)
            read += len(found)
            return found

        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(read=reading)))
        *_, end = told(capsys, "run", "-")
    assert end["hops"] * 80 < 8000
    assert read == 44 + 2 * 80 * end["hops"]


def test_the_standard_input_that_holds_nothing_or_is_closed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    with open(wav("a.wav", np.zeros(0, np.int16)), "rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        assert call(capsys, "run", "-") == (2, "", "lapilli: standard input: holds no sound\n")
    monkeypatch.setattr(sys, "stdin", None)
    assert call(capsys, "run", "-") == (2, "", "lapilli: the standard input is closed\n")


def test_ctrl_c_before_there_is_sound(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))

    def interrupted(*of: object) -> Any:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("lapilli.commands.listen.hops_of_wav", interrupted)
    assert call(capsys, "run", wav("a.wav", QUIET)) == (130, "", "")


@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
def test_a_header_that_promises_too_much_takes_no_memory(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, rate: int
) -> None:
    if rate != RATE:
        pytest.importorskip("scipy")
    run_folder(folder / "run", small(Readout("voltage_sum")))
    wanted: list[int] = []
    read = Wav.read

    def noted(sound: Wav, n_samples: int) -> np.ndarray:
        wanted.append(n_samples)
        return read(sound, n_samples)

    monkeypatch.setattr(Wav, "read", noted)
    samples = spoken(np.random.default_rng(3), 4000)
    Path("a.wav").write_bytes(wav_bytes(samples, rate, size=0xFFFFFFF0))
    assert len(decided(told(capsys, "run", "a.wav"))) == 1
    assert max(wanted) <= 1 << 16


def test_a_reader_who_leaves_is_no_error_of_the_table(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))

    def left(value: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr("lapilli.listening.telling.print_json_line", left)
    monkeypatch.setattr(cli, "silence_output", lambda: None)
    sound = wav("a.wav", spoken(np.random.default_rng(3), 4000))
    assert call(capsys, "run", sound, "--json", "--decisions", "d.csv") == (141, "", "")
    assert not list(folder.glob("*d.csv*"))


class PortAudioError(Exception):
    """As that of sounddevice."""


def microphone_of(monkeypatch: pytest.MonkeyPatch, sound: np.ndarray, lost_at: int = -1) -> list[dict[str, Any]]:
    """A `sounddevice` whose microphone hears a sound, and then Ctrl-C; returns how it is opened."""
    opened: list[dict[str, Any]] = []

    class InputStream:
        def __init__(self, **options: Any) -> None:
            opened.append(options)
            self.at = 0
            if options["device"] == "none":
                raise ValueError("No input device matching 'none'")

        def __enter__(self) -> "InputStream":
            opened.append({"started": True})
            return self

        def __exit__(self, *error: object) -> None:
            opened.append({"started": False})

        def read(self, n_samples: int) -> tuple[np.ndarray, bool]:
            if self.at >= len(sound):
                raise KeyboardInterrupt
            self.at += n_samples
            return sound[self.at - n_samples : self.at, None], self.at == lost_at

    fake = SimpleNamespace(InputStream=InputStream, PortAudioError=PortAudioError)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return opened


def test_a_microphone_hears_what_a_file_says(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    sound = sequence(np.random.default_rng(5))
    wanted = decided(told(capsys, "run", wav("a.wav", sound), "--pause-ms", "300"))
    opened = microphone_of(monkeypatch, sound, lost_at=800)
    status, out, err = call(capsys, "run", "--microphone", "--device", "2", "--json", "--decisions", "d.csv")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert decided(lines) == wanted
    assert len(wanted) == 4
    assert err == (
        "lapilli: listening; Ctrl-C ends it\n"
        "lapilli: the microphone has lost sound, because this machine was too slow\n"
    )
    assert opened[0] == {
        **{"samplerate": 8000, "blocksize": 80, "channels": 1, "dtype": "int16", "latency": "low"},
        "device": 2,
    }
    assert opened[1:] == [{"started": True}, {"started": False}]
    assert len(Path("d.csv").read_text().splitlines()) == 5
    assert lines[-1]["utterances"] == 4


def test_ctrl_c_in_an_utterance(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = small(Readout("voltage_sum"))
    run_folder(folder / "run", network)
    sound = spoken(np.random.default_rng(5), 1600)
    microphone_of(monkeypatch, sound)
    status, out, _ = call(capsys, "run", "--microphone")
    assert status == 0
    assert out.splitlines()[-2].startswith("0.00…0.20 s: decided until it was interrupted: ")


def test_a_microphone_that_hears_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    microphone_of(monkeypatch, np.zeros(800, np.int16))
    assert call(capsys, "run", "--microphone", "--loud-db", "-30")[1] == (
        "no utterance was heard: nothing was as loud as -30 dB of full scale\n"
    )


def test_a_microphone_that_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    microphone_of(monkeypatch, np.zeros(800, np.int16))
    status, _, err = call(capsys, "run", "--microphone", "--device", "none")
    assert (status, err) == (2, "lapilli: --microphone: No input device matching 'none'\n")
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    status, _, err = call(capsys, "run", "--microphone")
    assert status == 2
    assert err == "lapilli: --microphone needs sounddevice: pip install '.[microphone]' in lapilli's folder\n"


def test_a_machine_without_portaudio(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    # What sounddevice does where the library is missing.
    (folder / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(str(folder))
    status, _, err = call(capsys, "run", "--microphone")
    assert (status, err) == (
        2,
        "lapilli: --microphone: PortAudio library not found; sounddevice needs PortAudio, as of apt-get install "
        "libportaudio2\n",
    )


@pytest.mark.slow
def test_ctrl_c_while_a_file_plays(folder: Path) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    sound = wav("a.wav", np.concatenate([spoken(np.random.default_rng(seed), 4000) for seed in range(240)]))
    words = ["run", sound, "--realtime", "--window-ms", "120000", "--decisions", "d.csv"]
    command = [sys.executable, "-m", "lapilli", "listen", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert " s: " in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (130, "")
    *_, decision, latency = out.splitlines()
    assert " s: decided until it was interrupted: " in decision
    assert latency.startswith("latency of a hop")
    assert len(Path("d.csv").read_text().splitlines()) == 2


def test_a_terminal_has_one_line_that_is_drawn_again(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    tell = Redrawn(Names({0: "zero", 1: "one\x1b[31m"}), lambda: now)
    for now, found in ((0.0, [5, 0]), (0.01, [0, 9]), (0.05, [1000, 3000]), (0.1, [4, 4])):
        tell.moment(Moment(0, 1000 * now, np.array(found)))
    tell.utterance(Utterance(0, 0, 50, np.array([7, -5]), whole=True))
    assert capsys.readouterr().out == (
        "\r   0.00 s [##########] zero 5 (then one\\x1b[31m 0)\x1b[K"
        "\r   0.05 s [#####.....] one\\x1b[31m 3,000 (then zero 1,000)\x1b[K"
        "\r   0.10 s [..........] no class is ahead\x1b[K"
        "\r\x1b[K0.00…0.05 s: decided: zero 7 (then one\\x1b[31m -5)\n"
    )


def test_the_line_fits_the_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    Redrawn(Names({})).moment(Moment(0, 10, np.array([10**12, 0])))
    assert len(capsys.readouterr().out.removeprefix("\r").removesuffix("\x1b[K")) == 29


def test_a_terminal_is_recognised(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    sound = wav("a.wav", spoken(np.random.default_rng(5), 2000))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert "\r\x1b[K0.00…0.25 s: decided: " in call(capsys, "run", sound)[1]
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in call(capsys, "run", sound)[1]


def test_rankings() -> None:
    found = ranking(np.array([3, 9, 9]))
    assert (found.best, found.second, found.lead) == (1, 2, 0)
    assert ranking(np.zeros(4, np.int64)).lead == 0
    assert ranking(np.array([-3, -1])).lead == 0.5
    assert (ranking(np.array([8])).best, ranking(np.array([8])).second) == (0, 0)


QUIET = np.zeros(500, np.int16)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "listen: needs a WAV file or --microphone, one of them"),
        (("a.wav", "--microphone"), "listen: needs a WAV file or --microphone, one of them"),
        (("--microphone", "--realtime"), "--realtime: is of files"),
        (("a.wav", "--device", "2"), "--device: is of --microphone"),
        (("a.wav", "--loud-db", "-30"), "--loud-db: needs --pause-ms"),
        (("a.wav", "--pause-ms", "0"), "--pause-ms must be at least 10 ms, got 0"),
        (("a.wav", "--window-ms", "-1"), "--window-ms must be at least 10 ms, got -1"),
        (("a.wav", "--decisions", "a.wav"), "--decisions must not be the file a.wav"),
        (("none.wav",), "cannot read none.wav: No such file or directory"),
        (("run/model.net",), "is no WAV file: it must begin with RIFF and WAVE"),
        (("empty.wav",), "empty.wav: holds no sound"),
        (("short.wav",), "short.wav: too short: needs at least 129 samples at 8000 Hz"),
        (("a.wav", "--framing.bands", "13"), "shape: the network's input is (24,), got (26,)"),
        (("a.wav", "--framing.encoder", "rate"), "rate draws its numbers from all values of a recording"),
        (("a.wav", "--framing.pool", "2"), "data set spoken-digits has no pool to choose"),
        (("a.wav", "--lines", "valid"), "shape: the network's input is (24,), got (25,)"),
        (("a.wav", "--data", "shd"), "listen: data set shd is spikes that a model of the cochlea made of sound"),
        (("a.wav", "--data", "digits"), "data set digits holds no sound; networks of spoken-digits can listen"),
        (("a.wav", "--data", "nowhere"), "unknown data set 'nowhere'"),
    ],
)
def test_one_sentence_refuses(
    words: tuple[str, ...], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder(folder / "run", small(Readout("voltage_sum")))
    for name, samples in (("a.wav", QUIET), ("empty.wav", QUIET[:0]), ("short.wav", QUIET[:128])):
        wav(name, samples)
    status, out, err = call(capsys, "run", *words)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1


def test_networks_that_cannot_listen(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = small(Readout("voltage_sum"))
    save(network, "alone.net")
    sound = wav("a.wav", QUIET)
    assert "alone.net does not say how sound reaches it" in call(capsys, "alone.net", sound)[2]
    assert "data set digits holds no sound" in call(capsys, "zoo:digits", sound)[2]
    run_folder(folder / "undecided", replace(network, readout=None))
    assert "the network does not say how a class is decided" in call(capsys, "undecided", sound)[2]
    run_folder(folder / "endless", network, replace(FRAMING, n_steps=None))
    assert "how long an utterance is, is not known: --window-ms says it" in call(capsys, "endless", sound)[2]
    (folder / "endless" / "summary.json").write_text(json.dumps({"n_steps": 40, "drain": 10}))
    assert call(capsys, "endless", sound)[0] == 0


def test_a_listener_forgets_what_it_heard(folder: Path) -> None:
    plan = listening_plan(
        find_network(str(run_folder(folder / "run", small(Readout("voltage_sum"))))), InputOptions(), None
    )
    first, second = Listener(plan), Listener(plan)
    sound = spoken(np.random.default_rng(0), 1000) / 32768
    first.warm_up()
    for listener in (first, second, first):
        listener.begin()
        assert not listener.scores.any()
        listener.hear(sound)
        listener.end()
    np.testing.assert_array_equal(first.scores, second.scores)
    assert first.scores.any()


def test_plain_input_takes_events_of_one(folder: Path) -> None:
    """A network of binary input hears a framing whose events are all 1, and refuses others."""
    network = replace(small(Readout("voltage_sum"), n_inputs=12), graded_input=False)
    ear = SPOKEN_DIGITS.ear(Framing(bin_ms=10, bands=12, levels=1))
    listener = Listener(Plan(network, ear, 30, network.depth))
    samples = spoken(np.random.default_rng(0), 1000)
    listener.hear(samples / 32768)
    listener.end()
    hearing = ear.hearing()
    events = np.concatenate([hearing.feed(samples / 32768), hearing.end()], axis=1)
    padded = np.pad(events, ((0, 0), (0, 30 - events.shape[1])))
    result = run(network, Events.from_dense(padded[None]), n_steps=30 + network.depth, record={"output": {"voltage"}})
    np.testing.assert_array_equal(listener.scores, scores(result, network)[0])
    many = Listener(Plan(network, SPOKEN_DIGITS.ear(Framing(bin_ms=10, bands=12)), 30, 2))
    with pytest.raises(LapilliError, match="the network's input is binary spikes"):
        many.hear(samples / 32768)
