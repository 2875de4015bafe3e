"""One API file: what it may say, what each mistake is answered with, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.configuration.api_file import ApiFile, load_api_file
from gateway.configuration.loaded import LoadedApi
from gateway.definitions.authorizer import AuthorizerType
from gateway.definitions.identity import deployment_id
from gateway.definitions.integration import IntegrationType
from gateway.definitions.stage import MethodSetting

MINIMAL = """\
resources:
  /pets:
    GET: {integration: {type: MOCK}}
stages:
  prod:
"""
VERSION = """\
resources:
  /pets:
    GET: {integration: {type: HTTP_PROXY, uri: "http://a/b"}}
"""


@pytest.fixture(name="directory")
def make_directory(tmp_path: Path) -> Path:
    (tmp_path / "apis" / "versions").mkdir(parents=True)
    return tmp_path


def read(directory: Path, text: str, **versions: str) -> ApiFile:
    """Load `apis/pets.yaml` with `apis/versions/{name}.yaml` beside it."""
    path = directory / "apis" / "pets.yaml"
    path.write_text(text)
    for name, version in versions.items():
        (directory / "apis" / "versions" / f"{name}.yaml").write_text(version)
    return load_api_file(path, directory)


def accepted(directory: Path, text: str, **versions: str) -> LoadedApi:
    result = read(directory, text, **versions)

    assert [str(problem) for problem in result.problems] == []
    assert result.api is not None
    return result.api


def refused(directory: Path, text: str, **versions: str) -> list[str]:
    result = read(directory, text, **versions)

    assert result.api is None
    return [str(each).partition(f"{directory}/apis/")[2] for each in result.problems]


def test_a_minimal_file_is_an_api_named_like_the_file(directory: Path) -> None:
    api = accepted(directory, MINIMAL)

    stage = api.stages["prod"]
    deployment = api.deployments[stage.deployment_id]
    assert (api.api_id, api.file) == ("pets", str(directory / "apis" / "pets.yaml"))
    assert stage.stage_name == "prod"
    assert deployment.definition.rest_api.id == "pets"
    assert deployment.definition.rest_api.name == "pets"
    assert deployment.id == deployment_id("pets", deployment.definition)


def test_the_file_may_choose_the_apis_id(directory: Path) -> None:
    result = read(directory, "restApi: {id: shop, name: Shop}\n" + MINIMAL)

    assert result.api is not None
    assert result.api_id == result.api.api_id == "shop"


def test_methods_are_in_awss_order_and_resources_by_path(directory: Path) -> None:
    mock = "{integration: {type: MOCK}}"
    api = accepted(
        directory,
        f"resources: {{/b: {{POST: {mock}, GET: {mock}}}, /a: {{ANY: {mock}}}}}\nstages: {{a: }}",
    )

    (deployment,) = api.deployments.values()
    resources = deployment.definition.resources
    assert [resource.path for resource in resources] == ["/a", "/b"]
    assert list(resources[1].methods) == ["GET", "POST"]


def test_stages_with_equal_content_share_a_deployment(directory: Path) -> None:
    api = accepted(directory, MINIMAL + "  dev: {description: for trying}\n")

    assert len(api.deployments) == 1
    assert api.stages["prod"].deployment_id == api.stages["dev"].deployment_id


def test_a_stage_may_serve_another_files_definition(directory: Path) -> None:
    api = accepted(directory, MINIMAL + "  dev: {definition: versions/next.yaml}\n", next=VERSION)

    deployment = api.deployments[api.stages["dev"].deployment_id]
    method = deployment.definition.resources[0].methods["GET"]
    assert method.integration is not None
    assert method.integration.type is IntegrationType.HTTP_PROXY
    assert deployment.definition.rest_api.id == "pets"
    assert api.sources[deployment.id].file.endswith("apis/versions/next.yaml")


def test_a_file_needs_no_definition_of_its_own(directory: Path) -> None:
    api = accepted(directory, "stages: {a: {definition: versions/v.yaml}}", v=VERSION)

    assert len(api.deployments) == 1


def test_a_version_may_have_its_own_attributes(directory: Path) -> None:
    api = accepted(
        directory,
        "stages: {a: {definition: versions/v.yaml}}",
        v='restApi: {id: pets, name: Later, version: "2"}\n' + VERSION,
    )

    (deployment,) = api.deployments.values()
    assert deployment.definition.rest_api.name == "Later"
    assert deployment.definition.rest_api.id == "pets"


def test_a_canary_serves_its_definition_or_its_stages(directory: Path) -> None:
    api = accepted(
        directory,
        MINIMAL
        + "    canarySettings: {percentTraffic: 12.5, definition: versions/next.yaml}\n"
        + "  dev: {canarySettings: {percentTraffic: 1}}\n"
        + "  next: {definition: versions/next.yaml, canarySettings: {percentTraffic: 1}}\n",
        next=VERSION,
    )

    prod, dev, following = (api.stages[name] for name in ("prod", "dev", "next"))
    assert prod.canary_settings is not None
    assert dev.canary_settings is not None
    assert following.canary_settings is not None
    assert prod.canary_settings.percent_traffic == 12.5
    assert prod.canary_settings.deployment_id == following.deployment_id != prod.deployment_id
    assert dev.canary_settings.deployment_id == dev.deployment_id
    assert following.canary_settings.deployment_id == following.deployment_id


def test_method_settings_are_materialised(directory: Path) -> None:
    api = accepted(
        directory,
        MINIMAL
        + '    methodSettings: {pets/GET: {metricsEnabled: true}, "*/*": {cacheTtlInSeconds: 5}}',
    )

    assert api.stages["prod"].method_settings == {
        "*/*": MethodSetting(cache_ttl_in_seconds=5),
        "pets/GET": MethodSetting(cache_ttl_in_seconds=5, metrics_enabled=True),
    }


def test_what_is_not_enforced_yet_is_accepted(directory: Path) -> None:
    accepted(
        directory,
        """
