// What is on the screen → the same request on the command line and in Python. Pure.

import { isSet } from './controls.js';

const inShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Return a JSON value as Python writes it. */
function inPython(value) {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(inPython).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, one]) => `${inPython(name)}: ${inPython(one)}`);
  return `{${fields.join(', ')}}`;
}

/** Return a `curl` command that asks for this item's captions in one voice. */
export function asCurl(item, take, { baseURL, hasKey }) {
  const fields = [
    `--form-string ${inShell(`model=${take.voice}`)}`,
    ...(take.n > 1 ? [`-F n=${take.n}`] : []),
    ...(item.steering ? [`--form-string ${inShell(`prompt=${item.steering}`)}`] : []),
    ...(isSet(item.controls)
      ? [`--form-string ${inShell(`caption_studio=${JSON.stringify(item.controls)}`)}`]
      : []),
    ...item.pictures.map((picture) => `-F ${inShell(`image=@"${inForm(picture.name)}"`)}`),
  ];
  return [
    `curl -s ${inShell(`${baseURL}/completions`)}`,
    ...(hasKey ? ['-H "Authorization: Bearer $CAPTION_STUDIO_API_KEY"'] : []),
    ...fields,
  ].join(' \\\n  ');
}

// curl takes @-, an end of a name at ; and much more for its own.
const inForm = (name) => `${name.startsWith('-') ? './' : ''}${name.replace(/[\\"]/g, '\\$&')}`;

/** Return a Python program that does the same with the `openai` package. */
export function asPython(item, take, { baseURL, hasKey }) {
  const names = item.pictures.map((picture) => inPython(picture.name)).join(', ');
  const apiKey = hasKey ? 'os.environ["CAPTION_STUDIO_API_KEY"]' : '"none"';
  const words = item.steering
    ? [`content.insert(0, {"type": "text", "text": ${inPython(item.steering)}})`]
    : [];
  return [
    'import base64',
    ...(hasKey ? ['import os'] : []),
    'from pathlib import Path',
    '',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${inPython(baseURL)}, api_key=${apiKey})`,
    'content = [',
    '    {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,"',
    '     + base64.b64encode(Path(name).read_bytes()).decode()}}',
    `    for name in [${names}]`,
    ']',
    ...words,
    'answer = client.chat.completions.create(',
    `    model=${inPython(take.voice)},`,
    ...(take.n > 1 ? [`    n=${take.n},`] : []),
    '    messages=[{"role": "user", "content": content}],',
    ...(isSet(item.controls)
      ? [`    extra_body={"caption_studio": ${inPython(item.controls)}},`]
      : []),
    ')',
    'for choice in answer.choices:',
    '    print(choice.message.content)',
  ].join('\n');
}
