"""What compiling would complain about: for `check`, `plan` and before a file is applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gateway.cache import CachedResponses
from gateway.clock import IdMinter
from gateway.definitions.client_certificate import ClientCertificate
from gateway.definitions.domain import DomainName, SecurityPolicy
from gateway.definitions.stage import Deployment, Stage
from gateway.errors import Problem
from gateway.integrations.base import IntegrationContext, MisconfiguredError
from gateway.integrations.connections import MissingConnectionError
from gateway.messages import MethodIdentity
from gateway.snapshot.compiled import CompiledDeployment, MethodPlan
from gateway.snapshot.deployments import compile_deployment
from gateway.snapshot.slices import finish
from gateway.telemetry.access_log import compile_access_log

_CONTEXT: Final = IntegrationContext(
    ids=IdMinter(), now=lambda: 0.0, body_bytes=0, cache=CachedResponses(0, lambda: 0.0)
)
"""Checking binds integrations, and never invokes them."""


def checking_context(
    client_certificate_id: str | None,
    client_certificate: ClientCertificate | None,
    vpc_links: Mapping[str, tuple[str, ...]],
) -> IntegrationContext:
    """Return what a stage's integrations are bound to when they are checked."""
    return replace(
        _CONTEXT,
        client_certificate_id=client_certificate_id,
        client_certificate=client_certificate,
        vpc_links=vpc_links,
    )


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
    """Return a warning for each feature of a domain that is not what its name says."""
    policy = domain.security_policy
    text = ""
    if policy is SecurityPolicy.TLS_1_0:
        text = "TLS 1.2 is the oldest that is spoken: TLS_1_0 is the same as TLS_1_2"
    elif "FIPS" in policy or "PQ" in policy:
        text = (
            "only its TLS versions are kept: whether the cipher suites and key exchanges are FIPS "
            "validated or post-quantum depends on the OpenSSL of this machine"
        )
    path = f"{domain.domain_name}.securityPolicy"
    return [Problem(path, text, severity="warning")] if text else []


def problems_of_stage(
    stage: Stage,
    deployments: Mapping[str, CompiledDeployment],
    context: IntegrationContext = _CONTEXT,
) -> list[Problem]:
    """Return what is wrong with a stage on the deployments it points at, by paths from `stages`.

    `context` is what `checking_context` returns for the stage.
    """
    path = f"stages.{stage.stage_name}"
    problems: list[Problem] = []
    if stage.access_log_settings is not None:
        compile_access_log(stage.access_log_settings, f"{path}.accessLogSettings", problems)
    arms = [(stage.deployment_id, stage.variables)]
    canary = stage.canary_settings
    if canary is not None:
        overlaid = {**stage.variables, **canary.stage_variable_overrides}
        arms.append((canary.deployment_id or stage.deployment_id, overlaid))
    for deployment_id, variables in arms:
        deployment = deployments.get(deployment_id)
        if deployment is not None:
            for plan in deployment.methods:
                problems += _problems_of_addresses(path, deployment, plan, variables, context)
    return list(dict.fromkeys(problems))


def _problems_of_addresses(
    path: str,
    deployment: CompiledDeployment,
    plan: MethodPlan,
    variables: Mapping[str, str],
    context: IntegrationContext,
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
        plan.integration.bind(identity, context)
    except MissingConnectionError as error:
        # Somebody else may make it, at any time: that is no reason to hold back the file.
        return [
            Problem(
                f"{path}.{error.field}" if error.field else path,
                f"{error}; until then {error.whom or method} answers 500",
                severity="warning",
            )
        ]
    except MisconfiguredError as error:
        return [
            Problem(
                f"{path}.variables",
                f"with these values the uri of {method} cannot be called: {error}",
            )
        ]
    return []
