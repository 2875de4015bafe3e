"""What the uri of an integration of each type must look like (AWS: PutIntegration)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.definitions.integration import IntegrationType

_HTTP_URI: Final = re.compile(
    r"https?://[^\s\x00-\x1f\x7f/?#\\]+[^\s\x00-\x1f\x7f\\]*", re.IGNORECASE
)
_ARN: Final = re.compile(r"arn:[a-z0-9-]+:apigateway:[^:]*:[^:]+:(path|action)/.+", re.DOTALL)

_PROXY_TARGET: Final = re.compile(
    r"arn:[^:]+:apigateway:[^:]*:(?:"
    r"(?:[^:.]+\.)?lambda:path//?[0-9-]+/functions/[^/\s]+/(?:response-streaming-)?invocations"
    r"|(?:[^:.]+\.)?firehose:action/PutRecord(?:Batch)?)"
)
"""What AWS_PROXY invokes: a Lambda function (its name may be a stage variable), or a stream."""


@dataclass(frozen=True, slots=True)
class UriProblem:
    """What is wrong with an integration's uri."""

    sentence: str
    """AWS's, as the control API tells it."""
    hint: str
    """How to mend it."""

    @property
    def message(self) -> str:
        """Both, for files."""
        return f"{self.sentence.removesuffix('.')}: {self.hint}"


def problem_of_uri(type_: str, uri: str | None) -> UriProblem | None:
    """Return what is wrong with the uri of an integration of a type, if anything."""
    if type_ == IntegrationType.MOCK:
        return None
    if type_ in (IntegrationType.AWS, IntegrationType.AWS_PROXY):
        return _problem_of_arn(type_, uri or "")
    if uri is None or not _HTTP_URI.fullmatch(uri):
        hint = "must be http:// or https://, then a host, without spaces"
        return UriProblem("Invalid HTTP endpoint specified for URI", hint)
    return None


def _problem_of_arn(type_: str, arn: str) -> UriProblem | None:
    example = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/…/invocations"
    if not arn.startswith("arn:"):
        return UriProblem("Invalid ARN specified in the request", "must begin with arn:")
    if not _ARN.fullmatch(arn):
        text = "AWS ARN for integration must contain path or action"
        return UriProblem(text, f"such as {example}")
    if type_ == IntegrationType.AWS_PROXY and not _PROXY_TARGET.fullmatch(arn):
        text = (
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose "
            "stream invocations."
        )
        return UriProblem(text, f"write {example}, or the type AWS for another service")
    return None
