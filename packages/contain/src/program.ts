// The one program behind the five names. The launcher passes the name, what it noted before the runtime started, then the words.
import { type Tool, parseLaunch, start } from "@contain-tools/kernel";
import { cgset } from "@contain-tools/cgset";
import { nsexec } from "@contain-tools/nsexec";
import { pid1 } from "@contain-tools/pid1";
import { pivot } from "@contain-tools/pivot";
import { contain } from "./main.ts";
import manifest from "../package.json" with { type: "json" };

const [bin = "", name = "", noted = "", nodeOptions = "", certificates = "", ...words] = process.argv.slice(2);
const tools = [nsexec, cgset, pivot, pid1, contain] as unknown as Tool[];
start(tools, name, words, parseLaunch([bin, noted, nodeOptions, certificates]), manifest.version);
