// The album in IndexedDB: it survives a reload and leaves the browser only as requests.

const ITEMS = 'items';
const OPENING_MS = 5000;

/** Return the store and what is in it; one that forgets where the browser allows no other. */
export async function openStore(name) {
  try {
    const store = new Store(await opened(name), new BroadcastChannel(name));
    return { store, kept: await store.all() };
  } catch {
    return { store: new Forgetful(), kept: [] };
  }
}

class Store {
  lasts = true;

  constructor(database, channel) {
    this.database = database;
    this.channel = channel;
  }

  all = () => this.#done('readonly', (items) => items.getAll());
  get = (id) => this.#done('readonly', (items) => items.get(id));
  put = (item) => this.#changed(item.id, (items) => items.put(item));
  remove = (id) => this.#changed(id, (items) => items.delete(id));

  /** Have `listener` called with the id of each item that another tab changed or removed. */
  onChange(listener) {
    this.channel.onmessage = ({ data }) => listener(data);
  }

  async #changed(id, call) {
    await this.#done('readwrite', call);
    this.channel.postMessage(id);
  }

  #done(mode, call) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(ITEMS, mode);
      const request = call(transaction.objectStore(ITEMS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  }
}

class Forgetful {
  lasts = false;
  put = async () => {};
  remove = async () => {};
  onChange() {}
}

const opened = (name) =>
  new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('it hangs')), OPENING_MS);
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ITEMS, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error);
  });
