// A real terminal with a person at it: tmux on a socket of its own.
import { rmSync } from "node:fs";
import { after } from "node:test";
import { bin, run } from "./run.ts";

export interface Terminal {
  /** Types a line and Enter. */
  readonly type: (line: string) => void;
  /** Presses a key, as tmux names it: `C-c`, `C-z`. */
  readonly press: (key: string) => void;
  /** What the terminal has shown so far, lines without trailing blanks. */
  readonly screen: () => string;
  /** Waits until the terminal has shown `pattern`. */
  readonly until: (pattern: RegExp) => Promise<string>;
  /** Waits until `count` prompts have been shown. */
  readonly prompts: (count: number) => Promise<string>;
  /** The first process on the terminal. */
  readonly pid: number;
  readonly tty: string;
  /** Closes the window, which hangs up the terminal. */
  readonly hangUp: () => void;
}

let servers = 0;

export const PROMPT = "ready>";
const SHELL = `env PS1='${PROMPT} ' bash --norc --noprofile -i`;

/** Runs a command, or an interactive bash, on a new terminal with the tools on PATH. */
export function openTerminal(command = SHELL): Terminal {
  const name = `contain-test-${process.pid}-${++servers}`;
  const tmux = (...words: string[]) =>
    run(["tmux", "-L", name, ...words], { env: { TMUX: undefined, PATH: `${bin}:${process.env["PATH"]}` } });
  const started = tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "500", `exec ${command}`);
  if (started.status !== 0) throw new Error(started.stderr);
  const [pid = "", tty = "", socket = ""] = tmux("display-message", "-p", "#{pane_pid} #{pane_tty} #{socket_path}")
    .stdout.trim()
    .split(" ");
  after(() => {
    tmux("kill-server");
    rmSync(socket, { force: true }); // tmux leaves it
  });
  const screen = () => tmux("capture-pane", "-p", "-S", "-").stdout.replace(/ +$/gm, "");
  const until = async (pattern: RegExp) => {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const text = screen();
      if (pattern.test(text)) return text;
      if (Date.now() > deadline) throw new Error(`the terminal never showed ${pattern}:\n${text.trimEnd()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    type: (line) => void tmux("send-keys", "-l", `${line}\r`),
    press: (key) => void tmux("send-keys", key),
    screen,
    until,
    prompts: (count) => until(new RegExp(`(^${PROMPT}[\\s\\S]*){${count}}`, "m")),
    pid: Number(pid),
    tty,
    hangUp: () => void tmux("kill-server"),
  };
}
