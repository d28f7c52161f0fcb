"""The page: one HTML file that needs nothing else, with its own script and no other."""

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from lapilli.netx_exports import LapilliError
from lapilli.page_templates import page_templates
from lapilli.view.contents import Origin, facts, sample_contents, sample_facts
from lapilli.view.watching import Plan, Watched

LIMIT = 32 << 20
"""Bytes of samples that a page may hold: 32 MiB."""

SCRIPTS = ("view_data.js", "view_window.js", "view_canvas.js", "view_plots.js", "view_neuron.js", "view.js")
"""Parts of the script, in their order."""


def page(plan: Plan, origin: Origin, samples: Iterable[Watched], n_samples: int) -> str:
    """The page.

    Arguments:
        plan: what ran.
        origin: where it comes from.
        samples: as they ran, at least one.
        n_samples: how many they are, for the error.

    Raises:
        LapilliError: when the samples take more than `LIMIT`.
    """
    held: list[Markup] = []
    shown: list[dict[str, Any]] = []
    size = 0
    for sample in samples:
        text = htmlsafe_json_dumps(sample_contents(sample))
        size += len(text)
        if size > LIMIT:
            raise LapilliError(_too_large(len(held), n_samples))
        held.append(text)
        shown.append(sample_facts(sample))
    environment = page_templates()
    script, of_all = _script(environment), facts(plan, origin)
    return environment.get_template("view.html").render(
        facts=htmlsafe_json_dumps(of_all | {"samples": shown}),
        network=of_all["network"],
        source=of_all["source"],
        samples=held,
        script=Markup(script),
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _script(environment: Environment) -> str:
    """The whole script, as it stands in the page: its parts are no templates."""
    assert environment.loader is not None
    parts = [environment.loader.get_source(environment, name)[0] for name in SCRIPTS]
    return "\n".join(['"use strict";', *parts])


def _too_large(n_fit: int, n_samples: int) -> str:
    limit = f"the limit of {LIMIT >> 20} MiB"
    if not n_fit:
        return f"page: one sample takes more than {limit}; choose --layers, or --show spikes"
    return f"page: {n_samples} samples take more than {limit}; --samples {n_fit} fits, or choose --layers or --show"
