"""What Telegraf's log says of its outputs; the lines are those of Telegraf 1.39.3, before InfluxDB 1.6.7 or nobody."""

from __future__ import annotations

from datetime import datetime

import pytest

from labline.live.telegraf_log import TelegrafLog

DATABASE = "[outputs.influxdb::database]"
DROPPED = f"E! {DATABASE} E! [outputs.influxdb] Failed to write metric (will be dropped: "
CONFLICT = (
    'partial write: field type conflict: input field "x" on measurement "m" is type float, already exists as type'
)


@pytest.fixture
def log(tmp_path):
    """Write lines, with the seconds of a minute at which they came, and give the log."""

    def written(*lines: tuple[int, str], since: str = "09:00:00") -> TelegrafLog:
        file = tmp_path / "telegraf.log"
        file.write_text("".join(f"2026-11-28T09:05:{seconds:02}Z {text}\n" for seconds, text in lines))
        return TelegrafLog(file, since=datetime.fromisoformat(f"2026-11-28T{since}Z").timestamp())

    return written


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            f"{DROPPED}400 Bad Request): {CONFLICT} integer dropped=20",
            "The database refused 20 points, at CLOCK: field type conflict: "
            'input field "x" on measurement "m" is type float, already exists as type integer. A field keeps its type',
        ),
        (
            f"{DROPPED}401 Unauthorized): authorization failed",
            "The database refused all that Telegraf wrote, at CLOCK: authorization failed. Is its password",
        ),
        (
            f'E! {DATABASE} When writing to [http://127.0.0.1:46289]: 404 Not Found: database not found: "other"',
            'The database refused all that Telegraf wrote, at CLOCK: database not found: "other". labline apply',
        ),
        (
            f"E! {DATABASE} When writing to [http://h:1]: received error retention policy not found: other",
            "The database refused all that Telegraf wrote, at CLOCK: retention policy not found: other. labline apply",
        ),
        (
            f"W! {DATABASE} When writing to [http://h:1]: received error partial write: points beyond retention policy dropped=1",
            "The database refused 1 point, at CLOCK: points beyond retention policy. Their time is longer ago",
        ),
        (
            f"W! {DATABASE} Metric buffer overflow; 40 metrics have been dropped",
            "Telegraf dropped 40 points for the database, at CLOCK: its buffer was full. It could not write",
        ),
        (
            f'E! {DATABASE} When writing to [http://h:9]: failed doing req: Post "http://h:9/write?db=lab&rp=raw": '
            "dial tcp 127.0.0.1:9: connect: connection refused",
            "Telegraf can't write to the database since CLOCK, and tries again: dial tcp 127.0.0.1:9: connect: connection",
        ),
        (
            f"E! {DATABASE} When writing to [http://h:9]: 500 Internal Server Error: engine: error writing WAL entry: "
            "write /w/_00001.wal: no space left on device",
            "Telegraf can't write to the database since CLOCK, and tries again: engine: error writing WAL entry: "
            "write /w/_00001.wal: no space left on device. Free some space",
        ),
        (
            "E! [agent] Error writing to outputs.file::journal: failed to write message: write /j/r.lp: no space left on device",
            "Telegraf can't write to the journal since CLOCK, and tries again: failed to write message",
        ),
    ],
)
def test_a_line_is_told_with_its_reason_and_what_to_do(log, line, said):
    (trouble,) = log((8, line)).troubles()
    clock = datetime.fromtimestamp(trouble.first).strftime("%H:%M:%S")
    assert trouble.line().startswith(said.replace("CLOCK", clock))


def test_what_is_said_again_is_one_trouble_with_a_sum(log):
    conflict = f"{DROPPED}400 Bad Request): {CONFLICT} integer dropped="
    refused = f"{DROPPED}401 Unauthorized): authorization failed"
    found = log((1, f"{conflict}20"), (2, f"{conflict}19"), (3, refused), (9, f"{conflict}1")).troubles()
    assert [(trouble.points, trouble.last - trouble.first) for trouble in found] == [(40, 8.0), (0, 0.0)]


def test_what_is_over_is_not_told(log):
    away = f'E! {DATABASE} When writing to [http://h:9]: failed doing req: Post "http://h:9": connection refused'
    also = "E! [agent] Error writing to outputs.influxdb::database: could not write any address"
    found = log((1, away), (1, also), (2, away), (40, away), (41, away))
    (trouble,) = found.troubles()
    assert (trouble.last - trouble.first, trouble.lost) == (1.0, False)  # in between it went well
    assert trouble.to_tell(trouble.last + 5) and not trouble.to_tell(trouble.last + 30)
    (lost,) = log((1, f"{DROPPED}401 Unauthorized): authorization failed")).troubles()
    assert lost.to_tell(lost.last + 300) and not lost.to_tell(lost.last + 3600)


def test_an_earlier_run_says_nothing_about_this_one(log):
    lines = (1, f"{DROPPED}401 Unauthorized): authorization failed"), (1, "E! [inputs.execd::a] [a] silent: no answer")
    assert log(*lines).troubles() and log(*lines).details()
    later = log(*lines, since="09:05:02")
    assert not later.troubles() and not later.details()


def test_other_lines_are_no_trouble(log):
    found = log(
        (1, "I! [agent] Hang on, flushing any cached metrics before shutdown"),
        (2, f"I! {DATABASE} something"),
        (3, "W! Strict environment variable handling is the new default starting with v1.38.0!"),
        (4, "W! [agent] The default value of something will change"),
    )
    assert not found.troubles()
