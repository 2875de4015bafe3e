"""How pages are read and run, so that no line of a guide is left out unseen."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.console import Example, Shell, examples, matches, python_session, reader_environment

PAGE = r"""# A page

```
$ is no command here
```

```console
$ one
first

second
$ two \
    --more \
    --most
$ three
```

Text.

```pycon
>>> 1 + 1
2
>>> def twice(number):
...     return 2 * number
```

```console
$ four
fourth
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path, reader_environment())


def test_commands_of_a_page_are_told_with_their_answers_and_lines(page: Path) -> None:
    assert examples(page) == [
        Example("one", "first\n\nsecond\n", 8),
        Example("two \\\n    --more \\\n    --most", "", 12),
        Example("three", "", 15),
        Example("four", "fourth\n", 28),
    ]


def test_a_python_session_keeps_the_lines_of_its_page(page: Path) -> None:
    found = doctest.DocTestParser().get_examples(python_session(page))

    assert [(each.lineno + 1, each.want) for each in found] == [(21, "2\n"), (23, "")]


@pytest.mark.parametrize(
    ("answer", "expected", "is_match"),
    [
        ("200 ok\n", "200 ok", True),
        ("200 okay", "200 ok", False),
        ("id 7 made", "id … made", True),
        ("one\ntwo\nthree", "one…", True),
        ("", "…", True),
        ("anything", "", False),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
    ],
)
def test_an_answer_is_the_expected_one_but_for_what_is_left_open(
    answer: str, expected: str, is_match: bool
) -> None:
    assert matches(answer, expected) is is_match


def test_a_shell_keeps_what_a_command_sets(shell: Shell) -> None:
    assert shell.run('name="it\'s\n\\$HOME"; export OTHER=2') == ""

    assert shell.run("printf '%s|%s' \"$name\" $OTHER") == "it's\n$HOME|2"


def test_a_shell_tells_what_goes_wrong(shell: Shell) -> None:
    assert shell.run("echo fine; echo wrong >&2; false") == "fine\nwrong\n"
    assert "yntax" in shell.run("name=$(unfinished")


def test_metrics_are_read_until_they_are_what_is_expected(shell: Shell) -> None:
    command = "cat count; echo . >>count; : /metrics"
    shell.run("touch count")

    assert shell.answer(command, ".\n.") == ".\n.\n"
    assert shell.answer("cat count; echo . >>count", ".") == ".\n.\n.\n"


def test_a_reader_has_configured_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("STAGEGATE_LISTEN", ":1")
    monkeypatch.setenv("https_proxy", "http://proxy.example")

    assert {"AWS_PROFILE", "STAGEGATE_LISTEN", "https_proxy"}.isdisjoint(reader_environment())
