// Events of containers, one line of JSON each, for `contain events`. Nothing is written until somebody has asked for the first time; until
// then an event costs one check for the file.
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

/** The event files, the older first. Makes the newer one, so that events are kept from now on. @throws UsageError */
export function eventFiles(): readonly [string, string] {
  makeStateFolder();
  writeFile(path(), "", 0o600, O_WRONLY | O_CREAT);
  return [`${path()}.old`, path()];
}

/** Notes an event of a container that has a state, if anybody has ever asked. Errors are ignored. */
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
