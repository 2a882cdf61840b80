// A real terminal with a person at it: a tmux server of its own with one window.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { commandOf, descendants, stat } from "./proc.ts";
import { bin, run } from "./run.ts";
import { eventually } from "./wait.ts";

export interface Terminal {
  /** Types a line and Enter. */
  readonly type: (line: string) => void;
  /** Presses keys, as tmux names them: `C-c`, `Enter`; everything else is typed as it is. */
  readonly press: (...keys: string[]) => void;
  /** What the terminal shows, without trailing blanks. */
  readonly screen: () => string;
  /** Waits until the terminal shows `pattern`, and returns the screen. */
  readonly until: (pattern: RegExp) => Promise<string>;
  /** Waits until `count` prompts have been shown. */
  readonly prompts: (count: number) => Promise<string>;
  readonly resize: (columns: number, rows: number) => void;
  /** The first process on the terminal. */
  readonly pid: number;
  readonly tty: string;
  /** Waits until a process below the first one that has this command line runs in the foreground of its terminal; its PID. */
  readonly foreground: (command: string) => Promise<number>;
  /** Closes the window, which hangs up the terminal. */
  readonly hangUp: () => void;
}

export const PROMPT = "ready>";
const SHELL = `env PS1='${PROMPT} ' bash --norc --noprofile -i`;

/** Runs a script, or an interactive bash, on a new terminal with the tools on PATH. The terminal is closed when the test has ended. */
export function openTerminal(script = `exec ${SHELL}`, { columns = 80, rows = 24 } = {}): Terminal {
  const dir = mkdtempSync(join(tmpdir(), "contain-test-tmux-"));
  const tmux = (...words: string[]) =>
    run(["tmux", "-S", join(dir, "socket"), "-f", "/dev/null", ...words], {
      env: { PATH: `${bin}:${process.env["PATH"]}`, TERM: "screen", TMUX: undefined },
    });
  const started = tmux("new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, "sh", "-c", script);
  if (started.status !== 0) throw new Error(started.stderr);
  const [pid = "", tty = ""] = tmux("display-message", "-p", "#{pane_pid} #{pane_tty}").stdout.trim().split(" ");
  after(() => {
    tmux("kill-server");
    rmSync(dir, { recursive: true, force: true });
  });
  const screen = () => tmux("capture-pane", "-p").stdout.replace(/ +$/gm, "").trimEnd();
  const until = async (pattern: RegExp) => {
    let text = "";
    await eventually(
      () => {
        text = screen();
        return pattern.test(text);
      },
      () => `the terminal shows ${pattern}:\n${text}`,
    );
    return text;
  };
  return {
    type: (line) => {
      tmux("send-keys", "-l", line);
      tmux("send-keys", "Enter");
    },
    press: (...keys) => void tmux("send-keys", ...keys),
    screen,
    until,
    prompts: (count) => until(new RegExp(`(^${PROMPT}[\\s\\S]*){${count}}`, "m")),
    resize: (width, height) => void tmux("resize-window", "-x", `${width}`, "-y", `${height}`),
    pid: Number(pid),
    tty,
    foreground: async (command) => {
      let found = 0;
      await eventually(
        () => {
          found = descendants(Number(pid)).find((child) => commandOf(child) === command) ?? 0;
          return stat(found, 3) === "S" && stat(found, 5) === stat(found, 8);
        },
        () => `${command} is in the foreground:\n${screen()}`,
      );
      return found;
    },
    hangUp: () => void tmux("kill-server"),
  };
}
