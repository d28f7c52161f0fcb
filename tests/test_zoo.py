"""The zoo: every card is of the files beside it, every network runs alike everywhere, hostile entries are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lapilli import cli, paths
from lapilli.commands.zoo_show import card_lines
from lapilli.netx_exports import FormatError, LapilliError, load
from lapilli.simulators import prove
from lapilli.simulators.files.plain_yaml import read_yaml
from lapilli.simulators.random_events import random_events
from lapilli.zoo.card import card_text, read_card
from lapilli.zoo.folder import CARD, CONFIG, MODEL, Entry, check_name, checked, entries, find_entry, zoo_folder

ZOO = Path(__file__).resolve().parent.parent / "zoo"
NAMES = sorted(path.name for path in ZOO.iterdir() if path.is_dir())

each_network = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the wheel is installed, the zoo is beside the tests only."""
    monkeypatch.setenv("LAPILLI_ZOO", str(ZOO))


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(words)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one sentence with which a command refuses."""
    status, out, err = call(capsys, *words)
    assert (status, out) == (2, "")
    assert err.startswith("lapilli: ")
    assert err.count("\n") == 1
    return err


def test_there_are_networks() -> None:
    assert [entry.name for entry in entries()] == NAMES
    assert {"digits", "nmnist-small", "spikescr-shd"} <= {*NAMES}


@each_network
def test_files_are_those_of_the_card(name: str) -> None:
    entry = checked(find_entry(name))
    card = entry.card
    assert entry.model.stat().st_size == card.model.bytes
    network = load(entry.model)
    assert network.fingerprint == card.fingerprint
    assert network.readout is not None
    config = read_yaml(entry.path / CONFIG)
    assert (config["data"]["name"], config["seed"]) == (card.data, card.seed)
    assert 0 < card.right <= card.samples
    assert len(card.decisions) == min(32, card.samples)
    assert {"fast", "reference"} < {*card.proof.backends}
    assert {path.name for path in entry.path.iterdir()} == {CARD, CONFIG, MODEL}
    check_name(name)


@each_network
def test_a_card_is_what_a_maintainer_would_write_again(name: str) -> None:
    """Nobody has changed it by hand into what reads alike."""
    path = ZOO / name / CARD
    assert card_text(read_card(path)) == path.read_text(encoding="utf-8")


@each_network
def test_reference_and_fast_are_equal(name: str) -> None:
    network = load(ZOO / name / MODEL)
    found = prove(network, random_events(network, 2, 24, 0.1, seed=5), ("reference", "fast"), n_steps=30)
    assert found.equal
    assert found.spikes_compared > 0
    assert found.states_compared > 0


def test_the_table_fits_a_terminal_of_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = call(capsys, "zoo", "list")
    assert status == 0
    assert max(map(len, out.splitlines())) <= 80
    for name in NAMES:
        card = read_card(ZOO / name / CARD)
        (row,) = [line for line in out.splitlines() if line.startswith(f"│ {name} ")]
        assert f"{card.accuracy:.2%}" in row
        assert f"{card.operations:,.0f}" in row


@each_network
def test_a_proof_in_words(name: str) -> None:
    entry = find_entry(name)
    (line,) = [line for line in card_lines(entry) if line.startswith("Proof: ")]
    n_samples = entry.card.proof.samples
    assert f" on {'one sample' if n_samples == 1 else f'{n_samples} samples'}, 0 differences in " in line


def test_cards_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(call(capsys, "zoo", "list", "--json")[1])
    assert found["folder"] == str(ZOO)
    assert [card["name"] for card in found["networks"]] == NAMES
    one = json.loads(call(capsys, "zoo", "show", "digits", "--json")[1])
    assert one in found["networks"]
    assert one["accuracy"] == one["right"] / one["samples"]
    written = read_yaml(ZOO / "digits" / CARD)
    assert {name: one[name] for name in written if name != "decisions"} == {
        name: value for name, value in written.items() if name != "decisions"
    }


@each_network
def test_a_card_in_words(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    card = read_card(ZOO / name / CARD)
    _, out, _ = call(capsys, "zoo", "show", name)
    for words in (card.title, card.licence, card.fingerprint, card.command, card.commit, f"{card.accuracy:.2%}"):
        assert words in out
    assert f"{card.samples:,} samples" in out
    assert f"lapilli simulate zoo:{name}" in out


def test_a_copy_is_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(capsys, "zoo", "get", "digits")[0] == 0
    assert Path("digits.net").read_bytes() == (ZOO / "digits" / MODEL).read_bytes()
    assert call(capsys, "zoo", "get", "digits", "--out", "mine.net")[0] == 0
    assert load("mine.net") == load(ZOO / "digits" / MODEL)
    Path("taken.net").write_text("mine")
    assert "is there already" in refused(capsys, "zoo", "get", "digits", "--out", "taken.net")
    assert Path("taken.net").read_text() == "mine"
    Path("link.net").symlink_to("nowhere")
    assert "is there already" in refused(capsys, "zoo", "get", "digits", "--out", "link.net")
    assert "cannot write" in refused(capsys, "zoo", "get", "digits", "--out", "no/folder.net")
    assert {path.name for path in tmp_path.iterdir()} == {"digits.net", "mine.net", "taken.net", "link.net"}


def test_a_misspelt_name_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no network 'digit'; did you mean digits?" in refused(capsys, "zoo", "show", "digit")
    assert "did you mean digits?" in refused(capsys, "zoo", "get", "dgits")
    assert f"networks are {', '.join(NAMES)}" in refused(capsys, "zoo", "show", "xxxxxxxx")
    assert "must be list, show, get or add, got 'lst'; did you mean list?" in refused(capsys, "zoo", "lst")
    assert "got 'shwo'; did you mean show?" in refused(capsys, "zoo", "shwo", "digits", "--json")
    assert refused(capsys, "zoo") == "lapilli: zoo: must be list, show, get or add\n"
    assert "did you mean digits?" in refused(capsys, "inspect", "zoo:digist")
    assert "has no network '../zoo/digits'" in refused(capsys, "zoo", "show", "../zoo/digits")


def test_commands_take_a_network_of_the_zoo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = read_card(ZOO / "digits" / CARD)
    network = load(ZOO / "digits" / MODEL)
    assert json.loads(call(capsys, "inspect", "zoo:digits", "--json")[1])["fingerprint"] == card.fingerprint
    random_events(network, 2, 12, 0.2, seed=1).save(tmp_path / "e.npz")
    by_name, by_file = (
        json.loads(call(capsys, "simulate", word, "--input", str(tmp_path / "e.npz"), "--json")[1])
        for word in ("zoo:digits", str(ZOO / "digits" / MODEL))
    )
    assert {**by_name, "seconds": 0} == {**by_file, "seconds": 0}
    assert by_name["syn_ops"] > 0
    assert call(capsys, "export", "zoo:digits", "--out", str(tmp_path / "again.net"))[0] == 0
    assert load(tmp_path / "again.net") == network


def test_nothing_is_written_over_a_network_of_the_zoo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(tmp_path, monkeypatch) / MODEL
    before = path.read_bytes()
    assert "--out must not be the file" in refused(capsys, "export", "zoo:digits", "--out", str(path))
    assert path.read_bytes() == before


def test_an_installed_package_says_where_the_zoo_is_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LAPILLI_ZOO")
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages/lapilli/paths.py"))
    (tmp_path / "site-packages" / "zoo").mkdir(parents=True)
    assert "LAPILLI_ZOO must name the folder zoo of a checkout" in refused(capsys, "zoo", "list")
    (tmp_path / "site-packages" / "pyproject.toml").write_text("")
    assert zoo_folder() == tmp_path / "site-packages" / "zoo"
    monkeypatch.setenv("LAPILLI_ZOO", str(tmp_path / "nowhere"))
    assert f"there is no zoo in {tmp_path / 'nowhere'}" in refused(capsys, "zoo", "get", "digits")


def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The entry of `digits` in a zoo of its own."""
    found = Path(shutil.copytree(ZOO / "digits", tmp_path / "zoo" / "digits"))
    monkeypatch.setenv("LAPILLI_ZOO", str(found.parent))
    return found


