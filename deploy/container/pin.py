#!/usr/bin/env python3
"""Names the images of deploy/ by digest: asks each registry which bytes a tag stands for now, and writes that beside the tag.

    python3 deploy/container/pin.py             the base images and those of the demo: before a release is built
    python3 deploy/container/pin.py --pushed    rolewarden's own, in kubernetes/image: after it was pushed
    python3 deploy/container/pin.py --check     ends with 1 while an image is named by its tag alone

A tag can be moved to other bytes, and a digest cannot.
"""

import hashlib
import json
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

DEPLOY = pathlib.Path(__file__).resolve().parents[1]
MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "docker.distribution.manifest.list.v2",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.v2",
    )
)
REFERENCE = r"(?P<name>[\w.-]+(?::\d+)?/[\w./-]+):(?P<tag>[\w.-]+)(?P<digest>@sha256:[0-9a-f]{64})?"
# Where each file names images: what stands before a reference.
PLACES = {
    "container/Dockerfile": r"(?P<before>ARG \w+_IMAGE=)" + REFERENCE,
    "container/compose.yaml": r"(?P<before>    image: )" + REFERENCE,
}
KUBERNETES = "kubernetes/image/kustomization.yaml"


def fetch(url: str, token: str | None):
    request = urllib.request.Request(url, headers={"Accept": MANIFESTS})
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    return urllib.request.urlopen(request, timeout=30)


def anonymous(challenge: str) -> str:
    """A token for reading, from the place that the registry names."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urllib.parse.urlencode({key: fields[key] for key in ("service", "scope") if key in fields})
    with urllib.request.urlopen(f"{fields['realm']}?{query}", timeout=30) as answer:
        said = json.load(answer)
    return said.get("token") or said["access_token"]


def digest_of(name: str, tag: str) -> str:
    """The digest of what a registry gives for the tag: reckoned here, not taken from a header."""
    registry, _, repository = name.partition("/")
    host = {"docker.io": "registry-1.docker.io"}.get(registry, registry)
    scheme = "http" if registry.startswith(("127.0.0.1", "localhost")) else "https"
    url = f"{scheme}://{host}/v2/{repository}/manifests/{tag}"
    try:
        answer = fetch(url, None)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        answer = fetch(url, anonymous(error.headers["WWW-Authenticate"]))
    with answer:
        return "sha256:" + hashlib.sha256(answer.read()).hexdigest()


def pinned(text: str, pattern: str) -> str:
    def pin(match):
        return f"{match['before']}{match['name']}:{match['tag']}@{digest_of(match['name'], match['tag'])}"

    return re.sub(pattern, pin, text)


def pinned_for_kubernetes(text: str) -> str:
    name = re.search(r"^    newName: (\S+)$", text, re.M)[1]
    tag = re.search(r"^    newTag: (\S+)$", text, re.M)[1]
    text = re.sub(r"^    digest: .*\n", "", text, flags=re.M)
    return re.sub(r"^(    newTag: .*\n)", rf"\1    digest: {digest_of(name, tag)}\n", text, flags=re.M)


def loose(deploy: pathlib.Path) -> list[str]:
    """Images that are named by a tag alone."""
    found = []
    for file, pattern in PLACES.items():
        for match in re.finditer(pattern, (deploy / file).read_text()):
            if not match["digest"]:
                found.append(f"{file}: {match['name']}:{match['tag']}")
    if not re.search(r"^    digest: sha256:[0-9a-f]{64}$", (deploy / KUBERNETES).read_text(), re.M):
        found.append(f"{KUBERNETES}: no digest")
    return found


def main(arguments: list[str], deploy: pathlib.Path = DEPLOY) -> int:
    if arguments == ["--check"]:
        found = loose(deploy)
        for image in found:
            print(f"not pinned: {image}", file=sys.stderr)
        return 1 if found else 0
    if arguments not in ([], ["--pushed"]):
        print(__doc__, file=sys.stderr)
        return 2
    # All are asked before anything is written: half of them pinned would look like all.
    try:
        if arguments:
            texts = {KUBERNETES: pinned_for_kubernetes((deploy / KUBERNETES).read_text())}
        else:
            texts = {file: pinned((deploy / file).read_text(), pattern) for file, pattern in PLACES.items()}
    except OSError as error:
        print(f"nothing was written, because a registry did not answer: {error}", file=sys.stderr)
        return 1
    for file, text in texts.items():
        (deploy / file).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
