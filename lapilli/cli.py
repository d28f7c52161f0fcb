"""Entry point: errors are one sentence, and the exit status is 0 only when all is well.

Exit status: 0 done and true; 1 the answer is no (`prove` found a difference); 2 wrong input, or nowhere to write to;
3 a defect of lapilli; 130 interrupted by Ctrl-C, SIGTERM or SIGHUP; 141 whoever read the output went away.
"""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from lapilli import __version__
from lapilli.interruption import INTERRUPTED
from lapilli.streams import complain, silence_output
from lapilli.verbs import BRANCHES, COMMANDS, SUBCOMMANDS, overview
from lapilli.waiting import waiting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    if sys.stderr is None:
        # What is printed to a closed error stream would go to the standard output.
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        complain("the standard output is closed")
        return 2
    try:
        status = _status([word for word in words if word != "--debug"], debug)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; a shell says so of a process that the kernel ends for it.
        silence_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        silence_output()
        return _failed(error, f"cannot write the output: {error.strerror or error}", 2, debug)


def _status(words: Sequence[str], debug: bool) -> int:
    """Exit status of a command; an output that cannot be written is an OSError."""
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0 if words else 2
    if words[0] in ("--version", "version"):
        print(f"lapilli {__version__}")
        return 0
    if words[0] == "help":
        return _status([*words[1:], "--help"], debug)
    if words[0] not in COMMANDS:
        # Here, because the package imports numpy, for which help and a version need not wait.
        from lapilli.netx_exports.errors import did_you_mean

        meant = did_you_mean(words[0], COMMANDS) or f"; commands are {', '.join(COMMANDS)}"
        complain(f"unknown command {words[0]!r}{meant}")
        return 2
    with waiting():
        return _called(words, debug)


def _called(words: Sequence[str], debug: bool) -> int:
    """Exit status of the verb that the first words name."""
    # Here, because they import numpy and pydantic, for which help and a version need not wait.
    from lapilli.calling import run_command
    from lapilli.netx_exports.errors import LapilliError
    from lapilli.parser import Parser

    Parser.debug_requested = debug
    try:
        if (pair := tuple(words[:2])) in SUBCOMMANDS:
            return run_command(SUBCOMMANDS[pair], words[2:])
        return run_command(words[0], _behind(words))
    except LapilliError as error:
        # A training that was interrupted says how to go on.
        return _failed(error, str(error), INTERRUPTED if isinstance(error.__cause__, SystemExit) else 2, debug)
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            # rich exits when the reader of a table has left.
            raise stop.__context__ from None
        # The parser has printed its help, or said what is wrong.
        return stop.code if isinstance(stop.code, int) else 2
    except KeyboardInterrupt as error:
        return _failed(error, "interrupted", INTERRUPTED, debug)
    except MemoryError as error:
        return _failed(error, "not enough memory", 2, debug)
    except Exception as error:
        if isinstance(error, OSError) and _of_output(error):
            raise
        text = f"a defect of lapilli ({type(error).__name__}: {error}); run with --debug and report it"
        return _failed(error, text, 3, debug)


def _behind(words: Sequence[str]) -> Sequence[str]:
    """What is worth reading behind a verb: of one that needs a second word, nothing behind a wrong one or none."""
    if words[0] not in BRANCHES or (words[1:2] and words[1] in BRANCHES[words[0]]):
        return words[1:]
    return [word for word in words[1:2] if not word.startswith("-") or word in ("-h", "--help")]


def _of_output(error: OSError) -> bool:
    """Whether an error is of the standard output: those of files have a name, or were caught where they are written."""
    return error.filename is None and error.errno in (errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG)


def _failed(error: BaseException, text: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    complain(text)
    return status
