"""What a stage adds to the address of a backend: a client certificate, or a VPC link's way to it.

Decided when a stage is bound. Whatever a stage or an integration names must be there: without it
the method answers 500, for a request must not go out another way, or without what it should show.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.integrations.base import IntegrationContext, MisconfiguredError
from gateway.integrations.uri import BoundUri, with_stage_variables


class MissingConnectionError(MisconfiguredError):
    """What a stage or an integration names is not there, and may be at any time."""

    def __init__(self, text: str, *, field: str = "", whom: str = "") -> None:
        super().__init__(text)
        self.field = field
        """The stage's field that names it; empty: it is an integration that does."""
        self.whom = whom
        """Who answers 500 for it; empty: the one method."""


def connected(
    uri: BoundUri,
    link: str | None,
    target: str | None,
    stage_variables: Mapping[str, str],
    context: IntegrationContext,
) -> BoundUri:
    """Return where a stage's requests to `uri` go.

    `link` is the id of a VPC link, or a text with stage variables that gives one; None: no link.
    `target` is the ARN of the load balancer behind it: where that has addresses, they are taken.

    Raises:
        MissingConnectionError: the link, or the stage's client certificate, is not there.
    """
    origin = uri.origin
    if link is not None:
        link_id = with_stage_variables(link, stage_variables)
        origin = origin.through(_targets(uri, link_id, target, context))
    if origin.scheme == "https" and context.client_certificate_id is not None:
        if context.client_certificate is None:
            raise MissingConnectionError(
                f"the stage's client certificate {context.client_certificate_id} is not there: "
                "generate it, or put it into client-certificates/",
                field="clientCertificateId",
                whom="every method with an HTTPS backend",
            )
        origin = origin.presenting(context.client_certificate)
    return uri if origin is uri.origin else uri.at(origin)


def _targets(
    uri: BoundUri, link_id: str, target: str | None, context: IntegrationContext
) -> tuple[str, ...]:
    if uri.origin.unix_path:
        raise MisconfiguredError("a unix socket is reached directly, through no VPC link")
    links = context.vpc_links
    targets = (links.get(target) if target else None) or links.get(link_id)
    if not targets:
        raise MissingConnectionError(
            f"the VPC link {link_id!r} leads nowhere: name its addresses in vpc-links.yaml, by its "
            "id or by its target's ARN"
        )
    return targets
