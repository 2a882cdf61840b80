// The network of all containers with --net veth.

export const BRIDGE = "contain0";
export const NETWORK = { ip: "10.88.0.1", prefix: 24 } as const;
/** For planning, until an address is leased. */
export const SOME_IP = "10.88.0.2";
