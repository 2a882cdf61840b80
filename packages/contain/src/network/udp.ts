// --publish of UDP: a socket for each sender, so that answers return to it.
import { close, type Endpoint, POLLIN, receiveDatagram, receiveNow, type Source, sendNow, startConnecting } from "@contain-tools/kernel";

const MAX_SENDERS = 256; // senders remembered; the one idle longest is dropped first
const buffer = Buffer.allocUnsafeSlow(65536);

/** Passes datagrams to the container, and its answers back to the sender. */
export function forwardDatagrams(sources: Source[], fd: number, to: Endpoint): void {
  const peers = new Map<string, Source>(); // the most recent one last
  const forget = (sender: string, source: Source) => {
    peers.delete(sender);
    sources.splice(sources.indexOf(source), 1);
    close(source.fd);
  };
  const join = (from: Uint8Array): Source | undefined => {
    const [oldest] = peers;
    if (oldest !== undefined && peers.size >= MAX_SENDERS) forget(...oldest);
    try {
      const socket = startConnecting("udp", to);
      const answer = () => {
        const length = receiveNow(socket, buffer);
        if (length !== undefined && length >= 0) sendNow(fd, buffer.subarray(0, length), from);
      };
      const source = { fd: socket, wants: () => POLLIN, ready: answer };
      sources.push(source);
      return source;
    } catch {
      return undefined; // the container ended: datagrams may be lost
    }
  };
  sources.push({
    fd,
    wants: () => POLLIN,
    ready: () => {
      const datagram = receiveDatagram(fd, buffer);
      if (datagram === undefined) return;
      const { sender, length, from } = datagram;
      const source = peers.get(sender) ?? join(from);
      if (source === undefined) return;
      peers.delete(sender);
      peers.set(sender, source);
      sendNow(source.fd, buffer.subarray(0, length));
    },
  });
}
