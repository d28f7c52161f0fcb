"""YAML, JSON and names of strangers: bounded before they are parsed, one sentence, nothing that a terminal obeys."""

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lapilli import cli
from lapilli.netx_exports import CubaLif, DenseSynapse, FormatError, LapilliError, Layer, Network, load, save
from lapilli.netx_exports.files import replacing
from lapilli.netx_exports.json_text import MAX_DEPTH, read_json
from lapilli.printable import printable
from lapilli.simulators.bill.cost_table import load_table
from lapilli.simulators.configurations import read_mapping
from lapilli.simulators.evidence.provenance import read_csv, write_csv
from lapilli.simulators.files import plain_yaml
from lapilli.simulators.files.plain_yaml import parse_yaml, write_yaml

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefghi", "bcdefghij")
)

REFUSED_YAML = {
    BOMB: "an alias",
    "data: " + "[" * 5000 + "]" * 5000: "more than 32 lists or mappings",
    "".join(" " * n + f"a{n}:\n" for n in range(200)): "more than 32 lists or mappings",
    f"seed: {'9' * 5000}": "a number has at most 64 characters",
    f"seed: 0x{'f' * 5000}": "a number has at most 64 characters",
    f"seed: {':'.join(['1'] * 5000)}": "a number has at most 64 characters",
    "seed: 1\nseed: 2": "a key is given twice",
    "seed: 2020-99-99": "not YAML that lapilli reads",
    "seed: !!timestamp foo": "not YAML that lapilli reads",
    "seed: !!bool foo": "not YAML that lapilli reads",
    "seed: !!int ''": "not YAML that lapilli reads",
    "seed: !!python/object/apply:os.system [ls]": "not YAML that lapilli reads",
    "? [a]\n: b": "not YAML that lapilli reads",
    "a: \x1b[31m": "not YAML that lapilli reads",
    "- a": "must be a mapping",
    "1: a": "names of options must be text",
    " " * (1 << 18) + "a: 1": "at most 262,144 bytes",
}


@pytest.mark.parametrize("text", list(REFUSED_YAML), ids=range(len(REFUSED_YAML)))
def test_yaml_that_no_configuration_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(FormatError) as raised:
        read_mapping(path)
    assert REFUSED_YAML[text] in str(raised.value)
    assert "\n" not in str(raised.value)
    assert time.process_time() - started < 2
    with pytest.raises(FormatError):
        load_table(path)


def modules_with(text: str) -> set[str]:
    wings = [Path(__file__).parents[1] / wing for wing in ("lapilli", "netx_exports", "simulators", "training")]
    return {path.name for wing in wings for path in wing.rglob("*.py") if text in path.read_text()}


def test_every_reader_of_yaml_is_that_one() -> None:
    folder = Path(__file__).parents[1]
    files = [
        path for wing in ("lapilli", "netx_exports", "simulators", "training") for path in (folder / wing).rglob("*.py")
    ]
    importing = {path.name for path in files if "import yaml" in path.read_text()}
    assert importing == {"plain_yaml.py"}


def test_what_is_written_is_read_and_has_no_aliases() -> None:
    shared = [1, 2]
    text = write_yaml({"b": shared, "a": {"c": shared}, "word": "ä"})
    assert "&" not in text
    assert parse_yaml(text, "text") == {"b": [1, 2], "a": {"c": [1, 2]}, "word": "ä"} == yaml.safe_load(text)
    assert list(parse_yaml(text, "text")) == ["b", "a", "word"]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    complaints: list[str] = []
    monkeypatch.setattr(cli, "complain", complaints.append)
    return complaints


@pytest.mark.parametrize("verb", [["train"], ["train", "--config"], ["train", "curriculum"], ["train", "stllr"]])
def test_a_configuration_is_one_file(tmp_path: Path, said: list[str], verb: list[str]) -> None:
    (tmp_path / "secret").write_text("root:x:0:0")
    (tmp_path / "c.yaml").write_text(f"config: {tmp_path / 'secret'}\n")
    assert cli.main([*verb, str(tmp_path / "c.yaml"), "--run-dir", str(tmp_path / "run")]) == 2
    assert "there is no option config" in said[0]
    assert "root:x" not in said[0]


