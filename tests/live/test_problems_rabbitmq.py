"""A RabbitMQ that is short of memory blocks who publishes; that is found, and cleared."""

import pytest

from tests.live.test_problems import OPTIONS
from tests.live.watching import Watched
from tests.services import Dashboard

pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.xdist_group("rabbit")]


def test_a_memory_alarm_is_told_until_it_is_over(rabbit, tmp_path):
    options = (*OPTIONS, f"--broker_api={rabbit.management_url}", "--problem_broker_blocks=0.5")
    dashboard = Dashboard(tmp_path, rabbit.url, options=options)
    rabbit.control("set_vm_memory_high_watermark", "0.00001")
    try:
        watched = Watched(dashboard.start())
        evidence = watched.sees("broker-blocks")["evidence"]
        rabbit.control("set_vm_memory_high_watermark", "0.4")
        watched.clears("broker-blocks")
    finally:
        rabbit.control("set_vm_memory_high_watermark", "0.4")
        dashboard.stop()

    assert "is short of memory" in evidence["reason"]
