"""A Modbus server, on TCP or a serial line: pymodbus, with holding registers that a test fills in."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import struct
import threading
import tty

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from labline.stack import ports

from .background import Background

ATTEMPTS, PATIENCE = 3, 8.0  # seconds


class Plant(Background):
    """Serves the registers and coils of unit 1; ``start`` again after ``stop``. What is not filled in is an illegal address.

    While it ``refuses``, it answers each question that it is busy.
    """

    def __init__(self, registers: dict[int, int], coils: dict[int, bool]):
        self.port = ports.free(1)[0]
        self.registers, self.coils = registers, coils
        self.refuses = False
        super().__init__()

    async def _serve(self) -> None:
        async def holding(
            function: int, start: int, address: int, count: int, current: list[int], to_set: object
        ) -> ExcCodes | None:
            if self.refuses:
                return ExcCodes.DEVICE_BUSY
            for offset in range(len(current)):
                current[offset] = self.registers.get(start + offset, current[offset])
            return None

        bits = [SimData(number, values=[on], datatype=DataType.BITS) for number, on in sorted(self.coils.items())]
        words = [
            SimData(number, values=[value], datatype=DataType.REGISTERS)
            for number, value in sorted(self.registers.items())
        ]
        one = [SimData(0, values=[0], datatype=DataType.REGISTERS)]
        device = SimDevice(1, simdata=(bits, bits, words, one), action=holding)
        for _ in range(ATTEMPTS):
            self._server = self._made(device)
            try:
                return await asyncio.wait_for(self._server.serve_forever(background=True), PATIENCE)
            except TimeoutError:  # somebody else took the port meanwhile; it would be waited for, for ever
                await self._server.shutdown()
                self.port = ports.free(1)[0]
        raise AssertionError("no port could be had")

    def _made(self, device: SimDevice) -> ModbusTcpServer | ModbusSerialServer:
        return ModbusTcpServer(device, address=("127.0.0.1", self.port))

    async def _end(self) -> None:
        await self._server.shutdown()


class SerialPlant(Plant):
    """Serves the same by RTU at one end of a serial line, 19200 8E1; ``line.other`` is the end for whoever asks."""

    def __init__(self, registers: dict[int, int], coils: dict[int, bool]):
        self.line = SerialLine()
        super().__init__(registers, coils)

    def _made(self, device: SimDevice) -> ModbusSerialServer:
        return ModbusSerialServer(device, framer=FramerType.RTU, port=self.line.one, baudrate=19200)

    def stop(self) -> None:
        super().stop()
        self.line.close()


class SerialLine:
    """A line between two pseudo-terminals, whose ends are ``one`` and ``other``."""

    def __init__(self) -> None:
        self._pairs = pty.openpty(), pty.openpty()
        for _, theirs in self._pairs:
            tty.setraw(theirs)
        self.one, self.other = (os.ttyname(theirs) for _, theirs in self._pairs)
        self._end = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True, name="serial line")
        self._thread.start()

    def _carry(self) -> None:
        one, other = (ours for ours, _ in self._pairs)
        while self._end[0] not in (ready := select.select([one, other, self._end[0]], [], [])[0]):
            for end in ready:
                os.write(other if end == one else one, os.read(end, 4096))

    def close(self) -> None:
        """Take it away."""
        os.write(self._end[1], b"!")
        self._thread.join()
        for fd in (*self._end, *(fd for pair in self._pairs for fd in pair)):
            os.close(fd)


def swapped(value: float) -> tuple[int, int]:
    """Give the two registers of a float32 whose bytes are in network order, and whose words are not (CDAB)."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high
