// The studio: pictures in, captions out. What it knows is in `items`; cards show it.

import { isOpen, nameOf, newCaption, newItems, progressOf } from './album.js';
import { baseURL, captions, key, requestFor, voices } from './api.js';
import { Card } from './cards.js';
import { asCSV, asJSON, sidecars } from './exports.js';
import { dataURL, filesIn, isPicture, prepared } from './pictures.js';
import { Queue, sleep } from './queue.js';
import { asCurl, asPython } from './shown_request.js';
import { openStore } from './store.js';
import { waitAfter } from './waits.js';
import { zipped } from './zip.js';

const IN_FLIGHT = 6; // as many connections as a browser opens to one host
const SAVE_AFTER_MS = 400;

const $ = (id) => document.getElementById(id);
const never = new AbortController().signal;

const store = await openStore();
const items = (await store.all()).sort((one, other) => one.addedAt - other.addedAt);
const cards = new Map();
const queue = new Queue(write, { inFlight: IN_FLIGHT, changed: showProgress });
let toldLast = '';

// ---- pictures ----

async function add(files) {
  const pictures = [...files].filter(isPicture);
  const others = files.length - pictures.length;
  if (others) tell(others === 1 ? 'One file is no picture.' : `${others} files are no pictures.`);
  if (!pictures.length || !(await voicesAreKnown)) return;
  const wishes = wishesNow();
  if (!wishes.voices.length) return tell('Choose a voice first.');
  if (wishes.forAll) return begin(newItems(await Promise.all(pictures.map(prepared)), wishes));
  for (const file of pictures) begin(newItems([await prepared(file)], wishes));
}

function begin(added) {
  for (const item of added) {
    items.push(item);
    save(item);
    show(item);
    queue.add(...item.takes.map((take) => ({ item, take })));
  }
}

function wishesNow() {
  return {
    voices: [...$('voices').querySelectorAll(':checked')].map((box) => box.value),
    n: Number($('variants').value),
    forAll: $('wishes').elements.scope.value === 'all',
    steering: $('steering').value.trim(),
  };
}

// ---- captions ----

/** Write all captions of a take, or only the one to write `again`. Never rejects. */
async function write({ item, take }, signal) {
  const isAgain = take.again !== undefined;
  const wanted = isAgain ? [take.again] : take.captions.map((_, place) => place);
  const before = [...take.captions];
  for (let tries = 1; ; tries += 1) {
    for (const place of wanted) take.captions[place] = newCaption();
    update(item, take, 'writing');
    try {
      await stream(item, take, wanted, signal);
      update(item, take, 'done');
      break;
    } catch (error) {
      if (error.status === 401 && !signal.aborted && (await keyIsGiven(error.message))) continue;
      const wait = signal.aborted ? null : waitAfter(error, tries);
      if (!wait && isAgain) take.captions = before;
      if (!wait) {
        const state = signal.aborted ? 'waiting' : isAgain ? 'done' : 'failed';
        update(item, take, state, signal.aborted ? '' : error.message);
        break;
      }
      update(item, take, 'waiting', navigator.onLine ? wait.why : 'You are offline.');
      await sleep(wait.seconds, signal).catch(() => {});
    }
  }
  if (!isOpen(take)) delete take.again;
  save(item);
}

async function stream(item, take, wanted, signal) {
  const urls = await Promise.all(item.pictures.map((picture) => dataURL(picture.blob)));
  const seed = take.again === undefined ? undefined : Math.floor(Math.random() * 2 ** 31);
  const wishes = { voice: take.voice, n: wanted.length, steering: item.steering, seed };
  for await (const { about, index, text } of captions(requestFor(urls, wishes), signal)) {
    if (about) Object.assign(item.about, about);
    else take.captions[wanted[index]].text += text;
    cards.get(item)?.refresh();
  }
}

function update(item, take, state, why = '') {
  Object.assign(take, { state, why });
  cards.get(item)?.refresh();
  showProgress();
}

const act = {
  async copy(text, told) {
    tell((await isCopied(text)) ? told : 'The browser does not allow copying.');
  },
  edit(item, caption, text) {
    Object.assign(caption, { text, edited: true });
    save(item);
  },
  favourite(item, caption) {
    caption.favourite = !caption.favourite;
    cards.get(item).refresh();
    save(item);
  },
  regenerate(item, take, place) {
    take.again = place;
    update(item, take, 'waiting');
    queue.add({ item, take });
  },
  tryAgain(item, take) {
    update(item, take, 'waiting');
    queue.add({ item, take });
  },
  remove(item) {
    items.splice(items.indexOf(item), 1);
    queue.keep((job) => job.item !== item);
    cards.get(item).remove();
    cards.delete(item);
    store.remove(item.id);
    showProgress();
  },
  showRequest(item) {
    const options = { baseURL, hasKey: Boolean(key.get()) };
    $('request-curl').textContent = asCurl(item, item.takes[0], options);
    $('request-python').textContent = asPython(item, item.takes[0], options);
    $('request-dialog').showModal();
  },
};

// ---- the service ----

