/**
 * Namespaces: unshare(2), setns(2), their identities, and the id maps of user namespaces. A namespace belongs to a thread: these calls move
 * only the calling one, so Node's asynchronous calls still run in the old namespaces.
 *
 * ```ts
 * import { hostname } from "node:os";
 * import { CLONE_NEWUTS, namespaceId, sethostname, unshare } from "@contain-tools/kernel/namespace";
 *
 * const before = namespaceId("self", "uts");
 * unshare(CLONE_NEWUTS);
 * sethostname("box");
 * console.log(hostname(), namespaceId("self", "uts") !== before); // box true
 * ```
 *
 * @packageDocumentation
 */
export {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "../process/cloneflags.ts";
export {
  type IdRange,
  NAMESPACES,
  type NamespaceKind,
  namespaceId,
  readIdMap,
  setdomainname,
  sethostname,
  setns,
  unshare,
  writeIdMap,
  writeSetgroups,
} from "../process/namespace.ts";
