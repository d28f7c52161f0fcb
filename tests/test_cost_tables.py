"""Cost tables of users: read, or refused with every problem named."""

from pathlib import Path

import pytest
import yaml

from lapilli.netx_exports import FormatError, LapilliError
from lapilli.simulators.bill import bundled_tables, load_table
from lapilli.simulators.bill.cost_table import _folder

GOOD = yaml.safe_load((_folder() / "horowitz-45nm-int8.yaml").read_text(encoding="utf-8"))


def write(path: Path, content: object) -> str:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def test_a_table_of_ones_own_by_path(tmp_path: Path) -> None:
    mine = load_table(write(tmp_path / "mine.yaml", GOOD | {"name": "mine", "bits": {"weight": 4}}))
    bundled = load_table("horowitz-45nm-int8")
    assert (mine.name, mine.bits) == ("mine", {"weight": 4})
    assert (mine.joules, mine.memory, mine.source) == (bundled.joules, bundled.memory, bundled.source)


def without(field: str) -> dict[str, object]:
    return {name: value for name, value in GOOD.items() if name != field}


def prices(**changes: object) -> dict[str, object]:
    return GOOD | {"picojoules": GOOD["picojoules"] | changes}


def steps(**changes: object) -> dict[str, object]:
    return GOOD | {"memory": GOOD["memory"] | changes}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (without("source"), "source: missing"),
        (GOOD | {"source": "  "}, "source: missing"),
        (without("date"), "date: missing"),
        (without("picojoules"), "picojoules: missing"),
        (prices(accumulate=float("nan")), "picojoules: accumulate: must be a number above 0, got nan"),
        (prices(accumulate=float("inf")), "got inf"),
        (prices(accumulate=0), "picojoules: accumulate: must be a number above 0, got 0"),
        (prices(accumulate=-1), "got -1"),
        (prices(accumulate=True), "got True"),
        (prices(accumulate="1e-3"), "got '1e-3'"),
        (prices(accumulate={"dense": 1}), "must have a price for each of dense, conv, identity, direct"),
        (prices(state_add={"dense": 1, "conv": 1, "identity": 1, "direct": 1}), "state_add: must be a number"),
        (prices(spikes=1), "picojoules: no such kind 'spikes'"),
        (prices(weight_access=1), "picojoules: no such kind 'weight_access'"),
        (without("memory"), "nothing said about weight_access, sum_access, state_access, event_access"),
        (without("leaves_out"), "nothing said about event_sent, event_delivered"),
        (GOOD | {"leaves_out": GOOD["leaves_out"] | {"accumulate": "no"}}, "said twice: accumulate"),
        (GOOD | {"leaves_out": GOOD["leaves_out"] | {"spikes": "no"}}, "leaves_out: no such kind 'spikes'"),
        (GOOD | {"leaves_out": {"event_sent": "", "event_delivered": "no"}}, "event_sent: must be a sentence"),
        (GOOD | {"leaves_out": ["event_sent"]}, "leaves_out: must map kinds"),
        (steps(word_bits=0), "word_bits: must be a whole number above 0"),
        (steps(picojoules_up_to_bytes={}), "must map sizes in bytes"),
        (steps(picojoules_up_to_bytes={"8 kB": 1}), "must map sizes in bytes"),
        (steps(picojoules_up_to_bytes={8192: None}), "8192: must be a number above 0, got None"),
        (steps(more=1), "memory: must have the fields"),
        (GOOD | {"bits": {"spike": 1}}, "bits: must map some of weight, state, activation"),
        (GOOD | {"bits": {"weight": 0}}, "bits: must map"),
        (GOOD | {"remarks": "none"}, "remarks: must be a list"),
        (GOOD | {"extra": 1}, "extra: no such field"),
        ([], "must be a mapping"),
        ("", "must be a mapping"),
        ("name: a\nname: b\n", "a key is given twice"),
        ("name: &a [1]\ntitle: *a\n", "an alias, which may grow on reading, is not allowed"),
        ("name: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        ("a: [", "not YAML"),
        ("[" * 5000, "not YAML"),
        ("? {a: 1}\n: 2\n", "not YAML"),
    ],
)
def test_a_bad_table_is_refused_with_the_reason(tmp_path: Path, content: object, words: str) -> None:
    path = write(tmp_path / "table.yaml", content)
    with pytest.raises(FormatError) as caught:
        load_table(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "table.yaml", prices(accumulate=-1) | {"source": "", "extra": 1})
    with pytest.raises(FormatError) as caught:
        load_table(path)
    assert len(caught.value.problems) == 3


def test_an_unknown_table_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LapilliError, match="no cost table 'loihi2'") as caught:
        load_table("loihi2")
    assert all(name in str(caught.value) for name in bundled_tables())


def test_large_and_binary_files_are_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * ((1 << 20) + 1))
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    for path, words in ((large, "at most 262,144 bytes"), (binary, "not text in UTF-8")):
        with pytest.raises(FormatError, match=words):
            load_table(path)
