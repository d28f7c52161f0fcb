"""`lapilli listen`."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.decided import Add, decisions_file
from lapilli.interruption import INTERRUPTED
from lapilli.listening.hops import Hop, Pauses, divided, hops_of, paced, whole
from lapilli.listening.listener import Listener, Plan
from lapilli.listening.microphone import microphone as opened_microphone
from lapilli.listening.plans import listening_plan
from lapilli.listening.session import Moment, Session, Teller, Utterance
from lapilli.listening.sound import hops_of_wav, notes
from lapilli.listening.telling import JsonLines, Lines, Names, Redrawn
from lapilli.netx_exports import LapilliError
from lapilli.output import print_json_line, progress_line
from lapilli.paths import check_outputs
from lapilli.printable import printable, say
from lapilli.sources.inputs import InputOptions
from lapilli.sources.networks import find_network
from lapilli.training.data.framing import Framing
from lapilli.training.data.framing import Lines as DataLines
from lapilli.training.data.wav import STANDARD_INPUT, opened_wav

Blocks = Iterator[npt.NDArray[np.float64]]

_PAUSE_MS = 300.0
_LOUD_DB = -40.0
_BEFORE_MS = 50.0
"""So much in front of the first loud hop belongs to an utterance: words may begin softly."""


def listen(
    network: str,
    sound: str = "",
    /,
    *,
    microphone: bool = False,
    device: str | None = None,
    realtime: bool = False,
    pause_ms: float | None = None,
    loud_db: float | None = None,
    window_ms: float | None = None,
    decisions: str | None = None,
    readout: str | None = None,
    data: str | None = None,
    framing: Framing = Framing(),
    lines: DataLines | None = None,
    json: bool = False,
) -> int:
    """Let a network listen to a WAV file or a microphone, hop by hop, and print the decision as it forms.

    Arguments:
        network: run folder, or network of the zoo, that was trained on sound; a file needs --data and --framing.
        sound: WAV file; "-" is the standard input. All of it is one utterance, unless --pause-ms is given.
        microphone: listen to a microphone until Ctrl-C.
        device: a part of the microphone's name, or its number; if not given, the usual one.
        realtime: play the file at its own speed; otherwise it is heard as fast as it goes.
        pause_ms: an utterance ends after so many ms that are not loud, and the next one begins with a new state; 300
            for a microphone.
        loud_db: mean power of a hop that is loud, in dB of full scale; if not given, -40.
        window_ms: longest utterance; if not given, as long as the samples of the training.
        decisions: table (.csv) to write, a row for each utterance: the class decided, the score of each class.
        readout: how a class is decided, for a network that does not say it: "spike_count", "voltage_sum" or
            "softmax_sum" of the output layer.
        data: data set whose front end makes steps of the sound; if not given, that of the run.
        framing: of the data set: how sound becomes steps; if not given, that of the run.
        lines: inputs beside the channels, "valid" or "valid and keys"; if not given, those of the run.
        json: print lines of JSON: each change of the best class, each decision, and the latency at the end.
    """
    if bool(sound) == microphone:
        raise LapilliError("listen: needs a WAV file or --microphone, one of them")
    if realtime and microphone:
        raise LapilliError("--realtime: is of files; a microphone has its own speed")
    if device is not None and not microphone:
        raise LapilliError("--device: is of --microphone")
    source = find_network(network, readout)
    check_outputs((None if sound == STANDARD_INPUT else sound or None, source.path), {"decisions": decisions})
    plan = listening_plan(source, InputOptions(data=data, framing=framing, lines=lines), window_ms)
    pauses = _pauses(plan, pause_ms, loud_db, microphone)
    with ExitStack() as stack:
        blocks = stack.enter_context(_blocks(plan, sound, device))
        add = stack.enter_context(decisions_file(decisions))
        listener = _ready(plan)
        names = Names(dict(enumerate(plan.ear.classes)))
        if microphone:
            print("lapilli: listening; Ctrl-C ends it", file=sys.stderr)
        session = Session(listener, _Written(_teller(names, json), add))
        heard = paced(blocks, plan.ear.step_ms / 1000) if realtime else blocks
        hops = whole(heard, lambda: listener.is_full) if pauses is None else divided(heard, pauses)
        interrupted = _heard(session, hops)
        # Who sends sound by a pipe may be silent, and the next hop would be waited for.
        is_cut = not interrupted and pauses is None and sound != STANDARD_INPUT and next(blocks, None) is not None
    if not interrupted and pauses is None and not session.n_utterances:
        _refuse_silence(session, plan, _name(sound))
    if is_cut:
        _say_cut(plan, _name(sound))
    _report(session, pauses, json)
    # Ctrl-C is how one stops listening to a microphone.
    return INTERRUPTED if interrupted and not microphone else 0


def _pauses(plan: Plan, pause_ms: float | None, loud_db: float | None, endless: bool) -> Pauses | None:
    """When utterances end; None where all of the sound is one."""
    if pause_ms is None and not endless:
        if loud_db is not None:
            raise LapilliError("--loud-db: needs --pause-ms, without which all of a file is one utterance")
        return None
    step_ms = plan.ear.step_ms
    quiet = hops_of("pause-ms", _PAUSE_MS if pause_ms is None else pause_ms, step_ms)
    before = hops_of("before-ms", _BEFORE_MS, step_ms)
    return Pauses(quiet, before, plan.n_steps, _LOUD_DB if loud_db is None else loud_db)


@contextmanager
def _blocks(plan: Plan, sound: str, device: str | None) -> Iterator[Blocks]:
    """What is heard, in hops: of a file, or of the microphone where none is named."""
    if not sound:
        with opened_microphone(plan.ear.rate, plan.ear.hop, device) as blocks:
            yield blocks
        return
    with opened_wav(sound) as wav:
        for note in notes(wav, plan.ear):
            print(f"lapilli: {printable(note)}", file=sys.stderr)
        yield hops_of_wav(wav, plan.ear)


def _ready(plan: Plan) -> Listener:
    with progress_line("preparing; the first time on a machine this takes half a minute"):
        listener = Listener(plan)
        listener.warm_up()
    return listener


def _teller(names: Names, json: bool) -> Teller:
    if json:
        return JsonLines(names)
    redraws = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Redrawn(names) if redraws else Lines(names)


class _Written:
    """Tells, and writes decisions to a table.

    Arguments:
        tell: what is told.
        add: adds a row.
    """

    def __init__(self, tell: Teller, add: Add) -> None:
        self._tell, self._add = tell, add

    def moment(self, moment: Moment) -> None:
        """Tell."""
        self._tell.moment(moment)

    def utterance(self, utterance: Utterance) -> None:
        """Write, and tell."""
        self._add(utterance.scores[None], None)
        self._tell.utterance(utterance)


def _heard(session: Session, hops: Iterator[Hop]) -> bool:
    """Hear all; returns whether Ctrl-C came."""
    try:
        session.hear(hops)
    except KeyboardInterrupt:
        session.interrupted()
        return True
    return False


def _name(sound: str) -> str:
    """Of a sound, for people."""
    return "standard input" if sound == STANDARD_INPUT else sound


def _refuse_silence(session: Session, plan: Plan, name: str) -> None:
    if session.latency.hops:
        raise LapilliError(f"{name}: too short: needs at least {plan.ear.fewest} samples at {plan.ear.rate} Hz")
    raise LapilliError(f"{name}: holds no sound")


def _say_cut(plan: Plan, name: str) -> None:
    length = f"{plan.n_steps * plan.ear.step_ms:g} ms"
    print(
        f"lapilli: {printable(name)} goes on, but an utterance is {length} long: --window-ms makes it longer, and "
        "--pause-ms hears one after the other",
        file=sys.stderr,
    )


def _report(session: Session, pauses: Pauses | None, json: bool) -> None:
    if json:
        facts: dict[str, Any] = {"event": "end", "utterances": session.n_utterances, **session.latency.facts()}
        print_json_line(facts)
        return
    if not session.n_utterances and pauses is not None:
        say(f"no utterance was heard: nothing was as loud as {pauses.loud_db:g} dB of full scale")
    if session.latency.hops:
        say(session.latency.sentence())
