"""What Telegraf measures of the machine and of itself: the fields that are stored, shown and downsampled."""

from __future__ import annotations

from telegraf_inputs.declare import Quantity


def _count(name: str, description: str) -> Quantity:
    return Quantity(name, "", description, type="int", count=True)


# Only these fields are stored: the plugins deliver many more, which would cost a small machine more than readings do.
HOST: dict[str, tuple[Quantity, ...]] = {
    "cpu": (
        Quantity("usage_idle", "%", "Processor time without work", 0, 100),
        Quantity("usage_user", "%", "Processor time in programs", 0, 100),
        Quantity("usage_system", "%", "Processor time in the kernel", 0, 100),
        Quantity("usage_iowait", "%", "Processor time waiting for disks", 0, 100),
    ),
    "mem": (
        Quantity("used_percent", "%", "Memory in use", 0, 100),
        Quantity("available_percent", "%", "Memory that programs can still have", 0, 100),
        Quantity("available", "B", "Memory that programs can still have", 0, type="int"),
        Quantity("swap_free", "B", "Swap space that is free", 0, type="int"),
        Quantity("swap_total", "B", "Swap space", 0, type="int"),
    ),
    "disk": (
        Quantity("used_percent", "%", "Disk space in use", 0, 100),
        Quantity("free", "B", "Disk space that is free", 0, type="int"),
        Quantity("inodes_free", "", "Files that can still be made", 0, type="int"),
    ),
    "net": (
        Quantity("bytes_recv", "B", "Received since the machine started", 0, type="int"),
        Quantity("bytes_sent", "B", "Sent since the machine started", 0, type="int"),
        Quantity("err_in", "", "Receive errors since the machine started", 0, type="int"),
        Quantity("err_out", "", "Send errors since the machine started", 0, type="int"),
    ),
    "system": (
        Quantity("load1", "", "Programs that want to run, mean of 1 min", 0),
        Quantity("load5", "", "Programs that want to run, mean of 5 min", 0),
        Quantity("uptime", "s", "Time since the machine started", 0, type="int"),
    ),
    "temp": (Quantity("temp", "°C", "Temperature of a sensor of the machine"),),
}

OUTPUT = "internal_write"  # what Telegraf says of its outputs

TELEGRAF: dict[str, tuple[Quantity, ...]] = {
    "internal_agent": (
        _count("gather_errors", "Inputs that failed, since Telegraf started"),
        _count("metrics_gathered", "Points taken in, since Telegraf started"),
        _count("metrics_written", "Points written, since Telegraf started"),
        _count("metrics_dropped", "Points dropped because a buffer was full, since Telegraf started"),
    ),
    "internal_gather": (
        _count("metrics_gathered", "Points taken in from one input, since Telegraf started"),
        _count("errors", "Errors of one input, since Telegraf started"),
        _count("gather_errors", "Times that one input failed, since Telegraf started"),
    ),
    OUTPUT: (
        _count("buffer_size", "Points that wait to be written"),
        _count("buffer_limit", "Points that can wait"),
        _count("metrics_written", "Points written by one output, since Telegraf started"),
        _count("metrics_dropped", "Points dropped by one output, since Telegraf started"),
        _count("errors", "Errors of one output, since Telegraf started: also points that InfluxDB refused"),
        _count("write_time_ns", "Time that the last write took, in ns"),
    ),
}

# Of a proxy that nodes write through, as each of them sees it.
CERTIFICATE = "x509_cert"
PROXY: dict[str, tuple[Quantity, ...]] = {
    CERTIFICATE: (Quantity("expiry", "s", "Time until the certificate of the proxy ends", type="int"),),
}

DELIVERY = "delivery"
NO_REASON = "none"  # its tag `why`, while all is well
# Whether what a node reads is taken, by output (labline/live/canary.py).
LINE: dict[str, tuple[Quantity, ...]] = {
    DELIVERY: (
        _count(
            "failing", "1 while an output does not take what is read, or a point of labline's own is not found again"
        ),
        Quantity("reason", "", "Why, in words; nothing while all is well", type="str"),
    ),
}

ALL = HOST | TELEGRAF | PROXY

# The measurement in which every instrument tells about itself (telegraf_inputs/instrument.py).
INSTRUMENT: tuple[Quantity, ...] = (
    _count("up", "1 while the instrument answers, 0 while it does not"),
    Quantity("read_seconds", "s", "Time that one cycle of reading took", 0),
    _count("errors", "Failed cycles and channels, since the program started"),
    _count("reconnects", "Connections after the first, since the program started"),
    _count("overruns", "Cycles left out because the one before took too long, since the program started"),
    _count("dropped", "Readings dropped because Telegraf did not take them, since the program started"),
    _count("discarded", "Readings that were not believed, came twice or had no place, since the program started"),
    _count("readings", "Readings made, since the program started"),
    Quantity("paused", "s", "Time that is left of a pause, while its port is free for other programs", type="int"),
    Quantity("state", "", "ok, or what is wrong", type="str"),
)

# Beside them, of an instrument whose channels are looked at for spikes.
SPIKES = _count("spikes", "Readings that were taken for spikes, since the program started")

# Of a node whose Telegraf is there, the newest of these is no older than this (s): it tells of itself each ten seconds.
ALIVE, ALIVE_SECONDS = ("internal_agent", "metrics_gathered"), 30
