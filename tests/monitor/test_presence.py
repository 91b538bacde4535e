"""Who is online, who left, who fell silent: recorded sequences of events under a clock of ours."""

import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.state.presence import BUSY_S, GONE_S, LISTEN_S, Presence
from flower_ng.monitor.state.reach import Reach
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Worker

BEGAN = 1_000_000.0
FREQ_S = 2.0


class Cluster:
    """Real state; what the connection does is told."""

    def __init__(self, purge_after_s=None):
        self.now = BEGAN + 3600
        self.state = ClusterState(clock=lambda: self.now)
        self.connection = ConnectionState(connected=True, since=BEGAN, began=BEGAN)
        self.last_reach = None
        self.solos = set()
        self.presence = Presence(
            self.state,
            lambda: self.connection,
            purge_after_s,
            lambda: self.now,
            self.reach,
            self.solos.__contains__,
        )

    def reach(self):
        return self.last_reach or Reach(self.now)

    def hear(self, *names, kind="worker-heartbeat"):
        for name in names:
            event = {"type": kind, "hostname": name, "timestamp": self.now, "freq": FREQ_S}
            self.state.event(event)

    def happen(self, kind, host, at):
        """Let something happen to a task on a worker."""
        self.state.event({"type": f"task-{kind}", "hostname": host, "timestamp": at, "uuid": "u"})

    def statuses(self):
        return self.presence.table()

    def booleans(self):
        workers = self.state.workers.values()
        return {one.hostname: self.presence.is_online(one) for one in workers}

    def cut_off(self):
        self.connection = ConnectionState(
            connected=False, since=self.now, why="refused", began=self.connection.began
        )

    def reconnect(self):
        self.connection = ConnectionState(connected=True, since=self.now, began=self.now)


@pytest.fixture
def cluster():
    return Cluster()


def test_who_beats_is_online_who_said_goodbye_left_and_who_did_not_is_silent(cluster):
    cluster.hear("quiet@box")
    cluster.now += 60
    cluster.hear("up@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")

    assert cluster.statuses() == {"quiet@box": "silent", "up@box": "online", "down@box": "left"}
    assert cluster.presence.silent_s(cluster.state.workers["quiet@box"]) == 60


def test_who_said_goodbye_has_left_although_its_last_tasks_end_later(cluster):
    cluster.hear("a@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")
    said_at = cluster.now
    cluster.now += 5
    last = [("started", said_at - 3), ("succeeded", said_at + 5), ("received", said_at - 4)]
    for kind, at in last:
        cluster.happen(kind, "down@box", at)

    assert cluster.statuses()["down@box"] == "left"
    assert cluster.booleans()["down@box"] is False


def test_who_said_goodbye_before_a_restart_has_left_although_its_last_task_ends_after(cluster):
    cluster.state.restore([Worker("a@box", heard_at=cluster.now)], {})
    cluster.now += 5
    cluster.happen("succeeded", "a@box", cluster.now)

    assert cluster.statuses() == {"a@box": "left"}


@pytest.mark.parametrize("kind", ["worker-online", "worker-heartbeat", "task-received"])
def test_who_said_goodbye_and_was_started_again_is_online(cluster, kind):
    cluster.hear("a@box")
    cluster.hear("a@box", kind="worker-offline")
    cluster.now += 5
    cluster.state.event({"type": kind, "hostname": "a@box", "timestamp": cluster.now, "uuid": "u"})
    cluster.happen("started", "a@box", cluster.now)

    assert cluster.statuses() == {"a@box": "online"}


def test_who_is_silent_for_a_day_is_gone_and_who_left_has_left_for_good(cluster):
    cluster.hear("dead@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")
    cluster.now += GONE_S

    assert cluster.statuses() == {"dead@box": "gone", "down@box": "left"}


def test_a_restart_knows_nobody_until_it_has_listened_for_long_enough(cluster):
    cluster.hear("a@box", "b@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")
    cluster.now += 600
    cluster.reconnect()

    assert cluster.statuses() == {"a@box": "unknown", "b@box": "unknown", "down@box": "left"}
    assert cluster.booleans() == {"a@box": True, "b@box": True, "down@box": False}

    cluster.now += 2
    cluster.hear("a@box")
    assert cluster.statuses()["a@box"] == "online"

    cluster.now += LISTEN_S
    assert cluster.statuses()["b@box"] == "silent"
    assert cluster.presence.silent_s(cluster.state.workers["b@box"]) == LISTEN_S + 2


