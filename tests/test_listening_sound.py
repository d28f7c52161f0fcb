"""WAV sound and its utterances: every kind of sample, damaged files, pauses, pace and times of hops."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import RATE, spoken, wav_bytes

from lapilli.listening.hops import Pauses, divided, hops_of, paced, whole
from lapilli.listening.latency import Latency
from lapilli.netx_exports import FormatError, LapilliError
from lapilli.training.data.wav import Wav, opened_wav

SOUND = spoken(np.random.default_rng(0), 1000)


def read(content: bytes) -> np.ndarray:
    return np.concatenate([np.zeros(0), *Wav(io.BytesIO(content), "a.wav").blocks(77)])


def test_sixteen_bits_are_what_the_data_set_has() -> None:
    np.testing.assert_array_equal(read(wav_bytes(SOUND)), SOUND / 32768)


@pytest.mark.parametrize(
    ("code", "bits", "stored"),
    [
        (1, 8, lambda values: (np.floor(values * 128) + 128).astype(np.uint8)),
        (1, 24, lambda values: (values * (1 << 23)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].reshape(-1)),
        (1, 32, lambda values: (values * (1 << 31)).astype("<i4")),
        (3, 32, lambda values: values.astype("<f4")),
        (3, 64, lambda values: values.astype("<f8")),
    ],
)
def test_every_width(code: int, bits: int, stored: object) -> None:
    # Sixteenths are exact in all of them.
    values = np.arange(-16, 16) / 16
    content = wav_bytes(stored(values), code=code, bits=bits)  # type: ignore[operator]
    np.testing.assert_array_equal(read(content), values)


def test_channels_become_their_mean() -> None:
    two = np.stack([SOUND, SOUND // 2], axis=1)
    np.testing.assert_array_equal(read(wav_bytes(two)), (SOUND / 32768 + SOUND // 2 / 32768) / 2)


def test_chunks_between_are_passed_over_and_those_behind_are_no_sound() -> None:
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    np.testing.assert_array_equal(read(wav_bytes(SOUND, extra=odd) + odd), SOUND / 32768)


def test_the_extended_header() -> None:
    plain = wav_bytes(SOUND)
    guid = struct.pack("<H", 1) + bytes(14)
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 2 * RATE, 2, 16, 22, 16, 4) + guid
    content = plain[:12] + b"fmt " + struct.pack("<I", len(form)) + form + plain[36:]
    np.testing.assert_array_equal(read(content), SOUND / 32768)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFF0])
def test_a_recording_of_unknown_length_goes_to_its_end(size: int) -> None:
    # And what was cut off in the midst of a sample has one sample less.
    np.testing.assert_array_equal(read(wav_bytes(SOUND, size=size)[:-1]), SOUND[:-1] / 32768)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1e200, 0]], "must be at most 1e\\+100 times full scale, got more behind sample 0"),
        ([[0, 0], [1e308, 1.5e308]], "must be finite, got NaN or infinity behind sample 0"),
        ([[np.inf, -np.inf]], "must be finite, got NaN or infinity behind sample 0"),
    ],
)
def test_floats_whose_power_is_not_finite_are_refused(values: list[list[float]], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(wav_bytes(np.array(values, "<f8"), code=3, bits=64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must begin with RIFF and WAVE"),
        (b"OggS" + bytes(40), "must begin with RIFF and WAVE"),
        (wav_bytes(SOUND)[:20], "its format must take 16 bytes, got 0"),
        (wav_bytes(SOUND)[:36], "ends before its sound begins"),
        (wav_bytes(SOUND)[:12] + wav_bytes(SOUND)[36:], "its sound comes before its format"),
        (wav_bytes(SOUND, code=6, bits=8), "got kind 6 of 8 bits"),
        (wav_bytes(SOUND, code=3, bits=16), "got floats of 16 bits"),
        (wav_bytes(SOUND, rate=0), "samples in a second: must be 1…1048576, got 0"),
        (wav_bytes(np.zeros((10, 65), np.int16)), "channels: must be 1…64, got 65"),
        (wav_bytes(SOUND)[:32] + b"\3" + wav_bytes(SOUND)[33:], "must take 2 bytes, got 3"),
        (wav_bytes(SOUND)[:16] + b"\xff" * 4 + wav_bytes(SOUND)[20:], "its format must take at most 65536 bytes"),
        (wav_bytes(np.array([0, np.nan]), code=3, bits=64), "got NaN or infinity behind sample 0"),
    ],
)
def test_what_is_no_sound_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read(content)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=6), st.integers(0, 260))
def test_damaged_files_are_refused_or_read(changes: list[tuple[int, int]], length: int) -> None:
    content = bytearray(wav_bytes(SOUND[:100]))
    for place, value in changes:
        content[place % len(content)] = value
    try:
        found = read(bytes(content[:length]))
    except LapilliError:
        return
    assert np.isfinite(found).all()


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (str(tmp_path / "none.wav"), str(tmp_path), "a\0b"):
        with pytest.raises(LapilliError, match="cannot read"), opened_wav(path):
            pass


LOUD, QUIET = np.full(80, 0.1), np.full(80, 0.001)
PAUSES = Pauses(quiet=3, before=2, longest=10, loud_db=-40)


def hops(pattern: str, pauses: Pauses = PAUSES) -> list[str]:
    """Numbers of the hops of each utterance of a sound of quiet (`.`) and loud (`#`) hops, with `|` where it ended."""
    found: list[str] = []
    for hop in divided([LOUD if char == "#" else QUIET for char in pattern], pauses):
        found += [""] if hop.begins else []
        found[-1] += f"{hop.number} " + ("|" if hop.ends else "")
    return found


def test_where_utterances_begin_and_end() -> None:
    assert hops("......") == []
    assert hops("...##...#") == ["1 2 3 4 5 6 7 |", "8 "]
    assert hops("##.#") == ["0 1 2 3 "]
    assert hops("....#......##") == ["2 3 4 5 6 7 |", "9 10 11 12 "]
    assert hops(".#....#", Pauses(quiet=2, before=1, longest=10, loud_db=-40)) == ["0 1 2 3 |", "5 6 "]


def test_an_utterance_is_not_longer_than_the_longest() -> None:
    assert hops("#" * 13) == ["0 1 2 3 4 5 6 7 8 9 |", "10 11 12 "]
    assert hops("..###", Pauses(quiet=3, before=2, longest=4, loud_db=-40)) == ["0 1 2 3 |", "4 "]


def test_loudness_is_mean_power_of_full_scale() -> None:
    assert PAUSES.is_loud(np.full(80, 0.0101))
    assert not PAUSES.is_loud(np.full(80, 0.0099))
    assert not PAUSES.is_loud(np.zeros(80))


def test_a_whole_sound_is_one_utterance_until_nothing_more_is_heard() -> None:
    given = iter([LOUD] * 5)
    full = iter([False, False, True])
    found = list(whole(given, lambda: next(full)))
    assert [(hop.number, hop.begins, hop.ends) for hop in found] == [
        (0, True, False),
        (1, False, False),
        (2, False, False),
    ]
    assert len(list(given)) == 2


def test_the_pace_is_that_of_the_sound() -> None:
    now = 5.0
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    def slow() -> Iterator[np.ndarray]:
        nonlocal now
        for seconds in (0.0, 0.004, 0.025, 0.0, 0.0):
            now += seconds
            yield LOUD

    assert len(list(paced(slow(), 0.01, lambda: now, sleep))) == 5
    # The third hop comes too late, and with it the fourth; the fifth is in time again.
    np.testing.assert_allclose(slept, [0.01, 0.006, 0.005], atol=1e-9)


@pytest.mark.parametrize(("ms", "number"), [(10, 1), (10.1, 2), (300, 30), (0.1, 1)])
def test_times_in_hops(ms: float, number: int) -> None:
    assert hops_of("pause-ms", ms, 10) == number


@pytest.mark.parametrize("ms", [0, -5, float("nan")])
def test_times_that_are_no_hop(ms: float) -> None:
    with pytest.raises(LapilliError, match=r"--pause-ms must be at least 10 ms, got"):
        hops_of("pause-ms", ms, 10)


@pytest.mark.parametrize("ms", [3_600_001, 1e300, float("inf")])
def test_times_that_nobody_waits_for(ms: float) -> None:
    with pytest.raises(LapilliError, match=r"--window-ms must be at most 3,600,000 ms, got"):
        hops_of("window-ms", ms, 10)


@pytest.mark.parametrize("loud_db", [1e5, -1e5, float("nan"), float("inf")])
def test_loudness_that_no_sound_has(loud_db: float) -> None:
    with pytest.raises(LapilliError, match=r"--loud-db must be -200…200, got"):
        Pauses(1, 1, 9, loud_db)


def test_a_hop_waits_for_those_before_it() -> None:
    latency = Latency(10)
    for ms in (1, 25, 2, 2, 3, 4):
        latency.add(ms)
    latency.add_end(7)
    facts = latency.facts()
    # The second is 15 ms late, so that the third is answered after 17 ms, and the fourth after 9.
    assert (facts["hops"], facts["late_hops"], facts["kept_up"]) == (6, 2, False)
    assert facts["latency_ms"] == {"median": 2.5, "p99": pytest.approx(23.95), "max": 25, "end": 7}
    assert "2 of 6 hops were late" in latency.sentence()


def test_no_hops_have_no_times() -> None:
    assert Latency(10).facts()["latency_ms"] == {"median": 0, "p99": 0, "max": 0, "end": 0}
    quick = Latency(10)
    quick.add(0.5)
    assert "at most 0.50 ms; it kept up" in quick.sentence()
