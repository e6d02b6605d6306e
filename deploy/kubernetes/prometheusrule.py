#!/usr/bin/env python3
"""Writes base/prometheusrule.yaml: the rules of dashboards/rules, as the Prometheus Operator takes them, comments and all."""

import pathlib
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parents[1] / "dashboards/rules"
WRITTEN = HERE / "base/prometheusrule.yaml"
HEAD = """\
# Made from dashboards/rules by `make prometheusrule`: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: rolewarden
  labels:
    app.kubernetes.io/name: rolewarden
spec:
  groups:
"""


def groups(path: pathlib.Path) -> str:
    """The list under `groups:`, which ends the file, below what the file says of itself."""
    about, found, listed = path.read_text().partition("groups:\n")
    assert found and all(line.startswith("#") for line in about.splitlines()), f"{path}: `groups:` is not its only key"
    return textwrap.indent(about, "    ") + textwrap.indent(listed, "  ")


def prometheusrule() -> str:
    return HEAD + "\n".join(groups(RULES / name) for name in ["recording.yaml", "alerts.yaml"])


if __name__ == "__main__":
    WRITTEN.write_text(prometheusrule())