@pytest.mark.parametrize("text", [BOMB, "data: " + "[" * 5000 + "]" * 5000, f"seed: {'9' * 5000}"], ids=range(3))
def test_a_configuration_and_that_of_a_run_folder(tmp_path: Path, said: list[str], text: str) -> None:
    pytest.importorskip("torch")
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(text)
    assert cli.main(["train", str(run / "config.yaml"), "--run-dir", str(tmp_path / "new")]) == 2
    assert cli.main(["train", "--run-dir", str(run), "--resume"]) == 2
    (run / "model.net").touch()
    assert cli.main(["export", str(run), "--out", str(tmp_path / "out.net")]) == 2
    assert len(said) == 3
    assert all("config.yaml" in sentence for sentence in said)


def test_json_is_bounded_in_depth() -> None:
    assert read_json("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 3000, 200_000):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
            with pytest.raises(ValueError, match="lists or objects within one another"):
                read_json(text)
    with pytest.raises(ValueError, match="digits"):
        read_json("9" * 5000)


def some_network(name: str = "a", metadata: Any = None) -> Network:
    layer = Layer(name, (10,), CubaLif(64, 1024, 128), (DenseSynapse("input", np.eye(10) * 64),))
    return Network((10,), (layer,), metadata or {})


def test_metadata_that_lie_too_deep(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    save(some_network(), tmp_path / "deep.net")
    with h5py.File(tmp_path / "deep.net", "r+") as file:
        note = json.loads(file.attrs["lapilli"])
        text = json.dumps(note).replace('"metadata": {}', f'"metadata": {{"a": {"[" * 900}{"]" * 900}}}')
        del file.attrs["lapilli"]
        file.attrs["lapilli"] = np.bytes_(text)
    with pytest.raises(FormatError, match=r"must be JSON \(more than 100 lists"):
        load(tmp_path / "deep.net")


def test_a_truth_value_is_no_number_of_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = some_network(metadata={"average_outputs": True})
    assert network.readout is None
    assert network.metadata["average_outputs"] is True


class TestNames:
    def test_control_characters_do_not_reach_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        from lapilli.streams import complain

        complain("unknown \x1b[31mRED\x07\u202e\u2028\x9b0m\ud800 ä…\n\nend")
        found = capsys.readouterr().err
        assert found == "lapilli: unknown \\x1b[31mRED\\x07\\u202e \\x9b0m\\ud800 ä… end\n"
        assert printable("a\nb\tc") == "a\nb\\tc"

    def test_a_sentence_ends(self, capsys: pytest.CaptureFixture[str]) -> None:
        from lapilli.streams import complain

        complain("x" * 10_000)
        assert capsys.readouterr().err.endswith("x… (2,000 characters more)\n")

    def test_in_tables_and_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        from lapilli.output import print_lines, print_table
        from lapilli.printable import say

        say("a\x1b[2J")
        print_lines(["b\x1b[2J"])
        print_table("c\x1b[2J", ["name"], [["d\x1b[2J"]])
        found = capsys.readouterr().out
        assert "\x1b" not in found
        assert found.count("\\x1b[2J") == 4

    def test_names_in_an_hdf5_file(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        h5py = pytest.importorskip("h5py")
        save(some_network(), tmp_path / "a.net")
        with h5py.File(tmp_path / "a.net", "r+") as file:
            file.create_group("x\x1b[2J")
        assert cli.main(["inspect", str(tmp_path / "a.net")]) == 0
        with h5py.File(tmp_path / "a.net", "r+") as file:
            file.create_group("layer/x\x1b[2J")
        assert cli.main(["inspect", str(tmp_path / "a.net")]) == 2
        both = "".join(capsys.readouterr())
        assert "\x1b" not in both
        assert both.count("x\\x1b[2J") == 2

    @pytest.mark.parametrize("name", ["=cmd|calc!A1", "+x", "-x", "@x", "\tx", "'=x", "-", "=-1"])
    def test_a_name_is_no_formula_of_a_spreadsheet(self, tmp_path: Path, name: str) -> None:
        rows: list[dict[str, object]] = [{"name": name, "number": -1.5, "text": "-1.5e-3", "plain": "it's = x"}]
        write_csv(tmp_path / "c.csv", rows)
        with open(tmp_path / "c.csv", newline="", encoding="utf-8") as file:
            (cells,) = csv.DictReader(file)
        assert cells == {"name": f"'{name}", "number": "-1.5", "text": "-1.5e-3", "plain": "it's = x"}
        assert read_csv(tmp_path / "c.csv")[0]["name"] == name

    def test_a_name_begins_no_row(self, tmp_path: Path) -> None:
        write_csv(tmp_path / "c.csv", [{"name": "a\r=cmd", "text": "b\n=cmd"}])
        assert read_csv(tmp_path / "c.csv") == [{"name": "a\\r=cmd", "text": "b\n=cmd"}]

    def test_every_writer_of_csv_is_that_one(self) -> None:
        folder = Path(__file__).parents[1]
        files = [path for wing in ("lapilli", "simulators", "training") for path in (folder / wing).rglob("*.py")]
        writing = {
            path.name for path in files if "csv.DictWriter" in path.read_text() or "csv.writer" in path.read_text()
        }
        # The others write names and numbers of our own.
        assert writing == {"provenance.py", "run_folder.py", "decided.py"}


class TestPaths:
    @pytest.mark.parametrize("name", ["x" * 300, "loop/x", "nul\0x"])
    def test_names_that_no_file_can_have(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        with pytest.raises(LapilliError, match="cannot write"), replacing(tmp_path / name):
            pass
        with pytest.raises(LapilliError, match="cannot read"):
            read_mapping(tmp_path / name)
        with pytest.raises(LapilliError, match="no cost table"):
            load_table(tmp_path / name)
        assert [path.name for path in tmp_path.iterdir()] == ["loop"]

    def test_a_target_that_is_a_circle_of_links(self, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        with pytest.raises(LapilliError, match="cannot write"), replacing(tmp_path / "loop"):
            pass

    @pytest.mark.parametrize("words", [
        ["inspect", "FILE"],
        ["simulate", "a.net", "--input", "FILE", "--out", "out.npz"],
        ["plot", "FILE", "--out", "out.svg"],
        ["profile", "a.net", "--input", "FILE"],
        ["view", "FILE", "--input", "in.npz"],
        ["view", "a.net", "--input", "FILE"],
        ["learn", "a.net", "--input", "FILE", "--run-dir", "run"],
        ["export", "FILE", "--out", "out.net"],
        ["train", "--config", "FILE", "--run-dir", "run"],
    ])  # fmt: skip
    @pytest.mark.parametrize("kind", ["pipe", "/dev/zero"])
    def test_pipes_and_devices_are_not_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], words: list[str], kind: str
    ) -> None:
        monkeypatch.chdir(tmp_path)
        os.mkfifo("pipe")
        save(some_network(), "a.net")
        assert cli.main([kind if word == "FILE" else word for word in words]) == 2
        assert len(said) == 1
        assert (
            "not a regular file" in said[0]
            or "is no run folder" in said[0]
            or "no file" in said[0]
            or "not a run" in said[0]
        )


def test_the_bounds_are_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "reference" / "formats.md").read_text()
    assert f"{plain_yaml.MAX_BYTES >> 10} KiB" in text
    assert f"{plain_yaml.MAX_DEPTH} lists" in text
    assert f"{MAX_DEPTH} lists" in text
