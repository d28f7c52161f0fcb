"""Sound as it comes: piece by piece, bit for bit what the data set makes of the whole recording."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import write_recordings

from lapilli.netx_exports import LapilliError
from lapilli.training.data.catalogue import DATA_SETS, prepared
from lapilli.training.data.encoders import EncodingError, StreamEncoder, encode
from lapilli.training.data.framing import Framing
from lapilli.training.data.hearing import Ear
from lapilli.training.data.mel import AudioError, MelConfig, decibels, log_mel, power_spectrogram
from lapilli.training.data.mel_stream import MelStream

FRAMINGS = [
    Framing(n_steps=40, bin_ms=10, encoder="delta", threshold=0.07),
    Framing(bin_ms=10, levels=255),
    Framing(bin_ms=25, bands=20, encoder="delta", threshold=0.03),
    Framing(bin_ms=2, bands=12, levels=31),
]


def ear_of(framing: Framing) -> Ear:
    ear = DATA_SETS["spoken-digits"].ear
    assert ear is not None
    return ear(framing)


def pieces(audio: np.ndarray, rng: np.random.Generator, longest: int) -> list[np.ndarray]:
    cuts = np.cumsum(rng.integers(0, longest, 2 * len(audio) // longest + 2))
    return np.split(audio, cuts[cuts < len(audio)])


@pytest.mark.parametrize("framing", FRAMINGS, ids=lambda framing: f"{framing.encoder} {framing.bin_ms:g} ms")
def test_events_are_those_of_the_whole_recording(
    framing: Framing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAPILLI_DATA", str(tmp_path))
    recordings = write_recordings(tmp_path)
    found, ear, rng = prepared("spoken-digits", framing, progress=False), ear_of(framing), np.random.default_rng(0)
    assert (ear.shape, ear.step_ms) == (found.shape, found.step_ms)
    compared = 0
    for samples in found.parts.values():
        for row, length, expected in zip(samples.rows, samples.lengths, samples.events().to_dense()):
            hearing = ear.hearing()
            heard = [hearing.feed(piece / 32768) for piece in pieces(recordings[row], rng, 3 * ear.hop)]
            events = np.concatenate([*heard, hearing.end()], axis=1)[:, : found.n_steps]
            assert events.shape[1] == length
            np.testing.assert_array_equal(events, expected[:, :length])
            assert not expected[:, length:].any()
            compared += int(np.count_nonzero(events))
    assert compared > 1000


@settings(max_examples=60, deadline=None)
@given(st.integers(129, 2500), st.integers(1, 400), st.sampled_from([16, 80, 200, 256]), st.integers(0, 2**32 - 1))
def test_frames_of_a_stream_are_bit_for_bit_those_of_the_whole(
    n_samples: int, longest: int, hop: int, seed: int
) -> None:
    config, rng = MelConfig(None, hop=hop), np.random.default_rng(seed)
    audio = rng.normal(0, 0.1, n_samples) * (rng.random(n_samples) < rng.random())
    stream = MelStream(config)
    frames = [*map(stream.feed, pieces(audio, rng, longest + 1)), stream.end()]
    np.testing.assert_array_equal(np.concatenate(frames, axis=1), log_mel(audio, 8000, config))


def test_a_frame_is_known_when_its_last_sample_is_there() -> None:
    stream = MelStream(MelConfig(None))
    assert stream.feed(np.ones(128)).shape == (40, 0)
    # Sample 128 alone is not in the first frame, but its mirror image is.
    assert stream.feed(np.ones(1)).shape == (40, 1)
    assert stream.feed(np.ones(78)).shape == (40, 0)
    assert stream.feed(np.ones(1)).shape == (40, 1)


def test_a_frame_alone_has_the_bits_that_it_has_among_others() -> None:
    config = MelConfig(n_fft=512)
    power = power_spectrogram(np.random.default_rng(0).normal(0, 0.1, 6000), 512, 80)
    alone = [decibels(power[:, [frame]], config) for frame in range(power.shape[1])]
    np.testing.assert_array_equal(np.concatenate(alone, axis=1), decibels(power, config))


@pytest.mark.parametrize("fed", [0, 1, 128])
def test_sound_that_is_too_short(fed: int) -> None:
    stream = MelStream(MelConfig(None))
    stream.feed(np.zeros(fed))
    with pytest.raises(AudioError, match=f"too short: needs at least 129 samples at 8000 Hz, got {fed}"):
        stream.end()


def test_spectrograms_of_which_there_is_no_stream() -> None:
    with pytest.raises(AudioError, match=r"seconds: must be null for a stream, got 1.*hop: must be at most n_fft, 64"):
        MelStream(MelConfig(n_fft=64))


@pytest.mark.parametrize("options", [{"encoder": "direct", "levels": 100}, {"encoder": "delta", "threshold": 0.03}])
def test_an_encoder_of_a_stream_is_that_of_the_whole(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    values = np.clip(np.cumsum(rng.normal(0, 0.1, (5, 60)), axis=1), 0, 1)
    encoder = StreamEncoder(5, **options)
    parts = [encoder(part) for part in np.split(values, [1, 2, 2, 30, 31], axis=1)]
    expected = encode(values[None], **options)[0]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected)
    assert np.count_nonzero(expected) > 60


@pytest.mark.parametrize(
    ("framing", "message"),
    [
        (Framing(encoder="rate"), "rate draws its numbers from all values of a recording"),
        (Framing(encoder="latency"), "latency takes images"),
        (Framing(start_ms=20), "start_ms: sound is heard from its beginning, got 20"),
        (Framing(bin_ms=0.06), "bin_ms: must be a multiple of 0.125 ms"),
    ],
)
def test_framings_that_nobody_can_hear(framing: Framing, message: str) -> None:
    with pytest.raises(LapilliError, match=message):
        ear_of(framing)


def test_values_that_an_encoder_of_a_stream_refuses() -> None:
    with pytest.raises(EncodingError, match="levels"):
        StreamEncoder(3, "direct", levels=0)
    with pytest.raises(EncodingError, match="threshold"):
        StreamEncoder(3, "delta", threshold=0)
    for encoder in ("direct", "delta"):
        with pytest.raises(EncodingError, match="must be"):
            StreamEncoder(3, encoder)(np.full((3, 1), np.nan))


def test_every_other_set_says_why_it_cannot_be_heard() -> None:
    assert [name for name, found in DATA_SETS.items() if found.ear is not None] == ["spoken-digits"]
    assert "holds no sound" in DATA_SETS["hapt"].unheard
    for name in ("shd", "ssc", "shd-regenerated", "speech-commands", "speech-commands-spectrograms"):
        assert "no sound" not in DATA_SETS[name].unheard
