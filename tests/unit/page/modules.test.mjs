import assert from 'node:assert/strict';
import test from 'node:test';

const PAGE = new URL('../../../serve/caption_studio/page/', import.meta.url);
const load = (name) => import(new URL(name, PAGE));

globalThis.sessionStorage = { getItem: () => null };
const { keepAbout, newItems, progressOf, seenIn, warningAbout } = await load('album.js');
const { events, requestFor, voices } = await load('api.js');
const { controlsIn, marksIn, notesOn } = await load('controls.js');
const { asCSV, records, sidecars } = await load('exports.js');
const { Queue, sleep } = await load('queue.js');
const { asCurl, asPython } = await load('shown_request.js');
const { waitAfter } = await load('waits.js');
const { zipped } = await load('zip.js');

const picture = (name) => ({ name, blob: null, thumb: null });
const wishes = { voices: ['lively', 'plain'], n: 2, forAll: false, steering: '', controls: {} };

function written(name, ...texts) {
  const [item] = newItems([picture(name)], { ...wishes, voices: ['lively'], n: texts.length });
  item.about = { description: 'a cat', alt_text: 'A cat.' };
  texts.forEach((text, place) => (item.takes[0].captions[place].text = text));
  item.takes[0].state = 'done';
  return item;
}

test('an item for each picture, or one for all', () => {
  const pictures = [picture('a.jpg'), picture('b.jpg')];
  const each = newItems(pictures, wishes);
  assert.deepEqual(each.map((item) => item.pictures.length), [1, 1]);
  assert.deepEqual(each[0].takes.map((take) => [take.voice, take.captions.length]), [['lively', 2], ['plain', 2]]);
  assert.notEqual(each[0].id, each[1].id);
  const all = newItems(pictures, { ...wishes, forAll: true });
  assert.deepEqual(all.map((item) => item.pictures.length), [2]);
});

test('progress counts captions', () => {
  const items = newItems([picture('a.jpg')], wishes);
  items[0].takes[0].state = 'done';
  items[0].takes[1].state = 'failed';
  assert.deepEqual(progressOf(items), { all: 4, written: 2, failed: 2 });
});

test('what was seen, with how sure it is', () => {
  assert.equal(seenIn({}), '');
  assert.equal(seenIn({ description: 'a cat' }), 'Seen: a cat.');
  const sure = { description: 'a cat', confidence: 0.914 };
  assert.equal(seenIn(sure), 'Seen: a cat (91 % sure).');
  assert.equal(seenIn({ ...sure, familiar: true }), 'Seen: a cat (91 % sure).');
  assert.equal(seenIn({ ...sure, familiar: false }), 'Seen: a cat.');
});

test('a picture that is said to be unfamiliar gets a warning, another does not', () => {
  assert.match(warningAbout({ description: 'a cat', familiar: false }), /unlike.*may be wrong/);
  assert.equal(warningAbout({ description: 'a cat', familiar: true }), '');
  assert.equal(warningAbout({ description: 'a cat' }), '');
});

test('a request holds the wish, the pictures and nothing that was not asked for', () => {
  assert.deepEqual(requestFor(['data:x'], { voice: 'v', n: 1, steering: '' }), {
    model: 'v',
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:x' } }] }],
  });
  const full = requestFor(['a', 'b'], { voice: 'v', n: 3, steering: 'Short.', seed: 0 });
  assert.deepEqual([full.temperature, full.n, full.seed, full.messages[0].content.length], [1, 3, 0, 3]);
});

test('the controls of a form are those that are set', () => {
  const untouched = { platform: '', length: '', hashtags: '', emoji: '', avoid: ' , ', scope: 'each' };
  assert.deepEqual(controlsIn(untouched), {});
  assert.deepEqual(
    controlsIn({ platform: 'x', length: 'short', hashtags: '0', emoji: 'no', avoid: 'sea, new york,sea、海 ,' }),
    { platform: 'x', length: 'short', hashtags: 0, emoji: false, avoid: ['sea', 'new york', '海'] },
  );
});

test('a request holds the controls that are set', () => {
  const asked = { voice: 'v', n: 1, steering: '' };
  assert.ok(!('caption_studio' in requestFor(['a'], { ...asked, controls: {} })));
  assert.deepEqual(requestFor(['a'], { ...asked, controls: { hashtags: 0 } }).caption_studio, { hashtags: 0 });
});

test('notes say what does not hold, and nothing of what does', () => {
  assert.deepEqual(notesOn(undefined), []);
  assert.deepEqual(notesOn({ controls: { length: true }, faithful: true, flagged: [] }), []);
  assert.deepEqual(
    notesOn({ controls: { hashtags: false, emoji: true, length: false }, faithful: false, flagged: ['word', 'hate'] }),
    ['not kept: hashtags, length', 'contradicts the description', 'flagged: word, hate'],
  );
});

