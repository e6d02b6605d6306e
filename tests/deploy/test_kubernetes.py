"""deploy/kubernetes, as kubectl renders it: what the API would take, and that all fits together."""

import copy
import shutil

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator
from daemon import ROOT
from programs import VERSION, configured, program, rolewarden, run
from prometheusrule import RULES, WRITTEN, prometheusrule
from rendered import KUBERNETES, config, every_way, kind, pod, rendered, way


ALWAYS = {"Namespace", "ServiceAccount", "ConfigMap", "NetworkPolicy"}
WATCHED = ALWAYS | {"Service", "ServiceMonitor", "PrometheusRule", "PodDisruptionBudget"}
KINDS = {
    "base": WATCHED | {"Deployment", "PersistentVolumeClaim"},
    "sharded": WATCHED | {"StatefulSet"},
    "cronjob": ALWAYS | {"CronJob"},
    "job": ALWAYS | {"Job"},
}
# The oldest one that has all that is used, and the newest one that the schemas know.
VERSIONS = ["1.29", "1.37"]
OPERATORS = {"ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule}


@every_way
def test_a_way_has_each_object_once_and_no_other(name):
    kinds = [one["kind"] for one in way(name)]
    assert sorted(kinds) == sorted(KINDS[name])


@every_way
@pytest.mark.parametrize("version", VERSIONS)
def test_the_api_takes_every_object(name, version):
    for one in way(name):
        if one["kind"] not in OPERATORS:
            kubernetes_validate.validate(one, version, strict=True)


def test_the_api_would_not_take_a_misspelled_field():
    wrong = copy.deepcopy(kind(way("base"), "Deployment"))
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def known_to_the_operator(one: dict) -> bool:
    """The models ignore what they do not know: it is missing from what they give back."""
    model = OPERATORS[one["kind"]].model_validate(one)
    return model.model_dump(by_alias=True, exclude_none=True, mode="json") == one


@pytest.mark.parametrize("name", ["base", "sharded"])
@pytest.mark.parametrize("wanted", OPERATORS)
def test_the_prometheus_operator_knows_every_field(name, wanted):
    one = kind(way(name), wanted)
    assert known_to_the_operator(one)
    wrong = copy.deepcopy(one)
    wrong["spec"]["sampleLimits"] = 1
    assert not known_to_the_operator(wrong)


@every_way
def test_all_live_in_a_namespace_that_enforces_the_restricted_standard(name):
    namespace = kind(way(name), "Namespace")["metadata"]
    for one in way(name):
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == namespace["name"], one["kind"]
    modes = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    assert modes.items() <= namespace["labels"].items()


@every_way
def test_selectors_select_the_pods_and_nothing_is_selected_that_is_not_there(name):
    objects, labels = way(name), pod(way(name)).labels
    owner = pod(objects).owner
    if owner["kind"] in ("Deployment", "StatefulSet"):
        assert owner["spec"]["selector"]["matchLabels"] == labels
    for one in objects:
        spec = one.get("spec", {})
        chosen = {
            "Service": spec.get("selector"),
            "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels"),
            "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels"),
        }.get(one["kind"])
        assert chosen is None or (chosen and chosen.items() <= labels.items()), one["kind"]
    if name in ("base", "sharded"):
        monitored = kind(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
        assert monitored.items() <= kind(objects, "Service")["metadata"]["labels"].items()
        # A one-shot pod in the same namespace is no endpoint.
        scan = pod(way("cronjob")).labels
        assert not kind(objects, "Service")["spec"]["selector"].items() <= scan.items()


@every_way
def test_every_reference_has_its_object(name):
    objects, one = way(name), pod(way(name))
    assert one.spec["serviceAccountName"] == kind(objects, "ServiceAccount")["metadata"]["name"]
    claims = [o["metadata"]["name"] for o in objects if o["kind"] == "PersistentVolumeClaim"]
    used = []
    for volume in one.volumes:
        if "configMap" in volume:
            assert volume["configMap"]["name"] == kind(objects, "ConfigMap")["metadata"]["name"]
        if "persistentVolumeClaim" in volume:
            used.append(volume["persistentVolumeClaim"]["claimName"])
        assert "secret" not in volume or volume["secret"]["optional"] is True
    assert used == claims
    mounts = one.container["volumeMounts"]
    assert sorted(mount["name"] for mount in mounts) == sorted(volume["name"] for volume in one.volumes)
    assert {mount["name"] for mount in mounts if not mount.get("readOnly")} <= {"state"}
    place = {mount["name"]: mount["mountPath"] for mount in mounts}
    command, flag, path, *_ = one.container["args"]
    assert command in ("serve", "scan") and flag == "--config" and path == f"{place['config']}/rolewarden.yaml"


@pytest.mark.parametrize("name", ["base", "sharded"])
def test_ports_agree_from_the_configuration_to_the_monitor(name):
    objects, one = way(name), pod(way(name))
    (port,) = one.container["ports"]
    web = yaml.safe_load(config(objects))["web"]
    assert web["listen"] == f"0.0.0.0:{port['containerPort']}" and web["insecure_bind"] is True
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert one.container[probe]["httpGet"]["port"] == port["name"], probe
    service = kind(objects, "Service")
    (offered,) = service["spec"]["ports"]
    assert offered["targetPort"] == port["name"] and offered["port"] == port["containerPort"]
    assert kind(objects, "ServiceMonitor")["spec"]["endpoints"][0]["port"] == offered["name"]
    (entry,) = kind(objects, "NetworkPolicy")["spec"]["ingress"]
    assert [allowed["port"] for allowed in entry["ports"]] == [port["containerPort"]] and entry["from"]
    short, inside = service["metadata"]["name"], service["metadata"]["namespace"]
    assert web["hosts"] == [short, f"{short}.{inside}", f"{short}.{inside}.svc", f"{short}.{inside}.svc.cluster.local"]


@every_way
def test_what_may_be_reached_is_names_https_and_the_agent_of_pod_identity(name):
    policy = kind(way(name), "NetworkPolicy")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    out = [(rule.get("to"), {port["port"] for port in rule["ports"]}) for rule in policy["egress"]]
    assert [ports for _, ports in out] == [{53}, {443}, {80}]
    assert out[0][0] and out[2][0] == [{"ipBlock": {"cidr": "169.254.170.23/32"}}, {"ipBlock": {"cidr": "fd00:ec2::23/128"}}]


@every_way
def test_the_configuration_is_sound_and_writes_only_into_the_state_volume(name, tmp_path):
    path = tmp_path / "rolewarden.yaml"
    path.write_text(config(way(name)))
    done = rolewarden("config", "check", "--config", path)
    assert done.returncode == 0, done.stderr
    state = {mount["name"]: mount["mountPath"] for mount in pod(way(name)).container["volumeMounts"]}.get("state")
    assert state is None or configured(config(way(name)), tmp_path, state)


def test_the_external_id_is_read_from_the_secret_when_its_line_is_switched_on(tmp_path):
    (tmp_path / "external-id").write_text("of-the-tests")
    mounts = {mount["name"]: mount["mountPath"] for mount in pod(way("base")).container["volumeMounts"]}
    text = config(way("base")).replace("#external_id:", "external_id:").replace(mounts["secrets"], str(tmp_path))
    assert f"external_id: ${{file:{tmp_path}/external-id}}" in text
    path = tmp_path / "rolewarden.yaml"
    path.write_text(text)
    assert rolewarden("config", "check", "--config", path).returncode == 0
    (tmp_path / "external-id").unlink()
    assert rolewarden("config", "check", "--config", path).returncode == 1


def test_the_monitor_scrapes_as_the_example_of_prometheus_does():
    example = yaml.safe_load((ROOT / "dashboards/prometheus.yaml").read_text())
    (job,) = [job for job in example["scrape_configs"] if job["job_name"] == "rolewarden"]
    monitor = kind(way("base"), "ServiceMonitor")["spec"]
    (endpoint,) = monitor["endpoints"]
    assert endpoint["interval"] == job["scrape_interval"] and endpoint["scrapeTimeout"] == job["scrape_timeout"]
    assert monitor["sampleLimit"] == job["sample_limit"] and monitor["bodySizeLimit"] == job["body_size_limit"]
    # The operator takes the label `job` from the Service's name.
    assert kind(way("base"), "Service")["metadata"]["name"] == job["job_name"]


def test_the_rules_are_those_of_the_dashboards(tmp_path):
    assert WRITTEN.read_text() == prometheusrule(), "run `make prometheusrule`"
    spec = kind(way("base"), "PrometheusRule")["spec"]
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("recording.yaml", "alerts.yaml")]
    assert spec["groups"] == [group for file in files for group in file["groups"]]
    assert len(files) == len(list(RULES.glob("*.yaml"))), "no file of rules is left out"
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(spec))
    done = run(program("promtool", "prometheus"), "check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_store_has_one_process_at_a_time():
    deployment = kind(way("base"), "Deployment")["spec"]
    assert deployment["replicas"] == 1 and deployment["strategy"] == {"type": "Recreate"}
    assert kind(way("base"), "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    (claim,) = kind(way("sharded"), "StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert kind(way("cronjob"), "CronJob")["spec"]["concurrencyPolicy"] == "Forbid"
    # One pod that must not be evicted is a node that cannot be drained.
    assert kind(way("base"), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def total(objects: list[dict]) -> int:
    (flag,) = [argument for argument in pod(objects).container["args"] if "shards" in argument]
    name, _, number = flag.partition("=")
    assert name == "--total-shards"
    return int(number)


def test_every_shard_has_a_pod_that_knows_its_name_and_a_page_of_its_own():
    objects = way("sharded")
    shards = kind(objects, "StatefulSet")["spec"]
    assert shards["replicas"] == total(objects) > 1
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in pod(objects).container["env"]
    service = kind(objects, "Service")
    assert shards["serviceName"] == service["metadata"]["name"] and service["spec"]["clusterIP"] == "None"
    # All else is the daemon's pod.
    alone, shard = pod(way("base")).container, copy.deepcopy(pod(objects).container)
    del shard["args"][-1], shard["env"][-1]
    assert shard == alone


def test_another_number_of_shards_is_one_change(tmp_path):
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    path = tmp_path / "kubernetes/overlays/sharded/kustomization.yaml"
    path.write_text(path.read_text().replace("count: 4", "count: 7"))
    objects = rendered(path.parent)
    assert kind(objects, "StatefulSet")["spec"]["replicas"] == total(objects) == 7
    path = tmp_path / "kubernetes/overlays/job/job.yaml"
    path.write_text(path.read_text().replace("completions: 4", "completions: 7"))
    objects = rendered(path.parent)
    job = kind(objects, "Job")["spec"]
    assert job["completions"] == job["parallelism"] == total(objects) == 7


def test_what_a_scan_says_is_not_asked_again_and_other_failures_are():
    shot = {"cronjob": ("FailJob", "backoffLimit"), "job": ("FailIndex", "backoffLimitPerIndex")}
    for name, (action, retries) in shot.items():
        owner = pod(way(name)).owner
        spec = owner["spec"]["jobTemplate"]["spec"] if name == "cronjob" else owner["spec"]
        said, disrupted = spec["podFailurePolicy"]["rules"]
        # Usage, drift, incomplete, both.
        assert said["action"] == action and said["onExitCodes"]["values"] == [2, 3, 4, 5]
        assert disrupted["action"] == "Ignore" and spec[retries] == 2
        assert pod(way(name)).spec["restartPolicy"] == "Never"
    assert kind(way("job"), "Job")["spec"]["completionMode"] == "Indexed"


def test_the_two_scans_run_the_same_pod():
    cron, job = copy.deepcopy(pod(way("cronjob"))), copy.deepcopy(pod(way("job")))
    del job.container["args"][-1]
    assert cron.template == job.template
    daemon = pod(way("base"))
    for field in ("securityContext", "serviceAccountName", "terminationGracePeriodSeconds"):
        assert cron.spec[field] == daemon.spec[field], field
    for field in ("securityContext", "resources", "image", "env"):
        assert cron.container[field] == daemon.container[field], field


@every_way
def test_the_image_is_named_in_one_place_and_has_the_version_of_this_tree(name):
    assert pod(way(name)).container["image"] == f"registry.example.com/rolewarden:{VERSION}"
