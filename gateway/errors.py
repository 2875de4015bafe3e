"""The one taxonomy of errors: what a client sees, what an operator sees.

A `Fault` is an answer of the data plane, a `ControlError` one of the control API, a
`ConfigurationError` a list of problems in what a user wrote.
Anything else that is raised is a bug.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal


class GatewayResponseType(StrEnum):
    """The kinds of answer that the gateway itself makes (AWS: gateway response types)."""

    # Enum hashes in Python, and each refusal looks its type up twice.
    __hash__ = str.__hash__

    ACCESS_DENIED = "ACCESS_DENIED"
    API_CONFIGURATION_ERROR = "API_CONFIGURATION_ERROR"
    AUTHORIZER_CONFIGURATION_ERROR = "AUTHORIZER_CONFIGURATION_ERROR"
    AUTHORIZER_FAILURE = "AUTHORIZER_FAILURE"
    BAD_REQUEST_BODY = "BAD_REQUEST_BODY"
    BAD_REQUEST_PARAMETERS = "BAD_REQUEST_PARAMETERS"
    DEFAULT_4XX = "DEFAULT_4XX"
    DEFAULT_5XX = "DEFAULT_5XX"
    EXPIRED_TOKEN = "EXPIRED_TOKEN"  # noqa: S105 (AWS's name of an answer, not a secret)
    INTEGRATION_FAILURE = "INTEGRATION_FAILURE"
    INTEGRATION_TIMEOUT = "INTEGRATION_TIMEOUT"
    INVALID_API_KEY = "INVALID_API_KEY"
    INVALID_SIGNATURE = "INVALID_SIGNATURE"
    MISSING_AUTHENTICATION_TOKEN = "MISSING_AUTHENTICATION_TOKEN"  # noqa: S105 (as above)
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    REQUEST_TOO_LARGE = "REQUEST_TOO_LARGE"
    RESOURCE_NOT_FOUND = "RESOURCE_NOT_FOUND"
    THROTTLED = "THROTTLED"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    WAF_FILTERED = "WAF_FILTERED"


@dataclass(frozen=True, slots=True)
class FaultDefault:
    """What AWS answers for a type when nobody customised it."""

    status: int
    error_type: str
    """The value of the x-amzn-ErrorType header."""
    message: str | None


_T = GatewayResponseType
_INTERNAL: Final = FaultDefault(500, "InternalServerErrorException", "Internal server error")

DEFAULTS: Final[dict[GatewayResponseType, FaultDefault]] = {
    _T.ACCESS_DENIED: FaultDefault(
        403, "AccessDeniedException", "User is not authorized to access this resource"
    ),
    _T.API_CONFIGURATION_ERROR: _INTERNAL,
    _T.AUTHORIZER_CONFIGURATION_ERROR: FaultDefault(500, "AuthorizerConfigurationException", None),
    _T.AUTHORIZER_FAILURE: FaultDefault(500, "AuthorizerFailureException", None),
    _T.BAD_REQUEST_BODY: FaultDefault(400, "BadRequestException", "Invalid request body"),
    _T.BAD_REQUEST_PARAMETERS: FaultDefault(
        400, "BadRequestException", "Missing required request parameters"
    ),
    _T.DEFAULT_4XX: FaultDefault(400, "BadRequestException", "Bad Request"),
    _T.DEFAULT_5XX: _INTERNAL,
    _T.EXPIRED_TOKEN: FaultDefault(
        403, "ExpiredTokenException", "The security token included in the request is expired"
    ),
    _T.INTEGRATION_FAILURE: FaultDefault(
        504, "InternalServerErrorException", "Network error communicating with endpoint"
    ),
    _T.INTEGRATION_TIMEOUT: FaultDefault(
        504, "InternalServerErrorException", "Endpoint request timed out"
    ),
    _T.INVALID_API_KEY: FaultDefault(403, "ForbiddenException", "Forbidden"),
    _T.INVALID_SIGNATURE: FaultDefault(
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided",
    ),
    _T.MISSING_AUTHENTICATION_TOKEN: FaultDefault(
        403, "MissingAuthenticationTokenException", "Missing Authentication Token"
    ),
    _T.QUOTA_EXCEEDED: FaultDefault(429, "LimitExceededException", "Limit Exceeded"),
    _T.REQUEST_TOO_LARGE: FaultDefault(413, "RequestTooLargeException", "Request Too Long"),
    _T.RESOURCE_NOT_FOUND: FaultDefault(404, "NotFoundException", "Not Found"),
    _T.THROTTLED: FaultDefault(429, "TooManyRequestsException", "Too Many Requests"),
    _T.UNAUTHORIZED: FaultDefault(401, "UnauthorizedException", "Unauthorized"),
    _T.UNSUPPORTED_MEDIA_TYPE: FaultDefault(415, "BadRequestException", "Unsupported Media Type"),
    _T.WAF_FILTERED: FaultDefault(403, "ForbiddenException", "Forbidden"),
}
"""Status, x-amzn-ErrorType and message by type. A dict: Enum members of equal value alias."""

FaultSource = Literal["client", "gateway", "integration"]


class GatewayError(Exception):
    """Root of everything that this package raises on purpose."""


class Fault(GatewayError):  # noqa: N818 (an answer, by its name in the field)
    """A request's failure, as the client sees it.

    `message` replaces the type's default text; `status` replaces its status (502 for a broken
    backend answer); `detail` is for the execution log and never reaches the client.
    Raise a fresh one each time: a shared instance would keep tracebacks alive. One that is never
    raised, but returned, may be shared.
    """

    def __init__(
        self,
        type_: GatewayResponseType,
        *,
        source: FaultSource = "gateway",
        message: str | None = None,
        status: int | None = None,
        error_type: str | None = None,
        detail: str = "",
    ) -> None:
        default = DEFAULTS[type_]
        super().__init__(detail or message or default.message or type_.value)
        self.type = type_
        self.source: FaultSource = source
        self.message = default.message if message is None else message
        self.status = default.status if status is None else status
        self.error_type = default.error_type if error_type is None else error_type
        self.detail = detail
        self.is_plain = message is None and status is None and error_type is None
        """Whether the client sees the type's default of everything."""

    def forget_origin(self) -> None:
        """Forget where it was raised and after what; for whoever has caught it, and answers.

        A request refers to its fault, and the frames of a traceback to the request and to all that
        it was served from. Only a garbage collection would free them: never, once they are frozen.
        """
        self.__traceback__ = None
        self.__context__ = None
        self.__cause__ = None

    def again(self) -> Fault:
        """Return an equal one, for another request that fails alike."""
        return Fault(
            self.type,
            source=self.source,
            message=self.message,
            status=self.status,
            error_type=self.error_type,
            detail=self.detail,
        )


