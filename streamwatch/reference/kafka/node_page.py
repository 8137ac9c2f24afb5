"""What the node exporter of a broker serves (port 11002 on MSK): the model's volumes and network, this host's rest."""

import os
import shutil
from typing import Final

from streamwatch.reference.http import Asked, HttpAnswer
from streamwatch.reference.kafka.exposition import ExpositionText
from streamwatch.reference.kafka.host import cpu_seconds, disks, memory
from streamwatch.reference.kafka.site import Site

_SEGMENT_BYTES: Final = 1448
"""Of a full packet: so many packets are reckoned from bytes."""


def node_page(site: Site, number: int, asked: Asked) -> HttpAnswer:  # noqa: ARG001 - whatever the path
    """Return the page of the host of a broker."""
    text, broker, measures = ExpositionText(typed=True), site.cluster.brokers[number], site.measures[number]
    root = shutil.disk_usage("/")
    _filesystem(text, "/", "/dev/root", root.total, root.free)
    for i, volume in enumerate(broker.dirs):
        _filesystem(text, volume.path, f"/dev/kafka{i}", volume.capacity, volume.free)
    for way, size, dropped in (
        ("receive", measures.network_bytes_in, measures.dropped_in),
        ("transmit", measures.network_bytes_out, measures.dropped_out),
    ):
        text.add(f"node_network_{way}_bytes_total", size, device="eth0")
        text.add(f"node_network_{way}_packets_total", -(-size // _SEGMENT_BYTES), device="eth0")
        text.add(f"node_network_{way}_drop_total", dropped, device="eth0")
        text.add(f"node_network_{way}_errs_total", 0, device="eth0")
    for cpu, mode, seconds in cpu_seconds():
        text.add("node_cpu_seconds_total", seconds, cpu=cpu, mode=mode)
    for name, size in memory():
        text.add(f"node_memory_{name}_bytes", size)
    for device, read, written, busy in disks():
        text.add("node_disk_read_bytes_total", read, device=device)
        text.add("node_disk_written_bytes_total", written, device=device)
        text.add("node_disk_io_time_seconds_total", busy, device=device)
    text.add("node_load1", os.getloadavg()[0])
    text.add("node_time_seconds", site.clock())
    text.add("node_boot_time_seconds", measures.started)
    return HttpAnswer(text.page(), "text/plain; version=0.0.4; charset=utf-8")


def _filesystem(text: ExpositionText, mount: str, device: str, total: int, free: int) -> None:
    labels = {"device": device, "fstype": "ext4", "mountpoint": mount}
    text.add("node_filesystem_size_bytes", total, **labels)
    text.add("node_filesystem_free_bytes", free, **labels)
    text.add("node_filesystem_avail_bytes", free, **labels)
