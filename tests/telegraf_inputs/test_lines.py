"""What comes over socat from a shell: lines that a stanza declares, and the numbers of an ADC; who speaks first, what is left out, and what is refused."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
import yaml

from telegraf_inputs import drivers, simulators, transports
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers.serial_lines import AskedSerialLines, SerialLines
from telegraf_inputs.drivers.tcp_lines import HeardTcpLines, TcpLines
from telegraf_inputs.errors import BadInput
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.parts.socat import Socat

PATIENCE = 30.0  # seconds until a test gives up
MEGA = """\
echo "Mega 2560 starts"
while read -r request; do
  case "$request" in
    v) echo "Mega 1.2" ;;
    a) echo "512,1023,7" ;;
    t) echo "nan" ;;
    h) echo "40,10" ;;
  esac
done
"""
SPEAKS = """\
while :; do printf 'Temperature: 21.50\\r\\n'; printf 'Humidity: 40.10\\r\\n'; sleep 0.05; done
"""
LIKE_MEGA = {
    "skip": ["Mega 2560 starts"],
    "fence": "v",
    "identity": "Mega 1",
    "channels": {
        "input": {"request": "a", "columns": ["a0", "a1", "-"], "read": {"adc": {"from": "a1", "unit": ""}}},
        "air": {"request": "t", "read": {"temperature": {"unit": "°C"}}},
        "moisture": {"request": "h", "read": {"humidity": {"unit": "%", "decimal_comma": True}}},
    },
}
FREQUENCY = {"request": "a", "pattern": r"(?P<f>\d{3}\.\d{12})", "read": {"f": {"unit": "THz", "scale": 1}}}


def made(driver: str, url: str, **keys) -> Instrument:
    example = yaml.safe_load(drivers.load(driver).example)
    checked = stanzas.check({**example, "connection": url, "timeout": "10s", "interval": "50ms", **keys})
    log: list[str] = []
    instrument = Instrument(checked, Stop(), lambda level, text: log.append(f"{level} {text}"))
    instrument.said = log
    return instrument


def read(instrument: Instrument, states=("ok",), at_least: int = 1) -> dict[tuple[str, str], object]:
    """Read until there are so many readings and the state is one of ``states``; returns the newest values."""
    newest: dict[tuple[str, str], object] = {}
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            for point in instrument.sample():
                if channel := point.tags.get("channel"):
                    newest |= {(channel, name): value for name, value in point.values.items()}
            if instrument.readings >= at_least and instrument.state in states:
                return newest
            assert time.monotonic() < deadline, (instrument.state, instrument.detail)
            instrument.stop.wait(0.02)
    finally:
        instrument.close()


@pytest.fixture
def socat(tmp_path):
    """Give a function that starts a shell's script behind socat."""
    running: list[Socat] = []

    def start(script: str, **how) -> str:
        running.append(Socat(tmp_path / f"socat{len(running)}", script, **how))
        return running[-1].url

    yield start
    for each in running:
        each.stop()


@pytest.mark.parametrize("driver", ["serial_lines", "tcp_lines"])
def test_a_shell_is_asked(socat, driver):
    url = socat(MEGA, serial=driver == "serial_lines")
    instrument = made(driver, url, **LIKE_MEGA)
    newest = read(instrument, ("degraded",), 2)
    assert instrument.stanza.identity == "Mega 1.2"
    assert (newest["input", "adc"], newest["moisture", "humidity"]) == (1023.0, 40.1)
    assert newest["air", "status"] == "no_reading" and ("air", "temperature") not in newest


@pytest.mark.parametrize("driver", ["serial_lines", "tcp_lines"])
def test_a_shell_speaks(socat, driver):
    url = socat(SPEAKS, serial=driver == "serial_lines")
    channels = yaml.safe_load(drivers.load("serial_lines").example)["channels"]
    keys = {"fence": None, "identity": None} if driver == "tcp_lines" else {}
    newest = read(made(driver, url, channels=channels, **keys), at_least=4)
    assert newest[("air", "temperature")] == 21.5 and newest["moisture", "humidity"] == 40.1


@pytest.mark.parametrize("rests", [True, False])
def test_a_line_that_may_have_no_beginning_is_none(rests):
    """What speaks without a rest may be in the middle of a line when it is opened: 1.50 may be the end of 21.50."""
    channels = {"air": {"columns": ["t", "h"], "read": {"t": {"unit": "°C"}, "h": {"unit": "%"}}}}
    source = SerialLines(
        stanzas.check({"name": "a", "driver": "serial_lines", "connection": "sim", "channels": channels})
    )
    link = transports.load("tcp").line(Url("tcp://h:1"), source.stanza.wire, 1.0, Stop())
    link.quiet = lambda seconds: rests
    assert source.hello(link) == ""
    first, second = ([r.values for r in source.heard("1.50,40.10", when)] for when in (1, 2))
    assert second == [{"t": 1.5, "h": 40.1}] and first == (second if rests else [])


