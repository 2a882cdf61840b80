// Resource limits (getrlimit(2)).
import { declare } from "../ffi/libc.ts";
import { sys, trace } from "../ffi/trace.ts";

/** Names as in docker's --ulimit and limits.conf(5), and RLIMIT_* numbers, which are the same on x86-64 and arm64. */
export const RESOURCES = {
  as: 9,
  core: 4,
  cpu: 0,
  data: 2,
  fsize: 1,
  locks: 10,
  memlock: 8,
  msgqueue: 12,
  nice: 13,
  nofile: 7,
  nproc: 6,
  rss: 5,
  rtprio: 14,
  rttime: 15,
  sigpending: 11,
  stack: 3,
} as const;
export type Resource = keyof typeof RESOURCES;

export const RLIM_INFINITY = 0xffffffffffffffffn;

export interface Limit {
  readonly resource: Resource;
  readonly soft: bigint;
  readonly hard: bigint;
}

const prlimitC = declare("prlimit");
const show = (value: bigint) => (value === RLIM_INFINITY ? "RLIM64_INFINITY" : `${value}`);

/** prlimit(2) of this process: the present limits of a resource. */
export function getLimit(resource: Resource): Limit {
  const old = new BigUint64Array(2);
  sys(
    "prlimit64",
    () => ["0", `RLIMIT_${resource.toUpperCase()}`, "NULL", `{rlim_cur=${show(old[0] ?? 0n)}, rlim_max=${show(old[1] ?? 0n)}}`],
    prlimitC(0, RESOURCES[resource], null, new Uint8Array(old.buffer)),
  );
  return { resource, soft: old[0] ?? 0n, hard: old[1] ?? 0n };
}

/** prlimit(2) of this process. @throws SyscallError EPERM if the hard limit would rise, EINVAL if soft is above hard */
export function setLimit({ resource, soft, hard }: Limit): void {
  const wanted = new Uint8Array(new BigUint64Array([soft, hard]).buffer);
  sys(
    "prlimit64",
    () => ["0", `RLIMIT_${resource.toUpperCase()}`, `{rlim_cur=${show(soft)}, rlim_max=${show(hard)}}`, "NULL"],
    prlimitC(0, RESOURCES[resource], wanted, null),
  );
}

/** The same in two steps: the returned function allocates hardly any memory. @throws as `setLimit`, when it is called */
export function prepareLimit(limit: Limit): () => void {
  const { resource, soft, hard } = limit;
  const wanted = new Uint8Array(new BigUint64Array([soft, hard]).buffer);
  const number = RESOURCES[resource];
  prlimitC(0, number, null, null); // the first call allocates what later ones need
  trace("prlimit64", ["0", `RLIMIT_${resource.toUpperCase()}`, `{rlim_cur=${show(soft)}, rlim_max=${show(hard)}}`, "NULL"]);
  return () => {
    if (prlimitC(0, number, wanted, null) !== 0) setLimit(limit); // it says why
  };
}

/** Sets the soft limit on open files, at most to the hard limit, which stays. `text` is a count, or "unlimited". */
export function setSoftFileLimit(text: string): void {
  const { soft, hard } = getLimit("nofile");
  const asked = text === "unlimited" ? RLIM_INFINITY : BigInt(text);
  const wanted = asked > hard ? hard : asked; // the native program knows only its parent's, which may be higher than ours
  if (soft !== wanted) setLimit({ resource: "nofile", soft: wanted, hard });
}
