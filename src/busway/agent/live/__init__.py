"""Live migration between two agents: a tunnel of TLS 1.3, through which libvirt and QEMU of both hosts speak with each other.

Entry point: `moves.LiveMoves`. The target's agent listens as long as a guest is on its way to it (`listener`), and the source's connects
(`dialer`). libvirt and QEMU know Unix sockets only, and nothing of theirs listens on a network.
"""