restApi: {name: a, minimumCompressionSize: 1, policy: "{}"}
resources:
  /pets/{id}:
    GET:
      authorizationType: CUSTOM
      authorizerId: abc
      apiKeyRequired: true
      requestValidatorId: def
      integration:
        type: AWS_PROXY
        uri: arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations
    PUT: {integration: {type: HTTP, uri: "http://a", connectionType: VPC_LINK, connectionId: v}}
stages:
  a: {cacheClusterEnabled: true, cacheClusterSize: "0.5", clientCertificateId: c, methodSettings: {
     "*/*": {cachingEnabled: true}}}
""",
    )


def test_members_copied_out_of_aws_may_repeat_their_keys(directory: Path) -> None:
    accepted(
        directory,
        """
resources:
  /a: {GET: {httpMethod: GET, methodIntegration: {type: MOCK}}}
gatewayResponses: {THROTTLED: {responseType: THROTTLED, statusCode: 429}}
stages: {a: {stageName: a}}
""",
    )


def test_models_validators_and_authorizers_are_part_of_a_definition(directory: Path) -> None:
    api = accepted(
        directory,
        MINIMAL
        + """
models:
  Pet: {name: Pet, schema: {type: object, required: [name]}}
  Text: {contentType: text/plain, schema: "any"}
requestValidators:
  body: {validateRequestBody: true}
  none:
authorizers:
  users:
    id: users
    type: COGNITO_USER_POOLS
    providerARNs: ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_a"]
    identitySource: method.request.header.Authorization
