"""`python -m gateway` for tests that go on where a mutation has been answered.

A mutation's answer waits for the workers, but no longer than 250 ms: on a busy machine a worker, or
the control process itself, may take longer, and the next request gets what was there before. Here
the answer waits as long as tests have patience; nothing else differs.
"""

from __future__ import annotations

import sys

from gateway import app
from gateway.cli import main

_gateway_s_own = app._command


def _command(module: str) -> tuple[str, ...]:
    return _gateway_s_own(module.replace("gateway.control.main", "tests.patient_control"))


if __name__ == "__main__":
    vars(app)["_command"] = _command
    sys.exit(main())
