"""A sender in a process of its own, told line by line what to do."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from core.account import AccountKey, Environment
from core.clock import SystemClock
from core.errors import Refused
from core.lease import Lease

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ACCOUNT = AccountKey("binance", Environment.MAINNET, "api.binance.com", "42")


class Sender:
    """The process, seen from a test."""

    def __init__(self, folder: Path, command: str = "trader stage 2") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.core.lease_process", str(folder), command],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def ask(self, what: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(what, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        assert answer, f"the sender died of {what!r}"
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Suspend it, as a closed laptop or a hung disk would; return when it is suspended."""
        self.process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self.pid}/stat")
        while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "T":
            pass

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.go_on()
        self.process.kill()
        self.process.communicate()


def serve(folder: Path, command: str) -> None:
    lease = Lease(folder, ACCOUNT, command=command, clock=SystemClock())
    with ExitStack() as stack:
        request = ExitStack()
        for line in sys.stdin:
            match line.strip():
                case "acquire":
                    try:
                        stack.enter_context(lease.acquired())
                        answer = f"token {lease.token}"
                    except Refused as refused:
                        answer = f"{refused.code} {refused.details['pid']}"
                case "take over":
                    stack.enter_context(lease.taken_over())
                    answer = f"token {lease.token}"
                case "begin":
                    request.enter_context(lease.request())
                    answer = f"held {lease.is_held()}"
                case "finish":
                    request.close()
                    answer = "finished"
                case "why":
                    answer = lease.why_not_held()
                case _:
                    answer = f"held {lease.is_held()}"
            print(answer, flush=True)  # noqa: T201 - the answer to the test


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