""",
    )

    (deployment,) = api.deployments.values()
    definition = deployment.definition
    assert definition.models["Pet"].schema == '{"type":"object","required":["name"]}'
    assert definition.models["Text"].content_type == "text/plain"
    assert definition.request_validators["body"].validate_request_body
    assert not definition.request_validators["none"].validate_request_body
    assert definition.authorizers["users"].type is AuthorizerType.COGNITO_USER_POOLS


def test_a_deployment_keeps_its_id_when_nothing_of_them_is_defined(directory: Path) -> None:
    empty = MINIMAL + "models: {}\nrequestValidators: {}\nauthorizers:\n"

    assert [*accepted(directory, empty).deployments] == [*accepted(directory, MINIMAL).deployments]


def test_a_file_without_stages_is_warned_about(directory: Path) -> None:
    result = read(directory, VERSION)

    assert result.api is not None
    assert [problem.severity for problem in result.problems] == ["warning"]
    assert "no stage is defined" in result.problems[0].message


def test_every_file_that_was_named_is_listed(directory: Path) -> None:
    result = read(directory, "stages: {a: {definition: versions/gone.yaml}}")

    assert result.api is None
    assert result.files == [
        directory / "apis" / "pets.yaml",
        directory / "apis" / "versions" / "gone.yaml",
    ]
    assert "gone.yaml: cannot be read" in str(result.problems[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "pets.yaml:1:1: is empty or no mapping; it holds restApi, resources"),
        ("[]", "pets.yaml:1:1: is empty or no mapping"),
        ("a: [", "pets.yaml:2:1: is no valid YAML"),
        (
            MINIMAL + "resource: {}\n",
            'pets.yaml:6:1: resource: unknown key "resource"; did you mean "resources"?',
        ),
        (MINIMAL.replace("MOCK", "HTTPS"), "pets.yaml:3:25: resources./pets.GET.integration.type"),
        (MINIMAL.replace("/pets", "pets"), "pets.yaml:2:3: resources.pets: a path begins with"),
        (MINIMAL.replace("GET", "get"), "pets.yaml:3:5: resources./pets.get: Invalid HttpMethod"),
        (
            MINIMAL.replace("{integration: {type: MOCK}}", ""),
            "pets.yaml:3:5: resources./pets.GET: No integration defined for method",
        ),
        (MINIMAL.replace("prod", "pr od"), "pets.yaml:5:3: stages.pr od: Stage name only allows"),
        ("restApi: {id: PETS}\n" + MINIMAL, "pets.yaml:1:11: restApi.id: the API id"),
        ("restApi: {nam: a}\n" + MINIMAL, "pets.yaml:1:11: restApi.nam: unknown key"),
        ("restApi: 5\n" + MINIMAL, "pets.yaml:1:1: restApi: must be a mapping"),
        ("resources: 5\nstages: {a: }\n", "pets.yaml:1:1: resources: must be a mapping"),
        ("resources: {}\nstages: {a: }\n", "pets.yaml:1:1: resources: The REST API doesn't"),
        ("stages: {a: }\n", "pets.yaml:1:1: resources: The REST API doesn't contain any methods"),
        (VERSION + "stages: []\n", "pets.yaml:4:1: stages: must be a mapping"),
        (MINIMAL + "    variables: {a-b: c}\n", "pets.yaml:6:17: stages.prod.variables.a-b"),
        (MINIMAL + "    deploymentId: abc\n", "pets.yaml:6:5: stages.prod.deploymentId: deploy"),
        (MINIMAL + "    stageName: dev\n", 'pets.yaml:6:5: stages.prod.stageName: must be "prod"'),
        (
            MINIMAL + "    definitions: a.yaml\n",
            'pets.yaml:6:5: stages.prod.definitions: unknown key "definitions"; did you mean "defi',
        ),
        (
            MINIMAL + "    methodSettings: {pets/GET: {cacheTtlInSeconds: 4000}}\n",
            "pets.yaml:6:33: stages.prod.methodSettings.pets/GET.cacheTtlInSeconds: must be 0",
        ),
        (
            MINIMAL + "    methodSettings: {pets: {}}\n",
            "pets.yaml:6:22: stages.prod.methodSettings.pets: names no method",
        ),
        (
            MINIMAL + "    methodSettings: []\n",
            "pets.yaml:6:5: stages.prod.methodSettings: must be a mapping",
        ),
        (
            MINIMAL + "    canarySettings: {percentTraffic: 101}\n",
            "pets.yaml:6:22: stages.prod.canarySettings.percentTraffic: must be 0 to 100 percent",
        ),
        (
            MINIMAL + "    canarySettings: {percent: 5}\n",
            "pets.yaml:6:22: stages.prod.canarySettings.percent: unknown key",
        ),
        (
            MINIMAL + "    canarySettings: 5\n",
            "pets.yaml:6:5: stages.prod.canarySettings: must be a mapping",
        ),
        (
            MINIMAL + "gatewayResponses: {THROTTLE: {}}\n",
            "pets.yaml:6:20: gatewayResponses.THROTTLE: unknown response type",
        ),
        (
            MINIMAL + "gatewayResponses: {THROTTLED: {status: 1}}\n",
            "pets.yaml:6:32: gatewayResponses.THROTTLED.status: unknown key",
        ),
        (
            MINIMAL + "models: {Pet: {schema: {type: pet}}}\n",
            "pets.yaml:6:16: models.Pet.schema: Invalid model specified",
        ),
        (
            MINIMAL + "models: {Pet: {schema: {maximum: 1" + "0" * 30 + "}}}\n",
            "pets.yaml:6:16: models.Pet.schema: must be text, not a mapping",
        ),
        (
            MINIMAL + "requestValidators: {body: {validate: true}}\n",
            "pets.yaml:6:28: requestValidators.body.validate: unknown key",
        ),
        (
            MINIMAL + "authorizers: {who: {}}\n",
            "pets.yaml:6:15: authorizers.who.type: is required; add it",
        ),
        (
            MINIMAL + "gatewayResponses: []\n",
            "pets.yaml:6:1: gatewayResponses: must be a mapping",
        ),
    ],
)
def test_a_mistake_is_named_once_with_its_place(directory: Path, text: str, expected: str) -> None:
    (problem,) = refused(directory, text)

    assert problem.startswith(expected)


@pytest.mark.parametrize(
    "named",
    [
        "/etc/passwd.yaml",
        "../../outside.yaml",
        "versions/../../../a.yaml",
        "..",
        "5",
        "a.json",
        "[]",
    ],
)
@pytest.mark.parametrize("place", ["definition: {}", "canarySettings: {{definition: {}}}"])
def test_a_definition_stays_inside_the_config_directory(
    directory: Path, named: str, place: str
) -> None:
    (directory.parent / "outside.yaml").write_text(VERSION)
    (problem,) = refused(directory, MINIMAL + "    " + place.format(named) + "\n")

    assert ".definition: must be the path of a .yaml file inside the config directory" in problem


def test_a_definition_may_stand_elsewhere_in_the_config_directory(directory: Path) -> None:
    (directory / "shared.yaml").write_text(VERSION)

    accepted(directory, "stages: {a: {definition: ../shared.yaml}}")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (VERSION + "stages: {}\n", "versions/v.yaml:4:1: stages: unknown key"),
        (VERSION.replace("http:", "ftp:"), "versions/v.yaml:3:43: resources./pets.GET"),
        ("restApi: {id: b, name: c}\n" + VERSION, "versions/v.yaml:1:11: restApi.id: "),
        ("restApi: 5\n" + VERSION, "versions/v.yaml:1:1: restApi: must be a mapping"),
        ("", "versions/v.yaml:1:1: is empty"),
    ],
)
def test_a_versions_mistake_is_named_in_its_file_once(
    directory: Path, version: str, expected: str
) -> None:
    text = MINIMAL + "    canarySettings: {definition: versions/v.yaml}\n"
    (problem,) = refused(directory, text + "  b: {definition: versions/v.yaml}\n", v=version)

    assert problem.startswith(expected)


def test_all_mistakes_are_named(directory: Path) -> None:
    problems = refused(
        directory,
        """
