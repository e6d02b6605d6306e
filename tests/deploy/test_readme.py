"""deploy/README.md: what it names is there, and its overlay does what it says."""

import re
import shutil

from daemon import ROOT
from programs import DEPLOY, VERSION, run
from rendered import KUBERNETES, WAYS, config, kind, pod, rendered, way


README = (DEPLOY / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.M | re.S)


def test_every_link_and_every_path_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", README)
    assert links and all((DEPLOY / link).exists() for link in links), links
    paths = re.findall(r"\b(?:deploy|kubernetes)/[\w./-]+\w", README)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists() or (DEPLOY / path).exists(), path
    assert all(f"kubernetes/{folder.relative_to(KUBERNETES)}`" in README for folder in WAYS.values())


def test_its_shell_commands_are_written_in_the_shells_language():
    for language, block in BLOCKS:
        assert language == "yaml" or run("sh", "-n", "-c", block).returncode == 0, block
    assert f"rolewarden:{VERSION} " in README


def test_an_overlay_of_ones_own_changes_image_identity_and_configuration(tmp_path):
    (overlay,) = [block for language, block in BLOCKS if language == "yaml"]
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    (tmp_path / "kustomization.yaml").write_text(overlay)
    (tmp_path / "rolewarden.yaml").write_text("accounts: {source: organization}\n")
    for chosen in ("base", "overlays/sharded"):
        (tmp_path / "kustomization.yaml").write_text(overlay.replace("kubernetes/base", f"kubernetes/{chosen}"))
        objects = rendered(tmp_path)
        image = pod(objects).container["image"]
        assert re.fullmatch(r"111122223333\.dkr\.ecr\.[\w-]+\.amazonaws\.com/rolewarden(:[\d.]+)?@sha256:[0-9a-f]{64}", image)
        annotations = kind(objects, "ServiceAccount")["metadata"]["annotations"]
        assert annotations == {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/rolewarden"}
        assert config(objects) == "accounts: {source: organization}\n"
        used = {volume["configMap"]["name"] for volume in pod(objects).volumes if "configMap" in volume}
        assert used == {kind(objects, "ConfigMap")["metadata"]["name"]}


def test_the_reports_of_scans_are_read_as_it_says():
    (key, value) = re.search(r"--selector (\S+)=(\S+) --tail -1", README).groups()
    assert pod(way("job")).labels[key] == pod(way("cronjob")).labels[key] == value
    assert pod(way("base")).labels[key] != value