def test_a_server_closes_after_each_answer_and_all_digits_survive(socat):
    url = socat("head -c1 >/dev/null; printf 384.230484468562\n")
    keys = {"closes": True, "wire": {"send": "none", "receive": "none"}, "fence": None, "identity": None}
    instrument = made("tcp_lines", url, channels={"laser": FREQUENCY}, **keys)
    assert read(instrument, at_least=3)["laser", "f"] == 384.230484468562
    assert instrument.reconnects == 0 and "f=384.230484468562" in _line(instrument)


@pytest.mark.parametrize("simulated", [False, True])
def test_a_server_that_speaks_whenever_it_is_called_is_not_asked(socat, simulated):
    keys = {"closes": True, "fence": None, "identity": None}
    channels = {"a": {"columns": ["t", "-"], "read": {"t": {"unit": "°C", "low": 0, "high": 42}}}}
    checked = stanzas.check(
        {**yaml.safe_load(drivers.load("tcp_lines").example), **keys, "channels": channels, "connection": "sim"}
    )
    simulator = simulators.start(checked) if simulated else None
    try:
        url = simulator.url if simulator else socat("printf '21.5;ok\\n' | tr ';' ,\n")
        instrument = made("tcp_lines", url, channels=channels, **keys)
        assert 20 < read(instrument, at_least=3)["a", "t"] < 30 and instrument.reconnects == 0
    finally:
        if simulator:
            simulator.stop()


def test_a_greeting_before_the_answer_says_nothing(socat):
    url = socat("printf 'wavemeter 1.3\\r\\n'; head -c1 >/dev/null; printf '384.230484468562\\r\\n'\n")
    keys = {"closes": True, "wire": {"send": "none"}, "fence": None, "identity": None, "skip": ["wavemeter .*"]}
    assert read(made("tcp_lines", url, channels={"laser": FREQUENCY}, **keys))["laser", "f"] == 384.230484468562


