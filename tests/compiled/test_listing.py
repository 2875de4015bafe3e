"""Facts about the list of compiled modules, and the rules it keeps."""

from pathlib import Path

import pytest

from compiled.__main__ import LIST, sources
from compiled.listing import dotted, problems, read

ROOT = Path(__file__).resolve().parent.parent.parent
LISTED = read(LIST.read_text("utf-8"))

BASE = "class Deadline:\n    __slots__ = ('at',)\n"
SOCKET = "from gateway.server.deadlines import Deadline\n\n\nclass Socket(Deadline):\n    pass\n"


def test_the_list_keeps_its_rules() -> None:
    assert problems(LISTED, sources()) == []


def test_the_whole_way_of_a_request_is_listed() -> None:
    stations = {path for path in sources() if path.startswith("gateway/pipeline/")}

    assert stations - set(LISTED) == {"gateway/pipeline/__init__.py"}
    others = {
        "gateway/integrations/http_proxy.py",
        "gateway/server/connection.py",
        "gateway/snapshot/on_demand.py",
    }
    assert others <= set(LISTED)


def test_comments_and_empty_lines_say_nothing() -> None:
    assert read("# why\n\n gateway/clock.py \n") == ("gateway/clock.py",)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("gateway/server/edge.py", "gateway.server.edge"),
        ("gateway/routing/__init__.py", "gateway.routing"),
    ],
)
def test_a_path_names_a_module(path: str, name: str) -> None:
    assert dotted(path) == name


def test_a_file_that_is_not_there_is_refused() -> None:
    (said,) = problems(["gateway/gone.py"], {})

    assert said == "gateway/gone.py: listed, but there is no such file"


def test_a_file_listed_twice_is_refused() -> None:
    (said,) = problems(["gateway/a.py", "gateway/a.py"], {"gateway/a.py": ""})

    assert said == "gateway/a.py: listed twice"


def test_an_interpreted_base_of_ours_is_refused() -> None:
    texts = {"gateway/server/deadlines.py": BASE, "gateway/server/socket.py": SOCKET}
    (said,) = problems(["gateway/server/socket.py"], texts)

    assert "Socket inherits from Deadline of gateway.server.deadlines, which is not listed" in said
    assert problems(list(texts), texts) == []


@pytest.mark.parametrize(
    "text",
    [
        "from gateway.server import deadlines\n\n\nclass Socket(deadlines.Deadline): ...\n",
        "from gateway.server import Deadline as D\n\n\nclass Socket(D): ...\n",
        "import gateway.server.deadlines\n\n\nclass S(gateway.server.deadlines.Deadline): ...\n",
        "import gateway.server.deadlines as d\n\n\nclass Socket(d.Deadline[int]): ...\n",
        "from gateway.server import Deadline\n\n\ndef f():\n    class Socket(Deadline): ...\n",
    ],
    ids=["module", "re-exported, renamed", "dotted", "dotted, renamed, generic", "in a function"],
)
def test_a_base_is_found_however_it_is_named(text: str) -> None:
    texts = {
        "gateway/server/__init__.py": "from gateway.server.deadlines import Deadline\n",
        "gateway/server/deadlines.py": BASE,
        "gateway/socket.py": text,
    }
    (said,) = problems(["gateway/socket.py"], texts)

    assert "Deadline of gateway.server.deadlines, which is not listed" in said


def test_a_base_of_others_must_have_been_looked_at() -> None:
    text = "import asyncio\n\n\nclass A(asyncio.Protocol): ...\n\n\nclass B(asyncio.Queue): ...\n"
    (said,) = problems(["gateway/a.py"], {"gateway/a.py": text})

    assert "B inherits from asyncio.Queue, whose memory layout nobody has looked at" in said


def test_a_base_in_the_same_module_is_compiled_with_it() -> None:
    text = "class A: ...\n\n\nclass B(A): ...\n"

    assert problems(["gateway/a.py"], {"gateway/a.py": text}) == []


def test_an_interpreted_class_below_a_compiled_one_is_refused_but_for_exceptions() -> None:
    texts = {"gateway/server/deadlines.py": BASE, "gateway/server/socket.py": SOCKET}
    (said,) = problems(["gateway/server/deadlines.py"], texts)
    assert "Socket inherits from Deadline of gateway.server.deadlines, which is listed" in said

    texts = {
        "gateway/errors.py": "class GatewayError(Exception):\n    pass\n",
        "gateway/cli/x.py": "from gateway.errors import GatewayError\n\n\n"
        "class UsageError(GatewayError):\n    pass\n",
    }
    assert problems(["gateway/errors.py"], texts) == []
