// The network of a container while it lives: address and ports. It is part of the state, so that it is released with it.

export interface Lease {
  /** undefined for an ordinary user's network, which pasta connects. */
  readonly bridge: string | undefined;
  readonly ip: string;
  readonly prefix: number;
  readonly gateway: string;
  /** The end of its veth pair on the host. */
  readonly hostName: string | undefined;
  /** `0.0.0.0:8080:80/tcp` */
  readonly publish: readonly string[];
  readonly nat: boolean;
}

/** A state may be of another version, or written by hand. */
export function isLease(value: unknown): value is Lease {
  if (typeof value !== "object" || value === null) return false;
  const lease = value as Partial<Record<keyof Lease, unknown>>;
  const isName = (name: unknown) => typeof name === "string" && /^[\w.-]{1,15}$/.test(name);
  return (
    (lease.bridge === undefined) === (lease.hostName === undefined) &&
    [lease.bridge, lease.hostName].every((name) => name === undefined || isName(name)) &&
    [lease.ip, lease.gateway].every((ip) => typeof ip === "string" && /^[\d.]{7,15}$/.test(ip)) &&
    typeof lease.prefix === "number" &&
    Array.isArray(lease.publish) &&
    lease.publish.every((text) => typeof text === "string") &&
    typeof lease.nat === "boolean"
  );
}