resources:
  /a/: {GET: {integration: {type: MOCK, timeoutInMillis: 1}}}
  /b: {GET: {integration: {type: NONE}}, PUT: {integration: {type: HTTP}}}
stages:
  a: {variables: {x: " "}, methodSettings: {b/GET: {loggingLevel: LOUD}}}
""",
    )

    assert sorted(problem.split(": ")[1] for problem in problems) == [
        "resources./a/",
        "resources./a/.GET.integration.timeoutInMillis",
        "resources./b.GET.integration.type",
        "resources./b.PUT.integration.uri",
        "stages.a.methodSettings.b/GET.loggingLevel",
        "stages.a.variables.x",
    ]


def test_a_key_that_names_no_method_is_a_warning(directory: Path) -> None:
    result = read(directory, MINIMAL + "    methodSettings: {cats/GET: {}}\n")

    assert result.api is not None
    assert [problem.severity for problem in result.problems] == ["warning"]


def test_a_broken_file_still_tells_its_id(directory: Path) -> None:
    result = read(directory, "restApi: {id: shop}\nresources: 5\n")

    assert (result.api_id, result.api) == ("shop", None)


def test_methods_written_alike_are_one_object(directory: Path) -> None:
    text = (
        "resources:\n"
        "  /a: {GET: {operationName: 007, integration: {type: MOCK}}}\n"
        "  /b: {GET: {operationName: 7, integration: {type: MOCK}}}\n"
        "  /c: {GET: {operationName: '7', integration: {type: MOCK}}}\n"
        "  /d: {PUT: {operationName: 7, integration: {type: MOCK}}}\n"
        "stages: {prod: }\n"
    )
    (deployment,) = accepted(directory, text).deployments.values()
    a, b, c, d = (
        method
        for resource in deployment.definition.resources
        for method in resource.methods.values()
    )

    assert (a.operation_name, b.operation_name, c.operation_name) == ("007", "7", "7")
    assert b is d


@pytest.mark.parametrize(
    "method",
    [
        "{integration: {type: MOCK, timeoutInMillis: 1}}",
        "{integration: {type: MOCK, timeoutInMillis: no}}",
        "{integration: {type: MOCK, integrationResponses: {'200': {}}}}",
    ],
)
def test_a_mistake_is_told_wherever_it_is_written(directory: Path, method: str) -> None:
    text = f"resources:\n  /a: {{GET: {method}}}\n  /b: {{GET: {method}}}\nstages: {{prod: }}\n"
    problems = read(directory, text).problems

    assert [problem.line for problem in problems] == [2, 3]
    assert [problem.path.split(".")[1] for problem in problems] == ["/a", "/b"]
