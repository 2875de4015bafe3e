from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.certificates import Authority

Command = Callable[..., Any]


def edit(config: Path, old: str, new: str) -> None:
    path = config / "apis" / "petstore.yaml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_files_without_a_problem_are_counted(stagegate: Command, config: Path) -> None:
    outcome = stagegate("check")

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "fine: 1 API, 1 stage, 2 methods, 0 domains\n"


def test_an_unknown_key_is_named_with_file_line_and_column(
    stagegate: Command, config: Path
) -> None:
    edit(config, "  /health:\n    GET:\n", "  /health:\n    GET:\n      integratoin: {}\n")

    outcome = stagegate("check")

    assert outcome.code == 1
    assert "petstore.yaml:8:" in outcome.err
    assert "integratoin" in outcome.err
    assert "integration" in outcome.err.replace("integratoin", "")
    assert outcome.out.startswith("1 error; ")


def test_what_compiling_complains_about_has_a_place_too(stagegate: Command, config: Path) -> None:
    edit(config, '{"statusCode": 200}', "#set($x = 1)")

    outcome = stagegate("check")

    assert outcome.code == 1
    assert "petstore.yaml:" in outcome.err
    assert "resources./health.GET" in outcome.err


def test_a_warning_does_not_fail_the_check(stagegate: Command, config: Path) -> None:
    edit(config, 'variables: {backend: "127.0.0.1:9000"}', "variables: {}")

    outcome = stagegate("check")

    assert outcome.code == 0
    assert outcome.err.startswith("warning: ")
    assert "backend" in outcome.err


def test_what_is_not_enforced_is_a_warning(stagegate: Command, config: Path) -> None:
    edit(
        config, "  /health:\n    GET:\n", "  /health:\n    GET:\n      authorizationType: AWS_IAM\n"
    )

    outcome = stagegate("check")

    assert outcome.code == 0
    assert "authorizationType AWS_IAM" in outcome.err


def test_a_wrong_setting_is_named_beside_the_files_problems(
    stagegate: Command, config: Path
) -> None:
    (config / "gateway.toml").write_text('lisen = "127.0.0.1:1"\n')
    edit(config, "type: MOCK", "type: MOK")

    outcome = stagegate("check")

    assert outcome.code == 1
    assert "lisen" in outcome.err
    assert "MOK" in outcome.err


def test_json_lists_problems_by_their_parts(stagegate: Command, config: Path) -> None:
    edit(config, "type: MOCK", "type: MOK")

    outcome = stagegate("check", "--json")
    (problem,) = outcome.json["problems"]

    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.json["errors"] == 1
    assert problem["severity"] == "error"
    assert problem["file"].endswith("petstore.yaml")
    assert (type(problem["line"]), type(problem["column"])) == (int, int)


def test_an_absent_directory_is_a_warning(stagegate: Command) -> None:
    outcome = stagegate("check", "--config", "nowhere")

    assert outcome.code == 0
    assert "nowhere is absent or holds no APIs" in outcome.err


def test_certificates_that_cannot_be_used_are_named_with_their_file(
    stagegate: Command, config: Path
) -> None:
    authority = Authority()
    authority.server("b.example.com").write(config, "b")
    (config / "domains.yaml").write_text(
        "a.example.com: {certificateFile: a.pem}\n"
        "b.example.com: {certificateFile: b.pem, privateKeyFile: a.key}\n"
        "c.example.com: {certificateFile: b.pem, privateKeyFile: b.key}\n"
        "d.example.com: {mutualTlsAuthentication: {truststoreUri: d.pem}}\n"
    )

    outcome = stagegate("check", "--json")

    assert outcome.code == 1
    found = {(each["path"], Path(each["file"] or "").name) for each in outcome.json["problems"]}
    assert found == {
        ("a.example.com.certificateFile", "a.pem"),
        ("b.example.com.privateKeyFile", "a.key"),
        ("c.example.com.certificateFile", "b.pem"),
        ("d.example.com.mutualTlsAuthentication.truststoreUri", "d.pem"),
        ("d.example.com.mutualTlsAuthentication", ""),
    }
    assert not (config.parent / ".stagegate").exists()


def test_a_domain_names_its_certificate_in_one_way(stagegate: Command, config: Path) -> None:
    (config / "domains.yaml").write_text(
        "a.example.com: {certificateFile: a.pem, certificateArn: 'arn:aws:acm:x/b'}\n"
        "b.example.com: {privateKeyFile: b.key, securityPolicy: TLS_2}\n"
        "c.example.com: {privateKeyFile: c.key}\n"
    )

    outcome = stagegate("check")

    assert outcome.code == 1
    assert "domains.yaml:1:" in outcome.err
    assert "a.example.com.certificateFile: is given beside" in outcome.err
    assert "b.example.com.securityPolicy: must be one of TLS_1_0, TLS_1_2" in outcome.err
    assert "c.example.com.privateKeyFile: is the key of a certificate" in outcome.err
