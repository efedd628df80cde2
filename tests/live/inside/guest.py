"""A guest of one sector: it counts the ticks of its clock, keeps the count on its disk, and prints it on its serial port.

It has no system that could notice that it goes on elsewhere. A count that goes on from where it was has its memory, its disk and its clock.
"""

from __future__ import annotations

from pathlib import Path

SECTOR = 512


def image(path: Path, megabytes: int = 16) -> None:
    """Writes its disk.

    Each turn waits for a tick of the BIOS's clock (18.2 a second), adds one to the count, writes it into the second sector, and
    prints it as four hexadecimal digits and a line end.
    """
    code = bytearray(bytes.fromhex("fa31c08ed88ec08ed0bc007cfb"))  # cli; ds = es = ss = 0; sp = 7c00; sti
    code += bytes.fromhex("88160070")  # mov [7000], dl: the drive
    code += bytes.fromhex("b8e30031d2cd14")  # the serial port: 9600 8N1
    code += bytes.fromhex("c70602700000")  # mov word [7002], 0: the count
    wait = len(code)
    code += bytes.fromhex("b400cd1a")  # ticks in cx:dx
    code += bytes.fromhex("3b160470")  # cmp dx, [7004]
    code += b"\x74" + _back(wait, len(code) + 2)
    code += bytes.fromhex("89160470")  # mov [7004], dx
    code += bytes.fromhex("ff060270")  # inc word [7002]
    code += bytes.fromhex("be1070")  # mov si, 7010: the address packet
    for place, value in enumerate((0x0010, 0x0001, 0x7002, 0x0000, 0x0001, 0x0000, 0x0000, 0x0000)):
        code += bytes.fromhex("c706") + (0x7010 + 2 * place).to_bytes(2, "little") + value.to_bytes(2, "little")
    code += bytes.fromhex("b80043 8a160070 cd13".replace(" ", ""))  # extended write of one sector from 7002 to sector 1
    for shift in (12, 8, 4, 0):
        code += bytes.fromhex("a10270")  # mov ax, [7002]
        code += bytes.fromhex("c1e8") + bytes([shift])  # shr ax, shift
        code += bytes.fromhex("240f 0430 3c39 7602 0407".replace(" ", ""))  # to a digit
        code += bytes.fromhex("b401 31d2 cd14".replace(" ", ""))
    for sign in (0x0D, 0x0A):
        code += b"\xb0" + bytes([sign]) + bytes.fromhex("b40131d2cd14")
    code += b"\xe9" + (wait - (len(code) + 3)).to_bytes(2, "little", signed=True)
    assert len(code) <= 510
    path.write_bytes(bytes(code).ljust(510, b"\0") + b"\x55\xaa")
    with path.open("r+b") as file:
        file.truncate(megabytes << 20)


def _back(target: int, after: int) -> bytes:
    return (target - after).to_bytes(1, "little", signed=True)
