export type { Note } from "./notes.ts";
export { openRecorder, type Recorder } from "./record.ts";
export { modelOf } from "./report/model.ts";
export { pageOf } from "./report/page.ts";
export { readRecording } from "./report/read.ts";
export { draw } from "./report/terminal.ts";
export { cpuBetween, type Sample, takeSample, throttledBetween } from "./sample.ts";
export { sparkline } from "./sparkline.ts";
