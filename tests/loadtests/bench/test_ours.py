"""The configuration that the rows are measured with: everything is on, and nothing refuses."""

from __future__ import annotations

from pathlib import Path

from gateway.cli.inputs import empty_release, load_files
from gateway.explain import compile_alone, explain, request_of
from gateway.settings import Settings
from loadtests.bench.ours import HEADERS, PASS, Backends, shop_document, write_config


def test_a_pass_through_takes_from_buckets_of_every_layer(tmp_path: Path) -> None:
    write_config(tmp_path, {"shop": shop_document(Backends(origin=9000), other_methods=8)})
    settings = Settings(config=tmp_path)
    files = load_files(settings, empty_release(settings))
    headers = [f"{name}: {value}" for name, value in HEADERS.items()]
    explanation = explain(
        compile_alone(files.release, settings.limits.body_bytes),
        files.release,
        request_of("GET", PASS, headers),
        settings.limits,
    )
    (arm,) = explanation.arms

    assert [problem for problem in files.problems if problem.severity == "error"] == []
    assert arm.answer == "what the backend answers"
    assert arm.backend_request == "GET http://127.0.0.1:9000/pets/7?verbose=1"
    assert arm.api_key == "bench, usage plan bench, 2000000000 requests a month"
    assert [bucket.identity for bucket in arm.buckets] == [
        "plan bench, key bench, shop:prod/pets/{petId}/GET",
        "plan bench, key bench",
        "shop/prod/pets/{petId}#GET",
    ]
