"""What is wrong with a definition although each of its values has the right type.

Local checks and references between parts; expressions and templates are checked where they are
compiled. Paths have the form of files: `resources./pets.GET.integration.uri`.
Where AWS has a message for a mistake, ours begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sized
from typing import Final

import orjson

from gateway.definitions.authorizer_validation import problems_of_authorizer
from gateway.definitions.codec import join, shown, suggestion
from gateway.definitions.endpoint_validation import problems_of_endpoint
from gateway.definitions.identity import resource_id
from gateway.definitions.integration import ConnectionType, Integration, IntegrationType
from gateway.definitions.integration_uri import problem_of_uri
from gateway.definitions.model_schema import MODEL_NAME, fault_of_model
from gateway.definitions.resource_tree import is_bounded, problems_of_paths
from gateway.definitions.rest_api import (
    METHODS,
    ApiDefinition,
    AuthorizationType,
    Method,
    Resource,
    RestApi,
)
from gateway.errors import GatewayResponseType, Problem

API_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
"""An API's id: it must fit into one label of a host name."""

STATUS_CODE: Final = re.compile(r"[1-5][0-9][0-9]")
"""A status code that a response may be given."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MEDIA_TYPE: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DECLARED: Final = re.compile(r"method\.request\.(path|querystring|header)\.([a-zA-Z0-9._$-]+)")
_DECLARED_HEADER: Final = re.compile(r"method\.response\.header\.[a-zA-Z0-9._$-]+")
_RESOURCE_ID: Final = re.compile(r"[a-z0-9]{1,32}")

NAME_CHARACTERS: Final = 1024
COMPRESSION_BYTES_MAX: Final = 10_485_760
POLICY_CHARACTERS: Final = 8192
TEMPLATE_BYTES: Final = 300 * 1024
TIMEOUT_MILLIS: Final = (50, 29_000)

_AUTHORIZER_TYPES: Final = frozenset(
    {AuthorizationType.CUSTOM, AuthorizationType.COGNITO_USER_POOLS, AuthorizationType.JWT}
)


def problems_of(definition: ApiDefinition, path: str = "") -> list[Problem]:
    """Return everything that keeps a definition from being deployed, as far as values show it."""
    problems: list[Problem] = []
    resources = join(path, "resources")
    if not any(resource.methods for resource in definition.resources):
        text = "The REST API doesn't contain any methods: add one, such as GET under a path"
        problems.append(Problem(resources, text))
    _check_rest_api(definition.rest_api, join(path, "restApi"), problems)
    problems.extend(
        problems_of_paths([resource.path for resource in definition.resources], resources)
    )
    _check_ids(definition.resources, resources, problems)
    # Methods written alike are one object, and what is right in one place is right in all.
    sound: set[int] = set()
    for resource in definition.resources:
        here = join(resources, resource.path)
        for http_method, method in resource.methods.items():
            problem = problem_of_http_method(http_method, join(here, http_method), after=problems)
            if problem is not None:
                problems.append(problem)
            elif id(method) not in sound:
                before = len(problems)
                _check_method(method, join(here, http_method), problems)
                sound.update([id(method)] if len(problems) == before else [])
    here = join(path, "gatewayResponses")
    for type_, response in definition.gateway_responses.items():
        if type_ not in GatewayResponseType.__members__:
            text = f"unknown response type {shown(type_)}; "
            text += suggestion(type_, GatewayResponseType.__members__, after=problems)
            problems.append(Problem(join(here, type_), text))
        if response.status_code is not None:
            _check_status(response.status_code, join(join(here, type_), "statusCode"), problems)
        _check_templates(response.response_templates, join(here, type_), "response", problems)
    _check_models(definition, join(path, "models"), problems)
    _check_validators(definition, join(path, "requestValidators"), problems)
    _check_authorizers(definition, join(path, "authorizers"), problems)
    return problems


def _check_models(definition: ApiDefinition, path: str, problems: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for name, model in definition.models.items():
        here = join(path, name)
        if model.id:
            _check_id(model.id, join(here, "id"), problems)
            if seen.setdefault(model.id, name) != name:
                text = f"the id {shown(model.id)} is also that of {seen[model.id]}; leave it out"
                problems.append(Problem(join(here, "id"), text))
        if not MODEL_NAME.fullmatch(name):
            text = f"Model name must be alphanumeric: {shown(name)}; 1 to 128 letters and digits"
            problems.append(Problem(here, text))
        _check_media_type(model.content_type, join(here, "contentType"), problems)
        if fault := fault_of_model(model, definition.rest_api.id):
            problems.append(Problem(join(here, "schema"), fault))


def _check_validators(definition: ApiDefinition, path: str, problems: list[Problem]) -> None:
    for id_, validator in definition.request_validators.items():
        _check_id(id_, join(path, id_), problems)
        if len(validator.name) > NAME_CHARACTERS:
            text = f"must have at most {NAME_CHARACTERS} characters"
            problems.append(Problem(join(join(path, id_), "name"), text))


def _check_authorizers(definition: ApiDefinition, path: str, problems: list[Problem]) -> None:
    seen: dict[str, str] = {}
    for id_, authorizer in definition.authorizers.items():
        here = join(path, id_)
        _check_id(id_, here, problems)
        problems.extend(problems_of_authorizer(authorizer, here))
        name = authorizer.name or id_
        if seen.setdefault(name, id_) != id_:
            text = f"Authorizer name must be unique: {shown(name)} is also that of {seen[name]}"
            problems.append(Problem(join(here, "name"), text))


def _check_id(id_: str, path: str, problems: list[Problem]) -> None:
    if not _ID.fullmatch(id_):
        text = f"the id {shown(id_)} may hold letters, digits, _ and -, 128 characters at most"
        problems.append(Problem(path, text))


def problem_of_http_method(http_method: str, path: str, *, after: Sized = ()) -> Problem | None:
    """Return what is wrong with the key of a method, if anything."""
    if http_method in METHODS:
        return None
    text = f"Invalid HttpMethod specified. Valid options are {','.join(METHODS)}"
    return Problem(path, f"{text}; {suggestion(http_method, METHODS, after=after)}")


def problem_of_api_id(api_id: str, path: str) -> Problem | None:
    """Return what is wrong with an API's id, if anything."""
    if API_ID.fullmatch(api_id):
        return None
    text = "may hold a-z, 0-9 and hyphens, must begin with a letter or digit, 63 characters at most"
    return Problem(path, f"the API id {shown(api_id)} cannot be part of a host name: it {text}")


