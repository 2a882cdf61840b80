// The owner of a process: docker, podman, containerd and systemd name the groups of what they start, and so do we.
import type { Evidence, Finding } from "@contain-tools/chain";
import { cannotTell, fact, is } from "./finding.ts";

interface Owner {
  readonly engine: string;
  readonly id: string;
}

const HEX = "([0-9a-f]{64})";
const PATTERNS: readonly { readonly engine: string; readonly pattern: RegExp }[] = [
  { engine: "docker", pattern: new RegExp(`/docker(?:/|-)${HEX}(?:\\.scope)?(?:/|$)`) },
  { engine: "podman", pattern: new RegExp(`/libpod(?:-payload)?-${HEX}(?:\\.scope)?(?:/|$)`) },
  { engine: "containerd (CRI)", pattern: new RegExp(`[/:]cri-containerd[-:]${HEX}(?:\\.scope)?(?:/|$)`) },
  { engine: "CRI-O", pattern: new RegExp(`/crio-${HEX}(?:\\.scope)?(?:/|$)`) },
  { engine: "nerdctl", pattern: new RegExp(`/nerdctl-${HEX}(?:\\.scope)?(?:/|$)`) },
  { engine: "Kubernetes", pattern: new RegExp(`/kubepods[^:]*/pod[^/]+/${HEX}(?:/|$)`) },
  { engine: "containerd", pattern: new RegExp(`/(?:default|moby|k8s\\.io)/${HEX}(?:/|$)`) },
  { engine: "containerd", pattern: /^[^.]*\/default\/([\w.-]+)(?:\/|$)/ }, // ctr: the id is the name; below a unit (.slice, .service) the word is anybody's
  { engine: "contain", pattern: /\/contain-([0-9a-f]{12})(?:\/|$)/ },
  { engine: "LXC", pattern: /\/lxc(?:\.payload)?[./]([^/]+)/ },
  { engine: "systemd-nspawn", pattern: /\/systemd-nspawn@([^/]+)\.service(?:\/|$)/ },
  { engine: "systemd-machined", pattern: /\/machine-([^/]+)\.scope(?:\/|$)/ },
  { engine: "systemd", pattern: /\/([^/]+\.(?:service|scope))(?:\/[^:]*)?$/ },
];

/** By the paths in /proc/PID/cgroup; the innermost container wins over the unit of its daemon. */
export function ownerOf(cgroups: string): (Owner & { readonly line: string }) | undefined {
  const lines = cgroups.split("\n");
  for (const { engine, pattern } of PATTERNS) {
    for (const line of lines) {
      const id = pattern.exec(line)?.[1];
      if (id !== undefined) return { engine, id, line };
    }
  }
  return undefined;
}

export function explainOwner(cgroups: Evidence): Finding {
  if (cgroups.value === undefined) return cannotTell("owner-unknown", "whose container it is", [cgroups]);
  const owner = ownerOf(cgroups.value);
  const rule = "cgroups(7); the names are a custom of each engine";
  if (owner === undefined)
    return is("owner-none", "its cgroups have no name that a container engine or systemd gives", [{ ...cgroups, rule }]);
  const proof = [fact(cgroups.source, owner.line, rule)];
  if (owner.engine === "systemd") return is("owner", `by the name of its cgroup it belongs to the systemd unit ${owner.id}`, proof);
  return is("owner", `by the name of its cgroup it is in a container of ${owner.engine}: ${owner.id}`, proof);
}
