"""How a client names an API and a stage: by host, or by path where no host can be had.

All paths are raw text, as sent. Slashes in front of a path collapse to one; no other slash is
touched.
"""

from __future__ import annotations

from typing import Final

API_ID_HEADER: Final = "x-apigw-api-id"
"""Names the API of a request to the DNS name of a VPC endpoint, which names none."""

_DEFAULT_ENDPOINT: Final = ".execute-api."
_VPC_ENDPOINT_SUFFIX: Final = ".vpce.amazonaws.com"
_VPC_ENDPOINT: Final = "-vpce-"

_EXECUTE_API_PREFIX: Final = "/_aws/execute-api/"
_RESTAPIS_PREFIX: Final = "/restapis/"
_USER_REQUEST: Final = "_user_request_"


def api_of_host(host: str) -> str | None:
    """Return the API id in a default endpoint's host name, or None for any other host.

    Forms: `{api}.execute-api.{anything}` and `{api}-vpce-{id}.execute-api.{anything}`. The DNS name
    of a VPC endpoint (`….execute-api.{region}.vpce.amazonaws.com`) names no API: see
    `API_ID_HEADER`.

    Args:
        host: Host name in lower case, without port.
    """
    label, separator, domain = host.partition(_DEFAULT_ENDPOINT)
    if not separator or not label or not domain or "." in label:
        return None
    if host.endswith(_VPC_ENDPOINT_SUFFIX):
        return None
    api, separator, endpoint = label.rpartition(_VPC_ENDPOINT)
    if separator and api and endpoint.isalnum():
        return api
    return label


def split_path_form(path: str) -> tuple[str, str] | None:
    """Return API id and `/{stage}/{path}` of a path that names an API, or None for any other path.

    Forms: `/_aws/execute-api/{api}/{stage}/{path}` and
    `/restapis/{api}/{stage}/_user_request_/{path}`. The id keeps its case.
    """
    path = _one_leading_slash(path)
    if path.startswith(_EXECUTE_API_PREFIX):
        api, _, rest = path[len(_EXECUTE_API_PREFIX) :].partition("/")
        return (api, "/" + rest) if api else None
    if path.startswith(_RESTAPIS_PREFIX):
        # At most four parts: the last one is what the backend may see, and stays as it is.
        parts = path[len(_RESTAPIS_PREFIX) :].split("/", 3)
        if len(parts) < 3 or not parts[0] or not parts[1] or parts[2] != _USER_REQUEST:
            return None
        return parts[0], "/" + "/".join((parts[1], *parts[3:]))
    return None


def split_stage(path: str) -> tuple[str, str]:
    """Return the first segment, which names a stage, and the rest, which starts with `/`.

    `//prod//pets/` gives `prod` and `//pets/`; `/` gives an empty stage name, which no stage has.
    """
    stage, _, rest = path.lstrip("/").partition("/")
    return stage, "/" + rest


def _one_leading_slash(path: str) -> str:
    return "/" + path.lstrip("/") if path.startswith("//") else path
