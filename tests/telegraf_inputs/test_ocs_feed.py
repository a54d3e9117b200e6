"""Agents of OCS, read from a real router (crossbar) to which OCS' own FakeDataAgent publishes."""

from __future__ import annotations

import functools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telegraf_inputs import simulators
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.drivers import _wamp, ocs_feed
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected, Mistakes, NoAnswer
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.stop import Stop
from tests.parts.ocs import AGENT, TICKET, USER, FakeDataAgent, Router

PATIENCE = 120.0  # seconds until a test gives up; never reached where all is well
FEED = "false_temperatures"
WORDS = ["data", "timestamps", "timestamp", "a"]


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    started = Router(tmp_path_factory.mktemp("crossbar"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def agent(router, tmp_path_factory):
    started = FakeDataAgent(tmp_path_factory.mktemp("agent"), router)
    yield started
    started.stop()


@pytest.fixture(scope="module")
def ticket(tmp_path_factory):
    file = tmp_path_factory.mktemp("secrets") / "bus"
    file.write_text(f"{TICKET}\n")
    return {"user": USER, "password_file": str(file)}


class Reader:
    """An instrument that reads the agent."""

    def __init__(self, connection, **keys):
        stanza = {"name": "x", "driver": "ocs_feed", "connection": connection, "agent": AGENT, "interval": "1s", **keys}
        self.logged: list[str] = []
        self.said: list[bytes] = []
        self.points = []
        self.instrument = Instrument(
            stanzas.check(stanza),
            Stop(),
            lambda level, text: self.logged.append(f"{level} {text}"),
            lambda direction, data: self.said.append(data),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.instrument.close()

    def until(self, good, what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not good():
            *points, _ = self.instrument.sample()
            self.points += points
            told = f"{self.instrument.state}, {self.logged}, {[p.line() for p in self.points[-5:]]}"
            assert time.monotonic() < until, f"waited for {what}; it is {told}"
            self.instrument.stop.wait(0.05)

    def until_state(self, state: str) -> None:
        self.until(lambda: self.instrument.state == state, f"state {state}")

    def of(self, measurement: str, channel: str = "") -> list:
        """List the points of a channel."""
        start = f"{measurement},"
        return [p for p in self.points if p.line().startswith(start) and f"channel={channel}" in p.line()]


def test_every_sample_of_a_block_is_there_with_its_own_time(router, agent):
    with Reader(router.url) as reader:
        reader.until(lambda: len(reader.of("ocs_feed", "channel_01")) > 20, "samples")
        reader.until(lambda: reader.of("ocs_agent", "acq"), "a heartbeat")
        for channel in ("channel_00", "channel_01"):
            times = [p.timestamp for p in reader.of("ocs_feed", channel)]
            assert times == sorted(set(times)), "each of its own"
            apart = sorted(later - earlier for earlier, later in zip(times, times[1:], strict=False))
            assert apart[len(apart) // 2] == pytest.approx(1e8, rel=0.2), "ns, by the agent's clock: ten a second"
        assert {p.values["state"] for p in reader.of("ocs_agent", "acq")} == {3}
        assert all(f"feed={FEED}," in p.line() for p in reader.of("ocs_feed"))
        assert reader.instrument.state == "ok" and reader.instrument.discarded == 0
        assert all(abs(p.timestamp - time.time_ns()) < 120e9 for p in reader.points)


def test_what_is_named_has_its_quantity_and_the_rest_is_found(router, agent):
    channels = {"plate": {"read": {"temperature": {"field": "channel_00", "unit": "K", "feed": FEED}}}}
    with Reader(router.url, channels=channels, feeds=[FEED]) as reader:
        reader.until(lambda: reader.of("ocs_feed", "plate") and reader.of("ocs_feed", "channel_01"), "both")
        assert all(0 < p.values["temperature"] < 1000 for p in reader.of("ocs_feed", "plate"))
        assert not reader.of("ocs_feed", "channel_00")
        reader.until(lambda: reader.of("ocs_agent"), "the heartbeat, whatever the feeds")


def test_tls_and_a_ticket_let_us_in_and_nobody_sees_it(router, agent, ticket):
    with Reader(router.tls_url, **ticket) as reader:
        reader.until(lambda: reader.of("ocs_feed"), "samples")
        seen = [*reader.logged, *map(str, reader.said), *(p.line() for p in reader.points)]
        assert seen and not [each for each in seen if TICKET in each]


def test_who_is_refused_is_told_why(router, ticket, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong-secret")
    for connection, keys, state, said in (
        (router.tls_url, {**ticket, "password_file": str(wrong)}, "refused", "not_authorized"),
        (router.tls_url, {}, "refused", "user and password_file"),
        (router.url, {"realm": "nowhere"}, "refused", "no_such_realm"),
        (router.tls_url.partition("?")[0], ticket, "disconnected", "certificate"),
        (router.url.replace("/ws", "/elsewhere"), {}, "disconnected", "is the path right?"),
        (router.url.replace("ws:", "wss:"), {"timeout": "1s"}, "disconnected", "handshake"),
        (router.tls_url, {**ticket, "address": "lab"}, "refused", "lab.fake-data1.feeds. may not be subscribed to"),
        (router.tls_url, {**ticket, "password_file": str(tmp_path / "none")}, "failed", "can't read"),
    ):
        with Reader(connection, **{"timeout": "10s", **keys}) as reader:
            reader.until(lambda: reader.instrument.state != "starting", "an end")
            assert reader.instrument.state == state and said in reader.logged[0], (keys, reader.logged)
            assert "wrong-secret" not in str(reader.logged + reader.said)


def test_an_agent_that_is_not_there_is_told(router):
    with Reader(router.url, timeout="300ms", agent="nobody") as reader:
        reader.until_state("silent")
        assert "does agent 'nobody' run" in reader.logged[-1]


def test_an_agent_that_dies_a_router_that_stops_and_all_comes_back(router, agent, monkeypatch):
    monkeypatch.setattr(ocs_feed, "BEATS_SECONDS", 3.0)
    with Reader(router.url) as reader:
        reader.until(lambda: reader.of("ocs_agent", "acq"), "a heartbeat")
        agent.stop()
        reader.until_state("silent")
        assert f"agent '{AGENT}' is gone" in reader.logged[-1], "the connection stands, and the router is well"
        router.stop()
        reader.until_state("disconnected")
        router.start()
        agent.start()
        before = len(reader.of("ocs_feed"))
        reader.until(lambda: len(reader.of("ocs_feed")) > before and reader.instrument.state == "ok", "samples again")


class Flood:
    """A way to a router that tells of everything but the subscription."""

    def __init__(self):
        self.told = 0

    def send(self, text: str) -> None:
        pass

    def receive(self) -> str:
        self.told += 1
        return f"[{_wamp.EVENT}, 1, {self.told}, {{}}, []]"


def test_a_subscription_that_is_never_confirmed_is_not_waited_for_without_end():
    with pytest.raises(NoAnswer, match="asked to hear lab, 10001 other messages came"):
        _wamp.subscribe(Flood(), "lab")


def test_who_comes_again_hears_nothing_before_it_subscribes():
    """Of a simulator: what the client before had subscribed to is not said to the next one."""
    stanza = {"name": "x", "driver": "ocs_feed", "connection": "sim", "agent": AGENT, "channels": {"a": None}}
    simulator = simulators.start(stanzas.check(stanza), period=0.002)
    try:
        for _ in range(10):
            with Reader(simulator.url, channels={"a": None}) as reader:
                reader.until(lambda: reader.instrument.state != "starting", "an answer")  # noqa: B023
                assert reader.instrument.state == "ok", reader.logged
    finally:
        simulator.stop()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
BLOCKS = st.dictionaries(
    st.text(max_size=3), st.fixed_dictionaries({"data": JSON | st.dictionaries(st.sampled_from("ab"), st.lists(JSON, max_size=3)), "timestamps": JSON | st.lists(st.integers() | st.floats(), max_size=3)}),
    max_size=2,
)  # fmt: skip
MESSAGES = st.tuples(
    st.just(36), st.integers(), st.integers(), st.fixed_dictionaries({"topic": st.just("t")}),
    st.tuples(st.tuples(JSON | BLOCKS, st.fixed_dictionaries({"feed_name": st.sampled_from(["f", "heartbeat"]), "record": JSON}))),
)  # fmt: skip


@functools.cache
def stanza_of(kind: str):
    keys = {"connection": "ws://h:1/ws", "agent": "a", "channels": {"a": {"read": {"a": {"unit": "", "type": kind}}}}}
    return stanzas.check({"name": "x", "driver": "ocs_feed", **keys})


@given(JSON | MESSAGES, st.sampled_from(["float", "int", "bool", "str"]))
def test_whatever_comes_is_read_or_refused(content, kind):
    source = ocs_feed.OcsFeed(stanza_of(kind))
    try:
        readings = list(source.heard(json.dumps(content), 1))
    except (BadAnswer, Disconnected):
        return
    assert all(isinstance(reading.time_ns, int) for reading in readings)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"connection": "ws://h/ws"}, "must name a host and a port"),
        ({"connection": "ws://h:1/ws?ca=x"}, "found the option 'ca'"),
        ({"connection": "wss://h:1/ws?ca=x.pem"}, "the whole path"),
        ({"connection": "tcp://h:1"}, "can't be reached by tcp"),
        ({"agent": None}, "is missing"),
        ({"agent": "a b"}, "without spaces"),
        ({"feeds": [1]}, "names of feeds"),
        ({"user": "lab"}, "both user and password_file"),
        ({"password_file": "/x"}, "both user and password_file"),
        ({"channels": {"a": {"read": {"t": {"unit": "K", "field": "b"}}}, "b": None}}, "reads the same field as"),
    ],
)
def test_what_can_not_be_read_is_refused(keys, said):
    stanza = {"name": "x", "driver": "ocs_feed", "connection": "ws://h:1/ws", "agent": "a", **keys}
    with pytest.raises((BadInput, Mistakes), match=said):
        stanzas.check(stanza)
