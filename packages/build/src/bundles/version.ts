// `--version` loads only koffi, to report a library that koffi lacks.
import { loadKoffi } from "@contain-tools/kernel/koffi";
import manifest from "../../../contain/package.json" with { type: "json" };

/** Prints the version of the program of that name. */
export function tellVersion(name: string): void {
  console.log(`${name} ${manifest.version}`);
  loadKoffi(name);
}
