// The bundle for `contain-oci delete` of a container that did not end well: with the verdict.

import { describeEnd, judgeNoted, type Noted, verdictLines } from "../../../explain/src/index.ts";
import manifest from "../../../oci/package.json" with { type: "json" };
import { startDelete } from "../../../oci/src/life.ts";

startDelete(process.argv.slice(2), manifest.version, (noted, group, end, sent) => {
  const verdict = judgeNoted(JSON.parse(noted) as Noted, group, end, sent);
  return { reason: describeEnd(end), verdict, lines: verdictLines(verdict) };
});