def test_before_the_first_connection_nobody_is_known(cluster):
    cluster.state.restore([Worker("a@box", heartbeats=(cluster.now,), heard_at=cluster.now)], {})
    cluster.connection = ConnectionState(connected=False, since=cluster.now)
    cluster.now += 3600

    assert cluster.statuses() == {"a@box": "unknown"}


def test_while_nothing_can_be_heard_all_is_as_it_was(cluster):
    cluster.hear("quiet@box")
    cluster.now += 60
    cluster.hear("a@box", "b@box")
    cluster.last_reach = Reach(cluster.now)
    cluster.now += 16  # as long as it takes to notice that the connection is dead
    assert cluster.statuses() == {"quiet@box": "silent", "a@box": "online", "b@box": "online"}
    cluster.cut_off()
    cluster.now += 7200

    assert cluster.statuses() == {"quiet@box": "silent", "a@box": "online", "b@box": "online"}
    assert cluster.presence.at == cluster.now - 7200 - 16
    assert not cluster.presence.is_current


def test_a_pause_of_the_broker_counts_as_silence_of_nobody_who_was_online_when_it_began(cluster):
    cluster.hear("quiet@box")
    cluster.now += 60
    cluster.hear("a@box", "b@box")
    paused_at = cluster.now
    cluster.now += 9
    cluster.last_reach = Reach(cluster.now, paused_at, cluster.now)

    assert cluster.statuses() == {"quiet@box": "silent", "a@box": "online", "b@box": "online"}

    resumed_at = cluster.now
    cluster.now += LISTEN_S
    cluster.hear("a@box")
    cluster.last_reach = Reach(cluster.now, paused_at, resumed_at)
    assert cluster.statuses() == {"quiet@box": "silent", "b@box": "silent", "a@box": "online"}
    assert cluster.presence.silent_s(cluster.state.workers["b@box"]) == LISTEN_S


def test_a_silent_solo_worker_may_be_busy_for_an_hour_and_nobody_is_asked_to_know():
    cluster = Cluster(purge_after_s=60)
    cluster.solos.add("solo@box")
    cluster.hear("solo@box", "other@box")
    cluster.hear("solo@box")
    cluster.now += 59

    assert cluster.statuses() == {"other@box": "silent", "solo@box": "busy"}
    assert cluster.booleans() == {"other@box": False, "solo@box": True}
    census = cluster.presence.census()
    assert (census.busy, census.silent, census.expected) == (1, 1, 2)

    cluster.now += BUSY_S - 60
    assert cluster.statuses() == {"other@box": "purged", "solo@box": "busy"}
    cluster.now += 1
    assert cluster.statuses()["solo@box"] == "purged"


def test_a_solo_worker_that_said_goodbye_is_not_busy(cluster):
    cluster.solos.add("solo@box")
    cluster.hear("solo@box")
    cluster.hear("solo@box", kind="worker-offline")
    cluster.now += 60

    assert cluster.statuses() == {"solo@box": "left"}


def test_who_was_silent_long_before_the_connection_broke_was_silent(cluster):
    cluster.hear("a@box")
    cluster.now += 600
    cluster.cut_off()

    assert cluster.statuses() == {"a@box": "silent"}


def test_nobody_is_purged_for_silence_that_could_not_be_heard():
    cluster = Cluster(purge_after_s=300)
    cluster.hear("a@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")
    cluster.cut_off()
    cluster.now += 3600
    assert cluster.statuses() == {"a@box": "online", "down@box": "left"}

    cluster.reconnect()
    cluster.now += 299
    assert cluster.statuses() == {"a@box": "silent", "down@box": "purged"}
    cluster.now += 1
    assert cluster.statuses()["a@box"] == "purged"


def test_the_census_counts_all_but_those_that_are_purged():
    cluster = Cluster(purge_after_s=300)
    cluster.hear("old@box")
    cluster.now += 400
    cluster.hear("quiet@box")
    cluster.now += 60
    cluster.hear("a@box", "down@box")
    cluster.hear("down@box", kind="worker-offline")
    census = cluster.presence.census()

    assert (census.online, census.left, census.silent) == (1, 1, 1)
    assert (census.known, census.expected) == (3, 2)
