// The studio: pictures in, captions out. What it knows is in `items`; cards show it.

import { atRest, isOpen, keepAbout, newCaption, newItems, progressOf } from './album.js';
import { Failure, baseURL, captions, key, requestFor, storageName, voices } from './api.js';
import { Card } from './cards.js';
import { controlsIn, notesOn } from './controls.js';
import { asCSV, asJSON, sidecars } from './exports.js';
import { VoicePicker } from './picker.js';
import { dataURL, filesIn, isPicture, prepared } from './pictures.js';
import { Queue, sleep } from './queue.js';
import { asCurl, asPython } from './shown_request.js';
import { openStore } from './store.js';
import { waitAfter } from './waits.js';
import { zipped } from './zip.js';

const IN_FLIGHT = 4; // a browser opens six connections to a host, and there may be a second tab
const SAVE_AFTER_MS = 400;
const STOPPED = Symbol('stopped');

const $ = (id) => document.getElementById(id);
const never = new AbortController().signal;

const { store, kept } = await openStore(storageName('album'));
const items = kept.sort((one, other) => one.addedAt - other.addedAt);
const cards = new Map();
const stops = new Map(); // of each item, for when it is removed
const queue = new Queue(write, { inFlight: IN_FLIGHT, changed: showProgress });
const keyIsNew = new EventTarget();
const picker = new VoicePicker($('voices'), voices, (ids) => tell(`New: ${ids.join(', ')}.`));
let told = '';
let stopped = 0; // how often the user stopped everything
let cleared = 0; // … or removed it

// ---- pictures ----

async function add(files) {
  const pictures = [...files].filter(isPicture);
  const others = files.length - pictures.length;
  if (others) tell(others === 1 ? 'One file is no picture.' : `${others} files are no pictures.`);
  if (!pictures.length || !(await voicesAreKnown)) return;
  const wishes = wishesNow();
  if (!wishes.voices.length) return tell('Choose a voice first.');
  const before = { stopped, cleared };
  const together = [];
  for (const file of pictures) {
    const picture = await prepared(file);
    if (cleared !== before.cleared) return;
    if (wishes.forAll) together.push(picture);
    else begin(newItems([picture], wishes), stopped === before.stopped);
  }
  if (together.length) begin(newItems(together, wishes), stopped === before.stopped);
}

/** Show new items; write their captions unless the user stopped everything meanwhile. */
function begin(added, isWanted) {
  for (const item of added) {
    items.push(item);
    save(item);
    show(item);
    if (isWanted) queue.add(...item.takes.map((take) => ({ item, take })));
  }
  showProgress();
}

function wishesNow() {
  return {
    voices: picker.chosen,
    n: Number($('variants').value),
    forAll: $('wishes').elements.scope.value === 'all',
    steering: $('steering').value.trim(),
    controls: controlsNow(),
  };
}

function controlsNow() {
  return controlsIn(Object.fromEntries(new FormData($('wishes'))));
}

/** Say how many controls are set: they may be folded away. */
function countControls() {
  const number = Object.keys(controlsNow()).length;
  $('controls-set').textContent = number ? `(${number} set)` : '';
}

// ---- captions ----

/** Write all captions of a take, or only the one to write `again`. Never rejects. */
async function write({ item, take }, stop) {
  const signal = AbortSignal.any([stop, stops.get(item).signal]);
  const place = take.again;
  const reason = await untilDone(item, take, signal, async () => {
    if (place === undefined) take.captions = take.captions.map(newCaption);
    else Object.assign(take, { draft: '', draftMarks: undefined });
    update(item, take, place === undefined ? 'writing' : 'done');
    await stream(item, take, signal);
  });
  if (place === undefined) {
    const state = reason === STOPPED ? 'waiting' : reason ? 'failed' : 'done';
    update(item, take, state, reason === STOPPED ? '' : reason);
  } else {
    const { draft: text, draftMarks: marks } = take;
    if (!reason) take.captions[place] = { ...newCaption(), text, ...(marks && { marks }) };
    atRest(take);
    update(item, take, 'done', reason === STOPPED ? '' : reason);
  }
  save(item);
}

