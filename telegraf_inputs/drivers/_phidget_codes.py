"""What the Phidget22 library says by numbers: return codes (ErrorCode) and error events (ErrorEventCode), in our words.

Source: phidget22.h; Phidget22 API reference, C.
"""

from __future__ import annotations

# Return codes that say why there is no value, and what error events mean.
NOT_ATTACHED, UNSUPPORTED = 52, 20
NO_VALUE = {
    51: "unknown",
    60: "over_range",
    61: "under_range",
    62: "bad_power",
    65: "bad_current",
    66: "bad_connection",
}
FINE = 0x1000
EVENTS = {
    1: "bad_version",
    2: "busy",
    3: "network",
    5: "failure",
    0x1004: "wrapped",
    0x1005: "over_temperature",
    0x1006: "over_current",
    0x1007: "out_of_range",
    0x1008: "bad_power",
    0x1009: "saturated",
    0x100B: "over_voltage",
    0x100C: "failsafe",
    0x100D: "voltage_error",
    0x1010: "invalid_state",
    0x1011: "bad_connection",
    0x1012: "over_range",
    0x1013: "under_range",
    0x1014: "fault",
    0x1016: "bad_current",
}
# Queue full, overrun, packet lost: these tell of readings that were lost on the way, not that the next one is wrong.
LOST = (4, 0x1002, 0x1003)
