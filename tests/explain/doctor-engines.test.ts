// contain doctor: engines that are installed, told to start containers by contain-oci rightly, wrongly, or not at all.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";

const dir = scratch("doctor-engines");
const oci = join(bin, "contain-oci");
const programs = join(dir, "programs");
mkdirSync(programs);
const program = (name: string, text = "#!/bin/sh\n") => {
  writeFileSync(join(programs, name), text);
  chmodSync(join(programs, name), 0o755);
  return join(programs, name);
};
const other = program("other-contain-oci", "#!/bin/sh\necho contain-oci version 99.0.0\n");
const silent = program("silent-contain-oci");

interface Told {
  readonly what: string;
  readonly state: string;
  readonly text: string;
  readonly fix?: string;
}

/** What doctor says where these engines are installed, with these files in an /etc of its own. */
function doctor(engines: readonly string[], files: Readonly<Record<string, string>>): Told[] {
  const folder = join(dir, `engines-${engines.join("-")}`);
  mkdirSync(folder, { recursive: true });
  for (const name of engines) {
    writeFileSync(join(folder, name), "#!/bin/sh\n");
    chmodSync(join(folder, name), 0o755);
  }
  const etc = join(dir, "etc");
  run(["rm", "-rf", etc]);
  for (const [file, text] of Object.entries(files)) {
    run(["mkdir", "-p", join(etc, file, "..")]);
    writeFileSync(join(etc, file), text);
  }
  mkdirSync(etc, { recursive: true });
  const script = `mount --bind ${etc} /etc && mount -t tmpfs run /run && exec ${bin}/contain doctor --json`;
  const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: dir, CONTAINERS_CONF: undefined };
  // Engines of this machine may be in /usr/bin: what is told of them is left out.
  const { status, stdout, stderr } = run(["unshare", "-m", "sh", "-c", script], { env });
  assert.equal(status, 0, stderr);
  const all = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
  return all.filter(({ what }) => engines.some((name) => what === `${name.replace("dockerd", "docker")} by contain-oci`));
}

const podman = (runtime: string, more = "") =>
  doctor(["podman"], { "containers/containers.conf": `[engine]\nruntime = "${runtime}"\n${more}` });
const docker = (config: object) => doctor(["dockerd"], { "docker/daemon.json": JSON.stringify(config) });
const containerd = (text: string) => doctor(["containerd"], { "containerd/config.toml": text });
const brief = (told: readonly Told[]) => told.map(({ state, text }) => `${state}: ${text}`);

describe("contain doctor: engines", need("root", "unshare"), () => {
  test("not set up: what to write", () => {
    const told = doctor(["podman", "dockerd", "containerd"], {});
    assert.deepEqual(
      brief(told),
      ["podman", "docker", "containerd"].map((name) => `missing: ${name} starts its containers by another runtime`),
    );
    for (const { fix } of told) assert.match(fix ?? "", /^in \/etc\/\S+: .*contain-oci/);
  });

  test("set up", () => {
    assert.deepEqual(brief(podman(oci, 'cgroup_manager = "cgroupfs"\n')), [`ok: podman can start containers by ${oci}`]);
    const config = { runtimes: { contain: { path: oci } }, "exec-opts": ["native.cgroupdriver=cgroupfs"] };
    assert.deepEqual(brief(docker(config)), [`ok: docker can start containers by ${oci}`]);
    const toml = `# BinaryName = "/old/contain-oci"\n  options = { BinaryName = "${oci}", SystemdCgroup = false }\n`;
    assert.deepEqual(brief(containerd(toml)), [`ok: containerd can start containers by ${oci}`]);
  });

  test("a path that cannot work", () => {
    assert.deepEqual(brief(podman("contain-oci")), ["limited: contain-oci: it is not an absolute path"]);
    assert.deepEqual(brief(podman("/nowhere/contain-oci")), ["limited: /nowhere/contain-oci: no such program"]);
    assert.match(brief(podman(other))[0] ?? "", /^limited: .*other-contain-oci: version 99\.0\.0; this is \d/);
    assert.match(brief(podman(silent))[0] ?? "", /^limited: .*silent-contain-oci: it does not tell its version; this is \d/);
    assert.match(brief(podman(`${oci} --debug`))[0] ?? "", /^limited: .*: there are words beside the path$/);
    const args = { runtimes: { contain: { path: oci, runtimeArgs: ["--debug"] } } };
    assert.match(brief(docker(args))[0] ?? "", /^limited: .*--debug: there are words beside the path$/);
  });

  test("groups by systemd", () => {
    const text = (name: string) => [`limited: ${name} lets systemd make its groups, which contain-oci refuses`];
    assert.deepEqual(brief(podman(oci, 'cgroup_manager = "systemd"\n')), text("podman"));
    assert.deepEqual(brief(docker({ runtimes: { contain: { path: oci } }, "exec-opts": ["native.cgroupdriver=systemd"] })), text("docker"));
    assert.deepEqual(brief(containerd(`BinaryName = "${oci}"\nSystemdCgroup = true\n`)), text("containerd"));
  });

  test("a file that is no JSON is told, and is not the end of the others", () => {
    const told = doctor(["dockerd", "containerd"], { "docker/daemon.json": "{" });
    assert.deepEqual(
      told.map(({ state }) => state),
      ["cannot tell", "missing"],
    );
  });
});