test('marks go to their captions, and what was seen to the item', () => {
  const [item] = newItems([picture('a.jpg')], wishes);
  const [take, other] = item.takes;
  keepAbout(item, take, { description: 'a cat' });
  assert.ok(!('marks' in take.captions[0]));
  keepAbout(item, take, {
    description: 'a cat',
    controls: { length: true },
    captions: [{ index: 1, caption: 'B', controls: { length: false } }, { index: 0, caption: 'A', flagged: ['word'] }, { index: 9, faithful: false }],
  });
  assert.deepEqual(take.captions.map(({ marks }) => marks), [{ flagged: ['word'] }, { controls: { length: false } }]);
  assert.deepEqual(item.about, { description: 'a cat' });
  keepAbout(item, other, { alt_text: 'A cat.', faithful: false });
  assert.deepEqual(other.captions.map(({ marks }) => marks), [{ faithful: false }, undefined]);
  take.again = 1;
  keepAbout(item, take, { faithful: true });
  assert.deepEqual([take.draftMarks, take.captions[1].marks], [{ faithful: true }, { controls: { length: false } }]);
  assert.deepEqual(marksIn({ caption: 'A', faithful: false }), { faithful: false });
});

test('voices have their descriptions; the base model is one only if there is no other', async () => {
  const base = { id: 'base', parent: null, description: 'plain' };
  const answers = [[base, { id: 'lively', parent: 'base' }, { id: 'food', parent: 'lively', description: 'For food.' }], [base]];
  globalThis.fetch = async () => Response.json({ data: answers.shift() });
  const { signal } = new AbortController();
  assert.deepEqual(await voices(signal), [{ id: 'lively', description: '' }, { id: 'food', description: 'For food.' }]);
  assert.deepEqual(await voices(signal), [{ id: 'base', description: 'plain' }]);
  delete globalThis.fetch;
});

test('events come whole however the bytes are cut', async () => {
  const bytes = new TextEncoder().encode('data: {"a": "🌊"}\n\ndata: [DONE]\n\n');
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.slice(0, cut));
        controller.enqueue(bytes.slice(cut));
        controller.close();
      },
    });
    const found = [];
    for await (const data of events(body)) found.push(data);
    assert.deepEqual(found, ['{"a": "🌊"}', '[DONE]']);
  }
});

test('a stream that breaks is a failure that may be tried again', async () => {
  const body = new ReadableStream({ start: (controller) => controller.error(new TypeError('network')) });
  const failure = await events(body).next().then(() => null, (error) => error);
  assert.equal(failure.status, 0);
  assert.ok(waitAfter(failure, 1));
});

test('a full or waking service is asked again when it says so, a refusal is not', () => {
  assert.equal(waitAfter({ status: 429, retryAfterS: 7 }, 1).seconds, 7);
  assert.equal(waitAfter({ status: 429, retryAfterS: 9000 }, 1).seconds, 60);
  assert.match(waitAfter({ status: 503, retryAfterS: 3 }, 9).why, /40 s/);
  assert.equal(waitAfter({ status: 503, code: 'adapter_unavailable' }, 1), null);
  assert.equal(waitAfter({ status: 0, code: 'unreachable' }, 50).seconds, 32);
  assert.ok(waitAfter({ status: 0 }, 2));
  assert.equal(waitAfter({ status: 0 }, 3), null);
  assert.match(waitAfter({ status: 429, code: 'rate_limit_exceeded' }, 1).why, /your key/);
  assert.ok(waitAfter({ status: 500 }, 2));
  assert.equal(waitAfter({ status: 500 }, 3), null);
  assert.equal(waitAfter({ status: 400 }, 1), null);
});

test('a queue keeps to its bound and its order, and stops', async () => {
  const begun = [];
  const ends = [];
  const run = (job, signal) => {
    begun.push(job);
    return new Promise((resolve) => {
      ends.push(resolve);
      signal.addEventListener('abort', resolve);
    });
  };
  const queue = new Queue(run, { inFlight: 2, changed: () => {} });
  queue.add('a', 'b', 'c', 'd');
  assert.deepEqual([begun, queue.open], [['a', 'b'], 4]);
  queue.keep((job) => job !== 'c');
  ends[0]();
  await sleep(0, new AbortController().signal);
  assert.deepEqual([begun, queue.open], [['a', 'b', 'd'], 2]);
  queue.stop();
  await sleep(0, new AbortController().signal);
  assert.equal(queue.open, 0);
  queue.add('e');
  assert.equal(begun.at(-1), 'e');
});

test('sleep ends early when it is stopped', async () => {
  const stop = new AbortController();
  const asleep = sleep(1000, stop.signal);
  stop.abort();
  await assert.rejects(asleep);
  await assert.rejects(sleep(1000, stop.signal));
});

test('a table keeps commas, quotes and line breaks', () => {
  const table = asCSV([written('a, b.jpg', 'Sea, "you"\nsoon', '')]);
  assert.equal(
    table,
    '\ufeffpicture,voice,caption,favourite,alt_text,description,not_kept,faithful,flagged\r\n' +
      '"a, b.jpg",lively,"Sea, ""you""\nsoon",no,A cat.,a cat,,,\r\n',
  );
});

