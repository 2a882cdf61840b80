// A bundle for `contain run --bundle`: the words of the tools, without those for containers held by engines.
import type { Bundle } from "@contain-tools/chain";
import { jsonWithLargeNumbers } from "@contain-tools/confine";
import { UsageError } from "@contain-tools/kernel";
import { OciError } from "../failure.ts";
import { readSpec } from "../spec/check.ts";
import { HOOK_KINDS, type Spec } from "../spec/spec.ts";
import { namespaceWords } from "./namespaces.ts";
import { possibleAmbient, processWords } from "./process.ts";
import { resourceWords } from "./resources.ts";
import { rootWords } from "./root.ts";

/** Nothing is changed. @param dir absolute @throws UsageError that names the field */
export function readBundle(dir: string): Bundle {
  try {
    const { value, unknown } = readSpec(dir);
    return bundleOf(value, dir, unknown);
  } catch (error) {
    if (error instanceof OciError) throw new UsageError(error.message);
    throw error;
  }
}

function bundleOf(spec: Spec, dir: string, unknown: readonly string[]): Bundle {
  const { process, root, linux = {}, hostname, hooks = {} } = spec;
  const kind = HOOK_KINDS.find((one) => (hooks[one] ?? []).length > 0);
  if (kind !== undefined) throw new OciError(`hooks.${kind}: contain run has no hooks: contain-oci run --bundle ${dir} runs them`);
  if (linux.seccomp?.["listenerPath"])
    throw new OciError("linux.seccomp.listenerPath: contain run has no seccomp listener: contain-oci run has");
  if (linux.namespaces?.some(({ type, path }) => type === "pid" && path))
    throw new OciError("linux.namespaces: a PID namespace that is joined: contain run makes a new one, or stays in its own");
  const [rootfs = "", ...rest] = rootWords(spec, dir, undefined);
  const ambient = (process.capabilities?.ambient ?? []).filter((name) => !possibleAmbient(process).includes(name));
  const rails = { ...linux, seccomp: linux.seccomp === undefined ? undefined : `${dir}/config.json`, listener: undefined };
  return {
    rootfs,
    args: process.args,
    env: process.env ?? [],
    terminal: process.terminal ?? false,
    writable: root.readonly !== true,
    hostname,
    limits: resourceWords(linux.resources ?? {}),
    namespaces: namespaceWords(spec),
    root: [rootfs, ...rest],
    confine: processWords(process, rails),
    profile: linux.seccomp === undefined ? undefined : jsonWithLargeNumbers(linux.seccomp),
    remarks: [
      ...(linux.cgroupsPath ? [`linux.cgroupsPath ${linux.cgroupsPath}: the group is contain's own instead`] : []),
      ...(unknown.length > 0 ? [`config.json: ignored, since the specification does not know them: ${unknown.join(", ")}`] : []),
      ...(ambient.length > 0
        ? [`process.capabilities.ambient: left out, since they are not inheritable or not permitted: ${ambient.join(", ")}`]
        : []),
    ],
  };
}
