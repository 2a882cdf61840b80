// How long a start takes: a container, with an init, namespaces alone, and one more program in a container that runs.
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { bin, root } from "../helpers/run.ts";
import { finish, firstOf, hold } from "./held.ts";
import type { Peer } from "./peers.ts";
import type { Results } from "./results.ts";
import { measure, ms, type Times, table, timesTable } from "./times.ts";

const TRUE = ["/bin/true"];
const initName = (peer: Peer) => `${peer.name}, init`;

/** Both in one run, so that what an init costs is no difference between two hours of the day. */
export function run(peers: readonly Peer[], dir: string, results: Results): string[] {
  const plain = peers.map((peer) => ({ name: peer.name, argv: peer.run(TRUE, "") }));
  const withInit = peers.filter(({ hasInit }) => hasInit);
  const inits = withInit.map((peer) => ({ name: initName(peer), argv: peer.run(TRUE, "", { init: true }) }));
  const node = { name: "node -e 0", argv: ["node", "-e", "0"] };
  for (const [name, times] of measure([...plain, node, ...inits], dir)) results.run.set(name, times);
  const names = [...plain, node].map(({ name }) => name);
  const added = withInit.map((peer) => {
    const [without, times] = [results.run.get(peer.name), results.run.get(initName(peer))] as [Times, Times];
    return [peer.name, ms(times.median), ms(times.minimum), ms(times.median - without.median), ms(times.minimum - without.minimum)];
  });
  return [
    ...timesTable("a container that runs /bin/true", results.run, names, ["runc", "crun", "node -e 0"]),
    ...table(["the same with a small init", "median", "minimum", "added to the median", "to the minimum"], added),
  ];
}

export function namespaces(_peers: readonly Peer[], dir: string, results: Results): string[] {
  const words = ["--pid", "--mount", "--uts"];
  const commands = [
    { name: "nsexec", argv: [join(bin, "nsexec"), ...words, "--", ...TRUE] },
    { name: "unshare --fork", argv: ["unshare", "--fork", ...words, ...TRUE] },
  ];
  for (const [name, times] of measure(commands, dir)) results.namespaces.set(name, times);
  return timesTable("namespaces alone", results.namespaces, ["nsexec", "unshare --fork"], ["unshare --fork"]);
}

/** The native launcher alone: what it starts does nothing. */
export function launcher(_peers: readonly Peer[], dir: string, results: Results): string[] {
  const lib = join(dir, "launcher/lib");
  mkdirSync(lib, { recursive: true });
  for (const name of ["contain", "nsexec"]) {
    if (!existsSync(join(root, "dist/native", name))) return [];
    copyFileSync(join(root, "dist/native", name), join(lib, "..", name));
    copyFileSync("/bin/true", join(lib, name));
  }
  const commands = [
    { name: "nothing, started at once", argv: TRUE },
    { name: "by the launcher of contain", argv: [join(lib, "../contain"), "run", "--quiet", "--rootfs", dir, "--", ...TRUE] },
    { name: "by that of nsexec, with the environment", argv: [join(lib, "../nsexec"), "--uts", "--", ...TRUE] },
  ];
  for (const [name, times] of measure(commands, dir)) results.launcher.set(name, times);
  return table(
    ["the launcher", "median", "minimum"],
    [...results.launcher].map(([name, times]) => [name, ms(times.median), ms(times.minimum)]),
  );
}

export async function exec(peers: readonly Peer[], dir: string): Promise<string[]> {
  const held = await Promise.all(peers.map((peer, i) => hold(peer, `exec-${i}`)));
  try {
    const commands = peers.map((peer, i) => {
      const one = held[i] as (typeof held)[number];
      return { name: peer.name, argv: peer.exec(TRUE, one.id, firstOf(one)) };
    });
    const names = commands.map(({ name }) => name);
    return timesTable("/bin/true in a container that runs", measure(commands, dir), names, ["runc", "crun"]);
  } finally {
    await Promise.all(held.map(finish));
  }
}
