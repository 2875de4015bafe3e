"""Deployments → their compiled form, as far as that goes without a stage. Pure: no I/O."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from gateway.cache import CacheKey, compile_key
from gateway.definitions.identity import resource_id
from gateway.definitions.integration import Integration, IntegrationType, ResponseTransferMode
from gateway.definitions.rest_api import Method, Resource, RestApi
from gateway.definitions.stage import Deployment
from gateway.errors import ConfigurationError, Problem
from gateway.integrations.base import IntegrationPlan
from gateway.integrations.http import compile_http
from gateway.integrations.http_proxy import compile_http_proxy
from gateway.integrations.mock import compile_mock
from gateway.mapping.gateway_response import compile_gateway_responses
from gateway.release.recorded import RecordedDeployment
from gateway.routing import Routes, RoutesBuilder
from gateway.routing.paths import path_variables
from gateway.snapshot.compiled import CompiledDeployment, MethodPlan
from gateway.snapshot.enforcement import unenforced
from gateway.snapshot.on_demand import OnDemand
from gateway.snapshot.slices import Slices

_CompileIntegration = Callable[[Integration, Resource, Method, str, list[Problem]], IntegrationPlan]

_Plans = dict[tuple[int, tuple[str, ...]], IntegrationPlan]
"""By what equal methods have in common and a resource's path variables: what a plan depends on.
A part of a release holds equal methods once, so that thousands share a few plans."""

_log = logging.getLogger(__name__)

_COMPILERS: Final[dict[IntegrationType, _CompileIntegration]] = {
    IntegrationType.HTTP: compile_http,
    IntegrationType.HTTP_PROXY: compile_http_proxy,
    IntegrationType.MOCK: compile_mock,
}


NOT_COMPILED: Final = "could not be compiled: see the worker's log"
"""Why a method is refused that a bug kept from being compiled."""


def compile_deployment(
    deployment: Deployment, problems: list[Problem]
) -> Slices[CompiledDeployment]:
    """Return a deployment's compiled form, every method; add what is wrong to `problems`.

    A method that cannot be compiled becomes its own 500 and does not hold back the others. Whoever
    compiles files refuses them for a problem of severity error.
    """
    definition = deployment.definition
    compiler = _MethodCompiler(definition.rest_api)
    methods: list[MethodPlan] = []
    routes = RoutesBuilder[int]()
    for resource in definition.resources:
        for verb, method in resource.methods.items():
            routes.add(resource.path, verb, len(methods))
            methods.append(compiler.plan(resource, verb, method, id(method), problems))
            yield
    if not methods:
        problems.append(Problem("resources", "The REST API doesn't contain any methods"))
    return _compiled(deployment, routes.finish(), OnDemand.of(methods), problems)


def compile_recorded(
    recorded: RecordedDeployment, earlier: CompiledDeployment | None = None
) -> Slices[CompiledDeployment]:
    """Return a deployment's compiled form, whose methods are read when they are called first.

    A method that cannot be read or compiled becomes its own 500, told in the log. Where an
    `earlier` deployment of the API has the same methods, whatever they do, both have its routes.
    """
    known = earlier.recorded if earlier is not None else None
    if earlier is not None and known is not None and (yield from recorded.share_places(known)):
        routes = earlier.routes
    else:
        routes = yield from _routes_of(recorded)
    compiler = _MethodCompiler(recorded.deployment.definition.rest_api)

    def plan(index: int) -> MethodPlan:
        return compiler.plan_recorded(recorded, index)

    methods = OnDemand(len(recorded), plan)
    made = _compiled(recorded.deployment, routes, methods, [])
    return replace(made, recorded=recorded, integration_plans=compiler.plans)


def _routes_of(recorded: RecordedDeployment) -> Slices[Routes[int]]:
    routes = RoutesBuilder[int]()
    for index, (path, verb) in enumerate(recorded.places()):
        routes.add(path, verb, index)
        yield
    return routes.finish()


def _compiled(
    deployment: Deployment,
    routes: Routes[int],
    methods: OnDemand[MethodPlan],
    problems: list[Problem],
) -> CompiledDeployment:
    definition = deployment.definition
    return CompiledDeployment(
        id=deployment.id,
        api_name=definition.rest_api.name,
        routes=routes,
        methods=methods,
        gateway_responses=compile_gateway_responses(
            definition.gateway_responses, path="gatewayResponses", problems=problems
        ),
        is_execute_api_disabled=definition.rest_api.disable_execute_api_endpoint,
        created_date=deployment.created_date,
        endpoint_type=_endpoint_type(definition.rest_api),
    )


def _endpoint_type(rest_api: RestApi) -> str:
    endpoint = rest_api.endpoint_configuration
    return endpoint.types[0] if endpoint is not None and endpoint.types else "REGIONAL"


class _MethodCompiler:
    """Compiles the methods of one deployment."""

    __slots__ = ("_rest_api", "plans")

    def __init__(self, rest_api: RestApi) -> None:
        self._rest_api = rest_api
        self.plans: _Plans = {}

    def plan_recorded(self, recorded: RecordedDeployment, index: int) -> MethodPlan:
        """Return the plan of a method that is read for it, and is not read again.

        Control has compiled it before, as far as it could be read: whatever goes wrong nevertheless
        costs this method its answers, and no request its connection.
        """
        resource, verb = recorded.resource(index)
        place = f"{verb} {resource.path} of deployment {recorded.deployment.id}"
        method, refusal = Method(), NOT_COMPILED
        try:
            method = recorded.method(index)
            return self.plan(resource, verb, method, recorded.number(index), [])
        except ConfigurationError as error:
            # Stored, maybe by another version of Stagegate. There may be thousands of problems.
            refusal = str(error.problems[0])
            _log.error("%s cannot be read and answers 500: %s", place, refusal)
        except Exception:  # noqa: BLE001 (a bug in compiling a method is its own 500)
            _log.exception("%s cannot be compiled and answers 500: a bug", place)
        finally:
            recorded.forget(index)
        return _plan(resource, verb, method, None, refusal)

    def plan(
        self, resource: Resource, verb: str, method: Method, number: int, problems: list[Problem]
    ) -> MethodPlan:
        """Return a method's plan; `number` is what it has in common with those that are equal."""
        path = f"resources.{resource.path}.{verb}"
        integration = method.integration
        plan: IntegrationPlan | None = None
        refusal: str | None = None
        cache_key: CacheKey | None = None
        missing = list(unenforced(self._rest_api, method))
        if missing:
            refusal = ", ".join(name for _, name in missing) + " is not enforced yet"
            why = "the method answers 500, it is never served without"
            problems += [
                Problem(f"{path}.{field}", f"{name} is not enforced yet: {why}", severity="warning")
                for field, name in missing
            ]
        elif integration is None:
            refusal = "No integration defined for method"
            problems.append(Problem(path, f"{refusal}; give it an integration"))
        else:
            found: list[Problem] = []
            key = number, path_variables(resource.path)
            plan = self.plans.get(key)
            if plan is None:
                compiler = _COMPILERS[integration.type]
                plan = compiler(integration, resource, method, f"{path}.integration", found)
                if not found:
                    # Problems would have another path below another resource.
                    self.plans[key] = plan
            if integration.cache_namespace or integration.cache_key_parameters:
                own_id = resource.id or resource_id(resource.path)
                cache_key = compile_key(integration, own_id, f"{path}.integration", found)
            problems += found
            if errors := [problem for problem in found if problem.severity == "error"]:
                plan, refusal = None, f"{errors[0].path} {errors[0].message}"
        return _plan(resource, verb, method, plan, refusal, cache_key)


def _plan(
    resource: Resource,
    verb: str,
    method: Method,
    plan: IntegrationPlan | None,
    refusal: str | None,
    cache_key: CacheKey | None = None,
) -> MethodPlan:
    integration = method.integration
    return MethodPlan(
        resource_path=resource.path,
        resource_id=resource.id or resource_id(resource.path),
        http_method=verb,
        integration=plan,
        refusal=refusal,
        is_key_required=method.api_key_required,
        cache_key=cache_key,
        is_streamed=(
            integration is not None
            and integration.response_transfer_mode is ResponseTransferMode.STREAM
        ),
    )