GOOD: dict[str, Any] = read_yaml(ZOO / "digits" / CARD)
BOMB = "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != field}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB, "an alias, which may grow on reading, is not allowed"),
        ("title: !!python/object/apply:os.system [true]\n", "could not determine a constructor"),
        ("[" * 5000, "not YAML"),
        ("title: " + "a" * 300_000, "must have at most"),
        ("samples: " + "9" * 5000, "a number has at most 64 characters"),
        ("title: a\ntitle: b\n", "a key is given twice"),
        ("", "title: missing"),
        ("[1]", "must be a mapping"),
        (without("fingerprint"), "fingerprint: missing"),
        (GOOD | {"more": 1}, "there is no option more"),
        (GOOD | {"title": 3}, "title: must be text, got 3"),
        (GOOD | {"title": ""}, "title: must be 1 to 400 characters on one line"),
        (GOOD | {"title": "two\nlines"}, "title: must be 1 to 400 characters on one line"),
        (GOOD | {"samples": "360"}, "samples: must be a whole number"),
        (GOOD | {"samples": 0}, "samples: must be at least 1"),
        (GOOD | {"samples": True}, "samples: must be a whole number"),
        (GOOD | {"right": 361}, "right: must be of at most 360 samples"),
        (GOOD | {"drain": 18}, "drain: must be below the 18 steps, got 18"),
        (GOOD | {"operations": float("nan")}, "operations: "),
        (GOOD | {"operations": -1}, "operations: must be at least 0"),
        (GOOD | {"decisions": [-1]}, "must be at least 0"),
        (GOOD | {"decisions": [0] * 361}, "decisions: must be of at most 360 samples"),
        (GOOD | {"proof": 3}, "proof: must be a mapping"),
        (GOOD | {"proof": {**GOOD["proof"], "samples": 361}}, "proof: must be of at most 360 samples"),
        (GOOD | {"model": {"bytes": 94600}}, "model.sha256: missing"),
        (GOOD | {"model": {"bytes": 1 << 80, "sha256": GOOD["model"]["sha256"]}}, "model.bytes: must be 1…"),
        (GOOD | {"fingerprint": "../../etc/passwd"}, "fingerprint: must be 64 digits of a hexadecimal number"),
        (GOOD | {"commit": "HEAD"}, "commit: must be a commit"),
        (GOOD | {"versions": [1]}, "versions: must be a mapping"),
        (GOOD | {"versions": {"torch": 2}}, "versions"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_a_wrong_card_is_refused(
    content: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(tmp_path, monkeypatch) / CARD
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    for command in (("zoo", "show", "digits"), ("zoo", "list"), ("zoo", "get", "digits"), ("inspect", "zoo:digits")):
        said = refused(capsys, *command)
        assert str(path) in said
        assert words in said


def changed(folder: Path, **fields: Any) -> None:
    (folder / CARD).write_text(yaml.safe_dump(GOOD | fields), encoding="utf-8")


def test_files_that_are_not_those_of_the_card_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path, monkeypatch)
    target = str(tmp_path / "got.net")
    changed(folder, fingerprint="0" * 64)
    assert "is not the network of the card" in refused(capsys, "zoo", "get", "digits", "--out", target)
    changed(folder)
    content = bytearray((folder / MODEL).read_bytes())
    for damaged in (content[:-1], content + b"\0", content[:-1] + bytes([content[-1] ^ 1])):
        (folder / MODEL).write_bytes(damaged)
        for command in (("zoo", "get", "digits", "--out", target), ("inspect", "zoo:digits")):
            assert "its sha256 differs" in refused(capsys, *command)
    (folder / MODEL).write_bytes(content)
    (folder / CONFIG).write_text("data: {name: mnist}\n", encoding="utf-8")
    with pytest.raises(FormatError, match=r"config\.yaml: is not the file that card\.yaml describes"):
        checked(Entry(folder))
    assert not Path(target).exists()


@pytest.mark.parametrize("name", [CARD, CONFIG, MODEL])
def test_a_missing_file_is_named(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(tmp_path, monkeypatch) / name
    path.unlink()
    said = refused(capsys, "inspect", "zoo:digits")
    assert str(path) in said
    path.mkdir()
    assert str(path) in refused(capsys, "inspect", "zoo:digits")


@pytest.mark.parametrize("name", [CARD, CONFIG, MODEL])
def test_a_link_out_of_the_zoo_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copied(tmp_path, monkeypatch) / name
    path.unlink()
    path.symlink_to(ZOO / "digits" / name)
    for command in (("zoo", "list"), ("zoo", "get", "digits"), ("simulate", "zoo:digits")):
        assert f"{path}: must not be a link" in refused(capsys, *command)


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digits").symlink_to(ZOO / "digits")
    monkeypatch.setenv("LAPILLI_ZOO", str(tmp_path))
    with pytest.raises(FormatError, match="must not be a link"):
        checked(find_entry("digits"))


@pytest.mark.parametrize("name", ["", "-", "A", "a b", "a/b", "..", "a--b", "a" * 41, "a\n"])
def test_names_that_no_network_can_have(name: str) -> None:
    with pytest.raises(LapilliError, match="name: must be words"):
        check_name(name)
