"""Content-Type and Accept against the media types of templates (semantics sheet 10.8).

Only type and subtype count; parameters such as `charset` do not. Keys of templates are compared as
`media_type` gives them: `normalised` makes such keys once, at compile time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from gateway.definitions.integration import PassthroughBehavior

T = TypeVar("T")

APPLICATION_JSON: Final = "application/json"
"""What a request without Content-Type or Accept means."""
CATCH_ALL: Final = "$default"
"""Key of a request template that takes what no other one matches."""
_TCHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_KEY: Final = re.compile(rf"{_TCHARS}/{_TCHARS}(?:\s*;[ -~]*)?")


def media_type(header: str) -> str:
    """Return type and subtype: `Text/HTML; charset=utf-8` gives `text/html`; empty stays empty."""
    return header.partition(";")[0].strip().lower()


def first_accepted(accept: str | None) -> str:
    """Return the first media type of an Accept header; `application/json` when there is none."""
    if not accept:
        return APPLICATION_JSON
    return media_type(accept.partition(",")[0]) or APPLICATION_JSON


def normalised(templates: Mapping[str, T]) -> dict[str, T]:
    """Return the templates under the keys by which the `choose` functions find them, in order."""
    return {media_type(key): template for key, template in templates.items()}


def choose_request_template(templates: Mapping[str, T], content_type: str | None) -> T | None:
    """Return the template for a request body of this Content-Type.

    None: there is none, and `may_pass_through` decides. `templates` has normalised keys.
    A missing Content-Type is `application/json`.
    """
    if not templates:
        return None
    wanted = (media_type(content_type) if content_type else "") or APPLICATION_JSON
    found = templates.get(wanted)
    return templates.get(CATCH_ALL) if found is None else found


def may_pass_through(behavior: PassthroughBehavior, *, has_templates: bool) -> bool:
    """Return whether a body that no template matched goes on as it is; else the answer is 415."""
    if behavior is PassthroughBehavior.WHEN_NO_MATCH:
        return True
    return behavior is PassthroughBehavior.WHEN_NO_TEMPLATES and not has_templates


def choose_response_template(
    templates: Mapping[str, T], accept: str | None
) -> tuple[str, T] | None:
    """Return media type and template for a client's Accept header; None: there are no templates.

    `templates` has normalised keys. The first accepted type counts, then `application/json`, then
    whichever template was written first.
    """
    if not templates:
        return None
    for wanted in (first_accepted(accept), APPLICATION_JSON):
        found = templates.get(wanted)
        if found is not None:
            return wanted, found
    return next(iter(templates.items()))


def invalid_key(key: str) -> str | None:
    """Return what is wrong with a template's media type, or None."""
    if key == CATCH_ALL or _KEY.fullmatch(key):
        return None
    return f"Invalid content type specified: {key}: write type/subtype, such as application/json"
