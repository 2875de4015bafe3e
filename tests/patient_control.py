"""The control process of `tests.patient_gateway`."""

from __future__ import annotations

import sys
from typing import Final

from gateway.control import live, publisher
from gateway.control.main import main

ANSWER_SECONDS: Final = 30.0
"""Less than AWS's clients wait for an answer."""

if __name__ == "__main__":
    for module, name in ((live, "WAIT_SECONDS"), (publisher, "ACKNOWLEDGE_SECONDS")):
        assert name in vars(module)
        setattr(module, name, ANSWER_SECONDS)
    sys.exit(main(sys.argv[1:]))
