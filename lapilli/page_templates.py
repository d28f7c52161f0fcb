"""The templates of pages: what they are given is escaped, and what they are not given is an error."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_templates() -> Environment:
    """jinja2's environment with the files of `lapilli/templates`."""
    return Environment(
        loader=PackageLoader("lapilli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
