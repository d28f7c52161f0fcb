"""Mel spectrograms: the steps against direct formulas, the whole against torchaudio."""

import importlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lapilli.training.data.mel import (
    DEFAULT_MEL,
    SPIKESCR,
    AudioError,
    MelConfig,
    empty_channels,
    frame_power,
    log_mel,
    mel_filters,
    power_spectrogram,
    resampled,
)


def torchaudio(module: str) -> Any:
    """A module of torchaudio, whose binaries fit one release of torch alone; it fits the pinned one."""
    try:
        return importlib.import_module(f"torchaudio.{module}")
    except (ImportError, OSError) as error:
        pytest.skip(f"torchaudio does not fit this torch ({type(error).__name__})")


def noise(n_samples: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, n_samples)


def test_shape_is_that_of_the_paper():
    assert log_mel(noise(16000), 16000, SPIKESCR).shape == (140, 101)
    for hop, frames in ((20, 401), (40, 201), (80, 101), (200, 41)):
        assert log_mel(noise(16000), 16000, replace(SPIKESCR, hop=hop)).shape == (140, frames)


def test_the_papers_channels_above_nyquist_are_empty():
    assert len(empty_channels(SPIKESCR)) == 53
    assert np.all(log_mel(noise(16000), 16000, SPIKESCR)[empty_channels(SPIKESCR)] == -100)


def test_no_channel_of_the_default_is_empty():
    assert len(empty_channels(DEFAULT_MEL)) == 0
    assert log_mel(noise(16000), 16000).min() > -60


def test_silence_is_the_floor():
    assert np.all(log_mel(np.zeros(16000, np.int16), 16000) == -100)


def test_int16_is_scaled():
    audio = (noise(16000) * 32768).astype(np.int16)
    assert np.array_equal(log_mel(audio, 16000), log_mel(audio.astype(np.float64) / 32768, 16000))


@pytest.mark.parametrize("n_samples", [9000, 16000, 21000])
def test_recordings_are_padded_or_cut(n_samples):
    audio = noise(n_samples)
    fitted = np.concatenate([audio, np.zeros(16000)])[:16000]
    assert np.array_equal(log_mel(audio, 16000), log_mel(fitted, 16000))


def test_recordings_may_keep_their_length():
    as_it_is = replace(DEFAULT_MEL, seconds=None)
    assert log_mel(noise(9000), 16000, as_it_is).shape == (40, 1 + 4500 // 80)
    with pytest.raises(AudioError, match="too short: needs at least 129 samples at 8000 Hz, got 100"):
        log_mel(noise(200), 16000, as_it_is)


def test_a_batch_is_its_recordings():
    batch = np.stack([noise(16000, seed) for seed in range(3)])
    whole = log_mel(batch, 16000)
    np.testing.assert_allclose(whole, np.stack([log_mel(audio, 16000) for audio in batch]), rtol=1e-12)


def test_power_spectrogram_by_the_formula():
    n_fft, hop = 16, 5
    waveform = noise(60)
    mirrored = np.concatenate([waveform[8:0:-1], waveform, waveform[-2:-10:-1]])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft)
    frames = [mirrored[start : start + n_fft] for start in range(0, len(waveform) + 1, hop)]
    expected = np.abs(fourier @ (np.array(frames) * window).T) ** 2
    np.testing.assert_allclose(power_spectrogram(waveform, n_fft, hop), expected, rtol=1e-9)


@pytest.mark.parametrize("length", [2, 3, 255, 256, 4096])
def test_the_window_is_scipys(length):
    waveform, window = np.zeros(3 * length), importlib.import_module("scipy.signal").get_window("hann", length)
    waveform[length] = 1
    # The power of a frame that has one sample is the square of the window there.
    power = frame_power(waveform, length, 1)[0, 1 : length + 1]
    np.testing.assert_array_equal(power[::-1], window**2)


def test_filters_by_the_formula():
    config = MelConfig(n_fft=32, n_mels=5, f_min=100, f_max=3500)
    corners = np.linspace(2595 * np.log10(1 + 100 / 700), 2595 * np.log10(1 + 3500 / 700), 7)
    hertz = [700 * (10 ** (corner / 2595) - 1) for corner in corners]
    expected = np.zeros((17, 5))
    for row, column in np.ndindex(17, 5):
        expected[row, column] = np.interp(row * 250, hertz[column : column + 3], [0, 1, 0])
    np.testing.assert_allclose(mel_filters(config), expected, atol=1e-12)


def test_a_tone_is_loudest_in_its_channel():
    for frequency in (200, 700, 2000, 3500):
        tone = np.sin(2 * np.pi * frequency * np.arange(16000) / 16000)
        channel = log_mel(tone, 16000)[:, 50].argmax()
        assert mel_filters(DEFAULT_MEL)[round(frequency / 31.25), channel] > 0.4


@pytest.mark.parametrize("rate", [16000, 44100, 6000, 8000])
def test_resampling_keeps_a_tone(rate):
    seconds = np.arange(rate) / rate
    result = resampled(np.sin(2 * np.pi * 440 * seconds), rate, 8000)
    assert result.shape == (8000,)
    expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    assert np.abs(result - expected)[100:-100].max() < 0.01


def test_resampling_removes_what_would_fold_back():
    tone = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(resampled(tone, 16000, 8000)[100:-100]).max() < 0.01


@given(st.sampled_from([8000, 11025, 16000, 22050]), st.integers(200, 4000), st.integers(0, 2**32 - 1))
def test_resampling_is_torchaudios(rate, n_samples, seed):
    functional = torchaudio("functional")
    torch = pytest.importorskip("torch")
    waveform = noise(n_samples, seed)
    expected = functional.resample(torch.from_numpy(waveform), rate, 8000).numpy()
    np.testing.assert_allclose(resampled(waveform, rate, 8000), expected, atol=1e-9)


@pytest.mark.parametrize("config", [DEFAULT_MEL, SPIKESCR, replace(SPIKESCR, hop=200)])
@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_whole_front_end_is_torchaudios(config):
    transforms = torchaudio("transforms")
    torch = pytest.importorskip("torch")
    waveform = noise(16000)
    chain = torch.nn.Sequential(
        transforms.Resample(16000, 8000, dtype=torch.float64),
        transforms.Spectrogram(n_fft=256, hop_length=config.hop),
        transforms.MelScale(config.n_mels, 8000, config.f_min, config.f_max, 129),
        transforms.AmplitudeToDB(),
    ).double()
    expected = chain(torch.from_numpy(waveform)).numpy()
    # torchaudio makes its filters and window in float32.
    np.testing.assert_allclose(log_mel(waveform, 16000, config), expected, atol=0.01)


def test_all_problems_at_once():
    with pytest.raises(AudioError, match=r"seconds:.*sample_rate:.*n_fft:.*hop:.*n_mels:"):
        MelConfig(seconds=0, sample_rate=0, n_fft=1, hop=0, n_mels=0)
    with pytest.raises(AudioError, match=r"f_max: must be above f_min, 5\.0, got 5\.0"):
        MelConfig(f_min=5, f_max=5)
    with pytest.raises(AudioError, match=r"rate:.*at least one"):
        log_mel(np.zeros(0), 0)


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.array([0.0, np.nan]), "must be finite, got NaN"),
        (np.zeros(100, np.int64), "must be floats or int16, got int64"),
        (np.float64(1), r"at least one sample, got shape \(\)"),
    ],
)
def test_audio_that_is_none(audio, message):
    with pytest.raises(AudioError, match=message):
        log_mel(audio, 16000)