def _check_ids(resources: Iterable[Resource], path: str, problems: list[Problem]) -> None:
    """Check the ids that are written: each names one resource, and none that has none written."""
    listed = list(resources)
    taken = {resource_id(each): each for each in _all_paths(listed)}
    seen: dict[str, str] = {}
    for resource in listed:
        if not resource.id:
            continue
        here = join(join(path, resource.path), "id")
        other = seen.setdefault(resource.id, taken.get(resource.id, resource.path))
        if not _RESOURCE_ID.fullmatch(resource.id):
            problems.append(Problem(here, "must be 1 to 32 characters a-z, 0-9"))
        elif other != resource.path:
            problems.append(Problem(here, f"is the id of {other} already; leave it out"))
        seen[resource.id] = resource.path


def _all_paths(resources: Iterable[Resource]) -> set[str]:
    """Return the paths of resources, and those between them and the root."""
    paths = {"/"}
    # What is too long is refused by itself: the paths above it would be as many as its segments.
    for resource in filter(lambda each: is_bounded(each.path), resources):
        path = resource.path
        while path not in paths:
            paths.add(path)
            path = path.rpartition("/")[0] or "/"
    return paths


def _check_rest_api(rest_api: RestApi, path: str, problems: list[Problem]) -> None:
    def add(member: str, text: str) -> None:
        problems.append(Problem(join(path, member), text))

    if not 1 <= len(rest_api.name) <= NAME_CHARACTERS:
        add("name", f"must have 1 to {NAME_CHARACTERS} characters, not {len(rest_api.name)}")
    if rest_api.id and (problem := problem_of_api_id(rest_api.id, join(path, "id"))):
        problems.append(problem)
    for index, media_type in enumerate(rest_api.binary_media_types):
        if not _MEDIA_TYPE.fullmatch(media_type):
            add(f"binaryMediaTypes[{index}]", _media_type_text(media_type))
    size = rest_api.minimum_compression_size
    if size is not None and not 0 <= size <= COMPRESSION_BYTES_MAX:
        add("minimumCompressionSize", f"must be 0 to {COMPRESSION_BYTES_MAX} bytes, not {size}")
    if rest_api.policy is not None:
        if len(rest_api.policy) > POLICY_CHARACTERS:
            add("policy", f"must have at most {POLICY_CHARACTERS} characters")
        elif not is_json_object(rest_api.policy):
            add("policy", "Invalid policy document: must be the text of a JSON object")
    problems += problems_of_endpoint(rest_api, path)


