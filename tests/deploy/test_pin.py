"""deploy/container/pin.py against a registry of our own, which asks for a token as the public ones do."""

import contextlib
import hashlib
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading

import pytest
from programs import DEPLOY

FILES = ["container/Dockerfile", "container/compose.yaml", "kubernetes/image/kustomization.yaml"]


class Registry(http.server.BaseHTTPRequestHandler):
    broken = False

    def do_GET(self):
        host = f"http://127.0.0.1:{self.server.server_port}"
        if self.path.startswith("/token"):
            return self.answer(200, json.dumps({"token": "reader"}).encode())
        if self.headers.get("Authorization") != "Bearer reader":
            challenge = f'Bearer realm="{host}/token",service="registry",scope="repository:any:pull"'
            return self.answer(401, b"", {"WWW-Authenticate": challenge})
        if type(self).broken and "grafana" in self.path:
            return self.answer(404, b"")
        return self.answer(200, manifest(self.path))

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in {**dict(headers), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def manifest(path: str) -> bytes:
    return f"manifest of {path}".encode()


@pytest.fixture
def registry():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def deploy(tmp_path, registry):
    """A copy of the files, whose images are all in our registry, and without digests."""
    for name in [*FILES, "container/pin.py"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEPLOY / name, tmp_path / name)
    for name in FILES:
        text = re.sub(r"@sha256:[0-9a-f]{64}|\n    digest: .*", "", (tmp_path / name).read_text())
        (tmp_path / name).write_text(re.sub(r"\b(docker\.io|gcr\.io|registry\.example\.com)/", f"{registry}/", text))
    return tmp_path


def pin(deploy, *arguments):
    done = subprocess.run([sys.executable, deploy / "container/pin.py", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


def test_every_image_gets_the_digest_of_what_the_registry_gives_for_its_tag(deploy, registry):
    status, loose = pin(deploy, "--check")
    assert status == 1 and len(loose.splitlines()) == 6, loose
    assert pin(deploy) == (0, "")
    status, loose = pin(deploy, "--check")
    assert (status, loose) == (1, f"not pinned: {FILES[2]}: no digest\n")
    assert pin(deploy, "--pushed") == (0, "")
    assert pin(deploy, "--check") == (0, "")
    text = "".join((deploy / name).read_text() for name in FILES[:2])
    found = re.findall(rf"{registry}/([\w./-]+):([\w.-]+)@(sha256:[0-9a-f]{{64}})", text)
    assert len(found) == 5
    for name, tag, digest in found:
        assert digest == "sha256:" + hashlib.sha256(manifest(f"/v2/{name}/manifests/{tag}")).hexdigest()
    before = {name: (deploy / name).read_text() for name in FILES}
    assert pin(deploy)[0] == pin(deploy, "--pushed")[0] == 0, "again, and nothing changes"
    assert before == {name: (deploy / name).read_text() for name in FILES}
    assert "    digest: sha256:" in before[FILES[2]] and "newTag:" in before[FILES[2]]


def test_nothing_is_written_when_one_image_is_not_found(deploy):
    before = {name: (deploy / name).read_text() for name in FILES}
    with contextlib.ExitStack() as stack:
        stack.callback(setattr, Registry, "broken", False)
        Registry.broken = True
        status, said = pin(deploy)
    assert status == 1 and "nothing was written" in said and "404" in said
    assert before == {name: (deploy / name).read_text() for name in FILES}
