// Ports of the host that are forwarded into a network namespace: [IP:]HOST:CONT[/udp].
import { type Endpoint, type Protocol, parseCount, parseIp, quote, UsageError } from "@contain-tools/kernel";

export interface Published {
  readonly host: Endpoint;
  readonly port: number;
  readonly protocol: Protocol;
}

/** The values of --publish. @throws UsageError */
export function readPublished(texts: readonly string[]): readonly Published[] {
  const list = texts.map(readOne);
  const ends = list.map(({ host, protocol }) => `${host.ip}:${host.port}/${protocol}`);
  const twice = ends.find((text, i) => ends.indexOf(text) !== i);
  if (twice !== undefined)
    throw new UsageError(`--publish: ${twice} is given twice`, "a port of the host is forwarded to one port of the container");
  return list;
}

function readOne(text: string): Published {
  const wrong = () => new UsageError(`--publish ${quote(text)}: must be [IP:]HOST:CONT[/udp]`, "8080:80, 127.0.0.1:8080:80, 5353:53/udp");
  const [ports = "", protocol = "tcp", more] = text.split("/");
  if (more !== undefined || (protocol !== "tcp" && protocol !== "udp")) throw wrong();
  const words = ports.split(":");
  const [container, host, ip = "0.0.0.0", extra] = words.reverse();
  if (container === undefined || host === undefined || extra !== undefined) throw wrong();
  const port = (word: string) => parseCount(`--publish ${text}`, word, 1, 65535);
  return { host: { ip: parseIp("--publish", ip), port: port(host) }, port: port(container), protocol };
}

/** `0.0.0.0:8080:80/tcp` */
export const describePublished = ({ host, port, protocol }: Published) => `${host.ip}:${host.port}:${port}/${protocol}`;
