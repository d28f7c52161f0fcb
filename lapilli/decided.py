"""What commands say and write of decisions: a line on the terminal, JSON, a table of samples, a picture."""

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lapilli.netx_exports import LapilliError
from lapilli.netx_exports.files import replacing
from lapilli.simulators.decisions.confusion import Confusion
from lapilli.simulators.decisions.decisions import Decisions, Int64
from lapilli.simulators.decisions.picture import confusion_picture
from lapilli.simulators.recording.plots import picture_format

_MISTAKES = 3
"""Kinds of mistakes that the terminal names."""

Add = Callable[[Int64, Int64 | None], None]


def check_decision_files(decisions: str | None, confusion: str | None, why_undecided: str, labelled: bool) -> None:
    """Refuse to be asked for what there will not be.

    Arguments:
        decisions, confusion: files that were asked for; None: not.
        why_undecided: why no class is decided; "" where one is.
        labelled: whether the samples have labels.

    Raises:
        LapilliError: naming the option.
    """
    asked = {"decisions": decisions, "confusion": confusion}
    for option, path in asked.items():
        if path is not None and why_undecided:
            raise LapilliError(f"--{option}: {why_undecided}")
    if confusion is not None:
        picture_format(confusion)
        if not labelled:
            raise LapilliError("--confusion: the input has no labels to compare decisions with")


@contextmanager
def decisions_file(path: str | None) -> Iterator[Add]:
    """Yields what adds samples to a table of decisions; the file appears, whole, when the block ends without an error.

    Columns: sample, label (empty where there is none), decision, and score_0, score_1, … of the classes.

    Arguments:
        path: of the CSV file; None: what is added is dropped.
    """
    if path is None:
        yield lambda scores, labels: None
        return
    with replacing(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer, number = csv.writer(file, lineterminator="\n"), 0

        def add(scores: Int64, labels: Int64 | None) -> None:
            nonlocal number
            if not number:
                writer.writerow(["sample", "label", "decision", *(f"score_{name}" for name in range(scores.shape[1]))])
            for row, of_sample in enumerate(scores.tolist()):
                decision = int(scores[row].argmax())
                writer.writerow([number, "" if labels is None else int(labels[row]), decision, *of_sample])
                number += 1

        yield add


def write_decisions(path: str | None, decisions: Decisions) -> None:
    """Write a table of all samples at once, as `decisions_file`."""
    with decisions_file(path) as add:
        add(decisions.scores, decisions.labels)


def draw_confusion(path: str | None, confusion: Confusion, title: str, names: Mapping[int, str]) -> None:
    """Write the picture of a confusion matrix; nothing where `path` is None."""
    if path is not None:
        confusion_picture(confusion, path, title, names)


def decision_facts(confusion: Confusion | None, why_undecided: str, names: Mapping[int, str]) -> dict[str, Any]:
    """As JSON values: accuracy, accuracy of each class and confusion matrix; else the reason why there are none.

    Arguments:
        confusion: decisions beside labels; None where nothing was decided.
        why_undecided: the reason of that.
        names: of the classes, where they are known.
    """
    if confusion is None or why_undecided:
        return {"decisions": None, "why_no_decisions": why_undecided}
    if not confusion.n_compared:
        return {"decisions": None, "why_no_decisions": "the input has no labels to compare decisions with"}
    found = confusion.as_json()
    if names and "classes" in found:
        found["class_names"] = [names.get(name, str(name)) for name in found["classes"]]
    return {"accuracy": confusion.accuracy, "decisions": found}


def decision_line(confusion: Confusion | None, why_undecided: str, names: Mapping[int, str]) -> str:
    """One sentence for the terminal; arguments as of `decision_facts`."""
    if confusion is None or why_undecided:
        return f"no class is decided: {why_undecided}"
    if not confusion.n_compared:
        return "decided, but the input has no labels to compare with; --decisions FILE.csv writes the classes"
    line = f"accuracy: {confusion.accuracy:.2%} ({confusion.right:,} of {confusion.n_compared:,} samples)"
    if strangers := confusion.n_without_class:
        line += f"; the labels of {strangers:,} samples are none of the {confusion.n_classes} classes of the network"
    if not (mistakes := confusion.mistakes()):
        return line
    words = [
        f"{names.get(label, label)} as {names.get(decision, decision)} {number}×"
        for label, decision, number in mistakes[:_MISTAKES]
    ]
    return f"{line}; most frequent mistakes: {', '.join(words)}"
