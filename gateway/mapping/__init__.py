"""Parameter mappings, mapping templates, gateway responses: parsed once, rendered often. No I/O."""

from gateway.mapping.gateway_response import CompiledGatewayResponse, compile_gateway_responses
from gateway.mapping.lenient_json import status_code
from gateway.mapping.mapped_body import MappedBody
from gateway.mapping.media_types import (
    choose_request_template,
    choose_response_template,
    may_pass_through,
    media_type,
)
from gateway.mapping.parameters import (
    RequestMapping,
    ResponseMapping,
    compile_request_parameters,
    compile_response_parameters,
)
from gateway.mapping.sources import Source, compile_source
from gateway.mapping.template import Template, compile_template, compile_templates
from gateway.mapping.wire_text import header_bytes, path_text, query_text, to_bytes, to_text

__all__ = [
    "CompiledGatewayResponse",
    "MappedBody",
    "RequestMapping",
    "ResponseMapping",
    "Source",
    "Template",
    "choose_request_template",
    "choose_response_template",
    "compile_gateway_responses",
    "compile_request_parameters",
    "compile_response_parameters",
    "compile_source",
    "compile_template",
    "compile_templates",
    "header_bytes",
    "may_pass_through",
    "media_type",
    "path_text",
    "query_text",
    "status_code",
    "to_bytes",
    "to_text",
]
