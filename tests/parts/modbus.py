"""A Modbus TCP server: pymodbus, with holding registers that a test fills in."""

from __future__ import annotations

import struct

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from labline.stack import ports

from .background import Background


class Plant(Background):
    """Serves the registers and coils of unit 1; ``start`` again after ``stop``. What is not filled in is an illegal address."""

    def __init__(self, registers: dict[int, int], coils: dict[int, bool]):
        self.port = ports.free(1)[0]
        self.registers, self.coils = registers, coils
        super().__init__()

    async def _serve(self) -> None:
        async def holding(
            function: int, start: int, address: int, count: int, current: list[int], to_set: object
        ) -> None:
            for offset in range(len(current)):
                current[offset] = self.registers.get(start + offset, current[offset])

        bits = [SimData(number, values=[on], datatype=DataType.BITS) for number, on in sorted(self.coils.items())]
        words = [
            SimData(number, values=[value], datatype=DataType.REGISTERS)
            for number, value in sorted(self.registers.items())
        ]
        one = [SimData(0, values=[0], datatype=DataType.REGISTERS)]
        device = SimDevice(1, simdata=(bits, bits, words, one), action=holding)
        self._server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)

    async def _end(self) -> None:
        await self._server.shutdown()


def swapped(value: float) -> tuple[int, int]:
    """Give the two registers of a float32 whose bytes are in network order, and whose words are not (CDAB)."""
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return low, high
