"""The pods under the Pod Security Standard `restricted`, control by control, and what more is promised of them."""

import copy

import pytest
from rendered import Pod, every_way, pod, way

# By control: what must hold of a pod, and what would break it.
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret", "claimed"}
RESTRICTED = {
    "host namespaces": (
        lambda p: not any(p.spec.get(field) for field in ("hostNetwork", "hostPID", "hostIPC")),
        {"spec": {"hostPID": True}},
    ),
    "host process": (
        lambda p: "windowsOptions" not in p.spec["securityContext"] and "windowsOptions" not in secured(p),
        {"container": {"windowsOptions": {"hostProcess": True}}},
    ),
    "privileged": (lambda p: not secured(p).get("privileged"), {"container": {"privileged": True}}),
    "capabilities": (
        lambda p: secured(p)["capabilities"] == {"drop": ["ALL"]},
        {"container": {"capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}}},
    ),
    "volume types": (
        lambda p: all(set(volume) - {"name"} <= VOLUMES for volume in p.volumes),
        {"spec": {"volumes": [{"name": "state", "hostPath": {"path": "/"}}]}},
    ),
    "host ports": (
        lambda p: not any("hostPort" in port for port in p.container.get("ports", [])),
        {"ports": [{"name": "http", "containerPort": 9797, "hostPort": 9797}]},
    ),
    "AppArmor": (
        lambda p: "appArmorProfile" not in p.spec["securityContext"] and "appArmorProfile" not in secured(p),
        {"container": {"appArmorProfile": {"type": "Unconfined"}}},
    ),
    "SELinux": (
        lambda p: "seLinuxOptions" not in p.spec["securityContext"] and "seLinuxOptions" not in secured(p),
        {"container": {"seLinuxOptions": {"user": "system_u"}}},
    ),
    "/proc": (lambda p: "procMount" not in secured(p), {"container": {"procMount": "Unmasked"}}),
    "seccomp": (
        lambda p: (
            p.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"} and "seccompProfile" not in secured(p)
        ),
        {"pod": {"seccompProfile": {"type": "Unconfined"}}},
    ),
    "sysctls": (lambda p: "sysctls" not in p.spec["securityContext"], {"pod": {"sysctls": [{"name": "a", "value": "b"}]}}),
    "escalation": (lambda p: secured(p)["allowPrivilegeEscalation"] is False, {"container": {"allowPrivilegeEscalation": True}}),
    "non-root": (lambda p: p.spec["securityContext"]["runAsNonRoot"] is True, {"pod": {"runAsNonRoot": False}}),
    "the image's user": (
        lambda p: (
            [p.spec["securityContext"][of] for of in ("runAsUser", "runAsGroup", "fsGroup")] == [65532] * 3
            and not {"runAsUser", "runAsGroup", "runAsNonRoot"} & set(secured(p))
        ),
        {"container": {"runAsUser": 0}},
    ),
    "one container": (
        lambda p: len(p.spec["containers"]) == 1 and "initContainers" not in p.spec,
        {"spec": {"initContainers": [{"name": "other", "image": "other"}]}},
    ),
    # Beyond the standard.
    "root file system": (
        lambda p: secured(p)["readOnlyRootFilesystem"] is True,
        {"container": {"readOnlyRootFilesystem": False}},
    ),
    "token": (lambda p: p.spec["automountServiceAccountToken"] is False, {"spec": {"automountServiceAccountToken": True}}),
    "memory": (
        lambda p: (
            p.container["resources"]["limits"] == {"memory": "512Mi"}
            and set(p.container["resources"]["requests"]) == {"cpu", "memory"}
        ),
        {"resources": {"limits": {}, "requests": {}}},
    ),
    "grace": (lambda p: p.spec["terminationGracePeriodSeconds"] == 60, {"spec": {"terminationGracePeriodSeconds": 5}}),
    "instance credentials": (
        lambda p: {"name": "AWS_EC2_METADATA_DISABLED", "value": "true"} in p.container["env"],
        {"env": []},
    ),
}


def secured(one: Pod) -> dict:
    return one.container["securityContext"]


def broken(one: Pod, change: dict) -> Pod:
    one = copy.deepcopy(one)
    one.spec.update(change.get("spec", {}))
    one.spec["securityContext"].update(change.get("pod", {}))
    secured(one).update(change.get("container", {}))
    one.container.update({field: value for field, value in change.items() if field in ("ports", "resources", "env")})
    return one


@every_way
@pytest.mark.parametrize("rule", RESTRICTED)
def test_a_pod_is_restricted(name, rule):
    holds, change = RESTRICTED[rule]
    assert holds(pod(way(name)))
    assert not holds(broken(pod(way(name)), change)), "the rule would see it"
