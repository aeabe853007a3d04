/** Runs `run` before the next paint, once for all calls until then; in a hidden page, which does not paint, a little later. */
export function perFrame(run: () => void): () => void {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = (): void => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = undefined;
    run();
  };
  return () => {
    if (timer !== undefined) return;
    frame = requestAnimationFrame(now);
    timer = setTimeout(now, HIDDEN_MS); // whichever comes first
  };
}

const HIDDEN_MS = 120;
