"""A runner never outlives those it works for."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1
_EXIT_HUNG = 70
_POLL_SECONDS = 1.0


def die_with_parent(parent_pid: int) -> None:
    """On Linux the kernel kills this process when its parent ends; elsewhere a thread looks once a second.
    (The closed connection ends it too, but only between two steps.)"""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:
            # It ended before the kernel was asked.
            os._exit(_EXIT_HUNG)
    else:
        threading.Thread(target=_watch_parent, args=(parent_pid,), name="parent-watch", daemon=True).start()


def exit_unless_done(seconds: float) -> None:
    """Ends the process the hard way if it is still there after `seconds`: a thread may be stuck in native code."""
    timer = threading.Timer(seconds, os._exit, (_EXIT_HUNG,))
    timer.daemon = True
    timer.start()


def _watch_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_POLL_SECONDS)
    os._exit(_EXIT_HUNG)
