// The bundle for `contain-oci`.
import { startOci } from "@contain-tools/oci";
import { describeEnd, judgeNoted, type Noted, verdictLines } from "../../../explain/src/index.ts";
import manifest from "../../../oci/package.json" with { type: "json" };

startOci(process.argv.slice(2), manifest.version, (noted, group, end, sent) => {
  const verdict = judgeNoted(JSON.parse(noted) as Noted, group, end, sent);
  return { reason: describeEnd(end), verdict, lines: verdictLines(verdict) };
});