/** Call `attempt` until it succeeds; return '' then, else why it never will, or `STOPPED`. */
async function untilDone(item, take, signal, attempt) {
  for (let tries = 1; ; tries += 1) {
    const usedKey = key.get();
    try {
      await attempt();
      return '';
    } catch (error) {
      if (signal.aborted) return STOPPED;
      if (error.status === 401) {
        if (key.get() !== usedKey || (await keyIsGiven(error.message))) continue;
        stopAll();
        return STOPPED;
      }
      const wait = waitAfter(error, tries);
      if (!wait) return error.message;
      update(item, take, take.state, navigator.onLine ? wait.why : 'You are offline.');
      await sleep(wait.seconds, signal).catch(() => {});
      if (signal.aborted) return STOPPED;
    }
  }
}

async function stream(item, take, signal) {
  const isAgain = take.again !== undefined;
  const urls = await Promise.all(item.pictures.map((picture) => dataURL(picture.blob)));
  const seed = isAgain ? Math.floor(Math.random() * 2 ** 31) : undefined;
  const { steering, controls } = item;
  const wishes = { voice: take.voice, n: isAgain ? 1 : take.n, steering, controls, seed };
  for await (const { about, index, text } of captions(requestFor(urls, wishes), signal)) {
    if (about) keepAbout(item, take, about);
    else if (isAgain) take.draft += text;
    else if (take.captions[index]) take.captions[index].text += text;
    cards.get(item)?.refresh();
  }
  const written = isAgain ? [{ text: take.draft, marks: take.draftMarks }] : take.captions;
  const empty = written.find((caption) => !caption.text);
  if (!empty) return;
  const why = ['The service wrote nothing', ...notesOn(empty.marks)].join('; ');
  throw new Failure(`${why}.`, { status: 400 });
}

function update(item, take, state, why = '') {
  Object.assign(take, { state, why });
  cards.get(item)?.refresh();
  showProgress();
}

function stopAll() {
  stopped += 1;
  queue.stop();
  for (const item of items) {
    for (const take of item.takes) atRest(take);
    cards.get(item).refresh();
  }
  showProgress();
}

const jobsOf = (state) =>
  items.flatMap((item) =>
    item.takes.filter((take) => take.state === state).map((take) => ({ item, take })),
  );

const act = {
  async copy(text, said) {
    tell((await isCopied(text)) ? said : 'The browser does not allow copying.');
  },
  edit(item, caption, text) {
    Object.assign(caption, { text, edited: true });
    delete caption.marks; // they are of other words
    cards.get(item).refresh();
    saveSoon(item);
  },
  favourite(item, caption) {
    caption.favourite = !caption.favourite;
    cards.get(item).refresh();
    save(item);
  },
  regenerate(item, take, place) {
    take.again = place;
    update(item, take, 'done');
    queue.add({ item, take });
  },
  tryAgain(item, take) {
    update(item, take, 'waiting');
    queue.add({ item, take });
  },
  remove(item) {
    const next = cards.get(item).element.nextElementSibling;
    (next?.querySelector('.remove') ?? $('pick')).focus();
    forget(item);
    store.remove(item.id).catch(() => {});
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
      await picker.read(never);
      tell('');
      return true;
    } catch (error) {
      if (error.status === 401) {
        if (!(await keyIsGiven(error.message))) {
          tell('The service asks for a key. Press “API key” to give it.');
          await new Promise((go) => keyIsNew.addEventListener('given', go, { once: true }));
        }
        continue;
      }
      const wait = waitAfter(error, Math.min(tries, 2)) ?? { seconds: 5, why: error.message };
      tell(wait.why);
      await sleep(wait.seconds, never);
    }
  }
}

let asking = null;

/** Ask for a key, once for all that want one; return whether one was given. */
function keyIsGiven(why = 'Some services ask for a key. It is kept until you close this tab.') {
  asking ??= new Promise((resolve) => {
    const dialog = $('key-dialog');
    $('key-why').textContent = why;
    $('key').value = key.get();
    dialog.returnValue = '';
    dialog.showModal();
    dialog.addEventListener('close', () => {
      const isGiven = dialog.returnValue === 'save';
      if (isGiven) key.set($('key').value.trim());
      asking = null;
      resolve(isGiven);
      if (isGiven) keyIsNew.dispatchEvent(new Event('given'));
    }, { once: true });
  });
  return asking;
}

// ---- the screen ----

function show(item, place = $('cards').firstElementChild) {
  const card = new Card(item, act);
  cards.set(item, card);
  stops.set(item, new AbortController());
  $('cards').insertBefore(card.element, place);
}

