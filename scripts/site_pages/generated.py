"""All pages that are made from the code: where each stands, and what makes it."""

from collections.abc import Callable, Mapping
from functools import partial

from lapilli.recipes import RECIPES
from lapilli.verbs import COMMANDS
from site_pages import api, commands, configurations, counters, errors


def generated() -> Mapping[str, Callable[[], str]]:
    """By place in the site, what makes the page."""
    pages: dict[str, Callable[[], str]] = {
        "reference/commands/index.md": partial(commands.overview, COMMANDS),
        "reference/counters.md": counters.counters_page,
        "reference/cost_tables.md": counters.cost_tables_page,
        "reference/errors.md": errors.page,
        "reference/python.md": api.page,
    }
    pages |= {f"reference/commands/{verb}.md": partial(commands.page, verb) for verb in COMMANDS}
    return pages | {f"reference/configuration/{name}.md": partial(configurations.page, name) for name in RECIPES}
