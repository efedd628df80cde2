"""Runs programs with a deadline: the distribution's own (update-grub, dracut, ...), and those that tell something."""

from __future__ import annotations

import subprocess

from busway.domain.errors import HostError

_PATIENCE = 600.0  # seconds; an initramfs for each of several kernels takes minutes


def run_program(command: tuple[str, ...]) -> None:
    """Runs a program to its end; `HostError` with its last words when it fails."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(command, str(error)) from error
    if done.returncode != 0:
        raise _failed(command, (done.stderr.strip() or done.stdout.strip())[-500:])


def _failed(command: tuple[str, ...], words: str) -> HostError:
    name = " ".join(command)
    return HostError(
        f"`{name}` failed",
        detail=words,
        remedy=f"Run `{name}` by hand and fix the problem that it reports.",
        code="program-failed",
    )


def ask_program(command: tuple[str, ...], patience: float = 10.0) -> str:
    """What a program that only tells something prints; "" when it is absent, fails, or takes too long.

    A program that hangs inside the kernel, as nvidia-smi does on a sick card, can't be ended and is left behind.
    """
    try:
        program = subprocess.Popen(list(command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return ""
    try:
        output, _ = program.communicate(timeout=patience)
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        program.kill()
        return ""
    return output if program.returncode == 0 else ""
