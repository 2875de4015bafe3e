"""DomainName and BasePathMapping: custom host names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePathMapping:
    """Requests under a base path of a domain go to an API's stage."""

    rest_api_id: str
    """API served."""
    base_path: str = "(none)"
    """Path without outer slashes, such as `orders/v1`; `(none)`: everything else."""
    stage: str = "(none)"
    """Stage served; `(none)`: the first path segment after the base path names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainName:
    """A host name under which APIs are served."""

    domain_name: str
    """Lower-case host name; `*.example.com` matches any one label in place of the star."""
    base_path_mappings: tuple[BasePathMapping, ...] = ()
    """What is served under which base path; the longest matching one wins."""
