// What the broker counts for $SYS: totals since the start.

/** Clients that are connected now. */
export let onlineCount: u32 = 0;
export let packetsReceived: u64 = 0;
export let packetsSent: u64 = 0;
export let bytesReceived: u64 = 0;
export let publishesReceived: u64 = 0;
export let publishesSent: u64 = 0;
/** Deliveries given up at a limit, or to a client that was away at QoS 0 while its queue takes none. */
export let publishesDropped: u64 = 0;

export function countOnline(): void {
  onlineCount++;
}

export function countOffline(): void {
  onlineCount--;
}

export function countReceived(bytes: u32): void {
  bytesReceived += bytes;
}

export function countPacketReceived(): void {
  packetsReceived++;
}

export function countPacketSent(): void {
  packetsSent++;
}

export function countPublishReceived(): void {
  publishesReceived++;
}

export function countPublishesSent(count: u32): void {
  publishesSent += count;
  packetsSent += count;
}

export function countDropped(): void {
  publishesDropped++;
}
