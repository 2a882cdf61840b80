// `contain events`: events of containers, one per line, in docker's words.
import { type Options, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import {
  close,
  codeOf,
  exit,
  fstat,
  inotify,
  jsonText,
  open,
  POLLIN,
  pollOnce,
  printable,
  read,
  statIfThere,
  takeNotices,
} from "@contain-tools/kernel";
import { type ContainerEvent, eventFiles } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { readMoment } from "../run/log/moment.ts";

const eventsOptions = withCommon({
  json: { type: "boolean", description: "one JSON object a line, with docker's fields" },
  since: {
    type: "string",
    valueHint: "TIME",
    description: "also what happened from then on: 10m for ten minutes ago, or 2026-11-30T10:00:42Z",
  },
  until: {
    type: "string",
    valueHint: "TIME",
    description: "end then; with --since and a time that is over, print what happened between them",
  },
});

export const events = subcommand({
  name: "events",
  description: "Show what happens to containers: create, start, kill, oom, die, exec, …",
  usage: "[ID…]",
  options: eventsOptions,
  plan(given: Options<keyof typeof eventsOptions>) {
    const moment = (name: "since" | "until") => {
      const text = readMoment(`--${name}`, given.value(name));
      return text === undefined ? undefined : Date.parse(text);
    };
    const wanted: Wanted = { words: given.rest, since: moment("since"), until: moment("until") ?? Number.POSITIVE_INFINITY };
    const form = given.has("json") ? json : line;
    return () => {
      follow(wanted, (event) => print(`${form(event)}\n`));
      return exit(0);
    };
  },
});

interface Wanted {
  /** Ids, beginnings of ids, names; empty for all. The containers need not exist now. */
  readonly words: readonly string[];
  /** Milliseconds since the epoch; undefined for now. */
  readonly since: number | undefined;
  readonly until: number;
}

const POLL_INTERVAL = 500; // milliseconds between two checks if inotify(7) has no instance left

/** Calls `each` with the events until the time is over. */
function follow({ words, since, until }: Wanted, each: (event: ContainerEvent) => void): void {
  const [older, newer] = eventFiles();
  const begin = since ?? Date.now();
  const show = (text: string) => {
    const event = parse(text);
    if (event === undefined || event.time < begin || event.time > until) return;
    if (words.length === 0 || words.some((word) => event.attributes["name"] === word || event.id.startsWith(word))) each(event);
  };
  const notices = watchFor(newer);
  if (since !== undefined && statIfThere(older) !== undefined) new Lines(older).take(show);
  let lines = new Lines(newer);
  if (since === undefined) lines.take(() => {}); // its clock may have been set differently from ours
  for (;;) {
    lines.take(show);
    const { ino } = statIfThere(newer) ?? {};
    if (ino !== undefined && ino !== lines.ino) {
      lines.take(show); // what was written before the file was rotated
      lines.end();
      lines = new Lines(newer);
      continue;
    }
    const left = until - Date.now();
    if (left <= 0) return;
    if (pollOnce(notices, POLLIN, Math.min(left, notices === -1 ? POLL_INTERVAL : 2 ** 31 - 1))) takeNotices(notices);
  }
}

/** A descriptor for changes in the folder; -1 if other programs have all of this user's. */
function watchFor(path: string): number {
  try {
    return inotify(path.slice(0, path.lastIndexOf("/")));
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return -1;
  }
}

/** A file that grows by whole lines. */
class Lines {
  readonly ino: number;
  readonly #fd: number;
  #rest = "";

  constructor(path: string) {
    this.#fd = open(path);
    this.ino = fstat(this.#fd).ino;
  }

  /** Calls `each` with the new lines. */
  take(each: (line: string) => void): void {
    const bytes = Buffer.allocUnsafe(1 << 16);
    for (let length = read(this.#fd, bytes); length > 0; length = read(this.#fd, bytes)) {
      const texts = (this.#rest + bytes.toString("latin1", 0, length)).split("\n");
      this.#rest = texts.pop() ?? "";
      for (const text of texts) each(Buffer.from(text, "latin1").toString());
    }
  }

  end(): void {
    close(this.#fd);
  }
}

function parse(text: string): ContainerEvent | undefined {
  try {
    const event = JSON.parse(text) as Partial<ContainerEvent> | null;
    const { time, id, action, attributes } = event ?? {};
    if (typeof time !== "number" || typeof id !== "string" || typeof action !== "string") return undefined;
    return { time, id, action, attributes: { ...attributes } };
  } catch {
    return undefined; // a line that was cut off where the disk was full
  }
}

/** `2026-11-30T10:00:42.123Z container die 0123456789ab (exitCode=1, image=./rootfs, name=web)`. */
function line({ time, id, action, attributes }: ContainerEvent): string {
  const texts = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
  return printable(`${new Date(time).toISOString()} container ${action} ${id} (${texts.toSorted().join(", ")})`);
}

function json({ time, id, action, attributes }: ContainerEvent): string {
  return jsonText({
    ...{ status: action, id, from: attributes["image"], Type: "container", Action: action },
    Actor: { ID: id, Attributes: attributes },
    ...{ scope: "local", time: Math.floor(time / 1000), timeNano: time * 1_000_000 },
  });
}
