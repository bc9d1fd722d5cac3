// A failed request → whether to ask again, after how long, and what to say meanwhile. Pure.

const MAX_TRIES = 3;
const MAX_WAIT_S = 60;

/** Return `{ seconds, why }`; null: asking again will not help. `tries` have failed so far. */
export function waitAfter({ status, code, retryAfterS }, tries) {
  if (code === 'adapter_unavailable') return null;
  const seconds = Math.min(retryAfterS ?? 2 ** Math.min(tries, 5), MAX_WAIT_S);
  if (status === 429) return { seconds, why: 'The service is full. Waiting for a free place …' };
  if (status === 503)
    return { seconds, why: 'The service is waking up. This takes about 40 s …' };
  if (status === 0) return { seconds, why: 'The service cannot be reached. Trying again …' };
  if (status >= 500 && tries < MAX_TRIES)
    return { seconds, why: 'The service had a problem. Trying again …' };
  return null;
}
