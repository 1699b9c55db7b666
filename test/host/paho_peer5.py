"""Eclipse Paho's Python client (1.6) at a broker of 5.0: the scenarios of peers5-paho.test.ts.

Usage: paho_peer5.py PORT 5 PREFIX. Output and manners are those of paho_peer.py. Paho 1.6 shows no Reason Code of PUBACK,
PUBREC and PUBCOMP, and hands out messages with the empty Topic Name of an alias as they are.
"""

import time

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCodes
from paho.mqtt.subscribeoptions import SubscribeOptions

from paho_peer import PREFIX, Peer, properties_of, run

EVERY_PROPERTY = {
    "PayloadFormatIndicator": 1,
    "MessageExpiryInterval": 1000,
    "ContentType": "text/plain; charset=utf-8",
    "ResponseTopic": "answers/here",
    "CorrelationData": bytes(range(256)),
    "UserProperty": [("b", "2"), ("a", "1"), ("b", "1"), ("", ""), ("größe", "€"), ("b", "2")],
}


def leave(peer, code=0, **properties):
    """DISCONNECT with a Reason Code and properties."""
    reason = ReasonCodes(PacketTypes.DISCONNECT, identifier=code)
    peer.client.disconnect(reason, properties_of(PacketTypes.DISCONNECT, properties))
    peer.client.loop_stop()


def payloads(peer):
    return [payload.decode() for payload in peer.payloads]


def connack():
    plain = Peer("c1")
    asking = Peer("c2", connecting={"RequestResponseInformation": 1})
    nameless = Peer("", connecting={"SessionExpiryInterval": 100})
    assigned = nameless.connack_properties[0].pop("AssignedClientIdentifier")
    seen = [peer.connack_properties[0] for peer in (plain, asking, nameless)]
    for peer in (plain, asking, nameless):
        peer.end()
    return {"properties": seen, "assigned": len(assigned) > 8}


def properties():
    """Live, retained and queued, at each QoS."""
    publisher = Peer("p1")
    live = Peer("p2")
    live.subscribe(("p/#", 2))
    away = Peer("p3", clean=False)
    away.subscribe(("p/#", 2))
    away.end()
    for qos in (0, 1, 2):
        publisher.complete([publisher.publish("p/%d" % qos, "x", qos, True, **EVERY_PROPERTY)])
    live.received(3)
    late = Peer("p4")
    late.subscribe(("p/#", 2))
    late.received(3)
    back = Peer("p3", clean=False)
    back.received(2)
    publisher.complete([publisher.publish("p/%d" % qos, "", qos, True) for qos in (0, 1, 2)])
    seen = {}
    for name, peer, count in (("live", live, 3), ("retained", late, 3), ("queued", back, 2)):
        pairs = sorted(zip(peer.messages[:count], peer.received_properties[:count]), key=lambda pair: pair[0])
        seen[name] = [list(pair) for pair in pairs]
        peer.end()
    Peer("p3").end()
    publisher.end()
    return seen


def expiry():
    """One second, on the system's clock: what is over is gone, what is not has less left than it had."""
    publisher = Peer("e1")
    away = Peer("e2", clean=False)
    away.subscribe(("e/#", 1))
    away.end()
    publisher.complete([publisher.publish("e/" + name, name, 1, name == "kept", MessageExpiryInterval=seconds)
                        for name, seconds in (("brief", 1), ("long", 1000), ("kept", 1))])
    publisher.complete([publisher.publish("e/plain", "plain", 1)])
    time.sleep(2.1)
    back = Peer("e2", clean=False)
    back.received(2)
    late = Peer("e3")
    late.subscribe(("e/#", 1))
    publisher.complete([publisher.publish("e/end", "end", 1)])
    back.received(3)
    late.received(1)
    left = [values.get("MessageExpiryInterval") for values in back.received_properties]
    for peer in (publisher, back, late):
        peer.end()
    Peer("e2").end()
    return {"queued": payloads(back), "counted down": 900 < left[0] < 1000, "retained": payloads(late)}


