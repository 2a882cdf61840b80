// The ids of a container of --userns auto, which no other container has. They are part of the state, so that they are released with it.

/** How many user ids, and how many group ids, a container gets. */
export const RANGE = 65536;

export interface IdLease {
  /** The id outside that appears as 0 inside. */
  readonly uid: number;
  readonly gid: number;
}

/** A state may be of another version, or written by hand. */
export function isIdLease(value: unknown): value is IdLease {
  if (typeof value !== "object" || value === null) return false;
  const { uid, gid } = value as Partial<Record<keyof IdLease, unknown>>;
  return [uid, gid].every((id) => Number.isInteger(id) && Number(id) > 0 && Number(id) <= 0xffffffff - RANGE);
}
