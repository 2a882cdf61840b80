// A real terminal: a tmux server of its own, whose one window runs a program.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { bin, run } from "./run.ts";

export interface Terminal {
  /** Types keys as tmux names them: "C-c", "Enter"; everything else literally. */
  readonly keys: (...keys: string[]) => void;
  /** Types a line, and Enter. */
  readonly line: (text: string) => void;
  /** What stands on the screen. */
  readonly screen: () => string;
  /** Waits until the screen matches, and returns it. @throws Error with the screen when that takes longer than 20 s */
  readonly until: (pattern: RegExp) => Promise<string>;
  readonly resize: (columns: number, rows: number) => void;
  /** Closes the window, as a person closes a terminal: whatever runs there gets a hangup. */
  readonly close: () => void;
  readonly end: () => void;
}

/** Opens a terminal of 80 by 24 that runs a shell script. `end` it. */
export function openTerminal(script: string): Terminal {
  const dir = mkdtempSync(join(tmpdir(), "contain-tmux-"));
  const tmux = (...words: string[]) => {
    const { status, stdout, stderr } = run(["tmux", "-S", join(dir, "socket"), "-f", "/dev/null", ...words], {
      env: { PATH: `${bin}:${process.env["PATH"]}`, TERM: "screen", TMUX: undefined },
    });
    if (status !== 0) throw new Error(`tmux ${words[0]}: ${stderr}`);
    return stdout;
  };
  tmux("new-session", "-d", "-x", "80", "-y", "24", "sh", "-c", script);
  const screen = () => tmux("capture-pane", "-p").trimEnd();
  return {
    keys: (...keys) => void tmux("send-keys", ...keys),
    line: (text) => {
      tmux("send-keys", "-l", text);
      tmux("send-keys", "Enter");
    },
    screen,
    until: async (pattern) => {
      for (const end = Date.now() + 20_000; ; await setTimeout(50)) {
        const text = screen();
        if (pattern.test(text)) return text;
        if (Date.now() > end) throw new Error(`${pattern} does not come:\n${text}`);
      }
    },
    resize: (columns, rows) => void tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`),
    close: () => void tmux("kill-window"),
    end: () => {
      try {
        tmux("kill-server");
      } catch {
        // it ended with its last window
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
