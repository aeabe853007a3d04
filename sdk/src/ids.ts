const SEQUENCE_MAX = 0xfff;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

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
    const random = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => hex(byte, 2)).join("");
    return `${hex(lastMs, 12)}7${hex(sequence, 3)}8${random.slice(1)}`.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  };
}
