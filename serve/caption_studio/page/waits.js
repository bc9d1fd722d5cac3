// A failed request → whether to ask again, after how long, and what to say meanwhile. Pure.

const MAX_TRIES = 3; // of a request that may itself be the reason
const MAX_WAITS = 200;
const MAX_WAIT_S = 60;

const WAKING = 'The service is waking up: about 40 s with the demo, longer with large models …';

/** Return `{ seconds, why }`; null: asking again will not help. `tries` have failed so far. */
export function waitAfter({ status, code, retryAfterS }, tries) {
  const why = reason(status, code);
  const isPatient = status === 429 || status === 503 || code === 'unreachable';
  if (!why || tries >= (isPatient ? MAX_WAITS : MAX_TRIES)) return null;
  return { seconds: Math.min(retryAfterS ?? 2 ** Math.min(tries, 5), MAX_WAIT_S), why };
}

function reason(status, code) {
  if (code === 'adapter_unavailable') return null;
  if (code === 'rate_limit_exceeded') return 'The limit of your key is reached. Waiting …';
  if (code === 'unreachable') return 'The service cannot be reached. Trying again …';
  if (status === 429) return 'The service is full. Waiting for a free place …';
  if (status === 503) return WAKING;
  if (status === 0) return 'The answer broke off. Trying again …';
  return status >= 500 ? 'The service had a problem. Trying again …' : null;
}
