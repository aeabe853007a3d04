"""The manifests of deploy/kubernetes as kustomize renders them: of Kubernetes' types, at one with themselves, and such that the programs start.

No cluster is asked. Needs kubectl (which has kustomize in it) and Node; the types are those of the npm package kubernetes-models.
"""

import base64
import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

from machine import ROOT

TYPES = ROOT / "tests/deploy/kubernetes"
PROGRAM_OF = {"gateway": "sv-websocket", "discover": "sv-discover", "persist": "sv-persist"}


@pytest.fixture(scope="module")
def objects() -> list[dict]:
    if not shutil.which("kubectl"):
        pytest.skip("needs kubectl")
    rendered = subprocess.run(["kubectl", "kustomize", ROOT / "deploy/kubernetes/overlays/example"], capture_output=True, text=True, check=False)
    assert rendered.returncode == 0 and "deprecated" not in rendered.stderr, rendered.stderr
    return list(yaml.safe_load_all(rendered.stdout))


def of_kind(objects: list[dict], kind: str) -> dict[str, dict]:
    return {each["metadata"]["name"]: each for each in objects if each["kind"] == kind}


def pods(objects: list[dict]) -> dict[str, dict]:
    """The pod templates by the name of their deployment."""
    return {name: each["spec"]["template"] for name, each in of_kind(objects, "Deployment").items()}


def containers(objects: list[dict]) -> list[tuple[str, dict]]:
    return [(name, container) for name, pod in pods(objects).items()
            for container in (*pod["spec"].get("initContainers", []), *pod["spec"]["containers"])]


def type_errors(objects: list[dict], directory: pathlib.Path) -> str:
    """What TypeScript says of the manifests as values of Kubernetes' types: unknown and missing fields, values of another type."""
    lines = []
    for index, each in enumerate(objects):
        group, _, version = each["apiVersion"].rpartition("/")
        module = "kubernetes-models/" + (f"{group}/" if group else "") + f"{version}/{each['kind']}"
        lines += [f'import type {{ I{each["kind"]} as T{index} }} from "{module}";', f"export const o{index}: T{index} = {json.dumps(each)};"]
    (directory / "manifests.ts").write_text("\n".join(lines))
    (directory / "node_modules").symlink_to(TYPES / "node_modules")
    checked = subprocess.run(["node", TYPES / "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext",
                              "manifests.ts"], cwd=directory, capture_output=True, text=True, check=False)
    return checked.stdout + checked.stderr


@pytest.mark.skipif(not (TYPES / "node_modules/typescript").exists() or not shutil.which("node"), reason="needs npm ci in tests/deploy/kubernetes")
def test_they_are_of_kubernetes_types(objects, tmp_path):
    (tmp_path / "right").mkdir()
    assert type_errors(objects, tmp_path / "right") == ""
    wrong = json.loads(json.dumps(objects))
    of_kind(wrong, "Deployment")["gateway"]["spec"]["template"]["spec"]["terminationGracePeriod"] = 5  # a misspelt field
    (tmp_path / "wrong").mkdir()
    assert "terminationGracePeriod" in type_errors(wrong, tmp_path / "wrong"), "the check finds nothing"


def test_what_refers_to_something_finds_it(objects):
    templates = pods(objects)
    assert set(templates) == set(PROGRAM_OF)
    for name, deployment in of_kind(objects, "Deployment").items():
        assert deployment["spec"]["selector"]["matchLabels"].items() <= templates[name]["metadata"]["labels"].items()
    for kind in ("Service", "PodDisruptionBudget"):
        assert set(of_kind(objects, kind)) == set(templates)
    for name, service in of_kind(objects, "Service").items():
        assert service["spec"]["selector"].items() <= templates[name]["metadata"]["labels"].items()
        ports = {port["name"]: port["containerPort"] for port in templates[name]["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for name, budget in of_kind(objects, "PodDisruptionBudget").items():
        assert budget["spec"]["selector"]["matchLabels"].items() <= templates[name]["metadata"]["labels"].items()
    scaler = of_kind(objects, "HorizontalPodAutoscaler")["gateway"]["spec"]
    assert scaler["scaleTargetRef"]["name"] in templates
    assert scaler["minReplicas"] >= 2
    (secret_name, secret), = of_kind(objects, "Secret").items()
    accounts = of_kind(objects, "ServiceAccount")
    for name, container in containers(objects):
        assert templates[name]["spec"]["serviceAccountName"] in accounts
        for variable in container["env"]:
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                assert reference["name"] == secret_name and reference["key"] in secret["data"]
    for path in of_kind(objects, "Ingress")["gateway"]["spec"]["rules"][0]["http"]["paths"]:
        assert path["backend"]["service"]["name"] == "gateway"
        assert not path["path"].startswith(("/send", "/metrics", "/v1/deliver"))
    for policy in of_kind(objects, "NetworkPolicy").values():
        assert any(policy["spec"]["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items() for pod in templates.values())


def test_pods_may_do_nothing_and_see_no_account(objects):
    assert of_kind(objects, "Namespace")["simplechat"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in pods(objects).values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "variables of services would be taken for options"
    for _, container in containers(objects):
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert "memory" in container["resources"]["limits"]


def test_probes_and_the_time_to_drain(objects):
    for name, pod in pods(objects).items():
        container, = pod["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert container["livenessProbe"]["httpGet"]["port"] in ports
        drain_s = next((int(variable["value"]) / 1000 for variable in container["env"] if variable["name"] == "SIMPLECHAT_DRAIN_MS"), 0)
        assert pod["spec"]["terminationGracePeriodSeconds"] >= container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain_s + 12, name
        assert of_kind(objects, "Deployment")[name]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_the_programs_accept_their_environment(objects, bin_dir, tmp_path):
    secret, = of_kind(objects, "Secret").values()
    for name, container in containers(objects):
        environment = {"PATH": os.environ["PATH"], "SIMPLECHAT_HOST": "0.0.0.0", "SIMPLECHAT_LOG_FORMAT": "json"}  # the image's
        for variable in container["env"]:
            source = variable.get("valueFrom", {})
            if "secretKeyRef" in source:
                value = base64.b64decode(secret["data"][source["secretKeyRef"]["key"]]).decode()
            else:
                value = variable.get("value", "10.1.2.3").replace("$(POD_IP)", "10.1.2.3")
            environment[variable["name"]] = value
        checked = subprocess.run([bin_dir / PROGRAM_OF[name], "check-config"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        assert container["image"].startswith(f"registry.example.org/simplechat/{PROGRAM_OF[name]}:")
        for port in container.get("ports", []):
            assert f" = {port['containerPort']}  #" in checked.stdout
