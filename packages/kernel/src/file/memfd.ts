// A file in memory that has no name (memfd_create(2)).
import { failedWith } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";

const MFD_CLOEXEC = 1;
const MFD_NOEXEC_SEAL = 8;
const memfdC = declare("memfd_create");

/** memfd_create(2) for data only, so that vm.memfd_noexec does not matter; the flag is unknown before Linux 6.3. */
export function memfd(name: string): number {
  const create = (bits: number, names: string) => sys("memfd_create", () => [quote(name), names], memfdC(name, bits));
  try {
    return create(MFD_CLOEXEC | MFD_NOEXEC_SEAL, "MFD_CLOEXEC|MFD_NOEXEC_SEAL");
  } catch (error) {
    if (!failedWith(error, "EINVAL")) throw error;
    return create(MFD_CLOEXEC, "MFD_CLOEXEC");
  }
}