/** Remove an item from the screen, and end what is asked for it. */
function forget(item) {
  items.splice(items.indexOf(item), 1);
  queue.keep((job) => job.item !== item);
  stops.get(item).abort();
  stops.delete(item);
  cards.get(item).remove();
  cards.delete(item);
  showProgress();
}

/** Show what another tab has changed, unless this one is about to change it too. */
async function takeOver(id) {
  const mine = items.find((item) => item.id === id);
  if (mine && (unsaved.has(mine) || queue.has((job) => job.item === mine))) return;
  const theirs = await store.get(id);
  const place = mine && cards.get(mine).element.nextElementSibling;
  if (mine) forget(mine);
  if (!theirs) return;
  items.push(theirs);
  items.sort((one, other) => one.addedAt - other.addedAt);
  show(theirs, mine ? place : undefined);
  showProgress();
}

/** Say something that is of interest until the next thing is said. */
function tell(text) {
  told = text;
  showProgress();
}

/** Say something that stays. */
function warn(text) {
  $('warning').textContent = text;
}

function showProgress() {
  const { all, written, failed } = progressOf(items);
  const open = all - written - failed;
  const waiting = items.flatMap((item) => item.takes).find((take) => isOpen(take) && take.why);
  const counts = all && `${written} of ${all} captions written${failed ? `, ${failed} failed` : ''}.`;
  const text = [counts, waiting?.why, told].filter(Boolean).join(' ');
  if ($('status').textContent !== text) $('status').textContent = text; // else it is read again
  Object.assign($('progress'), { max: Math.max(all, 1), value: written + failed, hidden: !open });
  $('stop').hidden = !queue.open;
  $('go-on').hidden = !open || queue.open > 0;
  $('try-failed').hidden = !failed || queue.open > 0;
  $('tools').hidden = !items.length;
  $('empty').hidden = items.length > 0;
}

const unsaved = new Map();

/** Save soon: a caption that is typed is not saved at every letter. */
function saveSoon(item) {
  clearTimeout(unsaved.get(item));
  unsaved.set(item, setTimeout(save, SAVE_AFTER_MS, item));
}

function save(item) {
  clearTimeout(unsaved.get(item));
  unsaved.delete(item);
  if (!items.includes(item)) return; // removed meanwhile
  store.put(item).catch(() => warn('The browser has no room to keep all of this after a reload.'));
}

async function isCopied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over http from another machine there is no such clipboard; the older way still works.
    const focused = document.activeElement;
    const area = document.createElement('textarea');
    area.value = text;
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    focused?.focus();
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
addEventListener('paste', ({ target, clipboardData }) => {
  const isText = target.closest?.('input, textarea') && clipboardData.types.includes('text/plain');
  if (clipboardData.files.length && !isText) add([...clipboardData.files]);
});
for (const name of ['dragover', 'dragleave', 'drop']) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    $('drop').classList.toggle('over', name === 'dragover');
    if (name === 'drop') filesIn(event.dataTransfer).then(add);
  });
}
addEventListener('pagehide', () => [...unsaved.keys()].forEach(save));
$('wishes').addEventListener('submit', (event) => event.preventDefault());
$('wishes').addEventListener('input', countControls);
$('stop').addEventListener('click', stopAll);
$('go-on').addEventListener('click', () => queue.add(...jobsOf('waiting')));
$('try-failed').addEventListener('click', () => {
  for (const { item, take } of jobsOf('failed')) act.tryAgain(item, take);
});
$('export').addEventListener('click', () => EXPORTS[$('format').value]());
$('only-favourites').addEventListener('change', ({ target }) =>
  $('cards').classList.toggle('only-favourites', target.checked));
$('clear').addEventListener('click', () => {
  if (!confirm('Remove all pictures and captions from this browser?')) return;
  cleared += 1;
  for (const item of [...items]) act.remove(item);
});
$('open-key').addEventListener('click', () => keyIsGiven());
$('cancel-key').addEventListener('click', () => $('key-dialog').close(''));
for (const kind of ['curl', 'python']) {
  $(`copy-${kind}`).addEventListener('click', () => act.copy($(`request-${kind}`).textContent, 'Copied.'));
}
store.onChange(takeOver);

// ---- the start ----

for (const item of items) {
  for (const take of item.takes) atRest(take);
  show(item);
}
const voicesAreKnown = askForVoices();
countControls(); // a browser may fill the form in again after a reload
if (!store.lasts) warn('This browser does not keep the album after a reload.');
showProgress();
