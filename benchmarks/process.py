"""What Linux says of a process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Taken:
    """What a process has, now."""

    resident_mb: float
    """Memory, in MB (10**6 bytes)."""
    most_mb: float
    """The most that it ever was."""
    threads: int

    @classmethod
    def by(cls, pid: int) -> Taken:
        """By the process of that number."""
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        now, most = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
        return cls(now, most, int(fields["Threads"]))


def cpu_seconds(pid: int) -> float:
    """What it has computed for so far, in all its threads, to the microsecond."""
    # The clock of another process: its number and CPUCLOCK_SCHED, as in clock_getcpuclockid(3) of Linux.
    return time.clock_gettime(~pid << 3 | 2)


def descriptors(pid: int) -> int:
    """How many files, pipes and sockets it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
