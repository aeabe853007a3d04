const SEQUENCE_MAX = 0xfff;

/**
 * Makes message ids: UUIDv7 (RFC 9562 5.7). The 12 bits of `rand_a` count within a millisecond (6.2, method 1), so that ids of one source
 * ascend in the order of their making, also when the clock steps back.
 *
 * @param now milliseconds since the Unix epoch
 * @param random fills bytes
 */
export function idSource(
  now: () => number = Date.now,
  random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes),
): () => string {
  let lastMs = 0;
  let sequence = 0;
  return () => {
    const bytes = random(new Uint8Array(16));
    const nowMs = now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      sequence = 0;
    } else if (++sequence > SEQUENCE_MAX) {
      lastMs++;
      sequence = 0;
    }
    const time = lastMs.toString(16).padStart(12, "0");
    const count = sequence.toString(16).padStart(3, "0");
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    const tail = Array.from(bytes.subarray(8), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${tail.slice(0, 4)}-${tail.slice(4)}`;
  };
}