def _check_method(method: Method, path: str, problems: list[Problem]) -> None:
    if method.authorization_type in _AUTHORIZER_TYPES and not method.authorizer_id:
        text = f"is required when authorizationType is {method.authorization_type}; add it"
        problems.append(Problem(join(path, "authorizerId"), text))
    names: dict[str, str] = {}
    for key in method.request_parameters:
        here = join(join(path, "requestParameters"), key)
        declared = _DECLARED.fullmatch(key)
        if declared is None:
            text = "must be method.request.{path|querystring|header}.NAME"
            problems.append(Problem(here, f"Invalid mapping expression specified: {text}"))
        elif names.setdefault(declared[2], declared[1]) != declared[1]:
            text = "Parameter names must be unique across querystring, header and path"
            problems.append(Problem(here, f"{text}: {declared[2]} is also a {names[declared[2]]}"))
    for media_type in method.request_models:
        _check_media_type(media_type, join(join(path, "requestModels"), media_type), problems)
    for status, response in method.method_responses.items():
        here = join(join(path, "methodResponses"), status)
        _check_status(status, here, problems)
        problems.extend(
            Problem(
                join(join(here, "responseParameters"), key),
                "Invalid mapping expression specified: must be method.response.header.NAME",
            )
            for key in response.response_parameters
            if not _DECLARED_HEADER.fullmatch(key)
        )
    if method.integration is None:
        text = "No integration defined for method: add an integration, such as {type: MOCK}"
        problems.append(Problem(path, text))
    else:
        _check_integration(method.integration, join(path, "integration"), problems)
        _check_answers(method, method.integration, join(path, "integration"), problems)


def _check_integration(integration: Integration, path: str, problems: list[Problem]) -> None:
    def add(member: str, text: str) -> None:
        problems.append(Problem(join(path, member), text))

    if found := problem_of_uri(integration.type, integration.uri):
        add("uri", found.message)
    verb = integration.integration_http_method
    if verb is not None:
        problem = problem_of_http_method(verb, join(path, "httpMethod"), after=problems)
        problems += [problem] if problem else []
    if integration.type is IntegrationType.AWS_PROXY and verb not in (None, "POST"):
        add("httpMethod", "must be POST, with which Lambda functions are invoked")
    lowest, highest = TIMEOUT_MILLIS
    if not lowest <= integration.timeout_in_millis <= highest:
        text = f"Timeout should be between {lowest} ms and {highest} ms"
        add("timeoutInMillis", f"{text}, not {integration.timeout_in_millis}")
    if integration.connection_type is ConnectionType.VPC_LINK and not integration.connection_id:
        add("connectionId", "is required when connectionType is VPC_LINK; add it")
    _check_templates(integration.request_templates, path, "request", problems)


def _check_answers(
    method: Method, integration: Integration, path: str, problems: list[Problem]
) -> None:
    for status, response in integration.integration_responses.items():
        here = join(join(path, "integrationResponses"), status)
        _check_status(status, here, problems)
        _check_templates(response.response_templates, here, "response", problems)
        if status not in method.method_responses:
            text = f"no method response {status} is declared: requests that get it are answered"
            text += f' with 500, as by AWS; add methodResponses: {{"{status}": {{}}}}'
            problems.append(Problem(here, text, severity="warning"))


def _check_templates(
    templates: Mapping[str, str], path: str, side: str, problems: list[Problem]
) -> None:
    for media_type, template in templates.items():
        here = join(join(path, f"{side}Templates"), media_type)
        if media_type != "$default":
            _check_media_type(media_type, here, problems)
        if len(template.encode()) > TEMPLATE_BYTES:
            text = f"a template may have {TEMPLATE_BYTES} bytes at most; move work to the backend"
            problems.append(Problem(here, text))


def _check_status(status: str, path: str, problems: list[Problem]) -> None:
    if not STATUS_CODE.fullmatch(status):
        text = f"Invalid status code {shown(status)}: must be three digits from 100 to 599"
        problems.append(Problem(path, text))
    elif status.startswith("1"):
        # AWS takes it, and answers 500 whenever it is selected.
        text = f"{status} only announces an answer and cannot be one: 1xx cannot be a final status"
        problems.append(Problem(path, f"{text}; write 200 to 599"))


def _check_media_type(media_type: str, path: str, problems: list[Problem]) -> None:
    if not _MEDIA_TYPE.fullmatch(media_type):
        problems.append(Problem(path, _media_type_text(media_type)))


def _media_type_text(media_type: str) -> str:
    return f"Invalid content type specified: {shown(media_type)}; write it like application/json"


def is_json_object(text: str) -> bool:
    """Whether a text is a JSON object, as a policy is."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that are errors: with one, nothing may be served."""
    return [problem for problem in problems if problem.severity == "error"]
