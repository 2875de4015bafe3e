"""What logs show of headers, queries and addresses: nothing that opens a door."""

import pytest

from gateway.telemetry.redaction import MASK, credential, form, header_value, headers_text, uri

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.secret-abcdef"


@pytest.mark.parametrize("value", [TOKEN, f"Bearer {TOKEN}", f"bearer  {TOKEN}"])
def test_a_long_token_shows_its_last_six_characters(value: str) -> None:
    assert credential(value) == "******abcdef"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "allow",
        "Bearer short-abcdef",
        "Basic dXNlcjpsb25nLXBhc3N3b3JkLWh1bnRlcjI=",
        "Basic\tdXNlcjpsb25nLXBhc3N3b3JkLWh1bnRlcjI=",
        " \t ",
        'Digest username="me", response="0123456789abcdef0123"',
        f"Unheard-Of {TOKEN}",
    ],
)
def test_what_is_short_or_may_be_a_password_shows_nothing(value: str) -> None:
    assert credential(value) == MASK


@pytest.mark.parametrize("name", ["Authorization", "AUTHORIZATION", "x-api-key", " X-Api-Key"])
def test_keys_can_be_told_from_one_another(name: str) -> None:
    assert header_value(name, TOKEN) == "******abcdef"


@pytest.mark.parametrize(
    "name",
    ["Cookie", "Set-Cookie", "Proxy-Authorization", "X-Amz-Security-Token", "X-Vault-Token",
     "X-Goog-Api-Key", "Client-Secret", "Password", "X-Session-Id", "X-Hub-Signature",
     "Ocp-Apim-Subscription-Key", "X-Authorization", "X-Amzn-Remapped-Authorization", "X-Auth",
     "X-Auth-Key", "ApiToken", f"{'x' * 70_000}-token", "X-Forwarded-Authorization",
     "X-Original-Cookie", "X-Auth-JWT", "X-Forwarded-Access-Token", "accessToken"],
)  # fmt: skip
def test_other_secrets_show_nothing(name: str) -> None:
    assert header_value(name, TOKEN) == MASK


@pytest.mark.parametrize("name", ["Accept", "X-Amzn-Trace-Id", "Idempotency-Key", "X-Tokens", ""])
def test_other_headers_are_shown(name: str) -> None:
    assert header_value(name, TOKEN) == TOKEN


def test_addresses_in_headers_are_masked_like_the_endpoint_s() -> None:
    answer = ((b"Location", b"https://me:pw@app/cb?code=hunter2&state=1"), (b"A", b"\xff\r\n"))

    assert headers_text(answer) == (
        "{Location=https://******@app/cb?code=******&state=1, A=\\xff\\x0d\\x0a}"
    )


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://app/cb#access_token=x&state=1", "https://app/cb#access_token=******&state=1"),
        ("/cb?a=1#id_token=x", "/cb?a=1#id_token=******"),
        ("/page#part", "/page#part"),
    ],
)
def test_fragments_of_addresses_are_masked_too(address: str, shown: str) -> None:
    assert header_value("Location", address) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("client_secret=x&a=1", "client_secret=******&a=1"),
        ("%63ode=x", "%63ode=******"),
        ("clientSecret=x&sessionToken=y", "clientSecret=******&sessionToken=******"),
        ("Refresh_Token=x&PASSWORD=y", "Refresh_Token=******&PASSWORD=******"),
        ("flag&a=&b=c=d", "flag&a&b=c=d"),
        ("newPassword=x&clientSecret=y&sessionToken=z",
         "newPassword=******&clientSecret=******&sessionToken=******"),
        ("user[password]=x&user%5Bpasswd%5D%5B%5D=y&a[b]=z",
         "user[password]=******&user%5Bpasswd%5D%5B%5D=******&a[b]=z"),
        ("aws_secret_access_key=x&Access_Key_Id=y&private.key=z",
         "aws_secret_access_key=******&Access_Key_Id=******&private.key=******"),
        ("authorization=x&JSESSIONID=y&PHPSESSID=z&a%0Apassword=q",
         "authorization=******&JSESSIONID=******&PHPSESSID=******&a%0Apassword=******"),
        ("otp=1&jwt=2&SAMLResponse=3&page=4", "otp=******&jwt=******&SAMLResponse=******&page=4"),
        ("", ""),
    ],
)  # fmt: skip
def test_secret_parameters_are_masked(text: str, shown: str) -> None:
    assert form(text) == shown
    assert uri(f"http://b/x?{text}") == f"http://b/x?{shown}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a/cb#access_token=x&state=1", "https://a/cb#access_token=******&state=1"),
        ("https://a/cb?b=1#id_token=x", "https://a/cb?b=1#id_token=******"),
        ("https://a/cb#top", "https://a/cb#top"),
        ("HTTPS://me:pw@b/x", "HTTPS://******@b/x"),
        ("https://me:p@w@b/x@y", "https://******@b/x@y"),
        ("//me:pw@b/x", "//******@b/x"),
        ("0; url=https://me:pw@b/?token=x", "0; url=https://******@b/?token=******"),
    ],
)
def test_addresses_hide_users_and_tokens_wherever_they_stand(text: str, shown: str) -> None:
    assert uri(text) == shown
    assert header_value("Location", text) == header_value("Refresh", text) == shown
