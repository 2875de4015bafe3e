from __future__ import annotations

from gateway.definitions.identity import deployment_id, resource_id
from gateway.definitions.integration import Integration, IntegrationType
from gateway.definitions.rest_api import ApiDefinition, Method, Resource, RestApi
from gateway.definitions.validation import problems_of

GET = {"GET": Method(integration=Integration(type=IntegrationType.MOCK))}


def problems(**ids: str) -> list[str]:
    resources = tuple(
        Resource(path=path.replace("_", "/"), id=id_, methods=GET) for path, id_ in ids.items()
    )
    return [
        str(each)
        for each in problems_of(ApiDefinition(rest_api=RestApi(name="a"), resources=resources))
    ]


def test_an_id_names_one_resource() -> None:
    assert problems(_a="one", _b="two", _c="") == []
    assert problems(_a="one", _b="one") == [
        "resources./b.id: is the id of /a already; leave it out"
    ]


def test_an_id_is_not_that_of_a_path_between() -> None:
    taken = resource_id("/b")

    assert problems(_a=taken, _b_c="") == ["resources./a.id: is the id of /b already; leave it out"]
    assert problems(_b=taken, _b_c="") == []


def test_tags_make_no_new_deployment() -> None:
    def id_of(tags: dict[str, str]) -> str:
        return deployment_id("a", ApiDefinition(rest_api=RestApi(name="a", tags=tags)))

    assert id_of({}) == id_of({"team": "a"})
