// Ctrl-P Ctrl-Q detaches from an attached container, as in docker. A Ctrl-P is held back until the next key.
const CTRL_P = 16;
const CTRL_Q = 17;

/** A filter for keys. Keys after these two are dropped. */
export function detachKeys(detached: () => void): (chunk: Uint8Array) => Uint8Array {
  let held = false;
  return (chunk) => {
    const passed: number[] = [];
    for (const key of chunk) {
      if (held && key === CTRL_Q) {
        detached();
        break;
      }
      if (held) passed.push(CTRL_P);
      held = key === CTRL_P;
      if (!held) passed.push(key);
    }
    return Uint8Array.from(passed);
  };
}