def forbidden(detail: str) -> Fault:
    """Return what AWS answers for a domain without a mapping, and for an unknown stage: 403."""
    return Fault(
        GatewayResponseType.DEFAULT_4XX,
        source="client",
        status=403,
        message="Forbidden",
        error_type="ForbiddenException",
        detail=detail,
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in what a user wrote: where, what, and how to mend it."""

    path: str
    """Dotted path of the value, like `resources./pets.GET.integration.uri`; empty for the whole."""
    message: str
    """A sentence that says what is wrong and how to mend it."""
    file: str | None = None
    line: int | None = None
    """1-based."""
    column: int | None = None
    """1-based."""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigurationError(GatewayError):
    """Settings, files or definitions that cannot be used; carries every problem found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ControlError(GatewayError):
    """A control API call's failure: one of AWS's exceptions, as the caller sees it.

    Raise through `not_found`, `bad_request`, `conflict` and the like, so that a code always has its
    status.
    """

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        """AWS's exception name, the value of x-amzn-ErrorType."""
        self.status = status
        self.message = message


def bad_request(message: str) -> ControlError:
    """Return a BadRequestException, 400."""
    return ControlError("BadRequestException", 400, message)


def not_found(message: str) -> ControlError:
    """Return a NotFoundException, 404."""
    return ControlError("NotFoundException", 404, message)


def conflict(message: str) -> ControlError:
    """Return a ConflictException, 409."""
    return ControlError("ConflictException", 409, message)


def limit_exceeded(message: str) -> ControlError:
    """Return a LimitExceededException, 429."""
    return ControlError("LimitExceededException", 429, message)


def too_many_requests(message: str) -> ControlError:
    """Return a TooManyRequestsException, 429."""
    return ControlError("TooManyRequestsException", 429, message)


def access_denied(message: str) -> ControlError:
    """Return an AccessDeniedException, 403."""
    return ControlError("AccessDeniedException", 403, message)


def validation_failed(message: str) -> ControlError:
    """Return a ValidationException, 400: a value that AWS's model of the API forbids."""
    return ControlError("ValidationException", 400, message)


def serialization_failed(message: str) -> ControlError:
    """Return a SerializationException, 400: no JSON, or JSON of the wrong type."""
    return ControlError("SerializationException", 400, message)
