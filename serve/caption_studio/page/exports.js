// The album → a JSON text, a CSV table, or the files of a folder with a text for each picture. Pure.

import { nameOf } from './album.js';

/** Return one record for each item, with the captions that are written; the favourites if any. */
export function records(items) {
  return items.map((item) => {
    const written = item.takes.flatMap((take) =>
      take.captions
        .filter((caption) => caption.text)
        .map(({ text, favourite }) => ({ voice: take.voice, caption: text, favourite })),
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

/** Return a table by RFC 4180, with a line for each caption. */
export function asCSV(items) {
  const rows = records(items).flatMap(({ pictures, description, alt_text, captions }) =>
    captions.map(({ voice, caption, favourite }) => [
      pictures.join(', '), voice, caption, favourite ? 'yes' : 'no', alt_text, description,
    ]),
  );
  const head = ['picture', 'voice', 'caption', 'favourite', 'alt_text', 'description'];
  return [head, ...rows].map((row) => `${row.map(quoted).join(',')}\r\n`).join('');
}

/** Return `[name, text]` of each file: the caption to post, and all details in JSON. */
export function sidecars(items) {
  const taken = new Map();
  return items.flatMap((item, place) => {
    const record = records([item])[0];
    const posted = record.captions.find((caption) => caption.favourite) ?? record.captions[0];
    const name = unique(stem(nameOf(item)), taken);
    return [
      [`${name}.txt`, posted ? `${posted.caption}\n` : ''],
      [`${name}.json`, `${JSON.stringify(record, null, 2)}\n`],
    ];
  });
}

const quoted = (field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);

const stem = (name) => name.replace(/\.[^.,]*$/, '').replace(/[/\\:*?"<>|\p{Cc}]/gu, '_').slice(0, 100) || 'picture';

function unique(name, taken) {
  const number = (taken.get(name) ?? 0) + 1;
  taken.set(name, number);
  return number === 1 ? name : unique(`${name} (${number})`, taken);
}
