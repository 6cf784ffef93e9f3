"""A receiver of webhooks on loopback, which checks signatures on its own: each delivery becomes a line of JSON in a file.

Arguments: secret, file, and how many requests it first answers 503. It prints its port once it listens.
"""

import base64
import hashlib
import hmac
import http.server
import json
import sys
import time

secret, file, failures = sys.argv[1:]
left = int(failures)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global left
        body = self.rfile.read(int(self.headers["content-length"]))
        sent, stamp = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        signed = b".".join([sent.encode(), stamp.encode(), body])
        right = b"v1," + base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256))
        if not hmac.compare_digest(right, self.headers["webhook-signature"].encode()):
            return self.answer(401)
        if abs(time.time() - int(stamp)) > 300:
            return self.answer(400)
        if left > 0:
            left -= 1
            return self.answer(503)
        with open(file, "a") as kept:
            kept.write(json.dumps({"id": sent, "body": json.loads(body)}) + "\n")
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
print(server.server_port, flush=True)
server.serve_forever()
