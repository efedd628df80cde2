"""What the kernel remembers of connections: read, forgotten, and remembered again. Run in a network namespace of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace

from busway.domain.connection import ESTABLISHED, TCP, UDP, from_words, to_words
from busway.networking.conntrack import list_connections, replace_connections

HERE, PORT = "127.0.0.1", 7000
# Answers of the port pass, and what seems to be opened by it does not: as for a guest whose groups let nothing in.
RULES = """
table inet t { counter refused { }
chain in { type filter hook input priority 0; tcp sport 7000 ct direction original counter name refused drop; }
}"""


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["nft", "-f", "-"], input=RULES.encode(), check=True)
    for family, address in ((socket.AF_INET, HERE), (socket.AF_INET6, "::1")):
        answers_pass_again(family, address)
    others_are_left_alone()
    print("all is well")


def answers_pass_again(family: socket.AddressFamily, address: str) -> None:
    """An answer that comes first is refused by a host that has not seen its question, and passes on one that was told of it."""
    listening = socket.create_server((address, PORT), family=family)
    mine = socket.create_connection((address, PORT))
    far, _ = listening.accept()
    far.sendall(b"hello")
    assert mine.recv(5) == b"hello"
    [known] = [each for each in list_connections({address}) if each.protocol == TCP]
    assert (known.source, known.source_port) == mine.getsockname()[:2], known
    assert (known.target, known.target_port, known.state) == (address, PORT, ESTABLISHED), known
    told = from_words(json.loads(json.dumps(to_words([known]))))
    assert told == (known,), told

    replace_connections({address}, ())
    assert not list_connections({address})
    before = refused()
    far.sendall(b"answer")
    until("refusal", lambda: refused() > before)
    replace_connections({address}, told)
    mine.settimeout(60)
    assert mine.recv(6) == b"answer"
    [again] = list_connections({address})
    assert replace(again, seconds=0) == replace(known, seconds=0), (again, known)
    replace_connections({address}, told)  # once more is the same
    far.sendall(b"more")
    assert mine.recv(4) == b"more"
    for each in (mine, far, listening):
        each.close()
    replace_connections({address}, ())


def others_are_left_alone() -> None:
    """Connections of other addresses stay; one that has none of the guest's is not taken over."""
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.2", 5000))
    one.sendto(b"x", ("127.0.0.3", 5001))
    [other] = list_connections({"127.0.0.3"})
    assert (other.protocol, other.answered) == (UDP, False), other
    replace_connections({"127.0.0.9"}, [other, replace(other, source="127.0.0.9", answered=True)])
    assert list_connections({"127.0.0.3"})[0].source in ("127.0.0.2", "127.0.0.9")
    assert len(list_connections({"127.0.0.2"})) == 1
    assert [each.source for each in list_connections({"127.0.0.9"})] == ["127.0.0.9"]


def refused() -> int:
    said = subprocess.run(["nft", "-j", "list", "counters"], capture_output=True, check=True).stdout
    return sum(each["counter"]["packets"] for each in json.loads(said)["nftables"] if "counter" in each)


def until(what: str, is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"no {what}"
        time.sleep(0.05)


if __name__ == "__main__":
    main()
