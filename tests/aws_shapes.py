"""AWS's own models of API Gateway, v1 and v2, as botocore has it, and answers compared with it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape


@functools.cache
def service_model(name: str = "apigateway") -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operations(service: str = "apigateway") -> list[OperationModel]:
    model = service_model(service)
    return [model.operation_model(name) for name in model.operation_names]


def differences(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yield what of a JSON value does not fit a shape: unknown members and wrong types."""
    match shape, value:
        case StructureShape(), dict():
            yield from _of_structure(shape, value, path)
        case ListShape(), list():
            for index, each in enumerate(value):
                yield from differences(shape.member, each, f"{path}[{index}]")
        case MapShape(), dict():
            for name, each in value.items():
                # AWS shows a template without text as null.
                if each is not None:
                    yield from differences(shape.value, each, f"{path}.{name}")
        case _:
            if not _is_scalar(shape, value):
                yield f"{path}: {value!r} is no {shape.type_name}"


def _of_structure(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    known = {
        member.serialization.get("name", name): member for name, member in shape.members.items()
    }
    for name, each in value.items():
        if name not in known:
            yield f"{path}.{name}: unknown"
        else:
            yield from differences(known[name], each, f"{path}.{name}")


def _is_scalar(shape: Shape, value: Any) -> bool:
    match shape.type_name:
        case "string":
            enum = getattr(shape, "enum", None)
            return isinstance(value, str) and (not enum or value in enum)
        case "boolean":
            return isinstance(value, bool)
        case "integer" | "long":
            return isinstance(value, int) and not isinstance(value, bool)
        case "double" | "float":
            return isinstance(value, float)
        case "timestamp":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case _:
            return False
