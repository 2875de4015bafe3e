"""`python -m gateway` for tests that go on where a mutation has been answered.

A mutation's answer waits for the workers, but no longer than 250 ms: on a busy machine a worker, or
the control process itself, may take longer, and the next request gets what was there before. Here
the answer waits as long as tests have patience; nothing else differs.
"""

from __future__ import annotations

import sys
from typing import Final

from gateway import app
from gateway.cli import main
from gateway.control import live, publisher
from gateway.control.main import main as control

ANSWER_SECONDS: Final = 30.0
"""Less than AWS's clients wait for an answer."""

_gateway_s_own = app._command


def _command(module: str) -> tuple[str, ...]:
    return _gateway_s_own("tests.patient_gateway" if module == "gateway.control.main" else module)


if __name__ == "__main__":
    if "--boot" in sys.argv:
        for module, name in ((live, "WAIT_SECONDS"), (publisher, "ACKNOWLEDGE_SECONDS")):
            assert name in vars(module)
            setattr(module, name, ANSWER_SECONDS)
        sys.exit(control(sys.argv[1:]))
    vars(app)["_command"] = _command
    sys.exit(main())
