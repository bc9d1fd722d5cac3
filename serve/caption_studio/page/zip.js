// Files → one zip file, stored and not compressed. Pure.
// Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT

const UTF8_NAMES = 0x0800;
const encoder = new TextEncoder();

/** Return the bytes of a zip file with these `[name, text]` files. */
export function zipped(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, text] of files) {
    const [nameBytes, data] = [encoder.encode(name), encoder.encode(text)];
    // Both headers share these: version, flags, method, time, date, checksum, sizes, lengths.
    const common = [
      [2, 20], [2, UTF8_NAMES], [2, 0], [2, 0], [2, 0x21],
      [4, crc32(data)], [4, data.length], [4, data.length], [2, nameBytes.length], [2, 0],
    ];
    const local = bytes([[4, 0x04034b50], ...common]);
    directory.push(
      bytes([[4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]),
      nameBytes,
    );
    parts.push(local, nameBytes, data);
    offset += local.length + nameBytes.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const count = files.length;
  const end = bytes([
    [4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0],
  ]);
  return joined([...parts, ...directory, end]);
}

/** Return little-endian numbers, each given as `[bytes, value]`. */
function bytes(fields) {
  const out = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return out;
}

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  for (let bit = 0; bit < 8; bit += 1) number = number & 1 ? 0xedb88320 ^ (number >>> 1) : number >>> 1;
  return number;
});

function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) sum = TABLE[(sum ^ byte) & 0xff] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
