"""Tells a certificate that is not believed from a peer that is merely away."""

from __future__ import annotations

import ssl


def distrust(error: BaseException) -> str:
    """Why a peer's certificate was not believed, found among the causes of an error; "" when it is about something else."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen.verify_message or str(seen)
        seen = seen.__cause__ or seen.__context__
    return ""
