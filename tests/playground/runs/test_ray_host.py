"""What a node does for a worker, without Ray: frames go through as they are, and an end is told."""

import sys
import time

import numpy as np

from playground.runs import ray_host, wire
from playground.runs.environment import told
from playground.runs.ray_executor import lacking
from playground.runs.ray_host import Host
from playground.settings import Settings
from tests.playground.runs.serving import until

ECHO = """
import sys
from playground.runs import wire
answers = wire.own_stdout()
print("what is printed is no frame")
while (message := wire.receive(sys.stdin.buffer)) is not None:
    if message.get("die"):
        sys.exit("why it died")
    for _ in range(message.get("times", 1)):
        wire.send(answers, message)
"""


def hosting(code: str = ECHO) -> Host:
    return Host(["-c", code], told(Settings()))


def received(host: Host, count: int) -> list[dict]:
    """So many messages."""
    found: list[dict] = []
    while len(found) < count:
        frames, end = host.receive(20.0)
        assert frames and end is None
        found += wire.unpack(frames)
    return found


def test_messages_come_back_as_they_were_and_in_order():
    host = hosting()
    sent = [{"number": number, "array": np.arange(number)} for number in range(5)]
    for message in sent:
        host.send(wire.pack(message))
    found = received(host, 5)
    assert [one["number"] for one in found] == list(range(5))
    assert all((one["array"] == np.arange(one["number"])).all() for one in found)
    host.close(5.0)
    assert host.receive(20.0) == (b"", {"code": 0, "last_words": "what is printed is no frame"})


def test_nothing_is_said_until_there_is_something():
    host = hosting()
    assert host.receive(0.01) == (b"", None)
    host.close(0)
    assert host.receive(20.0)[1]["code"] == -9


def test_an_end_comes_after_all_that_was_said_with_the_last_words():
    host = hosting()
    host.send(wire.pack({"number": 1}) + wire.pack({"die": True}))
    assert [one["number"] for one in received(host, 1)] == [1]
    assert host.receive(20.0) == (b"", {"code": 1, "last_words": "why it died"})
    host.send(wire.pack({"number": 2}))  # is dropped


def test_a_worker_waits_for_a_server_that_does_not_listen(monkeypatch):
    monkeypatch.setattr(ray_host, "AHEAD", 1000)
    host = hosting()
    host.send(wire.pack({"times": 5, "array": np.zeros(100)}))
    until(lambda: len(host._frames) == 2)  # one is beyond the bound
    time.sleep(0.3)
    assert len(host._frames) == 2  # and none after it
    assert len(received(host, 5)) == 5
    host.close(0)


def test_what_a_node_says_of_itself_goes_before_what_the_server_says(monkeypatch):
    monkeypatch.setenv("PLAYGROUND_DATA", "/of/the/node")
    code = "import os; print(os.environ['PLAYGROUND_DATA'], file=__import__('sys').stderr)"
    host = Host(["-c", code], {"PLAYGROUND_DATA": "/of/the/server"})
    assert host.receive(20.0)[1] == {"code": 0, "last_words": "/of/the/node"}


def test_what_a_worker_waits_for_is_said():
    needs = {"cpus": 2, "gpus": 0.5, "memory": 1.5 * 2**30}
    which = "a Ray node with 2 CPUs, 0.5 GPUs and 1.5 GiB of memory"
    assert lacking(needs, nodes=3, large=2) == f"{which}: 2 are that large and taken"
    assert lacking(needs, nodes=2, large=1) == f"{which}: 1 is that large and taken"
    assert lacking(needs, nodes=3, large=0) == f"{which}: none of 3 is that large"
    needs = {"cpus": 1, "gpus": 0, "memory": 2**31}
    which = "a Ray node with 1 CPU and 2 GiB of memory"
    assert lacking(needs, nodes=0, large=0) == f"{which}: there is no node"


def test_the_python_is_the_nodes():
    host = Host(["-c", "import sys; print(sys.executable, file=sys.stderr)"], {})
    assert host.receive(20.0)[1]["last_words"] == sys.executable
