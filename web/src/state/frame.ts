/**
 * Runs `run` before the next paint, once for all calls until then; in a hidden page, which does not paint, a little later. Calls that go on
 * and on, as many messages make them, share one frame in 100 ms, and share it with those of everything else: a frame that is under way makes
 * a key wait for the next one, so that there had better be few.
 */
export function perFrame(run: () => void): () => void {
  return () => {
    waiting.add(run);
    if (isScheduled) return;
    isScheduled = true;
    const waitMs = ranAtMs + GAP_MS - performance.now();
    if (waitMs <= 0) soon();
    else setTimeout(soon, waitMs);
  };
}

const HIDDEN_MS = 120;
const GAP_MS = 100;

const waiting = new Set<() => void>();
let isScheduled = false;
let ranAtMs = -Infinity;

function soon(): void {
  const runAll = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    isScheduled = false;
    ranAtMs = performance.now();
    const runs = [...waiting];
    waiting.clear();
    for (const run of runs) run();
  };
  const frame = requestAnimationFrame(runAll);
  const timer = setTimeout(runAll, HIDDEN_MS); // whichever comes first
}
