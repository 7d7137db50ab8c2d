"""Who may call a pyarrow server, and over what: TLS and authentication."""

import argparse
import base64
import os
import secrets

from pyarrow import flight

USER, PASSWORD, TOKEN = "bench", "open sesame", "let-me-in"


def options(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="grpc://127.0.0.1:0", help="where, as a Flight URI")
    parser.add_argument("--tls", metavar="DIR", help="ca.pem, cert.pem and key.pem are there")
    parser.add_argument("--mtls", action="store_true", help="every client must show a certificate that ca.pem signed")
    parser.add_argument("--auth", choices=["none", "token", "basic", "handshake", "handshake-plain"], default="none")
    return parser.parse_args(argv)


def arguments(asked, middleware):
    """The arguments of FlightServerBase, beside its location."""

    def read(name):
        with open(os.path.join(asked.tls, name), "rb") as f:
            return f.read()

    more = {"middleware": middleware}
    if asked.tls:
        more["tls_certificates"] = [(read("cert.pem"), read("key.pem"))]
    if asked.mtls:
        more["verify_client"], more["root_certificates"] = True, read("ca.pem")
    if asked.auth.startswith("handshake"):
        more["auth_handler"] = Handshake(plain=asked.auth == "handshake-plain")
    elif asked.auth != "none":
        more["auth_handler"] = NoOpHandshake()
        middleware["auth"] = HeaderAuthFactory(basic=asked.auth == "basic")
    return more


def location(asked):
    scheme, _, rest = asked.listen.partition("://")
    return ("grpc+tls" if asked.tls and scheme != "grpc+unix" else scheme) + "://" + rest


class Handshake(flight.ServerAuthHandler):
    """One BasicAuth message, or two payloads as in pyarrow's own tests; then a token with each call."""

    def __init__(self, plain):
        super().__init__()
        self.plain = plain
        self.token = secrets.token_bytes(12)

    def authenticate(self, outgoing, incoming):
        if self.plain:
            got = incoming.read().decode(), incoming.read().decode()
        else:
            auth = flight.BasicAuth.deserialize(incoming.read())
            got = auth.username.decode(), auth.password.decode()
        if got != (USER, PASSWORD):
            raise flight.FlightUnauthenticatedError("wrong user or password")
        outgoing.write(self.token)

    def is_valid(self, token):
        if token != self.token:
            raise flight.FlightUnauthenticatedError("invalid token" if token else "no token: do the handshake first")
        return USER


class NoOpHandshake(flight.ServerAuthHandler):
    """Lets the Handshake RPC succeed: the middleware does the rest."""

    def authenticate(self, outgoing, incoming):
        pass

    def is_valid(self, token):
        return ""


class Bearer(flight.ServerMiddleware):
    def __init__(self, token):
        self.token = token

    def sending_headers(self):
        return {"authorization": f"Bearer {self.token}"}


class HeaderAuthFactory(flight.ServerMiddlewareFactory):
    """authorization: Basic is answered by a bearer token, which each call must have."""

    def __init__(self, basic):
        self.basic = basic
        self.token = secrets.token_urlsafe(12) if basic else TOKEN

    def start_call(self, info, headers):
        for name, values in headers.items():
            if name.lower() == "authorization":
                scheme, _, value = values[0].partition(" ")
                if self.basic and scheme.lower() == "basic":
                    if base64.b64decode(value).decode() != f"{USER}:{PASSWORD}":
                        raise flight.FlightUnauthenticatedError("wrong user or password")
                    return Bearer(self.token)
                if scheme.lower() == "bearer" and value == self.token:
                    return None
                raise flight.FlightUnauthenticatedError("invalid token")
        raise flight.FlightUnauthenticatedError("no authorization header")
