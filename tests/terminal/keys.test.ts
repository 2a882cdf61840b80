// Keys that a PID 1 does not take: it is said why, and the third Ctrl-C within two seconds is a way out.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { descendants } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { openTerminal } from "../helpers/terminal.ts";
import { pause, within } from "../helpers/wait.ts";

const rootfs = makeRootfs(scratch("keys"));
const WIDE = { columns: 200, rows: 40 };

describe("Ctrl-C at a PID 1 that is deaf to it", need("root", "tmux", "bash"), () => {
  for (const options of ["", "-t", "--chain exec"]) {
    test(`contain run ${options}: the first says why, Ctrl-\\ and Ctrl-Z too, the third within two seconds kills`, async () => {
      const terminal = openTerminal(undefined, WIDE);
      await terminal.prompts(1);
      terminal.type(`contain run ${options} --rootfs ${rootfs} -- sleep 1000; echo "ended: $?"`);
      await terminal.until(/running: sleep 1000/);
      for (const [key, name, signal] of [
        ["C-\\", "Ctrl-\\\\", "SIGQUIT"],
        ["C-z", "Ctrl-Z", "SIGTSTP"],
        ["C-c", "Ctrl-C", "SIGINT"],
      ] as const) {
        // The process that hears the keys comes a moment later.
        const said = new RegExp(`${name}: ${signal} sent\\. PID 1 \\(sleep\\): it has no handler for it: the kernel discards it`);
        for (let tries = 0; tries < 60 && !said.test(terminal.screen()); tries++) {
          terminal.press(key);
          await within(2200, () => said.test(terminal.screen()));
        }
        assert.match(terminal.screen(), said);
      }
      await pause(2200);
      const times = async (count: number) => {
        for (let i = 0; i < count; i++) {
          terminal.press("C-c");
          await pause(200); // one that is pending takes up the next (signal(7))
        }
      };
      await times(2);
      await pause(2200);
      assert.doesNotMatch(terminal.screen(), /^ended/m, "two are not enough, and old ones do not count");
      for (let tries = 0; tries < 60 && !/^ended/m.test(terminal.screen()); tries++) await times(3); // a busy machine may take two for one
      const screen = await terminal.until(/^ended: 137/m);
      assert.match(screen, /Ctrl-C came three times within two seconds: SIGKILL now/);
      assert.match(screen, /verdict: PID 1 \(sleep\) was killed by contain: Ctrl-C was pressed three times within two seconds/);
      assert.deepEqual(descendants(terminal.pid), [], "the process that hears the keys has ended");
      terminal.type("echo mine");
      await terminal.until(/^mine$/m);
    });
  }

  test("nothing is said or killed where the program takes the key", async () => {
    for (const options of ["", "-t"]) {
      const terminal = openTerminal(undefined, WIDE);
      await terminal.prompts(1);
      terminal.type(`contain run ${options} --rootfs ${rootfs} -- sh -c 'trap "echo t\\aken" INT; while :; do sleep 0.2; done'`);
      await terminal.until(/running: sh/);
      await pause(1000);
      terminal.press("C-c", "C-c", "C-c", "C-c");
      await terminal.until(/taken/);
      await pause(1000);
      assert.doesNotMatch(terminal.screen(), /Ctrl-C: SIGINT|SIGKILL/);
      assert.ok(descendants(terminal.pid).length > 1, "it goes on");
    }
  });
});
