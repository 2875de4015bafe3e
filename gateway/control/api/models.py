"""Models: Create, Get, GetAll, GetTemplate, Update, Delete."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from sqlalchemy import delete, func, select

from gateway.control.api import patch
from gateway.control.api.lookups import AnyRow, rest_api_of, row_of
from gateway.control.api.model_views import flattened, sample_template
from gateway.control.api.patch import PatchTable, rule
from gateway.control.api.protocol import Answer, Call, Served, page, present
from gateway.control.api.references import method_with_model
from gateway.control.api.rows import write_row
from gateway.control.api.shapes import PATCH, TEXT, members
from gateway.definitions.model_schema import (
    EMPTY_SCHEMA,
    MODEL_NAME,
    fault_of_model,
    is_json,
    models_in,
)
from gateway.definitions.validators import Model
from gateway.errors import bad_request, conflict, limit_exceeded
from gateway.store.ids import SHORT
from gateway.store.tables import MODEL
from gateway.store.transaction import Transaction

MODELS_MAX: Final = 1000
"""Models of one API."""
SCHEMAS_CHARACTERS: Final = 4 * 2**20
"""Of all models of one API together: every deployment holds them."""

_CREATE: Final = members(name=TEXT, description=TEXT, schema=TEXT, contentType=TEXT)
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (a name's grammar, not a secret)
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}(?:\s*;[ -~]*)?")


def create_model(transaction: Transaction, call: Call) -> Answer:
    """Serve CreateModel."""
    api = rest_api_of(transaction, call)
    name = call.body.get("name")
    if not name:
        raise bad_request("Model name must be non-empty")
    if not MODEL_NAME.fullmatch(name):
        raise bad_request(f"Model name must be alphanumeric: {name}")
    if transaction.has(MODEL, MODEL.c.api == api.sequence, MODEL.c.name == name):
        raise conflict("Model name already exists for this REST API")
    content_type = call.body.get("contentType", "")
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise bad_request(f"Invalid content type specified: {content_type or 'null'}")
    schema = call.body.get("schema", "")
    _check_schema(api, content_type, schema)
    sequence = transaction.insert(
        MODEL,
        api=api.sequence,
        id=transaction.new_id(MODEL, SHORT, MODEL.c.api == api.sequence),
        name=name,
        description=call.body.get("description") or None,
        schema=schema,
        content_type=content_type,
    )
    _check_bounds(transaction, api)
    return shown(transaction.one(select(MODEL).where(MODEL.c.sequence == sequence)))


def get_model(transaction: Transaction, call: Call) -> Answer:
    """Serve GetModel; `flatten` brings along the models that it refers to."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    found = shown(row)
    if call.flag("flatten") and row.name in (schemas := _schemas(transaction, api)):
        found["schema"] = flattened(schemas, row.name)
    return found


def get_models(transaction: Transaction, call: Call) -> Answer:
    """Serve GetModels."""
    api = rest_api_of(transaction, call)
    query = select(MODEL).where(MODEL.c.api == api.sequence)
    return page(transaction, call, query, MODEL.c.sequence, shown)


def get_model_template(transaction: Transaction, call: Call) -> Answer:
    """Serve GetModelTemplate: a mapping template to start from."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    return {"value": sample_template(_schemas(transaction, api), row.name)}


def update_model(transaction: Transaction, call: Call) -> Answer:
    """Serve UpdateModel."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    changed = patch.patch_row(row, call.body, _PATCHES)
    if "schema" in changed:
        _check_schema(api, row.content_type, changed["schema"])
    if changed:
        write_row(transaction, MODEL, row, changed)
        _check_bounds(transaction, api)
    return shown(_row(transaction, api, call))


def delete_model(transaction: Transaction, call: Call) -> Answer:
    """Serve DeleteModel; methods and other models that name it hold it."""
    api = rest_api_of(transaction, call)
    row = _row(transaction, api, call)
    place = method_with_model(transaction, api.sequence, row.name)
    if place is None:
        for name, schema in _schemas(transaction, api).items():
            if name != row.name and row.name in models_in(schema):
                place = f"model: {name}"
                break
    if place is not None:
        raise conflict(f"Cannot delete model '{row.name}', is referenced in {place}")
    transaction.run(delete(MODEL).where(MODEL.c.sequence == row.sequence))
    return None


def shown(row: AnyRow) -> dict[str, Any]:
    """Return a model in AWS's shape."""
    return present(
        id=row.id,
        name=row.name,
        description=row.description,
        schema=row.schema,
        contentType=row.content_type,
    )


def _row(transaction: Transaction, api: AnyRow, call: Call) -> AnyRow:
    name = call.label("model_name")
    same = (MODEL.c.api == api.sequence, MODEL.c.name == name)
    return row_of(transaction, select(MODEL).where(*same), f"Invalid model name specified: {name}")


def _schemas(transaction: Transaction, api: AnyRow) -> dict[str, Any]:
    """Return the parsed schemas of an API's JSON models by name; what is none is left out."""
    query = select(MODEL.c.name, MODEL.c.schema, MODEL.c.content_type)
    schemas: dict[str, Any] = {}
    for row in transaction.rows(query.where(MODEL.c.api == api.sequence).order_by(MODEL.c.name)):
        if is_json(row.content_type):
            try:
                schemas[row.name] = orjson.loads(row.schema)
            except orjson.JSONDecodeError:
                continue
    return schemas


def _check_schema(api: AnyRow, content_type: str, schema: str) -> None:
    fault = fault_of_model(Model(content_type=content_type, schema=schema), api.id)
    if fault:
        raise bad_request(fault)


def _check_bounds(transaction: Transaction, api: AnyRow) -> None:
    """Refuse what a mutation has made too much; the refusal undoes it."""
    count, characters = transaction.one(
        select(func.count(), func.sum(func.length(MODEL.c.schema))).where(
            MODEL.c.api == api.sequence
        )
    )
    if count > MODELS_MAX:
        raise limit_exceeded(f"An API has at most {MODELS_MAX} models")
    if characters > SCHEMAS_CHARACTERS:
        raise limit_exceeded(f"The models of an API have at most {SCHEMAS_CHARACTERS} characters")


_PATCHES: Final = PatchTable(
    (
        rule("/description", "replace", patch.member("description")),
        rule("/schema", "replace", patch.member("schema", patch.required_text(EMPTY_SCHEMA))),
    ),
    unknown=patch.listing,
)

OPERATIONS: Final = {
    "CreateModel": Served(create_model, body=_CREATE),
    "GetModel": Served(get_model),
    "GetModels": Served(get_models),
    "GetModelTemplate": Served(get_model_template),
    "UpdateModel": Served(update_model, body=PATCH),
    "DeleteModel": Served(delete_model),
}
"""Operations of this family by name."""
