import pytest

from gateway.routing.addressing import api_of_host, split_path_form, split_stage


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("abc123.execute-api.us-east-1.amazonaws.com", "abc123"),
        ("abc123.execute-api.cn-north-1.amazonaws.com.cn", "abc123"),
        ("abc123.execute-api.localhost", "abc123"),
        ("pet-store.execute-api.localhost.localstack.cloud", "pet-store"),
        ("abc123-vpce-0a1b2c.execute-api.us-east-1.amazonaws.com", "abc123"),
        ("my-vpce-api-vpce-0a1b.execute-api.localhost", "my-vpce-api"),
        ("my-vpce-two-words.execute-api.localhost", "my-vpce-two-words"),
        ("vpce-0a1b.execute-api.us-east-1.vpce.amazonaws.com", None),
        ("execute-api.us-east-1.amazonaws.com", None),
        (".execute-api.localhost", None),
        ("abc123.execute-api.", None),
        ("abc123.execute-api", None),
        ("a.b.execute-api.localhost", None),
        ("api.example.com", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_api_of_host(host: str, api: str | None) -> None:
    assert api_of_host(host) == api


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/_aws/execute-api/abc/prod/pets", ("abc", "/prod/pets")),
        ("/_aws/execute-api/abc/prod/pets//7/", ("abc", "/prod/pets//7/")),
        ("/_aws/execute-api/abc//prod", ("abc", "//prod")),
        ("/_aws/execute-api/ABC/prod", ("ABC", "/prod")),
        ("//_aws/execute-api/abc/prod", ("abc", "/prod")),
        ("/_aws/execute-api/abc", ("abc", "/")),
        ("/_aws/execute-api/", None),
        ("/_aws/execute-api//prod", None),
        ("/_aws/execute-api", None),
        ("/_aws/other/abc/prod", None),
        ("/restapis/abc/prod/_user_request_/pets/7", ("abc", "/prod/pets/7")),
        ("/restapis/abc/prod/_user_request_//pets/", ("abc", "/prod//pets/")),
        ("/restapis/abc/prod/_user_request_/", ("abc", "/prod/")),
        ("/restapis/abc/prod/_user_request_", ("abc", "/prod")),
        ("/restapis/abc/prod/_user_request_x/pets", None),
        ("/restapis/abc/_user_request_/pets", None),
        ("/restapis/abc/prod/pets", None),
        ("/restapis/abc//_user_request_/pets", None),
        ("/restapis//prod/_user_request_/pets", None),
        ("/restapis/abc", None),
        ("/pets/restapis/abc/prod/_user_request_/x", None),
        ("/", None),
        ("", None),
    ],
)
def test_split_path_form(path: str, split: tuple[str, str] | None) -> None:
    assert split_path_form(path) == split


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/prod/pets", ("prod", "/pets")),
        ("//prod//pets/", ("prod", "//pets/")),
        ("/prod", ("prod", "/")),
        ("/prod/", ("prod", "/")),
        ("/Prod/%2F", ("Prod", "/%2F")),
        ("/", ("", "/")),
        ("", ("", "/")),
    ],
)
def test_split_stage(path: str, split: tuple[str, str]) -> None:
    assert split_stage(path) == split
