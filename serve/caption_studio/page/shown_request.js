// What is on the screen → the same request on the command line and in Python. Pure.

const inShell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const inPython = (text) => JSON.stringify(text);

/** Return a `curl` command that asks for this item's captions in one voice. */
export function asCurl(item, take, { baseURL, hasKey }) {
  const fields = [
    `--form-string ${inShell(`model=${take.voice}`)}`,
    ...(take.n > 1 ? [`-F n=${take.n}`] : []),
    ...(item.steering ? [`--form-string ${inShell(`prompt=${item.steering}`)}`] : []),
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
    ')',
    'for choice in answer.choices:',
    '    print(choice.message.content)',
  ].join('\n');
}
