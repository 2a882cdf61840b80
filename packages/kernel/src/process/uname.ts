// The kernel's own description: uname(2).
import { declare } from "../ffi/libc.ts";

const unameC = declare("uname");
const FIELD = 65; // __NEW_UTS_LEN + 1 (linux/utsname.h)

/** The host name of this UTS namespace, and the kernel's release: "6.1.0-18-amd64". It cannot fail, and needs no /proc. */
export function uname(): { readonly nodename: string; readonly release: string } {
  const fields = Buffer.alloc(6 * FIELD);
  unameC(fields);
  const text = (i: number) => fields.toString("utf8", i * FIELD, fields.indexOf(0, i * FIELD));
  return { nodename: text(1), release: text(2) };
}
