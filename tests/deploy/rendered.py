"""What `kubectl kustomize` makes of deploy/kubernetes, and the pods in it."""

import dataclasses
import functools
import pathlib

import pytest
import yaml
from programs import DEPLOY, program, run

KUBERNETES = DEPLOY / "kubernetes"
WAYS = {
    "base": KUBERNETES / "base",
    "sharded": KUBERNETES / "overlays/sharded",
    "cronjob": KUBERNETES / "overlays/cronjob",
    "job": KUBERNETES / "overlays/job",
}
every_way = pytest.mark.parametrize("name", WAYS)


@dataclasses.dataclass
class Pod:
    """A pod template, and whose it is."""

    owner: dict
    template: dict

    @property
    def spec(self) -> dict:
        return self.template["spec"]

    @property
    def labels(self) -> dict:
        return self.template["metadata"]["labels"]

    @property
    def container(self) -> dict:
        (container,) = self.spec["containers"]
        return container

    @property
    def volumes(self) -> list[dict]:
        """Those that are claimed for each pod among them."""
        claims = self.owner["spec"].get("volumeClaimTemplates", [])
        return self.spec["volumes"] + [{"name": claim["metadata"]["name"], "claimed": claim} for claim in claims]

    def environment(self, pod_name: str) -> dict[str, str]:
        values = {}
        for variable in self.container["env"]:
            field = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            assert "value" in variable or field == "metadata.name", variable
            values[variable["name"]] = variable.get("value", pod_name)
        return values


def rendered(folder: pathlib.Path) -> list[dict]:
    done = run(program("kubectl"), "kustomize", folder)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@functools.cache
def way(name: str) -> list[dict]:
    return rendered(WAYS[name])


def kind(objects: list[dict], wanted: str) -> dict:
    (found,) = [one for one in objects if one["kind"] == wanted]
    return found


def pod(objects: list[dict]) -> Pod:
    """The one pod of a way to run rolewarden."""
    (owner,) = [one for one in objects if one["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob")]
    inner = owner["spec"]["jobTemplate"] if owner["kind"] == "CronJob" else owner
    return Pod(owner, inner["spec"]["template"])


def config(objects: list[dict]) -> str:
    return kind(objects, "ConfigMap")["data"]["rolewarden.yaml"]
