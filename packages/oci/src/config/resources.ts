// What cgset writes into a group, as linux.resources. Files without a field of their own go into `unified`.
import type { Plan } from "@contain-tools/cgset";
import { DEVICE_ACCESS } from "@contain-tools/kernel";
import { THROTTLES } from "../compose/resources.ts";

type Throttle = { readonly major: number; readonly minor: number; readonly rate: bigint };

export function resourcesOf({ writes, devices }: Pick<Plan, "writes" | "devices">): object {
  const files = new Map<string, string[]>();
  for (const { file, value } of writes) files.set(file, [...(files.get(file) ?? []), value]);
  const take = (file: string): string | undefined => {
    const value = files.get(file)?.at(-1);
    files.delete(file);
    return value;
  };
  const field = (name: string, value: object) => (Object.keys(value).length === 0 ? {} : { [name]: value });
  const one = <T>(name: string, value: T | undefined) => (value === undefined ? {} : { [name]: value });
  const memory = memoryOf(files, take);
  const [quota, period] = take("cpu.max")?.split(" ") ?? [];
  const cpu = {
    ...one("quota", quota && amount(quota)),
    ...one("period", period && BigInt(period)),
    ...one("cpus", take("cpuset.cpus")),
    ...one("mems", take("cpuset.mems")),
  };
  const pids = files.get("pids.max")?.at(-1) === "0" ? undefined : take("pids.max"); // 0 means "not set" there
  const io = throttles(files.get("io.max") ?? []);
  files.delete("io.max");
  const unified = Object.fromEntries([...files].map(([file, values]) => [file, values.join("\n")]));
  return {
    ...(devices === undefined ? {} : { devices: [{ allow: false, access: "rwm" }, ...devices.map(ruleOf)] }),
    ...field("memory", memory),
    ...field("cpu", cpu),
    ...(pids === undefined ? {} : { pids: { limit: amount(pids) } }),
    ...field("blockIO", io),
    ...field("unified", unified),
  };
}

const amount = (value: string): bigint => (value === "max" ? -1n : BigInt(value));

/** The specification's swap is memory and swap together, so it needs a memory limit; the last write to a file counts. */
function memoryOf(files: ReadonlyMap<string, readonly string[]>, take: (file: string) => string | undefined): object {
  const isNumber = (file: string) => /^(\d+|max)$/.test(files.get(file)?.at(-1) ?? "");
  const limit = isNumber("memory.max") && files.get("memory.max")?.at(-1) !== "0" ? take("memory.max") : undefined;
  const low = isNumber("memory.low") && files.get("memory.low")?.at(-1) !== "0" ? take("memory.low") : undefined;
  const swap = limit !== undefined && limit !== "max" && isNumber("memory.swap.max") ? take("memory.swap.max") : undefined;
  return {
    ...(limit === undefined ? {} : { limit: amount(limit) }),
    ...(swap === undefined || limit === undefined ? {} : { swap: swap === "max" ? -1n : BigInt(limit) + BigInt(swap) }),
    ...(low === undefined ? {} : { reservation: amount(low) }),
  };
}

function throttles(lines: readonly string[]): Record<string, readonly Throttle[]> {
  const found: Record<string, Throttle[]> = {};
  for (const line of lines) {
    const [device = "", ...limits] = line.split(" ");
    const [major = 0, minor = 0] = device.split(":").map(Number);
    for (const limit of limits) {
      const [key, value = ""] = limit.split("=");
      const name = THROTTLES.find(([, own]) => own === key)?.[0];
      if (name !== undefined) found[name] = [...(found[name] ?? []), { major, minor, rate: value === "max" ? 0n : BigInt(value) }];
    }
  }
  return found;
}

function ruleOf({ allow, type, major, minor, access }: NonNullable<Plan["devices"]>[number]) {
  const letters = (["r", "w", "m"] as const).filter((letter) => (access & DEVICE_ACCESS[letter]) !== 0).join("");
  return { allow, type, ...(major === undefined ? {} : { major }), ...(minor === undefined ? {} : { minor }), access: letters };
}
