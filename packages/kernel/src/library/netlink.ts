/**
 * Networks by rtnetlink(7): interfaces, addresses, routes, and the making of bridges and veth pairs.
 *
 * ```ts
 * import { CLONE_NEWNET, unshare } from "@contain-tools/kernel/namespace";
 * import { addBridge, addresses, bringLoopbackUp, interfaces, openNetlink } from "@contain-tools/kernel/netlink";
 *
 * unshare(CLONE_NEWNET);
 * bringLoopbackUp();
 * const socket = openNetlink();
 * addBridge(socket, "br0", { alias: "an example", mac: Uint8Array.of(2, 0, 0, 0, 0, 1) });
 * console.log(interfaces(socket).map(({ name }) => name).join(), addresses(socket)[0]?.ip); // lo,br0 127.0.0.1
 * ```
 *
 * @packageDocumentation
 */
export { addresses, type Interface, type InterfaceAddress, interfaces, interfaceTo, type Route, routes } from "../net/links.ts";
export { bringLoopbackUp } from "../net/loopback.ts";
export { joinNetwork, networkOfSocket, openNetlinkOf } from "../net/netjoin.ts";
export { ask, attribute, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, openNetlink, type Request, readAttributes } from "../net/netlink.ts";
export { type Address, addAddress, addBridge, addDefaultRoute, addVeth, type Pair, removeLink, setUp } from "../net/rtnetlink.ts";
