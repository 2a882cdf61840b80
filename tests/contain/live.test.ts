// Tables that are drawn again every second: keys, a narrow terminal, and the terminal afterwards.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { detached } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run, sh } from "../helpers/run.ts";
import { openTerminal } from "../helpers/terminal.ts";

const rootfs = makeRootfs(scratch("live"));
const ROW = { columns: 150, rows: 30 };

describe("a live table", need("root", "tmux", "bash"), () => {
  test("contain stats -w: keys sort, q ends, the terminal is as before", async () => {
    const words = ["--rootfs", rootfs, "--", "sh", "-c"];
    const [b, a] = [
      detached(["--name", "live-b", ...words, "sleep 1000 & sleep 1000 & sleep 1000"]),
      detached(["--name", "live-a", ...words, "exec sleep 1000"]),
    ];
    const terminal = openTerminal(undefined, ROW);
    await terminal.prompts(1);
    terminal.type(`contain stats -w ${b} ${a}; echo "ended: $?"`);
    await terminal.until(/ID +NAME(?:.*\n)*.*live-b(?:.*\n)*.*live-a/);
    terminal.press("n");
    await terminal.until(/live-a(?:.*\n)*.*live-b/);
    terminal.press("p");
    await terminal.until(/live-b(?:.*\n)*.*live-a/);
    assert.doesNotMatch(terminal.screen(), /^[np]$/m, "keys are not shown");
    terminal.press("q");
    await terminal.until(/^ended: 0/m);
    terminal.type("stty -a | grep -o ' -*icanon\\| -*echo ' | tr '\\n' .; echo");
    await terminal.until(/icanon\. echo/);
  });

  test("contain stats drops columns on a narrow terminal, and contain list -w ends by q or Ctrl-C", async () => {
    const id = detached(["--rootfs", rootfs, "--", "sleep", "1000"]);
    const narrow = openTerminal(undefined, { columns: 40, rows: 20 });
    await narrow.prompts(1);
    narrow.type(`contain stats ${id}; echo "ended: $?"`);
    const screen = await narrow.until(/^ended: 0/m);
    assert.match(screen, new RegExp(`^${id} .*$`, "m"));
    assert.match(screen, /^ID .* CPU .*MEMORY/m);
    assert.doesNotMatch(screen, /THROTTLED|CPU TIME/);
    for (const key of ["q", "C-c"]) {
      const wide = openTerminal(undefined, ROW);
      await wide.prompts(1);
      wide.type('contain list -w; echo "ended: $?"');
      await wide.until(new RegExp(`^${id} `, "m"));
      wide.press(key);
      await wide.until(/^ended: 0/m);
    }
  });

  test("without a terminal plain lines; wrong words are told", () => {
    const { stdout } = sh("timeout -s INT 3 contain list -w </dev/null | head -1");
    assert.match(stdout, /^ID +NAME/);
    const { status, stderr } = run(["contain", "list", "-wq"]);
    assert.equal(status, 125);
    assert.match(stderr, /--watch draws a table/);
  });
});
