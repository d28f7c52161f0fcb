"""`lapilli train` that knows the timed recordings: a process for tests to interrupt."""

import sys

from timed_recordings import NAME, TICKS

from lapilli import cli
from lapilli.training.data.catalogue import DATA_SETS

DATA_SETS[NAME] = TICKS
sys.exit(cli.main(["train", *sys.argv[1:]]))