@pytest.mark.parametrize(("orderly", "state"), [(True, "ok"), (False, "disconnected")])
def test_a_connection_that_breaks_is_no_end_of_an_answer(orderly, state):
    """A server that dies in the middle resets it; what came until then may be the beginning of more."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        keys = {"closes": True, "wire": {"send": "none", "receive": "none"}, "fence": None, "identity": None}
        instrument = made("tcp_lines", url, channels={"laser": FREQUENCY}, **keys)

        def serve():
            client, _ = server.accept()
            client.recv(1)
            client.sendall(b"384.230484468562")
            if not orderly:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        own = instrument.sample()[-1].values
        thread.join()
        instrument.close()
    assert own["state"] == state and own["readings"] == (1 if orderly else 0), instrument.detail


@pytest.mark.parametrize(
    "pattern",
    [
        r"T=(?P<t>-?\d+\.\d\d|nan)",
        r"(?:at \d\d:\d\d )?t: +(?P<t>[-+0-9.]+) [^,]*, .+ok",
        r"<(?P<t>\S+)> (?:C|K)\w*[a-z]{2}",
        r"(?P<t>\d{2}) degrees",
        r"(?P<t>\d*\.?\d+)",
    ],
)
def test_what_has_no_example_is_simulated_by_its_pattern(pattern):
    channels = {"air": {"pattern": pattern, "read": {"t": {"unit": "°C", "low": 10, "high": 90}}}}
    checked = stanzas.check({"name": "a", "driver": "serial_lines", "connection": "sim", "channels": channels})
    simulator = simulators.start(checked, period=0.02)
    try:
        newest = read(made("serial_lines", simulator.url, channels=channels, skip=[]))
    finally:
        simulator.stop()
    low, high = simulator.bands()["air", "t"]
    assert low - 0.5 <= newest["air", "t"] <= high + 0.5


def test_what_no_line_can_be_made_for_can_not_be_simulated():
    example = yaml.safe_load(drivers.load("serial_lines").example)
    example["channels"]["air"] |= {"pattern": r"(?P<temperature>\d+)(?<=7)", "example": None}
    checked = stanzas.check({**example, "connection": "sim"})
    with pytest.raises(BadInput, match="channels.air.example: is missing"):
        simulators.start(checked)


def _line(instrument: Instrument) -> str:
    """Write the line protocol of the digits."""
    from telegraf_inputs.reading import Reading

    (channel,) = instrument.channels
    return instrument._maker.make(Reading(channel.id, {"f": 384.230484468562}, 1), channel)[0].line()


def test_it_is_let_rest_after_it_was_opened(monkeypatch):
    """An Arduino starts anew whenever its port is opened, and what it says then is not read."""
    end = transports.load("tcp").end()
    waits: list[float] = []
    try:
        checked = stanzas.check(
            {
                **yaml.safe_load(drivers.load("serial_lines").example),
                "connection": "serial:///dev/null",
                "wire": {"settle": "2s"},
            }
        )
        line = transports.load("tcp").line(Url(end.url), checked.wire, 5.0, Stop())
        monkeypatch.setattr(line, "pause", waits.append)
        line.open()
        line.close()
    finally:
        end.close()
    assert waits == [2.0]


def test_who_speaks_first_is_what_the_channels_say():
    def reader(driver, **keys):
        return stanzas.check({**yaml.safe_load(drivers.load(driver).example), **keys})

    channels = {"a": {"read": {"voltage": {"unit": "V"}}}}
    asked = {"a": {"request": "x", "read": {"voltage": {"unit": "V"}}}}
    none = {"fence": None, "identity": None}
    for stanza, kind, timeout in (
        (reader("serial_lines"), SerialLines, 10.0),
        (reader("serial_lines", channels=asked), AskedSerialLines, 2.0),
        (reader("tcp_lines"), TcpLines, 2.0),
        (reader("tcp_lines", channels=channels, **none), HeardTcpLines, 10.0),
        (reader("tcp_lines", channels=channels, timeout="3s", **none), HeardTcpLines, 3.0),
    ):
        assert stanza.driver is kind and stanza.timeout == timeout


VOLTAGE = {"voltage": {"unit": "V"}}


@pytest.mark.parametrize(
    ("keys", "path", "said"),
    [
        ({"channels": {"a": {"request": "x", "read": VOLTAGE}, "b": {"read": VOLTAGE}}}, "b.request", "is missing"),
        ({"channels": {"a": {"read": VOLTAGE}}}, "fence", "leave this out"),
        ({"identity": None}, "identity", "go together"),
        ({"closes": True}, "fence", "leave this out"),
        ({"closes": True, "channels": {"a": {"read": VOLTAGE}}}, "fence", "leave this out"),
        ({"skip": ["(a+)+$"]}, "skip[0]", "may take for ever"),
        ({"wire": {"receive": "none"}}, "coils.pattern", "may break off anywhere"),
        ({"a": {"columns": ["voltage", "voltage"], "read": VOLTAGE}}, "a.columns[1]", "another column already"),
        ({"a": {"columns": ["x", "y"], "read": VOLTAGE}}, "a.read.voltage", "known: x, y"),
        (
            {"a": {"columns": ["volt"], "read": {"v": {"unit": "V", "from": "vol"}}}},
            "read.v.from",
            "did you mean 'volt'",
        ),
        ({"a": {"pattern": "V: (.*)", "read": VOLTAGE}}, "a.read.voltage", "write (?P<voltage>…) around what is meant"),
        ({"a": {"pattern": "(?P<x>a", "read": VOLTAGE}}, "a.pattern", "no regular expression"),
        (
            {"a": {"pattern": "(?P<x>.*)(?P<y>.*)(?P<z>.*)(?P<u>.*).*", "read": VOLTAGE}},
            "a.pattern",
            "may take for ever",
        ),
        ({"a": {"pattern": "(?P<voltage>.+)", "columns": ["voltage"], "read": VOLTAGE}}, "a.columns", "leave this out"),
        ({"a": {"read": {**VOLTAGE, "current": {"unit": "A"}}}}, "a.read.voltage", "several quantities"),
        ({"a": {"example": "volts", "read": VOLTAGE}}, "a.example", "expected a number"),
        ({"a": {"separator": "", "columns": ["voltage"], "read": VOLTAGE}}, "a.separator", "is empty"),
        (
            {"a": {"columns": ["voltage"], "read": {"voltage": {"unit": "V", "decimal_comma": True}}}},
            "voltage.decimal_comma",
            "another separator",
        ),
        ({"a": {"request": "ü", "read": VOLTAGE}}, "a.request", "ASCII"),
    ],
)
def test_what_does_not_fit_together_is_refused(keys, path, said):
    example = yaml.safe_load(drivers.load("tcp_lines").example)
    if "a" in keys:
        keys = {"channels": {"a": {"request": "x", **keys["a"]}}}
    with pytest.raises(BadInput) as refused:
        stanzas.check({**example, **keys})
    assert path in str(refused.value) and said in str(refused.value), str(refused.value)


def test_numbers_that_come_in_pieces_are_whole(socat):
    """TCP promises no more than the order; the sketch writes byte by byte."""
    pieces = "".join(f"printf '\\{n >> 8:03o}'; sleep 0.01; printf '\\{n & 255:03o}'; " for n in range(2037, 2049))
    url = socat(f"head -c1 >/dev/null; {pieces}\n")
    channels = {f"A{n}": {} for n in range(12)}
    newest = read(made("arduino_adc", url, channels=channels), at_least=12)
    assert [newest[f"A{n}", "voltage"] for n in range(12)] == [n / 4096 * 3.25 for n in range(2037, 2049)]
