// The album → a JSON text, a CSV table, or the files of a folder with a text for each picture. Pure.

import { nameOf } from './album.js';
import { marksIn, notKept } from './controls.js';

const MAX_NAME_BYTES = 200;
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)$/i; // on Windows

/** Return one record for each item, with the captions that are finished, or were edited. */
export function records(items) {
  return items.map((item) => {
    const written = item.takes.flatMap((take) =>
      take.captions
        .filter(({ text, edited }) => text && (take.state === 'done' || edited))
        .map(({ text, favourite, marks }) => ({
          voice: take.voice, caption: text, favourite, ...marksIn(marks),
        })),
    );
    return {
      pictures: item.pictures.map((picture) => picture.name),
      description: item.about.description ?? '',
      alt_text: item.about.alt_text ?? '',
      captions: written,
    };
  });
}

export const asJSON = (items) => `${JSON.stringify(records(items), null, 2)}\n`;

/**
 * Return a table by RFC 4180, with a line for each caption. It begins with the mark by which Excel
 * knows UTF-8, and no cell is taken for a formula.
 */
export function asCSV(items) {
  const rows = records(items).flatMap(({ pictures, description, alt_text, captions }) =>
    captions.map(({ voice, caption, favourite, faithful, flagged = [], ...marks }) => [
      pictures.join(', '), voice, caption, yesOrNo(favourite), alt_text, description,
      notKept(marks).join(', '), yesOrNo(faithful), flagged.join(', '),
    ]),
  );
  const head = [
    'picture', 'voice', 'caption', 'favourite', 'alt_text', 'description',
    'not_kept', 'faithful', 'flagged',
  ];
  return `\ufeff${[head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')}`;
}

/** Return `[name, text]` of each file: the caption to post, and all details in JSON. */
export function sidecars(items) {
  const taken = new Map();
  return items.flatMap((item) => {
    const record = records([item])[0];
    const posted = record.captions.find((caption) => caption.favourite) ?? record.captions[0];
    const name = unique(stem(nameOf(item)), taken);
    return [
      [`${name}.txt`, posted ? `${posted.caption}\n` : ''],
      [`${name}.json`, `${JSON.stringify(record, null, 2)}\n`],
    ];
  });
}

/** Nothing stands for what nobody looked at. */
const yesOrNo = (value) => ({ true: 'yes', false: 'no' })[value] ?? '';

function cell(field) {
  const safe = /^[=+\-@]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function stem(name) {
  const plain = name.replace(/\.[^.,]*$/, '').replace(/[/\\:*?"<>|\p{Cc}]/gu, '_');
  const bytes = new TextEncoder().encode(plain).subarray(0, MAX_NAME_BYTES);
  const cut = new TextDecoder().decode(bytes).replace(/\ufffd+$/, '').trim() || 'picture';
  return RESERVED.test(cut) ? `_${cut}` : cut;
}

/** Return the name, numbered if it is taken; many file systems do not tell letters' case apart. */
function unique(name, taken) {
  const known = name.normalize('NFC').toLowerCase();
  const number = (taken.get(known) ?? 0) + 1;
  taken.set(known, number);
  return number === 1 ? name : unique(`${name} (${number})`, taken);
}
