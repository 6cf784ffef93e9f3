"""Verifies that an event is in a sealed log, with nothing but Python: verify_inclusion.py PROOF CHECKPOINT

PROOF is what apmt proof prints, and CHECKPOINT a signed note, whose signature is verified apart. It is written after
RFC 9162, section 2.1.3.2, and apmt-seal's documentation, apart from the code of apmt-seal.
"""

import base64
import datetime
import hashlib
import json
import sys
import uuid


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def millis(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since // datetime.timedelta(milliseconds=1)).to_bytes(8, "big", signed=True)


proof = json.load(open(sys.argv[1], encoding="utf-8"))
origin, size, root = open(sys.argv[2], encoding="utf-8").read().split("\n")[:3]
assert int(size) == proof["size"], "the proof is of another checkpoint"

commitment = bytes.fromhex(proof["commitment"])
if "event" in proof:
    event = proof["event"]
    opened = sha256(bytes.fromhex(event["salt"]), millis(event["occurred_at"]), event["payload"].encode())
    assert opened == commitment, "what the event says is not what was sealed"

leaf = b"\x01" + proof["position"].to_bytes(8, "big") + uuid.UUID(proof["id"]).bytes + millis(proof["recorded_at"]) + commitment
node, last, digest = proof["position"] - 1, proof["size"] - 1, sha256(b"\x00", leaf)
for sibling in map(bytes.fromhex, proof["path"]):
    assert last > 0, "the proof is too long"
    if node & 1 or node == last:
        digest = sha256(b"\x01", sibling, digest)
        while node and not node & 1:
            node, last = node >> 1, last >> 1
    else:
        digest = sha256(b"\x01", digest, sibling)
    node, last = node >> 1, last >> 1
assert last == 0 and digest == base64.b64decode(root), "the event is not in that log"
print(f"the event at position {proof['position']} is in the log {origin} of {size} events")
