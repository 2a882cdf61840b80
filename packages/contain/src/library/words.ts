// A spec becomes the words of `contain run`.
import { ContainError, type RunSpec } from "./types.ts";

/** The options with one value, and those that are there or not. */
const VALUES = ["rootfs", "name", "hostname", "workdir", "user", "memory", "cpu", "pids", "net"] as const;
const SWITCHES = ["rw", "confine", "init"] as const;

/** @throws ContainError for a spec without a command, which would run a shell */
export function wordsOf(spec: RunSpec): string[] {
  if (spec.command.length === 0) throw new ContainError("command: a program is missing", 125);
  return [
    ...VALUES.flatMap((name) => (spec[name] === undefined ? [] : `--${name}=${spec[name]}`)),
    ...SWITCHES.flatMap((name) => (spec[name] ? `--${name}` : [])),
    ...Object.entries(spec.env ?? {}).map(([name, value]) => `--env=${name}=${value}`),
    ...(spec.volumes ?? []).map((volume) => `--volume=${volume}`),
    ...(spec.options ?? []),
    "--",
    ...spec.command,
  ];
}
