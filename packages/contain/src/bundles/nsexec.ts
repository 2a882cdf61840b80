// The bundle for nsexec alone, before a program that is none of ours.
import { nsexec } from "@contain-tools/nsexec";
import { startProgram } from "../program.ts";

startProgram([nsexec]);
