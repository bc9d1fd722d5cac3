// Jobs, a few at a time, in their order; they can be stopped, and go on later.

export class Queue {
  #waiting = [];
  #running = new Set();
  #stop = new AbortController();

  /** `run(job, signal)` never rejects; `changed` is called when a job begins or ends. */
  constructor(run, { inFlight, changed }) {
    this.run = run;
    this.inFlight = inFlight;
    this.changed = changed;
  }

  /** How many have not ended. */
  get open() {
    return this.#waiting.length + this.#running.size;
  }

  /** Whether a job that has not ended is one that is meant. */
  has(isMeant) {
    return [...this.#waiting, ...this.#running].some(isMeant);
  }

  add(...jobs) {
    this.#waiting.push(...jobs);
    this.#begin();
  }

  /** Drop the jobs for which `isWanted` is false and that have not begun. */
  keep(isWanted) {
    this.#waiting = this.#waiting.filter(isWanted);
  }

  /** Abort what runs and forget what waits. */
  stop() {
    this.#waiting = [];
    this.#stop.abort();
    this.#stop = new AbortController();
    this.changed();
  }

  #begin() {
    while (this.#running.size < this.inFlight && this.#waiting.length) {
      this.#finish(this.#waiting.shift());
    }
    this.changed();
  }

  async #finish(job) {
    this.#running.add(job);
    try {
      await this.run(job, this.#stop.signal);
    } finally {
      this.#running.delete(job);
      this.#begin();
    }
  }
}

/** Sleep; rejects when `signal` aborts. */
export const sleep = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const aborted = () => (clearTimeout(timer), reject(signal.reason));
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', aborted);
      resolve();
    }, seconds * 1000);
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
  });
