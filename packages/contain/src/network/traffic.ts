// What has passed the interfaces of a container's network.
import { namespaceId, procDirectory, readIfThere } from "@contain-tools/kernel";

/** Bytes since its network namespace was made. */
export interface Traffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** All interfaces but loopback, by /proc/PID/net/dev (proc_pid_net(5)); undefined without a network namespace of its own, or if we may not look. */
export function trafficOf(pid: number): Traffic | undefined {
  const own = namespaceId(pid, "net");
  if (own === undefined || own === namespaceId("self", "net")) return undefined;
  const text = readIfThere(`${procDirectory(pid)}/net/dev`);
  return text === undefined ? undefined : sumTraffic(text);
}

/** Of the text of that file. */
export function sumTraffic(text: string): Traffic {
  let [receivedBytes, sentBytes] = [0, 0];
  for (const [, name, figures = ""] of text.matchAll(/^ *(\S+?): *(\d.*)$/gm)) {
    if (name === "lo") continue;
    const columns = figures.split(/ +/).map(Number);
    receivedBytes += columns[RECEIVED] ?? 0;
    sentBytes += columns[SENT] ?? 0;
  }
  return { receivedBytes, sentBytes };
}

const RECEIVED = 0;
const SENT = 8;
