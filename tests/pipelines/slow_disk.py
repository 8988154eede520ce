"""toonctl on a disk that takes its time, so that a test can interrupt it between two files."""

import os
import sys
import time

from toonctl.cli import main

SYNC_S = 0.05
_sync = os.fsync


def slow_sync(descriptor: int) -> None:
    time.sleep(SYNC_S)
    _sync(descriptor)


if __name__ == "__main__":
    os.fsync = slow_sync
    sys.exit(main())
