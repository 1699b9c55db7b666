// The core's only time: what the host last said. Hosts count 32 bits of milliseconds and may wrap around; 64 here do not.

/** Begins at 1, so that 0 can stand for "never" wherever a time is kept. */
export let nowMs: u64 = 1;

let hostMs: u32 = 0;
let started: bool = false;

/** `hostNowMs` never goes back, but for wrapping around. */
export function advanceClock(hostNowMs: u32): void {
  if (!started) {
    started = true;
    hostMs = hostNowMs;
  }
  nowMs += hostNowMs - hostMs;
  hostMs = hostNowMs;
}
