"""Model and RequestValidator: what a method's requests must satisfy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The shape of a body."""

    content_type: str = "application/json"
    """Media type of what it describes."""
    schema: str = ""
    """JSON Schema (draft 4) as JSON text; `$ref` names other models by their address at AWS."""
    description: str = ""
    """Text for people."""
    id: str = ""
    """Identifier, for models that clients made; empty: it follows from the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestValidator:
    """Which parts of a request are validated, for the methods that name it by its id."""

    name: str = ""
    """Name for people; empty: its id."""
    validate_request_body: bool = False
    """Whether a body must satisfy the method's model for its media type."""
    validate_request_parameters: bool = False
    """Whether the method's required parameters must be there."""
