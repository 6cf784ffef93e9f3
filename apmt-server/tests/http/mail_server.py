"""A mail server on loopback: STARTTLS and a login are required, and each mail becomes a line of JSON in a file.

Arguments: port (0 for any), certificate, key, file. It prints its port once it listens.
"""

import json
import logging
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, certificate, key, file = sys.argv[1:]
logging.getLogger("mail.log").setLevel(logging.ERROR)


class Keep:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "authenticated": session.authenticated,
            "raw": envelope.content.decode("utf-8"),
        }
        with open(file, "a") as kept:
            kept.write(json.dumps(mail) + "\n")
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"apmt", b"correct horse")
    return AuthResult(success=right, handled=False)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(
    Keep(),
    hostname="127.0.0.1",
    port=int(port),
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    authenticator=authenticate,
)
# Port 0 is asked of the system here, for the controller would look for itself under it.
if port == "0":
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        controller.port = free.getsockname()[1]
controller.start()
print(controller.port, flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
controller.stop()
