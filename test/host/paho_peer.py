"""Eclipse Paho's Python client (1.6) at a broker: the scenarios of peers-paho.test.ts, and what those of paho_peer5.py share.

Usage: paho_peer.py PORT 31|311|5 PREFIX. Runs every scenario and prints one JSON line for each as soon as it is over:
{"scenario": name, "result": what was seen} or {"scenario": name, "error": text}. It judges nothing: what the results
should be is written in the test. Topics and client ids begin with PREFIX.
"""

import json
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT = int(sys.argv[1])
PROTOCOL = {"31": mqtt.MQTTv31, "311": mqtt.MQTTv311, "5": mqtt.MQTTv5}[sys.argv[2]]
FIVE = PROTOCOL == mqtt.MQTTv5
PREFIX = sys.argv[3]
WAIT_SEC = 30


def properties_of(packet, values):
    """Properties of 5.0 from a dictionary; None before 5.0, or when there are none."""
    if not FIVE or not values:
        return None
    properties = Properties(packet)
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def number(code):
    """A Reason Code as a number: Paho has objects for those of 5.0."""
    return getattr(code, "value", code)


class Peer:
    """A connected client with a network thread, and all that it saw, as text. `clean`: no Session from before and none
    afterwards. `connecting`, `will_properties`: properties of 5.0."""

    def __init__(self, name, clean=True, will=None, connect=True, connecting=None, will_properties=None):
        name = PREFIX + name if name else ""
        self.client = mqtt.Client(name, clean_session=None if FIVE else clean, protocol=PROTOCOL)
        self.client.max_inflight_messages_set(100)
        self.changed = threading.Condition()
        self.messages = []
        self.received_properties = []
        self.payloads = []
        self.connacks = []
        self.connack_properties = []
        self.disconnects = []
        self.granted = {}
        self.unsubscribed = {}
        self.published = set()
        self.client.on_connect = self.connected
        self.client.on_disconnect = lambda _, __, code, *___: self.note(self.disconnects.append, number(code))
        self.client.on_subscribe = lambda _, __, mid, granted, *___: self.note(
            self.granted.__setitem__, mid, [number(code) for code in granted])
        self.client.on_unsubscribe = self.unsubscribe_done
        self.client.on_publish = lambda _, __, mid: self.note(self.published.add, mid)
        self.client.on_message = lambda _, __, message: self.note(self.keep, message)
        if will is not None:
            self.client.will_set(*will, properties=properties_of(PacketTypes.WILLMESSAGE, will_properties))
        self.how = {}
        if FIVE:
            kept = {} if clean else {"SessionExpiryInterval": 0xFFFFFFFF}
            properties = properties_of(PacketTypes.CONNECT, {**kept, **(connecting or {})})
            self.how = {"clean_start": clean, "properties": properties}
        if connect:
            self.start(60)

    def start(self, keep_alive_sec):
        self.client.connect("127.0.0.1", PORT, keep_alive_sec, **self.how)
        self.client.loop_start()
        self.wait("CONNACK", lambda: self.connacks)

    def unsubscribe_done(self, _, __, mid, ___=None, codes=()):
        # Paho hands one Reason Code out without a list.
        codes = codes if isinstance(codes, (list, tuple)) else [codes]
        self.note(self.unsubscribed.__setitem__, mid, [number(code) for code in codes])

    def connected(self, _, __, flags, code, properties=None):
        if properties is not None:
            self.connack_properties.append(properties.json())
        self.note(self.connacks.append, [number(code), flags["session present"]])

    def note(self, action, *arguments):
        with self.changed:
            action(*arguments)
            self.changed.notify_all()

    def keep(self, message):
        self.payloads.append(message.payload)
        self.received_properties.append(message.properties.json() if FIVE else {})
        text = message.payload.decode("latin1") if len(message.payload) < 100 else str(len(message.payload))
        name = message.topic[len(PREFIX):] if message.topic.startswith(PREFIX) else message.topic
        self.messages.append("%s %d %s%s" % (name, message.qos, text, " retained" if message.retain else ""))

    def wait(self, what, condition):
        with self.changed:
            if not self.changed.wait_for(condition, WAIT_SEC):
                raise TimeoutError("%s did not come; messages: %d" % (what, len(self.messages)))

    def subscribe(self, *filters, **properties):
        """Each filter a pair of name and QoS, or SubscribeOptions of 5.0; returns the granted QoS."""
        asked = [(PREFIX + name if name[0] not in "$#" else name, options) for name, options in filters]
        _, mid = self.client.subscribe(asked, properties=properties_of(PacketTypes.SUBSCRIBE, properties))
        self.wait("SUBACK", lambda: mid in self.granted)
        return self.granted[mid]

    def unsubscribe(self, *filters):
        _, mid = self.client.unsubscribe([PREFIX + name for name in filters])
        self.wait("UNSUBACK", lambda: mid in self.unsubscribed)
        return self.unsubscribed[mid]

    def publish(self, name, payload, qos=0, retain=False, **properties):
        """Begins a publication."""
        values = properties_of(PacketTypes.PUBLISH, properties)
        return self.client.publish(PREFIX + name, payload, qos, retain, properties=values).mid

    def complete(self, mids):
        """Waits for the end of publications."""
        self.wait("end of publishing", lambda: self.published.issuperset(mids))

    def received(self, count):
        self.wait("message %d" % count, lambda: len(self.messages) >= count)
        return self.messages

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()

    def lose(self):
        """Ends the Network Connection, and not with DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()


def qos_matrix():
    publisher = Peer("mp")
    subscribers = [Peer("ms%d" % qos) for qos in (0, 1, 2)]
    granted = [peer.subscribe(("m", qos)) for qos, peer in enumerate(subscribers)]
    seen = []
    # One QoS after the other: order is only promised within one.
    for qos in (0, 1, 2):
        publisher.complete([publisher.publish("m", "from %d" % qos, qos)])
        for peer in subscribers:
            peer.received(qos + 1)
    seen = [peer.messages for peer in subscribers]
    for peer in [publisher, *subscribers]:
        peer.end()
    return {"granted": granted, "messages": seen}


def retained():
    publisher = Peer("rp")
    for qos in (0, 1, 2):
        publisher.complete([publisher.publish("r/%d" % qos, text, qos, True) for text in ("old", "new")])
    first = Peer("r1")
    first.subscribe(("r/+", 2))
    first.received(3)
    publisher.complete([publisher.publish("r/%d" % qos, "", qos, True) for qos in (0, 1)])
    first.received(5)
    second = Peer("r2")
    second.subscribe(("r/#", 2))
    publisher.complete([publisher.publish("r/end", "", 2)])
    second.received(2)
    publisher.complete([publisher.publish("r/2", "", 2, True)])
    for peer in (publisher, first, second):
        peer.end()
    return {"first": sorted(first.messages[:3]), "live": sorted(first.messages[3:5]), "second": second.messages[:2]}


def filters():
    names = ["w", "w/a", "w/a/b", "w//b", "w/a/", "wx"]
    seen = {}
    publisher = Peer("fp")
    for name in ["w", "w/+", "w/#", "w/+/b", "+", "w/+/+"]:
        peer = Peer("fs")
        # PREFIX is a level of its own, so that + at the start stays within it.
        peer.subscribe(("/" + name, 1))
        peer.subscribe(("end", 1))
        publisher.complete([publisher.publish("/" + topic, "", 1) for topic in names])
        publisher.complete([publisher.publish("end", "", 1)])
        peer.wait("the end", lambda: "end 1 " in peer.messages)
        seen[name] = [message[1:-3] for message in peer.messages[:-1]]
        peer.end()
    publisher.end()
    return seen


def unsubscribing():
    peer = Peer("u")
    peer.subscribe(("u/a", 1), ("u/b", 1), ("u/+", 0))
    peer.unsubscribe("u/a", "u/+")
    peer.complete([peer.publish("u/" + name, name, 1) for name in "abc"])
    peer.complete([peer.publish("u/b", "end", 1)])
    peer.received(2)
    peer.end()
    return peer.messages


def wills():
    witness = Peer("ww")
    witness.subscribe(("will/#", 2))
    for qos in (0, 1, 2):
        mortal = Peer("wm", will=(PREFIX + "will/%d" % qos, "gone", qos, qos == 1))
        mortal.lose()
        witness.received(qos + 1)
    polite = Peer("wm", will=(PREFIX + "will/polite", "gone", 1, False))
    polite.end()
    reader = Peer("wr")
    reader.subscribe(("will/1", 1))
    reader.received(1)
    witness.complete([witness.publish("will/end", "", 2)])
    witness.received(4)
    witness.complete([witness.publish("will/1", "", 1, True)])
    reader.end()
    witness.end()
    return {"witness": witness.messages[:4], "reader": reader.messages[:1]}


def session():
    first = Peer("s", clean=False)
    first.subscribe(("s/0", 0), ("s/1", 1), ("s/2", 2))
    first.lose()
    publisher = Peer("sp")
    for qos in (0, 1, 2):
        publisher.complete([publisher.publish("s/%d" % qos, str(number), qos) for number in range(100)])
    second = Peer("s", clean=False)
    second.received(200)
    publisher.complete([publisher.publish("s/0", "live", 0)])
    second.received(201)
    second.end()
    clean = Peer("s", clean=True)
    clean.end()
    third = Peer("s", clean=False)
    third.subscribe(("s/end", 1))
    publisher.complete([publisher.publish("s/1", "nobody's", 1), publisher.publish("s/end", "", 1)])
    third.received(1)
    third.end()
    Peer("s", clean=True).end()
    publisher.end()
    present = [peer.connacks for peer in (first, second, clean, third)]
    return {"connacks": present, "missed": second.messages, "after clean": third.messages}


def payloads():
    peer = Peer("p")
    peer.subscribe(("p", 2))
    sizes = [0, 1, 127, 128, 16383, 16384, 65536, 2097152, 5000000]
    seen = []
    for index, size in enumerate(sizes):
        payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
        peer.publish("p", payload, index % 3)
        peer.received(index + 1)
        seen.append([size, peer.payloads[index] == payload])
    peer.end()
    return seen


def thousands():
    result = {}
    for qos in (0, 1, 2):
        publisher, subscriber = Peer("tp"), Peer("ts")
        subscriber.subscribe(("t%d" % qos, qos))
        mids = [publisher.publish("t%d" % qos, str(number), qos) for number in range(1000)]
        publisher.complete(mids)
        subscriber.received(1000)
        result[qos] = [message.split(" ")[2] for message in subscriber.messages]
        publisher.end()
        subscriber.end()
    return result


def reconnecting():
    """Both ends lose their connections in the middle of QoS 2; Paho sends again what is unfinished."""
    publisher, subscriber = Peer("cp", clean=False), Peer("cs", clean=False)
    for peer in (publisher, subscriber):
        peer.client.reconnect_delay_set(0.05, 0.1)
    subscriber.subscribe(("c", 2))
    mids = []
    for number in range(200):
        mids.append(publisher.publish("c", str(number), 2))
        if number % 50 == 49:
            subscriber.received(number - 40)
            for peer in (publisher, subscriber):
                count = len(peer.connacks)
                peer.client.socket().shutdown(2)
                peer.wait("reconnection", lambda: len(peer.connacks) > count)
    publisher.complete(mids)
    subscriber.received(200)
    numbers = [int(message.split(" ")[2]) for message in subscriber.messages]
    for peer in (publisher, subscriber):
        peer.end()
    return {"numbers": numbers, "connections": [len(publisher.connacks), len(subscriber.connacks)]}


def keep_alive():
    """Idle for longer than one and a half times the Keep Alive: only PINGREQ keeps the connection."""
    peer = Peer("k", connect=False)
    answers = []
    peer.client.on_log = lambda _, __, ___, text: peer.note(answers.append, text) if text == "Received PINGRESP" else None
    peer.start(1)
    peer.wait("the third PINGRESP", lambda: len(answers) >= 3)
    seen = list(peer.disconnects)
    peer.end()
    return {"disconnects": seen, "connections": len(peer.connacks)}


def takeover():
    first = Peer("o")
    first.client.on_disconnect = lambda client, _, code, *__: (
        client.disconnect(), first.note(first.disconnects.append, number(code)))
    second = Peer("o")
    first.wait("the end of the first", lambda: first.disconnects)
    second.subscribe(("o", 1))
    second.complete([second.publish("o", "here", 1)])
    second.received(1)
    second.end()
    first.client.loop_stop()
    return {"first": [code != 0 for code in first.disconnects], "second": second.messages}


def statistics():
    peer = Peer("y")
    peer.subscribe(("$SYS/broker/version", 0), ("$SYS/broker/clients/connected", 2))
    peer.received(2)
    peer.end()
    return sorted(peer.messages[:2])


SCENARIOS = [qos_matrix, retained, filters, unsubscribing, wills, session, payloads, thousands, reconnecting, keep_alive]
SCENARIOS += [takeover, statistics]


def run(scenarios):
    for scenario in scenarios:
        line = {"scenario": scenario.__name__}
        try:
            line["result"] = scenario()
        except Exception as error:
            line["error"] = "%s: %s" % (type(error).__name__, error)
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    run(SCENARIOS)