/** Ask until the voices are known; return whether they are. */
async function askForVoices() {
  for (let tries = 1; ; tries += 1) {
    try {
      showVoices(await voices(never));
      tell('');
      return true;
    } catch (error) {
      if (error.status === 401 && (await keyIsGiven(error.message))) continue;
      const wait = waitAfter(error, tries) ?? { seconds: 5, why: error.message };
      tell(wait.why);
      await sleep(wait.seconds, never);
    }
  }
}

function showVoices(names) {
  const boxes = names.map((name, place) => {
    const label = document.createElement('label');
    const box = document.createElement('input');
    Object.assign(box, { type: 'checkbox', value: name, checked: place === 0 });
    label.append(box, ` ${name}`);
    return label;
  });
  $('voices').querySelector('.hint')?.remove();
  $('voices').append(...boxes);
}

let asking = null;

/** Ask for a key, once for all that want one; return whether one was given. */
function keyIsGiven(why) {
  asking ??= new Promise((resolve) => {
    $('key-why').textContent = why ?? 'Some services ask for a key. It is kept until you close this tab.';
    $('key').value = key.get();
    $('key-dialog').returnValue = '';
    $('key-dialog').showModal();
    $('key-dialog').addEventListener('close', () => {
      const isGiven = $('key-dialog').returnValue === 'save';
      if (isGiven) key.set($('key').value.trim());
      asking = null;
      resolve(isGiven);
    }, { once: true });
  });
  return asking;
}

// ---- the screen ----

function show(item) {
  const card = new Card(item, act);
  cards.set(item, card);
  $('cards').prepend(card.element);
}

function tell(text) {
  toldLast = text;
  showProgress();
}

function showProgress() {
  const { all, written, failed } = progressOf(items);
  const open = all - written - failed;
  const why = items.flatMap((item) => item.takes).find((take) => isOpen(take) && take.why)?.why;
  const counts = all && `${written} of ${all} captions written${failed ? `, ${failed} failed` : ''}.`;
  $('status').textContent = [counts, open && why, toldLast].filter(Boolean).join(' ');
  Object.assign($('progress'), { max: Math.max(all, 1), value: written + failed, hidden: !open });
  $('stop').hidden = !queue.open;
  $('go-on').hidden = !open || queue.open > 0;
  $('tools').hidden = !items.length;
  $('empty').hidden = items.length > 0;
}

const unsaved = new Map();

/** Save soon: a caption that is typed is not saved at every letter. */
function save(item) {
  clearTimeout(unsaved.get(item));
  unsaved.set(item, setTimeout(saveNow, SAVE_AFTER_MS, item));
}

function saveNow(item) {
  clearTimeout(unsaved.get(item));
  unsaved.delete(item);
  if (!items.includes(item)) return; // removed meanwhile
  store.put(item).catch(() => tell('The browser has no room to keep this after a reload.'));
}

async function isCopied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over http from another machine there is no such clipboard; the older way still works.
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    return isDone;
  }
}

function download(name, data, type) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([data], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const EXPORTS = {
  zip: () => download('captions.zip', zipped(sidecars(items)), 'application/zip'),
  csv: () => download('captions.csv', asCSV(items), 'text/csv'),
  json: () => download('captions.json', asJSON(items), 'application/json'),
};

// ---- what the user does ----

for (const id of ['pick', 'photograph']) {
  $(id).addEventListener('change', ({ target }) => {
    add([...target.files]);
    target.value = ''; // the same file may be picked again
  });
}
addEventListener('paste', ({ clipboardData }) => {
  if (clipboardData?.files.length) add([...clipboardData.files]);
});
for (const name of ['dragover', 'dragleave', 'drop']) {
  addEventListener(name, (event) => {
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') filesIn(event.dataTransfer).then(add);
  });
}
addEventListener('pagehide', () => [...unsaved.keys()].forEach(saveNow));
$('wishes').addEventListener('submit', (event) => event.preventDefault());
$('stop').addEventListener('click', () => queue.stop());
$('go-on').addEventListener('click', () => {
  for (const item of items)
    queue.add(...item.takes.filter(isOpen).map((take) => ({ item, take })));
});
$('export').addEventListener('click', () => EXPORTS[$('format').value]());
$('only-favourites').addEventListener('change', ({ target }) =>
  $('cards').classList.toggle('only-favourites', target.checked));
$('clear').addEventListener('click', () => {
  if (!confirm('Remove all pictures and captions from this browser?')) return;
  queue.stop();
  for (const item of [...items]) act.remove(item);
});
$('open-key').addEventListener('click', () => keyIsGiven());
for (const kind of ['curl', 'python']) {
  $(`copy-${kind}`).addEventListener('click', () => act.copy($(`request-${kind}`).textContent, 'Copied.'));
}

// ---- the start ----

for (const item of items) {
  for (const take of item.takes) if (isOpen(take)) update(item, take, 'waiting');
  show(item);
}
const voicesAreKnown = askForVoices();
if (!store.lasts) tell('This browser does not keep the album after a reload.');
showProgress();
