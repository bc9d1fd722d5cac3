// The album in IndexedDB: it survives a reload and leaves the browser only as requests.

const NAME = 'caption-studio';
const ITEMS = 'items';

/** Return the store; one that forgets at a reload where the browser allows no other. */
export async function openStore() {
  try {
    return new Store(await opened());
  } catch {
    return new Forgetful();
  }
}

class Store {
  lasts = true;

  constructor(database) {
    this.database = database;
  }

  all = () => this.#done('readonly', (items) => items.getAll());
  put = (item) => this.#done('readwrite', (items) => items.put(item));
  remove = (id) => this.#done('readwrite', (items) => items.delete(id));
  clear = () => this.#done('readwrite', (items) => items.clear());

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
  all = async () => [];
  put = async () => {};
  remove = async () => {};
  clear = async () => {};
}

const opened = () =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(ITEMS, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error);
  });
