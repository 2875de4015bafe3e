"""How large a method and a deployment may be: what is above could not travel to the workers."""

from __future__ import annotations

from typing import Final

from gateway.definitions.rest_api import ApiDefinition
from gateway.definitions.stage import Deployment
from gateway.errors import limit_exceeded
from gateway.release.encode import encode_deployment
from gateway.release.parts import FRAME_BYTES_MAX
from gateway.store.transaction import Transaction

METHOD_BYTES: Final = 4 * 2**20
"""Of a method with its responses and its integration: ten templates of AWS's size, and more."""

DEPLOYMENT_BYTES: Final = 64 * 2**20
"""Of what a deployment freezes, as JSON."""


def _bytes(*columns: str) -> str:
    return " + ".join(f"coalesce(length(CAST({column} AS BLOB)), 0)" for column in columns)


# The SQL is made of our own names.
_METHOD: Final = f"""
    SELECT
      (SELECT {_bytes("request_parameters", "request_models", "authorization_scopes")}
       FROM method WHERE sequence = ?1)
    + coalesce((SELECT sum({_bytes("response_parameters", "response_models")})
       FROM method_response WHERE method = ?1), 0)
    + coalesce((SELECT {_bytes("uri", "request_parameters", "request_templates")}
       + {_bytes("cache_key_parameters")} FROM integration WHERE method = ?1), 0)
    + coalesce((SELECT sum({_bytes("selection_pattern", "r.response_parameters")}
       + {_bytes("r.response_templates")})
       FROM integration_response AS r JOIN integration AS i ON i.sequence = r.integration
       WHERE i.method = ?1), 0)
"""  # noqa: S608


def check_method_size(transaction: Transaction, method: int) -> None:
    """Refuse a method, by its `sequence`, that has become too large with this call.

    Raises:
        ControlError: (LimitExceededException) it has.
    """
    ((found,),) = transaction.execute(_METHOD, (method,))
    if found > METHOD_BYTES:
        raise limit_exceeded(
            f"A method with its responses and its integration has at most {METHOD_BYTES} bytes"
        )


def check_deployment_size(api_id: str, definition: ApiDefinition, text: str) -> None:
    """Refuse a deployment that is too large; `text` is what would be frozen.

    Raises:
        ControlError: (LimitExceededException) it is.
    """
    size = len(text.encode())
    if size > DEPLOYMENT_BYTES:
        raise limit_exceeded(f"A deployment has at most {DEPLOYMENT_BYTES} bytes, not {size}")
    # No part of it can be longer than the whole: encoding it once more is for the few.
    if size > FRAME_BYTES_MAX // 2:
        deployment = Deployment(id="", api_id=api_id, definition=definition)
        longest = encode_deployment(deployment).longest_frame
        if longest > FRAME_BYTES_MAX - 1024:
            raise limit_exceeded(
                "A method, or the models, gateway responses and authorizers together, have at most "
                f"{FRAME_BYTES_MAX - 1024} bytes in a deployment, not {longest}"
            )
