// The public API of this service. Nothing else is called.

import { isSet } from './controls.js';

const ROOT = new URL('../', import.meta.url);

/** A name in the browser's storage: another service may be under another path of the same host. */
export const storageName = (name) => `caption-studio${ROOT.pathname}${name}`;
const KEY = storageName('key');

/** An answer that is no caption; `status` 0: there was none (`code` unreachable), or it broke off. */
export class Failure extends Error {
  constructor(message, { status = 0, code = null, retryAfterS = null } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The key of this tab. */
export const key = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

/** The base URL of the API, for requests that are shown. */
export const baseURL = new URL('v1', ROOT).href;

/** Return the voices, `{ id, description }`, the default first. */
export async function voices(signal) {
  const { data } = await (await ask('v1/models', { signal })).json();
  const adapters = data.filter((model) => model.parent);
  const shown = adapters.length ? adapters : data;
  return shown.map(({ id, description = '' }) => ({ id, description }));
}

/**
 * Return the body of a request for `n` captions in one voice; `urls` are the pictures' URLs.
 *
 * `controls` stand in it if any is set. With a `seed` it asks for something else than before.
 */
export function requestFor(urls, { voice, n, steering, controls, seed }) {
  const pictures = urls.map((url) => ({ type: 'image_url', image_url: { url } }));
  const words = steering ? [{ type: 'text', text: steering }] : [];
  const body = { model: voice, messages: [{ role: 'user', content: [...words, ...pictures] }] };
  return {
    ...body,
    ...(isSet(controls) && { caption_studio: controls }),
    ...(n > 1 && { n }),
    ...(seed !== undefined && { seed, temperature: 1 }),
  };
}

/** Ask for captions. Yields `{ about }`, what was seen and checked, and `{ index, text }`, the next piece. */
export async function* captions(body, signal) {
  const response = await ask('v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  let isWhole = false;
  for await (const data of events(response.body, signal)) {
    isWhole = data === '[DONE]';
    if (isWhole) break;
    yield* read(data);
  }
  if (!isWhole) throw new Failure('The answer broke off.');
}

function* read(data) {
  let chunk;
  try {
    chunk = JSON.parse(data);
    if (chunk.error) chunk.error.message ??= 'The service failed.';
    else chunk.pieces = chunk.choices.map(({ index, delta }) => ({ index, text: delta.content }));
  } catch {
    throw new Failure('The answer cannot be read.', { status: 500 });
  }
  const { error, pieces, caption_studio: about } = chunk;
  if (error) throw new Failure(error.message, { status: statusOf(error), code: error.code });
  if (about) yield { about };
  for (const piece of pieces) if (piece.text) yield piece;
}

/** Yield the data of server-sent events. */
export async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (held + value).split('\n\n');
      held = parts.pop();
      for (const part of parts) if (part.startsWith('data: ')) yield part.slice(6);
    }
  } catch (error) {
    throw signal?.aborted ? error : new Failure('The answer broke off.');
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function ask(path, options) {
  const given = key.get();
  const headers = { ...options.headers, ...(given && { Authorization: `Bearer ${given}` }) };
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Failure('The service cannot be reached.', { code: 'unreachable' });
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Failure(error?.message ?? `The service answered ${response.status}.`, {
    status: response.status,
    code: error?.code ?? null,
    retryAfterS: Number(response.headers.get('Retry-After')) || null,
  });
}

// An error in the middle of a stream has no status of its own.
const statusOf = (error) => (error.type === 'invalid_request_error' ? 400 : 500);
