// checkpoint, restore: refused.
import { OciError } from "../failure.ts";
import type { OciCommand } from "../program.ts";

const refuse = (name: string): OciCommand => ({
  name,
  about: "refused: processes are not dumped or restored",
  options: {},
  program: true,
  run() {
    throw new OciError(`${name} is not supported: processes are not dumped or restored (CRIU)`);
  },
});

export const checkpoint = refuse("checkpoint");
export const restore = refuse("restore");
