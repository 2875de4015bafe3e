"""Facts about how a gateway says how it was built."""

import pytest

from gateway.build import BUILD, build_of


@pytest.mark.parametrize(
    ("origin", "build"),
    [
        ("/opt/gateway/server/connection.cpython-311-x86_64-linux-gnu.so", "compiled"),
        ("/opt/gateway/server/connection.py", "pure"),
        ("/opt/gateway/server/connection.pyc", "pure"),
        (None, "pure"),
    ],
)
def test_the_file_of_the_hot_path_tells(origin: str | None, build: str) -> None:
    assert build_of(origin) == build


def test_these_sources_are_pure_python() -> None:
    assert BUILD == "pure"
