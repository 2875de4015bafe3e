"""What compiling would complain about: for `check`, `plan` and before a file is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.cache import CachedResponses
from gateway.clock import IdMinter
from gateway.definitions.domain import DomainName
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import Problem
from gateway.integrations.base import IntegrationContext, MisconfiguredError
from gateway.messages import MethodIdentity
from gateway.snapshot.compile import compile_deployment, finish
from gateway.snapshot.compiled import CompiledDeployment, MethodPlan
from gateway.snapshot.enforcement import unenforced_of_domain
from gateway.telemetry.access_log import compile_access_log

_CONTEXT: Final = IntegrationContext(
    ids=IdMinter(), now=lambda: 0.0, body_bytes=0, cache=CachedResponses(0, lambda: 0.0)
)
"""Checking binds integrations, and never invokes them."""

_NOT_YET: Final = "is not there yet and has no effect"


def problems_of_deployment(deployment: Deployment) -> tuple[CompiledDeployment, list[Problem]]:
    """Compile a deployment; return it with every problem, by paths from the file's top."""
    problems: list[Problem] = []
    rest_api = deployment.definition.rest_api
    if rest_api.minimum_compression_size is not None:
        problems.append(
            Problem(
                "restApi.minimumCompressionSize",
                f"compression {_NOT_YET}: answers go out as they come",
                severity="warning",
            )
        )
    compiled = finish(compile_deployment(deployment, problems))
    return compiled, problems


def problems_of_domain_features(domain: DomainName) -> list[Problem]:
    """Return a warning for each feature of a domain that keeps it from being served."""
    return [
        Problem(
            f"{domain.domain_name}.{field}",
            f"{name} is not enforced yet: the domain answers 500, it is never served without",
            severity="warning",
        )
        for field, name in unenforced_of_domain(domain)
    ]


def problems_of_stage(stage: Stage, deployments: Mapping[str, CompiledDeployment]) -> list[Problem]:
    """Return what is wrong with a stage on the deployments it points at, by paths from `stages`."""
    path = f"stages.{stage.stage_name}"
    problems: list[Problem] = []
    if stage.access_log_settings is not None:
        compile_access_log(stage.access_log_settings, f"{path}.accessLogSettings", problems)
    if stage.client_certificate_id is not None:
        problems.append(
            Problem(
                f"{path}.clientCertificateId",
                f"presenting a client certificate {_NOT_YET}: backends that demand one refuse us",
                severity="warning",
            )
        )
    arms = [(stage.deployment_id, stage.variables)]
    canary = stage.canary_settings
    if canary is not None:
        overlaid = {**stage.variables, **canary.stage_variable_overrides}
        arms.append((canary.deployment_id or stage.deployment_id, overlaid))
    for deployment_id, variables in arms:
        deployment = deployments.get(deployment_id)
        if deployment is not None:
            for plan in deployment.methods:
                problems += _problems_of_addresses(path, deployment, plan, variables)
    return list(dict.fromkeys(problems))


def _problems_of_addresses(
    path: str, deployment: CompiledDeployment, plan: MethodPlan, variables: Mapping[str, str]
) -> list[Problem]:
    """Say which stage variables are undefined, and whether the backend's address is one."""
    if plan.integration is None:
        return []
    method = f"{plan.http_method} {plan.resource_path}"
    undefined = [name for name in plan.integration.variables if name not in variables]
    if undefined:
        return [
            Problem(
                f"{path}.variables",
                f"stage variable {name} is undefined but used by the uri of {method}: it renders "
                f"empty, and the method may answer 500; define it",
                severity="warning",
            )
            for name in dict.fromkeys(undefined)
        ]
    identity = MethodIdentity(
        account_id="",
        region="",
        api_id="",
        api_name=deployment.api_name,
        stage="",
        deployment_id=deployment.id,
        resource_id=plan.resource_id,
        resource_path=plan.resource_path,
        http_method=plan.http_method,
        stage_variables=variables,
    )
    try:
        plan.integration.bind(identity, _CONTEXT)
    except MisconfiguredError as error:
        return [
            Problem(
                f"{path}.variables",
                f"with these values the uri of {method} cannot be called: {error}",
            )
        ]
    return []
