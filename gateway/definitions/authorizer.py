"""Authorizer: what decides who may call the methods that name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class AuthorizerType(StrEnum):
    """What an authorizer looks at, and whom it asks."""

    TOKEN = "TOKEN"  # noqa: S105 (AWS's name of a type, not a secret)
    REQUEST = "REQUEST"
    COGNITO_USER_POOLS = "COGNITO_USER_POOLS"
    JWT = "JWT"


class ClaimFormat(StrEnum):
    """How a claim's value is read."""

    SINGLE_STRING = "SINGLE_STRING"


class JwtAlgorithm(StrEnum):
    """How a token may be signed."""

    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtClaim:
    """A claim that a token is checked for beyond the usual ones."""

    claim_name: str
    """Name of the claim."""
    format: ClaimFormat = ClaimFormat.SINGLE_STRING
    """How its value is read."""
    required: bool = False
    """Whether a token without it is refused."""
    expected_values: tuple[str, ...] = ()
    """Values of which it must have one; empty: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtIssuer:
    """An issuer whose tokens are accepted."""

    issuer: str
    """The `iss` claim, an https URL without query and fragment."""
    audiences: tuple[str, ...] = ()
    """Values of which the `aud` claim needs one."""
    additional_claims: tuple[JwtClaim, ...] = ()
    """Further claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtConfiguration:
    """Which tokens a JWT authorizer accepts."""

    issuers: tuple[JwtIssuer, ...] = ()
    """Accepted issuers."""
    default_algorithms: tuple[JwtAlgorithm, ...] = ()
    """Accepted signatures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """What decides who may call."""

    type: AuthorizerType
    """TOKEN and REQUEST ask a Lambda function, the others look into a token themselves."""
    name: str = ""
    """Name for people, unique in an API; empty: its id."""
    provider_arns: tuple[str, ...] = field(default=(), metadata={"aliases": ("providerARNs",)})
    """ARNs of user pools, for COGNITO_USER_POOLS."""
    auth_type: str | None = None
    """Text for OpenAPI files; decides nothing."""
    authorizer_uri: str | None = None
    """Lambda function to invoke, as in integrations, for TOKEN and REQUEST."""
    authorizer_credentials: str | None = None
    """Role for invoking it."""
    identity_source: str | None = None
    """Where the token is (`method.request.header.NAME`); for REQUEST: all that tells callers
    apart, separated by commas."""
    identity_validation_expression: str | None = None
    """Regular expression that a token must match before anybody is asked."""
    authorizer_result_ttl_in_seconds: int | None = None
    """Seconds that an answer is remembered, 0 to 3600; absent: 300."""
    jwt_configuration: JwtConfiguration | None = None
    """Which tokens are accepted, for JWT."""
