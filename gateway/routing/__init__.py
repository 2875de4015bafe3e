"""From host and path to a method: domains, base paths, stages, resources. No I/O in here."""

from gateway.routing.addressing import API_ID_HEADER, api_of_host, split_path_form, split_stage
from gateway.routing.candidates import Candidate
from gateway.routing.domains import (
    NO_BASE_PATH,
    RESERVED_CHARACTERS,
    RESERVED_PATHS,
    BasePaths,
    Domains,
)
from gateway.routing.guards import Guard
from gateway.routing.paths import ANY, ANY_METHODS
from gateway.routing.places import Place, Places
from gateway.routing.routes import Routes, RoutesBuilder

__all__ = [
    "ANY",
    "ANY_METHODS",
    "API_ID_HEADER",
    "NO_BASE_PATH",
    "RESERVED_CHARACTERS",
    "RESERVED_PATHS",
    "BasePaths",
    "Candidate",
    "Domains",
    "Guard",
    "Place",
    "Places",
    "Routes",
    "RoutesBuilder",
    "api_of_host",
    "split_path_form",
    "split_stage",
]
