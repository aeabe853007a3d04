const SEQUENCE_MAX = 0xfff;

const hex = (value: number | bigint, digits: number): string => value.toString(16).padStart(digits, "0");

/**
 * Makes message ids: UUIDv7 (RFC 9562 5.7). `rand_a` counts within a millisecond (6.2, method 1), so that ids of one source ascend in the
 * order of their making, also when the clock steps back; 60 bits are random.
 *
 * @param now milliseconds since the Unix epoch
 */
export function idSource(now: () => number): () => string {
  let lastMs = 0;
  let sequence = 0;
  return () => {
    const ms = now();
    if (ms > lastMs || ++sequence > SEQUENCE_MAX) {
      lastMs = Math.max(ms, lastMs + 1);
      sequence = 0;
    }
    // Not crypto.randomUUID(): it is missing on pages that came over plain http.
    const random = hex(crypto.getRandomValues(new BigUint64Array(1))[0]!, 16);
    const time = hex(lastMs, 12);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(sequence, 3)}-8${random.slice(1, 4)}-${random.slice(4)}`;
  };
}