test('exports tell what was checked', () => {
  const item = written('a.jpg', 'One', 'Two');
  const marks = { controls: { length: false, emoji: true, hashtags: false }, faithful: false, flagged: ['word', 'hate'] };
  item.takes[0].captions[0].marks = marks;
  item.takes[0].captions[1].marks = { faithful: true };
  const [, first, second] = asCSV([item]).split('\r\n');
  assert.equal(first, 'a.jpg,lively,One,no,A cat.,a cat,"length, hashtags",no,"word, hate"');
  assert.equal(second, 'a.jpg,lively,Two,no,A cat.,a cat,,yes,');
  assert.deepEqual(records([item])[0].captions[0], { voice: 'lively', caption: 'One', favourite: false, ...marks });
});

test('no cell of a table is taken for a formula', () => {
  assert.ok(asCSV([written('=1+1.jpg', '@home')]).includes("\r\n'=1+1.jpg,lively,'@home,no,"));
});

test('only what is finished or was edited is exported', () => {
  const item = written('a.jpg', 'Half', 'Edited');
  item.takes[0].state = 'writing';
  item.takes[0].captions[1].edited = true;
  assert.deepEqual(records([item])[0].captions.map(({ caption }) => caption), ['Edited']);
});

test('a folder has a text and the details for each picture, under names of its own', () => {
  const items = [
    written('a.jpg', 'One', 'Two'), written('A.png', 'Three'), written('x/y:z.jpg'),
    written('con.jpg'), written(`${'東'.repeat(300)}.jpg`),
  ];
  items[0].takes[0].captions[1].favourite = true;
  const files = sidecars(items);
  assert.deepEqual(files.map(([name]) => name), [
    'a.txt', 'a.json', 'A (2).txt', 'A (2).json', 'x_y_z.txt', 'x_y_z.json',
    '_con.txt', '_con.json', `${'東'.repeat(66)}.txt`, `${'東'.repeat(66)}.json`,
  ]);
  assert.equal(files[0][1], 'Two\n');
  assert.deepEqual(JSON.parse(files[1][1]), records([items[0]])[0]);
});

test('shown requests say what is meant, whatever the names and wishes hold', async () => {
  const { execFileSync } = await import('node:child_process');
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const folder = mkdtempSync('/tmp/shown-');
  const name = `it's; a "b", \\c.jpg`;
  writeFileSync(`${folder}/${name}`, 'JPEG');
  writeFileSync(`${folder}/curl`, '#!/usr/bin/env python3\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n', { mode: 0o755 });
  const controls = { hashtags: 0, emoji: false, avoid: [`it's "so"`, '海'] };
  const item = { ...written(name, 'One'), steering: `@secret; <"it's" \\ `, controls };
  const options = { baseURL: 'http://127.0.0.1:8000/v1', hasKey: true };
  const curl = asCurl(item, item.takes[0], options);
  const said = JSON.parse(execFileSync('bash', ['-c', curl], { env: { PATH: `${folder}:${process.env.PATH}`, CAPTION_STUDIO_API_KEY: 'k' } }));
  rmSync(folder, { recursive: true });
  assert.deepEqual(said, [
    '-s', 'http://127.0.0.1:8000/v1/completions', '-H', 'Authorization: Bearer k',
    '--form-string', 'model=lively', '--form-string', `prompt=${item.steering}`,
    '--form-string', `caption_studio=${JSON.stringify(controls)}`,
    '-F', `image=@"it's; a \\"b\\", \\\\c.jpg"`,
  ]);
  const python = asPython(item, item.takes[0], options);
  assert.ok(python.includes(JSON.stringify(item.steering)));
  assert.ok(python.includes('os.environ["CAPTION_STUDIO_API_KEY"]'));
  const literal = python.match(/extra_body=(.*),/)[1];
  const read = execFileSync('python3', ['-c', `import json; print(json.dumps(${literal}))`], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(read), { caption_studio: controls });
  assert.ok(!asPython({ ...item, controls: undefined }, item.takes[0], options).includes('extra_body'));
  assert.ok(!asCurl({ ...item, controls: {} }, item.takes[0], options).includes('caption_studio='));
});

test('a zip file is read by others', async () => {
  const { execFileSync } = await import('node:child_process');
  const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
  const folder = mkdtempSync('/tmp/zip-');
  writeFileSync(`${folder}/a.zip`, zipped([['sea 🌊.txt', 'Sea, you soon 🌊\n'], ['b.json', '{}']]));
  const program = 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print({n: z.read(n).decode() for n in z.namelist()})';
  const read = execFileSync('python3', ['-c', program, `${folder}/a.zip`], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  assert.equal(read.trim(), `{'sea 🌊.txt': 'Sea, you soon 🌊\\n', 'b.json': '{}'}`);
});
