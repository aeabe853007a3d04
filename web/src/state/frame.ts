/**
 * Runs `run` before the next paint, once for all calls until then; in a hidden page, which does not paint, a little later. Calls that go on
 * and on, as many messages make them, share one in 50 ms, so that they leave the time for a reader's keys and scrolling.
 */
export function perFrame(run: () => void): () => void {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ranAtMs = -Infinity;
  const now = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = undefined;
    ranAtMs = performance.now();
    run();
  };
  const soon = (): void => {
    frame = requestAnimationFrame(now);
    timer = setTimeout(now, HIDDEN_MS); // whichever comes first
  };
  return () => {
    if (timer !== undefined) return;
    const waitMs = ranAtMs + GAP_MS - performance.now();
    if (waitMs <= 0) soon();
    else timer = setTimeout(soon, waitMs);
  };
}

const HIDDEN_MS = 120;
const GAP_MS = 50;