def session():
    """Session Present after each way to leave."""
    def again(name):
        peer = Peer(name, clean=False, connecting={"SessionExpiryInterval": 0})
        peer.end()
        return peer.connacks[0][1]

    seen = {}
    peer = Peer("s1", connecting={"SessionExpiryInterval": 100})
    peer.end()
    seen["kept"] = again("s1")
    peer = Peer("s2", connecting={"SessionExpiryInterval": 0})
    peer.end()
    seen["ended"] = again("s2")
    peer = Peer("s3", connecting={"SessionExpiryInterval": 100})
    leave(peer, SessionExpiryInterval=0)
    seen["taken back"] = again("s3")
    peer = Peer("s4", connecting={"SessionExpiryInterval": 1})
    leave(peer, SessionExpiryInterval=100)
    time.sleep(2.1)
    seen["prolonged"] = again("s4")
    peer = Peer("s5", connecting={"SessionExpiryInterval": 1})
    peer.lose()
    time.sleep(2.1)
    seen["expired"] = again("s5")
    return seen


def wills():
    witness = Peer("w1")
    witness.subscribe(("w/#", 2))

    def mortal(name, seconds=None, **more):
        values = dict(EVERY_PROPERTY) if name == "lost" else {}
        if seconds is not None:
            values["WillDelayInterval"] = seconds
        will = (PREFIX + "w/" + name, name, 1, False)
        return Peer("w" + name, will=will, will_properties=values, **more)

    mortal("lost").lose()
    witness.received(1)
    leave(mortal("told"), 4)
    witness.received(2)
    leave(mortal("polite"), 0)
    session_kept = {"connecting": {"SessionExpiryInterval": 100}}
    mortal("delayed", 1, **session_kept).lose()
    witness.received(3)
    mortal("back", 1, **session_kept).lose()
    back = Peer("wback", clean=False)
    mortal("ended", 100, connecting={"SessionExpiryInterval": 0}).lose()
    witness.received(4)
    time.sleep(2.1)
    witness.complete([witness.publish("w/end", "end", 2)])
    witness.received(5)
    back.end()
    Peer("wback").end()
    Peer("wdelayed").end()
    witness.end()
    return {"messages": witness.messages, "properties": witness.received_properties[0]}


def receive_maximum():
    """Paho acknowledges in its own time; that nothing is lost or out of order is all that shows."""
    publisher = Peer("r1")
    subscriber = Peer("r2", connecting={"ReceiveMaximum": 2})
    subscriber.subscribe(("r", 2))
    publisher.complete([publisher.publish("r", str(number), 1 + number % 2) for number in range(300)])
    subscriber.received(300)
    orders = [[int(text) for text in payloads(subscriber) if int(text) % 2 == rest] for rest in (0, 1)]
    for peer in (publisher, subscriber):
        peer.end()
    return {"in order": [order == sorted(order) for order in orders], "connections": len(subscriber.connacks)}


def packet_size():
    publisher = Peer("z1")
    subscriber = Peer("z2", connecting={"MaximumPacketSize": 200})
    subscriber.subscribe(("z", 2))
    for size in (10, 300, 100):
        publisher.complete([publisher.publish("z", "x" * size, 1)])
    subscriber.received(2)
    for peer in (publisher, subscriber):
        peer.end()
    return [len(text) for text in payloads(subscriber)]


def aliases():
    publisher = Peer("a1")
    subscriber = Peer("a2", connecting={"TopicAliasMaximum": 1})
    plain = Peer("a3")
    for peer in (subscriber, plain):
        peer.subscribe(("a/#", 1))
    publisher.complete([publisher.publish("a/one", "1", 1, TopicAlias=1)])
    # Paho writes the Topic Name it is given, so that an alias stands alone.
    values = properties_of(PacketTypes.PUBLISH, {"TopicAlias": 1})
    publisher.complete([publisher.client.publish("", "2", 1, properties=values).mid])
    publisher.complete([publisher.publish("a/two", "3", 1, TopicAlias=1)])
    publisher.complete([publisher.client.publish("", "4", 1, properties=values).mid])
    plain.received(4)
    subscriber.received(4)
    for peer in (publisher, subscriber, plain):
        peer.end()
    return {"plain": plain.messages, "aliases": [[message, values.get("TopicAlias")] for message, values in
                                                 zip(subscriber.messages, subscriber.received_properties)]}


