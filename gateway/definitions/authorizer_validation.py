"""What is wrong with an authorizer although each of its values has the right type.

Where AWS has a message for a mistake, ours begins with it: files and the control API say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from gateway.definitions.authorizer import Authorizer, AuthorizerType, JwtConfiguration
from gateway.definitions.codec import join, shown
from gateway.errors import Problem

AUTHORIZER_NAME_CHARACTERS: Final = 128
TTL_SECONDS: Final = (0, 3600)
DEFAULT_TTL_SECONDS: Final = 300
EXPRESSION_CHARACTERS: Final = 1024
PROVIDERS_MAX: Final = 1000
ISSUERS_MAX: Final = 100

_INPUT: Final = "Invalid request input"
_LAMBDA_URI: Final = re.compile(r"arn:[a-z0-9-]+:apigateway:[a-z0-9-]+:lambda:path/\S+")
_POOL_ARN: Final = re.compile(r"arn:[a-z0-9-]+:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[\w-]+")
_NAME: Final = r"[a-zA-Z0-9._$-]+"
_HEADER_SOURCE: Final = re.compile(rf"method\.request\.header\.{_NAME}")
_SOURCE: Final = re.compile(
    rf"method\.request\.(?:header|querystring)\.{_NAME}|stageVariables\.\w+|context\.[\w.]+"
)
_LAMBDA: Final = frozenset({AuthorizerType.TOKEN, AuthorizerType.REQUEST})


def problems_of_authorizer(authorizer: Authorizer, path: str = "") -> Iterator[Problem]:
    """Yield everything that keeps an authorizer from working, as far as values show it."""
    type_ = authorizer.type
    if len(authorizer.name) > AUTHORIZER_NAME_CHARACTERS:
        text = f"{_INPUT}: a name has at most {AUTHORIZER_NAME_CHARACTERS} characters"
        yield Problem(join(path, "name"), text)
    yield from _problems_of_uri(authorizer, path)
    yield from _problems_of_pools(authorizer, path)
    yield from _problems_of_source(authorizer, path)
    ttl = authorizer.authorizer_result_ttl_in_seconds
    lowest, highest = TTL_SECONDS
    if ttl is not None and not lowest <= ttl <= highest:
        text = f"{_INPUT}: authorizerResultTtlInSeconds must be {lowest} to {highest}, not {ttl}"
        yield Problem(join(path, "authorizerResultTtlInSeconds"), text)
    if text := _fault_of_expression(authorizer.identity_validation_expression):
        yield Problem(join(path, "identityValidationExpression"), f"{_INPUT}: {text}")
    if type_ is AuthorizerType.JWT:
        yield from _problems_of_jwt(authorizer, path)
    elif authorizer.jwt_configuration is not None:
        text = f"{_INPUT}: jwtConfiguration belongs to JWT authorizers, not to {type_}"
        yield Problem(join(path, "jwtConfiguration"), text)


def _problems_of_uri(authorizer: Authorizer, path: str) -> Iterator[Problem]:
    uri = authorizer.authorizer_uri
    if authorizer.type in _LAMBDA and not (uri and _LAMBDA_URI.fullmatch(uri)):
        yield Problem(
            join(path, "authorizerUri"),
            f"Invalid Authorizer URI: {uri or 'null'}. Authorizer URI should be a valid API "
            "Gateway ARN that represents a Lambda function invocation.",
        )


def _problems_of_pools(authorizer: Authorizer, path: str) -> Iterator[Problem]:
    here = join(path, "providerARNs")
    pools = authorizer.provider_arns
    if authorizer.type is not AuthorizerType.COGNITO_USER_POOLS:
        return
    if not pools:
        text = f"{_INPUT}: providerARNs is required: name at least one user pool by its ARN"
        yield Problem(here, text)
    elif len(pools) > PROVIDERS_MAX:
        yield Problem(here, f"{_INPUT}: at most {PROVIDERS_MAX} user pools are asked")
    for arn in pools:
        if not _POOL_ARN.fullmatch(arn):
            text = f"Invalid ARN specified in the request: {shown(arn)} is no user pool's"
            yield Problem(here, text)


def _problems_of_source(authorizer: Authorizer, path: str) -> Iterator[Problem]:
    """Check `identitySource`: without one, whatever caches answers would mix callers up."""
    here = join(path, "identitySource")
    source = authorizer.identity_source
    is_request = authorizer.type is AuthorizerType.REQUEST
    if not source:
        is_optional = authorizer.type is AuthorizerType.JWT or (
            is_request and authorizer.authorizer_result_ttl_in_seconds == 0
        )
        if not is_optional:
            why = " unless authorizerResultTtlInSeconds is 0" if is_request else ""
            text = f"{_INPUT}: identitySource is required for {authorizer.type}{why}"
            yield Problem(here, text)
        return
    grammar = _SOURCE if is_request else _HEADER_SOURCE
    expressions = [each.strip() for each in source.split(",")] if is_request else [source]
    for expression in expressions:
        if not grammar.fullmatch(expression):
            yield Problem(
                here,
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression parameter specified: {expression}]",
            )


def _problems_of_jwt(authorizer: Authorizer, path: str) -> Iterator[Problem]:
    for name, value in (
        ("authorizerCredentials", authorizer.authorizer_credentials),
        ("authorizerResultTtlInSeconds", authorizer.authorizer_result_ttl_in_seconds),
        ("identityValidationExpression", authorizer.identity_validation_expression),
    ):
        if value is not None:
            text = f"{_INPUT}: a JWT authorizer has no {name}; leave it out"
            yield Problem(join(path, name), text)
    here = join(path, "jwtConfiguration")
    configuration = authorizer.jwt_configuration or JwtConfiguration()
    if not 1 <= len(configuration.issuers) <= ISSUERS_MAX:
        text = f"{_INPUT}: a JWT authorizer needs 1 to {ISSUERS_MAX} issuers"
        yield Problem(join(here, "issuers"), text)
    if not configuration.default_algorithms:
        text = f"{_INPUT}: a JWT authorizer needs at least one algorithm, such as RS256"
        yield Problem(join(here, "defaultAlgorithms"), text)
    for index, each in enumerate(configuration.issuers):
        if not _is_issuer(each.issuer):
            text = f"{_INPUT}: {shown(each.issuer)} must be an https URL without query and fragment"
            yield Problem(join(here, f"issuers[{index}].issuer"), text)
        if not each.audiences:
            text = f"{_INPUT}: an issuer needs at least one audience"
            yield Problem(join(here, f"issuers[{index}].audiences"), text)


def _is_issuer(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname)
    except ValueError:
        return False
    is_plain = not re.search(r"[?#\s\x00-\x1f\x7f]", text)
    return parts.scheme == "https" and has_host and is_plain


def _fault_of_expression(expression: str | None) -> str:
    """Return what is wrong with a regular expression; empty: nothing."""
    if expression is None:
        return ""
    if len(expression) > EXPRESSION_CHARACTERS:
        return f"identityValidationExpression has at most {EXPRESSION_CHARACTERS} characters"
    try:
        re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        return f"identityValidationExpression is no regular expression: {error}"
    return ""
