"""The child's side of the leash: run one command, and stop when standard input closes.

The demo holds the other end of the pipe. However it ends, `kill -9` too, the pipe closes and no
child is left behind (architecture 2). Started as `python -m node.cli.demo.leash COMMAND …`; the
same command started by hand has no leash and stops on SIGTERM only.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

GRACE_S = 8.0
"""How long the command may take to stop in good order once the pipe is closed."""


def hold() -> None:
    """Watch standard input on a thread of its own; at its end ask this process to stop."""
    threading.Thread(target=_watch, name="leash", daemon=True).start()


def _watch() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    hold()
    if "YUANPING_PROFILE" in os.environ:
        from node.adapters.profiler import start_if_asked

        start_if_asked(sys.argv[1])
    from node.cli.main import run

    run()
