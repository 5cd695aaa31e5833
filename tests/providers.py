"""An identity provider on loopback (OpenID Connect), as another party would run one: real HTTP, real keys.

It lets in whoever `subject` names, without asking, unless `asks` is set: then a person presses a button. It
holds its clients to PKCE, to their secret, to one redirect address and to one use of a code, as providers do,
and says whatever a test wants it to say wrongly.
"""

import base64
import hashlib
import json
import secrets
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote_plus, urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT = "gmcn console"
SECRET = "s3cret: of+the client"
PRIVATE_KEYS: Mapping[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
"""One key an algorithm, drawn once: RSA takes its time."""

Answer = tuple[int, Mapping[str, str], bytes]


def make_certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate of an authority of one's own; return it as a file, and what a server needs of it."""
    key = PRIVATE_KEYS["ES256"]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "private.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    return certificate, context


def public_jwk(private: Any, kid: str, algorithm: str = "") -> dict[str, Any]:
    """Write a public key as providers list it."""
    public = private.public_key()
    kinds = {rsa.RSAPublicKey: RSAAlgorithm, ec.EllipticCurvePublicKey: ECAlgorithm}
    writer: Any = next((kind for of, kind in kinds.items() if isinstance(public, of)), OKPAlgorithm)
    listed = {**writer.to_jwk(public, as_dict=True), "kid": kid, "use": "sig"}
    return {**listed, "alg": algorithm} if algorithm else listed


@dataclass(eq=False)
class IdentityProvider:
    """The provider.

    Attributes:
        subject: who is signed in there.
        claims: what a token says beside, or instead; None leaves a claim out.
        algorithm: what tokens are signed with, by the key of that name.
        sign: makes a token of its claims, where a test makes it another way.
        keys: what is listed.
        answers: by path, what is answered instead of the truth.
        takes: the only way in which this client may show its secret, whatever is listed for all; empty: any.
        unknown_client: what it calls the error of a client whose secret it does not know.
        asked: the path of every request, in order.
        asked_for: what the last sign-in that was begun asked for.
        host: what browsers call this machine; another name than the console's makes it another site.
        tls: what it speaks TLS with, if it does.
    """

    clock: Callable[[], datetime]
    subject: str = "c0ffee-officer"
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    sign: Callable[[dict[str, Any]], str] | None = None
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [public_jwk(key, name, name) for name, key in PRIVATE_KEYS.items()]
    )
    configuration: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asks: bool = False
    takes: str = ""
    unknown_client: str = "invalid_client"
    asked: list[str] = field(default_factory=list)
    asked_for: dict[str, str] = field(default_factory=dict)
    redirect_uri: str = ""
    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        provider = self

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args: Any) -> None:
                """Say nothing when a caller hangs up."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def _answer(self, body: bytes) -> None:
                status, headers, data = provider.answer(self.path, self.headers, body)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.issuer = (
            f"{'https' if self.tls else 'http'}://{self.host}:{self._server.server_port}/realms/police"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, headers: Any, body: bytes) -> Answer:
        """Answer one request."""
        parts = urlsplit(path)
        self.asked.append(parts.path)
        if parts.path in self.answers:
            return self.answers[parts.path]()
        given = dict(parse_qsl(parts.query))
        match parts.path.removeprefix("/realms/police"):
            case "/.well-known/openid-configuration":
                return _json(self.describe())
            case "/keys":
                return _json({"keys": self.keys})
            case "/authorize":
                self.asked_for = given
                return self._ask() if self.asks else self._let_in(given)
            case "/authorize/yes":
                return self._let_in(self.asked_for)
            case "/token":
                return self._redeem(
                    headers.get("Authorization", ""), dict(parse_qsl(body.decode(), keep_blank_values=True))
                )
            case "/logout":
                return 303, {"Location": given["post_logout_redirect_uri"]}, b""
        return 404, {}, b""

    def describe(self) -> dict[str, Any]:
        """Say what providers say of themselves."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
            "id_token_signing_alg_values_supported": list(PRIVATE_KEYS),
            **self.configuration,
        }

    def give_code(self, address: str) -> str:
        """Do what the provider does with somebody whose browser is sent to an address of it: return where
        the browser is sent then."""
        self.asked_for = dict(parse_qsl(urlsplit(address).query))
        return str(self._let_in(self.asked_for)[1]["Location"])

    def _ask(self) -> Answer:
        page = (
            "<!doctype html><html lang=en><title>Police account</title><form method=post action="
            f'"{urlsplit(self.issuer).path}/authorize/yes"><button>Yes, it is me</button></form>'
        )
        return 200, {"Content-Type": "text/html"}, page.encode()

    def _let_in(self, given: Mapping[str, str]) -> Answer:
        assert given["client_id"] == CLIENT
        assert given["response_type"] == "code"
        assert given["code_challenge_method"] == "S256"
        if given["redirect_uri"] != self.redirect_uri:
            return 400, {}, b"another redirect address"
        code = secrets.token_urlsafe(16)
        self._codes[code] = dict(given)
        answer = {"code": code, "state": given["state"]}
        if self.configuration.get("authorization_response_iss_parameter_supported"):
            answer["iss"] = self.issuer
        return 303, {"Location": f"{self.redirect_uri}?{urlencode(answer)}"}, b""

    def _redeem(self, authorization: str, given: Mapping[str, str]) -> Answer:
        pair = f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        shown = {
            "client_secret_basic": authorization == basic,
            "client_secret_post": given.get("client_secret") == SECRET,
        }
        if not (shown.get(self.takes) if self.takes else any(shown.values())):
            return _json({"error": self.unknown_client}, 401)
        asked = self._codes.pop(given["code"], None)
        challenge = hashlib.sha256(given["code_verifier"].encode()).digest()
        if asked is None or asked["code_challenge"] != _base64url(challenge):
            return _json({"error": "invalid_grant"}, 400)
        return _json({"access_token": "opaque", "token_type": "Bearer", "id_token": self.token_for(asked)})

    def token_for(self, asked: Mapping[str, str]) -> str:
        """Make the ID token for somebody who was let in."""
        now = int(self.clock().timestamp())
        said = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "auth_time": now - 30,
            "nonce": asked["nonce"],
            "email": "amina@police.example",
            **self.claims,
        }
        claims = {name: value for name, value in said.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        key = PRIVATE_KEYS[self.algorithm]
        return jwt.encode(claims, key, self.algorithm, {"kid": self.algorithm})


def _json(value: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def query_of(address: str) -> dict[str, str]:
    """Return what an address asks with; each name once."""
    found = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}
