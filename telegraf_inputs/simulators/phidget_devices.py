"""What simulated Phidgets are: the devices, and of each class what a channel says of itself and how its readings look on the wire.

Source: the native library itself (its format strings), and what it attaches to. Every sensor class is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

HUB, HUB_SERIAL, HUB_PORTS = "HUB0000", 700000, 6
# name -> (type, product or VINT number, version, device number, {class: how many channels}), the classes in the library's order
DEVICES: dict[str, tuple[str, int, int, int, dict[str, int]]] = {
    HUB: ("USB", 63, 110, 64, {}),
    "TMP1101": ("VINT", 21, 110, 89, {"TemperatureSensor": 5, "VoltageInput": 4}),
    "TMP1200": ("VINT", 16, 110, 90, {"TemperatureSensor": 1, "ResistanceInput": 1}),
    "HUM1000": ("VINT", 20, 110, 69, {"HumiditySensor": 1, "TemperatureSensor": 1}),
    "PRE1000": ("VINT", 17, 110, 79, {"PressureSensor": 1}),
    "LUX1000": ("VINT", 33, 110, 72, {"LightSensor": 1}),
    "SND1000": ("VINT", 35, 110, 85, {"SoundSensor": 1}),
    "DST1000": ("VINT", 45, 110, 58, {"DistanceSensor": 1}),
    "DAQ1400": ("VINT", 34, 110, 55, {"VoltageInput": 1, "CurrentInput": 1, "DigitalInput": 1, "FrequencyCounter": 1}),
    "DAQ1500": ("VINT", 24, 110, 56, {"VoltageRatioInput": 2}),
    "DAQ1000": ("VINT", 50, 110, 51, {"VoltageRatioInput": 8, "VoltageInput": 8}),
    "DAQ1200": ("VINT", 28, 110, 52, {"DigitalInput": 4}),
    "ADP1000": ("VINT", 29, 110, 49, {"PHSensor": 1, "VoltageInput": 1}),
    "HIN1000": ("VINT", 36, 110, 61, {"CapacitiveTouch": 7}),
    "ENC1000": ("VINT", 18, 110, 60, {"Encoder": 1}),
    "MOT1101": ("VINT", 52, 110, 74, {"Accelerometer": 1, "Gyroscope": 1, "Magnetometer": 1, "Spatial": 1}),
    "VCP1000": ("VINT", 53, 110, 92, {"VoltageInput": 1}),
    "1048": ("USB", 50, 100, 26, {"TemperatureSensor": 5, "VoltageInput": 4}),
    "1045": ("USB", 60, 100, 23, {"TemperatureSensor": 2}),
    "1018": ("USB", 69, 900, 6, {"VoltageInput": 8, "VoltageRatioInput": 8, "DigitalInput": 8}),
    "1046": ("USB", 59, 102, 24, {"VoltageRatioInput": 4}),
    "1047": ("USB", 79, 100, 25, {"Encoder": 4, "DigitalInput": 4}),
    "1054": ("USB", 53, 100, 30, {"FrequencyCounter": 2}),
    "1044": ("USB", 51, 500, 22, {"Accelerometer": 1, "Gyroscope": 1, "Magnetometer": 1, "Spatial": 1}),
    "1040": ("USB", 121, 0, 18, {"GPS": 1}),
    "1024": ("USB", 52, 100, 14, {"RFID": 1}),
    "1058": ("USB", 116, 100, 35, {"VoltageInput": 1, "PHSensor": 1}),
    "1015": ("USB", 118, 0, 10, {"CapacitiveTouch": 1}),
}
PORT_MODES = {
    "DigitalInput": ("DIGITALINPUT_PORT", 1, 110, 95),
    "VoltageInput": ("VOLTAGEINPUT_PORT", 3, 110, 97),
    "VoltageRatioInput": ("VOLTAGERATIOINPUT_PORT", 4, 110, 98),
}


def description(
    name: str, phid: int, serial: int, *, parent: int = 0, hub_port: int = 0, port_mode: str = ""
) -> dict[str, Any]:
    """Describe one device as a network server announces it."""
    if port_mode:
        label, number, version, device = PORT_MODES[port_mode]
        kind = "VINT"
    else:
        kind, number, version, device, _ = DEVICES[name]
        label = name
    vint = kind == "VINT"
    result: dict[str, Any] = {
        "type": kind,
        "phid": phid,
        "parent": parent,
        "vendorID": 0 if vint else 0x06C2,
        "productID": 0 if vint else number,
        "interfaceNum": 0,
        "version": version,
        "serialNumber": serial,
        "label": "",
        "index": 0,
        "deviceID": device,
        "vintID": number if vint else 0,
        "hubPort": hub_port,
        "isHubPort": int(bool(port_mode)),
        "name": label,
        "desc": f"simulated {label}",
        "fwstr": "",
    }
    if vint:
        result |= {"vintProto": 1, "suppSetSpeed": 0, "maxSpeed": 100000, "commSpeed": 100000}
    elif name == HUB:
        result["hubPortsInfo"] = {
            "portProto": [1] * HUB_PORTS,
            "portSuppSetSpeed": [0] * HUB_PORTS,
            "portMaxSpeed": [100000] * HUB_PORTS,
        }
    return result


UNKNOWN: dict[str, Any] = {
    "d": 0x7FFFFFFF,
    "u": 0xFFFFFFFF,
    "g": 1e300,
    "l": 0x7FFFFFFFFFFFFFFF,
    "ul": 0xFFFFFFFFFFFFFFFF,
    "s": "",
}
SAMPLED = "dataInterval:u~=250,20,60000 dataIntervalDbl:g=250 minDataRate:g=0.016 maxDataRate:g=50 "


@dataclass(frozen=True)
class SimulatedClass:
    """One class: its number and version, what a channel says of itself on opening, and its main event.

    ``status`` is words ``name:type=value``; with ``~`` also its minimum and maximum. ``@n`` is the present reading number n.
    ``event`` is (packet number, types of its entries); ``signals`` are (center, swing, noise), one a reading.
    """

    number: int
    version: int
    status: str
    event: tuple[int, str]
    signals: tuple[tuple[float, float, float], ...]


def model(
    number: int, version: int, status: str, event: tuple[int, str], *signals: tuple[float, float, float]
) -> SimulatedClass:
    return SimulatedClass(number, version, status, event, signals)


# fmt: off
MODELS = {
    "Accelerometer": model(1, 4, SAMPLED + "acceleration:G~=@0,-8,8 accelerationChangeTrigger:g~=0,0,8 axisCount:d=3 heatingEnabled:d precision:d "
                           "timestamp:g=0", (1, "Gg"), (0.0, 0.02, 0.002), (0.0, 0.02, 0.002), (1.0, 0.01, 0.002)),
    "CapacitiveTouch": model(14, 3, SAMPLED + "sensitivity:g~=0.5,0,1 isTouched:d=0 touchValue:g~=,0,1 touchValueChangeTrigger:g~=0,0,0.5",
                             (96, "g"), (0.5, 0.4, 0.01)),
    "CurrentInput": model(2, 1, SAMPLED + "current:g~=@0,0,0.02 currentChangeTrigger:g~=0,0,0.016 powerSupply:d=2", (8, "g"),
                          (0.005, 0.0002, 0.00001)),
    "DigitalInput": model(5, 0, "dataAdapterVoltage:d inputMode:d=1 powerSupply:d=2 state:d=@0", (90, "d"), (0.0, 1.0, 0.0)),
    "DistanceSensor": model(7, 2, SAMPLED + "amplitudes:U distances:U count:u=0 distance:u~=@0,0,200 distanceChangeTrigger:u~=0,0,200 "
                            "sonarQuietMode:d=1", (12, "u"), (60, 3, 0.3)),
    "Encoder": model(8, 2, SAMPLED + "enabled:d=1 indexPosition:l IOMode:d=1 position:l=@0 positionChangeTrigger:u~=0,0,100", (29, "dgcd"),
                     (0.0, 50.0, 1.0)),
    "FrequencyCounter": model(9, 3, "totalTicksSinceLastCount:g=0 frequencyPrecision:u=6 count:ul=0 " + SAMPLED + "enabled:d=1 filterType:d=1 "
                              "frequency:g=@0 maxFrequency:g=1000000 frequencyCutoff:g~=1,0.1,100 inputMode:d=1 powerSupply:d=2 timeElapsed:g=0",
                              (21, "gug"), (50.0, 0.5, 0.02)),
    "GPS": model(10, 0, "altitude:g=@2 heading:g=@3 latitude:g=@0 longitude:g=@1 positionFixState:d=1 velocity:g=@4", (29, "ggg"),
                 (51.0447, 0.00001, 0.000002), (-114.0719, 0.00001, 0.000002), (1045.0, 2.0, 0.3), (180.0, 90.0, 1.0), (0.3, 0.2, 0.05)),
    "Gyroscope": model(12, 4, SAMPLED + "angularRate:G~=@0,-2000,2000 axisCount:d=3 heatingEnabled:d precision:d timestamp:g=0", (2, "Gg"),
                       (0.0, 0.5, 0.05), (0.0, 0.5, 0.05), (0.0, 0.5, 0.05)),
    "HumiditySensor": model(15, 1, SAMPLED + "humidity:g~=@0,0,100 humidityChangeTrigger:g~=0,0,100", (22, "g"), (45.0, 0.8, 0.05)),
    "LightSensor": model(17, 1, SAMPLED + "illuminance:g~=@0,0,131000 illuminanceChangeTrigger:g~=0,0,131000", (23, "g"), (300.0, 100.0, 1.0)),
    "Magnetometer": model(18, 3, SAMPLED + "axisCount:d=3 heatingEnabled:d magneticField:G~=@0,-8,8 magneticFieldChangeTrigger:g~=0,0,8 "
                          "timestamp:g=0", (18, "Gg"), (0.2, 0.01, 0.001), (0.0, 0.01, 0.001), (0.45, 0.01, 0.001)),
    "PHSensor": model(37, 1, SAMPLED + "correctionTemperature:g~=25,0,100 PH:g~=@0,0,14 PHChangeTrigger:g~=0,0,14", (133, "g"), (5.0, 0.05, 0.005)),
    "PressureSensor": model(21, 1, SAMPLED + "pressure:g~=@0,50,110 pressureChangeTrigger:g~=0,0,60", (31, "g"), (101.3, 0.5, 0.005)),
    "ResistanceInput": model(23, 1, SAMPLED + "resistance:g~=@0,0,19000 resistanceChangeTrigger:g~=0,0,19000 RTDWireSetup:d=1", (36, "g"),
                             (108.0, 0.5, 0.005)),
    "RFID": model(24, 1, "lastTagString:s lastTagMemorySize:u=0 lastTagUserMemorySize:u=0 lastTagNDEFMemorySize:u=0 antennaEnabled:d=1 "
                  "tagPresent:d=0", (92, "sd")),
    "SoundSensor": model(25, 2, "lastdB:g=@0 " + SAMPLED + "dB:g=@0 dBA:g=@1 dBC:g=@2 maxdB:g=102 noiseFloor:g=34 octaves:G=@3 "
                         "SPLChangeTrigger:g~=0,0,102 SPLRange:d=1", (11, "gggG"), (52.0, 3.0, 0.5), (48.0, 3.0, 0.5), (50.0, 3.0, 0.5),
                         *((40.0 - i, 3.0, 0.5) for i in range(10))),
    "Spatial": model(26, 7, "minAcceleration:G=-8 maxAcceleration:G=8 algorithm:d=0 algorithmMagnetometerGain:g=0.005 minAngularRate:G=-2000 "
                     "maxAngularRate:G=2000 " + SAMPLED + "heatingEnabled:d minMagneticField:G=-8 maxMagneticField:G=8 precision:d",
                     (89, "GGGg"), (0.0, 0.02, 0.002), (0.0, 0.02, 0.002), (1.0, 0.01, 0.002), (0.0, 0.5, 0.05), (0.0, 0.5, 0.05),
                     (0.0, 0.5, 0.05), (0.2, 0.01, 0.001), (0.0, 0.01, 0.001), (0.45, 0.01, 0.001)),
    "TemperatureSensor": model(28, 1, SAMPLED + "RTDType:d RTDWireSetup:d temperature:g~=@0,-270,1372 temperatureChangeTrigger:g~=0,0,1640 "
                               "thermocoupleType:d=2", (95, "g"), (23.0, 1.0, 0.02)),
    "VoltageInput": model(29, 1, SAMPLED + "powerSupply:d sensorType:d=0 sensorValue:g sensorValueChangeTrigger:g=0 voltage:g~=@0,-40,40 "
                          "voltageChangeTrigger:g~=0,0,40 voltageRange:d", (101, "g"), (1.5, 0.05, 0.001)),
    "VoltageRatioInput": model(31, 1, "bridgeEnabled:d=1 bridgeGain:d=1 " + SAMPLED + "sensorType:d=0 sensorValue:g sensorValueChangeTrigger:g=0 "
                               "voltageRatio:g~=@0,-1,1 voltageRatioChangeTrigger:g~=0,0,1", (102, "g"), (0.1, 0.005, 0.0001)),
}
# fmt: on
