// Bytes that the line discipline of a pseudo-terminal turns into signals (termios(3)).
import { foregroundGroup, getAttributes, signalOfKey } from "@contain-tools/kernel";

/** A key, as the signal that it becomes, and the process group that gets it. */
export type Heard = (signal: number, group: number) => void;

/** Looks at what is typed into a pseudo-terminal. It is passed on as it is. */
export function hearKeys(master: number, heard: Heard): (chunk: Uint8Array) => Uint8Array {
  return (chunk) => {
    const attributes = chunk.some((byte) => byte < SPACE) ? getAttributes(master) : undefined;
    const signals = attributes === undefined ? [] : [...chunk].flatMap((byte) => signalOfKey(attributes, byte) ?? []);
    const group = signals.length === 0 ? undefined : foregroundGroup(master);
    if (group !== undefined) for (const signal of signals) heard(signal, group);
    return chunk;
  };
}

const SPACE = 32;
