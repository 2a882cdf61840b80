// state: prints what is known about a container, as JSON.

import { noteEnd } from "../exit.ts";
import { print } from "../output.ts";
import type { OciCommand } from "../program.ts";
import { readContainer, stateOf, statusOf } from "../state.ts";
import { idOf } from "../words.ts";

export const state: OciCommand = {
  name: "state",
  about: "a container's state, as JSON",
  options: {},
  run(words, { root }) {
    const container = readContainer(root, idOf(words));
    const status = statusOf(container);
    if (status === "stopped") noteEnd(container);
    const { rootfs, created } = container;
    const shown = { ...stateOf(container, status), rootfs, created, owner: "" };
    print(`${JSON.stringify(shown, undefined, 2)}\n`);
    return 0;
  },
};
