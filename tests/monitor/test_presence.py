"""Who is online, who left, who fell silent: recorded sequences of events under a clock of ours."""

import msgspec
import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.state.held_back import STATISTICS_S, HeldBack
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
        self.solos, self.pool_is_known = set(), True
        self.told = None
        self.held_back = HeldBack(self.reach, lambda: self.told, self.state.newest_heard_at)
        self.presence = Presence(
            self.state,
            lambda: self.connection,
            purge_after_s,
            lambda: self.now,
            self.held_back.reach,
            lambda name: name in self.solos if self.pool_is_known else None,
            lambda: self.held_back.why,
        )

    def reach(self):
        return self.last_reach or Reach(self.now)

    def hear(self, *names, kind="worker-heartbeat", **told):
        for name in names:
            event = {"type": kind, "hostname": name, "timestamp": self.now}
            self.state.event({**event, "freq": FREQ_S, "active": 0, **told})

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


def test_of_a_pool_that_is_not_known_only_a_heartbeat_during_a_task_says_that_it_is_not_solo(
    cluster,
):
    cluster.pool_is_known = False
    cluster.hear("beats@box", active=1, processed=1)
    cluster.hear("beats@box", "mute@box", active=0, processed=1)
    cluster.happen("succeeded", "untold@box", cluster.now)
    cluster.now += 2 * 60  # a heartbeat is awaited for a minute where none told how often

    assert cluster.statuses() == {
        "beats@box": "silent",
        "mute@box": "busy",
        "untold@box": "busy",
    }

    cluster.hear("beats@box", kind="worker-online", active=0, processed=1)  # with another pool?
    cluster.now += 60
    assert cluster.statuses()["beats@box"] == "busy"


def test_a_heartbeat_that_was_asked_for_does_not_say_how_often_others_come(cluster):
    cluster.hear("rare@box", freq=60.0, active=0)
    cluster.hear("rare@box", freq=5.0, active=None)  # so does Celery's command, for every worker
    cluster.now += 60

    assert cluster.statuses() == {"rare@box": "online"}


def test_what_a_heartbeat_said_of_the_pool_outlasts_a_restart(cluster):
    cluster.hear("beats@box", active=1)
    kept = msgspec.json.decode(msgspec.json.encode(cluster.state.workers["beats@box"]), type=Worker)
    cluster.state.restore([kept], {})
    cluster.pool_is_known = False
    cluster.now += 60

    assert cluster.statuses() == {"beats@box": "silent"}


def test_what_an_answer_told_of_the_pool_outlasts_a_restart_too(cluster):
    cluster.hear("asked@box")
    cluster.presence.answered("asked@box")
    cluster.presence.answered("unknown@box")
    kept = msgspec.json.decode(msgspec.json.encode(cluster.state.workers["asked@box"]), type=Worker)
    cluster.state.restore([kept], {})
    cluster.pool_is_known = False
    cluster.now += 60

    assert cluster.statuses() == {"asked@box": "silent"}


def test_while_the_broker_holds_messages_back_nobody_is_silent_who_was_not_before(cluster):
    cluster.hear("quiet@box")
    cluster.told = cluster.now + 57, ""
    cluster.now += 60
    cluster.hear("a@box", "b@box")
    as_it_was = {"quiet@box": "silent", "a@box": "online", "b@box": "online"}
    blocked_at = cluster.now
    cluster.now += 9  # nobody is heard, and the broker has not been asked since
    assert cluster.statuses() == as_it_was
    assert cluster.presence.is_current

    cluster.now += 3
    cluster.told = cluster.now, "short of memory"
    assert cluster.statuses() == as_it_was
    cluster.now += 3600
    cluster.told = cluster.now, "short of memory"
    assert cluster.statuses() == as_it_was
    assert (cluster.presence.at, cluster.presence.is_current) == (blocked_at, False)
    assert cluster.presence.held_back == "short of memory"

    cluster.now += 4
    cluster.hear("a@box")  # they flow again, and the broker did not say so yet
    assert cluster.statuses() == as_it_was
    cluster.now += 2
    cluster.told = cluster.now, ""
    assert cluster.statuses() == as_it_was
    assert cluster.presence.is_current

    cluster.now += LISTEN_S + STATISTICS_S
    cluster.told = cluster.now, ""
    cluster.hear("a@box")
    assert cluster.statuses() == {**as_it_was, "b@box": "silent"}


def test_who_falls_silent_among_others_is_told_without_asking_the_broker(cluster):
    cluster.hear("a@box", "b@box")
    cluster.told = cluster.now, ""
    for _ in range(5):
        cluster.now += 1
        cluster.hear("a@box")

    assert cluster.statuses() == {"a@box": "online", "b@box": "silent"}


def test_a_broker_that_tells_no_more_holds_nothing_back(cluster):
    cluster.hear("a@box", "b@box")
    cluster.told = cluster.now, "short of disk"
    assert cluster.statuses() == {"a@box": "online", "b@box": "online"}
    cluster.now += 60
    cluster.told = None

    assert cluster.statuses() == {"a@box": "online", "b@box": "online"}  # they may come back
    cluster.now += LISTEN_S
    assert cluster.statuses() == {"a@box": "silent", "b@box": "silent"}


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
