"""Run a command that ends when its parent does: `python -m deploy.tether SIGNAL USER_ID PARENT_ID command ...`.

The kernel sends the signal when the parent dies, however it dies; Linux only, elsewhere the command just runs. Done
here, in a process of its own between fork and exec, because the parent has threads and may run nothing in between.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the user, tie this process to its parent, and become the command."""
    signal_name, user_id, parent_id, *command = sys.argv[1:]
    if int(user_id) != os.geteuid():
        os.setgroups([])
        os.setgid(int(user_id))
        os.setuid(int(user_id))
    if sys.platform == "linux":  # after the change of user, which unties
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.Signals[signal_name])
    if os.getppid() == int(parent_id):  # otherwise it died before this, and nobody will send the signal
        os.execvp(command[0], command)  # noqa: S606 -- becoming the command is the purpose


if __name__ == "__main__":
    main()