def subscriptions():
    peer, other = Peer("u1"), Peer("u2")
    peer.complete([peer.publish("u/kept", "kept", 1, True)])
    peer.subscribe(("u/#", SubscribeOptions(1, noLocal=True, retainHandling=2)), SubscriptionIdentifier=[7])
    other.subscribe(("u/#", SubscribeOptions(1, retainAsPublished=True, retainHandling=1)), SubscriptionIdentifier=[1])
    other.subscribe(("u/#", SubscribeOptions(1, retainAsPublished=True, retainHandling=1)), SubscriptionIdentifier=[2])
    other.subscribe(("u/+", SubscribeOptions(0, retainHandling=2)), SubscriptionIdentifier=[3])
    peer.complete([peer.publish("u/mine", "mine", 1)])
    other.complete([other.publish("u/theirs", "theirs", 1, True)])
    other.received(3)
    peer.received(1)
    codes = other.unsubscribe("u/+", "u/never")
    peer.complete([peer.publish("u/" + name, "", 1, True) for name in ("kept", "theirs")])
    for one in (peer, other):
        one.end()
    identifiers = [sorted(values.get("SubscriptionIdentifier", [])) for values in other.received_properties[:3]]
    return {"no local": [peer.messages[0], peer.received_properties[0]], "other": other.messages[:3],
            "identifiers": identifiers, "unsubscribed": codes}


def shared():
    publisher = Peer("g0")
    members = [Peer("g%d" % index) for index in (1, 2, 3)]
    for member in members:
        member.subscribe(("$share/%sgroup/%sg/+" % (PREFIX, PREFIX), 1))
    for number in range(30):
        publisher.complete([publisher.publish("g/x", str(number), 1)])
    for member in members:
        member.received(10)
    seen = [payloads(member) for member in members]
    members[0].lose()
    for number in range(30, 50):
        publisher.complete([publisher.publish("g/x", str(number), 1)])
    # Until the broker has noticed, it may have sent some to the one that left; QoS 1 messages of its go to the others.
    members[1].wait("all", lambda: len(members[1].messages) + len(members[2].messages) >= 40)
    rest = sorted(int(text) for member in members[1:] for text in payloads(member)[10:])
    for peer in [publisher, *members[1:]]:
        peer.end()
    return {"first": seen, "rest": rest == list(range(30, 50))}


def requests():
    server, client = Peer("q1"), Peer("q2")
    server.subscribe(("q/ask", 1))

    def answer(_, __, message):
        values = {"CorrelationData": message.properties.CorrelationData}
        server.client.publish(message.properties.ResponseTopic, b"re: " + message.payload, 1,
                              properties=properties_of(PacketTypes.PUBLISH, values))

    server.client.on_message = answer
    client.subscribe(("q/answer", 1))
    client.complete([client.publish("q/ask", text, 1, ResponseTopic=PREFIX + "q/answer", CorrelationData=text.encode())
                     for text in ("one", "two")])
    client.received(2)
    for peer in (server, client):
        peer.end()
    return [[text, bytes.fromhex(values["CorrelationData"]).decode()]
            for text, values in zip(payloads(client), client.received_properties)]


def dismissed():
    """Taken over: the Reason Code and its text."""
    first = Peer("d")
    reasons = []
    first.client.on_disconnect = lambda client, _, code, values=None: (client.disconnect(), first.note(
        reasons.append, [getattr(code, "value", code), len(getattr(values, "ReasonString", "")) > 20]))
    second = Peer("d")
    first.wait("DISCONNECT", lambda: reasons)
    second.end()
    first.client.loop_stop()
    return reasons[0]


SCENARIOS = [connack, properties, expiry, session, wills, receive_maximum, packet_size, aliases, subscriptions, shared]
SCENARIOS += [requests, dismissed]

if __name__ == "__main__":
    run(SCENARIOS)
