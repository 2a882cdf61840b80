// What happened to containers, a line of JSON each, for `contain events`. Nothing is written before somebody has asked for the first time:
// until then an event costs one look for the file.
import { codeOf, O_APPEND, O_CREAT, O_WRONLY, rename, statIfThere, writeFile } from "@contain-tools/kernel";
import { makeStateFolder, stateFolder } from "./folder.ts";
import { readState } from "./state.ts";

export interface ContainerEvent {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly id: string;
  /** docker's word: create, start, kill, die, destroy, … */
  readonly action: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const LARGEST = 4 << 20; // bytes of the newer of two files

const path = () => `${stateFolder()}/.events`;

/** The files that hold events, the older first; the newer one is made, so that from now on events are kept. @throws UsageError */
export function eventFiles(): readonly [string, string] {
  makeStateFolder();
  writeFile(path(), "", 0o600, O_WRONLY | O_CREAT);
  return [`${path()}.old`, path()];
}

/** Notes what happens to a container that has a state, if anybody has ever asked. What cannot be noted keeps nobody from anything. */
export function noteEvent(id: string, action: string, attributes: ContainerEvent["attributes"] = {}): void {
  try {
    const stat = statIfThere(path());
    if (stat === undefined) return;
    const { name = id, rootfs = "", labels } = readState(id) ?? {};
    const event: ContainerEvent = { time: Date.now(), id, action, attributes: { ...labels, image: rootfs, name, ...attributes } };
    writeFile(path(), `${JSON.stringify(event)}\n`, 0o600, O_WRONLY | O_APPEND);
    if (stat.size > LARGEST) {
      rename(path(), `${path()}.old`);
      eventFiles();
    }
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  }
}
