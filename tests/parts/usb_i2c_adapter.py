"""A CP2112, an I²C adapter at USB, with a converter MCP3424 on its bus: made of the kernel's uhid, on the computer whose kernel is tried.

``python3 usb_i2c_adapter.py CODE…``: what the converter makes of its inputs. It is there until the program ends: that pulls it out.
Source: Linux, include/uapi/linux/uhid.h; Silicon Labs AN495; Microchip DS22088C.
"""

from __future__ import annotations

import os
import struct
import sys
import time

CREATE, OUTPUT, GET, GET_REPLY, INPUT, SET, SET_REPLY = 11, 6, 9, 10, 12, 13, 14  # events of uhid
LONGEST = 4096  # bytes of a report, in an event
USB, MAKER, PRODUCT = 3, 0x10C4, 0xEA90
# Of its reports the kernel wants to know those that it sends by itself: what was read, and how a transfer is.
READ, STATUS = 0x13, 0x16
DESCRIPTOR = b"\x06\x00\xff\x09\x01\xa1\x01\x15\x00\x26\xff\x00\x75\x08"
DESCRIPTOR += b"".join(bytes((0x85, number, 0x95, 63, 0x09, 0x01, 0x81, 0x02)) for number in (READ, STATUS)) + b"\xc0"
FEATURES = {5: b"\x05\x0c\x03", 6: bytes((6, *13 * (0,))), 0x20: b"\x20\x00", 2: bytes((2, 0, 0, 0, 0)), 3: b"\x03\x00"}
READ_REQUEST, WRITE_READ_REQUEST, SEND_READ, WRITE_REQUEST, STATUS_REQUEST = 0x10, 0x11, 0x12, 0x14, 0x15
COMPLETE, FAILED, NOBODY, DONE = 2, 3, 0, 5
ADDRESS, READY, SECONDS = 0x68, 0x80, 0.27  # a conversion's


def main(codes: list[int]) -> None:
    """Plug it in, and answer the kernel."""
    uhid = os.open("/dev/uhid", os.O_RDWR)
    about = struct.pack("<128s64s64sHHIIII", b"CP2112", b"", b"", len(DESCRIPTOR), USB, MAKER, PRODUCT, 0, 0)
    os.write(uhid, struct.pack("<I", CREATE) + about + DESCRIPTOR.ljust(LONGEST, b"\0"))
    settings, began, read, status = 0, 0.0, b"", b""
    while True:
        event = os.read(uhid, 4 + LONGEST + 300)
        kind, said = struct.unpack_from("<I", event)[0], event[4:]
        if kind == GET:
            number, report = struct.unpack_from("<IB", said)
            found = FEATURES.get(report, b"")
            answer = struct.pack("<IHH", number, 0 if found else 5, len(found)) + found
            os.write(uhid, struct.pack("<I", GET_REPLY) + answer)
        elif kind == SET:
            os.write(uhid, struct.pack("<IIH", SET_REPLY, struct.unpack_from("<I", said)[0], 0))
        elif kind == OUTPUT:
            report, address = said[0], said[1] >> 1
            if report in (READ_REQUEST, WRITE_READ_REQUEST, WRITE_REQUEST):
                status = bytes((STATUS, COMPLETE, DONE)) if address == ADDRESS else bytes((STATUS, FAILED, NOBODY))
                read, sent = b"", said[3:4] if report == WRITE_REQUEST else said[5:6]
            if report == WRITE_REQUEST and address == ADDRESS and sent[0] & READY:
                settings, began = sent[0] & ~READY, time.monotonic()
            elif report in (READ_REQUEST, WRITE_READ_REQUEST) and address == ADDRESS:
                busy = READY if time.monotonic() < began + SECONDS else 0
                code = codes[min(settings >> 5 & 3, len(codes) - 1)]
                read = (code.to_bytes(3, "big", signed=True) + bytes((settings | busy,)))[: said[2] << 8 | said[3]]
            if report == STATUS_REQUEST:
                tell(uhid, status + struct.pack(">HH", 0, len(read)))
            elif report == SEND_READ:
                tell(uhid, bytes((READ, COMPLETE, len(read))) + read)


def tell(uhid: int, report: bytes) -> None:
    """Send a report to the kernel."""
    os.write(uhid, struct.pack("<IH", INPUT, len(report)) + report)


if __name__ == "__main__":
    main([int(code) for code in sys.argv[1:]])
